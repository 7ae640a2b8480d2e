import type { Clock } from '../../src/base/index.ts';

/** A clock that moves only when a test says so. */
export interface FakeClock extends Clock {
  /** Moves on by `ms`, running every task that falls due, each at its own instant, and letting promises settle. */
  advance(ms: number): Promise<void>;
  /** Like {@link advance}, without letting promises settle in between. */
  jump(ms: number): void;
  readonly pending: number;
}

export function createFakeClock(wallMs = 1_700_000_000_000): FakeClock {
  let now = 0;
  let order = 0;
  const tasks = new Set<{ at: number; order: number; task: () => void }>();
  const next = (until: number) =>
    [...tasks].filter((t) => t.at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    now: () => wallMs + now,
    monotonic: () => now,
    after(delayMs, task) {
      const entry = { at: now + Math.max(0, delayMs), order: order++, task };
      tasks.add(entry);
      return () => {
        tasks.delete(entry);
      };
    },
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (let due = next(until); due !== undefined; due = next(until)) {
        tasks.delete(due);
        now = due.at;
        due.task();
        await settle();
      }
      now = until;
      await settle();
    },
    jump(ms) {
      const until = now + ms;
      for (let due = next(until); due !== undefined; due = next(until)) {
        tasks.delete(due);
        now = due.at;
        due.task();
      }
      now = until;
    },
    get pending() {
      return tasks.size;
    },
  };
}
