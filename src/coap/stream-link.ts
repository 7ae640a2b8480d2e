import type { Logger, Timers } from '../base/index.ts';
import type { Connection, Peer, StreamTransport } from '../transport/index.ts';
import { BERT_SZX, LARGEST_SZX, sizeOf, szxOf } from './block.ts';
import { EMPTY_CODE, isRequest, isResponse, RESPONSE_CODES } from './code.ts';
import { contentLength } from './codec.ts';
import { encodeFrame, FRAME_OVERHEAD } from './frame.ts';
import type { Delivery, Link, LinkUser, Outcome, Room, Transmission } from './link.ts';
import { type Message, NO_BYTES } from './message.ts';
import type { EndpointLimits, TransmissionParameters } from './parameters.ts';
import { type Channel, type ChannelOptions, createChannel } from './stream-channel.ts';
import { BASE_MESSAGE_BYTES } from './stream-parameters.ts';

export interface StreamLinkOptions extends ChannelOptions {
  readonly transport: StreamTransport;
  readonly timers: Timers;
  readonly parameters: Pick<TransmissionParameters, 'blockSize'>;
  readonly limits: EndpointLimits;
  readonly log: Logger;
  readonly user: LinkUser;
}

/** A message that was handed over, and is not settled. */
interface Pending extends Transmission {
  hasBegun: boolean;
  readonly session: Session;
  readonly delivery: Delivery;
  stopPing: () => void;
}

/** One connection, and what is under way on it. */
interface Session {
  readonly channel: Channel;
  /** requests and pings of ours that wait to be sent */
  readonly questions: Set<Pending>;
  /** all else that waits to be sent */
  readonly statements: Set<Pending>;
  /** requests and pings that wait for their answer */
  readonly asked: Set<Pending>;
  /** what was handed to the connection in this turn, and only has to be told so */
  readonly handed: Set<Pending>;
  readonly ready: Promise<void>;
  becomeReady: () => void;
  isReleased: boolean;
  /** for how long the peer wants no other connection, in s */
  holdOffS: number | undefined;
}

/** Bytes that the options of a block take beside those of its message: Observe, ETag, Block1, Block2, Size1, Size2. */
const BLOCK_OPTIONS = 40;
/** What is larger goes in blocks, whatever the peer takes: no message alone is to fill what a connection may hold back. */
const LARGEST_TO_SEND = 1 << 20;
/** While a released connection is kept for what is under way, it is looked at this often. */
const RELEASE_CHECK_MS = 50;

/**
 * The message layer over streams (RFC 8323): no types, no message ids, no duplicates. What is written counts as
 * acknowledged, but for a request, which its answer settles; with its connection all that is left is lost.
 */
export function createStreamLink(options: StreamLinkOptions): Link {
  const { transport, clock, timers, limits, stream, log, user } = options;
  const ownSzx = szxOf(options.parameters.blockSize) ?? 0;
  const sessions = new Map<string, Session>();
  let isClosed = false;

  /** Never before `send` has returned, so that whoever sends need not be ready for it. */
  const settleSoon = (delivery: Delivery, outcome: Outcome, cause?: Error): undefined => {
    queueMicrotask(() => delivery.settled(outcome, cause));
  };

  /** @returns false if it was settled or withdrawn before */
  const remove = (pending: Pending): boolean => {
    const { questions, statements, asked, handed } = pending.session;
    pending.stopPing();
    return [questions, statements, asked, handed].some((pendings) => pendings.delete(pending));
  };

  const settle = (pending: Pending, outcome: Outcome, cause?: Error): void => {
    if (remove(pending)) pending.delivery.settled(outcome, cause);
  };

  const settleAll = (session: Session, outcome: Outcome, cause?: Error): void => {
    const { asked, questions, statements } = session;
    for (const pending of [...asked, ...questions, ...statements]) settle(pending, outcome, cause);
  };

  const settleHanded = ({ handed }: Session): void => {
    for (const pending of handed) settle(pending, 'acknowledged');
  };

  const tellHanded = (session: Session, pending: Pending): void => {
    if (session.handed.size === 0) queueMicrotask(() => settleHanded(session));
    session.handed.add(pending);
  };

  /** @returns whether the peer takes a message of this size */
  const write = ({ channel }: Session, delivery: Delivery): boolean => {
    const bytes = encodeFrame(delivery.message);
    if (bytes.length > channel.maxMessageSize) {
      log.warn(
        { peer: channel.connection.peer.key, bytes: bytes.length },
        'a message is too large for the peer',
      );
      return false;
    }
    channel.put(bytes);
    return true;
  };

  const begin = (pending: Pending): void => {
    const { session, delivery } = pending;
    const { code } = delivery.message;
    pending.hasBegun = true;
    if (code === EMPTY_CODE) {
      session.asked.add(pending);
      pending.stopPing = session.channel.ping(() => settle(pending, 'acknowledged'));
    } else if (!write(session, delivery)) {
      settleSoon(delivery, 'unreachable', new Error('the message is larger than the peer takes'));
    } else if (isRequest(code)) {
      session.asked.add(pending);
    } else {
      tellHanded(session, pending);
    }
  };

  const beginWaiting = (session: Session): void => {
    session.becomeReady();
    for (const waiting of [session.questions, session.statements])
      for (const pending of waiting) {
        if (!session.channel.isOpen) return;
        waiting.delete(pending);
        begin(pending);
      }
  };

  /** What is under way is finished, if it does not take too long; then the peer is left alone. */
  const finish = (session: Session): void => {
    // Said again, it changes nothing.
    if (session.isReleased) return;
    session.isReleased = true;
    for (const pending of session.questions) settle(pending, 'unsent', released());
    const { peer } = session.channel.connection;
    const until = clock.monotonic() + stream.releaseMs;
    const check = (): void => {
      const isBusy = session.asked.size + session.statements.size > 0 || user.isWorkingFor(peer);
      if (isBusy && clock.monotonic() < until) timers.after(RELEASE_CHECK_MS, check);
      else session.channel.end();
    };
    timers.after(RELEASE_CHECK_MS, check);
  };

  const onMessage = (peer: Peer, message: Message): void => {
    // A response that nobody waits for is passed over: there is no reset (RFC 8323 7.4).
    if (isResponse(message.code)) user.onResponse(peer, message);
    else if (isRequest(message.code) && !user.isDeaf()) user.onRequest(peer, message);
  };

  const onOver = (session: Session, peer: Peer, error: Error | undefined): void => {
    sessions.delete(peer.key);
    session.becomeReady();
    if (isClosed) return;
    log.debug({ peer: peer.key, error: error?.message }, 'a connection is over');
    settleAll(session, 'unreachable', error ?? new Error('the connection was closed'));
    user.onLost(peer, session.holdOffS, error);
  };

  const enter = (connection: Connection): void => {
    const { peer } = connection;
    let becomeReady = (): void => {};
    const ready = new Promise<void>((resolve) => {
      becomeReady = resolve;
    });
    const session: Session = {
      channel: createChannel(connection, options, {
        onMessage: (message) => onMessage(peer, message),
        onOpen: () => beginWaiting(session),
        onRelease(holdOffS) {
          session.holdOffS ??= holdOffS;
          finish(session);
        },
        onOver: (error) => onOver(session, peer, error),
      }),
      questions: new Set(),
      statements: new Set(),
      asked: new Set(),
      handed: new Set(),
      ready,
      becomeReady,
      isReleased: false,
      holdOffS: undefined,
    };
    sessions.set(peer.key, session);
  };

  const sendTo = (session: Session, delivery: Delivery): Transmission | undefined => {
    const { code } = delivery.message;
    const isQuestion = isRequest(code) || code === EMPTY_CODE;
    // Only our own requests can grow without end: all else is bounded by what peers have asked for.
    if (isQuestion && session.questions.size + session.asked.size >= limits.queuedRequests)
      return settleSoon(delivery, 'overloaded');
    if (isQuestion && session.isReleased) return settleSoon(delivery, 'unsent', released());
    const pending: Pending = { hasBegun: false, session, delivery, stopPing: nothing };
    if (session.channel.isOpen) begin(pending);
    else if (isQuestion) session.questions.add(pending);
    else session.statements.add(pending);
    return pending;
  };

  transport.accept(enter);

  return {
    isReliable: true,
    get outstanding() {
      let sum = 0;
      for (const { questions, statements, asked } of sessions.values())
        sum += questions.size + statements.size + asked.size;
      return sum;
    },
    get peers() {
      return sessions.size;
    },
    ready(peer) {
      const session = sessions.get(peer.key);
      return session === undefined || session.channel.isReady ? undefined : session.ready;
    },
    room(peer, ofMessage) {
      const channel = sessions.get(peer.key)?.channel;
      const most = Math.min(channel?.maxMessageSize ?? BASE_MESSAGE_BYTES, LARGEST_TO_SEND);
      const spare = Math.max(0, most - FRAME_OVERHEAD - BLOCK_OPTIONS - contentLength(ofMessage, NO_BYTES));
      return roomOf(spare, ownSzx, channel?.takesBert === true);
    },
    // Whether a message wants to be confirmed makes no difference here.
    send(peer, delivery) {
      const session = sessions.get(peer.key);
      if (isClosed) return settleSoon(delivery, 'closed');
      if (session === undefined)
        return settleSoon(delivery, 'unreachable', new Error('there is no connection'));
      return sendTo(session, delivery);
    },
    withdraw: (transmission) => remove(transmission as Pending),
    reply(peer, _request, delivery) {
      const session = sessions.get(peer.key);
      if (session === undefined) {
        settleSoon(delivery, isClosed ? 'closed' : 'unreachable');
      } else if (!write(session, delivery)) {
        const { token } = delivery.message;
        const failed = { code: RESPONSE_CODES['5.00'], token, options: [], payload: NO_BYTES };
        session.channel.put(encodeFrame(failed));
        settleSoon(delivery, 'unreachable');
      }
    },
    acknowledge() {},
    rotate() {},
    async close() {
      isClosed = true;
      for (const session of [...sessions.values()]) {
        settleAll(session, 'closed');
        session.channel.release();
      }
      sessions.clear();
      await transport.close();
    },
  };
}

const nothing = (): void => {};

const released = (): Error => new Error('the peer has released the connection');

function roomOf(spare: number, ownSzx: number, takesBert: boolean): Room {
  const largest = sizeOf(LARGEST_SZX);
  if (takesBert && ownSzx === LARGEST_SZX && spare >= largest)
    return { whole: spare, szx: BERT_SZX, block: Math.floor(spare / largest) * largest };
  let szx = ownSzx;
  while (szx > 0 && sizeOf(szx) > spare) szx--;
  return { whole: spare, szx, block: sizeOf(szx) };
}
