import {
  type DevicePlan,
  durationMs,
  type PlanFault,
  type PointId,
  type PointPlan,
} from 'lwm2m-gateway/adapter';
import { ADDRESSES, type Addressing, TABLES, type Table, tablesOf, toPduAddress } from './address.ts';
import {
  bitValue,
  type PointFault,
  registerValue,
  type ValueKeys,
  type ValuePresets,
} from './compile-value.ts';
import type { CompiledDevice, Field, Verification, WriteFunction, WriteRule } from './field.ts';
import type { Marker } from './marker.ts';
import { MOST_BITS, MOST_REGISTERS, MOST_WRITTEN_REGISTERS } from './pdu.ts';
import { type Places, placeFaults, placesOf, type Spotted } from './place.ts';
import { atomsOf, type Batching, limitOf, type PlanRules, type Range, type Spot } from './planner.ts';
import { joinScales } from './scale.ts';
import { compileSignature, type SignatureKeys, signImage } from './signature.ts';
import type { Model } from './sunspec.ts';

/** The profile section `modbus`, as its schema lets it pass. */
interface ProfileKeys extends ValuePresets {
  readonly addressing: Addressing;
  readonly limits?: { readonly maxRegisters?: number; readonly maxBits?: number };
  readonly batching?: Batching;
  readonly unreadable?: readonly Range[];
  readonly signature?: readonly SignatureKeys[];
}

/** A point, as its schema lets it pass. */
interface PointKeys extends ValueKeys {
  readonly addr: number;
  readonly model?: number;
  readonly scaleFrom?: PointId;
}

/** The section `write` of a point, as its schema lets it pass. */
interface WriteKeys {
  readonly fc?: WriteFunction;
  readonly verify?: Verification;
  readonly settle?: string;
  readonly tolerance?: number;
  readonly onlyChanges?: boolean;
}

/** The most that one request may write and read (section 6.17). */
const MOST_WRITTEN_AND_READ = 121;

type Fault = (path: PlanFault['path'], message: string) => void;

/**
 * @param models that a SunSpec device has; points of others are left out. Absent: as the plan would have them
 */
export function compileDevice(plan: DevicePlan, models?: readonly Model[]): CompiledDevice {
  const faults: PlanFault[] = placeFaults(plan);
  const fault: Fault = (path, message) => faults.push({ path, message });
  const profile = plan.protocol as unknown as ProfileKeys;
  const rules = compileRules(profile, Number(plan.settings.base ?? 0), fault);
  const places = placesOf(plan, models);
  const compiled = new Map<PointId, Field>();
  const scaleFrom = new Map<PointId, PointId>();
  for (const point of plan.points.values()) {
    const { scaleFrom: factor } = point.address as unknown as PointKeys;
    if (factor !== undefined) scaleFrom.set(point.id, factor);
    const before = faults.length;
    const field = compilePoint(point, profile, rules, places, fault);
    if (field !== undefined && faults.length === before) compiled.set(point.id, field);
  }
  const fields = scaleFrom.size === 0 ? compiled : joinScales(compiled, scaleFrom, fault);
  checkGroups(fields, rules, fault);
  const signature = compileSignature(profile.signature ?? [], profile, places, fault);
  const image = [
    ...places.image,
    ...[...fields.values()].flatMap(markersOf),
    ...signature.flatMap(signImage),
  ];
  return { unit: Number(plan.settings.unit), rules, fields, signature, image, faults };
}

function compileRules(profile: ProfileKeys, base: number, fault: Fault): PlanRules {
  return {
    maxRegisters: profile.limits?.maxRegisters ?? MOST_REGISTERS,
    maxBits: profile.limits?.maxBits ?? MOST_BITS,
    batching: profile.batching ?? 'auto',
    unreadable: compileUnreadable(profile, base, fault),
  };
}

function compileUnreadable(
  profile: ProfileKeys,
  base: number,
  fault: Fault,
): Readonly<Record<Table, readonly Range[]>> {
  const unreadable: Record<Table, Range[]> = { coil: [], discrete: [], holding: [], input: [] };
  for (const [index, [from, to]] of (profile.unreadable ?? []).entries()) {
    const tables = tablesOf(profile.addressing, from);
    for (const table of tables) {
      const first = toPduAddress(profile.addressing, table, from);
      const last = toPduAddress(profile.addressing, table, to);
      if (first !== undefined && last !== undefined && first <= last && base + last < ADDRESSES)
        unreadable[table].push([base + first, base + last]);
      else fault(['protocol', 'unreadable', index], `${from} to ${to} is no range of addresses`);
    }
    if (tables.length === 0)
      fault(['protocol', 'unreadable', index], `${from} is no ${profile.addressing} address`);
  }
  return unreadable;
}

function compilePoint(
  point: PointPlan,
  profile: ProfileKeys,
  rules: PlanRules,
  places: Places,
  fault: Fault,
): Field | undefined {
  const keys = point.address as unknown as PointKeys;
  const at = (key: string, message: string): void => fault(['points', point.id, key], message);
  const place = places.of(keys);
  if (place === undefined) return undefined;
  if ('fault' in place) {
    at(place.key, place.fault);
    return undefined;
  }
  const value = TABLES[keys.table].bits ? bitValue(keys, at) : registerValue(keys, profile, at);
  if (value === undefined) return undefined;
  if (point.access !== 'r' && place.landmarks.length > 0)
    fault(['points', point.id, 'access'], 'a value beside a marker can only be read');
  const around = withLandmarks(place, value.span);
  const spot = { table: keys.table, ...around.spot, group: point.group };
  checkSpan(spot, rules, at);
  if (around.markers.length > 0 && goesAcross(rules.unreadable[spot.table], spot))
    at('marker', 'its request goes across unreadable addresses');
  const write = point.access === 'r' ? undefined : compileWrite(point, spot, value.mask, fault);
  return {
    ...spot,
    id: point.id,
    codec: value.codec,
    offset: place.address - spot.address,
    isReadable: point.access !== 'w',
    ...(around.markers.length === 0 ? {} : { markers: around.markers }),
    ...(value.mask === undefined ? {} : { mask: value.mask }),
    ...(write === undefined ? {} : { write }),
  };
}

/** All that has to be read for a value: with what has to stand beside it, in the same answer. */
function withLandmarks({ address, landmarks }: Spotted, span: number) {
  const from = Math.min(address, ...landmarks.map((landmark) => landmark.address));
  const ends = landmarks.map((landmark) => landmark.address + landmark.is.length / 2);
  const markers = landmarks.map(
    (landmark): Marker => ({ at: 2 * (landmark.address - from), is: landmark.is }),
  );
  return { spot: { address: from, span: Math.max(address + span, ...ends) - from }, markers };
}

/** What a device holds so that the value of this field is believed. */
function markersOf({ table, address, markers = [] }: Field): Places['image'] {
  return markers.map(({ at, is }) => ({ table, address: address + at / 2, data: is }));
}

function goesAcross(
  unreadable: readonly Range[],
  { address, span }: Pick<Spot, 'address' | 'span'>,
): boolean {
  return unreadable.some(([from, to]) => from < address + span && to >= address);
}

function checkSpan(spot: Spot, rules: PlanRules, fault: PointFault): void {
  const limit = limitOf(spot.table, rules);
  if (spot.span > limit) {
    fault('addr', `takes ${spot.span} of table ${spot.table}, where one request may read ${limit}`);
  }
  if (spot.address + spot.span > ADDRESSES) fault('addr', 'goes beyond the last address');
}

function compileWrite(
  point: PointPlan,
  spot: Spot,
  mask: number | undefined,
  fault: Fault,
): WriteRule | undefined {
  const keys = (point.write ?? {}) as WriteKeys;
  const at = (key: string, message: string): void => fault(['points', point.id, 'write', key], message);
  if (!TABLES[spot.table].writable) {
    fault(['points', point.id, 'table'], `table ${spot.table} can only be read`);
    return undefined;
  }
  const allowed = mask === undefined ? writeFunctions(spot) : MASKED_FUNCTIONS;
  const code = keys.fc ?? allowed[0];
  if (code === undefined || !allowed.includes(code)) {
    at('fc', `function ${keys.fc ?? 16} cannot write ${spot.span} of table ${spot.table}`);
    return undefined;
  }
  const verify = keys.verify ?? 'ack';
  if (verify === 'readback' && point.access === 'w') at('verify', 'what cannot be read cannot be read back');
  const { onlyChanges = false } = keys;
  if (onlyChanges && point.access === 'w') at('onlyChanges', 'what cannot be read cannot be compared');
  return {
    function: code,
    verify,
    onlyChanges,
    settleMs: keys.settle === undefined ? 0 : durationMs(keys.settle),
    tolerance: keys.tolerance ?? 0,
  };
}

/** A mask leaves the other bits alone; a device that has none is read, and written with the bit changed. */
const MASKED_FUNCTIONS: readonly WriteFunction[] = [22, 6, 16];

/** The functions that write all of a spot in one request, the usual one first. */
function writeFunctions(spot: Spot): readonly WriteFunction[] {
  if (spot.table === 'coil') return [5, 15];
  if (spot.span > MOST_WRITTEN_REGISTERS) return [];
  const more: WriteFunction[] = spot.span <= MOST_WRITTEN_AND_READ ? [16, 23] : [16];
  return spot.span === 1 ? [6, ...more] : more;
}

/** A group must fit into one request, and be allowed in one. */
function checkGroups(fields: ReadonlyMap<PointId, Field>, rules: PlanRules, fault: Fault): void {
  const grouped = [...fields.values()].filter((field) => field.group !== undefined);
  for (const { spots, address, end, table } of atomsOf(grouped)) {
    const first = spots[0] as Field;
    const at = (message: string): void =>
      fault(['points', first.id, 'group'], `group ${first.group} ${message}`);
    if (spots.some((spot) => spot.table !== table)) at('is spread over several tables');
    else if (end - address > limitOf(table, rules)) {
      at(`spans ${end - address}, where one request may read ${limitOf(table, rules)}`);
    } else if (goesAcross(rules.unreadable[table], { address, span: end - address })) {
      at('goes across unreadable addresses');
    }
  }
}
