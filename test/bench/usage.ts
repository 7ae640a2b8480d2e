import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a process has used of the machine. */
export interface Usage {
  /** When it was asked, monotonic ms of its own. */
  readonly atMs: number;
  readonly cpuMs: number;
  /** MB (10^6 bytes) in memory now, and the most so far */
  readonly rssMb: number;
  readonly mostRssMb: number;
}

/** Called in the process that is measured. */
export function usage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    atMs: performance.now(),
    cpuMs: (userCPUTime + systemCPUTime) / 1000,
    rssMb: process.memoryUsage.rss() / 1e6,
    mostRssMb: (maxRSS * 1024) / 1e6,
  };
}

/** Percent of one core between two moments. */
export function cpuPercent(before: Usage, after: Usage): number {
  return (100 * (after.cpuMs - before.cpuMs)) / (after.atMs - before.atMs);
}

let collect: (() => void) | undefined;

/** Bytes that are in use by objects and buffers, after a collection of what is not. */
export function heapInUse(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  // What the first finds dead, the next can free.
  for (let round = 0; round < 3; round++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
