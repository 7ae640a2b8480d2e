/** The least of CoAP that a server of the bench needs (RFC 7252 3): light, and no code of the gateway. */

export const TYPE = { confirmable: 0, acknowledgement: 2 } as const;
export const CODE = {
  get: 1,
  post: 2,
  delete: 4,
  created: 0x41,
  deleted: 0x42,
  changed: 0x44,
  content: 0x45,
  continue: 0x5f,
} as const;
export const OPTION = { observe: 6, locationPath: 8, uriPath: 11, accept: 17, block1: 27 } as const;

export type OptionBytes = readonly [number: number, value: Buffer];

export interface Message {
  readonly type: number;
  readonly code: number;
  readonly mid: number;
  readonly token: Buffer;
  readonly path: readonly string[];
  readonly block1: Buffer | undefined;
  readonly payload: Buffer;
}

const MARKER = 0xff;

function extended(bytes: Buffer, at: number, nibble: number): readonly [value: number, next: number] {
  if (nibble === 13) return [13 + bytes.readUInt8(at), at + 1];
  if (nibble === 14) return [269 + bytes.readUInt16BE(at), at + 2];
  return [nibble, at];
}

/** @throws RangeError for what is no message; only messages of peers that we started come here */
export function readMessage(bytes: Buffer): Message {
  const tokenEnd = 4 + (bytes.readUInt8(0) & 15);
  const path: string[] = [];
  let block1: Buffer | undefined;
  let at = tokenEnd;
  for (let number = 0; at < bytes.length && bytes[at] !== MARKER; ) {
    const head = bytes.readUInt8(at);
    const [delta, afterDelta] = extended(bytes, at + 1, head >> 4);
    const [length, start] = extended(bytes, afterDelta, head & 15);
    number += delta;
    if (number === OPTION.uriPath) path.push(bytes.toString('utf8', start, start + length));
    if (number === OPTION.block1) block1 = bytes.subarray(start, start + length);
    at = start + length;
  }
  return {
    type: (bytes.readUInt8(0) >> 4) & 3,
    code: bytes.readUInt8(1),
    mid: bytes.readUInt16BE(2),
    token: bytes.subarray(4, tokenEnd),
    path,
    block1,
    payload: bytes.subarray(Math.min(at + 1, bytes.length)),
  };
}

/** @param options by rising number, each shorter than 13 bytes, no more than 268 from one number to the next */
export function writeMessage(
  type: number,
  code: number,
  mid: number,
  token: Buffer,
  options: readonly OptionBytes[] = [],
): Buffer {
  const header = Buffer.from([0x40 | (type << 4) | token.length, code, mid >> 8, mid & 255]);
  let previous = 0;
  const parts = options.flatMap(([number, value]) => {
    const delta = number - previous;
    previous = number;
    const head = delta < 13 ? [(delta << 4) | value.length] : [(13 << 4) | value.length, delta - 13];
    return [Buffer.from(head), value];
  });
  return Buffer.concat([header, token, ...parts]);
}

/** `/m01/3/0/0` as options. */
export function pathOptions(path: string): OptionBytes[] {
  const segments = path.split('/').filter((segment) => segment !== '');
  return segments.map((segment) => [OPTION.uriPath, Buffer.from(segment)]);
}
