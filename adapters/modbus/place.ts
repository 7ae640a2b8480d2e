import type { DevicePlan, PlanFault, PointId } from 'lwm2m-gateway/adapter';
import { type Addressing, type Table, toPduAddress } from './address.ts';
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
}

interface SpotKeys {
  readonly table: Table;
  readonly addr: number;
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

export type Place =
  | { readonly address: number; readonly landmark?: Landmark }
  | { readonly fault: string; readonly key: string }
  /** The device does not have it. */
  | undefined;

/** Where the points of a device are on the wire. */
export interface Places {
  of(keys: SpotKeys): Place;
  /** What stands around the points of a device like that, for one that is simulated. */
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
  const landmarkAt = marker && toPduAddress(addressing, marker.table, marker.addr);
  const encoded = createValueCodec({ type: 'uint16', order, length: 1 }).encode(marker?.is ?? 0);
  const landmark =
    marker === undefined || landmarkAt === undefined || 'fault' in encoded
      ? undefined
      : { table: marker.table, address: base + landmarkAt, data: encoded.data };
  return {
    of({ table, addr }) {
      const address = toPduAddress(addressing, table, addr);
      if (address === undefined)
        return { key: 'addr', fault: `${addr} is no ${addressing} address of table ${table}` };
      return landmark?.table === table
        ? { address: base + address, landmark: { address: landmark.address, is: landmark.data } }
        : { address: base + address };
    },
    image: landmark === undefined ? [] : [landmark],
  };
}

function modelPlaces(rules: SunSpecRules, models: readonly Model[]): Places {
  return {
    of({ table, addr, model: id = rules.main }) {
      if (table !== 'holding') return { key: 'table', fault: 'SunSpec models are holding registers' };
      const model = modelOf(models, rules, id);
      if (model === undefined) return undefined;
      return { address: model.address + addr, landmark: { address: model.address, is: headerOf(model) } };
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

/** What is wrong with the way in which a plan says where its points are. */
export function placeFaults(plan: DevicePlan): PlanFault[] {
  const { addressing, marker, sunspec } = plan.protocol as unknown as PlaceKeys;
  const faults: PlanFault[] = [];
  if (sunspec === undefined) {
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
