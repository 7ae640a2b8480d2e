import { type DataType, wholeNumber } from '../model/index.ts';
import { fault } from './fault.ts';

/** A number as a text format says it. Only the resource's type tells whether it may be rounded. */
export interface DecimalText {
  readonly decimal: string;
}

export function isDecimalText(value: unknown): value is DecimalText {
  return typeof value === 'object' && value !== null && 'decimal' in value;
}

/** Longer than any double written out, and short enough to be cheap. */
const MOST_CHARACTERS = 400;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
const HAS_DIGIT = /^[+-]?\.?\d/;
const SMALL = /^-?\d{1,15}$/;

/** A text of `[+-]digits[.digits][e[+-]digits]`. */
export function isDecimal(text: string): boolean {
  return text.length <= MOST_CHARACTERS && DECIMAL.test(text) && HAS_DIGIT.test(text);
}

const POINT = 0x2e;
const MINUS = 0x2d;
const ZERO = 0x30;

const MOST_EXACT_DIGITS = 15;
const POWERS_OF_TEN = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/** NaN beyond the end, which no digit is. */
function codeAt(text: string | Uint8Array, at: number): number {
  return typeof text === 'string' ? text.charCodeAt(at) : (text[at] ?? Number.NaN);
}

/**
 * The number that `text[from..to)`, characters or bytes, writes plainly in up to 15 digits (`-12`, `230.15`), else NaN: that text is for
 * {@link isDecimal} to look at. The digits and the power of ten are exact in a double, so their quotient is the double
 * nearest to the decimal (IEEE 754 5.4.1).
 */
export function plainNumber(text: string | Uint8Array, from: number, to: number): number {
  const isNegative = codeAt(text, from) === MINUS;
  const first = isNegative ? from + 1 : from;
  if (to - first > MOST_EXACT_DIGITS + 1) return Number.NaN;
  let digits = 0;
  let point = to;
  for (let at = first; at < to; at++) {
    const code = codeAt(text, at);
    if (code >= ZERO && code <= ZERO + 9) digits = digits * 10 + code - ZERO;
    else if (code === POINT && point === to) point = at;
    else return Number.NaN;
  }
  const decimals = Math.max(0, to - point - 1);
  const hasZeroBefore = codeAt(text, first) === ZERO && point - first > 1;
  const isComplete = point > first && (point === to || decimals > 0);
  if (!isComplete || hasZeroBefore || to - first > MOST_EXACT_DIGITS + Number(point < to)) return Number.NaN;
  const magnitude = digits / (POWERS_OF_TEN[decimals] ?? Number.NaN);
  return isNegative ? -magnitude : magnitude;
}

/** The whole number that a decimal says exactly; undefined when it has a fraction or more than 20 digits. */
function wholeOf(decimal: string): number | bigint | undefined {
  if (SMALL.test(decimal)) return Number(decimal) || 0;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(decimal) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  if (end === 0) return 0;
  const zeros = digits.length - end + Number(exponent) - fraction.length;
  if (zeros < 0 || end + zeros > 20) return undefined;
  const magnitude = BigInt(digits.slice(0, end) + '0'.repeat(zeros));
  return wholeNumber(sign === '-' ? -magnitude : magnitude);
}

/**
 * A decimal as a value of `type`: whole numbers are exact or refused, a float is the nearest double.
 * @throws GatewayError `codec.type-mismatch`
 */
export function readDecimal(type: DataType | undefined, decimal: string): number | bigint {
  const whole = type === 'float' ? undefined : wholeOf(decimal);
  if (whole !== undefined) return whole;
  const float = Number(decimal);
  if (Number.isFinite(float) && (type === 'float' || type === undefined)) return float;
  throw fault('type-mismatch', `${decimal.slice(0, 40)} is no number of type ${type ?? 'float'}`);
}

/**
 * A float in plain decimal digits, never with an exponent (OMA Core 1.2 Appendix C). Whole ones beyond 2^53 end in
 * `.0`: without it Leshan takes them for integers, and refuses them.
 */
export function plainDecimal(value: number): string {
  const text = String(value);
  const e = text.indexOf('e');
  const point = Number.isInteger(value) && !Number.isSafeInteger(value) ? '.0' : '';
  if (e < 0) return text + point;
  const [whole = '', fraction = ''] = text.slice(0, e).replace('-', '').split('.');
  const sign = value < 0 ? '-' : '';
  const magnitude = whole.length + Number(text.slice(e + 1));
  const digits = whole + fraction;
  if (magnitude <= 0) return `${sign}0.${'0'.repeat(-magnitude)}${digits}`;
  return sign + digits.padEnd(magnitude, '0') + point;
}
