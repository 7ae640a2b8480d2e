import type { Logger } from '../../src/base/index.ts';
import { decode, encode } from '../../src/coap/codec.ts';
import type { CoapEndpoint, CoapRequest, CoapResponse, EndpointOptions } from '../../src/coap/index.ts';
import { createEndpoint } from '../../src/coap/index.ts';
import { type Message, MessageType, NO_BYTES } from '../../src/coap/message.ts';
import type { OptionToSend } from '../../src/coap/option.ts';
import type { DatagramReceiver, DatagramTransport, Peer } from '../../src/transport/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

/** The other side, played by hand: what the endpoint sends is read message by message. */
export interface Lockstep {
  readonly endpoint: CoapEndpoint;
  readonly clock: FakeClock;
  /** the requests that reached the handler */
  readonly served: CoapRequest[];
  /** what the endpoint wrote to its log as an error */
  readonly errors: string[];
  /** Puts a message in, and lets the endpoint work on it. */
  say(message: Written, peer?: Peer): Promise<void>;
  /** Puts bytes in; a text is hex. */
  inject(bytes: Uint8Array | string, peer?: Peer): Promise<void>;
  /** What the endpoint has sent since the last call, as bytes in hex. */
  heardBytes(): string[];
  /** The same, read. */
  heard(): Message[];
  /** The only message since the last call. */
  hear(): Message;
  /** Makes the transport report an error. */
  fail(error: Error, peer?: Peer): void;
}

export interface Written {
  readonly type?: MessageType;
  readonly code?: number;
  readonly mid?: number;
  readonly token?: Uint8Array;
  readonly options?: readonly OptionToSend[];
  readonly payload?: Uint8Array | string;
}

export const PEER: Peer = { key: '192.0.2.1:5683', address: '192.0.2.1', port: 5683 };
export const STRANGER: Peer = { key: '192.0.2.66:5683', address: '192.0.2.66', port: 5683 };
export const TOKEN = Buffer.from('c0ffee', 'hex');

export const CON = MessageType.confirmable;
export const NON = MessageType.nonConfirmable;
export const ACK = MessageType.acknowledgement;
export const RST = MessageType.reset;

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A handler that answers 2.05 with the path. */
export const echoPath = (request: CoapRequest): CoapResponse => ({
  code: '2.05',
  payload: Buffer.from(request.path.join('/')),
});

/** A log that keeps its errors only. */
export function errorLog(errors: string[]): Logger {
  const log: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (facts, message) => errors.push(`${message} ${JSON.stringify(facts)}`),
    child: () => log,
  };
  return log;
}

/** By default chance gives 0: no jitter, and message ids of ours begin at 1. */
export function createLockstep(options: Partial<EndpointOptions> = {}): Lockstep {
  const clock = createFakeClock();
  const sent: Uint8Array[] = [];
  const served: CoapRequest[] = [];
  const errors: string[] = [];
  let receiver: DatagramReceiver | undefined;
  const transport: DatagramTransport = {
    localPort: 0,
    receive: (next) => {
      receiver = next;
    },
    send: (bytes) => sent.push(bytes),
    close: async () => {
      receiver = undefined;
    },
  };
  const handler = options.handler ?? echoPath;
  const endpoint = createEndpoint({
    transport,
    clock,
    random: () => 0,
    log: errorLog(errors),
    ...options,
    handler: (request) => {
      served.push(request);
      return handler(request);
    },
  });

  const put = async (bytes: Uint8Array, peer: Peer): Promise<void> => {
    receiver?.onMessage(bytes, peer);
    await clock.advance(0);
  };
  const heard = (): Message[] =>
    sent.splice(0).map((bytes) => {
      const message = decode(bytes);
      if (message === undefined) throw new Error(`the endpoint sent what it cannot read: ${hex(bytes)}`);
      return message;
    });
  return {
    endpoint,
    clock,
    served,
    errors,
    say: (
      { type = CON, code = 1, mid = 1, token = TOKEN, options: own = [], payload = NO_BYTES },
      peer = PEER,
    ) =>
      put(
        encode(type, mid, {
          code,
          token: code === 0 ? NO_BYTES : token,
          options: own,
          payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
        }),
        peer,
      ),
    inject: (bytes, peer = PEER) => put(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes, peer),
    heardBytes: () => sent.splice(0).map(hex),
    heard,
    hear() {
      const [only, ...more] = heard();
      if (only === undefined || more.length > 0)
        throw new Error(`one message expected, heard ${more.length + (only === undefined ? 0 : 1)}`);
      return only;
    },
    fail: (error, peer = PEER) => receiver?.onError(error, peer),
  };
}

/** The value of an option as a number; undefined if it is not there. */
export function uintOf(message: Message, number: number): number | undefined {
  const option = message.options.find((candidate) => candidate.number === number);
  return option === undefined ? undefined : [...option.value].reduce((sum, byte) => sum * 256 + byte, 0);
}

/** The code of the error that a promise ends with. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error) => error.code,
  );

/** The value of a Block option (RFC 7959 2.2). */
export const block = (number: number, more: boolean, size: number): number =>
  number * 16 + (more ? 8 : 0) + Math.log2(size) - 4;
