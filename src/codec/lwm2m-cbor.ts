import { type Entry, formatPath, MAX_ID, type Path } from '../model/index.ts';
import { output as out } from './bytes.ts';
import { CborReader } from './cbor-read.ts';
import { cborValues, fromCbor } from './cbor-value.ts';
import { ARRAY, MAP, TEXT, UNSIGNED, writeHead, writeText } from './cbor-write.ts';
import { Collector, type Said } from './collect.ts';
import { fault } from './fault.ts';
import type { DecodeContext, EncodeRequest, Format } from './format.ts';
import { idsBelow } from './ids.ts';
import { type Item, nestable } from './order.ts';
import { writeValue } from './value.ts';

/** A path as keys spell it: a prefix is its first step, then the ids (OMA Core 1.2 7.4; Gateway TS 1.1 9). */
function stepAt({ prefix, ids }: Path, index: number): string | number | undefined {
  if (prefix === '') return ids[index];
  return index === 0 ? prefix : ids[index - 1];
}

/** How many steps two paths share, which are known to share the first `known`. */
function sharedSteps(a: Path, b: Path, known: number): number {
  let shared = known;
  while (stepAt(a, shared) !== undefined && stepAt(a, shared) === stepAt(b, shared)) shared++;
  return shared;
}

/** The end of the group from `from` on, before `to`, whose paths have the same step at `index`. */
function endOfGroup(items: readonly Item[], from: number, to: number, index: number): number {
  const first = items[from]?.path;
  let end = from + 1;
  for (; end < to; end++) {
    const path = items[end]?.path;
    if (first === undefined || path === undefined || stepAt(path, index) !== stepAt(first, index)) break;
  }
  return end;
}

function writeStep(step: string | number | undefined): void {
  if (typeof step === 'string') writeText(out, step);
  else writeHead(out, UNSIGNED, step ?? MAX_ID);
}

/** The steps `from..to` of a path as one key: a bare one, or an array of several. */
function writeKey(path: Path, from: number, to: number): void {
  if (to - from > 1) writeHead(out, ARRAY, to - from);
  for (let index = from; index < to; index++) writeStep(stepAt(path, index));
}

function writeLeaf(item: Item): void {
  if (item.value === undefined) writeHead(out, MAP, 0);
  else writeValue(cborValues, item.type, item.value);
}

/** A map of `items[from..to)`, whose paths share `index` steps, each key as long as it can be. */
function writeMap(items: readonly Item[], from: number, to: number, index: number): void {
  let groups = 0;
  for (let at = from; at < to; at = endOfGroup(items, at, to, index)) groups++;
  writeHead(out, MAP, groups);
  for (let at = from; at < to; ) {
    const end = endOfGroup(items, at, to, index);
    const first = items[at];
    const last = items[end - 1];
    if (first === undefined || last === undefined) return;
    const shared = sharedSteps(first.path, last.path, index);
    writeKey(first.path, index, shared);
    if (end - at === 1) writeLeaf(first);
    else writeMap(items, at, end, shared);
    at = end;
  }
}

function encode(entries: readonly Entry[], { base, empties }: EncodeRequest): Uint8Array {
  // Nothing at a resource can only be a multiple resource without instances.
  const isEmptyResource = entries.length === 0 && base.ids.length === 3;
  const items = nestable(entries, isEmptyResource ? [base] : empties);
  out.start();
  writeMap(items, 0, items.length, 0);
  return out.finish();
}

const DEEPEST = 4;

/** Walks the nesting of one payload. */
interface Walk {
  readonly reader: CborReader;
  readonly collector: Collector;
  readonly nullRemoves: boolean;
}

function readId(reader: CborReader): number {
  const id = reader.peek() === UNSIGNED ? reader.scalar() : undefined;
  if (typeof id === 'number' && id <= MAX_ID) return id;
  throw fault('malformed', 'a key that is no id');
}

function readPrefix(reader: CborReader): string {
  const prefix = reader.scalar();
  // What is all digits would be an object id in a path.
  if (typeof prefix === 'string' && /^[^/]*[^0-9/][^/]*$/.test(prefix)) return prefix;
  throw fault('malformed', 'a key that is no prefix');
}

/** The path that a key leads to from `parent`; only at the top of the payload it may begin with a prefix. */
function readKey(reader: CborReader, parent: Path, isTop: boolean): Path {
  if (reader.peek() !== ARRAY) {
    if (isTop && reader.peek() === TEXT) return { prefix: readPrefix(reader), ids: [] };
    return { prefix: parent.prefix, ids: idsBelow(parent.ids, readId(reader)) };
  }
  let left = reader.array();
  let prefix = parent.prefix;
  if (isTop && left > 0 && reader.peek() === TEXT) {
    prefix = readPrefix(reader);
    left--;
  }
  const ids = [...parent.ids];
  for (; reader.more(left); left--) {
    if (ids.length === DEEPEST) throw fault('malformed', `more than ${DEEPEST} ids`);
    ids.push(readId(reader));
  }
  if (ids.length === parent.ids.length) throw fault('malformed', 'a key without an id');
  return { prefix, ids };
}

/** @returns how many pairs the map has */
function readMap(walk: Walk, parent: Path, isTop: boolean): number {
  const { reader } = walk;
  let read = 0;
  for (let left = reader.map(); reader.more(left); left--) {
    read++;
    const path = readKey(reader, parent, isTop);
    if (path.ids.length > DEEPEST) throw fault('malformed', `more than ${DEEPEST} ids`);
    if (reader.peek() !== MAP) readLeaf(walk, path);
    else if (path.ids.length === DEEPEST)
      throw fault('malformed', `${formatPath(path)} has nothing below it`);
    else if (readMap(walk, path, false) === 0) walk.collector.addEmpty(path);
  }
  return read;
}

function readLeaf({ reader, collector, nullRemoves }: Walk, path: Path): void {
  const scalar = reader.scalar();
  if (scalar === null && nullRemoves) collector.remove(path);
  else collector.add(path, (type) => fromCbor(type, scalar));
}

function decode(bytes: Uint8Array, context: DecodeContext, nullRemoves: boolean): Said {
  const reader = new CborReader(bytes);
  const collector = new Collector(context);
  readMap({ reader, collector, nullRemoves }, { prefix: '', ids: [] }, true);
  reader.end();
  return collector.finish();
}

/** LwM2M's own use of CBOR (OMA Core 1.2 7.4, LwM2M CBOR). Keys are absolute, whatever the request; it has no times. */
export const lwm2mCbor: Format = {
  contentFormat: 11544,
  mediaType: 'application/vnd.oma.lwm2m+cbor',
  shape: 'any',
  carriesTime: false,
  encode,
  decode: (bytes, context) => decode(bytes, context, false).entries,
  decodeContent(bytes, context) {
    const { entries, empties } = decode(bytes, context, false);
    return { entries, empties };
  },
  decodePatch(bytes, context) {
    const { entries, removals } = decode(bytes, context, true);
    return { entries, removals };
  },
};
