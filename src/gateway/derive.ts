import type { PointId, Sample } from '../adapter/index.ts';
import type { Quality, Value } from '../model/index.ts';
import { type CompiledPoint, type FieldUpdate, ingest, type PointState, unread } from './pipeline.ts';
import type { DerivedResource } from './resource.ts';

/** The resources of one instance that tell when and how well its points were read. */
export interface DerivedInstance {
  readonly resources: readonly DerivedResource[];
  /** Points that feed resources of the instance. */
  readonly sources: readonly CompiledPoint[];
}

/** What {@link takeSamples} needs of a compiled device. */
export interface FieldDevice {
  readonly points: ReadonlyMap<PointId, CompiledPoint>;
  /** The instances with derived resources that a point feeds. */
  readonly derived: ReadonlyMap<PointId, readonly DerivedInstance[]>;
}

/** Worst first: a value that no check was possible for is better than one known to be old. */
const WORST_FIRST: readonly Quality[] = [1, 2, 3, 0, 4];

/** Quality as resource 6049 gives it, 0..100 (field rules 3.5.3); unknown without checks. */
const LEVELS: Readonly<Partial<Record<Quality, number>>> = { 4: 100, 3: 60, 2: 30, 1: 0 };

const STALE: Quality = 3;

function worse(a: Quality, b: Quality): Quality {
  return WORST_FIRST.indexOf(a) < WORST_FIRST.indexOf(b) ? a : b;
}

/** What the points of an instance come to: the worst quality, the time of the latest value and of the latest sample. */
interface Summary {
  readonly quality: Quality;
  readonly valueAt: number | undefined;
  readonly sampledAt: number;
}

function qualityOf(point: CompiledPoint, { quality, good }: PointState, now: number): Quality | undefined {
  if (quality === undefined || good === undefined) return quality;
  return now - good.monotonic > point.staleAfterMs ? worse(quality, STALE) : quality;
}

/** Points that were never read do not count; undefined when none was. */
function summarize(
  sources: readonly CompiledPoint[],
  states: ReadonlyMap<PointId, PointState>,
  now: number,
): Summary | undefined {
  let summary: Summary | undefined;
  for (const point of sources) {
    const state = states.get(point.id);
    const quality = state === undefined ? undefined : qualityOf(point, state, now);
    if (state === undefined || quality === undefined) continue;
    const {
      quality: before = quality,
      valueAt = state.good?.at,
      sampledAt = state.sampledAt,
    } = summary ?? {};
    summary = {
      quality: worse(before, quality),
      valueAt: valueAt === undefined ? undefined : Math.max(valueAt, state.good?.at ?? valueAt),
      sampledAt: Math.max(sampledAt, state.sampledAt),
    };
  }
  return summary;
}

const MS_PER_SECOND = 1000;

function derivedValue(from: DerivedResource['from'], { quality, valueAt }: Summary): Value | undefined {
  switch (from) {
    case 'quality':
      return quality;
    case 'quality-level':
      return LEVELS[quality];
    case 'time':
      return valueAt === undefined ? undefined : Math.floor(valueAt / MS_PER_SECOND);
    case 'time-fraction':
      return valueAt === undefined
        ? undefined
        : (valueAt - Math.floor(valueAt / MS_PER_SECOND) * MS_PER_SECOND) / MS_PER_SECOND;
  }
}

/**
 * Timestamp (5518), its fraction (6050), quality (6042) and quality level (6049) of one instance, as its points stand.
 * One that cannot be told has no value: a level without checks, a time before the first value.
 * @param now monotonic ms; values that grew stale by then count as such
 */
function deriveUpdates(
  { resources, sources }: DerivedInstance,
  states: ReadonlyMap<PointId, PointState>,
  now: number,
): FieldUpdate[] {
  const summary = summarize(sources, states, now);
  if (summary === undefined) return [];
  const updates: FieldUpdate[] = [];
  for (const { ids, from } of resources) {
    const value = derivedValue(from, summary);
    if (value !== undefined) updates.push({ ids, value, at: summary.sampledAt, quality: 4 });
    else updates.push({ ids, cause: 'not-available', quality: summary.quality });
  }
  return updates;
}

/**
 * Takes samples of one device as they come together: {@link ingest} for each, then what is derived, once per instance.
 * Samples of points that the device does not use are ignored.
 * @param states of all points; brought up to date in place
 * @param now monotonic ms
 */
export function takeSamples(
  device: FieldDevice,
  states: Map<PointId, PointState>,
  samples: readonly Sample[],
  now: number,
): FieldUpdate[] {
  const updates: FieldUpdate[] = [];
  const touched = new Set<DerivedInstance>();
  for (const sample of samples) {
    const point = device.points.get(sample.point);
    if (point === undefined) continue;
    let state = states.get(point.id);
    if (state === undefined) {
      state = unread();
      states.set(point.id, state);
    }
    ingest(point, state, sample, now, updates);
    for (const instance of device.derived.get(point.id) ?? []) touched.add(instance);
  }
  for (const instance of touched) updates.push(...deriveUpdates(instance, states, now));
  return updates;
}
