/** Takes something back: a timer, a subscription. Calling it twice does nothing more. */
export type Cancel = () => void;

/** Time as the rooms see it, so that a test can own it. */
export interface Clock {
  /** Wall time, ms since 1970. May jump; only for values shown to people and servers. */
  now(): number;
  /** Monotonic time in ms, for every interval and deadline. */
  monotonic(): number;
  /**
   * Runs `task` once after `delayMs`; a timer is up to one ms early or late. With `fine` it is never early and hardly
   * late, at the cost of up to one ms of a processor: for silence on a line, not for deadlines.
   */
  after(delayMs: number, task: () => void, precision?: 'fine'): Cancel;
}

/** setTimeout fires at once for delays beyond 2^31-1 ms, so longer ones are clamped; callers re-arm. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

function afterTimer(delayMs: number, task: () => void): Cancel {
  const timer = setTimeout(task, Math.min(Math.max(0, delayMs), LONGEST_TIMEOUT_MS));
  return () => clearTimeout(timer);
}

/** A timer for the whole ms, and turns of the event loop for what is left. */
function afterExactly(delayMs: number, task: () => void): Cancel {
  const at = performance.now() + delayMs;
  let immediate: NodeJS.Immediate | undefined;
  let cancelTimer: Cancel = () => {};
  const wait = (leftMs: number): void => {
    if (leftMs < 1) immediate = setImmediate(look);
    else cancelTimer = afterTimer(Math.floor(leftMs), look);
  };
  const look = (): void => {
    const leftMs = at - performance.now();
    if (leftMs > 0) wait(leftMs);
    else task();
  };
  wait(delayMs);
  return () => {
    cancelTimer();
    clearImmediate(immediate);
  };
}

/** The clock of this computer. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, task, precision) =>
    precision === 'fine' ? afterExactly(delayMs, task) : afterTimer(delayMs, task),
};
