import { quantile } from '../figures.ts';
import { machineMs } from '../meter.ts';
import { ageOf } from './stamps.ts';

/** What somebody saw of the values that arrived in some time. */
export interface Watched {
  readonly seconds: number;
  readonly samples: number;
  /** from the answer of the device to here */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

/** Counts values where they arrive. */
export interface Watcher {
  take(stamp: number): void;
  watch(ms: number): Promise<Watched>;
}

export function createWatcher(startMs: number): Watcher {
  let ages: number[] = [];
  return {
    take(stamp) {
      ages.push(ageOf(stamp, machineMs(), startMs));
    },
    async watch(ms) {
      ages = [];
      const began = machineMs();
      await new Promise((later) => setTimeout(later, ms));
      const seconds = (machineMs() - began) / 1000;
      const seen = ages.sort((a, b) => a - b);
      return {
        seconds,
        samples: seen.length,
        latencyP50Ms: quantile(seen, 0.5),
        latencyP99Ms: quantile(seen, 0.99),
      };
    },
  };
}
