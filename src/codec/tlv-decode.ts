import { type DataType, MAX_ID, type Path, type Value, wholeNumber } from '../model/index.ts';
import { bufferOf, ownBytes, readUtf8 } from './bytes.ts';
import { Collector, type Said } from './collect.ts';
import { fault } from './fault.ts';
import type { DecodeContext } from './format.ts';
import { idsBelow } from './ids.ts';
import { INSTANCE, MULTIPLE, RESOURCE, RESOURCE_INSTANCE, WIDE_ID } from './tlv-kind.ts';

interface Tlv {
  readonly kind: number;
  readonly id: number;
  /** Where the value lies in the payload. */
  readonly from: number;
  readonly to: number;
}

/** The TLVs that fill `bytes[from..to)`. */
function readTlvs(bytes: Buffer, from: number, to: number): Tlv[] {
  const tlvs: Tlv[] = [];
  for (let at = from; at < to; ) {
    const tlv = readTlv(bytes, at, to);
    tlvs.push(tlv);
    at = tlv.to;
  }
  return tlvs;
}

/** An unsigned number of up to 4 bytes, which are known to be there. */
function readUnsigned(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 256 + (bytes[at] ?? 0);
  return value;
}

function readTlv(bytes: Buffer, at: number, end: number): Tlv {
  const type = bytes[at] ?? 0;
  const idBytes = type & WIDE_ID ? 2 : 1;
  const lengthBytes = (type >> 3) & 3;
  const from = at + 1 + idBytes + lengthBytes;
  if (from > end) throw fault('truncated', 'TLV ends within a header');
  const length = lengthBytes === 0 ? type & 7 : readUnsigned(bytes, at + 1 + idBytes, from);
  if (length > end - from) throw fault('truncated', 'TLV ends within a value');
  return { kind: type & 0xc0, id: readUnsigned(bytes, at + 1, at + 1 + idBytes), from, to: from + length };
}

/** Bytes as whole number; the bytes do not tell whether they are signed, the resource's type does. */
function readInteger(bytes: Buffer, { from, to }: Tlv, isSigned: boolean): number | bigint {
  const size = to - from;
  if (size === 8) return wholeNumber(isSigned ? bytes.readBigInt64BE(from) : bytes.readBigUInt64BE(from));
  if (size === 1 || size === 2 || size === 4) {
    const value = readUnsigned(bytes, from, to);
    return isSigned && value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
  }
  throw fault('type-mismatch', `${size} bytes are no integer`);
}

function readFloat(bytes: Buffer, { from, to }: Tlv): number {
  if (to - from === 4) return bytes.readFloatBE(from);
  if (to - from === 8) return bytes.readDoubleBE(from);
  throw fault('type-mismatch', `${to - from} bytes are no float`);
}

function readBoolean(bytes: Buffer, { from, to }: Tlv): boolean {
  const byte = bytes[from];
  if (to - from === 1 && (byte === 0 || byte === 1)) return byte === 1;
  throw fault('type-mismatch', 'a boolean is one byte 0 or 1');
}

function readObjectLink(bytes: Buffer, { from, to }: Tlv): Value {
  if (to - from !== 4) throw fault('type-mismatch', `${to - from} bytes are no object link`);
  return { object: bytes.readUInt16BE(from), instance: bytes.readUInt16BE(from + 2) };
}

/** Undefined for a resource of unknown type: its bytes may mean anything. */
function readValue(bytes: Buffer, tlv: Tlv, type: DataType | undefined): Value | undefined {
  switch (type) {
    case 'integer':
    case 'time':
      return readInteger(bytes, tlv, true);
    case 'unsigned':
      return readInteger(bytes, tlv, false);
    case 'float':
      return readFloat(bytes, tlv);
    case 'boolean':
      return readBoolean(bytes, tlv);
    case 'string':
    case 'corelnk':
      return readUtf8(bytes, tlv.from, tlv.to);
    case 'objlnk':
      return readObjectLink(bytes, tlv);
    case 'opaque':
    case 'none':
      return ownBytes(bytes, tlv.from, tlv.to);
    case undefined:
      return undefined;
  }
}

/** Walks the nesting of one payload. */
interface Walk {
  readonly bytes: Buffer;
  readonly collector: Collector;
  readonly prefix: string;
}

function misplaced(): Error {
  return fault('malformed', 'a TLV of a kind that does not belong there');
}

function addValue({ bytes, collector, prefix }: Walk, ids: Path['ids'], tlv: Tlv): void {
  collector.add({ prefix, ids }, (type) => readValue(bytes, tlv, type));
}

function addEmpty({ collector, prefix }: Walk, ids: Path['ids']): void {
  collector.addEmpty({ prefix, ids });
}

/** Resource instances of the resource `ids`. */
function addResourceInstances(walk: Walk, ids: Path['ids'], { from, to }: Tlv): void {
  if (from === to) addEmpty(walk, ids);
  for (const tlv of readTlvs(walk.bytes, from, to)) {
    if (tlv.kind !== RESOURCE_INSTANCE) throw misplaced();
    addValue(walk, idsBelow(ids, tlv.id), tlv);
  }
}

/** Resources of the instance `ids`. */
function addResources(walk: Walk, ids: Path['ids'], tlvs: readonly Tlv[]): void {
  for (const tlv of tlvs) {
    const resource = idsBelow(ids, tlv.id);
    if (tlv.kind === RESOURCE) addValue(walk, resource, tlv);
    else if (tlv.kind === MULTIPLE) addResourceInstances(walk, resource, tlv);
    else throw misplaced();
  }
}

/** Instances of the object `ids`; resources alone are an instance that the receiver chooses (Create). */
function addInstances(walk: Walk, ids: Path['ids'], tlvs: readonly Tlv[]): void {
  if (tlvs.every((tlv) => tlv.kind !== INSTANCE)) {
    addResources(walk, idsBelow(ids, MAX_ID), tlvs);
    return;
  }
  for (const tlv of tlvs) {
    if (tlv.kind !== INSTANCE) throw misplaced();
    const instance = idsBelow(ids, tlv.id);
    if (tlv.from === tlv.to) addEmpty(walk, instance);
    addResources(walk, instance, readTlvs(walk.bytes, tlv.from, tlv.to));
  }
}

/** Resources of the instance that was asked; its own instance TLV around them is tolerated. */
function addInstance(walk: Walk, ids: Path['ids'], tlvs: readonly Tlv[]): void {
  const [first] = tlvs;
  if (first?.kind === INSTANCE) addInstances(walk, ids.slice(0, 1), tlvs);
  else addResources(walk, ids, tlvs);
}

/** The one resource that was asked. */
function addResource(walk: Walk, ids: Path['ids'], tlvs: readonly Tlv[]): void {
  if (tlvs.length !== 1) throw fault('malformed', `${tlvs.length} TLVs for one resource`);
  addResources(walk, ids.slice(0, 2), tlvs);
}

/** The one resource instance that was asked; its multiple resource around it is tolerated. */
function addResourceInstance(walk: Walk, ids: Path['ids'], tlvs: readonly Tlv[]): void {
  const [tlv] = tlvs;
  if (tlv === undefined || tlvs.length !== 1) {
    throw fault('malformed', `${tlvs.length} TLVs for one resource instance`);
  }
  if (tlv.kind === RESOURCE_INSTANCE) addValue(walk, idsBelow(ids.slice(0, 3), tlv.id), tlv);
  else addResource(walk, ids, tlvs);
}

const BY_DEPTH = [undefined, addInstances, addInstance, addResource, addResourceInstance] as const;

export function decodeTlv(bytes: Uint8Array, context: DecodeContext): Said {
  const { prefix, ids } = context.base;
  const add = BY_DEPTH[ids.length];
  if (add === undefined) throw fault('malformed', 'TLV has no names, so it needs an object in the path');
  const walk: Walk = { bytes: bufferOf(bytes), collector: new Collector(context), prefix };
  add(walk, ids, readTlvs(walk.bytes, 0, bytes.length));
  return walk.collector.finish();
}
