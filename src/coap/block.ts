import { readUint } from './option.ts';

/** One block of a body (RFC 7959 2.2). */
export interface Block {
  readonly number: number;
  /** whether more blocks follow */
  readonly more: boolean;
  /** size exponent: the size is 2^(szx + 4) bytes */
  readonly szx: number;
}

/** The largest size exponent of a message over datagrams: 1024 bytes. */
export const LARGEST_SZX = 6;

export function sizeOf(szx: number): number {
  return 16 << szx;
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
