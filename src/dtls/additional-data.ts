import { VERSION_1_2 } from './numbers.ts';

/** Where a record stands in the stream. */
export interface RecordPlace {
  /** as the header says */
  readonly type: number;
  readonly epoch: number;
  readonly sequence: number;
}

/** What is authenticated beside the content; the result holds until the next call. */
export type AdditionalData = (place: RecordPlace, length: number) => Buffer;

/** RFC 6347 4.1.2.1 with RFC 5246 6.2.3.3. The same bytes go into the MAC of a CBC suite. */
function withoutCid(): AdditionalData {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt16BE(VERSION_1_2, 9);
  return ({ type, epoch, sequence }, length) => {
    bytes.writeUInt16BE(epoch, 0);
    bytes.writeUIntBE(sequence, 2, 6);
    bytes.writeUInt8(type, 8);
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
  return ({ type, epoch, sequence }, length) => {
    bytes.writeUInt8(type, 8);
    bytes.writeUInt8(type, 10);
    bytes.writeUInt16BE(epoch, 13);
    bytes.writeUIntBE(sequence, 15, 6);
    bytes.writeUInt16BE(length, 21 + cid.length);
    return bytes;
  };
}

/** @param cid of the receiver of the records; empty: none */
export function createAdditionalData(cid: Uint8Array): AdditionalData {
  return cid.length === 0 ? withoutCid() : withCid(cid);
}
