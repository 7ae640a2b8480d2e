/** Takes something back: a timer, a subscription. Calling it twice does nothing more. */
export type Cancel = () => void;

/** Time as the rooms see it, so that a test can own it. */
export interface Clock {
  /** Wall time, ms since 1970. May jump; only for values shown to people and servers. */
  now(): number;
  /** Monotonic time in ms, for every interval and deadline. */
  monotonic(): number;
  /** Runs `task` once after `delayMs`. */
  after(delayMs: number, task: () => void): Cancel;
}

/** setTimeout fires at once for delays beyond 2^31-1 ms, so longer ones are clamped; callers re-arm. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The clock of this computer. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), LONGEST_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};
