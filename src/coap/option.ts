import { GatewayError } from '../base/index.ts';

/** Option numbers (RFC 7252 5.10, 7641 2, 7959 2.1 and 4, 7967 2, 9175 5). */
export const OptionNumber = {
  uriHost: 3,
  etag: 4,
  observe: 6,
  uriPort: 7,
  locationPath: 8,
  uriPath: 11,
  contentFormat: 12,
  maxAge: 14,
  uriQuery: 15,
  accept: 17,
  locationQuery: 20,
  block2: 23,
  block1: 27,
  size2: 28,
  proxyUri: 35,
  proxyScheme: 39,
  size1: 60,
  echo: 252,
  noResponse: 258,
  requestTag: 292,
} as const;

/** An option as it arrived. */
export interface Option {
  readonly number: number;
  readonly value: Uint8Array;
}

/** An option to send: a number becomes the shortest uint (RFC 7252 3.2), a text UTF-8. */
export interface OptionToSend {
  readonly number: number;
  readonly value: Uint8Array | number | string;
}

/** What an option must look like to count as recognised (RFC 7252 5.4.3, 5.4.5), and what it says. */
export interface OptionRule<Fields> {
  /** least and most bytes */
  readonly length: readonly [least: number, most: number];
  readonly isRepeatable?: boolean;
  /** @returns false if the value cannot be read, so that the option counts as not recognised */
  readonly read: (fields: Fields, value: Uint8Array) => boolean;
}

/** Reads options into fields. @returns the first critical option that is not recognised; elective ones are passed over */
export type OptionReader<Fields> = (options: readonly Option[], fields: Fields) => Option | undefined;

export function createOptionReader<Fields>(
  table: Readonly<Record<number, OptionRule<Fields>>>,
): OptionReader<Fields> {
  const last = Math.max(...Object.keys(table).map(Number));
  // An array is faster to ask once per option than a map.
  const rules = Array.from({ length: last + 1 }, (_, number) => table[number]);

  const isRead = ({ number, value }: Option, previous: number, fields: Fields): boolean => {
    const rule = rules[number];
    if (rule === undefined || (number === previous && rule.isRepeatable !== true)) return false;
    const [least, most] = rule.length;
    return value.length >= least && value.length <= most && rule.read(fields, value);
  };

  return (options, fields) => {
    let previous = -1;
    for (const option of options) {
      if (!isRead(option, previous, fields) && isCritical(option.number)) return option;
      previous = option.number;
    }
    return undefined;
  };
}

const LARGEST_NUMBER = 65_535;
/** The longest value of any option (RFC 7252 5.10). */
const LONGEST_VALUE = 1034;

/**
 * The option, if a message can carry it.
 * @throws GatewayError `coap.bad-request`
 */
export function sendable(option: OptionToSend): OptionToSend {
  const { number, value } = option;
  const isValue =
    typeof value === 'number'
      ? value >= 0 && Number.isSafeInteger(value)
      : (typeof value === 'string' ? Buffer.byteLength(value) : value.length) <= LONGEST_VALUE;
  if (isValue && Number.isInteger(number) && number > 0 && number <= LARGEST_NUMBER) return option;
  throw new GatewayError('coap.bad-request', `no message can carry option ${number} with this value`);
}

/** RFC 7252 5.4.6. */
function isCritical(number: number): boolean {
  return (number & 1) === 1;
}

/** Whether an option tells nothing about which representation is meant (NoCacheKey, RFC 7252 5.4.6). */
export function isNoCacheKey(number: number): boolean {
  return (number & 0x1e) === 0x1c;
}

/** The uint in an option value (RFC 7252 3.2); at most 6 bytes are exact. */
export function readUint(value: Uint8Array): number {
  let uint = 0;
  for (const byte of value) uint = uint * 256 + byte;
  return uint;
}

/** Reads an option into the field that holds its uint. */
export const uintInto =
  <Field extends string>(field: Field) =>
  (fields: { [key in Field]: number | undefined }, value: Uint8Array): boolean => {
    fields[field] = readUint(value);
    return true;
  };

/** Reads an option into the field that holds its bytes. */
export const bytesInto =
  <Field extends string>(field: Field) =>
  (fields: { [key in Field]: Uint8Array | undefined }, value: Uint8Array): boolean => {
    fields[field] = value;
    return true;
  };

/** Bytes of the shortest form of a uint. */
export function uintLength(uint: number): number {
  let length = 0;
  for (let rest = uint; rest > 0; rest = Math.floor(rest / 256)) length++;
  return length;
}
