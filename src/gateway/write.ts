import type { FieldValue, WriteOperation } from '../adapter/index.ts';
import {
  applyLinear,
  compareRational,
  formatRational,
  invertLinear,
  isMultipleFrom,
  type Linear,
  type Rational,
  rationalOf,
  toExact,
  type Value,
} from '../model/index.ts';
import { listed } from './faults.ts';
import type { PointModel } from './point.ts';
import type { Plain, WriteSource } from './source.ts';

/** What has to be written to the field, or why it must not be. */
export type WritePlan = { readonly operation: WriteOperation } | { readonly refusal: string };

/** Turns the value of a resource, in the canonical form of its type, into a write. */
export type Writer = (value: Value) => WritePlan;

type Encoded = { readonly value: FieldValue } | { readonly refusal: string };

/** The raw value that a key of a map names: a whole number, true or false, else the text itself. */
function rawFromKey(key: string): FieldValue {
  if (key === 'true' || key === 'false') return key === 'true';
  if (!/^-?(?:0|[1-9]\d{0,18})$/.test(key)) return key;
  const number = Number(key);
  return Number.isSafeInteger(number) ? number : BigInt(key);
}

/** From the value behind map and invert to what goes on the wire. */
function encoderOf({ source }: PointModel): (value: FieldValue) => Encoded {
  const { map, invert } = source;
  if (map !== undefined) {
    const raws = new Map(Object.entries(map).map(([key, meaning]) => [meaning, rawFromKey(key)] as const));
    const meanings = listed([...raws.keys()]);
    return (value) => {
      const raw = raws.get(value as Plain);
      return raw === undefined ? { refusal: `${String(value)} is none of ${meanings}` } : { value: raw };
    };
  }
  if (invert === true)
    return (value) => (typeof value === 'boolean' ? { value: !value } : { refusal: 'only true or false' });
  return (value) => ({ value });
}

type Guard = (value: Rational) => string | undefined;

/** What the profile forbids of a number, told in the unit of the point. */
function numberGuards({ source, unit = '' }: PointModel): readonly Guard[] {
  const { min, max, step, allowed }: Partial<WriteSource> = source.write ?? {};
  const [low, high] = source.valid ?? [];
  const guards: Guard[] = [];
  const told = (value: Rational): string => `${formatRational(value)} ${unit}`.trim();
  for (const [limit, sign, word] of [
    [low, -1, 'below the least value'],
    [min, -1, 'below the least value'],
    [high, 1, 'above the most'],
    [max, 1, 'above the most'],
  ] as const) {
    if (limit === undefined) continue;
    const bound = rationalOf(limit);
    guards.push((value) =>
      compareRational(value, bound) === sign ? `${told(value)} is ${word}, ${told(bound)}` : undefined,
    );
  }
  if (step !== undefined) {
    const [origin, stride] = [rationalOf(min ?? 0), rationalOf(step)];
    guards.push((value) =>
      isMultipleFrom(value, origin, stride)
        ? undefined
        : `${told(value)} is not a multiple of ${told(stride)} from ${told(origin)}`,
    );
  }
  if (allowed !== undefined) {
    const numbers = allowed.filter((one) => typeof one === 'number').map(rationalOf);
    guards.push((value) =>
      numbers.some((one) => compareRational(one, value) === 0)
        ? undefined
        : `${told(value)} is not allowed, only ${listed(allowed)} ${unit}`.trim(),
    );
  }
  return guards;
}

/** Numbers go back through unit and scale, exactly or not at all. */
function numberWriter(point: PointModel, conversion: Linear): (value: number | bigint) => Encoded {
  const guards = numberGuards(point);
  const [toUnit, toRaw] = [invertLinear(conversion), invertLinear(point.scaling)];
  const encode = encoderOf(point);
  return (value) => {
    const quantity = applyLinear(toUnit, rationalOf(value));
    for (const guard of guards) {
      const refusal = guard(quantity);
      if (refusal !== undefined) return { refusal };
    }
    const raw = toExact(applyLinear(toRaw, quantity));
    if (raw === undefined) return { refusal: `the device has no value for exactly ${value}` };
    return encode(raw);
  };
}

function plainWriter(point: PointModel): (value: FieldValue) => Encoded {
  const allowed = point.source.write?.allowed;
  const encode = encoderOf(point);
  return (value) =>
    allowed === undefined || allowed.includes(value as Plain)
      ? encode(value)
      : { refusal: `${String(value)} is not allowed, only ${listed(allowed)}` };
}

/**
 * The way from a resource to the device: guards, then the exact inverse of unit, scale and map. A value that the
 * device could only take rounded is refused.
 * @param conversion from the unit of the point to that of the resource
 */
export function compileWrite(point: PointModel, conversion: Linear): Writer {
  const writeNumber = numberWriter(point, conversion);
  const writePlain = plainWriter(point);
  return (value) => {
    const encoded =
      typeof value === 'number' || typeof value === 'bigint'
        ? writeNumber(value)
        : typeof value === 'object' && !(value instanceof Uint8Array)
          ? { refusal: 'a link cannot be written to a device' }
          : writePlain(value);
    return 'refusal' in encoded ? encoded : { operation: { point: point.id, value: encoded.value } };
  };
}
