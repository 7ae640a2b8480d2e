import { describe, expect, test } from 'vitest';
import { encode } from '../../src/coap/codec.ts';
import { type MessageType, NO_BYTES } from '../../src/coap/message.ts';
import type { Peer } from '../../src/transport/index.ts';
import { createLockstep, hex } from './lockstep.ts';
import { seededRandom } from './random.ts';

const DATAGRAMS = 20_000;
const LIMITS = {
  peers: 8,
  messagesPerPeer: 64,
  uploads: 8,
  uploadsPerPeer: 2,
  keptBodies: 8,
  observations: 32,
  bodyBytes: 4096,
  requestsInWork: 16,
};

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

function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const mutated = Buffer.from(bytes);
  for (let change = Math.floor(random() * 4); change > 0 && mutated.length > 0; change--)
    mutated[Math.floor(random() * Math.min(mutated.length, 24))] = Math.floor(random() * 256);
  return random() < 0.1 ? mutated.subarray(0, Math.floor(random() * mutated.length)) : mutated;
}

describe('whatever arrives', () => {
  test.each([1, 2])(
    `${DATAGRAMS} mutated datagrams: nothing is thrown, state stays bounded, one timer (seed %i)`,
    async (seed) => {
      const random = seededRandom(seed);
      /** how often each sink was told its end */
      const sinks: { ends: number }[] = [];
      const lockstep = createLockstep({
        limits: LIMITS,
        openBody: ({ path }) => {
          if (path.length !== 1) return undefined;
          const sink = { ends: 0 };
          sinks.push(sink);
          const end = (): void => {
            sink.ends++;
          };
          return {
            mostBytes: 8192,
            write: () =>
              random() < 0.5
                ? undefined
                : new Promise((resolve) => lockstep.clock.after(random() * 2000, () => resolve(undefined))),
            end() {
              end();
              return { code: '2.04' };
            },
            abort: end,
          };
        },
        handler: ({ method, path }) => {
          const response = {
            code: '2.05',
            payload: Buffer.alloc(method === 'GET' ? 3000 : 5),
            onObserve: (observation: { notify(response: object, options: object): void }) => {
              observation.notify(
                { code: '2.05', payload: Buffer.alloc(2000) },
                { confirmable: random() < 0.5 },
              );
            },
          } as const;
          return path.length > 1
            ? new Promise((resolve) => lockstep.clock.after(random() * 2000, () => resolve(response)))
            : response;
        },
      });
      const { endpoint, clock } = lockstep;
      let asked = 0;
      let settled = 0;
      const settle = (): void => {
        settled++;
      };
      for (let round = 0; round < DATAGRAMS; round++) {
        const peer: Peer = { key: `peer ${round % 16}`, address: '192.0.2.1', port: 1 };
        if (round % 100 === 0) {
          asked++;
          const payload = Buffer.alloc(round % 300 === 0 ? 3000 : 0);
          const request = { method: 'PUT', path: ['x'], payload, timeoutMs: 20_000 } as const;
          if (round % 200 === 0) endpoint.request(peer, request).then(settle, settle);
          else endpoint.observe(peer, { method: 'GET', path: [] }, () => {}).then(settle, settle);
        }
        await lockstep.inject(hex(mutate(anyMessage(random), random)), peer);
        if (round % 10 === 0) await clock.advance(100);
        if (round % 1000 === 0) lockstep.heard();
      }
      // Everything that went out could be read; the log has no error of the layer itself.
      lockstep.heard();
      expect(lockstep.errors).toEqual([]);
      const { peers, uploads, keptBodies, observations, requestsInWork } = endpoint.statistics();
      expect(peers).toBeLessThanOrEqual(2 * LIMITS.peers + 16);
      expect(uploads).toBeLessThanOrEqual(LIMITS.uploads);
      expect(keptBodies).toBeLessThanOrEqual(2 * LIMITS.keptBodies + 1);
      expect(observations).toBeLessThanOrEqual(LIMITS.observations);
      expect(requestsInWork).toBeLessThanOrEqual(LIMITS.requestsInWork + LIMITS.uploads);
      // One timer of the endpoint beside those of slow handlers, which have a timer each here.
      expect(clock.pending - requestsInWork).toBeLessThanOrEqual(1);
      await clock.advance(4 * 247_000);
      endpoint.dropObservations();
      expect(settled).toBe(asked);
      expect(endpoint.statistics()).toMatchObject({
        outstanding: 0,
        uploads: 0,
        keptBodies: 0,
        requestsInWork: 0,
        peers: 0,
      });
      await endpoint.close();
      expect(sinks.length).toBeGreaterThan(50);
      expect(sinks.filter(({ ends }) => ends !== 1)).toEqual([]);
      expect(clock.pending).toBe(0);
    },
  );
});
