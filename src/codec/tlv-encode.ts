import { type Entry, formatPath, isWithin, type ObjectLink, type Path } from '../model/index.ts';
import { checkText, output as out } from './bytes.ts';
import { fault } from './fault.ts';
import type { EncodeRequest } from './format.ts';
import { type Item, nestable } from './order.ts';
import { INSTANCE, MOST_BYTES, MULTIPLE, RESOURCE, RESOURCE_INSTANCE, WIDE_ID } from './tlv-kind.ts';
import { type ValueWriter, writeValue } from './value.ts';

/**
 * TLV is written from its end to its beginning: when the header of a container is due, its length is known.
 * `out.at` is the first byte that is written.
 */

/** Headers of instance, resource and resource instance, of up to 6 bytes each, and a value of up to 8. */
const MOST_PER_ENTRY = 3 * 6 + 8;

function sizeBound({ value }: Item): number {
  if (typeof value === 'string') return MOST_PER_ENTRY + value.length * 3;
  return MOST_PER_ENTRY + (value instanceof Uint8Array ? value.length : 0);
}

/** Writes the lowest `size` bytes of a number below 2^31. */
function putUnsigned(value: number, from: number, size: number): void {
  for (let at = from + size - 1, rest = value; at >= from; at--, rest >>= 8) out.bytes[at] = rest;
}

function putHeader(kind: number, id: number, length: number): void {
  if (length > MOST_BYTES) throw fault('not-representable', `${length} bytes are too many for TLV`);
  const lengthBytes = length < 8 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
  const idBytes = id < 0x100 ? 1 : 2;
  out.at -= lengthBytes + idBytes + 1;
  const { bytes, at } = out;
  bytes[at] = kind | (idBytes === 2 ? WIDE_ID : 0) | (lengthBytes << 3) | (lengthBytes === 0 ? length : 0);
  putUnsigned(id, at + 1, idBytes);
  putUnsigned(length, at + 1 + idBytes, lengthBytes);
}

function putBytes(value: Uint8Array): void {
  out.at -= value.length;
  out.bytes.set(value, out.at);
}

function putText(text: string): void {
  const size = Buffer.byteLength(text);
  if (size !== text.length) checkText(text);
  out.at -= size;
  out.bytes.write(text, out.at, 'utf8');
}

/** 4 bytes when that is exact, else 8. */
function putFloat(value: number): void {
  if (Math.fround(value) === value) {
    out.at -= 4;
    out.bytes.writeFloatBE(value, out.at);
  } else {
    out.at -= 8;
    out.bytes.writeDoubleBE(value, out.at);
  }
}

function integerBytes(value: number | bigint): number {
  for (let bytes = 1; bytes < 8; bytes *= 2) {
    const high = 2 ** (8 * bytes - 1);
    if (value < high && value >= -high) return bytes;
  }
  return 8;
}

/**
 * The shortest of 1, 2, 4 and 8 bytes that says the same to readers with and without a sign: 200 takes two bytes, also
 * as unsigned. Leshan would read one byte C8 as 2^64-56.
 */
function putInteger(value: number | bigint): void {
  const size = integerBytes(value);
  out.at -= size;
  if (size === 8) out.bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)), out.at);
  else out.bytes.writeIntBE(Number(value), out.at, size);
}

function putLink({ object, instance }: ObjectLink): void {
  out.at -= 4;
  out.bytes.writeUInt16BE(object, out.at);
  out.bytes.writeUInt16BE(instance, out.at + 2);
}

const VALUES: ValueWriter<void> = {
  whole: putInteger,
  float: putFloat,
  boolean: (value) => putInteger(value ? 1 : 0),
  text: putText,
  opaque: putBytes,
  link: putLink,
};

function kindOf(level: number, isValue: boolean): number {
  if (level === 1) return INSTANCE;
  if (level === 3) return RESOURCE_INSTANCE;
  return isValue ? RESOURCE : MULTIPLE;
}

/** Puts `items[from..to)`, which have the same ids above `level`. */
function putLevel(items: readonly Item[], from: number, to: number, level: number): void {
  for (let end = to; end > from; ) {
    const last = items[end - 1];
    if (last === undefined) return;
    const id = last.path.ids[level] ?? 0;
    let start = end - 1;
    while (start > from && items[start - 1]?.path.ids[level] === id) start--;
    const after = out.at;
    const isLeaf = last.path.ids.length === level + 1;
    const isValue = isLeaf && last.value !== undefined;
    if (isValue) writeValue(VALUES, last.type, last.value);
    else if (!isLeaf) putLevel(items, start, end, level + 1);
    putHeader(kindOf(level, isValue), id, after - out.at);
    end = start;
  }
}

/** The level whose ids the outermost headers carry, by the count of ids in the path that was asked. */
const OUTER_LEVEL = [undefined, 1, 2, 2, 3] as const;

/** What may need a header: an instance that was asked for and is empty has none, so there is nothing to write. */
function withHeader(empties: readonly Path[] | undefined, level: number): readonly Path[] | undefined {
  return empties?.filter(({ ids }) => ids.length > level);
}

/** Nested as the asked path wants it: an object as instances, an instance as resources (OMA Core 1.2 7.4). */
export function encodeTlv(entries: readonly Entry[], { base, empties }: EncodeRequest): Uint8Array {
  const level = OUTER_LEVEL[base.ids.length];
  if (level === undefined) throw fault('not-representable', 'TLV needs an object in the path');
  const items = nestable(entries, withHeader(empties, level));
  let size = MOST_PER_ENTRY;
  for (const item of items) {
    const { prefix, ids } = item.path;
    if (prefix !== base.prefix || !isWithin(base.ids, ids)) {
      throw fault('not-representable', `TLV has no name for what is not below ${formatPath(base)}`);
    }
    size += sizeBound(item);
  }
  out.start(size);
  const end = out.at + size;
  out.at = end;
  putLevel(items, 0, items.length, level);
  // Nothing at a resource can only be a multiple resource without instances.
  if (items.length === 0 && base.ids.length === 3) putHeader(MULTIPLE, base.ids[2] ?? 0, 0);
  const first = out.at;
  out.at = end;
  return out.finish(first);
}
