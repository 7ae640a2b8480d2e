import { crc16 } from './crc16.ts';
import type { Framing } from './framing.ts';

/** Unit, function, data, checksum: Modbus over Serial Line 1.02 section 2.5.1, and the same bytes on TCP. */

const CRC_BYTES = 2;

export const rtuFraming: Framing = {
  frame(body) {
    const frame = Buffer.allocUnsafe(body.length + CRC_BYTES);
    body.copy(frame);
    frame.writeUInt16LE(crc16(body, body.length), body.length);
    return frame;
  },

  // Silence between frames is not to be trusted behind drivers, USB and TCP: length and checksum find the frame.
  parse(bytes, at, bodyLength) {
    const head = bytes.subarray(at);
    const length = bodyLength(head);
    if (length === undefined || head.length < length + CRC_BYTES) return undefined;
    if (head.readUInt16LE(length) !== crc16(head, length)) return undefined;
    return { body: head.subarray(0, length), from: at, end: at + length + CRC_BYTES };
  },

  head: (bytes) => bytes,
  frameBytes: (bodyBytes) => bodyBytes + CRC_BYTES,
};
