/**
 * The meters of the gateway bench: as many units as fit a building, each with 20 values of 32 bits, in the units that
 * meters use, so that the gateway has to convert some of them.
 */

export const UNITS = 50;

export interface MeterPoint {
  readonly name: string;
  /** in the field */
  readonly unit: string;
  readonly kind: 'gauge' | 'counter';
  /** resource of object 10242 */
  readonly resource: number;
  /** the value in the field is that of the resource times this */
  readonly factor: number;
}

type Row = readonly [name: string, unit: string, resource: number, factor: number, kind?: MeterPoint['kind']];

const PHASES = [0, 10, 20].flatMap((first, phase): Row[] => [
  [`v${phase + 1}`, 'V', first + 4, 1],
  [`i${phase + 1}`, 'A', first + 5, 1],
  [`p${phase + 1}`, 'W', first + 6, 1000],
  [`q${phase + 1}`, 'var', first + 7, 1000],
  [`s${phase + 1}`, 'VA', first + 10, 1000],
]);

const TOTALS: readonly Row[] = [
  ['p', 'W', 34, 1000],
  ['q', 'var', 35, 1000],
  ['s', 'VA', 38, 1000],
  ['ei', 'kWh', 41, 1, 'counter'],
  ['f', 'Hz', 49, 1],
];

/** In the order of their registers, two each from 0 on. */
export const POINTS: readonly MeterPoint[] = [...PHASES, ...TOTALS].map(
  ([name, unit, resource, factor, kind = 'gauge']) => ({ name, unit, resource, factor, kind }),
);

export const REGISTERS = 2 * POINTS.length;

/** Time of this machine that all its processes share, in ms; never set back. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** When the values in the field change. */
export interface Schedule {
  /** {@link machineMs} of the beginning */
  readonly startMs: number;
  readonly intervalMs: number;
}

/**
 * Each value changes once in 1.6 poll intervals, so that no change is overtaken by the next before a poll sees it. The
 * golden ratio spreads the changes of a point evenly over the interval, and another irrational those of all points.
 */
const GOLDEN = (1 + Math.sqrt(5)) / 2;

const offsetOf = (unit: number, point: number): number => ((unit * POINTS.length + point) * Math.SQRT2) % 1;

/** What a register shows: how often its value has changed. Exact as float32 for years. */
export function changesUntil(nowMs: number, unit: number, point: number, schedule: Schedule): number {
  const elapsed = (nowMs - schedule.startMs) / (GOLDEN * schedule.intervalMs);
  return Math.max(0, Math.floor(elapsed + offsetOf(unit, point)));
}

/** When the value became `changes`, as {@link machineMs}. */
export function changedAt(changes: number, unit: number, point: number, schedule: Schedule): number {
  return schedule.startMs + (changes - offsetOf(unit, point)) * GOLDEN * schedule.intervalMs;
}
