import type { Framing } from './framing.ts';

/** `:`, hexadecimal digits with a checksum, CR LF: Modbus over Serial Line 1.02 section 2.5.2. */

const COLON = 0x3a;
const END = '\r\n';
/** colon, checksum, CR LF */
const FIXED_CHARACTERS = 1 + 2 + END.length;
/** The digits of unit and function. */
const HEAD_DIGITS = 4;

/** The two's complement of the sum of all bytes (section 6.2.1). */
function lrc(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return -sum & 0xff;
}

/** The body between a colon and its CR LF; undefined if it is broken. */
function bodyOf(digits: string): Buffer | undefined {
  if (digits.length % 2 !== 0 || !/^[0-9A-Fa-f]+$/.test(digits)) return undefined;
  const bytes = Buffer.from(digits, 'hex');
  const body = bytes.subarray(0, -1);
  return lrc(body) === bytes.at(-1) ? body : undefined;
}

export const asciiFraming: Framing = {
  frame(body) {
    const check = Buffer.of(lrc(body)).toString('hex');
    return Buffer.from(`:${body.toString('hex')}${check}`.toUpperCase() + END, 'latin1');
  },

  parse(bytes, at, bodyLength) {
    if (bytes[at] !== COLON) return undefined;
    const stop = bytes.indexOf(END, at, 'latin1');
    const body = stop < 0 ? undefined : bodyOf(bytes.toString('latin1', at + 1, stop));
    if (body === undefined || bodyLength(body) !== body.length) return undefined;
    return { body, from: at, end: stop + END.length };
  },

  head: (bytes) => Buffer.from(bytes[0] === COLON ? bytes.toString('latin1', 1, 1 + HEAD_DIGITS) : '', 'hex'),
  frameBytes: (bodyBytes) => FIXED_CHARACTERS + 2 * bodyBytes,
};
