import type { Entry, Ids } from '../model/index.ts';
import { digitsOf } from './ids.ts';

/** Entries that follow each other and are named alike. */
export interface Run {
  readonly from: number;
  readonly to: number;
  /** How many ids their base name consists of; -1: none, the whole path is the name. */
  readonly base: number;
}

/** How many ids all of `entries[from..to)` share; all of them only when every path is the same. */
export function sharedIds(entries: readonly Entry[], from: number, to: number): number {
  const first = entries[from]?.path.ids ?? [];
  let shared = first.length;
  let shortest = first.length;
  let isSame = true;
  for (let index = from + 1; index < to; index++) {
    const ids = entries[index]?.path.ids ?? [];
    let level = 0;
    while (level < shared && ids[level] === first[level]) level++;
    if (level < first.length || ids.length !== first.length) isSame = false;
    shared = level;
    shortest = Math.min(shortest, ids.length);
  }
  return isSame ? shared : Math.min(shared, shortest - 1);
}

/** The end of the entries from `from` on that belong to one object instance of one device. */
function endOfInstance(entries: readonly Entry[], from: number): number {
  const first = entries[from]?.path;
  let to = from + 1;
  for (; to < entries.length; to++) {
    const path = entries[to]?.path;
    if (path === undefined || first === undefined) break;
    if (path.ids[1] !== first.ids[1] || path.ids[0] !== first.ids[0] || path.prefix !== first.prefix) break;
  }
  return to;
}

/** A base name for each instance; a lone entry has its whole path as name as long as no base name is in force. */
function byInstance(entries: readonly Entry[]): Run[] {
  const runs: Run[] = [];
  let hasBaseName = false;
  for (let from = 0; from < entries.length; ) {
    const to = endOfInstance(entries, from);
    hasBaseName ||= to - from > 1;
    runs.push({ from, to, base: hasBaseName ? sharedIds(entries, from, to) : -1 });
    from = to;
  }
  return runs;
}

/** Characters of `ids[from..to)` with a slash after each. */
function lengthOf(ids: Ids, from: number, to: number): number {
  let length = 0;
  for (let level = from; level < to; level++) length += digitsOf(ids[level] ?? 0) + 1;
  return length;
}

/** Bytes of a text field in CBOR: label, head, characters. */
function fieldSize(characters: number): number {
  return characters < 24 ? 2 + characters : 3 + characters;
}

/** Bytes that all names of a run take; a text of ids ends without the last slash. */
function sizeOf(entries: readonly Entry[], { from, to, base }: Run): number {
  const { prefix, ids } = entries[from]?.path ?? { prefix: '', ids: [] };
  const start = prefix === '' ? 1 : prefix.length + 2;
  const hasNames = base < ids.length;
  let size = base < 0 ? 0 : fieldSize(start + lengthOf(ids, 0, base) - (hasNames ? 0 : 1));
  if (!hasNames) return size;
  for (let index = from; index < to; index++) {
    const own = entries[index]?.path.ids ?? [];
    const length = lengthOf(own, Math.max(base, 0), own.length) - 1;
    size += fieldSize(base < 0 ? start + length : length);
  }
  return size;
}

/** How to name entries in their order with the fewest bytes: one base name for all, or one for each instance. */
export function layoutOf(entries: readonly Entry[]): readonly Run[] {
  const runs = byInstance(entries);
  const prefix = entries[0]?.path.prefix;
  if (runs.length < 2 || entries.some(({ path }) => path.prefix !== prefix)) return runs;
  const whole = { from: 0, to: entries.length, base: sharedIds(entries, 0, entries.length) };
  const size = runs.reduce((sum, run) => sum + sizeOf(entries, run), 0);
  return sizeOf(entries, whole) < size ? [whole] : runs;
}
