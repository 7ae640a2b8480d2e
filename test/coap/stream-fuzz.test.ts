import { expect, test } from 'vitest';
import { encodeFrame } from '../../src/coap/frame.ts';
import { NO_BYTES } from '../../src/coap/message.ts';
import { csm } from '../../src/coap/signal.ts';
import { PEER } from './lockstep.ts';
import { seededRandom } from './random.ts';
import { createStreamLockstep } from './stream-lockstep.ts';

const CONNECTIONS = 300;
const LIMITS = { uploads: 8, uploadsPerPeer: 8, keptBodies: 8, observations: 32, bodyBytes: 4096 };

/** Messages that reach deep, signals among them. */
function anyMessage(random: () => number): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  const codes = [1, 1, 2, 3, 5, 0x45, 0x5f, 0x84, 0, 0xe1, 0xe2, 0xe3, 0xe6, 0x20];
  const options = [2, 4, 6, 11, 12, 23, 27, 60]
    .filter(() => random() < 0.2)
    .map((number) => ({ number, value: below(number === 6 ? 2 : 256) }));
  const token = random() < 0.5 ? Buffer.from([0, 0, 0, below(8), 0, 0, 0, 0]) : Buffer.from([below(4)]);
  const payload = Buffer.alloc([0, 16, 1024, 2048][below(4)] ?? 0);
  return encodeFrame({ code: codes[below(codes.length)] ?? 1, token, options, payload });
}

test.each([1, 2])(
  `${CONNECTIONS} connections that say anything, in any pieces: nothing is thrown, nothing is left (seed %i)`,
  async (seed) => {
    const random = seededRandom(seed);
    let aborted = 0;
    for (let connection = 0; connection < CONNECTIONS; connection++) {
      const lockstep = await createStreamLockstep({
        limits: LIMITS,
        stream: { maxMessageBytes: 4096 },
        handler: ({ observe, path }) => {
          if (path.length === 3) throw new Error('a fault of the handler');
          const payload = Buffer.alloc(path.length === 2 ? 3000 : 5);
          return { code: '2.05', payload, ...(observe === 0 && { onObserve: () => {} }) };
        },
      });
      const { endpoint, clock, put, heard } = lockstep;
      const asked = [endpoint.request(PEER, { method: 'GET', path: ['a'] }), endpoint.ping(PEER)];
      for (const one of asked) one.catch(() => {});
      const messages = Array.from({ length: 20 }, () => anyMessage(random));
      if (random() < 0.1) messages.push(encodeFrame(csm(0)));
      const bytes = Buffer.concat([...messages, NO_BYTES]);
      for (let change = Math.floor(random() * 3); change > 0; change--)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(random() ** 4 * 4000);
        await put(bytes.subarray(at, at + size));
        at += size;
      }
      heard();
      if (lockstep.closed !== undefined) aborted++;
      await lockstep.close(random() < 0.5 ? new Error('reset') : undefined);
      await clock.advance(300_000);
      await Promise.allSettled(asked);
      const { peers, outstanding, expected, observations, uploads } = endpoint.statistics();
      expect({ peers, outstanding, expected, observations, uploads }).toEqual({
        peers: 0,
        outstanding: 0,
        expected: 0,
        observations: 0,
        uploads: 0,
      });
      await endpoint.close();
    }
    expect(aborted).toBeGreaterThan(CONNECTIONS / 4);
    expect(aborted).toBeLessThan(CONNECTIONS);
  },
);
