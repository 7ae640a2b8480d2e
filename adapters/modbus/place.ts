import type { DevicePlan, PlanFault, PointId } from 'lwm2m-gateway/adapter';
import { type Addressing, TABLES, type Table, toPduAddress } from './address.ts';
import { type DateForm, dateRegisters } from './datetime.ts';
import {
  chainImage,
  chainOf,
  headerOf,
  type Model,
  type ModelChoice,
  modelOf,
  SUNSPEC_BASES,
} from './sunspec.ts';
import { createValueCodec, type Order, registersOf, type ValueType } from './value.ts';

/** The keys of a profile that say where its points are, as their schema lets them pass. */
interface PlaceKeys {
  readonly addressing: Addressing;
  readonly order?: Order;
  readonly marker?: { readonly table: Table; readonly addr: number; readonly is: number };
  readonly sunspec?: { readonly model: number; readonly bases?: readonly number[] };
  readonly signature?: unknown;
}

interface SpotKeys {
  readonly table: Table;
  readonly addr: number;
  readonly marker?: { readonly addr: number; readonly is: number };
  readonly model?: number;
  readonly type?: ValueType;
  readonly length?: number;
  readonly date?: DateForm;
}

/** Registers that have to say something, or nothing beside them is believed. */
interface Landmark {
  readonly address: number;
  readonly is: Buffer;
}

export interface Spotted {
  readonly address: number;
  readonly landmarks: readonly Landmark[];
}

export type Place =
  | Spotted
  | { readonly fault: string; readonly key: string }
  /** The device does not have it. */
  | undefined;

/** Where the points of a device are on the wire. */
export interface Places {
  of(keys: SpotKeys): Place;
  /** What a device like that holds beside its points and their markers, for one that is simulated. */
  readonly image: readonly { readonly table: Table; readonly address: number; readonly data: Buffer }[];
}

/** What has to be known of a device that says by itself where its models are; undefined for others. */
export interface SunSpecRules extends ModelChoice {
  readonly bases: readonly number[];
}

export function sunSpecRules(plan: Pick<DevicePlan, 'protocol' | 'settings'>): SunSpecRules | undefined {
  const { sunspec } = plan.protocol as unknown as PlaceKeys;
  if (sunspec === undefined) return undefined;
  return { main: sunspec.model, nth: Number(plan.settings.nth ?? 1), bases: sunspec.bases ?? SUNSPEC_BASES };
}

/**
 * @param models of the device, as it has told them; absent: as a device could have them
 */
export function placesOf(plan: DevicePlan, models: readonly Model[] | undefined): Places {
  const keys = plan.protocol as unknown as PlaceKeys;
  const rules = sunSpecRules(plan);
  return rules === undefined
    ? fixedPlaces(keys, Number(plan.settings.base ?? 0))
    : modelPlaces(rules, models ?? likelyModels(plan, rules));
}

function fixedPlaces({ addressing, order = 'ABCD', marker }: PlaceKeys, base: number): Places {
  const wire = (table: Table, addr: number): number | undefined => {
    const address = toPduAddress(addressing, table, addr);
    return address === undefined ? undefined : base + address;
  };
  const landmark = (table: Table, { addr, is }: { addr: number; is: number }): Landmark | undefined => {
    const address = wire(table, addr);
    return address === undefined ? undefined : { address, is: registerOf(is, order) };
  };
  const ofAll = marker && landmark(marker.table, marker);
  return {
    of({ table, addr, marker: own }) {
      const address = wire(table, addr);
      if (address === undefined)
        return { key: 'addr', fault: `${addr} is no ${addressing} address of table ${table}` };
      if (own !== undefined && TABLES[table].bits)
        return { key: 'marker', fault: `has no meaning in table ${table}` };
      const ofPoint = own && landmark(table, own);
      if (own !== undefined && ofPoint === undefined)
        return { key: 'marker', fault: `${own.addr} is no ${addressing} address of table ${table}` };
      const landmarks = [marker?.table === table ? ofAll : undefined, ofPoint];
      return { address, landmarks: landmarks.filter((one) => one !== undefined) };
    },
    image: [],
  };
}

function registerOf(word: number, order: Order): Buffer {
  const encoded = createValueCodec({ type: 'uint16', order, length: 1 }).encode(word);
  return 'data' in encoded ? encoded.data : Buffer.alloc(0);
}

function modelPlaces(rules: SunSpecRules, models: readonly Model[]): Places {
  return {
    of({ table, addr, marker, model: id = rules.main }) {
      if (table !== 'holding') return { key: 'table', fault: 'SunSpec models are holding registers' };
      const model = modelOf(models, rules, id);
      if (model === undefined) return undefined;
      const { address } = model;
      const header = { address, is: headerOf(model) };
      const own = marker && { address: address + marker.addr, is: registerOf(marker.is, 'ABCD') };
      return { address: address + addr, landmarks: own === undefined ? [header] : [header, own] };
    },
    image: chainImage(models).map(([address, data]) => ({ table: 'holding', address, data })),
  };
}

/** The models that the points are of, as long as they have to be. */
function likelyModels({ points }: DevicePlan, { main, bases }: SunSpecRules): readonly Model[] {
  const ends = new Map<number, number>([[main, 1]]);
  for (const { address } of points.values()) {
    const { model = main, addr, type, date, length = 1 } = address as unknown as SpotKeys;
    const registers = date === undefined ? length : dateRegisters(date);
    const end = addr + (type === undefined ? 1 : registersOf(type, registers)) - 2;
    ends.set(model, Math.max(ends.get(model) ?? 1, end));
  }
  return chainOf(ends, bases);
}

/** Where a point of a SunSpec device is, whose addresses only the device knows; undefined for others. */
export function modelText({ protocol, points }: DevicePlan, point: PointId): string | undefined {
  const { sunspec } = protocol as unknown as PlaceKeys;
  const keys = points.get(point)?.address as SpotKeys | undefined;
  if (sunspec === undefined || keys === undefined) return undefined;
  return `SunSpec model ${keys.model ?? sunspec.model} + ${keys.addr}`;
}

/** What is wrong with the way in which a plan says where its points are. */
export function placeFaults(plan: DevicePlan): PlanFault[] {
  const { addressing, marker, sunspec, signature } = plan.protocol as unknown as PlaceKeys;
  const faults: PlanFault[] = [];
  if (sunspec === undefined) {
    if (marker !== undefined && toPduAddress(addressing, marker.table, marker.addr) === undefined) {
      const message = `${marker.addr} is no ${addressing} address of table ${marker.table}`;
      faults.push({ path: ['protocol', 'marker', 'addr'], message });
    }
    for (const [id, { address }] of plan.points)
      if (address.model !== undefined)
        faults.push(pointFault(id, "only a profile with 'sunspec' has models"));
    if (Number(plan.settings.nth ?? 1) !== 1)
      faults.push({ path: ['settings', 'nth'], message: 'only SunSpec models can be there several times' });
    return faults;
  }
  if (addressing !== 'pdu0')
    faults.push({ path: ['protocol', 'addressing'], message: 'SunSpec points count from 0, as pdu0 does' });
  if (marker !== undefined)
    faults.push({ path: ['protocol', 'marker'], message: 'the header of each SunSpec model is its marker' });
  if (signature !== undefined)
    faults.push({ path: ['protocol', 'signature'], message: 'a SunSpec device is known by its models' });
  if (Number(plan.settings.base ?? 0) !== 0)
    faults.push({
      path: ['settings', 'base'],
      message: 'a SunSpec device says by itself where its models are',
    });
  return faults;
}

function pointFault(id: PointId, message: string): PlanFault {
  return { path: ['points', id, 'model'], message };
}
