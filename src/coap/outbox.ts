import type { Clock, Timers } from '../base/index.ts';
import type { DatagramTransport, Peer } from '../transport/index.ts';
import { AgingMap } from './aging-map.ts';
import { classOf } from './code.ts';
import { encode } from './codec.ts';
import { type Confirmable, type Destination, nextQueue } from './destination.ts';
import type { Delivery, Outcome, Transmission } from './link.ts';
import { MessageType } from './message.ts';
import { MessageIds } from './message-ids.ts';
import { deriveTimes, type EndpointLimits, type TransmissionParameters } from './parameters.ts';
import type { Counters } from './statistics.ts';

export interface OutboxOptions {
  readonly transport: DatagramTransport;
  readonly clock: Clock;
  readonly timers: Timers;
  /** 0 <= x < 1 */
  readonly random: () => number;
  readonly parameters: TransmissionParameters;
  readonly limits: EndpointLimits;
  readonly counters: Counters;
}

/** Sends messages, confirmable ones until somebody answers (RFC 7252 4.2, 4.7). */
export interface Outbox {
  destination(peer: Peer): Destination;
  /** Sends bytes as they are, once. */
  put(peer: Peer, bytes: Uint8Array): void;
  sendConfirmable(destination: Destination, delivery: Delivery): Transmission | undefined;
  /** Settles the delivery as `overloaded` if there is no message id for it. */
  sendUnconfirmed(destination: Destination, delivery: Delivery): undefined;
  /** Ends a transmission, and tells its owner; one that has ended is not settled again. */
  settle(sending: Confirmable, outcome: Outcome, cause?: Error): void;
  /** Ends a transmission. @returns false if it has ended before */
  remove(sending: Confirmable): boolean;
  /** Confirmable messages that are not settled. */
  readonly outstanding: number;
  /** Nothing confirmable is begun afterwards. */
  close(): void;
}

/** Messages that were not confirmable, remembered per peer for a reset; twice as many at most. */
const UNCONFIRMED_PER_PEER = 64;

export function createOutbox(options: OutboxOptions): Outbox {
  const { transport, clock, timers, random, parameters, limits, counters } = options;
  let outstanding = 0;
  let isClosed = false;

  const times = deriveTimes(parameters);
  const isStrict = parameters.messageIds === 'strict';

  const hasId = (ids: MessageIds): boolean => !isStrict || ids.waitMs(clock.monotonic()) === 0;

  /** @returns undefined if there is none that may be used now */
  const nextId = (ids: MessageIds, onAir: ReadonlyMap<number, unknown>): number | undefined => {
    if (!hasId(ids)) {
      counters.messageIdsExhausted++;
      return undefined;
    }
    const now = clock.monotonic();
    let id = ids.take(now);
    // Whatever the policy, one that waits for its acknowledgement is in use.
    while (onAir.has(id)) id = ids.take(now);
    if (ids.isReused) counters.messageIdsReused++;
    return id;
  };

  const put = (peer: Peer, bytes: Uint8Array): void => {
    counters.sent++;
    transport.send(bytes, peer);
  };

  /** However often its attempts begin anew, as older news is acknowledged late: what waits behind it has its turn then. */
  const longestMs = 2 * times.maxTransmitWaitMs;
  const remainingMs = ({ begunAt }: Confirmable): number => begunAt + longestMs - clock.monotonic();

  const transmit = (sending: Confirmable, bytes: Uint8Array): void => {
    put(sending.destination.peer, bytes);
    const waitMs = Math.min(sending.timeoutMs, remainingMs(sending));
    sending.stopTimer = timers.after(waitMs, sending.onTimeout);
  };

  /** @returns whether there was a message id for it */
  const begin = (sending: Confirmable): boolean => {
    const { destination } = sending;
    const mid = nextId(destination.confirmableIds, destination.onAir);
    if (mid === undefined) {
      waitForId(destination);
      return false;
    }
    sending.hasBegun = true;
    sending.mid = mid;
    sending.begunAt = clock.monotonic();
    sending.timeoutMs = parameters.ackTimeoutMs * (1 + (parameters.ackRandomFactor - 1) * random());
    sending.bytes = encode(MessageType.confirmable, sending.mid, sending.delivery.message);
    destination.onAir.set(sending.mid, sending);
    transmit(sending, sending.bytes);
    return true;
  };

  const waitForId = (destination: Destination): void => {
    destination.stopWaiting ??= timers.after(destination.confirmableIds.waitMs(clock.monotonic()), () => {
      destination.stopWaiting = undefined;
      beginWaiting(destination);
    });
  };

  const beginWaiting = (destination: Destination): void => {
    const { onAir, requests } = destination;
    while (!isClosed && onAir.size < parameters.nstart) {
      const queue = nextQueue(destination);
      const [next] = queue;
      if (next === undefined || !begin(next)) return;
      queue.delete(next);
      destination.requestsInARow = queue === requests ? destination.requestsInARow + 1 : 0;
    }
  };

  const remove = (sending: Confirmable): boolean => {
    const { destination } = sending;
    sending.stopTimer?.();
    if (!destination.requests.delete(sending) && !destination.responses.delete(sending)) {
      if (destination.onAir.get(sending.mid) !== sending) return false;
      destination.onAir.delete(sending.mid);
    }
    outstanding--;
    beginWaiting(destination);
    return true;
  };

  const settle = (sending: Confirmable, outcome: Outcome, cause?: Error): void => {
    if (remove(sending)) sending.delivery.settled(outcome, cause);
  };

  /**
   * The peer has been silent for as long as we are patient. Responses and notifications behind it would each be as
   * patient again, and tell what is old by then; requests have deadlines of their own, and find out whether it is back.
   */
  const giveUp = (sending: Confirmable): void => {
    counters.timeouts++;
    const { lastError, responses } = sending.destination;
    // Whoever hears of one may withdraw another, or send something new that is not concerned.
    for (const waiting of [...responses]) {
      if (!responses.delete(waiting)) continue;
      outstanding--;
      waiting.delivery.settled('unsent');
    }
    if (lastError !== undefined && lastError.at >= sending.begunAt)
      settle(sending, 'unreachable', lastError.error);
    else settle(sending, 'timeout');
  };

  /** Goes on with the new message of a delivery. */
  const exchange = (sending: Confirmable): void => {
    const { destination, delivery } = sending;
    const { onAir, confirmableIds } = destination;
    const mid = nextId(confirmableIds, onAir);
    if (mid === undefined) return;
    onAir.delete(sending.mid);
    sending.formerMids = [...(sending.formerMids ?? []), sending.mid];
    sending.mid = mid;
    sending.bytes = encode(MessageType.confirmable, mid, delivery.message);
    onAir.set(mid, sending);
  };

  const retransmit = (sending: Confirmable): void => {
    const isSpent = sending.retransmissions >= parameters.maxRetransmit || remainingMs(sending) <= 0;
    if (sending.bytes === undefined || isSpent) {
      giveUp(sending);
      return;
    }
    sending.retransmissions++;
    sending.timeoutMs *= 2;
    counters.retransmissions++;
    if (hasId(sending.destination.confirmableIds) && sending.delivery.renew?.() === true) exchange(sending);
    transmit(sending, sending.bytes);
  };

  const sendConfirmable = (destination: Destination, delivery: Delivery): Transmission | undefined => {
    if (isClosed) {
      delivery.settled('closed');
      return undefined;
    }
    const { requests, responses } = destination;
    const isOurs = classOf(delivery.message.code) === 0;
    // Only what we ask ourselves can grow without end: all else is bounded by what peers have asked for.
    if (isOurs && requests.size >= limits.queuedRequests) {
      delivery.settled('overloaded');
      return undefined;
    }
    const sending: Confirmable = {
      destination,
      delivery,
      onTimeout: () => retransmit(sending),
      hasBegun: false,
      mid: -1,
      formerMids: undefined,
      bytes: undefined,
      begunAt: 0,
      retransmissions: 0,
      timeoutMs: 0,
      stopTimer: undefined,
    };
    outstanding++;
    const isItsTurn = destination.onAir.size < parameters.nstart && requests.size + responses.size === 0;
    if (!isItsTurn || !begin(sending)) (isOurs ? requests : responses).add(sending);
    return sending;
  };

  const sendUnconfirmed = (destination: Destination, delivery: Delivery): undefined => {
    const mid = nextId(destination.otherIds, destination.onAir);
    if (mid === undefined) {
      delivery.settled('overloaded');
      return;
    }
    destination.unconfirmed.set(mid, delivery);
    put(destination.peer, encode(MessageType.nonConfirmable, mid, delivery.message));
  };

  return {
    get outstanding() {
      return outstanding;
    },
    destination: (peer) => ({
      peer,
      confirmableIds: new MessageIds('confirmable', times.exchangeLifetimeMs, random()),
      otherIds: new MessageIds('other', times.nonLifetimeMs, random()),
      onAir: new Map(),
      requests: new Set(),
      responses: new Set(),
      requestsInARow: 0,
      unconfirmed: new AgingMap(UNCONFIRMED_PER_PEER),
      lastError: undefined,
      stopWaiting: undefined,
    }),
    put,
    sendConfirmable,
    sendUnconfirmed,
    settle,
    remove,
    close() {
      isClosed = true;
    },
  };
}
