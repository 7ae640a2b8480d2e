import type { Peer } from '../transport/index.ts';
import type { Message, MessageToSend } from './message.ts';
import type { OptionToSend } from './option.ts';

/**
 * What became of a message: acknowledged by the peer; rejected by it; nobody answered, either in silence or with
 * errors of the transport; never sent, since the peer stopped answering those before it; not even queued, because too
 * many wait; or the link was closed.
 */
export type Outcome =
  | 'acknowledged'
  | 'reset'
  | 'timeout'
  | 'unreachable'
  | 'unsent'
  | 'overloaded'
  | 'closed';

/** A message on its way, and who wants to know its fate. Whoever sends often can be the same object each time. */
export interface Delivery {
  /** Read when the message is first sent; while {@link Transmission.hasBegun} is false its owner may replace it. */
  readonly message: MessageToSend;
  /**
   * Asked before a confirmable message is sent again: replaces `message` if there is news, and says so. What is left of
   * the attempts is for the new one then (RFC 7641 4.5.2).
   */
  renew?(): boolean;
  /**
   * Once for a confirmable message. For another only `reset`, if the peer rejects it, or at once `overloaded`, if it
   * could not be sent now.
   */
  settled(outcome: Outcome, cause?: Error): void;
}

/** A message whose fate nobody asks for. */
export function unattended(message: MessageToSend): Delivery {
  return { message, settled: ignore };
}

const ignore = (): void => {};

/** A confirmable message that waits for its turn or for its acknowledgement. */
export interface Transmission {
  readonly hasBegun: boolean;
}

/** What one message to a peer can carry. */
export interface Room {
  /** bytes of a payload that goes whole */
  readonly whole: number;
  /** size exponent of the blocks of a larger one (RFC 7959 2.2); 7: several blocks of 1024 bytes (RFC 8323 6) */
  readonly szx: number;
  /** bytes of those blocks in one message */
  readonly block: number;
}

/** Who uses a link. None may throw. */
export interface LinkUser {
  onRequest(peer: Peer, request: Message): void;
  /** Whether requests are passed over just now, as if they had not come: what is sent again later is new. */
  isDeaf(): boolean;
  /** @returns whether anybody waited for it; if not, the peer is told where the carrier allows it */
  onResponse(peer: Peer, response: Message): boolean;
  /**
   * The connection to a peer is over, and all that was under way is settled. Of streams only.
   * @param holdOffS for how long the peer wants no other one
   * @param error absent: the peer closed it
   */
  onLost(peer: Peer, holdOffS: number | undefined, error: Error | undefined): void;
  /** Whether we owe the peer an answer. */
  isWorkingFor(peer: Peer): boolean;
}

/**
 * The seam below requests, handlers, blocks and observations, which know nothing of what is under it: datagrams with
 * message ids and acknowledgements (RFC 7252 4), or streams without them (RFC 8323).
 */
export interface Link {
  /** Whether what was sent arrives in order, or not at all: no numbers are needed, and no acknowledgements. */
  readonly isReliable: boolean;
  /** Settles when it is known what the peer takes; undefined if it is. Never rejects. */
  ready(peer: Peer): Promise<void> | undefined;
  /** What fits a message with these options. */
  room(peer: Peer, options: readonly OptionToSend[]): Room;
  /**
   * Settles the delivery soon if there is no way to send it. Among confirmable messages that wait for their turn,
   * requests and pings of ours go before responses and notifications, but for a few turns, and keep their order.
   */
  send(peer: Peer, delivery: Delivery, confirmable: boolean): Transmission | undefined;
  /** Stops caring for a transmission; it is not settled any more. */
  withdraw(transmission: Transmission): void;
  /** Answers a request that was not acknowledged, once: with the acknowledgement, if it wants one. */
  reply(peer: Peer, request: Message, delivery: Delivery): void;
  /** Tells that a request has arrived; its response, if there is one, goes through `send` (RFC 7252 5.2.2). */
  acknowledge(peer: Peer, request: Message): void;
  /** Confirmable messages that are not settled. */
  readonly outstanding: number;
  /** Peers remembered. */
  readonly peers: number;
  /** Forgets what is older than EXCHANGE_LIFETIME; to be called that often. */
  rotate(): void;
  /** Settles everything as `closed`, and closes the transport. */
  close(): Promise<void>;
}
