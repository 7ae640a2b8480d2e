import { type DataType, isObjectLink, MAX_ID, type ObjectLink, type Value } from '../model/index.ts';
import { fault } from './fault.ts';

/** How a format writes each kind of value; what it gets has been checked. */
export interface ValueWriter<Out> {
  /** A safe number or a bigint, of -2^63..2^64-1. */
  whole(value: number | bigint): Out;
  /** A finite number. */
  float(value: number): Out;
  boolean(value: boolean): Out;
  /** Well-formed or not: see {@link checkText}. */
  text(value: string): Out;
  opaque(value: Uint8Array): Out;
  link(value: ObjectLink): Out;
}

const LIMITS = {
  integer: [-(2n ** 63n), 2n ** 63n - 1n],
  unsigned: [0n, 2n ** 64n - 1n],
} as const;

function isWhole(value: Value, [low, high]: readonly [bigint, bigint]): value is number | bigint {
  if (typeof value === 'number') return Number.isSafeInteger(value) && (low < 0n || value >= 0);
  return typeof value === 'bigint' && value >= low && value <= high;
}

function isId(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_ID;
}

function isLink(value: Value): value is ObjectLink {
  return isObjectLink(value) && isId(value.object) && isId(value.instance);
}

/**
 * Hands `value` to the method that writes values of `type`.
 * @throws GatewayError `codec.not-representable` for a value that is none of its type
 */
export function writeValue<Out>(writer: ValueWriter<Out>, type: DataType, value: Value): Out {
  switch (type) {
    case 'float':
      if (typeof value === 'number' && Number.isFinite(value)) return writer.float(value);
      break;
    case 'integer':
    case 'time':
      if (isWhole(value, LIMITS.integer)) return writer.whole(value);
      break;
    case 'unsigned':
      if (isWhole(value, LIMITS.unsigned)) return writer.whole(value);
      break;
    case 'boolean':
      if (typeof value === 'boolean') return writer.boolean(value);
      break;
    case 'string':
    case 'corelnk':
      if (typeof value === 'string') return writer.text(value);
      break;
    case 'opaque':
      if (value instanceof Uint8Array) return writer.opaque(value);
      break;
    case 'objlnk':
      if (isLink(value)) return writer.link(value);
      break;
    case 'none':
      break;
  }
  throw unspeakable(type, value);
}

/** What an encoder throws for a value that is none of its type, or that the format cannot say. */
export function unspeakable(type: DataType, value: Value): Error {
  return fault('not-representable', `a ${typeof value} as ${type} cannot be said in this format`);
}
