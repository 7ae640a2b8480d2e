import { type Clock, GatewayError, type Timers } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import type { AnswerPart } from './answer.ts';
import { sizeOf } from './block.ts';
import { METHOD_CODES, type Method } from './code.ts';
import type { Exchanges } from './exchanges.ts';
import type { Expectation } from './expectations.ts';
import type { Link, Room } from './link.ts';
import { OptionNumber, type OptionToSend, sendable } from './option.ts';

/** A request to send; bodies of any size go in blocks by themselves. */
export interface CoapRequestToSend {
  readonly method: Method;
  /** segments of at most 255 bytes */
  readonly path: readonly string[];
  readonly query?: readonly string[];
  readonly contentFormat?: number;
  readonly accept?: number;
  readonly payload?: Uint8Array;
  readonly options?: readonly OptionToSend[];
  /** default true */
  readonly confirmable?: boolean;
  /**
   * The longest wait for one response, NSTART's queue included and for every block anew; default MAX_TRANSMIT_WAIT
   * (RFC 7252 4.8.2).
   */
  readonly timeoutMs?: number;
  /** The longest that all blocks may take together; default `timeoutMs` for each that the sizes make necessary. */
  readonly transferMs?: number;
  readonly signal?: AbortSignal;
}

/** What makes a request part of a relation (RFC 7641 3). */
export interface Relating {
  readonly observe: 0 | 1;
  /** whose token all messages of the request have */
  readonly expectation: Expectation;
  /** responses with that token which are not the answer */
  readonly isPassedOver?: (answer: AnswerPart) => boolean;
}

export interface AskerOptions {
  readonly exchanges: Exchanges;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly link: Pick<Link, 'room'>;
  /** for requests that say nothing of it */
  readonly timeoutMs: number;
}

/** Asks the messages of one request: knows what they have in common, and how long they may take together. */
export interface Asker {
  /** What fits one of them. */
  readonly room: Room;
  /**
   * Asks with one message, which has these options and this payload beside what all have.
   * @throws what {@link Exchanges.ask} throws
   */
  ask(options: readonly OptionToSend[], payload: Uint8Array): Promise<AnswerPart>;
  /** Gives all messages that follow one option more. */
  add(option: OptionToSend): void;
  /** Allows time for the blocks of a body, if the request does not say how long all may take. */
  allow(bytes: number): void;
  /**
   * Waits for something else in the same time.
   * @param late what it is when that time is over; default `coap.timeout`
   * @throws GatewayError with that code, or `coap.aborted`
   */
  wait<T>(work: Promise<T>, late?: 'coap.timeout' | 'coap.unsent'): Promise<T>;
}

/** @throws GatewayError `coap.bad-request` for what no message can carry */
export function createAsker(
  { exchanges, link, clock, timers, timeoutMs }: AskerOptions,
  peer: Peer,
  request: CoapRequestToSend,
  { observe, expectation, isPassedOver }: Partial<Relating> = {},
): Asker {
  const { confirmable = true, signal, transferMs } = request;
  const code = METHOD_CODES[request.method];
  const common = optionsOf(request, observe);
  const blockMs = request.timeoutMs ?? timeoutMs;
  let until = clock.monotonic() + (transferMs ?? blockMs);

  const remainingMs = (): number => {
    const remaining = until - clock.monotonic();
    if (remaining > 0) return remaining;
    throw new GatewayError('coap.timeout', `${peer.key}: the transfer takes too long`);
  };

  return {
    get room() {
      return link.room(peer, common);
    },
    async ask(options, payload) {
      const policy = { confirmable, signal, timeoutMs: Math.min(blockMs, remainingMs()) };
      const message = { code, options: [...common, ...options], payload };
      return exchanges.ask(peer, message, policy, expectation, isPassedOver);
    },
    add: (option) => void common.push(option),
    allow(bytes) {
      if (transferMs !== undefined) return;
      until += Math.ceil(bytes / sizeOf(link.room(peer, common).szx)) * blockMs;
    },
    async wait(work, code = 'coap.timeout') {
      const ms = remainingMs();
      let stop = (): void => {};
      const late = new Promise<never>((_, reject) => {
        const onAbort = (): void => {
          reject(new GatewayError('coap.aborted', `${peer.key}: given up`, { cause: signal?.reason }));
        };
        const stopTimer = timers.after(ms, () =>
          reject(new GatewayError(code, `${peer.key}: the transfer takes too long`)),
        );
        signal?.addEventListener('abort', onAbort);
        stop = () => {
          stopTimer();
          signal?.removeEventListener('abort', onAbort);
        };
        if (signal?.aborted === true) onAbort();
      });
      try {
        return await Promise.race([work, late]);
      } finally {
        stop();
      }
    },
  };
}

const LONGEST_SEGMENT = 255;

function optionsOf(request: CoapRequestToSend, observe: 0 | 1 | undefined): OptionToSend[] {
  const { path, query = [], contentFormat, accept } = request;
  const options: OptionToSend[] = [];
  if (observe !== undefined) options.push({ number: OptionNumber.observe, value: observe });
  for (const segment of path) options.push({ number: OptionNumber.uriPath, value: shortEnough(segment) });
  if (contentFormat !== undefined)
    options.push(sendable({ number: OptionNumber.contentFormat, value: contentFormat }));
  for (const item of query) options.push({ number: OptionNumber.uriQuery, value: shortEnough(item) });
  if (accept !== undefined) options.push(sendable({ number: OptionNumber.accept, value: accept }));
  for (const option of request.options ?? []) options.push(sendable(option));
  return options;
}

function shortEnough(text: string): string {
  if (Buffer.byteLength(text) <= LONGEST_SEGMENT) return text;
  throw new GatewayError('coap.bad-request', `longer than ${LONGEST_SEGMENT} bytes: ${text.slice(0, 40)}...`);
}
