/** Option numbers (RFC 7252 5.10, 7641 2, 7959 2.1 and 4, 7967 2). */
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
  noResponse: 258,
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

/** What an option must look like to count as recognised (RFC 7252 5.4.3, 5.4.5). Lengths in bytes. */
interface OptionRule {
  readonly shortest: number;
  readonly longest: number;
  readonly isRepeatable: boolean;
}

const rule = (shortest: number, longest: number, isRepeatable = false): OptionRule => ({
  shortest,
  longest,
  isRepeatable,
});

/**
 * Options that mean something to us in a request. Critical ones that are not here, If-Match and If-None-Match among
 * them, make the request fail; elective ones are passed over.
 */
const REQUEST_RULES: readonly (OptionRule | undefined)[] = rules({
  [OptionNumber.uriHost]: rule(1, 255),
  [OptionNumber.etag]: rule(1, 8, true),
  [OptionNumber.observe]: rule(0, 3),
  [OptionNumber.uriPort]: rule(0, 2),
  [OptionNumber.uriPath]: rule(0, 255, true),
  [OptionNumber.contentFormat]: rule(0, 2),
  [OptionNumber.uriQuery]: rule(0, 255, true),
  [OptionNumber.accept]: rule(0, 2),
  [OptionNumber.block2]: rule(0, 3),
  [OptionNumber.block1]: rule(0, 3),
  [OptionNumber.size1]: rule(0, 4),
  [OptionNumber.noResponse]: rule(0, 1),
});

/** The same for a response. */
const RESPONSE_RULES: readonly (OptionRule | undefined)[] = rules({
  [OptionNumber.etag]: rule(1, 8),
  [OptionNumber.observe]: rule(0, 3),
  [OptionNumber.locationPath]: rule(0, 255, true),
  [OptionNumber.contentFormat]: rule(0, 2),
  [OptionNumber.maxAge]: rule(0, 4),
  [OptionNumber.block2]: rule(0, 3),
  [OptionNumber.block1]: rule(0, 3),
  [OptionNumber.size2]: rule(0, 4),
});

/** Indexed by option number, which is faster than asking a map once per option. */
function rules(table: Readonly<Record<number, OptionRule>>): readonly (OptionRule | undefined)[] {
  const last = Math.max(...Object.keys(table).map(Number));
  return Array.from({ length: last + 1 }, (_, number) => table[number]);
}

/** `fatal`: a critical option that is unknown, has an impossible length, or stands there once too often. */
export type Recognition = 'recognised' | 'elective' | 'fatal';

function recognise(
  table: readonly (OptionRule | undefined)[],
  option: Option,
  previous: number,
): Recognition {
  const { number, value } = option;
  const known = table[number];
  if (
    known !== undefined &&
    value.length >= known.shortest &&
    value.length <= known.longest &&
    (number !== previous || known.isRepeatable)
  )
    return 'recognised';
  return isCritical(number) ? 'fatal' : 'elective';
}

/** @param previous number of the option before it, or -1 */
export function recogniseInRequest(option: Option, previous: number): Recognition {
  return recognise(REQUEST_RULES, option, previous);
}

/** @param previous number of the option before it, or -1 */
export function recogniseInResponse(option: Option, previous: number): Recognition {
  return recognise(RESPONSE_RULES, option, previous);
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

/** Bytes of the shortest form of a uint. */
export function uintLength(uint: number): number {
  let length = 0;
  for (let rest = uint; rest > 0; rest = Math.floor(rest / 256)) length++;
  return length;
}
