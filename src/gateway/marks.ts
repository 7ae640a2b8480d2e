import type { PointId } from '../adapter/index.ts';
import { type CompiledPoint, type PointState, unread } from './pipeline.ts';
import { looksBack, type Mark } from './plausibility.ts';

/**
 * Where the numbers of a device stood that are judged by what came before, by point: in the unit of the point, and when
 * (ms since 1970). Plain data, to be kept over a restart: a counter then need not prove itself anew, and a meter that
 * shows garbage as it boots together with the gateway is found out.
 */
export type Marks = Readonly<Record<PointId, readonly [position: number, at: number]>>;

type Points = ReadonlyMap<PointId, CompiledPoint>;

function isRemembered(point: CompiledPoint | undefined): boolean {
  return point?.checks !== undefined && looksBack(point.checks);
}

export function marksOf(points: Points, states: ReadonlyMap<PointId, PointState>): Marks {
  const marks: Record<PointId, readonly [number, number]> = {};
  for (const [id, { good, before }] of states) {
    const mark: Mark | undefined = good ?? before;
    if (mark !== undefined && isRemembered(points.get(id))) marks[id] = [mark.position, mark.at];
  }
  return marks;
}

const isMark = (value: unknown): value is Marks[string] =>
  Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);

/**
 * What the points of a device begin with, by {@link Marks} of a file. What does not look like one, and what is of a time
 * to come by a clock that is wrong now or was wrong then, is passed over.
 * @param now ms since 1970
 */
export function rememberedStates(
  points: Points,
  marks: unknown,
  now: number,
  monotonic: number,
): Map<PointId, PointState> {
  const states = new Map<PointId, PointState>();
  if (typeof marks !== 'object' || marks === null) return states;
  for (const [id, mark] of Object.entries(marks)) {
    if (!isMark(mark) || !isRemembered(points.get(id)) || mark[1] > now) continue;
    const [position, at] = mark;
    states.set(id, unread({ position, at, monotonic }));
  }
  return states;
}
