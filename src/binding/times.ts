import type { Entry } from '../model/index.ts';

/** The one time of all values that have one; undefined when there are several or none. */
function commonTime(entries: readonly Entry[]): number | undefined {
  let common: number | undefined;
  for (const { at, quality } of entries) {
    // A constant has neither: it is as true at the time of the others.
    if (at === undefined && quality === undefined) continue;
    if (at === undefined || (common !== undefined && at !== common)) return undefined;
    common = at;
  }
  return common;
}

function timed(at: number | undefined, { path, type, value }: Entry): Entry {
  return at === undefined ? { path, type, value } : { path, type, value, at };
}

/**
 * One time for all values, or none. Servers before 1.2 take several times as the history of the whole (OMA Core 1.2
 * 7.4): Leshan refuses such a Read, and shows of a notification only what has one of them. What was read together has
 * one time; of values of several ages no time would be true.
 */
export function withOneTime(entries: readonly Entry[]): readonly Entry[] {
  const at = commonTime(entries);
  return entries.every((entry) => entry.at === at) ? entries : entries.map((entry) => timed(at, entry));
}
