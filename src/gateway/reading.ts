import type { FieldValue } from '../adapter/index.ts';
import {
  applyLinear,
  chainLinear,
  compileLinear,
  type DataType,
  type Linear,
  rationalOf,
  toExact,
  type Value,
} from '../model/index.ts';
import { compileFormat } from './format.ts';
import { type PointModel, truthOf } from './point.ts';
import { isMasked, type Shape } from './point-rules.ts';

/** The value of a resource from what a point yields; undefined when the type cannot hold it. */
export type Reader = (value: FieldValue) => Value | undefined;

/** Which types a shape can feed; texts need a `format` unless they are texts already. */
const FITS: Readonly<Record<Shape, readonly DataType[]>> = {
  number: ['float', 'integer', 'unsigned', 'string'],
  bits: ['float', 'integer', 'unsigned', 'boolean', 'string'],
  boolean: ['boolean'],
  text: ['string', 'opaque'],
  open: ['boolean', 'integer', 'unsigned', 'float', 'string', 'opaque'],
};

/** What keeps the point from feeding a resource of that type, as a text; undefined when nothing does. */
export function misfit(point: PointModel, type: DataType, format: string | undefined): string | undefined {
  const { kind, map } = point.source;
  if (format !== undefined) {
    if (type !== 'string') return `only a string resource takes a format, and this one is ${type}`;
    if (point.shape === 'boolean' || (point.shape === 'text' && map !== undefined))
      return 'only whole numbers take a format';
    if (compileFormat(format) === undefined)
      return `a format has one %d, %x or %X, as in "%08d": ${JSON.stringify(format)} has not`;
    return undefined;
  }
  if (type === 'time')
    return kind === 'time' ? undefined : `a time resource needs a point of kind: time, not ${kind}`;
  const fits = FITS[point.shape].includes(type) && !(type === 'opaque' && map !== undefined);
  if (!fits) return `a ${kind} of ${point.shape} values does not fit the type ${type}`;
  if (type === 'string' && (point.shape === 'number' || point.shape === 'bits'))
    return 'a number becomes a text only by a format, e.g. format: "%d"';
  return undefined;
}

const INT64_LOW = -(2n ** 63n);
const INT64_HIGH = 2n ** 63n - 1n;
const UINT64_HIGH = 2n ** 64n - 1n;

/** Whole numbers (OMA Core 1.2 Appendix C) have 64 bits, and an unsigned one no sign. */
function fitsWhole(type: DataType, value: number | bigint): boolean {
  if (typeof value === 'number') return type !== 'unsigned' || value >= 0;
  return type === 'unsigned'
    ? value >= 0n && value <= UINT64_HIGH
    : value >= INT64_LOW && value <= INT64_HIGH;
}

/** A state may come as true and false where numbers are wanted. */
function numberFrom(value: FieldValue): number | bigint | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'bigint') return value;
  return typeof value === 'boolean' ? Number(value) : undefined;
}

function floatReader(linear: Linear): Reader {
  const { toFloat } = compileLinear(linear);
  return (value) => {
    const number = numberFrom(value);
    const result = number === undefined ? Number.NaN : toFloat(number);
    return Number.isFinite(result) ? result : undefined;
  };
}

function wholeReader(type: DataType, linear: Linear): Reader {
  const { toWhole } = compileLinear(linear);
  return (value) => {
    const number = numberFrom(value);
    const result = number === undefined ? undefined : toWhole(number);
    return result !== undefined && fitsWhole(type, result) ? result : undefined;
  };
}

/** Every digit of a serial number counts, so that it takes the exact way. */
function textReader(linear: Linear, format: string | undefined): Reader {
  const write = format === undefined ? undefined : compileFormat(format);
  if (write === undefined) return (value) => (typeof value === 'string' ? value : undefined);
  return (value) => {
    const number = typeof value === 'boolean' ? undefined : numberFrom(value);
    const result = number === undefined ? undefined : toExact(applyLinear(linear, rationalOf(number)));
    return result === undefined ? undefined : write(result);
  };
}

/**
 * Prepares the way from a point to a resource. Whole-number resources round a fraction half away from zero; everything
 * else is exact, to the nearest double.
 * @param conversion from the unit of the point to that of the resource
 */
export function compileReader(
  point: PointModel,
  type: DataType,
  conversion: Linear,
  format: string | undefined,
): Reader {
  const linear = chainLinear(point.scaling, conversion);
  const masked = isMasked(point.source);
  switch (type) {
    case 'float':
      return floatReader(linear);
    case 'integer':
    case 'unsigned':
    case 'time':
      return wholeReader(type, linear);
    case 'boolean':
      return (value) => truthOf(value, masked);
    case 'string':
      return textReader(linear, format);
    case 'opaque':
      return (value) => (value instanceof Uint8Array ? value : undefined);
    default:
      return () => undefined;
  }
}
