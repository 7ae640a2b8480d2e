import { atLatency, type Medium } from './cost.ts';
import { MOST_REGISTERS } from './pdu.ts';

/** What a device really takes to answer, so that plans are made for it and not for a guess. */
export interface Latency {
  /** The medium with the latency that plans are made for. */
  readonly medium: Medium;
  /** Grows whenever plans made before are out of date. */
  readonly version: number;
  /** A read took so long, of which so much was data. */
  note(tookMs: number, dataMs: number): void;
}

/** How much a single measurement moves the mean. */
const WEIGHT = 0.2;
/** Measurements before the mean is believed. */
const ENOUGH = 8;
/** New plans for less than this would be no better. */
const FACTOR = 1.5;

export function createLatency(assumed: Medium): Latency {
  const wireMs = assumed.requestMs - assumed.latencyMs;
  // From here on every gap that fits into a request is bridged already: slower makes no other plan.
  const mostMs = Math.max(assumed.leastLatencyMs, MOST_REGISTERS * assumed.registerMs - wireMs);
  let medium = assumed;
  let version = 0;
  let mean = assumed.latencyMs;
  let count = 0;
  return {
    get medium() {
      return medium;
    },
    get version() {
      return version;
    },
    note(tookMs, dataMs) {
      const measured = Math.min(mostMs, Math.max(assumed.leastLatencyMs, tookMs - wireMs - dataMs));
      mean += (measured - mean) * (count === 0 ? 1 : WEIGHT);
      count++;
      const isFar = mean > medium.latencyMs * FACTOR || mean * FACTOR < medium.latencyMs;
      if (count < ENOUGH || !isFar) return;
      medium = atLatency(assumed, mean);
      version++;
    },
  };
}
