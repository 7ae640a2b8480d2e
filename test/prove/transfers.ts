/**
 * Transfers of bodies up, down and both ways over ways that lose, double and reorder. What may come of a transfer: it
 * is done, once and whole; or its caller is told that there was no answer, and then it was done once or not at all.
 */
import { type Clock, isGatewayError } from '../../src/base/index.ts';
import {
  type CoapEndpoint,
  type CoapRequest,
  type CoapResponse,
  createEndpoint,
  type TransmissionParameters,
} from '../../src/coap/index.ts';
import { seededRandom } from '../coap/random.ts';
import type { MemoryEnd, MemoryFaults } from '../support/memory-pair.ts';

/** The way that the proofs are about: 20 % lost, 10 % doubled, 10 % held back so that others overtake them. */
export const BAD_WAY = { loss: 0.2, duplication: 0.1, reordering: 0.1 } as const satisfies MemoryFaults;

/** Two ends of such a way. */
export type Way = readonly [MemoryEnd, MemoryEnd];

export interface TransferCounts {
  transfers: number;
  done: number;
  /** callers who were told that there was no answer in time */
  unanswered: number;
  /** of those: the handler had run, once */
  unansweredButHandled: number;
  /** datagrams of both ends */
  sent: number;
  received: number;
  retransmissions: number;
  /** recognised */
  duplicates: number;
  /** {@link TRANSFER_FAULTS} from here on */
  otherErrors: number;
  wrongCodes: number;
  damagedRequests: number;
  damagedAnswers: number;
  /** requests that a handler saw more than once */
  handledAgain: number;
  /** answered though no handler ran */
  madeUp: number;
  /** that still wait when all is closed and nothing is on its way */
  timersLeft: number;
}

/** What must not be. */
export const TRANSFER_FAULTS = [
  'otherErrors',
  'wrongCodes',
  'damagedRequests',
  'damagedAnswers',
  'handledAgain',
  'madeUp',
  'timersLeft',
] as const satisfies readonly (keyof TransferCounts)[];

const LARGEST_BODY = 6000;
const METHODS = {
  up: ['PUT', 'iPATCH', 'POST'],
  down: ['GET', 'FETCH', 'POST'],
  mixed: ['POST', 'FETCH', 'PATCH'],
} as const;
const KINDS = ['up', 'down', 'mixed'] as const;
const NO_ANSWER: readonly string[] = ['coap.timeout', 'coap.unsent'];
/** One handler in so many takes longer than an acknowledgement may wait. */
const SLOW_ONE_IN = 4;

/** No two bodies, and no two blocks of one, are alike. */
function bodyOf(seed: number, length: number): Buffer {
  const random = seededRandom(seed);
  const body = Buffer.alloc(length + 4);
  for (let at = 0; at < length; at += 4) body.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return body.subarray(0, length);
}

export interface TransferOptions {
  readonly ways: readonly Way[];
  /** over all ways */
  readonly transfers: number;
  /** transfers under way at the same time from each end of each way */
  readonly lanes: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly parameters: Partial<TransmissionParameters>;
}

interface Task {
  readonly number: number;
  readonly kind: (typeof KINDS)[number];
  readonly length: number;
  readonly answerLength: number;
}

/** Performs the transfers, and closes the transports. */
export async function transferAll(options: TransferOptions): Promise<TransferCounts> {
  const { ways, transfers, lanes, clock, random, parameters } = options;
  const slowMs = 3 * (parameters.piggybackMs ?? 500);
  /** by the number of the transfer */
  const handled = new Uint8Array(transfers);
  let next = 0;
  const counts: TransferCounts = {
    transfers: 0,
    done: 0,
    unanswered: 0,
    unansweredButHandled: 0,
    sent: 0,
    received: 0,
    retransmissions: 0,
    duplicates: 0,
    otherErrors: 0,
    wrongCodes: 0,
    damagedRequests: 0,
    damagedAnswers: 0,
    handledAgain: 0,
    madeUp: 0,
    timersLeft: 0,
  };

  const serve = async ({ query, payload }: CoapRequest): Promise<CoapResponse> => {
    const [number = 0, length = 0, answerLength = 0] = (query[0] ?? '').split(',').map(Number);
    handled[number] = (handled[number] ?? 0) + 1;
    if (handled[number] > 1) counts.handledAgain++;
    if (!bodyOf(2 * number, length).equals(payload)) counts.damagedRequests++;
    if (number % SLOW_ONE_IN === 0) await new Promise<void>((done) => clock.after(slowMs, done));
    return { code: '2.05', payload: bodyOf(2 * number + 1, answerLength) };
  };

  const drawn = (isWanted: boolean): number => (isWanted ? Math.floor(random() * (LARGEST_BODY + 1)) : 0);
  const nextTask = (): Task | undefined => {
    if (next >= transfers) return undefined;
    const number = next++;
    const kind = KINDS[number % KINDS.length] ?? 'mixed';
    return { number, kind, length: drawn(kind !== 'down'), answerLength: drawn(kind !== 'up') };
  };

  const transfer = async (endpoint: CoapEndpoint, { peer }: MemoryEnd, task: Task): Promise<void> => {
    const { number, kind, length, answerLength } = task;
    const methods = METHODS[kind];
    counts.transfers++;
    try {
      const { code, payload } = await endpoint.request(peer, {
        method: methods[Math.floor(number / KINDS.length) % methods.length] ?? 'POST',
        path: ['x'],
        query: [`${number},${length},${answerLength}`],
        payload: bodyOf(2 * number, length),
      });
      counts.done++;
      if (code !== '2.05') counts.wrongCodes++;
      else if (!bodyOf(2 * number + 1, answerLength).equals(payload)) counts.damagedAnswers++;
      if (handled[number] === 0) counts.madeUp++;
    } catch (error) {
      if (!isGatewayError(error) || !NO_ANSWER.includes(error.code)) counts.otherErrors++;
      else counts.unanswered++;
      if (handled[number] === 1) counts.unansweredButHandled++;
    }
  };

  const workOn = async (endpoint: CoapEndpoint, end: MemoryEnd): Promise<void> => {
    for (let task = nextTask(); task !== undefined; task = nextTask()) await transfer(endpoint, end, task);
  };
  const endpoints: CoapEndpoint[] = [];
  const work = ways.flat().flatMap((end) => {
    const endpoint = createEndpoint({ transport: end.transport, clock, random, handler: serve, parameters });
    endpoints.push(endpoint);
    return Array.from({ length: lanes }, () => workOn(endpoint, end));
  });
  await Promise.all(work);
  for (const endpoint of endpoints) {
    const statistics = endpoint.statistics();
    for (const name of ['sent', 'received', 'retransmissions', 'duplicates'] as const)
      counts[name] += statistics[name];
  }
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
  return counts;
}
