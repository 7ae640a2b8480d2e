import type { Checks } from './point.ts';

/** Where a number stood, and when: wall time in the field, monotonic time here, both in ms. */
export interface Mark {
  /** in the unit of the point */
  readonly position: number;
  readonly at: number;
  readonly monotonic: number;
}

/** The newest of some marks in a row that follow from each other, but not from the last good one. */
export interface Suspect extends Mark {
  readonly count: number;
  /** When the first of them came, monotonic. */
  readonly since: number;
}

export type Judgement =
  | { readonly verdict: 'plausible' }
  /** `hold` and `reject`: it contradicts the value before it; `wait`: one reading alone proves nothing yet */
  | {
      readonly verdict: 'reject' | 'hold' | 'wait';
      readonly message: string;
      readonly suspect: Suspect | undefined;
    };

/**
 * Suspects that go on for so many samples and so long outweigh the value before them: a meter was exchanged, or the first
 * value after a start was garbage. Without that a point could stay implausible for ever; what a booting meter shows for
 * some seconds does not get through.
 */
const CONVINCING = { count: 3, ms: 600_000 };

/**
 * A counter with a known greatest rate is first shown after a second reading that follows from the first one at least
 * so much later: what a meter shows while it boots would otherwise be billed.
 */
const CONFIRMING = { count: 2, ms: 10_000 };

/** A value that is no whole number resolves at least this much of itself (float32). */
const RESOLUTION = 2 ** -22;

/** True if a number is judged by what came before it, so that this is worth remembering. */
export function looksBack({ isCounter, onDecrease, mostPerMs }: Checks): boolean {
  return mostPerMs !== Number.POSITIVE_INFINITY || (isCounter && onDecrease !== 'accept');
}

const PLAUSIBLE: Judgement = { verdict: 'plausible' };

interface Objection {
  readonly verdict: 'reject' | 'hold' | 'wait';
  readonly message: string;
}

function unconfirmed({ isCounter, mostPerMs }: Checks): Objection | undefined {
  if (!isCounter || mostPerMs === Number.POSITIVE_INFINITY) return undefined;
  return { verdict: 'wait', message: 'the counter is shown after a second reading' };
}

/** The most that a number may have changed from one mark to the other. */
function reach(checks: Checks, from: Mark, to: Mark): number {
  // Samples that waited somewhere come at once, and the wall clock may be set: the longer time is the fair one.
  const elapsedMs = Math.max(0, to.monotonic - from.monotonic, to.at - from.at);
  return checks.mostPerMs * elapsedMs + Math.max(checks.step, Math.abs(to.position) * RESOLUTION);
}

/** True if the counter came here by beginning again at 0. */
function rolledOver({ rollover, mostPerMs }: Checks, change: number, most: number): boolean {
  if (rollover === undefined) return false;
  const counted = change + rollover;
  return counted >= 0 && (mostPerMs === Number.POSITIVE_INFINITY ? counted < rollover / 2 : counted <= most);
}

function objection(checks: Checks, from: Mark, to: Mark): Objection | undefined {
  const change = to.position - from.position;
  const isBack = checks.isCounter && change < 0;
  if (isBack && checks.onDecrease === 'accept') return undefined;
  if (!isBack && checks.mostPerMs === Number.POSITIVE_INFINITY) return undefined;
  const most = reach(checks, from, to);
  if (isBack) {
    if (rolledOver(checks, change, most)) return undefined;
    const verdict = checks.onDecrease === 'hold' ? 'hold' : 'reject';
    return { verdict, message: `the counter went back from ${from.position} to ${to.position}` };
  }
  if (Math.abs(change) <= most) return undefined;
  return { verdict: 'reject', message: `too fast a change, from ${from.position} to ${to.position}` };
}

/** Judges a number by the limits of the profile and by what came before (field rules 3.3, 3.5; pitfalls 11 and 12). */
export function judge(
  checks: Checks,
  good: Mark | undefined,
  suspect: Suspect | undefined,
  mark: Mark,
): Judgement {
  const { low, high } = checks;
  if (mark.position < low || mark.position > high)
    return { verdict: 'reject', message: `${mark.position} is outside ${low}..${high}`, suspect: undefined };
  const wrong = good === undefined ? unconfirmed(checks) : objection(checks, good, mark);
  if (wrong === undefined) return PLAUSIBLE;
  const isSame = suspect !== undefined && objection(checks, suspect, mark) === undefined;
  const count = isSame ? suspect.count + 1 : 1;
  const since = isSame ? suspect.since : mark.monotonic;
  const enough = wrong.verdict === 'wait' ? CONFIRMING : CONVINCING;
  if (count >= enough.count && mark.monotonic - since >= enough.ms) return PLAUSIBLE;
  return { ...wrong, suspect: { ...mark, count, since } };
}
