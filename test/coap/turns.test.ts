import { describe, expect, test } from 'vitest';
import type { CoapResponse, ObservationEnd, ServerObservation } from '../../src/coap/index.ts';
import { ACK, CON, codeOf, createLockstep, PEER, text } from './lockstep.ts';

const state = (payload: string): CoapResponse => ({ code: '2.05', payload: Buffer.from(payload) });
const UPDATE = { method: 'POST', path: ['rd', '1'] } as const;

/** A server whose resource the peer observes as often as asked. */
async function observed(times: number) {
  const observations: ServerObservation[] = [];
  const ends: ObservationEnd[] = [];
  const lockstep = createLockstep({
    handler: () => ({
      ...state('0'),
      onObserve: (observation) => {
        observations.push(observation);
        observation.owner = { ended: (reason) => void ends.push(reason) };
      },
    }),
  });
  for (let at = 0; at < times; at++) {
    const options = [{ number: 6, value: 0 }];
    await lockstep.say({ mid: 0x100 + at, token: Buffer.from([at]), options });
  }
  lockstep.heard();
  return { ...lockstep, observations, ends };
}

describe('what waits for NSTART (RFC 7252 4.7)', () => {
  test('requests of ours go before notifications that wait, and stay in order', async () => {
    const { endpoint, observations, hear, heard, say } = await observed(3);
    for (const observation of observations) observation.notify(state('news'), { confirmable: true });
    const under = hear();
    void codeOf(endpoint.request(PEER, UPDATE));
    void codeOf(endpoint.request(PEER, { method: 'GET', path: ['2'] }));
    await Promise.resolve();
    expect(heard()).toEqual([]);
    const codes: number[] = [];
    for (let last = under; codes.length < 4; ) {
      await say({ type: ACK, code: 0, mid: last.mid });
      last = hear();
      codes.push(last.code);
    }
    expect(codes).toEqual([2, 1, 0x45, 0x45]);
  });

  test('a peer that stays silent ends what waits behind unsent, and a request of ours is next (RFC 7252 4.2)', async () => {
    const { endpoint, observations, ends, hear, heard, clock } = await observed(3);
    for (const observation of observations) observation.notify(state('news'), { confirmable: true });
    hear();
    await clock.advance(40_000);
    heard();
    const outcome = codeOf(endpoint.request(PEER, UPDATE));
    await clock.advance(23_000);
    expect(ends).toEqual(['timeout', 'timeout', 'timeout']);
    expect(hear()).toMatchObject({ type: CON, code: 2 });
    expect(endpoint.statistics()).toMatchObject({ outstanding: 1, timeouts: 1, observations: 0 });
    await clock.advance(100_000);
    expect(await outcome).toBe('coap.timeout');
  });

  test('a peer that acknowledges only what is old does not hold up what waits for ever', async () => {
    const { endpoint, observations, ends, hear, heard, say, clock } = await observed(1);
    const [observation] = observations;
    observation?.notify(state('first'), { confirmable: true });
    const { mid } = hear();
    const behind = codeOf(endpoint.request(PEER, { ...UPDATE, timeoutMs: 3600_000 }));
    for (let second = 0; second < 200; second++) {
      observation?.notify(state(`second ${second}`), { confirmable: true });
      await clock.advance(1000);
      // From the first retransmission on it is of what was told before.
      if (second > 3) await say({ type: ACK, code: 0, mid });
    }
    expect(ends).toEqual(['timeout']);
    const update = heard().at(-1);
    expect(update?.code).toBe(2);
    await say({ type: ACK, code: 0x44, mid: update?.mid ?? 0, token: update?.token ?? Buffer.of() });
    expect(await behind).toBe('no error');
  });

  test('requests without end do not keep a notification from its turn', async () => {
    const { endpoint, observations, ends, clock, heard } = await observed(1);
    void codeOf(endpoint.request(PEER, { ...UPDATE, timeoutMs: 10_000 }));
    await Promise.resolve();
    observations[0]?.notify(state('news'), { confirmable: true });
    for (let second = 0; second < 200; second += 5) {
      void codeOf(endpoint.request(PEER, { ...UPDATE, timeoutMs: 10_000 }));
      await clock.advance(5000);
    }
    expect(heard().some(({ code }) => code === 0x45)).toBe(true);
    expect(ends).toEqual(['timeout']);
  });

  test('who hears of that may cancel another observation, whose outcome is told once', async () => {
    const { observations, clock } = await observed(3);
    const outcomes: string[] = [];
    for (const [at, observation] of observations.entries()) {
      observation.survivesTimeout = true;
      const onSettled = (outcome: string): void => {
        outcomes.push(`${at} ${outcome}`);
        if (at === 1) observations[2]?.cancel();
      };
      observation.notify(state('news'), { confirmable: true, onSettled });
    }
    await clock.advance(100_000);
    expect(outcomes).toEqual(['1 timeout', '2 ended', '0 timeout']);
  });

  test('a request whose time is over before its turn has not been seen by the peer: coap.unsent', async () => {
    const { endpoint, clock, heard } = createLockstep();
    const first = codeOf(endpoint.request(PEER, UPDATE));
    const second = codeOf(endpoint.request(PEER, { ...UPDATE, path: ['rd', '2'], timeoutMs: 1000 }));
    await clock.advance(1100);
    expect(await second).toBe('coap.unsent');
    await clock.advance(100_000);
    expect(await first).toBe('coap.timeout');
    expect(heard().map(({ options }) => text(options[1]?.value ?? Buffer.alloc(0)))).toEqual(
      Array(5).fill('1'),
    );
  });

  test('pings are bounded in number and in time, like requests', async () => {
    const { endpoint, clock } = createLockstep({ limits: { queuedRequests: 1 } });
    const outcomes = [1, 2, 3].map(() => codeOf(endpoint.ping(PEER)));
    expect(await outcomes[2]).toBe('coap.overloaded');
    await clock.advance(94_000);
    expect(await Promise.all(outcomes)).toEqual(['coap.timeout', 'coap.timeout', 'coap.overloaded']);
    expect(endpoint.statistics().outstanding).toBe(0);
  });
});
