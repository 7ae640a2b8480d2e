import type { Cancel, Clock } from 'lwm2m-gateway/adapter';
import type { Link, Outcome } from './link.ts';
import type { Request } from './pdu.ts';
import { createPriorityQueue, LAST, type Urgency } from './queue.ts';

/** One request and how long it is of use. */
export interface Job {
  readonly unit: number;
  readonly request: Request;
  readonly urgency: Urgency;
  /** how long the device may take to answer */
  readonly timeoutMs: number;
  /** With less time left it is not sent at all: what would be known of a write then? */
  readonly leastMs?: number;
  /** on the monotonic clock; the outcome is there by then, whatever happens */
  readonly deadlineAt: number;
  /** It went without an answer before: all that wait go first. */
  readonly isRepeated?: boolean;
}

/** The queue before a link: requests of all its devices, one after the other. */
export interface Bus {
  request(job: Job): Promise<Outcome>;
  /** Some time later, or at once when the bus is closed. */
  wait(delayMs: number): Promise<void>;
  /** Requests that were not even sent since too many waited, or for too long. */
  readonly overloaded: number;
  close(): void;
}

/** Requests that may wait; a full connection of 247 devices with a few reads each stays below. */
const MOST_WAITING = 1000;
const URGENT_IN_A_ROW = 3;

interface Waiting {
  readonly job: Job;
  readonly resolve: (outcome: Outcome) => void;
  isWaiting: boolean;
  cancelTimer: Cancel;
}

const NOT_ASKED = { status: 'failed', cause: 'overloaded', sent: false } as const satisfies Outcome;
const CLOSED = { status: 'failed', cause: 'closed', sent: false } as const satisfies Outcome;

/**
 * The requests of one read have one deadline: a read that has begun goes on before the next one begins, and what it
 * brings is of about one moment. Writes go in the order they came, as the last one has to stand.
 */
function dueAt({ urgency, deadlineAt, isRepeated }: Job): number {
  return urgency === 'write' || isRepeated ? LAST : deadlineAt;
}

export function createBus(link: Link, clock: Clock): Bus {
  const queue = createPriorityQueue<Waiting>({ most: MOST_WAITING, urgentInARow: URGENT_IN_A_ROW });
  const sleepers = new Set<() => void>();
  const stopListening = link.onChange(pump);
  let isClosed = false;
  let overloaded = 0;

  function pump(): void {
    if (link.state === 'down') settleAll(disconnected());
    while (link.ready) {
      const next = queue.take();
      if (next === undefined) return;
      send(next);
    }
    if (queue.size > 0) link.want();
  }

  function send(next: Waiting): void {
    const { unit, request, timeoutMs, leastMs = 0, deadlineAt } = next.job;
    const leftMs = deadlineAt - clock.monotonic();
    if (leftMs <= leastMs) {
      expire(next);
      return;
    }
    stopWaiting(next);
    link.send(unit, request, { answerMs: timeoutMs, mostMs: leftMs }, (outcome) => {
      next.resolve(outcome);
      pump();
    });
  }

  function enqueue(next: Waiting): void {
    const leftMs = next.job.deadlineAt - clock.monotonic();
    if (leftMs <= 0 || !queue.push(next.job.urgency, next, dueAt(next.job))) {
      expire(next);
      return;
    }
    pump();
    if (next.isWaiting) next.cancelTimer = clock.after(leftMs, () => expire(next));
  }

  function stopWaiting(one: Waiting): void {
    one.isWaiting = false;
    one.cancelTimer();
  }

  function expire(one: Waiting): void {
    queue.remove(one.job.urgency, one);
    stopWaiting(one);
    const isConnected = link.state === 'up';
    if (isConnected) overloaded++;
    one.resolve(isConnected ? NOT_ASKED : disconnected());
  }

  function disconnected(): Outcome {
    return { status: 'failed', cause: 'disconnected', sent: false, retryAfterMs: Math.ceil(link.retryInMs) };
  }

  function settleAll(outcome: Outcome): void {
    for (const one of queue.drain()) {
      stopWaiting(one);
      one.resolve(outcome);
    }
  }

  return {
    get overloaded() {
      return overloaded;
    },
    request(job) {
      if (isClosed) return Promise.resolve(CLOSED);
      return new Promise((resolve) => enqueue({ job, resolve, isWaiting: true, cancelTimer: () => {} }));
    },
    wait(delayMs) {
      if (isClosed) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          cancel();
          sleepers.delete(wake);
          resolve();
        };
        const cancel = clock.after(delayMs, wake);
        sleepers.add(wake);
      });
    },
    close() {
      isClosed = true;
      stopListening();
      settleAll(CLOSED);
      for (const wake of sleepers) wake();
    },
  };
}
