import type { Clock } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import type { Block } from './block.ts';
import { type Bodies, type BodyOwner, ownerOf } from './bodies.ts';
import type { CallOut } from './callback.ts';
import { isSuccess, RESPONSE_CODES } from './code.ts';
import { type Delivery, type Link, type Outcome, type Transmission, unattended } from './link.ts';
import { EMPTY_MESSAGE, type Message, type MessageToSend } from './message.ts';
import type {
  CoapResponse,
  IncomingRequest,
  NotificationOutcome,
  NotifyOptions,
  ObservationEnd,
  ObservationOwner,
  ServerObservation,
} from './request.ts';
import type { Additions } from './response.ts';
import { byteText } from './text.ts';

/** What all observations of an endpoint share. */
export interface ObservationContext {
  readonly link: Link;
  readonly clock: Clock;
  readonly bodies: Bodies;
  readonly callOut: CallOut;
  /** Told once of each observation that is over. */
  onOver(observation: Observation): void;
}

/** A state to tell, and who wants to know whether it was told. */
interface News extends NotifyOptions {
  readonly response: CoapResponse;
}

/** At least one notification in this time is confirmable, so that it is found out who is still there (RFC 7641 4.5). */
const CONFIRM_EVERY_MS = 24 * 3600 * 1000;
const LARGEST_SEQUENCE = 0xffffff;

const NOBODY: ObservationOwner = { ended() {} };

/**
 * One relation, and the sender of all its messages. A class, since there may be many thousands.
 * At most one confirmable message is under way, and the newest state waits behind it (RFC 7641 4.5.2).
 */
export class Observation implements ServerObservation, Delivery, BodyOwner {
  owner: ObservationOwner = NOBODY;
  survivesTimeout = false;
  message: MessageToSend = EMPTY_MESSAGE;
  /** the 24 bits of the last Observe option (RFC 7641 4.4) */
  sequence: number;
  /** what there is at most one relation of (RFC 7641 4.1); the token in it takes a tenth of what bytes take */
  readonly key: string;
  readonly confirmable: boolean;
  readonly peer: Peer;
  readonly bodyKey: string;
  readonly payloadKey: string | undefined;
  readonly #firstBlock: Block | undefined;
  readonly #context: ObservationContext;
  #transmission: Transmission | undefined;
  /** what `message` says, if it is confirmable */
  #current: News | undefined;
  #waiting: News | undefined;
  #confirmedAt: number;
  /** Whether its first answer is on its way: only then can there be others. */
  #isOpen = false;
  #isOver = false;

  /** @param sequence of the relation that this one replaces, or 0 */
  constructor(context: ObservationContext, request: IncomingRequest, sequence: number) {
    const { confirmable, block2 } = request;
    this.#context = context;
    // Not the request itself: there may be many thousands, and each would hold a whole datagram.
    const { peer, bodyKey, payloadKey } = ownerOf(request);
    this.peer = peer;
    this.bodyKey = bodyKey;
    this.payloadKey = payloadKey;
    this.key = relationKey(request);
    this.confirmable = confirmable;
    this.#firstBlock = block2 && { ...block2, number: 0 };
    this.sequence = following(sequence);
    this.#confirmedAt = context.clock.monotonic();
  }

  get token(): Uint8Array {
    return Buffer.from(this.key.slice(this.peer.key.length + 1), 'latin1');
  }

  /** Sends the answer that opens the relation. @param request to answer, unless it has been acknowledged already */
  open(message: MessageToSend, request: Message | undefined): void {
    this.message = message;
    this.#isOpen = true;
    if (request === undefined) this.#put(this.confirmable);
    else this.#context.link.reply(this.peer, request, this);
    if (this.#transmission === undefined) this.message = EMPTY_MESSAGE;
  }

  notify(response: CoapResponse, { confirmable, onSettled }: NotifyOptions): void {
    const isDue = this.#context.clock.monotonic() - this.#confirmedAt >= CONFIRM_EVERY_MS;
    const news: News = {
      response,
      // Over a stream all are as good as confirmed, and the newest waits while the stream takes no more.
      confirmable: confirmable || isDue || this.#context.link.isReliable,
      ...(onSettled !== undefined && { onSettled }),
    };
    if (this.#isOver || !this.#isOpen) this.#tell(news, 'ended');
    else if (!isSuccess(RESPONSE_CODES[response.code])) this.#endWith(news);
    else if (this.#transmission === undefined) this.#send(news);
    else if (this.#transmission.hasBegun) this.#wait(news);
    else this.#compose(news);
  }

  cancel(): void {
    this.end('cancelled');
  }

  end(reason: ObservationEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#transmission !== undefined) this.#context.link.withdraw(this.#transmission);
    this.#transmission = undefined;
    this.#tell(this.#current, 'ended');
    this.#tell(this.#waiting, 'ended');
    this.#context.onOver(this);
    this.#context.callOut(() => this.owner.ended(reason, this));
  }

  /** The state that waits takes the place of the one that nobody has acknowledged (RFC 7641 4.5.2). */
  renew(): boolean {
    const next = this.#waiting;
    this.#waiting = undefined;
    const { message } = this;
    if (next !== undefined) this.#context.callOut(() => this.#compose(next));
    return this.message !== message;
  }

  settled(outcome: Outcome): void {
    if (outcome === 'reset' || outcome === 'closed') this.end(outcome);
    else if (outcome === 'unreachable' && this.#context.link.isReliable) this.end('lost');
    // Not now, and not unconfirmed: then the newest state waits until it can be sent.
    else if (outcome === 'overloaded') this.#put(true);
    else if (outcome === 'acknowledged') this.#goOn(outcome);
    // A first answer that did not arrive has opened nothing.
    else if (this.survivesTimeout && this.#current !== undefined) this.#goOn('timeout');
    else this.end('timeout');
  }

  #goOn(outcome: 'acknowledged' | 'timeout'): void {
    const [told, next] = [this.#current, this.#waiting];
    this.#transmission = undefined;
    this.#current = undefined;
    this.#waiting = undefined;
    this.message = EMPTY_MESSAGE;
    if (next !== undefined) this.#context.callOut(() => this.#send(next));
    this.#tell(told, outcome);
  }

  #wait(news: News): void {
    this.#tell(this.#waiting, 'superseded');
    // What should have been confirmed is confirmed by what replaces it.
    this.#waiting = { ...news, confirmable: news.confirmable || this.#waiting?.confirmable === true };
  }

  /** The first block of a state, in the size that was asked for, if any was (RFC 7959 2.6). */
  #write(response: CoapResponse, additions?: Additions): MessageToSend {
    return this.#context.bodies.write(this, response, this.token, this.#firstBlock, additions);
  }

  /** Makes the message of a state. One that has not been sent yet is replaced. */
  #compose(news: News): void {
    this.sequence = following(this.sequence);
    this.message = this.#write(news.response, { observe: this.sequence });
    this.#tell(this.#current, 'superseded');
    this.#current = news;
  }

  #send(news: News): void {
    this.#compose(news);
    this.#put(news.confirmable);
    // What wants to be confirmed is settled by the link, even if it cannot be sent.
    if (news.confirmable || this.#transmission !== undefined) return;
    this.#current = undefined;
    this.message = EMPTY_MESSAGE;
    this.#tell(news, 'sent');
  }

  #put(confirmable: boolean): void {
    const { link, clock } = this.#context;
    const transmission = link.send(this.peer, this, confirmable);
    if (!confirmable) return;
    this.#transmission = transmission;
    this.#confirmedAt = clock.monotonic();
  }

  /** The last notification, which has no Observe option (RFC 7641 4.2), goes its own way. */
  #endWith(news: News): void {
    const { link } = this.#context;
    const message = this.#write(news.response);
    this.end('cancelled');
    if (news.confirmable) {
      const settled = (outcome: Outcome): void =>
        this.#tell(news, outcome === 'acknowledged' ? outcome : 'ended');
      link.send(this.peer, { message, settled }, true);
    } else {
      link.send(this.peer, unattended(message), false);
      this.#tell(news, 'sent');
    }
  }

  #tell(news: News | undefined, outcome: NotificationOutcome): void {
    const onSettled = news?.onSettled;
    if (onSettled !== undefined) this.#context.callOut(() => onSettled(outcome));
  }
}

/** Peer and token, joined to one text: added up they would stay two, and a third that holds both. */
export function relationKey({ peer, token }: Pick<IncomingRequest, 'peer' | 'token'>): string {
  return [peer.key, byteText(token)].join(' ');
}

function following(sequence: number): number {
  return sequence >= LARGEST_SEQUENCE ? 0 : sequence + 1;
}
