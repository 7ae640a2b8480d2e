import type { Peer } from '../transport/index.ts';
import { type Block, blockInto } from './block.ts';
import { type Method, methodOf, type ResponseCode } from './code.ts';
import { type Message, MessageType } from './message.ts';
import {
  createOptionReader,
  isNoCacheKey,
  type Option,
  OptionNumber,
  type OptionToSend,
  uintInto,
} from './option.ts';
import { addText, byteText } from './text.ts';

/** A request as a handler sees it: whole, whatever number of blocks it came in. */
export interface CoapRequest {
  readonly peer: Peer;
  readonly method: Method;
  readonly path: readonly string[];
  readonly query: readonly string[];
  readonly contentFormat?: number | undefined;
  readonly accept?: number | undefined;
  /** 0 = wants to observe, 1 = does not want to any more (RFC 7641 2); GET and FETCH only */
  readonly observe?: 0 | 1 | undefined;
  readonly payload: Uint8Array;
  readonly confirmable: boolean;
  readonly token: Uint8Array;
  /** as they came, in the last block of several */
  readonly options: readonly Option[];
}

/** The answer of a handler. */
export interface CoapResponse {
  readonly code: ResponseCode;
  readonly contentFormat?: number;
  readonly payload?: Uint8Array;
  /** Max-Age; with 5.03 the time after which to try again (RFC 7252 5.9.3.4) */
  readonly maxAgeS?: number;
  readonly location?: readonly string[];
  readonly options?: readonly OptionToSend[];
  /**
   * Takes the observation that the request asks for by Observe=0, right after the answer was sent. If there can be
   * none, as the answer is no success or there is no room, the answer says so (RFC 7641 4.1), and the observation is
   * ended in the same turn. So whoever began something can always end it when its `owner` hears of it.
   */
  readonly onObserve?: (observation: ServerObservation) => void;
}

/**
 * Why an observation is over. `cancelled`: from our side, by `cancel`, by an error notification or by dropping all;
 * `lost`: with its connection (RFC 8323 7.4).
 */
export type ObservationEnd =
  | 'reset'
  | 'timeout'
  | 'lost'
  | 'deregistered'
  | 'replaced'
  | 'cancelled'
  | 'closed';

/**
 * What became of one notification: `superseded` by a newer one before it was acknowledged, `timeout` if nobody acknowledged it
 * and the observation goes on, or dropped as the observation ended.
 */
export type NotificationOutcome = 'acknowledged' | 'sent' | 'superseded' | 'timeout' | 'ended';

export interface NotifyOptions {
  readonly confirmable: boolean;
  /** For a sender that must not lose what it tells, such as history. */
  readonly onSettled?: (outcome: NotificationOutcome) => void;
}

/** Who tells an observation its news. An object, not a function, since there may be many thousands. */
export interface ObservationOwner {
  /** Called once, however it ends. */
  ended(reason: ObservationEnd, observation: ServerObservation): void;
}

/** Someone who observes a resource here. */
export interface ServerObservation {
  readonly peer: Peer;
  readonly token: Uint8Array;
  /**
   * Tells the new state (RFC 7641 4.2). While a confirmable notification waits for its acknowledgement, the newest
   * state waits behind it and older ones are dropped. Anything but 2.xx ends the observation.
   */
  notify(response: CoapResponse, options: NotifyOptions): void;
  /** Ends it silently: the peer finds out by a reset when it asks, or by hearing nothing. */
  cancel(): void;
  owner: ObservationOwner;
  /**
   * Whether a notification that nobody acknowledges leaves the observation as it is, for an owner that knows a better
   * way to find out whether the peer is still there. RFC 7641 4.5 ends it, which is what happens without this.
   */
  survivesTimeout: boolean;
}

/** A request with what is not the handler's business. Built once, completed when its last block has come. */
export interface IncomingRequest extends CoapRequest {
  observe: 0 | 1 | undefined;
  payload: Uint8Array;
  readonly message: Message;
  readonly block1: Block | undefined;
  readonly block2: Block | undefined;
  readonly size1: number | undefined;
  /** classes of responses that are not wanted, as a bit mask (RFC 7967 2.1) */
  readonly noResponse: number;
}

/** Not a request that we can serve: the code to answer with, and whether to keep silent if it is not confirmable. */
export interface Unservable {
  readonly code: ResponseCode;
  readonly isSilent: boolean;
}

const BAD_OPTION: Unservable = { code: '4.02', isSilent: true };
const NO_PROXY: Unservable = { code: '5.05', isSilent: false };
const NO_SUCH_METHOD: Unservable = { code: '4.05', isSilent: false };

/** A request whose options are being read: one object from the first option to the handler. */
type Fields = Omit<IncomingRequest, 'path' | 'query' | 'observe'> & {
  readonly path: string[];
  readonly query: string[];
  contentFormat: number | undefined;
  accept: number | undefined;
  observe: number | undefined;
  block1: Block | undefined;
  block2: Block | undefined;
  size1: number | undefined;
  noResponse: number;
};

const isAccepted = (): boolean => true;

/**
 * Options that mean something to us in a request (RFC 7252 5.10). Critical ones that are not here, If-Match and
 * If-None-Match among them, make it fail.
 */
const readOptions = createOptionReader<Fields>({
  [OptionNumber.uriHost]: { length: [1, 255], read: isAccepted },
  [OptionNumber.observe]: { length: [0, 3], read: uintInto('observe') },
  [OptionNumber.uriPort]: { length: [0, 2], read: isAccepted },
  [OptionNumber.uriPath]: {
    length: [0, 255],
    isRepeatable: true,
    read: ({ path }, value) => addText(path, value),
  },
  [OptionNumber.contentFormat]: { length: [0, 2], read: uintInto('contentFormat') },
  [OptionNumber.uriQuery]: {
    length: [0, 255],
    isRepeatable: true,
    read: ({ query }, value) => addText(query, value),
  },
  [OptionNumber.accept]: { length: [0, 2], read: uintInto('accept') },
  [OptionNumber.block2]: { length: [0, 3], read: blockInto('block2') },
  [OptionNumber.block1]: { length: [0, 3], read: blockInto('block1') },
  [OptionNumber.size1]: { length: [0, 4], read: uintInto('size1') },
  [OptionNumber.noResponse]: { length: [0, 1], read: uintInto('noResponse') },
});

/** Reads the options of a request (RFC 7252 5.4). */
export function readRequest(peer: Peer, message: Message): IncomingRequest | Unservable {
  const method = methodOf(message.code);
  if (method === undefined) return NO_SUCH_METHOD;
  const fields: Fields = {
    peer,
    method,
    path: [],
    query: [],
    contentFormat: undefined,
    accept: undefined,
    observe: undefined,
    payload: message.payload,
    confirmable: message.type === MessageType.confirmable,
    token: message.token,
    options: message.options,
    message,
    block1: undefined,
    block2: undefined,
    size1: undefined,
    noResponse: 0,
  };
  const refused = readOptions(message.options, fields);
  if (refused !== undefined) return isProxyOption(refused.number) ? NO_PROXY : BAD_OPTION;
  if (!isObserve(method, fields.observe)) fields.observe = undefined;
  return fields as IncomingRequest;
}

/** Other values, and other methods, mean nothing (RFC 7641 2, RFC 8132 2.4). */
function isObserve(method: Method, observe: number | undefined): boolean {
  return (method === 'GET' || method === 'FETCH') && (observe === 0 || observe === 1);
}

function isProxyOption(number: number): boolean {
  return number === OptionNumber.proxyUri || number === OptionNumber.proxyScheme;
}

/**
 * What the requests of one transfer have in common (RFC 7959 2.4, 2.5): peer, method, and all options but those that
 * say which block, how large and whether to observe. Never the token: many clients use a new one for each block.
 */
export function transferKey(request: CoapRequest): string {
  const parts: string[] = [request.peer.key, request.method];
  for (const { number, value } of request.options) {
    if (isBlockwiseOption(number) || isNoCacheKey(number)) continue;
    parts.push(`${number}:${value.length}:${byteText(value)}`);
  }
  return parts.join(' ');
}

function isBlockwiseOption(number: number): boolean {
  return number === OptionNumber.observe || number === OptionNumber.block1 || number === OptionNumber.block2;
}
