import type { Cancel, Clock } from './clock.ts';

/** Many deadlines on one timer of the clock. */
export interface Timers {
  /** Runs `task` once, not before `delayMs` and at most one resolution later. What it throws reaches the clock. */
  after(delayMs: number, task: () => void): Cancel;
  /** Deadlines that wait. */
  readonly size: number;
  /** Forgets all deadlines. */
  stop(): void;
}

/**
 * A timing wheel: O(1) to set and to cancel, and one armed timer of the clock however many wait.
 * Deadlines are rounded up to `resolutionMs`.
 */
export function createTimers(clock: Clock, resolutionMs: number): Timers {
  const slots = new Map<number, Set<() => void>>();
  let size = 0;
  let armedSlot = Number.POSITIVE_INFINITY;
  let disarm: Cancel | undefined;
  /** The tasks of the slot that is being run; new ones for the same slot wait for the next run. */
  let running: Set<() => void> = new Set();

  const arm = (slot: number): void => {
    disarm?.();
    armedSlot = slot;
    disarm = clock.after(slot * resolutionMs - clock.monotonic(), run);
  };

  const armNext = (): void => {
    disarm?.();
    disarm = undefined;
    armedSlot = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const slot of slots.keys()) if (slot < next) next = slot;
    if (next !== Number.POSITIVE_INFINITY) arm(next);
  };

  const run = (): void => {
    const now = Math.floor(clock.monotonic() / resolutionMs + 1e-9);
    const due = [...slots.keys()].filter((slot) => slot <= now).sort((a, b) => a - b);
    const failures: unknown[] = [];
    for (const slot of due) {
      running = slots.get(slot) ?? new Set();
      slots.delete(slot);
      for (const task of running) {
        // Taken out first: a task that runs earlier may cancel a later one, or stop them all.
        running.delete(task);
        size--;
        try {
          task();
        } catch (error) {
          failures.push(error);
        }
      }
    }
    armNext();
    // What one task broke must not take the others with it, and must not stay unheard.
    if (failures.length > 0) throw failures[0];
  };

  return {
    get size() {
      return size;
    },
    after(delayMs, task) {
      const slot = Math.ceil((clock.monotonic() + Math.max(0, delayMs)) / resolutionMs);
      const once = (): void => task();
      let tasks = slots.get(slot);
      if (tasks === undefined) {
        tasks = new Set();
        slots.set(slot, tasks);
      }
      tasks.add(once);
      size++;
      if (slot < armedSlot) arm(slot);
      return () => {
        if (!tasks.delete(once)) return;
        size--;
        if (tasks.size > 0 || slots.get(slot) !== tasks) return;
        slots.delete(slot);
        // The armed timer stays: at worst it wakes once for nothing. The last one is released for a clean exit.
        if (slots.size === 0) armNext();
      };
    },
    stop() {
      for (const tasks of slots.values()) tasks.clear();
      running.clear();
      slots.clear();
      size = 0;
      armNext();
    },
  };
}
