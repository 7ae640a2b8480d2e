/** Which records of an epoch were seen (RFC 6347 4.1.2.6). */
export interface ReplayWindow {
  /** Neither seen, nor too old to know. */
  isFresh(sequence: number): boolean;
  /** To be called when a fresh record has proved authentic, not before. */
  mark(sequence: number): void;
  /** The state, as {@link createReplayWindow} takes it. */
  readonly state: ReplayState;
}

/** The highest number seen, -1 before the first, and the 64 up to it: bit i of `low`, then of `high`, is `top - i`. */
export interface ReplayState {
  readonly top: number;
  readonly low: number;
  readonly high: number;
}

const HALF = 32;
const WINDOW = 64;

/** Numbers have 48 bits, so the window is kept in two halves that JavaScript can shift without BigInt. */
export function createReplayWindow(from: ReplayState = { top: -1, low: 0, high: 0 }): ReplayWindow {
  let { top, low, high } = from;
  const advance = (by: number): void => {
    if (by >= WINDOW) [high, low] = [0, 0];
    else if (by >= HALF) [high, low] = [low << (by - HALF), 0];
    else [high, low] = [(high << by) | (low >>> (HALF - by)), low << by];
  };
  return {
    get state() {
      return { top, low: low >>> 0, high: high >>> 0 };
    },
    isFresh(sequence) {
      const age = top - sequence;
      if (age < 0) return true;
      if (age >= WINDOW) return false;
      const half = age < HALF ? low : high;
      return ((half >>> (age % HALF)) & 1) === 0;
    },
    mark(sequence) {
      if (sequence > top) {
        advance(sequence - top);
        top = sequence;
      }
      const age = top - sequence;
      if (age < HALF) low |= 1 << age;
      else high |= 1 << (age - HALF);
    },
  };
}
