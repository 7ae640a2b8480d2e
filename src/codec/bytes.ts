import { isUtf8 } from 'node:buffer';
import { fault } from './fault.ts';

/** Payloads are written one behind the other into blocks of this size. */
const BLOCK_BYTES = 16_384;
/** With less left in a block than most payloads take, the next payload begins another one. */
const LEAST_LEFT_BYTES = 256;
/** So few characters are read, and so few are written, one by one: to call the runtime costs more. */
const MOST_SPELT = { read: 9, written: 24 };

/**
 * Where payloads are written. Call {@link reserve} before writing to {@link bytes} at {@link at}. There is one for the
 * whole room, because encoding is synchronous and never nested.
 */
export class ByteWriter {
  bytes: Buffer;
  at = 0;
  /** What {@link bytes} shows. */
  private block: ArrayBuffer;
  /** Where the payload begins; what lies before belongs to others. */
  private from = 0;

  constructor() {
    this.block = new ArrayBuffer(BLOCK_BYTES);
    this.bytes = Buffer.from(this.block);
  }

  /** Begins a new payload. @param size what it will have at most, if that is known: then {@link reserve} is not needed */
  start(size = LEAST_LEFT_BYTES): void {
    this.at = this.from;
    // A block that grew for one large payload is not kept.
    if (this.bytes.length > BLOCK_BYTES) this.move(size);
    else this.reserve(size);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count > this.bytes.length) this.move(count);
  }

  /** Goes on in another block, with room for `count` more bytes. */
  private move(count: number): void {
    const written = this.at - this.from;
    this.block = new ArrayBuffer(Math.max(BLOCK_BYTES, 2 * written + count));
    const bytes = Buffer.from(this.block);
    this.bytes.copy(bytes, 0, this.from, this.at);
    this.bytes = bytes;
    this.from = 0;
    this.at = written;
  }

  /** Writes well-formed text, for which there is room: the count of its bytes. */
  text(text: string): number {
    const written = this.ascii(text) || this.bytes.write(text, this.at, 'utf8');
    this.at += written;
    return written;
  }

  /** Writes short text of ASCII behind {@link at}: the count of its bytes, 0 for any other text. */
  private ascii(text: string): number {
    const { length } = text;
    if (length > MOST_SPELT.written) return 0;
    const { bytes, at } = this;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) return 0;
      bytes[at + index] = code;
    }
    return length;
  }

  /** The payload: from where it began to {@link at}, or just its part from `from` on. */
  finish(from = this.from): Uint8Array {
    this.from = this.at;
    return new Uint8Array(this.block, from, this.at - from);
  }
}

export const output = new ByteWriter();

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
  if (to - from <= MOST_SPELT.read) {
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
