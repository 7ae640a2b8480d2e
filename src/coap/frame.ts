import { EMPTY_CODE } from './code.ts';
import { contentLength, inOrder, LONGEST_TOKEN, readOptions, writeContent } from './codec.ts';
import { type Message, type MessageToSend, MessageType, NO_BYTES } from './message.ts';
import type { Option } from './option.ts';

/**
 * The four forms of a length (RFC 8323 3.2): what the nibble says, bytes that follow it, and the least length, which
 * those bytes count from.
 */
const LENGTH_FORMS = [
  { nibble: 15, extra: 4, least: 65_805 },
  { nibble: 14, extra: 2, least: 269 },
  { nibble: 13, extra: 1, least: 13 },
] as const;

/** Extra length bytes by nibble. */
const EXTRA: readonly number[] = Array.from(
  { length: 16 },
  (_, nibble) => LENGTH_FORMS.find((form) => form.nibble === nibble)?.extra ?? 0,
);
const LEAST: readonly number[] = Array.from(
  { length: 16 },
  (_, nibble) => LENGTH_FORMS.find((form) => form.nibble === nibble)?.least ?? nibble,
);

/** First byte and the longest form of a length. */
const LONGEST_HEAD = 5;

/** The most that a message takes beside options and payload: head, code, the longest token, payload marker. */
export const FRAME_OVERHEAD = LONGEST_HEAD + 1 + LONGEST_TOKEN + 1;

/** Writes a message for a stream (RFC 8323 3.2). */
export function encodeFrame(message: MessageToSend): Uint8Array {
  const { code, token, payload } = message;
  const options = inOrder(message.options);
  const length = contentLength(options, payload);
  const form = LENGTH_FORMS.find(({ least }) => length >= least);
  const extra = form?.extra ?? 0;
  const bytes = Buffer.allocUnsafe(2 + extra + token.length + length);
  bytes[0] = ((form?.nibble ?? length) << 4) | token.length;
  if (form !== undefined) bytes.writeUIntBE(length - form.least, 1, extra);
  bytes[1 + extra] = code;
  writeContent(bytes, 2 + extra, message, options);
  return bytes;
}

/** Why a stream cannot be read any further. */
export type FrameFault = 'malformed' | 'too-large';

/** Finds messages in a stream that is cut anywhere. Each byte is copied once at most. */
export interface FrameReader {
  push(bytes: Uint8Array): void;
  /** The next message that is there whole. After a fault, the reader is of no more use. */
  next(): Message | FrameFault | undefined;
}

/** @param mostBytes of one message, from its first byte to its last; nothing larger is ever kept */
export function createFrameReader(mostBytes: number): FrameReader {
  /** what has come and is not read, from `at` on */
  let input: Uint8Array = NO_BYTES;
  let at = 0;
  /** the beginning of a message whose length is not known yet */
  const head = Buffer.alloc(LONGEST_HEAD);
  let headLength = 0;
  /** a message that is not there whole, as long as it will be */
  let frame: Buffer | undefined;
  let filled = 0;

  const fault = (size: number): FrameFault | undefined =>
    size < 0 ? 'malformed' : size > mostBytes ? 'too-large' : undefined;

  /** Most messages come whole, and are read where they lie. */
  const wholeFrame = (): Uint8Array | FrameFault | undefined => {
    const size = frameSize(input, at, input.length);
    if (size === undefined) return undefined;
    const broken = fault(size);
    if (broken !== undefined) return broken;
    if (at + size > input.length) return undefined;
    const whole = input.subarray(at, at + size);
    at += size;
    return whole;
  };

  /** Takes byte after byte until the length is known. */
  const beginFrame = (): FrameFault | undefined => {
    while (frame === undefined && at < input.length) {
      head[headLength++] = input[at++] ?? 0;
      const size = frameSize(head, 0, headLength);
      if (size === undefined) continue;
      const broken = fault(size);
      if (broken !== undefined) return broken;
      frame = Buffer.allocUnsafe(size);
      head.copy(frame, 0, 0, headLength);
      filled = headLength;
      headLength = 0;
    }
    return undefined;
  };

  const fillFrame = (): Uint8Array | undefined => {
    if (frame === undefined) return undefined;
    const end = Math.min(input.length, at + frame.length - filled);
    frame.set(input.subarray(at, end), filled);
    filled += end - at;
    at = end;
    if (filled < frame.length) return undefined;
    const whole = frame;
    frame = undefined;
    return whole;
  };

  const nextFrame = (): Uint8Array | FrameFault | undefined => {
    if (at < input.length && frame === undefined && headLength === 0) {
      const whole = wholeFrame();
      if (whole !== undefined) return whole;
    }
    return beginFrame() ?? fillFrame();
  };

  return {
    push(bytes) {
      input = at >= input.length ? bytes : Buffer.concat([input.subarray(at), bytes]);
      at = 0;
    },
    next() {
      const found = nextFrame();
      if (found === undefined || typeof found === 'string') return found;
      return decodeFrame(found) ?? 'malformed';
    },
  };
}

/** How long the message is that begins at `at`; -1 if there is none like that; undefined while one cannot say. */
function frameSize(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (at >= end) return undefined;
  const first = bytes[at] ?? 0;
  const tokenLength = first & 15;
  if (tokenLength > LONGEST_TOKEN) return -1;
  const nibble = first >> 4;
  const extra = EXTRA[nibble] ?? 0;
  if (at + 1 + extra > end) return undefined;
  let rest = 0;
  for (let more = 1; more <= extra; more++) rest = rest * 256 + (bytes[at + more] ?? 0);
  return 2 + extra + tokenLength + (LEAST[nibble] ?? 0) + rest;
}

/** Undefined for a message format error. There are no types and no ids; every message is as good as confirmed. */
function decodeFrame(bytes: Uint8Array): Message | undefined {
  const first = bytes[0] ?? 0;
  const codeAt = 1 + (EXTRA[first >> 4] ?? 0);
  const tokenEnd = codeAt + 1 + (first & 15);
  const code = bytes[codeAt] ?? 0;
  const options: Option[] = [];
  // An empty message is ignored, whatever is in it (RFC 8323 3.4).
  const payloadAt = code === EMPTY_CODE ? bytes.length : readOptions(bytes, tokenEnd, options);
  if (payloadAt === undefined) return undefined;
  return {
    type: MessageType.confirmable,
    code,
    mid: 0,
    token: tokenEnd === codeAt + 1 ? NO_BYTES : bytes.subarray(codeAt + 1, tokenEnd),
    options,
    payload: payloadAt === bytes.length ? NO_BYTES : bytes.subarray(payloadAt),
  };
}
