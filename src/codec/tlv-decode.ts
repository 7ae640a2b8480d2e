import { type DataType, type Ids, MAX_ID, type Value, wholeNumber } from '../model/index.ts';
import { bufferOf, ownBytes, readUtf8 } from './bytes.ts';
import { Collector, type Said } from './collect.ts';
import { fault } from './fault.ts';
import type { DecodeContext } from './format.ts';
import { idsBelow } from './ids.ts';
import { INSTANCE, KIND, MULTIPLE, RESOURCE, RESOURCE_INSTANCE, WIDE_ID } from './tlv-kind.ts';

/** A part of the payload. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** The range is that of the value. */
interface Tlv extends Range {
  readonly kind: number;
  readonly id: number;
}

/** An unsigned number of up to 4 bytes, which are known to be there. */
function readUnsigned(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 256 + (bytes[at] ?? 0);
  return value;
}

/** The TLV that begins at `at` and lies before `end`. */
function readTlv(bytes: Buffer, at: number, end: number): Tlv {
  const type = bytes[at] ?? 0;
  const idBytes = type & WIDE_ID ? 2 : 1;
  const lengthBytes = (type >> 3) & 3;
  const from = at + 1 + idBytes + lengthBytes;
  if (from > end) throw fault('truncated', 'TLV ends within a header');
  const length = lengthBytes === 0 ? type & 7 : readUnsigned(bytes, at + 1 + idBytes, from);
  if (length > end - from) throw fault('truncated', 'TLV ends within a value');
  return { kind: type & KIND, id: readUnsigned(bytes, at + 1, at + 1 + idBytes), from, to: from + length };
}

/** The kind of the TLV that begins at `at`; undefined at the end of the payload. */
function kindAt(bytes: Buffer, at: number): number | undefined {
  const type = bytes[at];
  return type === undefined ? undefined : type & KIND;
}

/** The TLV that fills a range. */
function onlyTlv(bytes: Buffer, { from, to }: Range): Tlv {
  if (from === to) throw fault('malformed', 'no TLV where one is due');
  const tlv = readTlv(bytes, from, to);
  if (tlv.to === to) return tlv;
  throw fault('malformed', 'bytes after the one TLV that is due');
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

function addValue({ bytes, collector, prefix }: Walk, ids: Ids, tlv: Tlv): void {
  collector.add({ prefix, ids }, (type) => readValue(bytes, tlv, type));
}

function addEmpty({ collector, prefix }: Walk, ids: Ids): void {
  collector.addEmpty({ prefix, ids });
}

/** Resource instances of the resource `ids`. */
function addResourceInstances(walk: Walk, ids: Ids, { from, to }: Range): void {
  if (from === to) addEmpty(walk, ids);
  for (let at = from; at < to; ) {
    const tlv = readTlv(walk.bytes, at, to);
    if (tlv.kind !== RESOURCE_INSTANCE) throw misplaced();
    addValue(walk, idsBelow(ids, tlv.id), tlv);
    at = tlv.to;
  }
}

function addResource(walk: Walk, instance: Ids, tlv: Tlv): void {
  const ids = idsBelow(instance, tlv.id);
  if (tlv.kind === RESOURCE) addValue(walk, ids, tlv);
  else if (tlv.kind === MULTIPLE) addResourceInstances(walk, ids, tlv);
  else throw misplaced();
}

/** Resources of the instance `ids`. */
function addResources(walk: Walk, ids: Ids, { from, to }: Range): void {
  for (let at = from; at < to; ) {
    const tlv = readTlv(walk.bytes, at, to);
    addResource(walk, ids, tlv);
    at = tlv.to;
  }
}

/** Instances of the object `ids`. */
function addInstances(walk: Walk, ids: Ids, { from, to }: Range): void {
  for (let at = from; at < to; ) {
    const tlv = readTlv(walk.bytes, at, to);
    if (tlv.kind !== INSTANCE) throw misplaced();
    const instance = idsBelow(ids, tlv.id);
    if (tlv.from === tlv.to) addEmpty(walk, instance);
    addResources(walk, instance, tlv);
    at = tlv.to;
  }
}

/** Resources of the instance `ids`; an instance TLV around them is tolerated, the collector sees to its id. */
function addInstance(walk: Walk, ids: Ids, all: Range): void {
  if (kindAt(walk.bytes, all.from) === INSTANCE) addInstances(walk, ids.slice(0, 1), all);
  else addResources(walk, ids, all);
}

/** Resources alone are an instance that the receiver chooses (Create). */
function addObject(walk: Walk, ids: Ids, all: Range): void {
  addInstance(walk, idsBelow(ids, MAX_ID), all);
}

function instanceIn(ids: Ids): Ids {
  return [ids[0] ?? MAX_ID, ids[1] ?? MAX_ID];
}

/** The one resource that was asked. */
function addOneResource(walk: Walk, ids: Ids, all: Range): void {
  addResource(walk, instanceIn(ids), onlyTlv(walk.bytes, all));
}

/** The one resource instance that was asked; its multiple resource around it is tolerated. */
function addOneResourceInstance(walk: Walk, ids: Ids, all: Range): void {
  const tlv = onlyTlv(walk.bytes, all);
  if (tlv.kind === RESOURCE_INSTANCE) addValue(walk, idsBelow(ids.slice(0, 3), tlv.id), tlv);
  else addResource(walk, instanceIn(ids), tlv);
}

const BY_DEPTH = [undefined, addObject, addInstance, addOneResource, addOneResourceInstance] as const;

export function decodeTlv(bytes: Uint8Array, context: DecodeContext): Said {
  const { prefix, ids } = context.base;
  const add = BY_DEPTH[ids.length];
  if (add === undefined) throw fault('malformed', 'TLV has no names, so it needs an object in the path');
  const walk: Walk = { bytes: bufferOf(bytes), collector: new Collector(context), prefix };
  add(walk, ids, { from: 0, to: bytes.length });
  return walk.collector.finish();
}
