import { type Backoff, backoffDelay, type Clock, type FieldCause } from 'lwm2m-gateway/adapter';
import type { Bus, Job } from './bus.ts';
import { ACKNOWLEDGE, type ExceptionRule, exceptionRule } from './exceptions.ts';
import type { Outcome } from './link.ts';
import { isRead } from './pdu.ts';

/** What a device said to a request in the end. */
export type Answer =
  | Extract<Outcome, { status: 'done' }>
  /** it answered with an exception, or somebody did for it */
  | { readonly status: 'exception'; readonly code: number; readonly rule: ExceptionRule }
  | Extract<Outcome, { status: 'failed' }>;

/** The wait before a busy device is asked again. */
const BUSY: Backoff = { firstMs: 100, factor: 2, mostMs: 1000, jitter: 0 };

/**
 * Asks until there is an answer: again after silence, up to `retries` times, and after a pause when the device is busy.
 * Who waits for the bus goes before a second attempt. A write that may have been done is never sent twice.
 */
export async function ask(
  bus: Pick<Bus, 'request' | 'wait'>,
  clock: Clock,
  job: Job,
  retries: number,
): Promise<Answer> {
  let resends = 0;
  let unanswered: Answer | undefined;
  for (let waits = 1; ; waits++) {
    const outcome = await bus.request(unanswered === undefined ? job : { ...job, isRepeated: true });
    // That a second attempt was never made does not undo that the first had no answer. One that found the unit silent
    // before the request itself was sent has been made.
    const isUnmade = outcome.status === 'failed' && !outcome.sent && outcome.cause !== 'timeout';
    if (unanswered !== undefined && isUnmade) return unanswered;
    const answer = toAnswer(outcome);
    const again = howAgain(answer, job);
    if (again === undefined) return answer;
    if (again === 'resend' && resends++ >= retries) return answer;
    if (again === 'resend') unanswered = answer;
    const pauseMs = again === 'wait' ? backoffDelay(BUSY, waits, 0) : 0;
    if (clock.monotonic() + pauseMs >= job.deadlineAt) return answer;
    if (pauseMs > 0) await bus.wait(pauseMs);
  }
}

function toAnswer(outcome: Outcome): Answer {
  return outcome.status === 'exception' ? { ...outcome, rule: exceptionRule(outcome.code) } : outcome;
}

function howAgain(answer: Answer, job: Job): 'wait' | 'resend' | undefined {
  if (answer.status === 'done') return undefined;
  const again = answer.status === 'exception' ? answer.rule.again : AGAIN_AFTER[answer.cause];
  return isRead(job.request) || isSurelyUndone(answer) ? again : undefined;
}

const AGAIN_AFTER: Partial<Readonly<Record<FieldCause, 'resend'>>> = { timeout: 'resend' };

function isSurelyUndone(answer: Refusal): boolean {
  return answer.status === 'exception' && answer.rule.cause === 'busy' && answer.code !== ACKNOWLEDGE;
}

/** An answer without a result. */
export type Refusal = Exclude<Answer, { status: 'done' }>;

/** The cause that it gives to samples and write results. */
export function causeOf(answer: Refusal): FieldCause {
  return answer.status === 'exception' ? answer.rule.cause : answer.cause;
}

/** The same in words. */
export function reasonOf(answer: Refusal): string {
  return answer.status === 'exception' ? answer.rule.name : REASONS[answer.cause];
}

const REASONS: Readonly<Record<Extract<Refusal, { status: 'failed' }>['cause'], string>> = {
  timeout: 'no answer',
  disconnected: 'the connection is down',
  malformed: 'an answer that cannot be right',
  overloaded: 'its turn did not come within the time',
  closed: 'the connection was closed',
};
