import type { Cancel, Clock, Logger, Timers } from '../base/index.ts';
import type { DatagramTransport, Peer } from '../transport/index.ts';
import { AgingMap } from './aging-map.ts';
import { EMPTY_CODE, isRequest, isResponse } from './code.ts';
import { decode, encode, encodeEmpty, isConfirmable, midOf } from './codec.ts';
import type { Delivery, Link, LinkUser, Outcome, Transmission } from './link.ts';
import { type Message, MessageType, sameBytes } from './message.ts';
import type { EndpointLimits, TransmissionParameters } from './parameters.ts';
import type { Counters } from './statistics.ts';

export interface DatagramLinkOptions {
  readonly transport: DatagramTransport;
  readonly clock: Clock;
  readonly timers: Timers;
  /** 0 <= x < 1 */
  readonly random: () => number;
  readonly parameters: TransmissionParameters;
  readonly limits: EndpointLimits;
  readonly counters: Counters;
  readonly log: Logger;
  readonly user: LinkUser;
}

/**
 * What we did with a message, so that its duplicate is treated the same (RFC 7252 4.5): still being worked on or not
 * worth an answer, acknowledged or rejected with an empty message, or answered with these bytes.
 */
type Remembered = 'silence' | 'acknowledged' | 'rejected' | Uint8Array;

interface PeerState {
  readonly peer: Peer;
  /** of the last message we began: requests, notifications and separate responses share one row (RFC 7252 4.4) */
  mid: number;
  /** by the peer's message id */
  readonly seen: AgingMap<number, Remembered>;
  /** by our message id: waits for its acknowledgement */
  readonly onAir: Map<number, Confirmable>;
  /** waits for NSTART, in order */
  readonly queue: Set<Confirmable>;
  /** by our message id: was not confirmable, but may still be rejected */
  readonly unconfirmed: AgingMap<number, Delivery>;
  lastError: { readonly error: Error; readonly at: number } | undefined;
}

interface Confirmable extends Transmission {
  hasBegun: boolean;
  readonly state: PeerState;
  readonly delivery: Delivery;
  readonly onTimeout: () => void;
  mid: number;
  bytes: Uint8Array | undefined;
  begunAt: number;
  retransmissions: number;
  timeoutMs: number;
  stopTimer: Cancel | undefined;
}

/** Messages that were not confirmable, remembered per peer for a reset; twice as many at most. */
const UNCONFIRMED_PER_PEER = 64;

/** The message layer over datagrams (RFC 7252 4): types, message ids, retransmission, duplicates, NSTART. */
export function createDatagramLink(options: DatagramLinkOptions): Link {
  const { transport, clock, timers, random, parameters, limits, counters, log, user } = options;
  const isBusy = ({ onAir, queue }: PeerState): boolean => onAir.size > 0 || queue.size > 0;
  const peers = new AgingMap<string, PeerState>(limits.peers, isBusy);
  let outstanding = 0;
  let isClosed = false;

  const enter = (peer: Peer): PeerState => {
    const state: PeerState = {
      peer,
      mid: Math.floor(random() * 65_536),
      seen: new AgingMap(limits.messagesPerPeer),
      onAir: new Map(),
      queue: new Set(),
      unconfirmed: new AgingMap(UNCONFIRMED_PER_PEER),
      lastError: undefined,
    };
    peers.set(peer.key, state);
    return state;
  };
  const stateOf = (peer: Peer): PeerState => peers.touch(peer.key) ?? enter(peer);

  const nextMid = (state: PeerState): number => {
    do state.mid = (state.mid + 1) & 0xffff;
    while (state.onAir.has(state.mid));
    return state.mid;
  };

  const put = (peer: Peer, bytes: Uint8Array): void => {
    counters.sent++;
    transport.send(bytes, peer);
  };

  // ---- messages that want an acknowledgement (RFC 7252 4.2)

  const transmit = (sending: Confirmable, bytes: Uint8Array): void => {
    put(sending.state.peer, bytes);
    sending.stopTimer = timers.after(sending.timeoutMs, sending.onTimeout);
  };

  const begin = (sending: Confirmable): void => {
    const { state } = sending;
    sending.hasBegun = true;
    sending.mid = nextMid(state);
    sending.begunAt = clock.monotonic();
    sending.timeoutMs = parameters.ackTimeoutMs * (1 + (parameters.ackRandomFactor - 1) * random());
    sending.bytes = encode(MessageType.confirmable, sending.mid, sending.delivery.message);
    state.onAir.set(sending.mid, sending);
    transmit(sending, sending.bytes);
  };

  const beginWaiting = (state: PeerState): void => {
    for (const sending of state.queue) {
      if (isClosed || state.onAir.size >= parameters.nstart) return;
      state.queue.delete(sending);
      begin(sending);
    }
  };

  const remove = (sending: Confirmable): void => {
    const { state } = sending;
    sending.stopTimer?.();
    if (!state.queue.delete(sending)) {
      if (state.onAir.get(sending.mid) !== sending) return;
      state.onAir.delete(sending.mid);
    }
    outstanding--;
    beginWaiting(state);
  };

  const settle = (sending: Confirmable, outcome: Outcome, cause?: Error): void => {
    remove(sending);
    sending.delivery.settled(outcome, cause);
  };

  const giveUp = (sending: Confirmable): void => {
    counters.timeouts++;
    const { lastError } = sending.state;
    if (lastError !== undefined && lastError.at >= sending.begunAt)
      settle(sending, 'unreachable', lastError.error);
    else settle(sending, 'timeout');
  };

  const retransmit = (sending: Confirmable): void => {
    if (sending.bytes === undefined || sending.retransmissions >= parameters.maxRetransmit) {
      giveUp(sending);
      return;
    }
    sending.retransmissions++;
    sending.timeoutMs *= 2;
    counters.retransmissions++;
    transmit(sending, sending.bytes);
  };

  const sendConfirmable = (state: PeerState, delivery: Delivery): Transmission | undefined => {
    if (isClosed) {
      delivery.settled('closed');
      return undefined;
    }
    // Only our own requests can grow without end: all else is bounded by what peers have asked for.
    if (isRequest(delivery.message.code) && state.queue.size >= limits.queuedRequests) {
      delivery.settled('overloaded');
      return undefined;
    }
    const sending: Confirmable = {
      state,
      delivery,
      onTimeout: () => retransmit(sending),
      hasBegun: false,
      mid: -1,
      bytes: undefined,
      begunAt: 0,
      retransmissions: 0,
      timeoutMs: 0,
      stopTimer: undefined,
    };
    outstanding++;
    if (state.onAir.size < parameters.nstart) begin(sending);
    else state.queue.add(sending);
    return sending;
  };

  const sendUnconfirmed = (state: PeerState, delivery: Delivery): undefined => {
    const mid = nextMid(state);
    state.unconfirmed.set(mid, delivery);
    put(state.peer, encode(MessageType.nonConfirmable, mid, delivery.message));
  };

  // ---- what arrives

  const reject = (peer: Peer, mid: number): void => {
    counters.resetsSent++;
    put(peer, encodeEmpty(MessageType.reset, mid));
  };

  const onAcknowledgement = (peer: Peer, message: Message): void => {
    const sending = peers.touch(peer.key)?.onAir.get(message.mid);
    if (sending === undefined) return;
    if (message.code === EMPTY_CODE) {
      settle(sending, 'acknowledged');
      return;
    }
    // A piggybacked response has the token of its request (RFC 7252 5.3.2); anything else acknowledges nothing.
    const sent = sending.delivery.message;
    if (!isResponse(message.code) || !isRequest(sent.code) || !sameBytes(message.token, sent.token)) return;
    settle(sending, 'acknowledged');
    user.onResponse(peer, message);
  };

  const onReset = (peer: Peer, message: Message): void => {
    if (message.code !== EMPTY_CODE) return;
    counters.resetsReceived++;
    const state = peers.touch(peer.key);
    if (state === undefined) return;
    const sending = state.onAir.get(message.mid);
    if (sending !== undefined) {
      settle(sending, 'reset');
      return;
    }
    const delivery = state.unconfirmed.peek(message.mid);
    state.unconfirmed.delete(message.mid);
    delivery?.settled('reset');
  };

  /** RFC 7252 4.5. */
  const repeat = (peer: Peer, mid: number, remembered: Remembered): void => {
    counters.duplicates++;
    if (remembered === 'silence') return;
    if (remembered === 'rejected') reject(peer, mid);
    else if (remembered === 'acknowledged') put(peer, encodeEmpty(MessageType.acknowledgement, mid));
    else put(peer, remembered);
  };

  const onResponse = (state: PeerState, message: Message): void => {
    const { peer, seen } = state;
    const { mid } = message;
    const isWanted = user.onResponse(peer, message);
    const wantsAnswer = message.type === MessageType.confirmable;
    if (!isWanted) {
      seen.set(mid, wantsAnswer ? 'rejected' : 'silence');
      reject(peer, mid);
    } else if (wantsAnswer) {
      seen.set(mid, 'acknowledged');
      put(peer, encodeEmpty(MessageType.acknowledgement, mid));
    } else {
      seen.set(mid, 'silence');
    }
  };

  const onMessage = (peer: Peer, message: Message): void => {
    const { mid, code } = message;
    const isRequestMessage = isRequest(code);
    if (!isRequestMessage && !isResponse(code)) {
      // A ping, or a code that means nothing (RFC 7252 4.2, 4.3).
      if (message.type === MessageType.confirmable) reject(peer, mid);
      return;
    }
    const state = stateOf(peer);
    const remembered = state.seen.peek(mid);
    if (remembered !== undefined) {
      repeat(peer, mid, remembered);
    } else if (isRequestMessage) {
      state.seen.set(mid, 'silence');
      user.onRequest(peer, message);
    } else {
      onResponse(state, message);
    }
  };

  const onMalformed = (bytes: Uint8Array, peer: Peer): void => {
    counters.malformed++;
    log.debug({ peer: peer.key, bytes: bytes.length }, 'a datagram is no CoAP message');
    if (isConfirmable(bytes)) reject(peer, midOf(bytes));
  };

  const receive = (bytes: Uint8Array, peer: Peer): void => {
    counters.received++;
    const message = decode(bytes);
    if (message === undefined) onMalformed(bytes, peer);
    else if (message.type === MessageType.acknowledgement) onAcknowledgement(peer, message);
    else if (message.type === MessageType.reset) onReset(peer, message);
    else onMessage(peer, message);
  };

  transport.receive({
    onMessage(bytes, peer) {
      try {
        receive(bytes, peer);
      } catch (error) {
        // The last fence: no datagram may end the process.
        log.error({ peer: peer.key, error }, 'a datagram could not be handled');
      }
    },
    onError(error, peer) {
      counters.transportErrors++;
      log.debug({ peer: peer?.key, error: error.message }, 'the transport reports an error');
      const state = peer === undefined ? undefined : peers.peek(peer.key);
      // A hint, which may be forged or soon be untrue: we go on trying, but tell it when we give up.
      if (state !== undefined) state.lastError = { error, at: clock.monotonic() };
    },
  });

  return {
    get outstanding() {
      return outstanding;
    },
    get peers() {
      return peers.size;
    },
    send(peer, delivery, confirmable) {
      const state = stateOf(peer);
      return confirmable ? sendConfirmable(state, delivery) : sendUnconfirmed(state, delivery);
    },
    withdraw(transmission) {
      remove(transmission as Confirmable);
    },
    reply(peer, request, delivery) {
      const state = stateOf(peer);
      if (request.type !== MessageType.confirmable) {
        sendUnconfirmed(state, delivery);
        return;
      }
      const bytes = encode(MessageType.acknowledgement, request.mid, delivery.message);
      state.seen.set(request.mid, bytes);
      put(peer, bytes);
    },
    acknowledge(peer, request) {
      if (request.type !== MessageType.confirmable) return;
      stateOf(peer).seen.set(request.mid, 'acknowledged');
      put(peer, encodeEmpty(MessageType.acknowledgement, request.mid));
    },
    rotate() {
      for (const state of peers.values()) state.seen.rotate();
      peers.rotate();
    },
    async close() {
      isClosed = true;
      for (const state of peers.values()) {
        for (const sending of [...state.queue, ...state.onAir.values()]) settle(sending, 'closed');
      }
      peers.clear();
      await transport.close();
    },
  };
}
