import { describe, expect, test } from 'vitest';
import { createEndpoint, type ServerObservation } from '../../src/coap/index.ts';
import { loseInMemory, loseOnSockets } from '../prove/loss.ts';
import { BAD_WAY, TRANSFER_FAULTS, type TransferCounts } from '../prove/transfers.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryPair } from '../support/memory-pair.ts';
import { seededRandom } from './random.ts';

/** Nearly all are done; of the rest each caller is told; and of what must not be there is none. */
function expectFaultless(counts: TransferCounts, transfers: number): void {
  expect(Object.fromEntries(TRANSFER_FAULTS.map((name) => [name, counts[name]]))).toEqual(
    Object.fromEntries(TRANSFER_FAULTS.map((name) => [name, 0])),
  );
  expect(counts.done + counts.unanswered).toBe(transfers);
  expect(counts.done).toBeGreaterThan(transfers * 0.9);
}

describe('bodies of 0 to 6 kB up, down and both ways, 20 % lost, 10 % doubled, 10 % overtaken', () => {
  test.each([7, 8])(
    '3000 transfers in memory: each is done once and whole, or there is no answer in time (seed %i)',
    async (seed) => expectFaultless(await loseInMemory(3000, seed), 3000),
  );

  test('300 transfers on sockets, through proxies that lose: the same', async () =>
    expectFaultless(await loseOnSockets(300, 20, 1), 300));

  test('notifications over the same way: the last state always arrives, and none is told twice or out of order', async () => {
    const clock = createFakeClock();
    const random = seededRandom(9);
    const [left, right] = createMemoryPair({ clock, random, ...BAD_WAY, reorderMs: 3000 });
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
