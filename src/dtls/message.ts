import { createReader, uint } from './bytes.ts';
import { malformed } from './fault.ts';

/** A whole handshake message. */
export interface Message {
  readonly type: number;
  /** message_seq */
  readonly sequence: number;
  readonly body: Buffer;
}

/** A part of one (RFC 6347 4.2.3). */
export interface Fragment {
  readonly type: number;
  readonly sequence: number;
  /** of the whole message */
  readonly length: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

export const FRAGMENT_HEADER = 12;

/** A message, or with `length` the part of it from `offset` on, with its header. */
export function encodeFragment(
  { type, sequence, body }: Message,
  offset = 0,
  length: number = body.length,
): Buffer {
  return Buffer.concat([
    uint(type, 1),
    uint(body.length, 3),
    uint(sequence, 2),
    uint(offset, 3),
    uint(length, 3),
    body.subarray(offset, offset + length),
  ]);
}

/**
 * The fragments in a record.
 * @throws GatewayError `dtls.malformed`
 */
export function decodeFragments(content: Uint8Array): Fragment[] {
  const reader = createReader(content);
  const fragments: Fragment[] = [];
  while (reader.left > 0) {
    const type = reader.uint(1);
    const length = reader.uint(3);
    const sequence = reader.uint(2);
    const offset = reader.uint(3);
    const bytes = reader.vector(3);
    if (offset + bytes.length > length) throw malformed('a fragment beyond the end of its message');
    fragments.push({ type, sequence, length, offset, bytes });
  }
  return fragments;
}
