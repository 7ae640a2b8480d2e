/** Most urgent first. */
const PRIORITIES = ['write', 'demand', 'poll'] as const;
export type Urgency = (typeof PRIORITIES)[number];

/** Behind all that wait now, and before what comes later. */
export const LAST = Number.POSITIVE_INFINITY;

/** What waits for the medium, most urgent first; polls wait longer but never for ever. */
export interface PriorityQueue<T> {
  readonly size: number;
  /** @param dueAt goes before what is due later; {@link LAST}: behind all. @returns false when the queue is full */
  push(urgency: Urgency, item: T, dueAt: number): boolean;
  /**
   * The next one: by urgency, then by when it is due, then by age; after a run of urgent ones a poll that waits has its
   * turn.
   */
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

interface Place<T> {
  readonly item: T;
  readonly dueAt: number;
}

export function createPriorityQueue<T>(limits: QueueLimits): PriorityQueue<T> {
  const waiting: Readonly<Record<Urgency, Place<T>[]>> = { write: [], demand: [], poll: [] };
  /** urgent ones taken since a poll began to wait */
  let urgentRun = 0;

  const size = (): number => waiting.write.length + waiting.demand.length + waiting.poll.length;

  const nextUrgency = (): Urgency | undefined => {
    if (urgentRun >= limits.urgentInARow && waiting.poll.length > 0) return 'poll';
    return PRIORITIES.find((urgency) => waiting[urgency].length > 0);
  };

  return {
    get size() {
      return size();
    },
    push(urgency, item, dueAt) {
      if (size() >= limits.most) return false;
      const places = waiting[urgency];
      let at = places.length;
      while ((places[at - 1]?.dueAt ?? dueAt) > dueAt) at--;
      places.splice(at, 0, { item, dueAt: dueAt === LAST ? (places[at - 1]?.dueAt ?? 0) : dueAt });
      return true;
    },
    take() {
      const urgency = nextUrgency();
      if (urgency === undefined) return undefined;
      urgentRun = urgency === 'poll' || waiting.poll.length === 0 ? 0 : urgentRun + 1;
      return waiting[urgency].shift()?.item;
    },
    remove(urgency, item) {
      const at = waiting[urgency].findIndex((place) => place.item === item);
      if (at >= 0) waiting[urgency].splice(at, 1);
    },
    drain: () => PRIORITIES.flatMap((urgency) => waiting[urgency].splice(0).map(({ item }) => item)),
  };
}
