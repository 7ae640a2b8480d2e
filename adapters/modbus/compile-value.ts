import type { Table } from './address.ts';
import {
  cp56time2a,
  type DateCodec,
  type DateForm,
  type DatePart,
  dateRegisters,
  packedDate,
} from './datetime.ts';
import {
  coilCodec,
  createValueCodec,
  isBlockType,
  isDateType,
  maskOf,
  type NanRule,
  type Order,
  registersOf,
  type ValueCodec,
  type ValueType,
} from './value.ts';
import { zoneOf } from './zone.ts';

/** The keys of a point that say what its registers mean, as their schema lets them pass. */
export interface ValueKeys {
  readonly table: Table;
  readonly type?: ValueType;
  readonly length?: number;
  readonly order?: Order;
  readonly bit?: number;
  readonly nan?: 'std' | readonly (number | string)[];
  readonly date?: DateForm;
  readonly zone?: string;
}

/** What a profile says of all its points. */
export interface ValuePresets {
  readonly order?: Order;
  readonly zone?: string;
}

/** How a value stands in its registers, or in its bit. */
export interface CompiledValue {
  readonly codec: ValueCodec;
  readonly span: number;
  readonly mask?: number | undefined;
}

/** Reports what is wrong with one point, by its keys. */
export type PointFault = (key: string, message: string) => void;

export function bitValue(keys: ValueKeys, fault: PointFault): CompiledValue {
  if ((keys.type ?? 'bool') !== 'bool') fault('type', `table ${keys.table} holds bits, which are bool`);
  for (const key of ['length', 'bit', 'nan', 'date', 'zone'] as const) {
    if (keys[key] !== undefined) fault(key, `has no meaning in table ${keys.table}`);
  }
  return { codec: coilCodec, span: 1 };
}

/** @returns undefined when something is wrong that leaves no value, which has been reported */
export function registerValue(
  keys: ValueKeys,
  presets: ValuePresets,
  fault: PointFault,
): CompiledValue | undefined {
  const type = keys.type ?? (keys.bit === undefined ? undefined : 'bool');
  if (type === undefined) {
    fault('type', 'a register says nothing without a type');
    return undefined;
  }
  if (isBlockType(type) !== (keys.length !== undefined)) {
    fault(
      'length',
      isBlockType(type) ? `${type} needs a length in registers` : `${type} has a length of its own`,
    );
    return undefined;
  }
  if (keys.bit !== undefined && type !== 'bool') fault('bit', 'only a bool can be one bit of a register');
  const nan = compileNan(keys, type, fault);
  const date = compileDate(keys, type, presets.zone, fault);
  const length = keys.length ?? (keys.date === undefined ? 1 : dateRegisters(keys.date));
  const format = { type, order: keys.order ?? presets.order ?? 'ABCD', length, bit: keys.bit, nan, date };
  return { codec: createValueCodec(format), span: registersOf(type, length), mask: maskOf(format) };
}

/** How a date is written down, for the types that are dates; their zone has to be told, since no register does. */
function compileDate(
  { date, zone: ownZone }: ValueKeys,
  type: ValueType,
  preset: string | undefined,
  fault: PointFault,
): DateCodec | undefined {
  if (type !== 'datetime' && date !== undefined)
    fault('date', `only a datetime is made of parts, not ${type}`);
  if (!isDateType(type)) {
    if (ownZone !== undefined) fault('zone', `${type} has no zone`);
    return undefined;
  }
  const name = ownZone ?? preset;
  const zone = name === undefined ? undefined : zoneOf(name);
  if (name === undefined)
    fault('zone', "the time of a clock means nothing without its zone: 'UTC', '+01:00' or 'Europe/Berlin'");
  else if (zone === undefined) fault('zone', `nobody knows the zone ${JSON.stringify(name)}`);
  if (type === 'datetime' && date === undefined) fault('date', 'a datetime needs its parts and their form');
  const missing = DAY_PARTS.filter((part) => date !== undefined && !date.parts.includes(part));
  if (missing.length > 0) fault('date', `a date needs its ${missing.join(', ')}`);
  const twice = date?.parts.find((part, index, all) => part !== 'skip' && all.indexOf(part) !== index);
  if (twice !== undefined) fault('date', `${twice} stands there twice`);
  if (zone === undefined) return undefined;
  return date === undefined ? cp56time2a(zone) : packedDate(date, zone);
}

const DAY_PARTS: readonly DatePart[] = ['year', 'month', 'day'];

function compileNan({ nan }: ValueKeys, type: ValueType, fault: PointFault): NanRule | undefined {
  if (nan === undefined) return undefined;
  const isPart = maskOf({ type, order: 'ABCD', length: 1 }) !== undefined;
  if (type === 'bytes' || isDateType(type) || isPart || (type === 'string' && nan !== 'std')) {
    fault('nan', `${type} has no such patterns`);
    return undefined;
  }
  if (nan === 'std') return 'std';
  if (nan.some((bits) => typeof bits === 'number' && !Number.isSafeInteger(bits))) {
    fault('nan', 'a pattern beyond 2^53 has to be a text, "0x7FFFFFFFFFFFFFFF", or it is rounded');
    return undefined;
  }
  const most = 2n ** BigInt(16 * registersOf(type, 1)) - 1n;
  if (nan.some((bits) => BigInt(bits) > most)) fault('nan', `a pattern is longer than ${type}`);
  return nan.map((bits) => BigInt(bits));
}
