import type { Schedule } from './meter.ts';

/** What the upstream server is asked to do in a bench, and what it says of it. */

export interface Watch {
  readonly ms: number;
  readonly schedule: Schedule;
}

export interface Watched {
  readonly seconds: number;
  readonly notifications: number;
  readonly samples: number;
  /** changes that no notification has told */
  readonly overtaken: number;
  /** from the change in the field to the notification */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

export interface Load {
  /** absent: the gateway */
  readonly port?: number;
  readonly path: string;
  /** content format; absent: text */
  readonly accept?: number;
  /** requests under way at the same time */
  readonly window: number;
  readonly ms: number;
}

export interface LoadResult {
  /** of the last answer, with all of its message */
  readonly bytes: number;
  readonly perSecond: number;
  readonly refusals: number;
  readonly lost: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
}
