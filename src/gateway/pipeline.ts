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

/**
 * What a point remembers from sample to sample. Changed in place: there are tens of thousands, and what is replaced at
 * every poll has grown old by then, and costs a collection of the whole heap.
 */
export interface PointState {
  /** Of the newest sample, good or bad; undefined before the first. */
  quality: Quality | undefined;
  /** When the newest sample was taken: ms since 1970. */
  sampledAt: number;
  /** The last value that was passed on; its position is NaN when nothing checks it. */
  good: { -readonly [key in keyof Mark]: Mark[key] } | undefined;
  suspect: Suspect | undefined;
  /** Where it stood before the gateway was started, until there is a good value. Never shown. */
  before: Mark | undefined;
}

/** A point of which nothing is known yet, but maybe where it stood before the gateway was started. */
export function unread(before?: Mark): PointState {
  return { quality: undefined, sampledAt: 0, good: undefined, suspect: undefined, before };
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
 * @param state what the point remembers, brought up to date
 * @param now monotonic ms
 * @param updates gets one for each output of the point
 */
export function ingest(
  point: CompiledPoint,
  state: PointState,
  sample: Sample,
  now: number,
  updates: FieldUpdate[],
): void {
  const found = assess(point, state, sample, now);
  if ('cause' in found) fail(point, state, sample, found, updates);
  else pass(point, state, sample.at, found, updates);
}

/** A value that can be passed on. */
interface Accepted {
  readonly value: FieldValue;
  readonly quality: Quality;
  /** NaN when nothing checks it */
  readonly position: number;
  readonly monotonic: number;
}

/** What a sample says, or why it says nothing; a suspect is remembered. */
function assess(point: CompiledPoint, state: PointState, sample: Sample, now: number): Accepted | Failure {
  if ('cause' in sample) return fieldFailure(sample);
  const { quality, at } = sample;
  if (quality === 1 || quality === 2) return { cause: 'implausible', quality };
  const value = point.decode(sample.value);
  if (value === undefined) return meaningless(sample.value);
  if (!point.isNumeric) return { value, quality, position: Number.NaN, monotonic: now };
  if (typeof value !== 'number' && typeof value !== 'bigint') return noNumber(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return NO_VALUE;
  if (point.checks === undefined) return { value, quality, position: Number.NaN, monotonic: now };
  const position = point.checks.toUnit(value);
  const judgement = judge(point.checks, state.good ?? state.before, state.suspect, {
    position,
    at,
    monotonic: now,
  });
  if (judgement.verdict === 'plausible') return { value, quality, position, monotonic: now };
  const { suspect, message, verdict } = judgement;
  state.suspect = suspect;
  return { ...DOUBTS[verdict], message };
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

/** The resources keep what they have; nothing is put in its place. */
function fail(
  { outputs }: CompiledPoint,
  state: PointState,
  { at }: Sample,
  failure: Failure,
  updates: FieldUpdate[],
): void {
  for (const { ids } of outputs) updates.push({ ids, ...failure });
  state.quality = failure.quality;
  state.sampledAt = at;
}

/** Passes a value on to the resources. One that cannot hold it keeps what it has. */
function pass(
  { outputs }: CompiledPoint,
  state: PointState,
  at: number,
  { value: raw, quality, position, monotonic }: Accepted,
  updates: FieldUpdate[],
): void {
  let isHeldByAll = true;
  for (const { ids, read } of outputs) {
    const value = read(raw);
    if (value !== undefined) updates.push({ ids, value, at, quality });
    else {
      isHeldByAll = false;
      updates.push({ ids, cause: 'unusable', quality: 2, message: `the resource cannot hold ${shown(raw)}` });
    }
  }
  state.quality = isHeldByAll ? quality : 2;
  state.sampledAt = at;
  state.suspect = undefined;
  state.before = undefined;
  state.good ??= { position, at, monotonic };
  state.good.position = position;
  state.good.at = at;
  state.good.monotonic = monotonic;
}
