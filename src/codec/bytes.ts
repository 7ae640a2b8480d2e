import { isUtf8 } from 'node:buffer';
import { fault } from './fault.ts';

const FIRST_BYTES = 4096;
/** So few bytes are handled one by one: to call the runtime costs more. */
const MOST_SPELT = 16;
/** A buffer that grew beyond this for one large payload is not kept. */
const MOST_KEPT_BYTES = 1 << 20;

/**
 * A growing output buffer. Call {@link reserve} before writing to {@link bytes} at {@link at}. There is one for the
 * whole room, because encoding is synchronous and never nested.
 */
export class ByteWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  at = 0;

  /** Begins a new payload. */
  start(): this {
    if (this.bytes.length > MOST_KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.at = 0;
    return this;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  /** What was written between two positions, as bytes of its own. */
  copy(from: number, to: number): Uint8Array {
    const size = to - from;
    const payload = Buffer.allocUnsafe(size);
    if (size > MOST_SPELT) this.bytes.copy(payload, 0, from, to);
    else for (let at = 0; at < size; at++) payload[at] = this.bytes[from + at] ?? 0;
    return payload;
  }

  finish(): Uint8Array {
    return this.copy(0, this.at);
  }
}

export const output = new ByteWriter();

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array {
  const { length } = text;
  if (length > MOST_SPELT) return Buffer.from(text);
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) return Buffer.from(text);
    bytes[at] = code;
  }
  return bytes;
}

/** A Buffer on the same memory, for its fast readers. */
export function bufferOf(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes of its own: a value must not keep a whole datagram alive, nor change with it. */
export function ownBytes(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to));
}

/** @throws GatewayError `codec.malformed` unless valid UTF-8 */
export function readUtf8(bytes: Buffer, from: number, to: number): string {
  if (to - from <= MOST_SPELT) {
    let text = '';
    let at = from;
    for (let code = bytes[at] ?? 0; at < to && code < 0x80; code = bytes[++at] ?? 0) {
      text += String.fromCharCode(code);
    }
    if (at === to) return text;
  }
  const text = bytes.toString('utf8', from, to);
  // What is not UTF-8 becomes a replacement character, which may also stand there by right.
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(from, to))) {
    throw fault('malformed', 'text is not UTF-8');
  }
  return text;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Refuses text that has no UTF-8 form, which would silently become another text. */
export function checkText(text: string): string {
  if (LONE_SURROGATE.test(text)) throw fault('not-representable', 'text has half a surrogate pair');
  return text;
}

/**
 * Reads base64 of either alphabet, padded or not (the formats differ, and so do peers).
 * @throws GatewayError `codec.malformed`
 */
export function readBase64(text: string): Uint8Array {
  const end = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length;
  const bare = text.slice(0, end).replaceAll('+', '-').replaceAll('/', '_');
  const bytes = Buffer.from(bare, 'base64url');
  // Buffer skips what is no base64, so only what comes back the same was base64.
  if ((end !== text.length && text.length % 4 !== 0) || bytes.toString('base64url') !== bare) {
    throw fault('malformed', 'not base64');
  }
  return ownBytes(bytes, 0, bytes.length);
}

export function base64(bytes: Uint8Array, alphabet: 'base64' | 'base64url'): string {
  return bufferOf(bytes).toString(alphabet);
}
