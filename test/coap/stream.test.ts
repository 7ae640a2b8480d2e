import { describe, expect, test } from 'vitest';
import { createTimers } from '../../src/base/index.ts';
import { encodeFrame } from '../../src/coap/frame.ts';
import type { CoapAnswer, CoapResponse, ObservationEnd, ServerObservation } from '../../src/coap/index.ts';
import { NO_BYTES } from '../../src/coap/message.ts';
import { csm } from '../../src/coap/signal.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { codeOf, PEER, TOKEN, text, uintOf } from './lockstep.ts';
import { createStreamLockstep, type StreamLockstep } from './stream-lockstep.ts';

const [CSM, PING, PONG, RELEASE, ABORT] = [0xe1, 0xe2, 0xe3, 0xe4, 0xe5];
const BLOCK1 = 27;
const BLOCK2 = 23;
const OBSERVE = 6;
const BLOCKWISE = { number: 4, value: NO_BYTES };
const get = { method: 'GET', path: ['a'] } as const;
const state = (payload: string): CoapResponse => ({ code: '2.05', payload: Buffer.from(payload) });
const frame = (
  code: number,
  options: { number: number; value: number | Uint8Array }[] = [],
  token = NO_BYTES,
) => encodeFrame({ code, token, options, payload: NO_BYTES });

/** What an abort says: its diagnostic text, and the option that it names. */
function abortOf({ heard, closed }: StreamLockstep): unknown[] {
  const last = heard().at(-1);
  return [last?.code, last === undefined ? '' : text(last.payload), last && uintOf(last, 2), closed];
}

describe('capabilities (RFC 8323 5.3)', () => {
  test('come first from our side, without waiting for the other', async () => {
    const { hear } = await createStreamLockstep({ stream: { maxMessageBytes: 4096 } }, NO_BYTES);
    const first = hear();
    expect([first.code, uintOf(first, 2), first.options.map(({ number }) => number)]).toEqual([
      CSM,
      4096,
      [2, 4],
    ]);
  });

  test('of the peer are waited for before anything is asked', async () => {
    const { endpoint, heard, put } = await createStreamLockstep({}, NO_BYTES);
    heard();
    void endpoint.request(PEER, get).catch(() => {});
    expect(heard()).toEqual([]);
    await put(frame(CSM));
    expect(heard()).toMatchObject([{ code: 1 }]);
  });

  test('that do not come in time are a fault, and what waited for them is lost', async () => {
    const lockstep = await createStreamLockstep({}, NO_BYTES);
    const asked = codeOf(lockstep.endpoint.request(PEER, get));
    await lockstep.clock.advance(10_020);
    expect(abortOf(lockstep)).toEqual([ABORT, 'there was no CSM in time', undefined, 'end']);
    await lockstep.close();
    expect(await asked).toBe('coap.transport');
  });

  test.each([
    ['a request', 1],
    ['a response', 0x45],
    ['a ping', PING],
    ['a release', RELEASE],
  ])('instead of which %s comes first are a fault', async (_, code) => {
    const lockstep = await createStreamLockstep({}, NO_BYTES);
    await lockstep.say({ code });
    expect(abortOf(lockstep)).toEqual([ABORT, 'there was no CSM', undefined, 'end']);
    expect(lockstep.served).toEqual([]);
  });

  test('may come after empty messages, which are always ignored (RFC 8323 3.4)', async () => {
    const lockstep = await createStreamLockstep({}, NO_BYTES);
    const { say, put, heard } = lockstep;
    heard();
    await put(Buffer.from('0000', 'hex'));
    await put(frame(CSM));
    await say();
    expect([heard().map(({ code }) => code), lockstep.closed]).toEqual([[0x45], undefined]);
  });

  test('with a critical option that nobody knows are answered with its number (RFC 8323 5.6)', async () => {
    const lockstep = await createStreamLockstep({}, frame(CSM));
    await lockstep.put(frame(CSM, [{ number: 1, value: 7 }]));
    expect(abortOf(lockstep)).toEqual([ABORT, 'option 1 is critical and unknown', 1, 'end']);
  });

  test('may be said again; an elective option that nobody knows is passed over', async () => {
    const { put, endpoint, heard } = await createStreamLockstep({}, frame(CSM));
    await put(
      frame(CSM, [
        { number: 2, value: 200 },
        { number: 6, value: 1 },
      ]),
    );
    void endpoint.request(PEER, { method: 'PUT', path: ['a'], payload: Buffer.alloc(300) }).catch(() => {});
    const [block] = heard();
    expect(block?.payload.length).toBeLessThanOrEqual(128);
  });
});

describe('what the peer takes (RFC 8323 5.3.1)', () => {
  test.each([
    ['1152 bytes', frame(CSM), 1024],
    ['8192 bytes, but no blocks', frame(CSM, [{ number: 2, value: 8192 }]), 1024],
    ['8192 bytes, and blocks: several in one (RFC 8323 6)', encodeFrame(csm(8192)), 7168],
    ['200 bytes', encodeFrame(csm(200)), 128],
  ])('%s: larger bodies go in blocks, both ways', async (_, peerCsm, size) => {
    const body = Buffer.alloc(20_000, 0x61);
    const { endpoint, hear, say } = await createStreamLockstep(
      { handler: () => ({ code: '2.05', payload: body }) },
      peerCsm,
    );
    void endpoint.request(PEER, { method: 'PUT', path: ['a'], payload: body }).catch(() => {});
    const block = hear();
    expect([block.payload.length, (uintOf(block, BLOCK1) ?? 0) & 8]).toEqual([size, 8]);
    await say();
    const answer = hear();
    expect([answer.payload.length, (uintOf(answer, BLOCK2) ?? 0) & 8]).toEqual([size, 8]);
    for (const { token, options, payload } of [block, answer])
      expect(encodeFrame({ code: 1, token, options, payload }).length).toBeLessThanOrEqual(
        size === 128 ? 200 : size === 7168 ? 8192 : 1152,
      );
  });

  test('is never exceeded: what cannot be made to fit is not sent', async () => {
    const { endpoint, heard } = await createStreamLockstep({}, encodeFrame(csm(40)));
    const asked = codeOf(endpoint.request(PEER, { method: 'GET', path: ['a'.repeat(100)] }));
    expect([await asked, heard()]).toEqual(['coap.transport', []]);
  });

  test('a response that cannot be made to fit is 5.00', async () => {
    const location = ['x'.repeat(200)];
    const { say, hear } = await createStreamLockstep(
      { handler: () => ({ code: '2.01', location }) },
      encodeFrame(csm(100)),
    );
    await say({ code: 2 });
    expect(hear()).toMatchObject({ code: 0xa0, token: TOKEN });
  });

  test('is not used up: a very large body goes in blocks, so that the connection bears it', async () => {
    const { endpoint, hear } = await createStreamLockstep(
      {},
      frame(CSM, [{ number: 2, value: 1 << 30 }, BLOCKWISE]),
    );
    void codeOf(endpoint.request(PEER, { method: 'PUT', path: ['a'], payload: Buffer.alloc(20 << 20) }));
    const { payload, options } = hear();
    expect(payload.length).toBeLessThanOrEqual(1 << 20);
    expect(options.some(({ number }) => number === BLOCK1)).toBe(true);
  });

  test('what we take is larger than what we announced: abort, and nothing is kept (X59)', async () => {
    const lockstep = await createStreamLockstep({ stream: { maxMessageBytes: 2000 } });
    await lockstep.put(frame(2, [{ number: 11, value: Buffer.alloc(1000) }]));
    expect(lockstep.served).toHaveLength(0);
    lockstep.heard();
    await lockstep.say({ code: 2, payload: Buffer.alloc(2000) });
    expect(abortOf(lockstep)).toEqual([ABORT, 'this message is larger than announced', undefined, 'end']);
    expect(lockstep.endpoint.statistics().malformed).toBe(1);
  });
});

describe('a body in several blocks per message (RFC 8323 6)', () => {
  const body = Buffer.from(Array.from({ length: 10_000 }, (_, at) => at & 255));
  const bert = (number: number, more: boolean): number => number * 16 + (more ? 8 : 0) + 7;

  test('is put together, and each is acknowledged with its number', async () => {
    const { say, hear, served } = await createStreamLockstep({ handler: () => ({ code: '2.04' }) });
    await say({
      code: 3,
      payload: body.subarray(0, 4096),
      options: [{ number: BLOCK1, value: bert(0, true) }],
    });
    expect(hear()).toMatchObject({ code: 0x5f });
    await say({
      code: 3,
      payload: body.subarray(4096, 9216),
      options: [{ number: BLOCK1, value: bert(4, true) }],
    });
    expect(uintOf(hear(), BLOCK1)).toBe(bert(4, true));
    await say({
      code: 3,
      payload: body.subarray(9216),
      options: [{ number: BLOCK1, value: bert(9, false) }],
    });
    expect(hear()).toMatchObject({ code: 0x44 });
    expect(served.map(({ payload }) => Buffer.from(payload))).toEqual([body]);
  });

  test('that is not a multiple of 1024 bytes, with more to come, is refused', async () => {
    const { say, hear } = await createStreamLockstep();
    await say({
      code: 3,
      payload: body.subarray(0, 4000),
      options: [{ number: BLOCK1, value: bert(0, true) }],
    });
    expect(hear()).toMatchObject({ code: 0x80 });
  });

  test('is fetched so', async () => {
    const { endpoint, hear, say } = await createStreamLockstep();
    const answer = endpoint.request(PEER, get);
    await say({
      code: 0x45,
      token: hear().token,
      payload: body.subarray(0, 8192),
      options: [{ number: BLOCK2, value: bert(0, true) }],
    });
    const next = hear();
    expect(uintOf(next, BLOCK2)).toBe(bert(8, false));
    await say({
      code: 0x45,
      token: next.token,
      payload: body.subarray(8192),
      options: [{ number: BLOCK2, value: bert(8, false) }],
    });
    expect(Buffer.from((await answer).payload)).toEqual(body);
  });
});

describe('ping and pong (RFC 8323 5.4)', () => {
  test.each([
    ['', []],
    [', Custody asked for and not promised', [{ number: 2, value: NO_BYTES }]],
  ])('a ping is answered with its token%s', async (_, options) => {
    const { put, hear } = await createStreamLockstep();
    await put(frame(PING, options, TOKEN));
    expect(hear()).toMatchObject({ code: PONG, token: TOKEN, options: [] });
  });

  test('with a critical option that nobody knows: abort', async () => {
    const lockstep = await createStreamLockstep();
    await lockstep.put(frame(PING, [{ number: 3, value: 1 }]));
    expect(abortOf(lockstep).slice(0, 1)).toEqual([ABORT]);
  });

  test('ours is answered by the pong with its token, or fails in time', async () => {
    const { endpoint, hear, put, clock } = await createStreamLockstep();
    const answered = codeOf(endpoint.ping(PEER));
    const { code, token } = hear();
    expect(code).toBe(PING);
    await put(frame(PONG, [], Buffer.from('00')));
    await put(frame(PONG, [], token));
    expect(await answered).toBe('no error');
    const silent = codeOf(endpoint.ping(PEER));
    hear();
    await put(frame(PONG, [], token));
    await clock.advance(93_020);
    expect(await silent).toBe('coap.timeout');
  });

  test('a peer that is silent for long is asked, and given up if it stays so', async () => {
    const lockstep = await createStreamLockstep({ stream: { heartbeatMs: 60_000, pongTimeoutMs: 10_000 } });
    const { clock, heard, put, say, lost } = lockstep;
    await clock.advance(50_000);
    await say();
    heard();
    await clock.advance(59_000);
    expect(heard()).toEqual([]);
    await clock.advance(1100);
    expect(heard()).toMatchObject([{ code: PING }]);
    await put(frame(PONG));
    await clock.advance(60_100);
    expect(heard()).toMatchObject([{ code: PING }]);
    await clock.advance(10_100);
    expect([lockstep.closed, lost]).toEqual(['destroy', [PEER]]);
  });
});

describe('the end of a connection', () => {
  test('Release: what is under way is finished, nothing is begun, then it is closed (RFC 8323 5.5)', async () => {
    let answer = (_: CoapResponse): void => {};
    let heldOffS: number | undefined;
    const lockstep = await createStreamLockstep({
      onLost(_, holdOffS) {
        heldOffS = holdOffS;
      },
      handler: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const { endpoint, say, put, hear, heard, clock } = lockstep;
    const asked = endpoint.request(PEER, get);
    const { token } = hear();
    await say();
    await put(frame(RELEASE, [{ number: 4, value: 30 }]));
    expect(await codeOf(endpoint.request(PEER, get))).toBe('coap.unsent');
    await say({ code: 0x45, token });
    expect((await asked).code).toBe('2.05');
    await clock.advance(1000);
    expect(lockstep.closed).toBeUndefined();
    answer({ code: '2.05' });
    await clock.advance(100);
    expect([heard().map(({ code }) => code), lockstep.closed]).toEqual([[0x45], 'end']);
    await lockstep.close();
    expect(heldOffS).toBe(30);
  });

  test('Release said a thousand times is one', async () => {
    const timers = createTimers(createFakeClock(), 20);
    const { put } = await createStreamLockstep({ timers });
    const before = timers.size;
    await put(Buffer.concat(Array.from({ length: 1000 }, () => frame(RELEASE))));
    expect(timers.size - before).toBe(1);
  });

  test('Release: what takes too long is not waited for', async () => {
    const lockstep = await createStreamLockstep();
    const asked = codeOf(lockstep.endpoint.request(PEER, get));
    await lockstep.put(frame(RELEASE));
    await lockstep.clock.advance(5100);
    expect(lockstep.closed).toBe('end');
    await lockstep.close();
    expect(await asked).toBe('coap.transport');
  });

  test('Abort: it is closed at once, even as the first word', async () => {
    for (const first of [undefined, NO_BYTES]) {
      const lockstep = await createStreamLockstep({}, first);
      await lockstep.put(
        encodeFrame({ code: ABORT, token: NO_BYTES, options: [], payload: Buffer.from('go away') }),
      );
      expect(lockstep.closed).toBe('end');
    }
  });

  test('what is no message: abort, close, count', async () => {
    const lockstep = await createStreamLockstep();
    await lockstep.put(Buffer.from('0f', 'hex'));
    expect(abortOf(lockstep)).toEqual([ABORT, 'this is no message', undefined, 'end']);
    expect(lockstep.endpoint.statistics().malformed).toBe(1);
    await lockstep.say();
    expect(lockstep.served).toEqual([]);
  });

  test('ends all that was asked and observed, there and here; a late answer goes nowhere', async () => {
    const ends: (ObservationEnd | string)[] = [];
    let finish = (_: CoapResponse): void => {};
    const { endpoint, say, hear, heard, close, lost } = await createStreamLockstep({
      handler: ({ observe }) =>
        observe === undefined
          ? new Promise((resolve) => {
              finish = resolve;
            })
          : {
              ...state('0'),
              onObserve: (observation) => {
                observation.owner = { ended: (why) => void ends.push(why) };
              },
            },
    });
    await say({ options: [{ number: OBSERVE, value: 0 }] });
    await say({ token: Buffer.of(9) });
    heard();
    const observing = endpoint.observe(PEER, get, () => {});
    await say({ code: 0x45, token: hear().token, options: [{ number: OBSERVE, value: 1 }] });
    const observation = await observing;
    observation.onEnd = (why) => ends.push(`there: ${why}`);
    const asked = codeOf(endpoint.request(PEER, get));
    const pinged = codeOf(endpoint.ping(PEER));
    await close(new Error('ECONNRESET'));
    expect([await asked, await pinged]).toEqual(['coap.transport', 'coap.transport']);
    expect(ends.sort()).toEqual(['lost', 'there: lost']);
    expect([lost, observation.isObserving]).toEqual([[PEER], false]);
    finish(state('late'));
    expect(await codeOf(endpoint.request(PEER, get))).toBe('coap.transport');
    expect(endpoint.statistics()).toMatchObject({
      peers: 0,
      outstanding: 0,
      expected: 0,
      observations: 0,
      transportErrors: 1,
    });
  });

  test('leaves nothing of what only its peer could have asked for: answers kept, bodies that were begun', async () => {
    const aborted: string[] = [];
    const { endpoint, say, close } = await createStreamLockstep(
      {
        handler: () => ({ code: '2.05', payload: Buffer.alloc(3000) }),
        openBody: () => ({
          write() {},
          end: () => ({ code: '2.04' }),
          abort: (why) => aborted.push(why),
        }),
      },
      frame(CSM),
    );
    await say();
    await say({ code: 3, options: [{ number: BLOCK1, value: 8 }], payload: Buffer.alloc(16) });
    expect(endpoint.statistics()).toMatchObject({ keptBodies: 1, uploads: 1 });
    await close();
    expect(endpoint.statistics()).toMatchObject({ keptBodies: 0, uploads: 0 });
    expect(aborted).toEqual(['closed']);
  });

  test('while an observation of ours is cancelled: it was cancelled, not lost', async () => {
    const { endpoint, hear, say, close } = await createStreamLockstep();
    const ends: string[] = [];
    const observing = endpoint.observe(PEER, get, () => {});
    await say({ code: 0x45, token: hear().token, options: [{ number: OBSERVE, value: 1 }] });
    const observation = await observing;
    observation.onEnd = (why) => ends.push(why);
    const cancelled = observation.cancel();
    await close();
    await cancelled;
    expect(ends).toEqual([]);
  });

  test('what is told while it ends is not told, and nobody believes so', async () => {
    const observations: ServerObservation[] = [];
    const { say, close } = await createStreamLockstep({
      handler: () => ({ ...state('0'), onObserve: (opened) => observations.push(opened) }),
    });
    for (const token of [1, 2])
      await say({ token: Buffer.of(token), options: [{ number: OBSERVE, value: 0 }] });
    const [first, second] = observations as [ServerObservation, ServerObservation];
    const outcomes: string[] = [];
    first.owner = {
      ended: () =>
        second.notify(state('late'), { confirmable: true, onSettled: (outcome) => outcomes.push(outcome) }),
    };
    await close();
    expect(outcomes).toEqual(['ended']);
  });

  test('from our side: all is settled, and the peer is released', async () => {
    const lockstep = await createStreamLockstep();
    const asked = codeOf(lockstep.endpoint.request(PEER, get));
    lockstep.heard();
    await lockstep.endpoint.close();
    expect([await asked, lockstep.heard().map(({ code }) => code), lockstep.closed, lockstep.lost]).toEqual([
      'coap.closed',
      [RELEASE],
      'end',
      [],
    ]);
  });
});

describe('requests and responses', () => {
  test('a request that comes while we are deaf is passed over, and the connection goes on', async () => {
    let isDeaf = true;
    const { say, heard, served } = await createStreamLockstep({ isDeaf: () => isDeaf });
    await say();
    expect([heard(), served.length]).toEqual([[], 0]);
    isDeaf = false;
    await say();
    expect([heard().length, served.length]).toEqual([1, 1]);
  });

  test('a response that nobody waits for is passed over (RFC 8323 7.4)', async () => {
    const lockstep = await createStreamLockstep();
    await lockstep.say({ code: 0x45 });
    expect([lockstep.heard(), lockstep.closed]).toEqual([[], undefined]);
  });

  test('a slow answer comes once, without anything before it', async () => {
    const { say, heard, clock } = await createStreamLockstep({
      handler: () => new Promise((resolve) => clock.after(2000, () => resolve(state('late')))),
    });
    await say();
    await clock.advance(1000);
    expect(heard()).toEqual([]);
    await clock.advance(1000);
    expect(heard()).toMatchObject([{ code: 0x45, token: TOKEN }]);
  });

  test('whoever waited for a response goes on before the request right behind it is served', async () => {
    let isRegistered = false;
    const { endpoint, hear, heard, put } = await createStreamLockstep({
      handler: () => ({ code: isRegistered ? '2.05' : '5.03' }),
    });
    const registering = endpoint.request(PEER, get).then(async () => {
      for (let turn = 0; turn < 5; turn++) await undefined;
      isRegistered = true;
    });
    const bare = (code: number, token: Uint8Array) =>
      encodeFrame({ code, token, options: [], payload: NO_BYTES });
    await put(Buffer.concat([bare(0x45, hear().token), bare(1, TOKEN), bare(1, TOKEN)]));
    await registering;
    expect(heard().map(({ code }) => code)).toEqual([0x45, 0x45]);
  });

  test('the same request twice is two requests: there are no duplicates', async () => {
    const { say, served } = await createStreamLockstep();
    await say();
    await say();
    expect(served).toHaveLength(2);
  });

  test('requests go without waiting for each other, as many as are allowed', async () => {
    const { endpoint, heard } = await createStreamLockstep({ limits: { queuedRequests: 3 } });
    const asked = [1, 2, 3, 4].map(() => codeOf(endpoint.request(PEER, get)));
    expect(heard()).toHaveLength(3);
    expect(await asked[3]).toBe('coap.overloaded');
    expect(endpoint.statistics().outstanding).toBe(3);
  });

  test('one that is not answered in time fails, and gives its place to others', async () => {
    const { endpoint, clock } = await createStreamLockstep({ limits: { queuedRequests: 1 } });
    const asked = codeOf(endpoint.request(PEER, get));
    await clock.advance(93_020);
    expect([await asked, endpoint.statistics().outstanding]).toEqual(['coap.timeout', 0]);
  });

  test('a critical option that nobody knows is 4.02, however it came (RFC 7252 5.4.1)', async () => {
    const { say, hear } = await createStreamLockstep();
    await say({ options: [{ number: 9, value: 1 }] });
    expect(hear()).toMatchObject({ code: 0x82 });
  });
});

describe('observations', () => {
  async function observed() {
    let observation: ServerObservation | undefined;
    const lockstep = await createStreamLockstep({
      handler: () => ({
        ...state('0'),
        onObserve: (opened) => {
          observation = opened;
        },
      }),
    });
    await lockstep.say({ options: [{ number: OBSERVE, value: 0 }] });
    lockstep.heard();
    if (observation === undefined) throw new Error('not observed');
    return { lockstep, observation };
  }

  test.each([true, false])(
    'a notification counts as acknowledged when it is handed over; confirmable %s',
    async (confirmable) => {
      const { lockstep, observation } = await observed();
      const outcomes: string[] = [];
      observation.notify(state('1'), { confirmable, onSettled: (outcome) => outcomes.push(outcome) });
      expect(text(lockstep.hear().payload)).toBe('1');
      await lockstep.clock.advance(0);
      expect(outcomes).toEqual(['acknowledged']);
      expect(lockstep.endpoint.statistics().outstanding).toBe(0);
    },
  );

  test('while the stream takes no more the newest state waits, and nothing else', async () => {
    const { lockstep, observation } = await observed();
    await lockstep.room(false);
    const outcomes: string[] = [];
    for (const value of ['1', '2', '3', '4']) {
      observation.notify(state(value), {
        confirmable: false,
        onSettled: (outcome) => outcomes.push(`${value} ${outcome}`),
      });
      await lockstep.clock.advance(0);
    }
    expect(lockstep.heard().map(({ payload }) => text(payload))).toEqual(['1']);
    await lockstep.room(true);
    expect(lockstep.heard().map(({ payload }) => text(payload))).toEqual(['4']);
    await lockstep.clock.advance(0);
    expect(outcomes).toEqual(['1 acknowledged', '2 superseded', '3 superseded', '4 acknowledged']);
  });

  test('of ours: order is the order of arrival, whatever the numbers say (RFC 8323 7.1)', async () => {
    const { endpoint, hear, say } = await createStreamLockstep();
    const heard: string[] = [];
    const observing = endpoint.observe(PEER, get, ({ payload }: CoapAnswer) => heard.push(text(payload)));
    const { token } = hear();
    await say({ code: 0x45, token, options: [{ number: OBSERVE, value: 100 }], payload: 'a' });
    for (const [number, payload] of [
      [0, 'b'],
      [7, 'c'],
      [7, 'd'],
    ] as const)
      await say({ code: 0x45, token, options: [{ number: OBSERVE, value: number }], payload });
    expect([(await observing).isObserving, heard]).toEqual([true, ['b', 'c', 'd']]);
  });

  test('end with Observe=1 (RFC 8323 7.4)', async () => {
    const { lockstep } = await observed();
    await lockstep.say({ options: [{ number: OBSERVE, value: 1 }] });
    expect(lockstep.endpoint.statistics().observations).toBe(0);
  });
});

describe('a peer that takes nothing', () => {
  test('is not listened to until it does: what it asks for does not pile up', async () => {
    const lockstep = await createStreamLockstep();
    const { room, put, say, served, heard } = lockstep;
    await room(false);
    await say();
    heard();
    const one = encodeFrame({ code: 1, token: TOKEN, options: [], payload: NO_BYTES });
    await put(Buffer.concat(Array.from({ length: 100 }, () => one)));
    expect([served.length, lockstep.isPaused]).toEqual([1, true]);
    await room(true);
    expect([served.length, heard().length, lockstep.isPaused]).toEqual([101, 100, false]);
  });
});
