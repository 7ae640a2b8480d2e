import { type BodyLength, type Frame, type Framing, findFrame } from './framing.ts';
import { createMbapReader, mbapFrame } from './mbap.ts';
import { EXCEPTION_BYTES, EXCEPTION_FLAG } from './pdu.ts';
import { requestLength, type Wire } from './wires.ts';

/** Whose bytes these are: on a line both speak on the same wires. */
export type Side = 'master' | 'slave' | 'both';

/** A frame that was heard, or bytes that are none. */
export interface HeardFrame {
  readonly kind: 'request' | 'answer' | 'noise';
  /** as they were on the medium */
  readonly bytes: Buffer;
  /** unit, function, data; empty for noise */
  readonly body: Buffer;
}

/** Understands what others say to each other. */
export interface Ear {
  /** @param now ms, of any clock that runs evenly */
  hear(chunk: Buffer, side: Side, now: number): HeardFrame[];
  /** Nobody has spoken for a while: what is not whole by now never will be. */
  silence(): HeardFrame[];
}

/** So long after a request an answer may come; an equal frame after that is the request once more. */
const ANSWER_WITHIN_MS = 1000;

/** More than any frame: a medium on which this makes no sense carries something else. */
const MOST_BYTES = 2048;
const NOTHING: Buffer = Buffer.alloc(0);

/** How long the answer to a request is. */
function answerLengthOf(request: Buffer): BodyLength {
  const [unit = 0, code = 0] = request;
  const count = request.length >= 6 ? request.readUInt16BE(4) : 0;
  const bytes = code <= 2 ? 3 + Math.ceil(count / 8) : code <= 4 || code === 23 ? 3 + 2 * count : undefined;
  return (head) => {
    if (head[0] !== unit) return undefined;
    if (head[1] === (code | EXCEPTION_FLAG)) return EXCEPTION_BYTES;
    return head[1] === code ? (bytes ?? (code === 22 ? 8 : 6)) : undefined;
  };
}

/** How long an answer is whose request nobody heard. */
const anyAnswerLength: BodyLength = (head) => {
  const code = head[1] ?? 0;
  if (code & EXCEPTION_FLAG) return EXCEPTION_BYTES;
  if (code <= 4 || code === 23) return head[2] === undefined ? undefined : 3 + head[2];
  return code === 22 ? 8 : 6;
};

interface Found extends Frame {
  readonly kind: 'request' | 'answer';
}

/**
 * RTU and ASCII. A frame is found by its length and checksum; whether it is a request or the answer to one, which often
 * look alike, by who waits for an answer, from whom, and since when.
 */
function createLineEar(framing: Framing): Ear {
  const rests = new Map<Side, Buffer>();
  let asked: { readonly body: Buffer; readonly at: number } | undefined;

  function understand(bytes: Buffer, side: Side, now: number, find: typeof frameAt): Found | undefined {
    const answer = (length: BodyLength): Found | undefined => {
      const frame = side === 'master' ? undefined : find(bytes, length);
      return frame && { ...frame, kind: 'answer' };
    };
    const request = (): Found | undefined => {
      const frame = side === 'slave' ? undefined : find(bytes, requestLength);
      return frame && { ...frame, kind: 'request' };
    };
    const isExpected = asked !== undefined && now - asked.at <= ANSWER_WITHIN_MS;
    const expected = asked !== undefined && isExpected ? answer(answerLengthOf(asked.body)) : undefined;
    return expected ?? request() ?? answer(anyAnswerLength);
  }

  const frameAt = (bytes: Buffer, length: BodyLength): Frame | undefined => framing.parse(bytes, 0, length);
  const frameAnywhere = (bytes: Buffer, length: BodyLength): Frame | undefined =>
    findFrame(framing, bytes, 0, length);

  function read(side: Side, now: number, find: typeof frameAt): HeardFrame[] {
    const heard: HeardFrame[] = [];
    let bytes = rests.get(side) ?? NOTHING;
    while (bytes.length > 0) {
      const found = understand(bytes, side, now, find);
      if (found === undefined) break;
      if (found.from > 0) heard.push(noise(bytes.subarray(0, found.from)));
      const { kind, from, end, body } = found;
      heard.push({ kind, bytes: Buffer.from(bytes.subarray(from, end)), body: Buffer.from(body) });
      asked = kind === 'request' ? { body: Buffer.from(body), at: now } : undefined;
      bytes = bytes.subarray(end);
    }
    rests.set(side, bytes);
    return heard;
  }

  function giveUp(side: Side, now: number): HeardFrame[] {
    const heard = read(side, now, frameAnywhere);
    const rest = rests.get(side) ?? NOTHING;
    rests.delete(side);
    if (rest.length > 0) heard.push(noise(rest));
    return heard;
  }

  let lastAt = 0;
  return {
    hear(chunk, side, now) {
      lastAt = now;
      rests.set(side, Buffer.concat([rests.get(side) ?? NOTHING, chunk]));
      const heard = read(side, now, frameAt);
      if ((rests.get(side)?.length ?? 0) > MOST_BYTES) heard.push(...giveUp(side, now));
      return heard;
    },
    silence: () => [...rests.keys()].flatMap((side) => giveUp(side, lastAt)),
  };
}

function noise(bytes: Buffer): HeardFrame {
  return { kind: 'noise', bytes: Buffer.from(bytes), body: NOTHING };
}

/** Modbus TCP: each side has a stream of its own, and frames have their length before them. */
function createMbapEar(): Ear {
  const heard: HeardFrame[] = [];
  const readerOf = (kind: 'request' | 'answer') =>
    createMbapReader((transaction, body) => {
      const own = Buffer.from(body);
      heard.push({ kind, bytes: mbapFrame(transaction, own), body: own });
      return true;
    });
  const readers = { master: readerOf('request'), slave: readerOf('answer') };
  return {
    hear(chunk, side) {
      const reader = readers[side === 'slave' ? 'slave' : 'master'];
      const fault = reader.push(chunk);
      if (fault !== undefined) {
        reader.clear();
        heard.push(noise(chunk));
      }
      return heard.splice(0);
    },
    silence: () => [],
  };
}

export function createEar({ framing }: Wire): Ear {
  return framing === undefined ? createMbapEar() : createLineEar(framing);
}
