import { isUtf8 } from 'node:buffer';
import type { FieldValue } from 'lwm2m-gateway/adapter';
import type { DateCodec } from './datetime.ts';
import { type Bits, NUMERIC_TYPES, type NumericType } from './numeric.ts';

/**
 * Where the most significant byte A of a value is. The letters are those of two registers; with four registers the
 * rule goes on: CDAB has the words of ABCD in reverse, BADC the bytes within each word, DCBA both.
 */
export type Order = 'ABCD' | 'CDAB' | 'BADC' | 'DCBA';

/** Values in the registers (or the coil) of one point, in both directions. */
export interface ValueCodec {
  /**
   * The value at `at`: a byte of register data, or a bit of coil data. The bytes must be there.
   * @returns undefined when the device says that it has no value, or says what is none (NaN, a BCD digit above 9)
   */
  decode(data: Buffer, at: number): FieldValue | undefined;
  /** The registers that say `value`, or why it does not fit; nothing is ever cut off. */
  encode(value: FieldValue): { readonly data: Buffer } | { readonly fault: string };
}

/** Types whose length is part of the point. */
const BLOCK_TYPES = ['string', 'bytes'] as const;
/** Types that mean a time in the zone of the device. */
const DATE_TYPES = ['cp56time2a', 'datetime'] as const;

type BlockType = (typeof BLOCK_TYPES)[number];
type DateType = (typeof DATE_TYPES)[number];
export type ValueType = keyof typeof NUMERIC_TYPES | BlockType | DateType;

export const VALUE_TYPES = [
  ...Object.keys(NUMERIC_TYPES),
  ...BLOCK_TYPES,
  ...DATE_TYPES,
] as readonly ValueType[];

export function isBlockType(type: ValueType): type is BlockType {
  return type === 'string' || type === 'bytes';
}

export function isDateType(type: ValueType): type is DateType {
  return type === 'cp56time2a' || type === 'datetime';
}

function numericOf(type: ValueType): NumericType | undefined {
  return isBlockType(type) || isDateType(type) ? undefined : NUMERIC_TYPES[type];
}

/** Registers that a value takes; `length` counts for strings, bytes and packed dates. */
export function registersOf(type: ValueType, length: number): number {
  return type === 'cp56time2a' ? 4 : (numericOf(type)?.registers ?? length);
}

/** Reads and writes the words of a value in one order. */
interface Words {
  read(data: Buffer, at: number): Bits;
  write(bits: Bits): Buffer;
}

const ORDERS: Readonly<Record<Order, { readonly swapBytes: boolean; readonly swapWords: boolean }>> = {
  ABCD: { swapBytes: false, swapWords: false },
  CDAB: { swapBytes: false, swapWords: true },
  BADC: { swapBytes: true, swapWords: false },
  DCBA: { swapBytes: true, swapWords: true },
};

export const ORDER_NAMES = Object.keys(ORDERS) as readonly Order[];

function createWords(registers: NumericType['registers'], order: Order): Words {
  const { swapBytes, swapWords } = ORDERS[order];
  const read16 = (data: Buffer, at: number): number =>
    swapBytes ? data.readUInt16LE(at) : data.readUInt16BE(at);
  const read32 = (data: Buffer, at: number): number =>
    swapWords
      ? read16(data, at + 2) * 0x10000 + read16(data, at)
      : read16(data, at) * 0x10000 + read16(data, at + 2);
  const read64 = (data: Buffer, at: number): bigint => {
    const first = BigInt(read32(data, at));
    const second = BigInt(read32(data, at + 4));
    return swapWords ? (second << 32n) | first : (first << 32n) | second;
  };
  const read48 = (data: Buffer, at: number): number => {
    const words = [read16(data, at), read16(data, at + 2), read16(data, at + 4)];
    if (swapWords) words.reverse();
    return words.reduce((bits, word) => bits * 0x10000 + word, 0);
  };
  return {
    read: { 1: read16, 2: read32, 3: read48, 4: read64 }[registers],
    write(bits) {
      const data = Buffer.alloc(2 * registers);
      let rest = BigInt(bits);
      for (let word = 0; word < registers; word++) {
        const at = 2 * (swapWords ? word : registers - 1 - word);
        const low = Number(rest & 0xffffn);
        if (swapBytes) data.writeUInt16LE(low, at);
        else data.writeUInt16BE(low, at);
        rest >>= 16n;
      }
      return data;
    },
  };
}

/** `std`, or the patterns that mean "no value", compared with the bits before they mean anything else. */
export type NanRule = 'std' | readonly Bits[];

function nanPatterns(type: NumericType, rule: NanRule | undefined): readonly Bits[] {
  if (rule === undefined) return [];
  if (rule === 'std') return type.standardNan;
  return rule.map((bits) => (type.registers === 4 ? BigInt(bits) : Number(bits)));
}

function numericCodec(type: NumericType, order: Order, nan: readonly Bits[], fault: string): ValueCodec {
  const words = createWords(type.registers, order);
  return {
    decode(data, at) {
      const bits = words.read(data, at);
      return nan.length > 0 && nan.includes(bits) ? undefined : type.toValue(bits);
    },
    encode(value) {
      const bits = type.toBits(value);
      if (bits === undefined) return { fault: `${describe(value)} ${fault}` };
      if (nan.includes(bits)) return { fault: `${describe(value)} is the pattern that means "no value"` };
      return { data: words.write(bits) };
    },
  };
}

/** The bits of a register on the wire that a value is made of; undefined: all of them. */
export function maskOf({ type, order, bit }: ValueFormat): number | undefined {
  const mask = bit === undefined ? numericOf(type)?.mask : 1 << bit;
  return mask === undefined ? undefined : createWords(1, order).write(mask).readUInt16BE(0);
}

/** One bit of a register; what it encodes has the other fifteen at 0, and they must be left as they are. */
function bitCodec(bit: number, order: Order, nan: readonly Bits[]): ValueCodec {
  const words = createWords(1, order);
  return {
    decode(data, at) {
      const bits = words.read(data, at);
      return nan.includes(bits) ? undefined : ((Number(bits) >> bit) & 1) === 1;
    },
    encode: (value) =>
      typeof value === 'boolean'
        ? { data: words.write(value ? 1 << bit : 0) }
        : { fault: `${describe(value)} is not a boolean` },
  };
}

/** Texts and bytes keep the order of their registers; BADC and DCBA swap the two bytes in each. */
function blockBytes(data: Buffer, order: Order): Buffer {
  return ORDERS[order].swapBytes ? Buffer.from(data).swap16() : Buffer.from(data);
}

function bytesCodec(registers: number, order: Order): ValueCodec {
  const size = 2 * registers;
  return {
    decode: (data, at) => new Uint8Array(blockBytes(data.subarray(at, at + size), order)),
    encode(value) {
      if (!(value instanceof Uint8Array) || value.length !== size) {
        return { fault: `${describe(value)} is not ${size} bytes` };
      }
      return { data: blockBytes(Buffer.from(value), order) };
    },
  };
}

/** UTF-8 (or Latin-1 where it is no UTF-8) up to the first NUL, without the blanks that fill it up. */
function stringCodec(registers: number, order: Order, emptyIsNan: boolean): ValueCodec {
  const size = 2 * registers;
  return {
    decode(data, at) {
      const bytes = blockBytes(data.subarray(at, at + size), order);
      if (emptyIsNan && bytes.every((byte) => byte === bytes[0] && (byte === 0 || byte === 0xff)))
        return undefined;
      const end = bytes.indexOf(0);
      const text = end < 0 ? bytes : bytes.subarray(0, end);
      return text.toString(isUtf8(text) ? 'utf8' : 'latin1').trimEnd();
    },
    encode(value) {
      const text = typeof value === 'string' ? Buffer.from(value, 'utf8') : undefined;
      if (text === undefined || text.length > size || text.includes(0)) {
        return { fault: `${describe(value)} is not a text of at most ${size} bytes` };
      }
      const padded = Buffer.alloc(size);
      text.copy(padded);
      return { data: blockBytes(padded, order) };
    },
  };
}

/** Dates stand in registers as a number of as many bytes does. */
function dateCodec(registers: number, order: Order, date: DateCodec): ValueCodec {
  const { swapBytes, swapWords } = ORDERS[order];
  const ordered = (data: Buffer): Buffer => {
    const bytes = Buffer.from(data);
    if (swapBytes) bytes.swap16();
    return swapWords ? bytes.swap16().reverse() : bytes;
  };
  return {
    decode: (data, at) => date.decode(ordered(data.subarray(at, at + 2 * registers))),
    encode(value) {
      const bytes = date.encode(value);
      return bytes === undefined
        ? { fault: `${describe(value)} is no time that the device can show` }
        : { data: ordered(bytes) };
    },
  };
}

/** A coil or discrete input; `at` counts bits (Modbus Application Protocol 1.1b3 section 6.1). */
export const coilCodec: ValueCodec = {
  decode: (data, at) => ((data.readUInt8(at >> 3) >> (at & 7)) & 1) === 1,
  encode: (value) =>
    typeof value === 'boolean'
      ? { data: Buffer.from([Number(value)]) }
      : { fault: `${describe(value)} is not a boolean` },
};

export interface ValueFormat {
  readonly type: ValueType;
  readonly order: Order;
  /** registers, for strings and bytes */
  readonly length: number;
  /** for `bool` in a register: only this bit, 0 = least significant */
  readonly bit?: number | undefined;
  readonly nan?: NanRule | undefined;
  /** for dates */
  readonly date?: DateCodec | undefined;
}

const NO_DATE: DateCodec = { decode: () => undefined, encode: () => undefined };

/** The codec of a value in registers. */
export function createValueCodec(format: ValueFormat): ValueCodec {
  const { type, order, length, bit, nan, date } = format;
  if (type === 'bytes') return bytesCodec(length, order);
  if (type === 'string') return stringCodec(length, order, nan !== undefined);
  if (isDateType(type)) return dateCodec(registersOf(type, length), order, date ?? NO_DATE);
  const numeric: NumericType = NUMERIC_TYPES[type];
  const patterns = nanPatterns(numeric, nan);
  if (bit !== undefined) return bitCodec(bit, order, patterns);
  return numericCodec(numeric, order, patterns, `does not fit into ${type}`);
}

function describe(value: FieldValue): string {
  if (value instanceof Uint8Array) return `a value of ${value.length} bytes`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
