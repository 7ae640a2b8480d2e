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
  /**
   * Keeps the bus from everybody else, until released and for `mostMs` at most; requests on their way are not waited
   * for. Undefined when its turn did not come by `deadlineAt`.
   */
  hold(deadlineAt: number, mostMs: number): Promise<BusHold | undefined>;
  /** Some time later, or at once when the bus is closed. */
  wait(delayMs: number): Promise<void>;
  /** Requests that were not even sent since too many waited, or for too long. */
  readonly overloaded: number;
  close(): void;
}

/** The bus, for one who needs it for several requests on end. */
export interface BusHold {
  /** Once released, nothing is sent. */
  request(job: Job): Promise<Outcome>;
  release(): void;
}

/** Requests that may wait; a full connection of 247 devices with a few reads each stays below. */
const MOST_WAITING = 1000;
const URGENT_IN_A_ROW = 3;
/** A poll of once an hour must not come last for an hour where more is asked than a line can carry. */
const LONGEST_WAIT_MS = 5 * 60_000;

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
function dueAt({ urgency, deadlineAt, isRepeated }: Job, now: number): number {
  return urgency === 'write' || isRepeated ? LAST : Math.min(deadlineAt, now + LONGEST_WAIT_MS);
}

export function createBus(link: Link, clock: Clock): Bus {
  const queue = createPriorityQueue<Waiting>({ most: MOST_WAITING, urgentInARow: URGENT_IN_A_ROW });
  /** Requests of who holds the bus. */
  const held = new Set<Waiting>();
  /** Who wants to hold it, by age. */
  const applicants = new Set<() => void>();
  const sleepers = new Set<() => void>();
  const stopListening = link.onChange(pump);
  let holder: BusHold | undefined;
  let isClosed = false;
  let overloaded = 0;

  function pump(): void {
    if (link.state === 'down') settleAll(disconnected());
    while (link.ready) {
      const next = takeNext();
      if (next === undefined) return;
      send(next);
    }
    if (queue.size + held.size > 0) link.want();
  }

  function takeNext(): Waiting | undefined {
    if (holder === undefined) return queue.take();
    for (const next of held) {
      held.delete(next);
      return next;
    }
    return undefined;
  }

  function grant(mostMs: number, resolve: (hold: BusHold | undefined) => void): void {
    const cancel = clock.after(mostMs, release);
    const hold: BusHold = {
      request: (job) => (holder === hold ? request(job, true) : Promise.resolve(NOT_ASKED)),
      release,
    };
    holder = hold;
    resolve(hold);
    function release(): void {
      if (holder !== hold) return;
      cancel();
      holder = undefined;
      for (const waiting of held) expire(waiting);
      // Others have a turn before somebody holds it again.
      pump();
      for (const apply of applicants) {
        applicants.delete(apply);
        apply();
        return;
      }
    }
  }

  function request(job: Job, isHeld: boolean): Promise<Outcome> {
    if (isClosed) return Promise.resolve(CLOSED);
    return new Promise((resolve) => {
      enqueue({ job, resolve, isWaiting: true, cancelTimer: () => {} }, isHeld);
    });
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

  function enqueue(next: Waiting, isHeld: boolean): void {
    const now = clock.monotonic();
    const leftMs = next.job.deadlineAt - now;
    if (isHeld) held.add(next);
    if (leftMs <= 0 || !(isHeld || queue.push(next.job.urgency, next, dueAt(next.job, now)))) {
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
    held.delete(one);
    stopWaiting(one);
    const isConnected = link.state === 'up';
    if (isConnected) overloaded++;
    one.resolve(isConnected ? NOT_ASKED : disconnected());
  }

  function disconnected(): Outcome {
    return { status: 'failed', cause: 'disconnected', sent: false, retryAfterMs: Math.ceil(link.retryInMs) };
  }

  function settleAll(outcome: Outcome): void {
    const all = [...queue.drain(), ...held];
    held.clear();
    for (const one of all) {
      stopWaiting(one);
      one.resolve(outcome);
    }
  }

  return {
    get overloaded() {
      return overloaded;
    },
    request: (job) => request(job, false),
    hold(deadlineAt, mostMs) {
      if (isClosed) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        if (holder === undefined) {
          grant(mostMs, resolve);
          return;
        }
        const apply = (): void => {
          cancel();
          if (isClosed) resolve(undefined);
          else grant(mostMs, resolve);
        };
        const cancel = clock.after(deadlineAt - clock.monotonic(), () => {
          applicants.delete(apply);
          resolve(undefined);
        });
        applicants.add(apply);
      });
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
      holder?.release();
      for (const apply of applicants) apply();
      for (const wake of sleepers) wake();
    },
  };
}
