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
  /** `hold`: the value before it goes on being shown */
  | {
      readonly verdict: 'reject' | 'hold';
      readonly message: string;
      readonly suspect: Suspect | undefined;
    };

/**
 * Suspects that go on for so many samples and so long outweigh the value before them: a meter was exchanged, or the first
 * value after a start was garbage. Without that a point could stay implausible for ever; what a booting meter shows for
 * some seconds does not get through.
 */
const CONVINCING = { count: 3, ms: 600_000 };

/** A value that is no whole number resolves at least this much of itself (float32). */
const RESOLUTION = 2 ** -22;

const PLAUSIBLE: Judgement = { verdict: 'plausible' };

interface Objection {
  readonly kind: 'too-fast' | 'went-back';
  readonly message: string;
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
    return { kind: 'went-back', message: `the counter went back from ${from.position} to ${to.position}` };
  }
  if (Math.abs(change) <= most) return undefined;
  return { kind: 'too-fast', message: `too fast a change, from ${from.position} to ${to.position}` };
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
  const wrong = good === undefined ? undefined : objection(checks, good, mark);
  if (wrong === undefined) return PLAUSIBLE;
  const isSame = suspect !== undefined && objection(checks, suspect, mark) === undefined;
  const count = isSame ? suspect.count + 1 : 1;
  const since = isSame ? suspect.since : mark.monotonic;
  if (count >= CONVINCING.count && mark.monotonic - since >= CONVINCING.ms) return PLAUSIBLE;
  const isHeld = wrong.kind === 'went-back' && checks.onDecrease === 'hold';
  return { verdict: isHeld ? 'hold' : 'reject', message: wrong.message, suspect: { ...mark, count, since } };
}
