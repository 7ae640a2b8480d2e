import { silentLogger } from '../../src/base/index.ts';
import { createFrameReader, encodeFrame } from '../../src/coap/frame.ts';
import {
  type CoapEndpoint,
  type CoapRequest,
  createEndpoint,
  type EndpointOptions,
} from '../../src/coap/index.ts';
import { type Message, NO_BYTES } from '../../src/coap/message.ts';
import { csm } from '../../src/coap/signal.ts';
import type { Connection, ConnectionReceiver, Peer } from '../../src/transport/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { echoPath, PEER, TOKEN, type Written } from './lockstep.ts';

/** The other side of one connection, played by hand. */
export interface StreamLockstep {
  readonly endpoint: CoapEndpoint;
  readonly clock: FakeClock;
  readonly served: CoapRequest[];
  /** peers whose connection was lost */
  readonly lost: Peer[];
  /** Puts a message in; without anything it is a GET. */
  say(message?: Written): Promise<void>;
  /** Puts bytes in, and lets the endpoint work on them. */
  put(bytes: Uint8Array): Promise<void>;
  /** What the endpoint has sent since the last call. */
  heard(): Message[];
  /** The only message since the last call. */
  hear(): Message;
  /** Whether the connection takes more, from now on. */
  room(hasRoom: boolean): Promise<void>;
  /** The peer closes the connection, or it breaks. */
  close(error?: Error): Promise<void>;
  /** how the endpoint has closed it, if it has */
  readonly closed: 'end' | 'destroy' | undefined;
  readonly isPaused: boolean;
}

/** @param peerCsm what the peer says first; no bytes: nothing yet */
export async function createStreamLockstep(
  options: Partial<EndpointOptions> = {},
  peerCsm: Uint8Array = encodeFrame(csm(1 << 20)),
): Promise<StreamLockstep> {
  const clock = createFakeClock();
  const served: CoapRequest[] = [];
  const lost: Peer[] = [];
  const sent = createFrameReader(64 << 20);
  let receiver: ConnectionReceiver | undefined;
  let hasRoom = true;
  let closed: 'end' | 'destroy' | undefined;
  let isPaused = false;
  const over = (error?: Error): void => {
    const last = receiver;
    receiver = undefined;
    last?.onClosed(error);
  };
  const connection: Connection = {
    peer: PEER,
    receive: (next) => {
      receiver = next;
    },
    write: (bytes) => {
      if (closed === undefined) sent.push(bytes);
      return hasRoom;
    },
    pause: (next) => {
      isPaused = next;
    },
    end() {
      closed ??= 'end';
    },
    destroy(error) {
      closed = 'destroy';
      clock.after(0, () => over(error));
    },
  };
  const handler = options.handler ?? echoPath;
  const endpoint = createEndpoint({
    transport: { localPort: 0, accept: (listener) => listener(connection), close: async () => over() },
    clock,
    random: () => 0,
    log: silentLogger,
    onLost: (peer) => lost.push(peer),
    ...options,
    handler: (request) => {
      served.push(request);
      return handler(request);
    },
  });
  const heard = (): Message[] => {
    const messages: Message[] = [];
    for (;;) {
      const message = sent.next();
      if (message === undefined) return messages;
      if (typeof message === 'string') throw new Error(`the endpoint sent what is ${message}`);
      messages.push(message);
    }
  };
  const put = async (bytes: Uint8Array): Promise<void> => {
    receiver?.onBytes(Buffer.from(bytes));
    await clock.advance(0);
  };
  if (peerCsm.length > 0) {
    await put(peerCsm);
    heard();
  }
  return {
    endpoint,
    clock,
    served,
    lost,
    put,
    heard,
    say: ({ code = 1, token = TOKEN, options: own = [], payload = NO_BYTES } = {}) =>
      put(
        encodeFrame({
          code,
          token,
          options: own,
          payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
        }),
      ),
    hear() {
      const [only, ...more] = heard();
      if (only === undefined || more.length > 0)
        throw new Error(`one message expected, heard ${more.length + (only === undefined ? 0 : 1)}`);
      return only;
    },
    async room(next) {
      hasRoom = next;
      if (next) receiver?.onRoom();
      await clock.advance(0);
    },
    async close(error) {
      over(error);
      await clock.advance(0);
    },
    get closed() {
      return closed;
    },
    get isPaused() {
      return isPaused;
    },
  };
}
