/** Whatever arrives: nothing is thrown, nothing hangs, and nothing grows. */
import { encode } from '../../src/coap/codec.ts';
import type {
  CoapEndpoint,
  CoapRequest,
  CoapResponse,
  EndpointOptions,
  Handler,
} from '../../src/coap/index.ts';
import { type MessageType, NO_BYTES } from '../../src/coap/message.ts';
import type { Peer } from '../../src/transport/index.ts';
import { heapInUse } from '../bench/usage.ts';
import { createLockstep } from '../coap/lockstep.ts';
import { seededRandom } from '../coap/random.ts';
import type { FakeClock } from '../support/fake-clock.ts';

/** An endpoint that anything may be put into. Another carrier has another one of these. */
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

export interface FuzzCounts {
  inputs: number;
  /** requests that reached the handler */
  served: number;
  /** bodies that were taken as they came */
  sinks: number;
  malformed: number;
  duplicates: number;
  /** the longest that one input took, in ms */
  longestMs: number;
  /** growth of the heap from the end of the first tenth to the end, both at rest, in kB */
  heapGrowthKb: number;
  /** {@link FUZZ_FAULTS} from here on */
  exceptions: number;
  /** what the endpoint sent that is not CoAP */
  unreadable: number;
  /** times that something was larger than its limit */
  overflows: number;
  /** most timers at the same time, but for the one that an endpoint may have, and those of handlers */
  extraTimers: number;
  /** requests of ours that were never settled */
  unsettled: number;
  /** sinks that did not hear their end exactly once */
  wrongEnds: number;
  /** whatever is not 0 when all has come to rest */
  leftOver: number;
}

/** What must not be. */
export const FUZZ_FAULTS = [
  'exceptions',
  'unreadable',
  'overflows',
  'extraTimers',
  'unsettled',
  'wrongEnds',
  'leftOver',
] as const satisfies readonly (keyof FuzzCounts)[];

const LIMITS = {
  peers: 8,
  messagesPerPeer: 64,
  uploads: 8,
  uploadsPerPeer: 2,
  keptBodies: 8,
  observations: 32,
  bodyBytes: 4096,
  requestsInWork: 16,
} as const;
/** Twice as many as the endpoint is told to remember. */
const PEERS = 16;
/** Share of inputs that are the one before again. */
const REPEATED = 0.05;
const ASK_EVERY = 100;
const ADVANCE_EVERY = 10;
const CHECK_EVERY = 1000;
const STEP_MS = 100;
/** Four times EXCHANGE_LIFETIME (RFC 7252 4.8.2). */
const REST_MS = 4 * 247_000;

/** Messages that reach deep: requests with blocks, observations, responses and notifications to tokens of ours. */
function anyMessage(random: () => number): Uint8Array {
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
  return encode(below(4) as MessageType, below(200), {
    code,
    token: isEmpty ? NO_BYTES : token,
    options: isEmpty ? [] : options,
    payload: isEmpty ? NO_BYTES : Buffer.alloc([0, 16, 32, 64, 1024][below(5)] ?? 0),
  });
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
  bytes: (random) => mutate(anyMessage(random), random),
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

/** Answers of all sizes, at once or later, and tells observers something right away. */
function createHandler(random: () => number, later: (ms: number, task: () => void) => void): Handler {
  const respond = ({ method }: CoapRequest): CoapResponse => ({
    code: '2.05',
    payload: Buffer.alloc(method === 'GET' ? 3000 : 5),
    onObserve: (observation) =>
      observation.notify({ code: '2.05', payload: Buffer.alloc(2000) }, { confirmable: random() < 0.5 }),
  });
  return (request) => {
    const response = respond(request);
    if (request.path.length < 2) return response;
    return new Promise((resolve) => later(random() * 2000, () => resolve(response)));
  };
}

/** Sinks for what goes to a place of one segment, which take a chunk at once or later. */
function createSinks(random: () => number, later: (ms: number, task: () => void) => void) {
  /** how often each was told its end */
  const ends: number[] = [];
  const openBody: NonNullable<EndpointOptions['openBody']> = ({ path }) => {
    if (path.length !== 1) return undefined;
    const sink = ends.push(0) - 1;
    const end = (): void => {
      ends[sink] = (ends[sink] ?? 0) + 1;
    };
    return {
      mostBytes: 2 * LIMITS.bodyBytes,
      write: () =>
        random() < 0.5
          ? undefined
          : new Promise((resolve) => later(random() * 2000, () => resolve(undefined))),
      end() {
        end();
        return { code: '2.04' };
      },
      abort: end,
    };
  };
  return { ends, openBody };
}

export async function fuzz(carrier: Carrier, inputs: number, seed: number): Promise<FuzzCounts> {
  const random = seededRandom(seed);
  const later = (ms: number, task: () => void) => target.clock.after(ms, task);
  const { ends, openBody } = createSinks(random, later);
  const target = carrier.open({ handler: createHandler(random, later), openBody, limits: LIMITS });
  const { endpoint, clock } = target;
  const peers = Array.from(
    { length: PEERS },
    (_, at): Peer => ({ key: `peer ${at}`, address: '192.0.2.1', port: at + 1 }),
  );
  const counts = { longestMs: 0, exceptions: 0, unreadable: 0, overflows: 0, extraTimers: 0 };
  let unsettled = 0;

  const ask = (round: number, peer: Peer): void => {
    const settle = (): void => {
      unsettled--;
    };
    unsettled++;
    const payload = Buffer.alloc(round % (3 * ASK_EVERY) === 0 ? 3000 : 0);
    const request = { method: 'PUT', path: ['x'], payload, timeoutMs: 20_000 } as const;
    if (round % (2 * ASK_EVERY) === 0) endpoint.request(peer, request).then(settle, settle);
    else endpoint.observe(peer, { method: 'GET', path: [] }, () => {}).then(settle, settle);
  };

  const check = (): void => {
    try {
      target.readSent();
    } catch {
      counts.unreadable++;
    }
    const { peers, uploads, keptBodies, observations, requestsInWork } = endpoint.statistics();
    const isBounded =
      peers <= 2 * LIMITS.peers + PEERS &&
      uploads <= LIMITS.uploads &&
      keptBodies <= 2 * LIMITS.keptBodies + 1 &&
      observations <= LIMITS.observations &&
      requestsInWork <= LIMITS.requestsInWork + LIMITS.uploads;
    if (!isBounded) counts.overflows++;
    // Handlers that are slow have a timer each here.
    counts.extraTimers = Math.max(counts.extraTimers, clock.pending - requestsInWork - 1);
  };

  const rest = async (): Promise<void> => {
    await clock.advance(REST_MS);
    endpoint.dropObservations();
    await clock.advance(REST_MS);
    check();
  };

  const feed = async (from: number, to: number): Promise<void> => {
    let bytes = carrier.bytes(random);
    let [peer] = peers as [Peer];
    for (let round = from; round < to; round++) {
      if (random() >= REPEATED) {
        bytes = carrier.bytes(random);
        peer = peers[round % PEERS] ?? peer;
      }
      if (round % ASK_EVERY === 0) ask(round, peer);
      const started = performance.now();
      try {
        await target.feed(bytes, peer);
      } catch {
        counts.exceptions++;
      }
      counts.longestMs = Math.max(counts.longestMs, performance.now() - started);
      if (round % ADVANCE_EVERY === 0) await clock.advance(STEP_MS);
      if (round % CHECK_EVERY === 0) check();
    }
    await rest();
  };

  await feed(0, Math.floor(inputs / 10));
  const before = heapInUse();
  await feed(Math.floor(inputs / 10), inputs);
  const after = heapInUse();
  const { requestsServed, malformed, duplicates, ...now } = endpoint.statistics();
  await endpoint.close();
  return {
    inputs,
    served: requestsServed,
    sinks: ends.length,
    malformed,
    duplicates,
    heapGrowthKb: Math.round((after - before) / 1000),
    ...counts,
    // The last fence of the layer writes to the log what would have been an exception.
    exceptions: counts.exceptions + target.errors.length,
    unsettled,
    wrongEnds: ends.filter((times) => times !== 1).length,
    leftOver: now.outstanding + now.uploads + now.keptBodies + now.requestsInWork + now.peers + clock.pending,
  };
}
