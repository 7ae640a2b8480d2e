import { Chain, ChainMember } from './chain.ts';
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

const SOON_MS = 1000;

class Deadline extends ChainMember {
  readonly task: () => void;

  constructor(task: () => void) {
    super();
    this.task = task;
  }
}

/**
 * A timing wheel: O(1) to set and to cancel, and one armed timer of the clock however many wait.
 * Deadlines are rounded up to `resolutionMs`.
 */
export function createTimers(clock: Clock, resolutionMs: number): Timers {
  const slots = new Map<number, Chain<Deadline>>();
  let size = 0;
  let armedSlot = Number.POSITIVE_INFINITY;
  let disarm: Cancel | undefined;
  /** What is due of the slot that is being run; new ones for the same slot wait for the next run. */
  let running = new Chain<Deadline>();

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
      running = slots.get(slot) ?? new Chain();
      slots.delete(slot);
      for (let deadline = running.first; deadline !== undefined; deadline = running.first) {
        // Taken out first: a task that runs earlier may cancel a later one, or stop them all.
        running.remove(deadline);
        size--;
        try {
          deadline.task();
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
      const deadline = new Deadline(task);
      let chain = slots.get(slot);
      if (chain === undefined) {
        chain = new Chain();
        slots.set(slot, chain);
      }
      const inSlot = chain;
      inSlot.add(deadline);
      size++;
      if (slot < armedSlot) arm(slot);
      return () => {
        if (!inSlot.remove(deadline)) return;
        size--;
        if (inSlot.size > 0 || slots.get(slot) !== inSlot) return;
        // One that is soon over stays: what is due at the same time may come and go many times until then.
        if (slot * resolutionMs - clock.monotonic() > SOON_MS) slots.delete(slot);
        if (size > 0) return;
        // The armed timer stays, as at worst it wakes once for nothing; the last one is released for a clean exit.
        slots.clear();
        armNext();
      };
    },
    stop() {
      for (const chain of [...slots.values(), running])
        chain.forEach((deadline) => void chain.remove(deadline));
      slots.clear();
      size = 0;
      armNext();
    },
  };
}
