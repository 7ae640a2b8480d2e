import { EMPTY_CODE } from './code.ts';
import { EMPTY_MESSAGE, type Message, type MessageToSend, type MessageType, NO_BYTES } from './message.ts';
import { type Option, type OptionToSend, uintLength } from './option.ts';

const HEADER_LENGTH = 4;
export const LONGEST_TOKEN = 8;
const LARGEST_OPTION_NUMBER = 65_535;
const PAYLOAD_MARKER = 0xff;

/** Reads a datagram (RFC 7252 3). Undefined for a message format error, wherever it stands. */
export function decode(bytes: Uint8Array): Message | undefined {
  const first = bytes[0] ?? 0;
  const code = bytes[1] ?? 0;
  const tokenLength = first & 15;
  const tokenEnd = HEADER_LENGTH + tokenLength;
  if (first >> 6 !== 1 || tokenLength > LONGEST_TOKEN || bytes.length < tokenEnd) return undefined;
  if (code === EMPTY_CODE && bytes.length > HEADER_LENGTH) return undefined;
  const options: Option[] = [];
  const payloadAt = readOptions(bytes, tokenEnd, options);
  if (payloadAt === undefined) return undefined;
  return {
    type: ((first >> 4) & 3) as MessageType,
    code,
    mid: midOf(bytes),
    token: tokenLength === 0 ? NO_BYTES : bytes.subarray(HEADER_LENGTH, tokenEnd),
    options,
    payload: payloadAt === bytes.length ? NO_BYTES : bytes.subarray(payloadAt),
  };
}

/** The message id of a datagram of at least 4 bytes. */
export function midOf(bytes: Uint8Array): number {
  return ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
}

/** Whether a datagram claims to be a confirmable message, well-formed or not (RFC 7252 3). */
export function isConfirmable(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_LENGTH && (bytes[0] ?? 0) >> 4 === 0b0100;
}

/**
 * Reads options up to the payload marker or the end (RFC 7252 3.1).
 * @returns where the payload begins; undefined for a format error
 */
export function readOptions(bytes: Uint8Array, start: number, options: Option[]): number | undefined {
  let at = start;
  let number = 0;
  while (at < bytes.length) {
    const head = bytes[at++] ?? 0;
    // A marker without a payload is an error.
    if (head === PAYLOAD_MARKER) return at < bytes.length ? at : undefined;
    let delta = head >> 4;
    let length = head & 15;
    if (delta === 15 || length === 15) return undefined;
    if (delta === 13) delta = 13 + (bytes[at++] ?? 0);
    else if (delta === 14) delta = 269 + ((bytes[at++] ?? 0) << 8) + (bytes[at++] ?? 0);
    if (length === 13) length = 13 + (bytes[at++] ?? 0);
    else if (length === 14) length = 269 + ((bytes[at++] ?? 0) << 8) + (bytes[at++] ?? 0);
    number += delta;
    // Extended bytes beyond the end were read as 0, and are found out here.
    if (at + length > bytes.length || number > LARGEST_OPTION_NUMBER) return undefined;
    options.push({ number, value: length === 0 ? NO_BYTES : bytes.subarray(at, at + length) });
    at += length;
  }
  return at;
}

/** Writes a datagram (RFC 7252 3). */
export function encode(type: MessageType, mid: number, message: MessageToSend): Uint8Array {
  const { code, token } = message;
  const options = inOrder(message.options);
  const bytes = Buffer.allocUnsafe(HEADER_LENGTH + token.length + contentLength(options, message.payload));
  bytes[0] = 0x40 | (type << 4) | token.length;
  bytes[1] = code;
  bytes[2] = mid >> 8;
  bytes[3] = mid & 255;
  writeContent(bytes, HEADER_LENGTH, message, options);
  return bytes;
}

/** Bytes of options and payload, with the marker between them. */
export function contentLength(options: readonly OptionToSend[], payload: Uint8Array): number {
  return lengthOf(options) + (payload.length === 0 ? 0 : 1 + payload.length);
}

/** Writes token, options and payload from `start` on. @param options those of the message, in order */
export function writeContent(
  bytes: Buffer,
  start: number,
  { token, payload }: MessageToSend,
  options: readonly OptionToSend[],
): void {
  if (token.length > 0) bytes.set(token, start);
  const end = writeOptions(bytes, start + token.length, options);
  if (payload.length === 0) return;
  bytes[end] = PAYLOAD_MARKER;
  bytes.set(payload, end + 1);
}

/** An empty acknowledgement, reset or ping (RFC 7252 4.1). */
export function encodeEmpty(type: MessageType, mid: number): Uint8Array {
  return encode(type, mid, EMPTY_MESSAGE);
}

/** Options are sent by number; those of one number keep their order. */
export function inOrder(options: readonly OptionToSend[]): readonly OptionToSend[] {
  let previous = 0;
  for (const { number } of options) {
    if (number < previous) return [...options].sort((a, b) => a.number - b.number);
    previous = number;
  }
  return options;
}

function valueLength(value: OptionToSend['value']): number {
  if (typeof value === 'number') return uintLength(value);
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

/** Bytes that a delta or a length needs beside its nibble. */
function extendedLength(count: number): number {
  return count < 13 ? 0 : count < 269 ? 1 : 2;
}

function nibble(count: number): number {
  return count < 13 ? count : count < 269 ? 13 : 14;
}

function writeExtended(bytes: Buffer, at: number, count: number): number {
  if (count < 13) return at;
  if (count < 269) return bytes.writeUInt8(count - 13, at);
  return bytes.writeUInt16BE(count - 269, at);
}

function lengthOf(options: readonly OptionToSend[]): number {
  let total = 0;
  let previous = 0;
  for (const { number, value } of options) {
    const length = valueLength(value);
    total += 1 + extendedLength(number - previous) + extendedLength(length) + length;
    previous = number;
  }
  return total;
}

function writeOptions(bytes: Buffer, start: number, options: readonly OptionToSend[]): number {
  let at = start;
  let previous = 0;
  for (const { number, value } of options) {
    const length = valueLength(value);
    bytes[at] = (nibble(number - previous) << 4) | nibble(length);
    at = writeExtended(bytes, at + 1, number - previous);
    at = writeExtended(bytes, at, length);
    if (typeof value === 'number') writeUint(bytes, at, length, value);
    else if (typeof value === 'string') bytes.write(value, at);
    else bytes.set(value, at);
    at += length;
    previous = number;
  }
  return at;
}

function writeUint(bytes: Buffer, at: number, length: number, value: number): void {
  for (let rest = value, last = at + length - 1; last >= at; last--) {
    bytes[last] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
