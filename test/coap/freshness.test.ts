import { describe, expect, test } from 'vitest';
import { createFreshness, type Option } from '../../src/coap/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createLockstep, PEER, STRANGER } from './lockstep.ts';

const ECHO = 252;

/** A server that executes only what is fresh, and what it hears of a POST with this Echo value. */
function demanding(freshMs = 1000) {
  const clock = createFakeClock();
  const freshness = createFreshness({ clock, freshMs });
  const done: string[] = [];
  const lockstep = createLockstep({
    clock,
    handler: (request) => {
      const stale = freshness.demand(request);
      if (stale === undefined) done.push(request.peer.key);
      return stale ?? { code: '2.04' };
    },
  });
  let mid = 0;
  const post = async (echo?: Uint8Array, peer = PEER) => {
    const options = echo === undefined ? [] : [{ number: ECHO, value: echo }];
    await lockstep.say({ code: 2, mid: ++mid, options }, peer);
    const answer = lockstep.hear();
    return { code: answer.code, echo: echoOf(answer.options) };
  };
  return { clock, post, done };
}

const echoOf = (options: readonly Option[]) => options.find(({ number }) => number === ECHO)?.value;

describe('a request that has to be fresh (RFC 9175 2.3)', () => {
  test('is answered with 4.01 and Echo, and done when it repeats the value', async () => {
    const { post, done } = demanding();
    const { code, echo } = await post();
    expect([code, echo?.length, done]).toEqual([0x81, 14, []]);
    expect(await post(echo)).toEqual({ code: 0x44, echo: undefined });
    expect(done).toEqual([PEER.key]);
  });

  test('is not fresh with a value that is too old, of another peer, made up, or of another run', async () => {
    const { post, clock, done } = demanding();
    const { echo } = await post();
    expect((await post(echo, STRANGER)).code).toBe(0x81);
    expect((await post(Buffer.alloc(14))).code).toBe(0x81);
    expect((await post(echo?.subarray(0, 6))).code).toBe(0x81);
    const changed = Buffer.from(echo ?? []);
    changed[5] = (changed[5] ?? 0) + 1;
    expect((await post(changed)).code).toBe(0x81);
    expect((await demanding().post(echo)).code).toBe(0x81);
    await clock.advance(1001);
    const renewed = await post(echo);
    expect(renewed.code).toBe(0x81);
    expect((await post(renewed.echo)).code).toBe(0x44);
    expect(done).toEqual([PEER.key]);
  });
});
