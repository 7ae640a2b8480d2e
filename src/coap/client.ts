import { GatewayError } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import type { AnswerPart, CoapAnswer } from './answer.ts';
import { blockValue, LARGEST_SZX, sizeOf } from './block.ts';
import { METHOD_CODES, type Method } from './code.ts';
import type { ExchangePolicy, Exchanges } from './exchanges.ts';
import type { Expectation } from './expectations.ts';
import { NO_BYTES } from './message.ts';
import { OptionNumber, type OptionToSend, sendable } from './option.ts';
import { type AskBlock, download, upload } from './transfer.ts';

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
  readonly signal?: AbortSignal;
}

export interface ClientOptions {
  readonly exchanges: Exchanges;
  /** size exponent of the largest block that we send or ask for */
  readonly szx: number;
  /** of a body that arrives in blocks */
  readonly mostBytes: number;
  /** for requests that say nothing of it */
  readonly timeoutMs: number;
}

/** What makes a request part of a relation (RFC 7641 3). */
export interface Relating {
  readonly observe: 0 | 1;
  /** whose token all messages of the request have */
  readonly expectation: Expectation;
  /** responses with that token which are not the answer */
  readonly isPassedOver?: (answer: AnswerPart) => boolean;
}

/** Asks whole requests, and gets whole answers. All throw what {@link Exchanges.ask} and the transfers throw. */
export interface Client {
  request(peer: Peer, request: CoapRequestToSend): Promise<CoapAnswer>;
  /** Sends the whole request. @returns the first message of the answer */
  begin(peer: Peer, request: CoapRequestToSend, relating?: Relating): Promise<AnswerPart>;
  /** Fetches the rest of the answer that begins with `first`. */
  complete(peer: Peer, request: CoapRequestToSend, first: AnswerPart): Promise<CoapAnswer>;
}

const LONGEST_SEGMENT = 255;

export function createClient({ exchanges, szx, mostBytes, timeoutMs }: ClientOptions): Client {
  const inTurn = createTurns();
  // A peer that may send smaller blocks only is told before it sends larger ones (RFC 7959 2.4).
  const firstOptions: readonly OptionToSend[] =
    szx === LARGEST_SZX
      ? []
      : [{ number: OptionNumber.block2, value: blockValue({ number: 0, more: false, szx }) }];

  const asking = (peer: Peer, request: CoapRequestToSend, relating?: Relating): AskBlock => {
    const code = METHOD_CODES[request.method];
    const own = optionsOf(request, relating);
    const policy: ExchangePolicy = {
      confirmable: request.confirmable ?? true,
      timeoutMs: request.timeoutMs ?? timeoutMs,
      signal: request.signal,
    };
    const { expectation, isPassedOver } = relating ?? {};
    return (options, payload) =>
      exchanges.ask(
        peer,
        { code, options: [...own, ...options], payload },
        policy,
        expectation,
        isPassedOver,
      );
  };

  const begin: Client['begin'] = async (peer, request, relating) => {
    const { payload = NO_BYTES } = request;
    const ask = asking(peer, request, relating);
    if (payload.length <= sizeOf(szx)) return ask(firstOptions, payload);
    // Without tokens to tell them apart, two uploads to one place would become one (RFC 7959 2.5).
    return inTurn(placeOf(peer, request), () => upload(ask, payload, szx));
  };

  const complete: Client['complete'] = (peer, request, first) => {
    const { method, payload = NO_BYTES } = request;
    // The payload of a FETCH is part of its question (RFC 8132 2.1), the others have done their work.
    const isRepeated = method === 'FETCH' && payload.length <= sizeOf(szx);
    return download(first, {
      ask: asking(peer, request),
      payload: isRepeated ? payload : NO_BYTES,
      firstOptions,
      canRestart: method === 'GET' || isRepeated,
      mostBytes,
    });
  };

  return {
    begin,
    complete,
    request: async (peer, request) => complete(peer, request, await begin(peer, request)),
  };
}

/** @throws GatewayError `coap.bad-request` for what no message can carry */
function optionsOf(request: CoapRequestToSend, relating: Relating | undefined): OptionToSend[] {
  const { path, query = [], contentFormat, accept } = request;
  const options: OptionToSend[] = [];
  if (relating !== undefined) options.push({ number: OptionNumber.observe, value: relating.observe });
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

function placeOf(peer: Peer, { method, path, query, contentFormat, accept }: CoapRequestToSend): string {
  return JSON.stringify([peer.key, method, path, query, contentFormat, accept]);
}

/** Lets work for one key wait for the work before it, however that ends. */
function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key);
    const turn = before === undefined ? work() : before.then(work, work);
    last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (last.get(key) === turn) last.delete(key);
    }
  };
}
