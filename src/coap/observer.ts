import { type Clock, type Logger, messageOf } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import { type AnswerPart, type CoapAnswer, readAnswer } from './answer.ts';
import type { CoapRequestToSend } from './asker.ts';
import type { CallOut } from './callback.ts';
import type { Client } from './client.ts';
import { isSuccess } from './code.ts';
import type { Expectation, Expectations } from './expectations.ts';
import { type Message, sameBytes } from './message.ts';
import { OptionNumber } from './option.ts';

/**
 * Why the relation is over: the peer has told its last state, an error or one without Observe; it has told something that
 * we had to reject; its connection is over; or the endpoint was closed.
 */
export type ClientObservationEnd = 'ended' | 'rejected' | 'lost' | 'closed';

/** A resource of a peer that we observe. */
export interface ClientObservation {
  readonly answer: CoapAnswer;
  /** False if the peer has answered, but does not notify; and once the relation is over. */
  readonly isObserving: boolean;
  /** Called once when a relation that was open ends, unless `cancel` has ended it; the log says why. */
  onEnd: (why: ClientObservationEnd) => void;
  /** Ends the relation here at once, and tells the peer. Never fails: a peer that was not reached is told by resets. */
  cancel(): Promise<void>;
}

/** @param onNotification whole states in their order; one that is no success is the last */
export type Observe = (
  peer: Peer,
  request: CoapRequestToSend,
  onNotification: (notification: CoapAnswer) => void,
) => Promise<ClientObservation>;

/** Observes resources of peers. */
export interface Observer {
  readonly observe: Observe;
  /** Ends all relations as `closed`. */
  close(): void;
}

export interface ObserverOptions {
  readonly client: Client;
  readonly expectations: Expectations;
  /** Notifications arrive in order, and their numbers mean nothing (RFC 8323 7.1). */
  readonly isOrdered: boolean;
  readonly clock: Clock;
  readonly callOut: CallOut;
  readonly log: Logger;
}

/** A notification this much later is newer, whatever its number (RFC 7641 3.4). */
const NUMBERS_ARE_FRESH_MS = 128_000;
const HALF_OF_NUMBERS = 2 ** 23;

/** What was told last, and when. */
interface Told {
  readonly number: number;
  readonly at: number;
}

/** RFC 7641 3.4. */
function isNewer(next: Told, last: Told): boolean {
  if (next.at > last.at + NUMBERS_ARE_FRESH_MS) return true;
  const ahead = next.number - last.number;
  return (ahead > 0 && ahead < HALF_OF_NUMBERS) || ahead < -HALF_OF_NUMBERS;
}

export function createObserver(options: ObserverOptions): Observer {
  const { client, expectations, isOrdered, clock, callOut, log } = options;

  /** how to end the relations that are open */
  const open = new Set<(why: ClientObservationEnd) => void>();

  const observe: Observe = async (peer, request, onNotification) => {
    let last: Told | undefined;
    let arrived = 0;
    let delivered = 0;
    let isObserving = true;
    /** ETag of a state that we have told before its notification came, as its predecessor was gone when we fetched it */
    let toldAhead: Uint8Array | undefined;

    const end = (): void => {
      isObserving = false;
      open.delete(endAs);
      expectations.forget(expectation);
    };
    const endAs = (why: ClientObservationEnd): void => {
      if (!isObserving) return;
      end();
      if (observation !== undefined) callOut(() => observation?.onEnd(why));
    };
    let observation: ClientObservation | undefined;

    /** Fetches the rest of a large notification; one that is overtaken meanwhile is old news. */
    const deliver = async (part: AnswerPart): Promise<void> => {
      const order = ++arrived;
      const notification = await client.complete(peer, request, part);
      if (order < delivered) return;
      delivered = order;
      const etag = etagOf(notification);
      const isTold = etag !== undefined && toldAhead !== undefined && sameBytes(etag, toldAhead);
      const isAhead = etag !== undefined && part.etag !== undefined && !sameBytes(etag, part.etag);
      toldAhead = isAhead ? etag : undefined;
      if (isTold) return;
      callOut(() => onNotification(notification));
    };

    const take = (response: Message): boolean => {
      const part = readAnswer(response);
      if (part === undefined) {
        // The reset that follows ends the relation there too (RFC 7641 3.6).
        endAs('rejected');
        log.warn({ peer: peer.key }, 'a notification has an option that is critical and unknown');
        return false;
      }
      const told: Told = { number: part.observe ?? 0, at: clock.monotonic() };
      if (isLast(part)) endAs('ended');
      else if (!isOrdered && last !== undefined && !isNewer(told, last)) return true;
      else last = told;
      deliver(part).catch((error) =>
        log.warn({ peer: peer.key, problem: messageOf(error) }, 'a notification could not be completed'),
      );
      return true;
    };

    const cancel = async (): Promise<void> => {
      if (!isObserving) return;
      isObserving = false;
      open.delete(endAs);
      const isPassedOver = (part: AnswerPart): boolean => part.observe !== undefined;
      try {
        await client.begin(peer, request, { observe: 1, expectation, isPassedOver });
      } catch (error) {
        log.debug(
          { peer: peer.key, problem: messageOf(error) },
          'the end of an observation was not answered',
        );
      } finally {
        expectations.forget(expectation);
      }
    };

    const expectation: Expectation = expectations.expect(peer, take);
    expectation.lost = () => endAs('lost');
    try {
      const first = await client.begin(peer, request, { observe: 0, expectation });
      // A notification may have overtaken us while we waited for our turn.
      last ??= { number: first.observe ?? 0, at: clock.monotonic() };
      if (isLast(first)) end();
      const answer = await client.complete(peer, request, first);
      if (isObserving) open.add(endAs);
      observation = {
        answer,
        cancel,
        onEnd: () => {},
        get isObserving() {
          return isObserving;
        },
      };
      return observation;
    } catch (error) {
      end();
      throw error;
    }
  };

  return {
    observe,
    close() {
      for (const endAs of [...open]) endAs('closed');
    },
  };
}

function etagOf({ options }: CoapAnswer): Uint8Array | undefined {
  return options.find(({ number }) => number === OptionNumber.etag)?.value;
}

/** An error, or a state without Observe, ends the relation (RFC 7641 3.2). */
function isLast({ message, observe }: AnswerPart): boolean {
  return observe === undefined || !isSuccess(message.code);
}
