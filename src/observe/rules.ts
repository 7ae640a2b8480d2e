import type { Attributes } from '../model/index.ts';

/** Attributes as deciding needs them: periods in ms, and Infinity for those that never end. */
export interface Rules {
  readonly pminMs: number;
  readonly pmaxMs: number;
  readonly epminMs: number;
  readonly epmaxMs: number;
  readonly gt: number | bigint | undefined;
  readonly lt: number | bigint | undefined;
  readonly st: number | bigint | undefined;
  readonly edge: 0 | 1 | undefined;
}

const ms = (seconds: number | undefined): number => (seconds ?? 0) * 1000;

/** What is set and not 0. */
function period(seconds: number | undefined): number {
  return seconds === undefined || seconds === 0 ? Number.POSITIVE_INFINITY : ms(seconds);
}

/** A pmax below pmin counts as none (OMA Core 1.2.2 7.3.2). */
export function rulesOf({ pmin, pmax, epmin, epmax, gt, lt, st, edge }: Attributes): Rules {
  return {
    pminMs: ms(pmin),
    pmaxMs: pmax !== undefined && pmax < (pmin ?? 0) ? Number.POSITIVE_INFINITY : period(pmax),
    epminMs: ms(epmin),
    epmaxMs: period(epmax),
    gt,
    lt,
    st,
    edge,
  };
}
