import { type ObjectDefinition, parseId, type ResourceDefinition } from '../model/index.ts';
import { fromSteps } from './execute.ts';
import type { FaultList } from './faults.ts';
import { type CompiledResource, type DerivedResource, fromConstant, fromPoint } from './resource.ts';
import type { MappingContext, Slot } from './slot.ts';
import type { ObjectMapping, ResourceSource } from './source.ts';
import { corrected, describe, isSensorValue, SENSOR_UNITS } from './unit.ts';

/** One object instance of a device. */
export interface CompiledInstance {
  readonly definition: ObjectDefinition;
  readonly instance: number;
  readonly resources: readonly CompiledResource[];
}

/** The sample time and quality of a measurement, in the objects that have them (field rules 3.4, 3.5.3). */
const DERIVED: readonly (readonly [id: number, from: DerivedResource['from']])[] = [
  [5518, 'time'],
  [6050, 'time-fraction'],
  [6042, 'quality'],
  [6049, 'quality-level'],
];

/** Mandatory resources that the gateway itself provides for every device. */
const PROVIDED: ReadonlySet<string> = new Set(['3/11', '3/16']);

/** Compiles one entry of `objects`. What is wrong with it goes to the faults and is left out. */
export function compileInstance(
  index: number,
  mapping: ObjectMapping,
  definition: ObjectDefinition,
  context: MappingContext,
): CompiledInstance {
  const { faults } = context;
  const instance = mapping.instance ?? 0;
  const resources: CompiledResource[] = [];
  for (const [key, source] of Object.entries(mapping.resources)) {
    const slot = slotFor(index, mapping, key, definition, faults);
    if (slot === undefined) continue;
    const compiled = compileResource(slot, source, context);
    if (compiled !== undefined) resources.push(compiled);
  }
  reportMissing(index, mapping, definition, context);
  const unit = sensorUnit(index, definition, resources, faults);
  resources.push(...sensorUnits(mapping, definition, unit), ...derived(mapping, definition, resources));
  return { definition, instance, resources };
}

function compileResource(
  slot: Slot,
  source: ResourceSource,
  context: MappingContext,
): CompiledResource | undefined {
  if ('from' in source) return fromPoint(slot, source, context);
  return 'execute' in source ? fromSteps(slot, source, context) : fromConstant(slot, source.value);
}

function constantText(source: ResourceSource | undefined): string | undefined {
  return source !== undefined && 'value' in source && typeof source.value === 'string'
    ? source.value
    : undefined;
}

/** What the mapping gives a resource, or its resource instances. */
function sourcesOf({ resources }: ObjectMapping, resource: number): ResourceSource[] {
  return Object.entries(resources).flatMap(([key, source]) =>
    key.split('/')[0] === `${resource}` ? source : [],
  );
}

function isMapped(mapping: ObjectMapping, resource: number): boolean {
  return sourcesOf(mapping, resource).length > 0;
}

const MOST_NEIGHBOURS = 5;

function nearestResources(definition: ObjectDefinition, id: number): string {
  return [...definition.resources.values()]
    .sort((a, b) => Math.abs(a.id - id) - Math.abs(b.id - id))
    .slice(0, MOST_NEIGHBOURS)
    .map(({ id: near, name }) => `${near} ${name}`)
    .join(', ');
}

/** The resource that a key names, and under which ids; or what is wrong with the key. */
function find(
  key: string,
  object: ObjectDefinition,
): { resource: ResourceDefinition; ids: number[] } | string {
  const [id, resourceInstance, ...rest] = key.split('/').map(parseId);
  if (id === undefined || rest.length > 0 || (key.includes('/') && resourceInstance === undefined))
    return `${JSON.stringify(key)} is no resource id, as 5700 or 5802/0 is`;
  const resource = object.resources.get(id);
  if (resource === undefined) {
    const known = nearestResources(object, id);
    return `object ${object.id} (${object.name}) ${object.version} has no resource ${id}; near it are ${known}`;
  }
  if (resource.multiple && resourceInstance === undefined)
    return `${describe(object, resource)} has resource instances: write ${id}/0`;
  if (!resource.multiple && resourceInstance !== undefined)
    return `${describe(object, resource)} has no resource instances: write ${id}`;
  return { resource, ids: resourceInstance === undefined ? [id] : [id, resourceInstance] };
}

function slotFor(
  index: number,
  mapping: ObjectMapping,
  key: string,
  object: ObjectDefinition,
  faults: FaultList,
): Slot | undefined {
  const steps = ['resources', key];
  const found = find(key, object);
  if (typeof found === 'string') {
    faults.atObject(index, steps, found);
    return undefined;
  }
  return {
    object,
    resource: corrected(object.id, found.resource),
    ids: [object.id, mapping.instance ?? 0, ...found.ids],
    sensorUnits: constantText(mapping.resources[SENSOR_UNITS]),
    fault: (message, at) => faults.atObject(index, at === undefined ? steps : [...steps, at], message),
  };
}

/** What an object must have is either mapped or provided: an instance without it would be no such object. */
function reportMissing(
  index: number,
  mapping: ObjectMapping,
  definition: ObjectDefinition,
  { disabled, faults }: MappingContext,
): void {
  for (const resource of definition.resources.values()) {
    const { id, mandatory, operations } = resource;
    if (!mandatory || (operations !== 'R' && operations !== 'RW')) continue;
    if (PROVIDED.has(`${definition.id}/${id}`)) continue;
    const sources = sourcesOf(mapping, id);
    const unused = sources.flatMap((source) =>
      'from' in source && disabled.has(source.from) ? source.from : [],
    );
    if (sources.length > unused.length) continue;
    const message = `${describe(definition, resource)} is mandatory`;
    for (const point of unused) faults.atPoint(point, ['enabled'], `${message} and needs this point`);
    if (unused.length === 0) faults.atObject(index, ['resources'], `${message} and has no source`);
  }
}

/** The unit that Sensor Units have to tell: the one that all values they speak of are in. */
function sensorUnit(
  index: number,
  definition: ObjectDefinition,
  resources: readonly CompiledResource[],
  faults: FaultList,
): string | undefined {
  let unit: string | undefined;
  for (const resource of resources) {
    if (resource.kind !== 'point' || resource.unit === undefined) continue;
    if (!isSensorValue(definition, resource.definition)) continue;
    unit ??= resource.unit;
    if (resource.unit === unit) continue;
    const message = `${describe(definition, resource.definition)} is in ${resource.unit}, and others that ${SENSOR_UNITS} speaks of in ${unit}: state one unit`;
    faults.atObject(index, ['resources', resource.ids.slice(2).join('/'), 'unit'], message);
  }
  return unit;
}

/** A value whose unit nobody tells could be anything, so that Sensor Units are filled when the mapping leaves them. */
function sensorUnits(
  mapping: ObjectMapping,
  definition: ObjectDefinition,
  unit: string | undefined,
): CompiledResource[] {
  const resource = definition.resources.get(SENSOR_UNITS);
  if (unit === undefined || resource === undefined || isMapped(mapping, SENSOR_UNITS)) return [];
  const ids = [definition.id, mapping.instance ?? 0, SENSOR_UNITS];
  return [{ kind: 'constant', ids, definition: resource, value: unit }];
}

function derived(
  mapping: ObjectMapping,
  definition: ObjectDefinition,
  resources: readonly CompiledResource[],
): DerivedResource[] {
  if (!resources.some((resource) => resource.kind === 'point' && resource.read !== undefined)) return [];
  return DERIVED.flatMap(([id, from]) => {
    const resource = definition.resources.get(id);
    // The fraction belongs to the time beside it.
    const isTaken = isMapped(mapping, id) || (from === 'time-fraction' && isMapped(mapping, 5518));
    if (resource === undefined || isTaken) return [];
    return [{ kind: 'derived', ids: [definition.id, mapping.instance ?? 0, id], definition: resource, from }];
  });
}
