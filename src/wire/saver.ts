import { isDeepStrictEqual } from 'node:util';
import { type Logger, messageOf, type Timers } from '../base/index.ts';

/** What a server has written is on disk this much later at most; flash memory bears no write at every message. */
export const SAVE_MS = 1000;

/** Keeps a state on disk as it changes: soon, and no oftener than a disk bears. */
export interface Saver<State> {
  /** The state may have changed: it is on disk after `withinMs`, and what a write takes. */
  changed(withinMs: number): void;
  /** Settles when the state of now is on disk, or cannot be; never rejects. */
  save(): Promise<void>;
  /** What is on disk; undefined: something else than the state was ever. */
  found(state: State | undefined): void;
  /** Saves a last time. */
  stop(): Promise<void>;
}

export interface SaverPorts<State> {
  readonly clock: { monotonic(): number };
  readonly timers: Timers;
  readonly log: Logger;
  current(): State;
  write(state: State): Promise<void>;
}

/** Between writes to a disk that is slower than changes come, flash memory among them. */
const BUSY_MS = 1000;

/** When saving has failed: the disk is full, or worse. */
const AGAIN_MS = 60_000;

export function createSaver<State>(ports: SaverPorts<State>): Saver<State> {
  const { clock, timers, log } = ports;
  /** What is on disk, or on its way there. */
  let saved: State | undefined;
  let saving: Promise<void> | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let cancel = (): void => {};
  let isStopped = false;

  const forgetDue = (): void => {
    cancel();
    dueAt = Number.POSITIVE_INFINITY;
  };

  const changed = (withinMs: number): void => {
    const at = clock.monotonic() + withinMs;
    if (at >= dueAt || isStopped) return;
    cancel();
    dueAt = at;
    cancel = timers.after(withinMs, () => {
      forgetDue();
      if (saving === undefined) void save();
      else changed(BUSY_MS);
    });
  };

  const write = async (state: State): Promise<void> => {
    saved = state;
    try {
      await ports.write(state);
    } catch (error) {
      saved = undefined;
      log.error({ problem: messageOf(error) }, 'the state could not be saved');
      changed(AGAIN_MS);
    }
  };

  const save = async (): Promise<void> => {
    forgetDue();
    const state = ports.current();
    if (!isDeepStrictEqual(state, saved)) {
      const before = saving;
      const own = write(state).then(() => before);
      saving = own;
      void own.then(() => {
        if (saving === own) saving = undefined;
      });
    }
    await saving;
  };

  return {
    changed,
    save,
    found(state) {
      saved = state;
    },
    async stop() {
      isStopped = true;
      await save();
    },
  };
}
