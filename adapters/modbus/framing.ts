import { EXCEPTION_BYTES, EXCEPTION_FLAG, type Request, replyBytes } from './pdu.ts';

/** A sound frame among other bytes. */
export interface Frame {
  /** unit, function, data; may be a view of the bytes that were searched */
  readonly body: Buffer;
  /** where it begins, and the first byte after it */
  readonly from: number;
  readonly end: number;
}

/** How long a body is that begins with `head`; undefined: not known yet, or not wanted. */
export type BodyLength = (head: Buffer) => number | undefined;

/** How bodies stand on a line, on which nothing but their checksum and their sense tells them from noise. */
export interface Framing {
  /** The frame of a body. */
  frame(body: Buffer): Buffer;
  /** The sound frame that begins exactly at `at`, if all of it is there and its body has the length it should. */
  parse(bytes: Buffer, at: number, bodyLength: BodyLength): Frame | undefined;
  /** The beginning of a body in the beginning of a frame; may be empty. */
  head(bytes: Buffer): Buffer;
  /** Bytes of a frame around a body of so many bytes. */
  frameBytes(bodyBytes: number): number;
}

/** The first sound frame at or behind `from`. */
export function findFrame(
  framing: Framing,
  bytes: Buffer,
  from: number,
  bodyLength: BodyLength,
): Frame | undefined {
  for (let at = from; at < bytes.length; at++) {
    const frame = framing.parse(bytes, at, bodyLength);
    if (frame !== undefined) return frame;
  }
  return undefined;
}

/** The length of what could be the answer of `unit` to the request; what it says is for others to judge. */
export function answerLength(unit: number, request: Request): BodyLength {
  return (head) => {
    if (head[0] !== unit) return undefined;
    if (head[1] === request.function) return replyBytes(request);
    return head[1] === (request.function | EXCEPTION_FLAG) ? EXCEPTION_BYTES : undefined;
  };
}
