import { describe, expect, test } from 'vitest';
import {
  type CoapEndpoint,
  type CoapRequest,
  createEndpoint,
  type ServerObservation,
} from '../../src/coap/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryPair, type MemoryEnd } from '../support/memory-pair.ts';
import { seededRandom } from './random.ts';

const FAULTS = { loss: 0.2, duplication: 0.1, reordering: 0.1, reorderMs: 3000 };
const TRANSFERS = 300;
const LARGEST_BODY = 6000;

const idOf = (request: CoapRequest): string => request.query[0] ?? '';

/** A body that says by itself whether it is whole. */
function bodyOf(id: string, length: number): Buffer {
  return Buffer.alloc(length, `${id};`);
}

describe('300 transfers of 0 to 6 kB each way, 20 % lost, 10 % doubled, 10 % overtaken', () => {
  test.each([7, 8])(
    'each is done once and whole, or there is no answer in time; nothing else (seed %i)',
    async (seed) => {
      const clock = createFakeClock();
      const random = seededRandom(seed);
      const ends = createMemoryPair({ clock, random, ...FAULTS });
      const handled = new Map<string, number>();
      const wrong: string[] = [];
      const lengthOf = (): number => (random() < 0.3 ? 0 : Math.floor(random() * LARGEST_BODY));

      const serve = async (request: CoapRequest): Promise<{ code: '2.04'; payload: Uint8Array }> => {
        const [id = '', length = '', answerLength = ''] = idOf(request).split(',');
        handled.set(id, (handled.get(id) ?? 0) + 1);
        if (!bodyOf(id, Number(length)).equals(request.payload))
          wrong.push(`${id}: request of ${request.payload.length}`);
        // Now and then too slow for the answer to go with the acknowledgement.
        if (Number(length) % 3 === 0) await new Promise<void>((resolve) => clock.after(1500, resolve));
        return { code: '2.04', payload: bodyOf(`<${id}`, Number(answerLength)) };
      };
      const endpoints = ends.map(({ transport }: MemoryEnd) =>
        createEndpoint({ transport, clock, random, handler: serve, parameters: { nstart: 2 } }),
      );

      const outcomes: string[] = [];
      const transfer = async (endpoint: CoapEndpoint, end: MemoryEnd, id: string): Promise<void> => {
        const [length, answerLength] = [lengthOf(), lengthOf()];
        try {
          const { code, payload } = await endpoint.request(end.peer, {
            method: 'POST',
            path: ['x'],
            query: [`${id},${length},${answerLength}`],
            payload: bodyOf(id, length),
          });
          if (code !== '2.04' || !bodyOf(`<${id}`, answerLength).equals(payload))
            wrong.push(`${id}: answer ${code} of ${payload.length}, not ${answerLength}`);
          outcomes.push('done');
        } catch (error) {
          outcomes.push((error as { code: string }).code);
        }
      };
      const work = ends.map(async (end, side) => {
        const endpoint = endpoints[side] as CoapEndpoint;
        for (let at = 0; at < TRANSFERS / 2; at++) await transfer(endpoint, end, `${side}-${at}`);
      });
      let finished = false;
      const all = Promise.all(work).then(() => {
        finished = true;
      });
      while (!finished) await clock.advance(5000);
      await all;

      expect(wrong).toEqual([]);
      expect([...handled.values()].filter((times) => times !== 1)).toEqual([]);
      expect(outcomes).toHaveLength(TRANSFERS);
      expect(
        [...new Set(outcomes)].filter((outcome) => outcome !== 'done' && outcome !== 'coap.timeout'),
      ).toEqual([]);
      const done = outcomes.filter((outcome) => outcome === 'done').length;
      expect(done).toBeGreaterThan(TRANSFERS * 0.8);
      await Promise.all(endpoints.map((endpoint) => endpoint.close()));
      await clock.advance(10_000);
      expect(clock.pending).toBe(0);
    },
  );

  test('notifications over the same way: the last state always arrives, and none is told twice or out of order', async () => {
    const clock = createFakeClock();
    const random = seededRandom(9);
    const [left, right] = createMemoryPair({ clock, random, ...FAULTS });
    let state = 10;
    const response = () => ({ code: '2.05', payload: Buffer.alloc(1500, String(state)) }) as const;
    const observations: ServerObservation[] = [];
    const server = createEndpoint({
      transport: right.transport,
      clock,
      random,
      handler: () => ({
        ...response(),
        onObserve: (observation) => observations.push(observation),
      }),
    });
    const client = createEndpoint({
      transport: left.transport,
      clock,
      random,
      handler: () => ({ code: '4.04' }),
    });
    const told: number[] = [];
    const opening = client.observe(left.peer, { method: 'GET', path: ['1'] }, ({ payload }) => {
      expect(payload).toHaveLength(1500);
      told.push(Number(Buffer.from(payload).toString().slice(0, 2)));
    });
    await clock.advance(60_000);
    await opening;
    while (state < 60) {
      state++;
      for (const observation of observations) observation.notify(response(), { confirmable: true });
      await clock.advance(random() * 5000);
    }
    await clock.advance(100_000);
    expect(observations).toHaveLength(1);
    expect(told.at(-1)).toBe(60);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(new Set(told).size).toBe(told.length);
    await Promise.all([client.close(), server.close()]);
  });
});
