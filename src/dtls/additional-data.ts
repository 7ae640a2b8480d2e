import { VERSION_1_2 } from './numbers.ts';

/** Where a record stands in the stream. */
export interface RecordPlace {
  /** as the header says */
  readonly type: number;
  readonly epoch: number;
  readonly sequence: number;
}

/** Epoch and sequence number in 8 bytes, as they stand in headers, nonces and additional data. */
export function writeNumber(bytes: Buffer, { epoch, sequence }: Omit<RecordPlace, 'type'>, at: number): void {
  bytes.writeUInt16BE(epoch, at);
  bytes.writeUInt16BE(Math.floor(sequence / 2 ** 32), at + 2);
  bytes.writeUInt32BE(sequence % 2 ** 32, at + 4);
}

/** What is authenticated beside the content; the result holds until the next call. */
export type AdditionalData = (place: RecordPlace, length: number) => Buffer;

/** RFC 6347 4.1.2.1 with RFC 5246 6.2.3.3. The same bytes go into the MAC of a CBC suite. */
function withoutCid(): AdditionalData {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt16BE(VERSION_1_2, 9);
  return (place, length) => {
    writeNumber(bytes, place, 0);
    bytes.writeUInt8(place.type, 8);
    bytes.writeUInt16BE(length, 11);
    return bytes;
  };
}

/** RFC 9146 5: placeholder, type, length of the CID, and then the header as it is. */
function withCid(cid: Uint8Array): AdditionalData {
  const bytes = Buffer.alloc(23 + cid.length, 0xff);
  bytes.writeUInt8(cid.length, 9);
  bytes.writeUInt16BE(VERSION_1_2, 11);
  bytes.set(cid, 21);
  return (place, length) => {
    bytes.writeUInt8(place.type, 8);
    bytes.writeUInt8(place.type, 10);
    writeNumber(bytes, place, 13);
    bytes.writeUInt16BE(length, 21 + cid.length);
    return bytes;
  };
}

/** @param cid of the receiver of the records; empty: none */
export function createAdditionalData(cid: Uint8Array): AdditionalData {
  return cid.length === 0 ? withoutCid() : withCid(cid);
}
