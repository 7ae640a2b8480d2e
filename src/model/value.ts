import { GatewayError } from '../base/index.ts';

/** The LwM2M data types (OMA Core 1.2 Appendix C); `none` is what an executable resource has. */
export type DataType =
  | 'string'
  | 'integer'
  | 'unsigned'
  | 'float'
  | 'boolean'
  | 'opaque'
  | 'time'
  | 'objlnk'
  | 'corelnk'
  | 'none';

/** An object instance that a resource points to; 65535:65535 points to nothing. */
export interface ObjectLink {
  readonly object: number;
  readonly instance: number;
}

/**
 * The value of one resource or resource instance.
 * - string, corelnk: string
 * - integer, unsigned, time (s since 1970): number when it is a safe integer, else bigint; never rounded
 * - float: finite number
 * - boolean: boolean; opaque: Uint8Array; objlnk: {@link ObjectLink}
 */
export type Value = string | number | bigint | boolean | Uint8Array | ObjectLink;

/**
 * How far a value can be trusted, as resource 6042 of the OMA registry counts it:
 * 4 good, 3 stale or held, 2 implausible, 1 bad (nothing was read), 0 no check was possible.
 */
export type Quality = 0 | 1 | 2 | 3 | 4;

export function isObjectLink(value: Value): value is ObjectLink {
  return typeof value === 'object' && !(value instanceof Uint8Array);
}

/** True if both say the same; NaN does not occur. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (b instanceof Uint8Array) return false;
  return a.object === b.object && a.instance === b.instance;
}

const INT64 = { low: -(2n ** 63n), high: 2n ** 63n - 1n };
const UINT64_HIGH = 2n ** 64n - 1n;

/** The canonical form of a whole number: number when safe, else bigint. */
export function wholeNumber(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

function whole(type: DataType, value: Value, low: bigint, high: bigint): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) {
    if (low === 0n && value < 0) throw mismatch(type, value);
    return value === 0 ? 0 : value;
  }
  if (typeof value === 'bigint' && value >= low && value <= high) return wholeNumber(value);
  throw mismatch(type, value);
}

/** Texts and opaque values are not repeated: they may be secret, or large. */
function mismatch(type: DataType, value: Value): GatewayError {
  const text = typeof value === 'string' || typeof value === 'object' ? `a ${kindOf(value)}` : `${value}`;
  return new GatewayError('model.type-mismatch', `${text} is not a value of type ${type}`);
}

function kindOf(value: string | Uint8Array | ObjectLink): string {
  if (typeof value === 'string') return `text of ${value.length} characters`;
  return value instanceof Uint8Array ? `byte string of ${value.length} bytes` : 'link to an object';
}

function isExactFloat(value: bigint): boolean {
  const float = Number(value);
  return Number.isFinite(float) && BigInt(float) === value;
}

/**
 * `value` in the canonical form of `type`. Lossless only: a float with an integral value becomes an integer,
 * 21.5 does not. @throws GatewayError `model.type-mismatch`
 */
export function toType(type: DataType, value: Value): Value {
  switch (type) {
    case 'string':
    case 'corelnk':
      if (typeof value === 'string') return value;
      break;
    case 'integer':
    case 'time':
      return whole(type, value, INT64.low, INT64.high);
    case 'unsigned':
      return whole(type, value, 0n, UINT64_HIGH);
    case 'float':
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      if (typeof value === 'bigint' && isExactFloat(value)) return Number(value);
      break;
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'opaque':
      if (value instanceof Uint8Array) return value;
      break;
    case 'objlnk':
      if (typeof value === 'object' && isObjectLink(value)) return value;
      break;
    case 'none':
      break;
  }
  throw mismatch(type, value);
}

/** `3303:1`, and back. */
export function formatObjectLink(link: ObjectLink): string {
  return `${link.object}:${link.instance}`;
}

/** @throws GatewayError `model.type-mismatch` unless two ids of 0..65535, decimal or hexadecimal like `FFFF:FFFF`. */
export function parseObjectLink(text: string): ObjectLink {
  if (text.toUpperCase() === 'FFFF:FFFF') return { object: 65535, instance: 65535 };
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(text);
  const object = Number(match?.[1] ?? Number.NaN);
  const instance = Number(match?.[2] ?? Number.NaN);
  if (!(object <= 65535 && instance <= 65535)) throw mismatch('objlnk', text);
  return { object, instance };
}
