import { type ByteWriter, checkText } from './bytes.ts';

/** Writing CBOR (RFC 8949): always the shortest exact form (4.2.1), definite lengths. */

export const UNSIGNED = 0;
export const NEGATIVE = 1;
export const BYTES = 2;
export const TEXT = 3;
export const ARRAY = 4;
export const MAP = 5;
export const TAG = 6;

/** The tag of seconds since 1970 (RFC 8949 3.4.2). */
export const TAG_EPOCH_TIME = 1;

/** The head of a data item. @param argument 0..2^53-1 */
export function writeHead(out: ByteWriter, major: number, argument: number): void {
  out.reserve(9);
  const bytes = out.bytes;
  const kind = major << 5;
  if (argument < 24) {
    bytes[out.at++] = kind | argument;
  } else if (argument < 0x100) {
    bytes[out.at++] = kind | 24;
    bytes[out.at++] = argument;
  } else if (argument < 0x10000) {
    bytes[out.at++] = kind | 25;
    out.at = bytes.writeUInt16BE(argument, out.at);
  } else if (argument < 0x100000000) {
    bytes[out.at++] = kind | 26;
    out.at = bytes.writeUInt32BE(argument, out.at);
  } else {
    bytes[out.at++] = kind | 27;
    out.at = bytes.writeUInt32BE(Math.floor(argument / 0x100000000), out.at);
    out.at = bytes.writeUInt32BE(argument >>> 0, out.at);
  }
}

/** @param value a safe integer, or a bigint of -2^64..2^64-1 */
export function writeInteger(out: ByteWriter, value: number | bigint): void {
  const argument = value < 0 ? (typeof value === 'bigint' ? -1n - value : -1 - value) : value;
  const major = value < 0 ? NEGATIVE : UNSIGNED;
  if (argument <= Number.MAX_SAFE_INTEGER) {
    writeHead(out, major, Number(argument));
  } else {
    out.reserve(9);
    out.bytes[out.at++] = (major << 5) | 27;
    out.at = out.bytes.writeBigUInt64BE(BigInt(argument), out.at);
  }
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/**
 * The bits of a half that is exactly the float32 in {@link singleBits}, or -1. A half has 11 significant bits,
 * exponents -14..15, and below that steps of 2^-24 (IEEE 754 3.6).
 */
function halfBits(): number {
  const bits = singleBits[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const mantissa = bits & 0x7fffff;
  if ((bits & 0x7fffffff) === 0) return sign;
  if (exponent >= -14 && exponent <= 15) {
    return (mantissa & 0x1fff) === 0 ? sign | ((exponent + 15) << 10) | (mantissa >>> 13) : -1;
  }
  if (exponent < -24 || exponent > 15) return -1;
  const shift = -1 - exponent;
  const full = mantissa | 0x800000;
  return full % 2 ** shift === 0 ? sign | (full >>> shift) : -1;
}

/** The shortest of float16, float32 and float64 that is exact. @param value finite */
export function writeFloat(out: ByteWriter, value: number): void {
  out.reserve(9);
  single[0] = value;
  if (single[0] !== value) {
    out.bytes[out.at++] = 0xfb;
    out.at = out.bytes.writeDoubleBE(value, out.at);
    return;
  }
  const half = halfBits();
  if (half >= 0) {
    out.bytes[out.at++] = 0xf9;
    out.at = out.bytes.writeUInt16BE(half, out.at);
  } else {
    out.bytes[out.at++] = 0xfa;
    out.at = out.bytes.writeUInt32BE(singleBits[0] ?? 0, out.at);
  }
}

export function writeBoolean(out: ByteWriter, value: boolean): void {
  out.reserve(1);
  out.bytes[out.at++] = value ? 0xf5 : 0xf4;
}

/** @throws GatewayError `codec.not-representable` for text that is not well formed */
export function writeText(out: ByteWriter, text: string): void {
  // Of ASCII text the size is known before it is written; most text is, and short.
  const { length } = text;
  if (length < 24) {
    out.reserve(1 + 3 * length);
    const head = out.at++;
    if (out.text(text) === length) {
      out.bytes[head] = (TEXT << 5) | length;
      return;
    }
    out.at = head;
  }
  const size = Buffer.byteLength(text);
  if (size !== length) checkText(text);
  writeHead(out, TEXT, size);
  out.reserve(size);
  out.text(text);
}

export function writeBytes(out: ByteWriter, value: Uint8Array): void {
  writeHead(out, BYTES, value.length);
  out.reserve(value.length);
  out.bytes.set(value, out.at);
  out.at += value.length;
}
