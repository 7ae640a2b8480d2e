/** The header of Modbus on TCP (Messaging on TCP/IP Implementation Guide 1.0b section 3.1.3). */

/** transaction, protocol, length */
const HEADER_BYTES = 6;

/** What `length` may say: unit, function and at least one byte; at most a unit and a PDU of 253. */
const BODY_BYTES = { least: 3, most: 254 };

/** A frame of `body`: unit, function, data. */
export function mbapFrame(transaction: number, body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  frame.writeUInt16BE(transaction, 0);
  frame.writeUInt16BE(0, 2);
  frame.writeUInt16BE(body.length, 4);
  body.copy(frame, HEADER_BYTES);
  return frame;
}

/** Cuts a stream of bytes into frames. */
export interface MbapReader {
  /**
   * Calls back for every whole frame, and keeps the rest for the next chunk.
   * @returns why the stream cannot be trusted any more; nothing behind that is read
   */
  push(chunk: Buffer): string | undefined;
  /** Forgets an unfinished frame, for a new stream. */
  clear(): void;
}

/** @param onFrame `body` (unit, function, data) is valid during the call; false stops reading */
export function createMbapReader(onFrame: (transaction: number, body: Buffer) => boolean): MbapReader {
  /** The beginning of a frame; never longer than a frame, since what is whole has been read. */
  let rest: Buffer | undefined;
  return {
    push(chunk) {
      const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
      rest = undefined;
      let at = 0;
      while (bytes.length - at >= HEADER_BYTES) {
        const fault = headerFault(bytes, at);
        if (fault !== undefined) return fault;
        const end = at + HEADER_BYTES + bytes.readUInt16BE(at + 4);
        if (end > bytes.length) break;
        if (!onFrame(bytes.readUInt16BE(at), bytes.subarray(at + HEADER_BYTES, end))) return undefined;
        at = end;
      }
      if (at < bytes.length) rest = bytes.subarray(at);
      return undefined;
    },
    clear() {
      rest = undefined;
    },
  };
}

function headerFault(bytes: Buffer, at: number): string | undefined {
  const protocol = bytes.readUInt16BE(at + 2);
  if (protocol !== 0) return `protocol ${protocol} instead of 0`;
  const length = bytes.readUInt16BE(at + 4);
  if (length >= BODY_BYTES.least && length <= BODY_BYTES.most) return undefined;
  return `a frame of ${length} bytes`;
}
