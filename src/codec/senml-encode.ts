import type { Entry } from '../model/index.ts';
import { fault } from './fault.ts';
import { FIRST_ABSOLUTE_S, type SenmlWriter } from './senml-record.ts';

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
function endOfRun(entries: readonly Entry[], from: number): number {
  const first = entries[from]?.path;
  let to = from + 1;
  for (; to < entries.length; to++) {
    const path = entries[to]?.path;
    if (path === undefined || first === undefined) break;
    if (path.ids[1] !== first.ids[1] || path.ids[0] !== first.ids[0] || path.prefix !== first.prefix) break;
  }
  return to;
}

/** Whole ms since 1970, 0 for "now". @throws GatewayError `codec.not-representable` for what SenML takes as relative */
export function timeOf(at: number | undefined): number {
  if (at === undefined) return 0;
  const time = Math.round(at);
  if (time >= FIRST_ABSOLUTE_S * 1000 && Number.isSafeInteger(time)) return time;
  throw fault('not-representable', `${at} ms since 1970 is no absolute time in SenML`);
}

/**
 * Writes entries in their order. Entries of one instance share a base name (`/d01/3303/0/`); a lone one has its whole
 * path as name as long as no base name is in force. Times are relative to the first one.
 */
export function encodePack(writer: SenmlWriter, entries: readonly Entry[], withTime: boolean): Uint8Array {
  writer.open(entries.length);
  let hasBaseName = false;
  let baseMs = 0;
  for (let from = 0; from < entries.length; ) {
    const to = endOfRun(entries, from);
    hasBaseName ||= to - from > 1;
    const shared = hasBaseName ? sharedIds(entries, from, to) : -1;
    for (let index = from; index < to; index++) {
      const entry = entries[index];
      if (entry === undefined) continue;
      // 0 means "now", which a base time in force would turn into something else.
      const ms = withTime ? timeOf(entry.at) : 0;
      const rebase = ms !== baseMs && (ms === 0 || baseMs === 0);
      const relative = rebase || ms === baseMs ? undefined : ms - baseMs;
      if (rebase) baseMs = ms;
      writer.record(entry, index === from ? shared : -1, shared, rebase ? ms : undefined, relative);
    }
    from = to;
  }
  return writer.close();
}
