import {
  add,
  divide,
  fractionOf,
  multiply,
  type Rational,
  rational,
  rationalOf,
  subtract,
  toDouble,
  toExact,
  toWhole,
} from './decimal.ts';
import { wholeNumber } from './value.ts';

/** `y = x * factor + offset`, exactly. */
export interface Linear {
  readonly factor: Rational;
  readonly offset: Rational;
}

const ONE = rational(1n, 1n);
const ZERO = rational(0n, 1n);

export const IDENTITY: Linear = { factor: ONE, offset: ZERO };

/** First `first`, then `then`. */
export function chainLinear(first: Linear, then: Linear): Linear {
  return {
    factor: multiply(first.factor, then.factor),
    offset: add(multiply(first.offset, then.factor), then.offset),
  };
}

/** The way back. @throws GatewayError `model.bad-decimal` when the factor is zero */
export function invertLinear({ factor, offset }: Linear): Linear {
  return { factor: divide(ONE, factor), offset: divide(subtract(ZERO, offset), factor) };
}

export function applyLinear({ factor, offset }: Linear, x: Rational): Rational {
  return add(multiply(x, factor), offset);
}

/** A {@link Linear} made ready for many values. Arguments are finite; a double means its shortest decimal. */
export interface Conversion {
  /** The exact result as the nearest double. */
  readonly toFloat: (x: number | bigint) => number;
  /** The exact result as the nearest whole number, a half away from zero: a number when it is safe, else a bigint. */
  readonly toWhole: (x: number | bigint) => number | bigint;
  /** The x that gives exactly `y`; undefined when no number does. */
  readonly toRaw: (y: number | bigint) => number | bigint | undefined;
}

/** `y = (x * factor + offset) / divisor` in whole numbers. */
interface Whole {
  readonly factor: bigint;
  readonly offset: bigint;
  readonly divisor: bigint;
}

function inWholeNumbers({ factor, offset }: Linear): Whole {
  const divisor = factor.denominator * rational(factor.denominator, offset.denominator).denominator;
  return {
    factor: factor.numerator * (divisor / factor.denominator),
    offset: offset.numerator * (divisor / offset.denominator),
    divisor,
  };
}

const { MAX_SAFE_INTEGER } = Number;

function isSafe(value: number): boolean {
  return value <= MAX_SAFE_INTEGER && value >= -MAX_SAFE_INTEGER;
}

/** Exact for every number: the result as a fraction, not reduced. */
function applyWhole({ factor, offset, divisor }: Whole, x: number | bigint): Rational {
  const { numerator, denominator } = fractionOf(x);
  return { numerator: numerator * factor + offset * denominator, denominator: divisor * denominator };
}

/** Up to 15 digits name a double alone, so that digits that give it back are those of its shortest decimal. */
const NAMING_DIGITS = 1e15;
const LARGEST_POWER = 1e9;

/** The power of ten that makes a fraction of few digits whole; 0 when it has many. */
function powerOfFraction(value: number): number {
  for (let power = 10; power <= LARGEST_POWER; power *= 10) {
    const digits = Math.round(value * power);
    if (digits / power === value) return Math.abs(digits) < NAMING_DIGITS ? power : 0;
  }
  return 0;
}

/**
 * The way of most values: as long as every intermediate result is a safe whole number, double arithmetic is exact and
 * its one division rounds correctly. A fraction of few digits counts as a whole number of tenths, hundredths ...
 * Everything else goes the exact way.
 */
function floatConversion(whole: Whole): Conversion['toFloat'] {
  if (whole.factor === whole.divisor && whole.offset === 0n) return Number;
  const exactly = (x: number | bigint): number => toDouble(applyWhole(whole, x));
  const [factor, offset, divisor] = [Number(whole.factor), Number(whole.offset), Number(whole.divisor)];
  if (!isSafe(factor) || !isSafe(offset) || !isSafe(divisor)) return exactly;
  return (x) => {
    // A bigint beyond the safe range stays there as a double.
    const near = Number(x);
    const power = Number.isInteger(near) ? 1 : powerOfFraction(near);
    if (power === 0) return exactly(x);
    const digits = Math.round(near * power);
    const product = digits * factor;
    const shift = offset * power;
    const sum = product + shift;
    const under = divisor * power;
    return isSafe(digits) && isSafe(product) && isSafe(shift) && isSafe(sum) && isSafe(under)
      ? sum / under
      : exactly(x);
  };
}

function wholeConversion(whole: Whole): Conversion['toWhole'] {
  const exactly = (x: number | bigint): number | bigint => wholeNumber(toWhole(applyWhole(whole, x)));
  const [factor, offset, divisor] = [Number(whole.factor), Number(whole.offset), Number(whole.divisor)];
  if (!isSafe(factor) || !isSafe(offset) || !isSafe(divisor)) return exactly;
  return (x) => {
    const near = Number(x);
    const product = near * factor;
    const sum = product + offset;
    if (!Number.isSafeInteger(near) || !isSafe(product) || !isSafe(sum)) return exactly(x);
    const rest = sum % divisor;
    const towardsZero = (sum - rest) / divisor;
    return (Math.abs(rest) * 2 >= divisor ? towardsZero + Math.sign(sum) : towardsZero) + 0;
  };
}

/** Prepares both directions of a conversion. @throws GatewayError `model.bad-decimal` when the factor is zero */
export function compileLinear(linear: Linear): Conversion {
  const back = invertLinear(linear);
  const whole = inWholeNumbers(linear);
  return {
    toFloat: floatConversion(whole),
    toWhole: wholeConversion(whole),
    toRaw: (y) => toExact(applyLinear(back, rationalOf(y))),
  };
}
