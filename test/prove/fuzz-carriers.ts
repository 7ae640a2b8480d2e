/** What the fuzzer puts an endpoint into, and what it says there: mutated datagrams, mutated pieces of streams. */
import { encode } from '../../src/coap/codec.ts';
import { createFrameReader, encodeFrame } from '../../src/coap/frame.ts';
import { type CoapEndpoint, createEndpoint, type EndpointOptions } from '../../src/coap/index.ts';
import { type MessageToSend, type MessageType, NO_BYTES } from '../../src/coap/message.ts';
import { csm } from '../../src/coap/signal.ts';
import type { Connection, ConnectionReceiver, Peer, StreamTransport } from '../../src/transport/index.ts';
import { createLockstep, errorLog } from '../coap/lockstep.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

/** An endpoint that anything may be put into. Each carrier has another one of these. */
export interface Target {
  readonly endpoint: CoapEndpoint;
  readonly clock: FakeClock;
  /** what the endpoint wrote to its log as an error */
  readonly errors: readonly string[];
  /** Puts bytes in as if the peer had sent them, and lets the endpoint work on them. */
  feed(bytes: Uint8Array, peer: Peer): Promise<void>;
  /** Reads and forgets what the endpoint has sent. @throws Error if it is not CoAP */
  readSent(): void;
}

/** What the endpoint serves with. */
export type Served = Required<Pick<EndpointOptions, 'handler' | 'openBody' | 'limits'>>;

export interface Carrier {
  open(does: Served): Target;
  /** Something that reaches deep when it comes through, and often does not. @param random 0 <= x < 1 */
  bytes(random: () => number): Uint8Array;
}

/** What reaches deep: requests with blocks, observations, responses and notifications to tokens of ours. */
function anyMessage(random: () => number): MessageToSend {
  const below = (limit: number): number => Math.floor(random() * limit);
  const codes = [1, 1, 2, 3, 5, 0x45, 0x44, 0x5f, 0x84, 0x88, 0x8d, 0];
  const code = codes[below(codes.length)] ?? 1;
  const options = [6, 11, 12, 14, 17, 23, 27, 28, 60, 4, 8, 15, 258, 35, 65_001]
    .filter(() => random() < 0.2)
    .map((number) => ({
      number,
      value: number === 11 ? 'abc'.slice(below(3)) : below(number === 6 ? 2 : 64),
    }));
  // The tokens of our own requests are their number and, by chance 0, four zeros.
  const token = random() < 0.5 ? Buffer.from([0, 0, 0, below(64), 0, 0, 0, 0]) : Buffer.from([below(4)]);
  const isEmpty = code === 0;
  return {
    code,
    token: isEmpty ? NO_BYTES : token,
    options: isEmpty ? [] : options,
    payload: isEmpty ? NO_BYTES : Buffer.alloc([0, 16, 32, 64, 1024][below(5)] ?? 0),
  };
}

function anyDatagram(random: () => number): Uint8Array {
  const type = Math.floor(random() * 4) as MessageType;
  return encode(type, Math.floor(random() * 200), anyMessage(random));
}

/** Up to three bytes changed, now and then cut short. */
function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const mutated = Buffer.from(bytes);
  for (let change = Math.floor(random() * 4); change > 0 && mutated.length > 0; change--)
    mutated[Math.floor(random() * Math.min(mutated.length, 24))] = Math.floor(random() * 256);
  return random() < 0.1 ? mutated.subarray(0, Math.floor(random() * mutated.length)) : mutated;
}

/** Mutated datagrams. */
export const DATAGRAMS: Carrier = {
  bytes: (random) => mutate(anyDatagram(random), random),
  open(does) {
    const lockstep = createLockstep(does);
    return {
      endpoint: lockstep.endpoint,
      clock: lockstep.clock,
      errors: lockstep.errors,
      feed: lockstep.inject,
      readSent() {
        lockstep.served.length = 0;
        lockstep.heard();
      },
    };
  },
};

/** CSM, Ping, Pong, Release, Abort, and two codes that nobody has defined. */
const SIGNALS = [0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0x20];

/** A signal, as empty as most are, or with options that mean something to it. */
function anySignal(random: () => number): MessageToSend {
  const code = SIGNALS[Math.floor(random() * SIGNALS.length)] ?? 0xe1;
  const options = [2, 4, 5]
    .filter(() => random() < 0.2)
    .map((number) => ({ number, value: Math.floor(random() * 8192) }));
  return { code, token: Buffer.alloc(Math.floor(random() * 5)), options, payload: NO_BYTES };
}

/** Some messages one behind the other; most pieces are as they should be, or no connection would live. */
function anyPiece(random: () => number): Uint8Array {
  const messages = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
    encodeFrame(random() < 0.1 ? anySignal(random) : anyMessage(random)),
  );
  const piece = Buffer.concat(messages);
  return random() < 0.2 ? mutate(piece, random) : piece;
}

/** A connection of the fuzzer, which takes what the endpoint says now and then only after a while. */
interface Pipe {
  put(bytes: Uint8Array): void;
  readonly isOver: boolean;
  /** @throws Error if the endpoint has sent what is not CoAP */
  readSent(): void;
}

const NO_ROOM_EVERY = 50;

function openPipe(peer: Peer, accept: (connection: Connection) => void): Pipe {
  const sent = createFrameReader(1 << 20);
  let receiver: ConnectionReceiver = { onBytes() {}, onRoom() {}, onClosed() {} };
  let writes = 0;
  let hasRoom = true;
  let isEnded = false;
  let isOver = false;
  const end = (error?: Error): void => {
    if (isEnded) return;
    isEnded = true;
    queueMicrotask(() => {
      isOver = true;
      receiver.onClosed(error);
    });
  };
  accept({
    peer,
    receive(next) {
      receiver = next;
    },
    write(bytes) {
      if (!isEnded) sent.push(bytes);
      hasRoom &&= ++writes % NO_ROOM_EVERY !== 0;
      return hasRoom;
    },
    pause() {},
    end,
    destroy: end,
  });
  return {
    put(bytes) {
      if (isOver) return;
      // Cut anywhere.
      const middle = Math.floor(((bytes[0] ?? 0) / 256) * bytes.length);
      for (const piece of [bytes.subarray(0, middle), bytes.subarray(middle)])
        receiver.onBytes(Buffer.from(piece));
      if (hasRoom) return;
      hasRoom = true;
      receiver.onRoom();
    },
    get isOver() {
      return isOver;
    },
    readSent() {
      for (let message = sent.next(); message !== undefined; message = sent.next())
        if (typeof message === 'string') throw new Error(`the endpoint sent what is ${message}`);
    },
  };
}

/** Mutated pieces of streams. Who is hung up on comes back. */
export const STREAMS: Carrier = {
  bytes: anyPiece,
  open(does) {
    const clock = createFakeClock();
    const errors: string[] = [];
    const pipes = new Map<string, Pipe>();
    let accept = (_: Connection): void => {};
    const transport: StreamTransport = {
      localPort: 0,
      accept(listener) {
        accept = listener;
      },
      close: async () => {},
    };
    const pipeOf = (peer: Peer): Pipe => {
      const open = pipes.get(peer.key);
      if (open?.isOver === false) return open;
      open?.readSent();
      const pipe = openPipe(peer, accept);
      pipes.set(peer.key, pipe);
      pipe.put(encodeFrame(csm(4096)));
      return pipe;
    };
    return {
      endpoint: createEndpoint({ ...does, transport, clock, random: () => 0, log: errorLog(errors) }),
      clock,
      errors,
      async feed(bytes, peer) {
        pipeOf(peer).put(bytes);
        await clock.advance(0);
      },
      readSent() {
        for (const pipe of pipes.values()) pipe.readSent();
      },
    };
  },
};
