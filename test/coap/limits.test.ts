import { describe, expect, test } from 'vitest';
import type { CoapResponse } from '../../src/coap/index.ts';
import type { Peer } from '../../src/transport/index.ts';
import { ACK, block, CON, createLockstep, type Lockstep, PEER, STRANGER } from './lockstep.ts';

const stranger = (at: number): Peer => ({ key: `198.51.100.1:${at}`, address: '198.51.100.1', port: at });
const isKnown = (peer: Peer): boolean => peer.key === PEER.key;
let mids = 0;

const ask = async (
  { say, heard }: Lockstep,
  peer: Peer,
  options: { number: number; value: number | string }[] = [],
  more: object = {},
): Promise<number | undefined> => {
  await say({ mid: ++mids & 0xffff, options, ...more }, peer);
  return heard().at(-1)?.code;
};

describe('what one peer can take up, and strangers together', () => {
  test('requests in work: a peer has its share, and strangers leave the last one to those we know', async () => {
    const lockstep = createLockstep({
      handler: () => new Promise(() => {}),
      limits: { requestsInWork: 6, requestsInWorkPerPeer: 2 },
      isKnown,
    });
    const asked = async (peer: Peer) => (await ask(lockstep, peer)) ?? 'in work';
    expect([await asked(stranger(1)), await asked(stranger(1)), await asked(stranger(1))]).toEqual([
      'in work',
      'in work',
      0xa3,
    ]);
    expect([await asked(stranger(2)), await asked(stranger(2)), await asked(stranger(3))]).toEqual([
      'in work',
      'in work',
      0xa3,
    ]);
    expect([await asked(PEER), await asked(PEER), await asked(PEER)]).toEqual(['in work', 'in work', 0xa3]);
    expect(lockstep.endpoint.statistics()).toMatchObject({ requestsInWork: 6, requestsTurnedAway: 3 });
    // Answered at last with 5.04: the places are free again, but for separate responses that nobody acknowledges.
    await lockstep.clock.advance(60_100);
    lockstep.heard();
    expect(await asked(PEER)).toBe(0xa3);
    await lockstep.clock.advance(100_000);
    lockstep.heard();
    expect(await asked(PEER)).toBe('in work');
  });

  test('uploads: strangers cannot end or prevent those of a peer we know', async () => {
    const lockstep = createLockstep({
      handler: () => ({ code: '2.04' }),
      limits: { uploads: 4, uploadsPerPeer: 2 },
      isKnown,
    });
    const put = (peer: Peer, number: number, more: boolean) =>
      ask(lockstep, peer, [{ number: 27, value: block(number, more, 16) }], {
        code: 3,
        payload: Buffer.alloc(16),
      });
    expect(await put(PEER, 0, true)).toBe(0x5f);
    const codes = [];
    for (let at = 1; at < 10; at++) codes.push(await put(stranger(at), 0, true));
    expect(codes.filter((code) => code === 0x5f)).toHaveLength(1);
    expect(await put(PEER, 1, false)).toBe(0x44);
    expect(lockstep.endpoint.statistics()).toMatchObject({ uploads: 1, uploadsRefused: 8 });
  });

  test('kept answers: those of a peer we know stay; what is not kept is made anew', async () => {
    let made = 0;
    const lockstep = createLockstep({
      handler: () => {
        made++;
        return { code: '2.05', payload: Buffer.alloc(40) };
      },
      limits: { keptBodies: 4, keptBodiesPerPeer: 2 },
      isKnown,
    });
    const get = (peer: Peer, number: number, path = 'a') =>
      ask(lockstep, peer, [
        { number: 11, value: path },
        { number: 23, value: block(number, false, 32) },
      ]);
    await get(PEER, 0);
    for (let at = 1; at < 10; at++) await get(stranger(at), 0);
    expect(lockstep.endpoint.statistics()).toMatchObject({ keptBodies: 2, bodiesNotKept: 8 });
    made = 0;
    await get(PEER, 1);
    expect(made).toBe(0);
    expect(await get(stranger(9), 1)).toBe(0x45);
    expect(made).toBe(1);
    for (const path of ['b', 'c', 'd']) await get(PEER, 0, path);
    expect(lockstep.endpoint.statistics().keptBodies).toBe(3);
  });

  test('observations: a peer has its share', async () => {
    const lockstep = createLockstep({
      handler: () => ({ code: '2.05', onObserve() {} }),
      limits: { observations: 10, observationsPerPeer: 2 },
    });
    for (let at = 0; at < 5; at++)
      await ask(lockstep, STRANGER, [{ number: 6, value: 0 }], { token: Buffer.from([at]) });
    await ask(lockstep, PEER, [{ number: 6, value: 0 }]);
    expect(lockstep.endpoint.statistics()).toMatchObject({ observations: 3, observationsRefused: 3 });
    lockstep.endpoint.dropObservations();
    await ask(lockstep, STRANGER, [{ number: 6, value: 0 }]);
    expect(lockstep.endpoint.statistics().observations).toBe(1);
  });

  test.each([
    [true, 1],
    [false, 2],
  ])(
    'many strangers do not make us forget what a peer we know (%s) was answered: executions %i (RFC 7252 4.5)',
    async (known, executions) => {
      let executed = 0;
      const lockstep = createLockstep({
        handler: ({ method }): CoapResponse => {
          if (method === 'POST') executed++;
          return { code: '2.04' };
        },
        limits: { peers: 10 },
        isKnown: () => false,
        ...(known && { isKnown }),
      });
      await lockstep.say({ code: 2, mid: 7 });
      for (let at = 1; at < 40; at++) await lockstep.say({ mid: at }, stranger(at));
      await lockstep.say({ code: 2, mid: 7 });
      expect(executed).toBe(executions);
      expect(lockstep.endpoint.statistics().peers).toBeLessThanOrEqual(21);
    },
  );

  test('separate responses of a peer that is gone count until they are given up', async () => {
    let answer: (response: CoapResponse) => void = () => {};
    const lockstep = createLockstep({
      handler: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      limits: { requestsInWorkPerPeer: 1 },
    });
    await ask(lockstep, PEER);
    await lockstep.clock.advance(600);
    answer({ code: '2.04' });
    await lockstep.clock.advance(0);
    const separate = lockstep.heard().at(-1);
    expect(separate?.type).toBe(CON);
    expect(await ask(lockstep, PEER)).toBe(0xa3);
    await lockstep.say({ type: ACK, code: 0, mid: separate?.mid ?? 0 });
    expect(await ask(lockstep, PEER)).toBeUndefined();
  });
});
