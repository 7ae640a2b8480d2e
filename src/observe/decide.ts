import type { Rules } from './rules.ts';

/** The value that thresholds look at; undefined for anything that is not one number or one boolean. */
export type Watched = number | bigint | boolean | undefined;

/**
 * What is remembered of one observed path. Times are monotonic ms. Changed in place: there are tens of thousands, and
 * most changes are not worth telling.
 */
export interface Reporting {
  /** The value of the last notification. */
  reported: Watched;
  reportedAt: number;
  /** The value of the last evaluation, whether or not it was told. */
  sampled: Watched;
  evaluatedAt: number;
  /** When the field was last asked because of epmax. */
  askedAt: number;
  /** A change that waits for epmin to be looked at. */
  isUnseen: boolean;
  /** Something worth telling that waits for pmin. */
  isPending: boolean;
}

/** The first answer counts as a notification (OMA Core 1.2.2 6.4.2). */
export function begin(state: Reporting, value: Watched, now: number): void {
  told(state, value, now);
  state.askedAt = now;
}

type Numeric = number | bigint;

function isNumeric(value: Watched): value is Numeric {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** The distance of two numbers, without losing whole ones beyond 2^53. */
function distance(a: Numeric, b: Numeric): Numeric {
  if ((typeof a === 'bigint' || typeof b === 'bigint') && isWhole(a) && isWhole(b)) {
    const difference = BigInt(a) - BigInt(b);
    return difference < 0n ? -difference : difference;
  }
  return Math.abs(Number(a) - Number(b));
}

function isWhole(value: Numeric): boolean {
  return typeof value === 'bigint' || Number.isInteger(value);
}

/** A threshold is crossed in either direction; resting on it crosses nothing. Mixed operands compare exactly. */
function crosses(threshold: Numeric, from: Numeric, to: Numeric): boolean {
  return (from <= threshold && to > threshold) || (from >= threshold && to < threshold);
}

/** True if the current value is worth telling (OMA Core 1.2.2 7.3.2); the reported one is what the server knows. */
function isWorthTelling(state: Reporting, value: Watched, { gt, lt, st, edge }: Rules): boolean {
  // Of a structure we only know that something changed.
  if (value === undefined) return true;
  if (typeof value === 'boolean' && edge !== undefined) {
    // An edge is an event: that the value has gone back does not undo it.
    return state.isPending || (value !== state.sampled && value === (edge === 1));
  }
  const { reported } = state;
  // A spike that is over before pmin ends leaves nothing to tell.
  if (value === reported) return false;
  if (!isNumeric(value) || !isNumeric(reported)) return true;
  if (gt === undefined && lt === undefined && st === undefined) return true;
  if (st !== undefined && distance(value, reported) >= st) return true;
  if (gt !== undefined && crosses(gt, reported, value)) return true;
  return lt !== undefined && crosses(lt, reported, value);
}

function evaluate(state: Reporting, value: Watched, rules: Rules, now: number): void {
  state.isPending = isWorthTelling(state, value, rules);
  state.isUnseen = false;
  state.sampled = value;
  state.evaluatedAt = now;
}

/**
 * Looks at one observed path, at a change or at a wake-up.
 * @param isChanged the observed part of the tree changed since the last call
 * @param value the current value when the path leads to one number or boolean
 * @param now monotonic ms
 * @returns whether a notification is due; it is the caller's to tell it, and then to call {@link told}
 */
export function isDue(
  state: Reporting,
  isChanged: boolean,
  value: Watched,
  rules: Rules,
  now: number,
): boolean {
  if (isChanged) state.isUnseen = true;
  const mayNotify = now >= state.reportedAt + rules.pminMs;
  // An evaluation left out would lose an edge.
  const maySee = rules.edge !== undefined || now >= state.evaluatedAt + rules.epminMs;
  if ((state.isUnseen && maySee) || (state.isPending && mayNotify)) evaluate(state, value, rules, now);
  return (state.isPending && mayNotify) || now >= state.reportedAt + rules.pmaxMs;
}

/** A notification with this value was told, whatever caused it. */
export function told(state: Reporting, value: Watched, now: number): void {
  state.reported = value;
  state.reportedAt = now;
  state.sampled = value;
  state.evaluatedAt = now;
  state.isUnseen = false;
  state.isPending = false;
}

/** A notification was due and there was nothing to show: what comes next is told at once. */
export function unsaid(state: Reporting): void {
  state.reported = undefined;
  state.isUnseen = false;
  state.isPending = true;
}

/** When the field is to be asked, as it has not been looked at for epmax (OMA Core 1.2.2 7.3.2), monotonic ms. */
export function sampleAt({ evaluatedAt, askedAt }: Reporting, { epmaxMs }: Rules): number {
  return Math.max(evaluatedAt, askedAt) + epmaxMs;
}

/** When to look again without a change, monotonic ms; Infinity: only a change matters. */
export function wakeAt(state: Reporting, rules: Rules): number {
  const unseen = state.isUnseen ? state.evaluatedAt + rules.epminMs : Number.POSITIVE_INFINITY;
  const pending = state.isPending ? state.reportedAt + rules.pminMs : Number.POSITIVE_INFINITY;
  const silent = state.reportedAt + rules.pmaxMs;
  return Math.min(unseen, pending, silent, sampleAt(state, rules));
}
