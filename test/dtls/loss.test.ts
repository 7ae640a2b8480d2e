import { describe, expect, test, vi } from 'vitest';
import type { RetransmissionTimers } from '../../src/dtls/index.ts';
import { seededRandom } from '../coap/random.ts';
import { createScene, type SceneOptions } from './network.ts';
import { scene } from './scenes.ts';

/** Handshakes per case, 10,000 in all; more by hand: DTLS_HANDSHAKES=10000. */
const HANDSHAKES = Number(process.env.DTLS_HANDSHAKES ?? 1600);
/** Those with certificates cost more. */
const CERTIFIED = HANDSHAKES / 4;

vi.setConfig({ testTimeout: 300_000 }); // a machine may have other things to do

const TIMERS: RetransmissionTimers = { firstMs: 1000, mostMs: 60_000, totalMs: 60_000 };
const DELAY_MS = 20;

interface Weather {
  readonly drop: number;
  readonly duplicate: number;
  readonly reorder: number;
}

/** Whether a handshake through that weather succeeds, and how often it sent again. */
async function attempt(options: SceneOptions, weather: Weather, random: () => number): Promise<boolean> {
  const made = createScene({
    timers: TIMERS,
    ...options,
    way: (datagram, pass) => {
      const copies = random() < weather.drop ? 0 : random() < weather.duplicate ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        const late = random() < weather.reorder ? random() * 10 * DELAY_MS : 0;
        made.clock.after(DELAY_MS + late, () => {
          pass(datagram);
          made.settle();
        });
      }
    },
  });
  made.client.start();
  for (let spentMs = 0; spentMs <= TIMERS.totalMs && !made.client.isOpen; spentMs += 500) {
    made.clock.jump(500);
  }
  if (made.client.isOpen) {
    // Both have the same keys: whoever is open understands the other.
    expect(made.told.ended).toEqual([]);
    return true;
  }
  expect(made.told.ended).toMatchObject([{ code: 'dtls.timeout' }]);
  return false;
}

/**
 * The chance that so many exchanges, each a datagram there and one back, succeed in time, when either may be lost and
 * only our timer repeats them: every exchange takes a number of attempts, and each of those its wait.
 */
function computed(exchanges: number, drop: number): number {
  const success = (1 - drop) ** 2;
  const chances = (left: number, spentMs: number): number => {
    if (left === 0) return 1;
    let sum = 0;
    let wait = TIMERS.firstMs;
    let at = spentMs;
    for (let failures = 0; at < TIMERS.totalMs; failures++) {
      sum += (1 - success) ** failures * success * chances(left - 1, at + 2 * DELAY_MS);
      at += Math.min(wait, TIMERS.mostMs);
      wait *= 2;
    }
    return sum;
  };
  return chances(exchanges, 0);
}

async function measured(options: SceneOptions, weather: Weather, seed: number): Promise<number> {
  const random = seededRandom(seed);
  let successes = 0;
  for (let at = 0; at < HANDSHAKES; at++) if (await attempt(options, weather, random)) successes++;
  return successes / HANDSHAKES;
}

/** Four standard deviations of a share. */
const tolerance = (share: number): number => 4 * Math.sqrt((share * (1 - share) + 1e-4) / HANDSHAKES);

describe(`of ${HANDSHAKES} handshakes as many succeed as computed (RFC 6347 4.2.4)`, () => {
  test.each([0, 0.1, 0.2, 0.3])('when a share of %d is lost', async (drop) => {
    const share = await measured({}, { drop, duplicate: 0, reorder: 0 }, 1);
    const expected = computed(3, drop); // HelloVerifyRequest, ServerHelloDone, Finished
    expect(share).toBeGreaterThan(expected - tolerance(expected));
    expect(share).toBeLessThan(expected + tolerance(expected));
  });

  test.each([0.1, 0.3])('or more, as a share of %d is lost, and some come twice or late', async (drop) => {
    const share = await measured({}, { drop, duplicate: 0.05, reorder: 0.1 }, 2);
    expect(share).toBeGreaterThan(computed(3, drop) - tolerance(computed(3, drop)));
  });

  test('with certificates in datagrams of 300 bytes, where what has come is kept', async () => {
    const options = scene('certificate', { mtu: 300, server: { mtu: 300 } });
    const random = seededRandom(3);
    const weather = { drop: 0.1, duplicate: 0.05, reorder: 0.1 };
    let successes = 0;
    for (let at = 0; at < CERTIFIED; at++) if (await attempt(options, weather, random)) successes++;
    // Were all lost with one lost datagram of some eight, hardly half of them would get through.
    expect(successes / CERTIFIED).toBeGreaterThan(0.9);
  });
});
