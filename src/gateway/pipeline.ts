import type { FieldCause, FieldValue, PointId, Sample } from '../adapter/index.ts';
import type { Ids, Quality, Value } from '../model/index.ts';
import { type Judgement, judge, type Mark, type Suspect } from './plausibility.ts';
import type { Checks } from './point.ts';
import type { Reader } from './reading.ts';

/** Why a resource has no new value: the field's own cause, or what the gateway finds wrong with the value. */
export type UpdateCause =
  | FieldCause
  /** it cannot be right: out of range, too fast a change, a counter that goes back */
  | 'implausible'
  /** it means nothing here: not in the map, or not what the resource can hold */
  | 'unusable';

/** A new value of one resource, or why the last good one stays, with lower quality. Never a substitute. */
export type FieldUpdate =
  | { readonly ids: Ids; readonly value: Value; readonly at: number; readonly quality: Quality }
  | {
      readonly ids: Ids;
      readonly cause: UpdateCause;
      readonly quality: Quality;
      readonly message?: string;
      readonly retryAfterMs?: number;
    };

/** A resource that is read, as the pipeline sees it. */
export interface Output {
  readonly ids: Ids;
  readonly read: Reader;
}

/** A point, ready for its samples. */
export interface CompiledPoint {
  readonly id: PointId;
  readonly isNumeric: boolean;
  readonly decode: (value: FieldValue) => FieldValue | undefined;
  readonly checks: Checks | undefined;
  readonly outputs: readonly Output[];
  /** Up to this age a read is answered without asking the field; Infinity: asked once. */
  readonly maxAgeMs: number;
  /** Beyond this age a value is stale. */
  readonly staleAfterMs: number;
  readonly rateLimitMs: number | undefined;
}

/** A value that was passed on; its position is NaN when nothing checks it. */
interface Good extends Mark {
  readonly value: FieldValue;
}

/** What a point remembers from sample to sample. */
export interface PointState {
  /** Of the newest sample, good or bad; undefined before the first. */
  readonly quality: Quality | undefined;
  /** When the newest sample was taken: ms since 1970. */
  readonly sampledAt: number;
  /** The last value that was passed on. */
  readonly good: Good | undefined;
  readonly suspect: Suspect | undefined;
  /** Where it stood before the gateway was started, until there is a good value. Never shown. */
  readonly before?: Mark;
}

/** A point of which nothing is known yet. */
export const UNREAD: PointState = { quality: undefined, sampledAt: 0, good: undefined, suspect: undefined };

/** A point of which is known where it stood before the gateway was started. */
export function unreadSince(before: Mark): PointState {
  return { ...UNREAD, before };
}

/** Everything that a failed update tells beside the resource. */
interface Failure {
  readonly cause: UpdateCause;
  readonly quality: Quality;
  readonly message?: string;
  readonly retryAfterMs?: number;
}

/**
 * Takes one sample of a point (field rules 3.5): its meaning, its plausibility, then a value for each resource it
 * feeds. The hot path, so that all samples of a cycle write into one list.
 * @param now monotonic ms
 * @param updates gets one for each output of the point
 * @returns what the point remembers from now on
 */
export function ingest(
  point: CompiledPoint,
  state: PointState,
  sample: Sample,
  now: number,
  updates: FieldUpdate[],
): PointState {
  if ('cause' in sample) return fail(point, state, sample, fieldFailure(sample), updates);
  const { quality } = sample;
  if (quality === 1 || quality === 2)
    return fail(point, state, sample, { cause: 'implausible', quality }, updates);
  const value = point.decode(sample.value);
  if (value === undefined) return fail(point, state, sample, meaningless(sample.value), updates);
  if (!point.isNumeric) return pass(point, unchecked(value, sample, now), quality, updates);
  if (typeof value !== 'number' && typeof value !== 'bigint')
    return fail(point, state, sample, noNumber(value), updates);
  if (typeof value === 'number' && !Number.isFinite(value))
    return fail(point, state, sample, NO_VALUE, updates);
  if (point.checks === undefined) return pass(point, unchecked(value, sample, now), quality, updates);
  const good = { value, position: point.checks.toUnit(value), at: sample.at, monotonic: now };
  const judgement = judge(point.checks, state.good ?? state.before, state.suspect, good);
  if (judgement.verdict === 'plausible') return pass(point, good, quality, updates);
  const { suspect, message, verdict } = judgement;
  return fail(point, { ...state, suspect }, sample, { ...DOUBTS[verdict], message }, updates);
}

/** What becomes of the value before it (field rules 3.5.3); it goes on growing old. */
const DOUBTS = {
  hold: { cause: 'implausible', quality: 3 },
  reject: { cause: 'implausible', quality: 2 },
  wait: { cause: 'not-available', quality: 0 },
} as const satisfies Record<Exclude<Judgement['verdict'], 'plausible'>, Failure>;

const NO_VALUE: Failure = { cause: 'not-available', quality: 1 };

function fieldFailure({ cause, retryAfterMs }: Extract<Sample, { cause: FieldCause }>): Failure {
  return retryAfterMs === undefined ? { cause, quality: 1 } : { cause, quality: 1, retryAfterMs };
}

const MOST_SHOWN = 40;

function shown(value: FieldValue): string {
  if (typeof value === 'object') return `${value.byteLength} bytes`;
  return typeof value === 'string' ? JSON.stringify(value.slice(0, MOST_SHOWN)) : String(value);
}

function meaningless(value: FieldValue): Failure {
  return { cause: 'unusable', quality: 2, message: `${shown(value)} has no meaning in the profile` };
}

function noNumber(value: FieldValue): Failure {
  return { cause: 'unusable', quality: 1, message: `${shown(value)} is not a number` };
}

function unchecked(value: FieldValue, { at }: Sample, now: number): Good {
  return { value, position: Number.NaN, at, monotonic: now };
}

/** The resources keep what they have; nothing is put in its place. */
function fail(
  { outputs }: CompiledPoint,
  state: PointState,
  { at }: Sample,
  failure: Failure,
  updates: FieldUpdate[],
): PointState {
  for (const { ids } of outputs) updates.push({ ids, ...failure });
  return { ...state, quality: failure.quality, sampledAt: at };
}

/** Passes a value on to the resources. One that cannot hold it keeps what it has. */
function pass({ outputs }: CompiledPoint, good: Good, quality: Quality, updates: FieldUpdate[]): PointState {
  const { value: raw, at } = good;
  let isHeldByAll = true;
  for (const { ids, read } of outputs) {
    const value = read(raw);
    if (value !== undefined) updates.push({ ids, value, at, quality });
    else {
      isHeldByAll = false;
      updates.push({ ids, cause: 'unusable', quality: 2, message: `the resource cannot hold ${shown(raw)}` });
    }
  }
  return { quality: isHeldByAll ? quality : 2, sampledAt: at, good, suspect: undefined };
}
