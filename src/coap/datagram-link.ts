import { type Logger, messageOf } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import { AgingMap } from './aging-map.ts';
import { sizeOf, szxOf } from './block.ts';
import { EMPTY_CODE, isRequest, isResponse, isSafe } from './code.ts';
import { decode, encode, encodeEmpty, isConfirmable, midOf } from './codec.ts';
import { type Confirmable, confirmablesOf, type Destination, findSending, isBusy } from './destination.ts';
import type { Link, LinkUser, Room } from './link.ts';
import { type Message, MessageType, sameBytes } from './message.ts';
import { createOutbox, type OutboxOptions } from './outbox.ts';
import { deriveTimes } from './parameters.ts';
import type { IsKnown } from './quota.ts';

export interface DatagramLinkOptions extends OutboxOptions {
  readonly log: Logger;
  readonly user: LinkUser;
  readonly isKnown?: IsKnown | undefined;
}

/**
 * What we did with a message, so that its duplicate is treated the same (RFC 7252 4.5): still being worked on or not
 * worth an answer, acknowledged or rejected with an empty message, or answered with these bytes.
 */
type Treatment = 'silence' | 'acknowledged' | 'rejected' | Uint8Array;

/** A message that arrived. A duplicate has its id, its token, and comes within EXCHANGE_LIFETIME. */
interface Seen {
  readonly token: number;
  readonly at: number;
  treatment: Treatment;
}

interface PeerState {
  readonly destination: Destination;
  /** by the peer's message id */
  readonly seen: AgingMap<number, Seen>;
  /** the same for requests that change something: many reads must not make us forget an Execute */
  readonly seenChanges: AgingMap<number, Seen>;
}

/** The message layer over datagrams (RFC 7252 4): types, message ids, retransmission, duplicates, NSTART. */
export function createDatagramLink(options: DatagramLinkOptions): Link {
  const { transport, clock, limits, counters, log, user, isKnown } = options;
  const { exchangeLifetimeMs } = deriveTimes(options.parameters);
  const outbox = createOutbox(options);
  const { put, settle } = outbox;
  const peers = new AgingMap<string, PeerState>(
    limits.peers,
    ({ destination }) => isBusy(destination) || isKnown?.(destination.peer) === true,
  );

  const enter = (peer: Peer): PeerState => {
    const state = {
      destination: outbox.destination(peer),
      seen: new AgingMap<number, Seen>(limits.messagesPerPeer),
      seenChanges: new AgingMap<number, Seen>(limits.messagesPerPeer),
    };
    peers.set(peer.key, state);
    return state;
  };
  const stateOf = (peer: Peer): PeerState => peers.touch(peer.key) ?? enter(peer);

  /** What was found under the id of a message, if it is about the same; another one may have its id (RFC 7252 4.4). */
  const ifSame = (found: Seen | undefined, { token }: Message): Seen | undefined => {
    if (found === undefined || found.token !== fingerprint(token)) return undefined;
    return clock.monotonic() - found.at <= exchangeLifetimeMs ? found : undefined;
  };

  /** For a message that is new. */
  const remember = (state: PeerState, message: Message, treatment: Treatment): void =>
    memoryFor(state, message).set(message.mid, {
      token: fingerprint(message.token),
      // A whole number is no object of its own.
      at: Math.floor(clock.monotonic()),
      treatment,
    });

  /** For a message that may be remembered: its entry becomes young again, but keeps the time of arrival. */
  const treat = (state: PeerState, message: Message, treatment: Treatment): void => {
    const known = ifSame(memoryFor(state, message).touch(message.mid), message);
    if (known === undefined) remember(state, message, treatment);
    else known.treatment = treatment;
  };

  const reject = (peer: Peer, mid: number): void => {
    counters.resetsSent++;
    put(peer, encodeEmpty(MessageType.reset, mid));
  };

  const onAcknowledgement = (peer: Peer, message: Message): void => {
    const destination = peers.touch(peer.key)?.destination;
    const sending = destination && findSending(destination, message.mid);
    if (sending === undefined) return;
    if (sending.mid !== message.mid) {
      // Late, for what has been renewed since: the peer is there, and the attempts begin anew.
      sending.retransmissions = 0;
      return;
    }
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
    const destination = peers.touch(peer.key)?.destination;
    if (destination === undefined) return;
    const sending = findSending(destination, message.mid);
    if (sending !== undefined) {
      settle(sending, 'reset');
      return;
    }
    const delivery = destination.unconfirmed.peek(message.mid);
    destination.unconfirmed.delete(message.mid);
    delivery?.settled('reset');
  };

  /** RFC 7252 4.5. */
  const repeat = (peer: Peer, mid: number, treatment: Treatment): void => {
    counters.duplicates++;
    if (treatment === 'silence') return;
    if (treatment === 'rejected') reject(peer, mid);
    else if (treatment === 'acknowledged') put(peer, encodeEmpty(MessageType.acknowledgement, mid));
    else put(peer, treatment);
  };

  const onResponse = (peer: Peer, state: PeerState, message: Message): void => {
    const { mid } = message;
    const isWanted = user.onResponse(peer, message);
    const wantsAnswer = message.type === MessageType.confirmable;
    if (!isWanted) {
      remember(state, message, wantsAnswer ? 'rejected' : 'silence');
      reject(peer, mid);
    } else if (wantsAnswer) {
      remember(state, message, 'acknowledged');
      put(peer, encodeEmpty(MessageType.acknowledgement, mid));
    } else {
      remember(state, message, 'silence');
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
    const known = ifSame(memoryFor(state, message).peek(mid), message);
    if (known !== undefined) {
      repeat(peer, mid, known.treatment);
    } else if (isRequestMessage) {
      if (user.isDeaf()) return;
      remember(state, message, 'silence');
      user.onRequest(peer, message);
    } else {
      onResponse(peer, state, message);
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
        log.error({ peer: peer.key, problem: messageOf(error) }, 'a datagram could not be handled');
      }
    },
    onError(error, peer) {
      counters.transportErrors++;
      log.debug({ peer: peer?.key, error: error.message }, 'the transport reports an error');
      const state = peer === undefined ? undefined : peers.peek(peer.key);
      // A hint, which may be forged or soon be untrue: we go on trying, but tell it when we give up.
      if (state !== undefined) state.destination.lastError = { error, at: clock.monotonic() };
    },
  });

  const largest = szxOf(options.parameters.blockSize) ?? 0;
  const room: Room = { whole: sizeOf(largest), szx: largest, block: sizeOf(largest) };

  return {
    isReliable: false,
    ready: () => undefined,
    room: () => room,
    get outstanding() {
      return outbox.outstanding;
    },
    get peers() {
      return peers.size;
    },
    send(peer, delivery, confirmable) {
      const { destination } = stateOf(peer);
      return confirmable
        ? outbox.sendConfirmable(destination, delivery)
        : outbox.sendUnconfirmed(destination, delivery);
    },
    withdraw(transmission) {
      outbox.remove(transmission as Confirmable);
    },
    reply(peer, request, delivery) {
      const state = stateOf(peer);
      if (request.type !== MessageType.confirmable) {
        outbox.sendUnconfirmed(state.destination, delivery);
        return;
      }
      const bytes = encode(MessageType.acknowledgement, request.mid, delivery.message);
      treat(state, request, bytes);
      put(peer, bytes);
    },
    acknowledge(peer, request) {
      if (request.type !== MessageType.confirmable) return;
      treat(stateOf(peer), request, 'acknowledged');
      put(peer, encodeEmpty(MessageType.acknowledgement, request.mid));
    },
    rotate() {
      for (const { seen, seenChanges, destination } of peers.values()) {
        seen.rotate();
        seenChanges.rotate();
        destination.unconfirmed.rotate();
      }
      peers.rotate();
    },
    async close() {
      outbox.close();
      for (const { destination } of peers.values()) {
        destination.stopWaiting?.();
        for (const sending of confirmablesOf(destination)) settle(sending, 'closed');
      }
      peers.clear();
      await transport.close();
    },
  };
}

function memoryFor({ seen, seenChanges }: PeerState, { code }: Message): AgingMap<number, Seen> {
  return isRequest(code) && !isSafe(code) ? seenChanges : seen;
}

/** 32 bits of a token, to compare it without keeping it. */
function fingerprint(token: Uint8Array): number {
  let sum = token.length;
  for (const byte of token) sum = (Math.imul(sum, 0x01000193) ^ byte) | 0;
  return sum;
}
