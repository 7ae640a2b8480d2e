import type { Attributes } from '../model/index.ts';

/** The value that thresholds look at; undefined for anything that is not one number or one boolean. */
export type Watched = number | bigint | boolean | undefined;

/** What an observation remembers between decisions. Times are monotonic ms. */
export interface Reporting {
  /** The value of the last notification. */
  readonly reported: Watched;
  readonly reportedAt: number;
  /** The value of the last evaluation, whether or not it was told. */
  readonly sampled: Watched;
  readonly evaluatedAt: number;
  /** A change that waits for pmin or epmin. */
  readonly pending: boolean;
}

export interface Decision {
  readonly state: Reporting;
  readonly notify: boolean;
  /** When to ask again without a change, monotonic ms; undefined: only a change matters. */
  readonly wakeAt: number | undefined;
}

/** The state after the first answer, which counts as a notification (OMA Core 1.2.2 6.4.2). */
export function reportingSince(value: Watched, now: number): Reporting {
  return { reported: value, reportedAt: now, sampled: value, evaluatedAt: now, pending: false };
}

type Numeric = number | bigint;

function isNumeric(value: Watched): value is Numeric {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** a - b without losing whole numbers beyond 2^53. */
function distance(a: Numeric, b: Numeric): Numeric {
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    if (Number.isInteger(Number(a)) && Number.isInteger(Number(b))) {
      const difference = BigInt(a) - BigInt(b);
      return difference < 0n ? -difference : difference;
    }
  }
  return Math.abs(Number(a) - Number(b));
}

/** A threshold is crossed in either direction; resting on it crosses nothing. */
function crosses(threshold: number, from: Numeric, to: Numeric): boolean {
  return (from <= threshold && to > threshold) || (from >= threshold && to < threshold);
}

/** True if the current value is worth telling (OMA Core 1.2.2 7.3.2); the reported one is what the server knows. */
function isWorthTelling(state: Reporting, value: Watched, attributes: Attributes): boolean {
  const { gt, lt, st, edge } = attributes;
  // Of a structure we only know that something changed.
  if (value === undefined) return true;
  if (typeof value === 'boolean' && edge !== undefined) {
    return state.pending || (value !== state.sampled && value === (edge === 1));
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

const seconds = (value: number | undefined): number => (value ?? 0) * 1000;

/** pmax counts when it is set, not 0 and not below pmin (OMA Core 1.2.2 7.3.2). */
function longestSilence({ pmin, pmax }: Attributes): number | undefined {
  return pmax === undefined || pmax === 0 || pmax < (pmin ?? 0) ? undefined : seconds(pmax);
}

/**
 * Decides, at a change or at a wake-up, whether to notify now.
 * @param changed the observed part of the tree changed since the last call
 * @param value the current value when the observation is on one number or boolean
 * @param now monotonic ms
 */
export function decide(
  state: Reporting,
  changed: boolean,
  value: Watched,
  attributes: Attributes,
  now: number,
): Decision {
  const mayEvaluateAt = state.evaluatedAt + seconds(attributes.epmin);
  const mayNotifyAt = state.reportedAt + seconds(attributes.pmin);
  const silence = longestSilence(attributes);
  const mustNotifyAt = silence === undefined ? undefined : state.reportedAt + silence;
  const isOverdue = mustNotifyAt !== undefined && now >= mustNotifyAt;

  const hasNews = changed || state.pending;
  // An edge is an event: an evaluation left out would lose it.
  const evaluates = hasNews && (attributes.edge !== undefined || now >= mayEvaluateAt);
  const pending = hasNews && (!evaluates || isWorthTelling(state, value, attributes));
  if (isOverdue || (evaluates && pending && now >= mayNotifyAt)) {
    const next: Reporting = {
      reported: value,
      reportedAt: now,
      sampled: value,
      evaluatedAt: now,
      pending: false,
    };
    return { state: next, notify: true, wakeAt: silence === undefined ? undefined : now + silence };
  }
  const waitsUntil = pending ? Math.max(mayNotifyAt, mayEvaluateAt) : undefined;
  const wakeAt = Math.min(waitsUntil ?? Number.POSITIVE_INFINITY, mustNotifyAt ?? Number.POSITIVE_INFINITY);
  return {
    state: evaluates
      ? { ...state, sampled: value, evaluatedAt: changed ? now : state.evaluatedAt, pending }
      : { ...state, pending },
    notify: false,
    wakeAt: Number.isFinite(wakeAt) ? wakeAt : undefined,
  };
}

/**
 * The state when a notification was due and there was nothing to show: what comes next is told at once, and until then
 * there is nothing to wait for.
 */
export function unsaid(before: Reporting): Decision {
  return { state: { ...before, reported: undefined, pending: true }, notify: false, wakeAt: undefined };
}
