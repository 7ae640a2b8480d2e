import { type Backoff, backoffDelay } from '../base/index.ts';

/**
 * When to try again after a failed registration: as resources 17 to 20 of the Server object say (OMA Core 1.2.2
 * 6.2.1.2), or, as long as nobody has set any of them, by a back-off of our own that never rests for a day.
 */
export type Retry = Backoff | RetrySchedule;

export interface RetrySchedule {
  /** Attempts in a sequence (1/x/17). */
  readonly attempts: number;
  /** After the first attempt; it doubles after each further one (1/x/18). */
  readonly timerMs: number;
  /** Between two sequences (1/x/19). */
  readonly sequenceDelayMs: number;
  /** Sequences after which the registration has failed (1/x/20). */
  readonly sequences: number;
}

export interface NextAttempt {
  readonly ms: number;
  /** By the rules the registration has failed: a bootstrap, or another server, may be next. We go on all the same. */
  readonly hasFailed: boolean;
}

/** Without resources 17 to 20: their default for the attempts of a sequence. */
const ATTEMPTS = 5;

/** A box that nobody drives out to does not stop trying, whatever the resources say. */
const LONGEST_MS = 86_400_000;

const isSchedule = (retry: Retry): retry is RetrySchedule => 'attempts' in retry;

/**
 * @param failures attempts in a row that failed, at least 1
 * @param chance 0 <= chance < 1
 */
export function nextAttempt(retry: Retry, failures: number, chance: number): NextAttempt {
  if (!isSchedule(retry))
    return { ms: backoffDelay(retry, failures, chance), hasFailed: failures >= ATTEMPTS };
  const attempts = Math.max(1, retry.attempts);
  const inSequence = ((failures - 1) % attempts) + 1;
  const hasFailed = failures >= attempts * Math.max(1, retry.sequences);
  const ms = inSequence < attempts ? retry.timerMs * 2 ** (inSequence - 1) : retry.sequenceDelayMs;
  return { ms: Math.min(ms, LONGEST_MS), hasFailed };
}
