import type { Entry } from '../model/index.ts';

/** The oldest time of the values that have one; undefined when none has. */
function oldestTime(entries: readonly Entry[]): number | undefined {
  let oldest: number | undefined;
  for (const { at } of entries) if (at !== undefined && !(oldest !== undefined && oldest <= at)) oldest = at;
  return oldest;
}

/**
 * One time for all values: that of the oldest, so that nothing looks newer than it is. Servers before 1.2 take several
 * times as the history of the whole (OMA Core 1.2 7.4): Leshan refuses such a Read, and shows of a notification only
 * what has one of them.
 */
export function withOneTime(entries: readonly Entry[]): readonly Entry[] {
  const at = oldestTime(entries);
  if (at === undefined || entries.every((entry) => entry.at === at)) return entries;
  return entries.map((entry) => ({ ...entry, at }));
}
