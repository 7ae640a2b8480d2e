import { describe, expect, test } from 'vitest';
import { type CoapResponse, createEndpoint, type ServerObservation } from '../../src/coap/index.ts';
import { MessageIds } from '../../src/coap/message-ids.ts';
import type { DatagramTransport } from '../../src/transport/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { ACK, CON, codeOf, createLockstep, NON, PEER, text } from './lockstep.ts';

const HALF = 0x8000;
const state = (payload: string): CoapResponse => ({ code: '2.05', payload: Buffer.from(payload) });

async function observed(options: Parameters<typeof createLockstep>[0] = {}) {
  const observations: ServerObservation[] = [];
  const lockstep = createLockstep({
    handler: () => ({ ...state('0'), onObserve: (observation) => observations.push(observation) }),
    ...options,
  });
  await lockstep.say({ mid: 0x100, options: [{ number: 6, value: 0 }] });
  lockstep.heard();
  const [observation] = observations;
  if (observation === undefined) throw new Error('not observed');
  const tell = (times: number): void => {
    for (let at = 0; at < times; at++) observation.notify(state(String(at)), { confirmable: false });
  };
  return { ...lockstep, observation, tell };
}

describe('message ids (RFC 7252 4.4)', () => {
  test('each comes once before any comes again, and the one used longest ago comes first', () => {
    const ids = new MessageIds('confirmable', 247_000, 0.3);
    const round = () => Array.from({ length: HALF }, () => ids.take(0));
    const first = round();
    expect(new Set(first).size).toBe(HALF);
    expect(round()).toEqual(first);
  });

  test('one is free again when its lifetime is over, to the ms', () => {
    const ids = new MessageIds('other', 145_000, 0);
    for (let at = 0; at < HALF - 1; at++) ids.take(1000);
    expect([ids.waitMs(1000), ids.isReused]).toEqual([145_000, false]);
    expect([ids.waitMs(145_999), ids.waitMs(146_000)]).toEqual([1, 0]);
    ids.take(145_999);
    expect(ids.isReused).toBe(true);
  });

  test('no number of notifications touches those of confirmable messages: an Update never looks like an old one', async () => {
    const { tell, heard, endpoint } = await observed();
    tell(70_000);
    void codeOf(endpoint.request(PEER, { method: 'POST', path: ['rd', '1'] }));
    await Promise.resolve();
    const own = heard();
    expect(own.slice(0, -1).every(({ mid, type }) => type === NON && mid >= HALF)).toBe(true);
    expect(own.at(-1)).toMatchObject({ type: CON, mid: 1 });
  });

  test('one that waits for its acknowledgement is not used again', async () => {
    const clock = createFakeClock();
    const seen = new Set<number>();
    let first = -1;
    const transport: DatagramTransport = {
      localPort: 0,
      receive({ onMessage }) {
        // Everything is acknowledged at once, but for the first.
        this.send = (bytes) => {
          const mid = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
          seen.add(mid);
          if (first < 0) first = mid;
          else if (mid === first) throw new Error('used again');
          else onMessage(Buffer.from([0x70, 0, mid >> 8, mid & 255]), PEER);
        };
      },
      send() {},
      async close() {},
    };
    const endpoint = createEndpoint({
      clock,
      random: () => 0,
      parameters: { nstart: 2 },
      limits: { queuedRequests: 40_000 },
      handler: () => ({ code: '2.05' }),
      transport,
    });
    const pings = Array.from({ length: HALF + 10 }, () => codeOf(endpoint.ping(PEER)));
    expect(seen.size).toBe(HALF);
    expect(endpoint.statistics().outstanding).toBe(1);
    await endpoint.close();
    expect((await Promise.all(pings)).filter((code) => code !== 'no error')).toEqual(['coap.closed']);
  });
});

describe('when all message ids were used within their lifetime', () => {
  test('by default the oldest is used again, and counted: nothing is held back', async () => {
    const { tell, heard, endpoint, clock } = await observed();
    tell(HALF + 100);
    expect(heard()).toHaveLength(HALF + 100);
    expect(endpoint.statistics()).toMatchObject({ messageIdsReused: 101, messageIdsExhausted: 0 });
    await clock.advance(145_000);
    tell(10_000);
    expect(endpoint.statistics().messageIdsReused).toBeLessThan(101 + 1024);
  });

  test('strict: the newest notification waits, confirmable, and nothing is told with an old id (RFC 7641 4.5)', async () => {
    const { tell, hear, heard, say, endpoint } = await observed({ parameters: { messageIds: 'strict' } });
    tell(HALF - 1);
    const free = new Set(heard().map(({ mid }) => mid)).size;
    expect(free).toBe(HALF - 1);
    tell(3);
    const confirmed = hear();
    expect([confirmed.type, text(confirmed.payload), confirmed.mid < HALF]).toEqual([CON, '0', true]);
    await say({ type: ACK, code: 0, mid: confirmed.mid });
    const next = hear();
    expect([next.type, text(next.payload)]).toEqual([CON, '2']);
    await say({ type: ACK, code: 0, mid: next.mid });
    expect(endpoint.statistics()).toMatchObject({ messageIdsReused: 0, messageIdsExhausted: 2 });
  });

  test('strict: confirmable messages wait until one is free; requests that are not are refused', async () => {
    const { endpoint, heard, hear, say, clock } = createLockstep({ parameters: { messageIds: 'strict' } });
    const get = { method: 'GET', path: [], timeoutMs: 400_000 } as const;
    for (let at = 0; at < HALF - 1; at++) {
      void codeOf(endpoint.ping(PEER));
      const [{ mid } = { mid: 0 }] = heard();
      await say({ type: ACK, code: 0, mid });
    }
    const late = codeOf(endpoint.request(PEER, get));
    await clock.advance(246_000);
    expect([heard(), endpoint.statistics().messageIdsExhausted]).toEqual([[], 1]);
    await clock.advance(1100);
    const { mid, token } = hear();
    await say({ type: ACK, code: 0x45, mid, token });
    expect(await late).toBe('no error');
    const other = { ...get, confirmable: false, timeoutMs: 10 };
    for (let at = 0; at < HALF - 1; at++) void codeOf(endpoint.request(PEER, other));
    expect(await codeOf(endpoint.request(PEER, other))).toBe('coap.overloaded');
    await endpoint.close();
    expect(clock.pending).toBe(0);
  });
});
