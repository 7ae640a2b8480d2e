/** Whatever arrives: nothing is thrown, nothing hangs, and nothing grows. */
import type { CoapRequest, CoapResponse, EndpointOptions, Handler } from '../../src/coap/index.ts';
import type { Peer } from '../../src/transport/index.ts';
import { heapInUse } from '../bench/usage.ts';
import { seededRandom } from '../coap/random.ts';
import type { Carrier } from './fuzz-carriers.ts';

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
  /** tenths of the run in which no request reached the handler */
  stalls: number;
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
  'stalls',
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
  let stalls = 0;
  let servedBefore = 0;

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

  const checkService = (): void => {
    const { requestsServed } = endpoint.statistics();
    if (requestsServed === servedBefore) stalls++;
    servedBefore = requestsServed;
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
      if ((round + 1) % Math.ceil(inputs / 10) === 0) checkService();
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
    stalls,
    wrongEnds: ends.filter((times) => times !== 1).length,
    leftOver: now.outstanding + now.uploads + now.keptBodies + now.requestsInWork + now.peers + clock.pending,
  };
}
