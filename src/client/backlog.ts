import type { Entry } from '../model/index.ts';
import type { Journal } from './journal.ts';
import { type About, keyOf, momentFromJson, momentToJson, timed } from './moment.ts';

/** What an observation would have told at one moment, had the server been there. Every entry has a time. */
export interface Moment {
  readonly about: About;
  readonly key: string;
  readonly entries: readonly Entry[];
  readonly weight: number;
  readonly record: number;
}

export interface BacklogLimits {
  readonly moments: number;
  /** of memory, as estimated from the entries */
  readonly bytes: number;
}

/** What waits for one server, by observation and in order; bounded: the oldest goes first. */
export interface Backlog {
  /** @param most moments to keep of this observation (hqmax) */
  store(about: About, entries: readonly Entry[], most: number): void;
  has(key: string): boolean;
  /** The oldest moments of an observation. */
  oldest(key: string, most: number): readonly Moment[];
  /** They were told, or nobody wants them any more. */
  remove(moments: readonly Moment[]): void;
  discard(key: string): void;
  /** The observations of which something waits. */
  abouts(): readonly About[];
  readonly size: number;
  /** Moments that had to make room and were never told. */
  readonly lost: number;
}

/** Bytes, roughly. */
const MOMENT_WEIGHT = 250;
const ENTRY_WEIGHT = 120;

function weightOf(entries: readonly Entry[]): number {
  let weight = MOMENT_WEIGHT;
  for (const { value } of entries) {
    weight += ENTRY_WEIGHT;
    if (typeof value === 'string' || value instanceof Uint8Array) weight += value.length;
  }
  return weight;
}

/**
 * With what the journal has kept from before this start.
 * @param now wall time, for what has no time of its own
 */
export function createBacklog(journal: Journal, limits: BacklogLimits, now: () => number): Backlog {
  const queues = new Map<string, Set<Moment>>();
  const all = new Set<Moment>();
  let bytes = 0;
  let lost = 0;

  const remove = (moment: Moment): void => {
    if (!all.delete(moment)) return;
    const queue = queues.get(moment.key);
    queue?.delete(moment);
    if (queue?.size === 0) queues.delete(moment.key);
    bytes -= moment.weight;
    journal.drop(moment.record);
  };

  const removeOldest = (of: ReadonlySet<Moment> | undefined): void => {
    for (const moment of of ?? []) {
      remove(moment);
      return;
    }
  };

  const enter = (about: About, entries: readonly Entry[], record: number): void => {
    const key = keyOf(about);
    const moment: Moment = { about, key, entries, weight: weightOf(entries), record };
    const queue = queues.get(key) ?? new Set();
    queues.set(key, queue.add(moment));
    all.add(moment);
    bytes += moment.weight;
    while (all.size > 0 && (all.size > limits.moments || bytes > limits.bytes)) {
      lost++;
      removeOldest(all);
    }
  };

  for (const { id, document } of journal.read()) {
    const moment = momentFromJson(document);
    if (moment === undefined) journal.drop(id);
    else enter(moment.about, moment.entries, id);
  }

  return {
    store(about, entries, most) {
      const key = keyOf(about);
      // More than hqmax is more than the server wants: this is no loss.
      while ((queues.get(key)?.size ?? 0) >= Math.max(1, most)) removeOldest(queues.get(key));
      const complete = timed(entries, now());
      enter(about, complete, journal.append(momentToJson(about, complete)));
    },
    has: (key) => queues.has(key),
    oldest(key, most) {
      const oldest: Moment[] = [];
      for (const moment of queues.get(key) ?? []) if (oldest.push(moment) >= most) break;
      return oldest;
    },
    remove(moments) {
      for (const moment of moments) remove(moment);
    },
    discard(key) {
      for (const moment of [...(queues.get(key) ?? [])]) remove(moment);
    },
    abouts: () => [...queues.values()].flatMap(([first]) => (first === undefined ? [] : [first.about])),
    get size() {
      return all.size;
    },
    get lost() {
      return lost;
    },
  };
}
