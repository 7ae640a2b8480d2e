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
