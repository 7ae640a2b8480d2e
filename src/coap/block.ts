import type { Room } from './link.ts';
import { readUint } from './option.ts';

/** One block of a body (RFC 7959 2.2), or several in one message (BERT, RFC 8323 6). */
export interface Block {
  readonly number: number;
  /** whether more blocks follow */
  readonly more: boolean;
  /** size exponent: the size is 2^(szx + 4) bytes; 7: any number of blocks of 1024 bytes */
  readonly szx: number;
}

/** The largest size exponent of a message over datagrams: 1024 bytes. */
export const LARGEST_SZX = 6;
/** Several blocks in one message, over streams only (RFC 8323 6). */
export const BERT_SZX = 7;

/** Bytes of one block, which block numbers count. */
export function sizeOf(szx: number): number {
  return 16 << Math.min(szx, LARGEST_SZX);
}

/** Bytes of a body in one message with blocks of this size, to a peer with this room. */
export function messageSize(szx: number, room: Room): number {
  return szx === BERT_SZX ? room.block : sizeOf(szx);
}

/** Whether a message has as much of the body as its block says: all but the last are full. */
export function isFilled({ more, szx }: Block, length: number): boolean {
  if (szx === BERT_SZX) return !more || (length > 0 && length % sizeOf(szx) === 0);
  return more ? length === sizeOf(szx) : length <= sizeOf(szx);
}

/** Where the block begins in the body, in bytes. */
export function offsetOf(block: Block): number {
  return block.number * sizeOf(block.szx);
}

/** The size exponent of 16, 32, ... 1024; undefined for anything else. */
export function szxOf(size: number): number | undefined {
  for (let szx = 0; szx <= LARGEST_SZX; szx++) if (sizeOf(szx) === size) return szx;
  return undefined;
}

/** The value of a Block option as a number. */
export function blockValue(block: Block): number {
  return block.number * 16 + (block.more ? 8 : 0) + block.szx;
}

/** Reads a Block option into the field that holds its block. */
export const blockInto =
  <Field extends string>(field: Field) =>
  (fields: { [key in Field]: Block | undefined }, value: Uint8Array): boolean => {
    fields[field] = blockOf(readUint(value));
    return true;
  };

/** Reads the value of a Block option. The reserved size exponent 7 comes through: what it means depends on the carrier. */
function blockOf(value: number): Block {
  return { number: Math.floor(value / 16), more: (value & 8) !== 0, szx: value & 7 };
}
