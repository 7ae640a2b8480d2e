import type { PointId } from '../adapter/index.ts';
import { isGatewayError } from '../base/index.ts';
import {
  applyLinear,
  IDENTITY,
  type Ids,
  type Linear,
  parseObjectLink,
  type ResourceDefinition,
  rangeFault,
  rationalOf,
  toDouble,
  toType,
  type Value,
} from '../model/index.ts';
import type { ExecutableResource } from './execute.ts';
import { type FaultList, listed } from './faults.ts';
import type { PointModel } from './point.ts';
import { isNumeric, isReadable, isWritable } from './point-rules.ts';
import { compileReader, misfit, type Reader } from './reading.ts';
import type { MappingContext, Slot } from './slot.ts';
import type { Plain, ResourceSource } from './source.ts';
import { describe, settleUnit } from './unit.ts';
import { compileWrite, type Writer } from './write.ts';

/** A resource, or one resource instance, that a point feeds. */
export interface PointResource {
  readonly kind: 'point';
  readonly ids: Ids;
  readonly definition: ResourceDefinition;
  readonly point: PointId;
  /** The unit of its numbers, as far as there is one. */
  readonly unit: string | undefined;
  /** Absent where servers only write. */
  readonly read?: Reader;
  /** Absent where servers cannot write, by the registry or by the profile. */
  readonly write?: Writer;
}

export interface ConstantResource {
  readonly kind: 'constant';
  readonly ids: Ids;
  readonly definition: ResourceDefinition;
  readonly value: Value;
}

/** Filled from the times and qualities of the points of its instance. */
export interface DerivedResource {
  readonly kind: 'derived';
  readonly ids: Ids;
  readonly definition: ResourceDefinition;
  readonly from: 'time' | 'time-fraction' | 'quality' | 'quality-level';
}

export type CompiledResource = PointResource | ConstantResource | DerivedResource | ExecutableResource;

function canRead({ operations }: ResourceDefinition): boolean {
  return operations === 'R' || operations === 'RW';
}

function canWrite({ operations }: ResourceDefinition): boolean {
  return operations === 'W' || operations === 'RW';
}

/** Why the point cannot serve the operations of the resource. */
function accessFault({ object, resource }: Slot, { id, source }: PointModel): string | undefined {
  const name = describe(object, resource);
  if (resource.operations === 'E') return `${name} is executed: it has no value to take from a point`;
  if (resource.operations === '') return `${name} is for bootstrap only`;
  if (canRead(resource) && !isReadable(source)) return `${name} is read, and point ${id} has access: w`;
  if (!canRead(resource) && !isWritable(source)) return `${name} is written, and point ${id} has access: r`;
  return undefined;
}

/** A resource of a point that the device does not use is left out; what that leaves missing is reported later. */
function findPoint(slot: Slot, id: PointId, { points, disabled }: MappingContext): PointModel | undefined {
  const point = points.get(id);
  if (point === undefined && !disabled.has(id))
    slot.fault(`there is no point ${JSON.stringify(id)}; there are ${listed([...points.keys()])}`, 'from');
  return point;
}

type FromPoint = Extract<ResourceSource, { from: PointId }>;

/** Why the point and the resource do not go together, and which key says so. */
function mismatch(
  slot: Slot,
  source: FromPoint,
  point: PointModel,
): readonly ['from' | 'format', string] | undefined {
  const access = accessFault(slot, point);
  if (access !== undefined) return ['from', access];
  const type = misfit(point, slot.resource.type, source.format);
  if (type === undefined) return undefined;
  return [
    source.format === undefined ? 'from' : 'format',
    `${describe(slot.object, slot.resource)}: ${type}`,
  ];
}

/** The unit that the resource gets its numbers in. States and texts have none. */
function settle(
  slot: Slot,
  source: FromPoint,
  point: PointModel,
  faults: FaultList,
): { readonly unit: string | undefined; readonly conversion: Linear } | undefined {
  const { object, resource, sensorUnits } = slot;
  if (!isNumeric(point.source) || source.format !== undefined) {
    if (source.unit !== undefined)
      slot.fault('a unit needs a point with a unit, and a resource that is no text', 'unit');
    return { unit: undefined, conversion: IDENTITY };
  }
  const answer = settleUnit({ object, resource, point, stated: source.unit, sensorUnits });
  if (!('wrong' in answer)) return answer;
  if (answer.wrong === 'point') faults.atPoint(point.id, ['unit'], answer.message);
  else slot.fault(answer.message, source.unit === undefined ? 'from' : 'unit');
  return undefined;
}

/** What the profile lets through has to lie within the range of the registry. */
function checkRanges(
  { object, resource }: Slot,
  point: PointModel,
  conversion: Linear,
  faults: FaultList,
): void {
  const { valid, write } = point.source;
  const check = (steps: Parameters<FaultList['atPoint']>[1], limit: unknown): void => {
    if (typeof limit !== 'number' || !Number.isFinite(limit)) return;
    const converted = toDouble(applyLinear(conversion, rationalOf(limit)));
    const fault = rangeFault(resource, converted);
    if (fault !== undefined)
      faults.atPoint(point.id, steps, `${fault}, the range of ${describe(object, resource)}`);
  };
  if (canRead(resource)) for (const limit of valid ?? []) check(['valid'], limit);
  if (!canWrite(resource)) return;
  check(['write', 'min'], write?.min);
  check(['write', 'max'], write?.max);
  for (const one of write?.allowed ?? []) check(['write', 'allowed'], one);
}

/** What raw values stand for has to be of the type and in the range of the resource. */
function checkMeanings({ object, resource }: Slot, point: PointModel, read: Reader, faults: FaultList): void {
  for (const [key, meaning] of Object.entries(point.source.map ?? {})) {
    const value = read(meaning);
    const isRounded = typeof value === 'number' && typeof meaning === 'number' && !Number.isInteger(meaning);
    const fault =
      value === undefined || (isRounded && resource.type !== 'float')
        ? `${JSON.stringify(meaning)} is not of type ${resource.type}`
        : rangeFault(resource, value);
    if (fault !== undefined)
      faults.atPoint(point.id, ['map', key], `${fault}, as ${describe(object, resource)} needs`);
  }
}

/** A resource that a point feeds; undefined when something is wrong with it, which has been reported. */
export function fromPoint(slot: Slot, source: FromPoint, context: MappingContext): PointResource | undefined {
  const { resource, ids } = slot;
  const { faults } = context;
  const point = findPoint(slot, source.from, context);
  if (point === undefined) return undefined;
  const wrong = mismatch(slot, source, point);
  if (wrong !== undefined) {
    slot.fault(wrong[1], wrong[0]);
    return undefined;
  }
  const settled = settle(slot, source, point, faults);
  if (settled === undefined) return undefined;
  const { unit, conversion } = settled;
  const read = compileReader(point, resource.type, conversion, source.format);
  if (source.format === undefined) {
    checkRanges(slot, point, conversion, faults);
    checkMeanings(slot, point, read, faults);
  }
  const isWritten = canWrite(resource) && isWritable(point.source) && source.format === undefined;
  return {
    kind: 'point',
    ids,
    definition: resource,
    point: point.id,
    unit,
    ...(canRead(resource) ? { read } : {}),
    ...(isWritten ? { write: compileWrite(point, conversion) } : {}),
  };
}

/** The value that a constant is in the type of the resource. @throws GatewayError `model.type-mismatch` */
function typed({ type }: ResourceDefinition, value: Plain): Value {
  if (type === 'objlnk' && typeof value === 'string') return parseObjectLink(value);
  return toType(type, value);
}

/** A resource whose value the mapping gives; undefined when something is wrong with it, which has been reported. */
export function fromConstant(slot: Slot, constant: Plain): ConstantResource | undefined {
  const { object, resource, ids } = slot;
  if (!canRead(resource)) {
    slot.fault(`${describe(object, resource)} is not read, so a constant would never be seen`, 'value');
    return undefined;
  }
  try {
    const value = typed(resource, constant);
    const fault = rangeFault(resource, value);
    if (fault === undefined) return { kind: 'constant', ids, definition: resource, value };
    slot.fault(`${fault}, the range of ${describe(object, resource)}`, 'value');
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    slot.fault(`${describe(object, resource)}: ${error.message}`, 'value');
  }
  return undefined;
}
