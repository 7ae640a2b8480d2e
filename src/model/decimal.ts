import { GatewayError } from '../base/index.ts';
import { wholeNumber } from './value.ts';

/**
 * Exact numbers, so that 1234567 x 0.1 is 123456.7 and a 64-bit counter keeps its last digit. A double stands for its
 * shortest decimal text; nothing is rounded before {@link toDouble} or {@link toWhole}.
 */
export interface Rational {
  readonly numerator: bigint;
  /** positive; both are in lowest terms */
  readonly denominator: bigint;
}

const DECIMAL = /^([+-]?)(\d{1,400})(?:\.(\d{1,400}))?(?:[eE]([+-]?\d{1,3}))?$/;

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function commonDivisor(a: bigint, b: bigint): bigint {
  let [high, low] = [magnitude(a), magnitude(b)];
  while (low !== 0n) [high, low] = [low, high % low];
  return high;
}

/** `numerator / denominator` in lowest terms. @throws GatewayError `model.bad-decimal` for a division by zero */
export function rational(numerator: bigint, denominator: bigint): Rational {
  if (denominator === 0n) throw new GatewayError('model.bad-decimal', 'a division by zero');
  const divisor = commonDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** The fraction that a decimal text writes, not reduced. */
function fractionFrom(text: string): Rational | undefined {
  const [, sign, whole, decimals = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const digits = BigInt(`${sign === '-' ? '-' : ''}${whole}${decimals}`);
  const power = Number(exponent) - decimals.length;
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

/**
 * Reads a decimal (`0.1`, `-12`, `1e-3`) or a quotient of two (`1/3600`, `2298.35/9`).
 * @throws GatewayError `model.bad-decimal`
 */
export function parseRational(text: string): Rational {
  const [over = '', under = '1', ...more] = text.trim().split('/');
  const numerator = fractionFrom(over.trim());
  const denominator = fractionFrom(under.trim());
  if (numerator === undefined || denominator === undefined || more.length > 0)
    throw new GatewayError('model.bad-decimal', `${JSON.stringify(text)} is not a decimal number`);
  return divide(numerator, denominator);
}

/** What a number means, not reduced: enough for one multiplication and {@link toDouble}. */
export function fractionOf(value: number | bigint): Rational {
  if (typeof value === 'bigint') return { numerator: value, denominator: 1n };
  if (Number.isSafeInteger(value)) return { numerator: BigInt(value), denominator: 1n };
  const fraction = fractionFrom(String(value));
  if (fraction === undefined) throw new GatewayError('model.bad-decimal', `${value} is not a finite number`);
  return fraction;
}

/** What a number means: a double its shortest decimal. @throws GatewayError `model.bad-decimal` unless finite */
export function rationalOf(value: number | bigint): Rational {
  const { numerator, denominator } = fractionOf(value);
  return denominator === 1n ? { numerator, denominator } : rational(numerator, denominator);
}

export function add(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, { numerator: -b.numerator, denominator: b.denominator });
}

export function multiply(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** @throws GatewayError `model.bad-decimal` when `b` is zero */
export function divide(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

/** Negative when a is less than b. */
export function compareRational(a: Rational, b: Rational): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function isWhole(value: Rational): boolean {
  return value.denominator === 1n;
}

/** True if whole steps of `stride` lead from `origin` to `value`. */
export function isMultipleFrom(value: Rational, origin: Rational, stride: Rational): boolean {
  return isWhole(divide(subtract(value, origin), stride));
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
/** Bits of a quotient that decide its rounding to 53, with room to spare. */
const QUOTIENT_BITS = 68;
/** The smallest double is 2 ** -1074. */
const LEAST_EXPONENT = 1074;

/** More bits than a double has. */
const TOO_LONG = 2n ** 53n;

/** Rounded up to whole hexadecimal digits. */
function bitLength(value: bigint): number {
  return value.toString(16).length * 4;
}

/** The quotient of two positive numbers as a double, whatever their size. */
function roundedQuotient(numerator: bigint, denominator: bigint): number {
  const wanted = QUOTIENT_BITS - (bitLength(numerator) - bitLength(denominator));
  const shift = Math.min(Math.max(wanted, 0), LEAST_EXPONENT);
  const shifted = numerator << BigInt(shift);
  const quotient = shifted / denominator;
  const rest = shifted % denominator;
  // A last bit that stands for all that was cut keeps the rounding of Number() away from a false tie.
  if (shift < LEAST_EXPONENT) return Number(rest === 0n ? quotient : quotient | 1n) * 2 ** -shift;
  // Among the smallest numbers there are no bits to spare: what has 53 or fewer is rounded here.
  if (quotient < TOO_LONG) return Number(quotient + (rest * 2n >= denominator ? 1n : 0n)) * 2 ** -shift;
  const spaced = quotient << 2n;
  return (Number(rest === 0n ? spaced : spaced | 1n) / 4) * 2 ** -shift;
}

/** The double nearest to the number (ties to even); infinite beyond their range. */
export function toDouble({ numerator, denominator }: Rational): number {
  const size = magnitude(numerator);
  if (size === 0n) return 0;
  const result =
    size <= SAFE && denominator <= SAFE
      ? Number(size) / Number(denominator)
      : roundedQuotient(size, denominator);
  return numerator < 0n ? -result : result;
}

/** The nearest whole number; a half goes away from zero. */
export function toWhole({ numerator, denominator }: Rational): bigint {
  const half = numerator < 0n ? -denominator : denominator;
  return (numerator * 2n + half) / (denominator * 2n);
}

/** The number or bigint that means exactly this; undefined when none does, as for 1/3. */
export function toExact(value: Rational): number | bigint | undefined {
  if (isWhole(value)) return wholeNumber(value.numerator);
  const nearest = toDouble(value);
  return Number.isFinite(nearest) && compareRational(rationalOf(nearest), value) === 0 ? nearest : undefined;
}

/** For people: `12`, `0.1`, or as near as a double comes. */
export function formatRational(value: Rational): string {
  return isWhole(value) ? `${value.numerator}` : `${toDouble(value)}`;
}
