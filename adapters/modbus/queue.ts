/** Most urgent first. */
const PRIORITIES = ['write', 'demand', 'poll'] as const;
export type Urgency = (typeof PRIORITIES)[number];

/** What waits for the medium, most urgent first; polls wait longer but never for ever. */
export interface PriorityQueue<T> {
  readonly size: number;
  /** @returns false when the queue is full */
  push(urgency: Urgency, item: T): boolean;
  /** The next one: by urgency, then by age; after a run of urgent ones a poll that waits has its turn. */
  take(): T | undefined;
  remove(urgency: Urgency, item: T): void;
  /** Takes all. */
  drain(): readonly T[];
}

export interface QueueLimits {
  /** how many may wait */
  readonly most: number;
  /** writes and demands in a row before a poll that waits has its turn */
  readonly urgentInARow: number;
}

export function createPriorityQueue<T>(limits: QueueLimits): PriorityQueue<T> {
  const waiting: Readonly<Record<Urgency, Set<T>>> = { write: new Set(), demand: new Set(), poll: new Set() };
  /** urgent ones taken since a poll began to wait */
  let urgentRun = 0;

  const size = (): number => waiting.write.size + waiting.demand.size + waiting.poll.size;

  const nextUrgency = (): Urgency | undefined => {
    if (urgentRun >= limits.urgentInARow && waiting.poll.size > 0) return 'poll';
    return PRIORITIES.find((urgency) => waiting[urgency].size > 0);
  };

  return {
    get size() {
      return size();
    },
    push(urgency, item) {
      if (size() >= limits.most) return false;
      waiting[urgency].add(item);
      return true;
    },
    take() {
      const urgency = nextUrgency();
      if (urgency === undefined) return undefined;
      urgentRun = urgency === 'poll' || waiting.poll.size === 0 ? 0 : urgentRun + 1;
      for (const item of waiting[urgency]) {
        waiting[urgency].delete(item);
        return item;
      }
      return undefined;
    },
    remove(urgency, item) {
      waiting[urgency].delete(item);
    },
    drain() {
      const all = PRIORITIES.flatMap((urgency) => [...waiting[urgency]]);
      for (const urgency of PRIORITIES) waiting[urgency].clear();
      return all;
    },
  };
}
