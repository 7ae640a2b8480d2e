/**
 * What the registers of the bench hold: the time at which the device answered, so that whoever gets a value knows how
 * long it was on its way, and no value is the same twice. A float32 holds whole numbers up to 2^24: quarters of a ms for
 * more than an hour.
 */
const PER_MS = 4;

/** @param nowMs and `startMs`: of {@link machineMs} */
export function stampOf(nowMs: number, startMs: number): number {
  return Math.round((nowMs - startMs) * PER_MS);
}

/** How old a stamp is, in ms. */
export function ageOf(stamp: number, nowMs: number, startMs: number): number {
  return nowMs - startMs - Math.round(stamp) / PER_MS;
}
