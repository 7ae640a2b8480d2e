import { describe, expect, test } from 'vitest';
import type { CoapAnswer, CoapResponse, ObservationEnd, ServerObservation } from '../../src/coap/index.ts';
import {
  ACK,
  CON,
  createLockstep,
  hex,
  type Lockstep,
  NON,
  PEER,
  RST,
  STRANGER,
  TOKEN,
  text,
  uintOf,
  type Written,
} from './lockstep.ts';

const OBSERVE = 6;
const ETAG = 4;
const BLOCK2 = 23;
const register: Written = { mid: 0x100, options: [{ number: OBSERVE, value: 0 }] };
const state = (payload: string): CoapResponse => ({ code: '2.05', payload: Buffer.from(payload) });

/** A server whose resource anybody may observe. */
function createObservable(
  options: Parameters<typeof createLockstep>[0] = {},
  first: CoapResponse = state('0'),
): Lockstep & { observations: ServerObservation[]; ends: ObservationEnd[] } {
  const observations: ServerObservation[] = [];
  const ends: ObservationEnd[] = [];
  const lockstep = createLockstep({
    handler: () => ({
      ...first,
      onObserve: (observation) => {
        observations.push(observation);
        observation.owner = { ended: (reason) => void ends.push(reason) };
      },
    }),
    ...options,
  });
  return { ...lockstep, observations, ends };
}

async function registered(options: Parameters<typeof createLockstep>[0] = {}, written: Written = register) {
  const lockstep = createObservable(options);
  await lockstep.say(written);
  lockstep.heard();
  const [observation] = lockstep.observations;
  if (observation === undefined) throw new Error('not registered');
  return { ...lockstep, observation };
}

describe('an observation here', () => {
  test('opens with an Observe option in the answer (RFC 7641 4.1)', async () => {
    const { say, hear, observations, endpoint } = createObservable();
    await say(register);
    const answer = hear();
    expect(answer).toMatchObject({ type: ACK, code: 0x45 });
    expect(uintOf(answer, OBSERVE)).toBe(1);
    expect(observations.map(({ peer, token }) => [peer, hex(token)])).toEqual([[PEER, hex(TOKEN)]]);
    expect(endpoint.statistics().observations).toBe(1);
  });

  test.each([true, false])(
    'tells in the way that is chosen each time, with rising numbers; confirmable %s',
    async (confirmable) => {
      const { observation, hear, say } = await registered();
      for (const [number, payload] of [
        [2, 'a'],
        [3, 'b'],
      ] as const) {
        observation.notify(state(payload), { confirmable });
        const told = hear();
        expect(told).toMatchObject({ type: confirmable ? CON : NON, code: 0x45, token: TOKEN });
        expect([uintOf(told, OBSERVE), text(told.payload)]).toEqual([number, payload]);
        if (confirmable) await say({ type: ACK, code: 0, mid: told.mid });
      }
    },
  );

  test.each([CON, NON])('ends with a reset to a notification of type %i (RFC 7641 4.5)', async (type) => {
    const { observation, hear, say, ends, endpoint } = await registered();
    observation.notify(state('a'), { confirmable: type === CON });
    const { mid } = hear();
    await say({ type: RST, code: 0, mid }, STRANGER);
    expect(ends).toEqual([]);
    await say({ type: RST, code: 0, mid });
    expect(ends).toEqual(['reset']);
    expect(endpoint.statistics()).toMatchObject({ observations: 0, outstanding: 0 });
  });

  test('ends with a reset to an earlier one, and what is under way is not sent again', async () => {
    const { observation, hear, heard, say, ends, clock } = await registered();
    observation.notify(state('a'), { confirmable: false });
    const { mid } = hear();
    observation.notify(state('b'), { confirmable: true });
    hear();
    await say({ type: RST, code: 0, mid });
    await clock.advance(100_000);
    expect([ends, heard()]).toEqual([['reset'], []]);
  });

  test('ends when nobody acknowledges a notification (RFC 7641 4.5)', async () => {
    const { observation, clock, ends, heard, endpoint } = await registered();
    observation.notify(state('a'), { confirmable: true });
    await clock.advance(61_000);
    expect(ends).toEqual([]);
    await clock.advance(2000);
    expect(ends).toEqual(['timeout']);
    expect(heard()).toHaveLength(5);
    expect(endpoint.statistics().observations).toBe(0);
    observation.notify(state('b'), { confirmable: true });
    expect(heard()).toEqual([]);
  });

  test('goes on after that if its owner wants so, and says that the notification was not acknowledged', async () => {
    const { observation, hear, heard, clock, ends } = await registered();
    observation.survivesTimeout = true;
    const outcomes: string[] = [];
    observation.notify(state('a'), { confirmable: true, onSettled: (outcome) => outcomes.push(outcome) });
    await clock.advance(100_000);
    heard();
    expect([outcomes, ends]).toEqual([['timeout'], []]);
    observation.notify(state('b'), { confirmable: false });
    expect(text(hear().payload)).toBe('b');
  });

  test('ends with Observe=1, and the request is answered as any other (RFC 7641 3.6)', async () => {
    const { say, hear, ends, observations } = await registered();
    await say({ ...register, mid: 0x101, options: [{ number: OBSERVE, value: 1 }] });
    expect(uintOf(hear(), OBSERVE)).toBeUndefined();
    expect(ends).toEqual(['deregistered']);
    expect(observations).toHaveLength(1);
  });

  test('is replaced by a new one with the same token, and the numbers go on (RFC 7641 4.1)', async () => {
    const { observation, say, hear, heard, ends, endpoint } = await registered();
    observation.notify(state('a'), { confirmable: false });
    heard();
    await say({ ...register, mid: 0x101 });
    expect(uintOf(hear(), OBSERVE)).toBe(3);
    expect(ends).toEqual(['replaced']);
    expect(endpoint.statistics().observations).toBe(1);
    observation.notify(state('b'), { confirmable: false });
    expect(heard()).toEqual([]);
  });

  test('with another token, or of another peer, stands beside it', async () => {
    const { say, ends, endpoint } = await registered();
    await say({ ...register, mid: 0x101, token: Buffer.from([1]) });
    await say({ ...register, mid: 0x101 }, STRANGER);
    expect(ends).toEqual([]);
    expect(endpoint.statistics().observations).toBe(3);
  });

  test('has one confirmable notification under way; the newest state waits, those between are dropped (RFC 7641 4.5.2)', async () => {
    const { observation, hear, say, heard } = await registered();
    const outcomes: string[] = [];
    for (const payload of ['a', 'b', 'c', 'd'])
      observation.notify(state(payload), {
        confirmable: payload !== 'd',
        onSettled: (outcome) => outcomes.push(`${payload} ${outcome}`),
      });
    const first = hear();
    expect(text(first.payload)).toBe('a');
    expect(outcomes).toEqual(['b superseded', 'c superseded']);
    await say({ type: ACK, code: 0, mid: first.mid });
    const last = hear();
    // c was to be confirmed, so d is.
    expect([last.type, text(last.payload)]).toEqual([CON, 'd']);
    await say({ type: ACK, code: 0, mid: last.mid });
    expect(outcomes).toEqual(['b superseded', 'c superseded', 'a acknowledged', 'd acknowledged']);
    expect(heard()).toEqual([]);
  });

  test('a newer state takes the place of one that is not acknowledged, with what is left of its attempts (RFC 7641 4.5.2)', async () => {
    const { observation, heard, say, clock, ends } = await registered();
    const outcomes: string[] = [];
    const tell = (payload: string): void =>
      observation.notify(state(payload), {
        confirmable: true,
        onSettled: (outcome) => outcomes.push(payload + outcome),
      });
    tell('a');
    await clock.advance(1000);
    tell('b');
    tell('c');
    await clock.advance(60_000);
    const told = heard();
    expect(told.map(({ payload }) => text(payload)).join('')).toBe('acccc');
    expect(new Set(told.map(({ mid }) => mid)).size).toBe(2);
    expect(told.map((message) => uintOf(message, OBSERVE))).toEqual([2, 3, 3, 3, 3]);
    expect(outcomes).toEqual(['bsuperseded', 'asuperseded']);
    // A late acknowledgement of the old one says nothing of the new one, but that the peer is there.
    await say({ type: ACK, code: 0, mid: told[0]?.mid ?? 0 });
    expect(outcomes).toHaveLength(2);
    await clock.advance(40_000);
    expect([ends, heard().length]).toEqual([[], 1]);
    await say({ type: ACK, code: 0, mid: told[1]?.mid ?? 0 });
    expect(outcomes.at(-1)).toBe('cacknowledged');
    tell('d');
    await clock.advance(2100);
    const [, again] = heard();
    tell('e');
    await clock.advance(4100);
    heard();
    await say({ type: RST, code: 0, mid: again?.mid ?? 0 });
    expect(ends).toEqual(['reset']);
  });

  test('replaces a state that still waits for NSTART', async () => {
    const { observation, endpoint, hear, say, heard } = await registered();
    const other = endpoint.request(PEER, { method: 'GET', path: [] });
    await Promise.resolve();
    const request = hear();
    const outcomes: string[] = [];
    for (const payload of ['a', 'b'])
      observation.notify(state(payload), {
        confirmable: true,
        onSettled: (outcome) => outcomes.push(payload + outcome),
      });
    expect(heard()).toEqual([]);
    await say({ type: ACK, code: 0x45, mid: request.mid, token: request.token });
    await other;
    expect(text(hear().payload)).toBe('b');
    expect(outcomes).toEqual(['asuperseded']);
  });

  test('is confirmed at least once in 24 hours, whatever is asked (RFC 7641 4.5)', async () => {
    const { observation, clock, hear, say } = await registered();
    await clock.advance(24 * 3600 * 1000 - 1);
    observation.notify(state('a'), { confirmable: false });
    expect(hear().type).toBe(NON);
    await clock.advance(1);
    observation.notify(state('b'), { confirmable: false });
    const confirmed = hear();
    expect(confirmed.type).toBe(CON);
    await say({ type: ACK, code: 0, mid: confirmed.mid });
    observation.notify(state('c'), { confirmable: false });
    expect(hear().type).toBe(NON);
  });

  test('ends with a notification that is no success, which has no Observe option (RFC 7641 4.2)', async () => {
    const { observation, hear, ends, say } = await registered();
    const outcomes: string[] = [];
    observation.notify(state('a'), { confirmable: true, onSettled: (outcome) => outcomes.push(outcome) });
    hear();
    observation.notify(
      { code: '4.04' },
      { confirmable: true, onSettled: (outcome) => outcomes.push(outcome) },
    );
    const last = hear();
    expect(last).toMatchObject({ type: CON, code: 0x84, token: TOKEN, options: [] });
    expect(ends).toEqual(['cancelled']);
    await say({ type: ACK, code: 0, mid: last.mid });
    expect(outcomes).toEqual(['ended', 'acknowledged']);
  });

  test('is ended by us without a word, one, those of a peer, or all; and by closing', async () => {
    const { observation, say, heard, ends, endpoint } = await registered({ parameters: { nstart: 9 } });
    observation.cancel();
    observation.cancel();
    expect(ends).toEqual(['cancelled']);
    await say({ ...register, mid: 0x101 });
    await say({ ...register, mid: 0x102, token: Buffer.from([2]) });
    await say({ ...register, mid: 0x101 }, STRANGER);
    heard();
    endpoint.dropObservations(PEER);
    expect(ends).toEqual(['cancelled', 'cancelled', 'cancelled']);
    expect(endpoint.statistics().observations).toBe(1);
    await endpoint.close();
    expect(ends.at(-1)).toBe('closed');
    expect(heard()).toEqual([]);
  });

  test('is not opened beyond the limit: the answer says so, and the handler gets one that is over (RFC 7641 4.1)', async () => {
    const { say, hear, ends } = await registered({ limits: { observations: 1 } });
    await say({ ...register, mid: 0x101, token: Buffer.from([2]) });
    const answer = hear();
    expect([answer.code, uintOf(answer, OBSERVE)]).toEqual([0x45, undefined]);
    expect(ends).toEqual(['cancelled']);
  });

  test('is not opened by an answer that is no success', async () => {
    const { say, hear, ends, endpoint } = createObservable({}, { code: '4.04' });
    await say(register);
    expect(uintOf(hear(), OBSERVE)).toBeUndefined();
    expect([ends, endpoint.statistics().observations]).toEqual([['cancelled'], 0]);
  });

  test('can be opened by FETCH, but not by another method (RFC 8132 2.4, RFC 7641 2)', async () => {
    const { say, served } = createObservable();
    for (const code of [5, 2, 3]) await say({ ...register, mid: code, code });
    expect(served.map(({ observe }) => observe)).toEqual([0, undefined, undefined]);
  });

  test('a slow first answer is separate, and its reset ends the relation (RFC 7641 3.6)', async () => {
    const ends: string[] = [];
    let answer: (response: CoapResponse) => void = () => {};
    const { say, hear, clock, heard } = createLockstep({
      handler: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    await say(register);
    await clock.advance(600);
    heard();
    answer({
      ...state('0'),
      onObserve: (observation) => {
        observation.owner = { ended: (reason) => void ends.push(reason) };
        observation.notify(state('1'), { confirmable: true });
      },
    });
    await clock.advance(0);
    const first = hear();
    expect([first.type, uintOf(first, OBSERVE), text(first.payload)]).toEqual([CON, 1, '0']);
    await say({ type: RST, code: 0, mid: first.mid });
    expect(ends).toEqual(['reset']);
    await clock.advance(100_000);
    expect(heard()).toEqual([]);
  });

  test('a reset to a first answer that was not confirmable ends the relation', async () => {
    const { say, hear, ends } = createObservable();
    await say({ ...register, type: NON });
    const first = hear();
    expect(first.type).toBe(NON);
    await say({ type: RST, code: 0, mid: first.mid });
    expect(ends).toEqual(['reset']);
  });

  test('tells a large state by its first block and an ETag, and the rest is fetched without asking the handler (RFC 7959 2.6)', async () => {
    const { observation, say, hear, served } = await registered({ parameters: { blockSize: 64 } });
    const body = 'x'.repeat(64) + 'y'.repeat(36);
    observation.notify(state(body), { confirmable: false });
    const told = hear();
    expect(text(told.payload)).toBe('x'.repeat(64));
    expect(uintOf(told, BLOCK2)).toBe(0x0a);
    await say({ mid: 0x101, token: Buffer.from([9]), options: [{ number: BLOCK2, value: 0x12 }] });
    const rest = hear();
    expect(text(rest.payload)).toBe('y'.repeat(36));
    expect(uintOf(rest, ETAG)).toBe(uintOf(told, ETAG));
    expect(uintOf(rest, ETAG)).toBeDefined();
    expect(served).toHaveLength(1);
  });

  test('keeps to the block size that was asked for when it was opened (RFC 7959 2.6)', async () => {
    const options = [...(register.options ?? []), { number: BLOCK2, value: 1 }];
    const { observation, hear } = await registered({}, { ...register, options });
    observation.notify(state('x'.repeat(100)), { confirmable: false });
    expect(hear().payload).toHaveLength(32);
  });

  test('its last word keeps to that size too', async () => {
    const options = [...(register.options ?? []), { number: BLOCK2, value: 1 }];
    const { observation, hear } = await registered({}, { ...register, options });
    observation.notify({ code: '5.03', payload: Buffer.alloc(100) }, { confirmable: true });
    const last = hear();
    expect([last.payload.length, uintOf(last, BLOCK2), uintOf(last, OBSERVE)]).toEqual([32, 9, undefined]);
  });

  test('is not opened by an answer that comes after all were dropped; its handler hears that it is over', async () => {
    const ends: ObservationEnd[] = [];
    let answer: (response: CoapResponse) => void = () => {};
    const { say, hear, clock, endpoint } = createLockstep({
      handler: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    await say(register);
    endpoint.dropObservations(STRANGER);
    endpoint.dropObservations(PEER);
    answer({
      ...state('0'),
      onObserve: (observation) => {
        observation.owner = { ended: (reason) => void ends.push(reason) };
      },
    });
    await clock.advance(0);
    const first = hear();
    expect([first.code, text(first.payload), uintOf(first, OBSERVE)]).toEqual([0x45, '0', undefined]);
    expect([ends, endpoint.statistics().observations]).toEqual([['cancelled'], 0]);
  });

  test('an answer that comes too late, or after closing, opens none; its handler hears that it is over', async () => {
    const ends: ObservationEnd[] = [];
    const answers: ((response: CoapResponse) => void)[] = [];
    const { say, clock, endpoint } = createLockstep({
      handler: () => new Promise((resolve) => answers.push(resolve)),
    });
    const late: CoapResponse = {
      ...state('0'),
      onObserve: (observation) => {
        observation.owner = { ended: (reason) => void ends.push(reason) };
      },
    };
    await say(register);
    await clock.advance(61_000);
    answers[0]?.(late);
    await clock.advance(0);
    expect(ends).toEqual(['cancelled']);
    await say({ ...register, mid: 0x101 });
    await endpoint.close();
    answers[1]?.(late);
    await clock.advance(0);
    expect(ends).toEqual(['cancelled', 'cancelled']);
  });

  test('a first answer that no message can carry opens none', async () => {
    const { say, hear, ends, endpoint } = createObservable({}, { code: '2.05', maxAgeS: -1 });
    await say(register);
    expect(hear().code).toBe(0xa0);
    expect([ends, endpoint.statistics().observations]).toEqual([['cancelled'], 0]);
  });

  test('a reset long after the notification means another message: its id was free again (RFC 7252 4.4)', async () => {
    const { observation, hear, say, clock, ends } = await registered();
    observation.notify(state('a'), { confirmable: false });
    const { mid } = hear();
    for (let own = 1; own <= 3; own++) {
      await clock.advance(247_000);
      await say({ mid: own });
    }
    await say({ type: RST, code: 0, mid });
    expect(ends).toEqual([]);
  });

  test('a relation that could not be opened tells nothing, whatever its owner says (RFC 7641 4.1)', async () => {
    const outcomes: string[] = [];
    const { say, hear } = createLockstep({
      limits: { observations: 0 },
      handler: () => ({
        ...state('0'),
        onObserve: (observation) =>
          observation.notify(state('1'), {
            confirmable: true,
            onSettled: (outcome) => outcomes.push(outcome),
          }),
      }),
    });
    await say(register);
    expect(text(hear().payload)).toBe('0');
    expect(outcomes).toEqual(['ended']);
  });

  test('a state that no message can carry is an error of who tells it, and the relation goes on', async () => {
    const { observation, heard, ends } = await registered();
    const told = () => observation.notify({ code: '2.05', contentFormat: -1 }, { confirmable: true });
    expect(told).toThrow(expect.objectContaining({ code: 'coap.bad-request' }));
    observation.notify(state('a'), { confirmable: true });
    expect([heard().length, ends]).toEqual([1, []]);
  });

  test('a fault in what it calls does not reach the layer', async () => {
    const { say, hear, errors, endpoint } = createLockstep({
      handler: () => ({
        ...state('0'),
        onObserve: (observation) => {
          observation.owner = {
            ended() {
              throw new Error('in ended');
            },
          };
          throw new Error('in onObserve');
        },
      }),
    });
    await say(register);
    expect(hear().code).toBe(0x45);
    endpoint.dropObservations();
    expect(errors).toHaveLength(2);
  });
});

test('what is told while the endpoint closes is not told, and nobody hears otherwise, or twice', async () => {
  const { endpoint, say, observations } = createObservable();
  await say(register);
  await say({ ...register, mid: 0x101, token: Buffer.of(2) });
  const [first, second] = observations as [ServerObservation, ServerObservation];
  const outcomes: string[] = [];
  first.notify(state('1'), { confirmable: true });
  first.owner = {
    ended: () =>
      second.notify(state('2'), { confirmable: true, onSettled: (outcome) => outcomes.push(outcome) }),
  };
  await endpoint.close();
  expect(outcomes).toEqual(['ended']);
});

describe('an observation of ours', () => {
  const request = { method: 'GET', path: ['1'] } as const;
  const number = (value: number) => ({ number: OBSERVE, value });

  async function observing(options: Parameters<typeof createLockstep>[0] = {}) {
    const lockstep = createLockstep(options);
    const notifications: CoapAnswer[] = [];
    const opening = lockstep.endpoint.observe(PEER, request, (notification) =>
      notifications.push(notification),
    );
    await lockstep.clock.advance(0);
    const { mid, token, options: sent } = lockstep.hear();
    expect(sent[0]).toEqual({ number: OBSERVE, value: new Uint8Array(0) });
    await lockstep.say({ type: ACK, code: 0x45, mid, token, options: [number(10)], payload: '10' });
    const observation = await opening;
    let theirs = 0x500;
    const tell = (observe: number, more: Partial<Written> = {}): Promise<void> =>
      lockstep.say({
        type: NON,
        code: 0x45,
        mid: theirs++,
        token,
        options: [number(observe)],
        payload: String(observe),
        ...more,
      });
    const told = (): string[] => notifications.map(({ payload }) => text(payload));
    return { ...lockstep, token, observation, tell, told, notifications };
  }

  test('hears the first answer and every notification after it', async () => {
    const { observation, tell, told, heard, heardBytes } = await observing();
    expect([text(observation.answer.payload), observation.isObserving]).toEqual(['10', true]);
    await tell(11);
    expect(heard()).toEqual([]);
    await tell(12, { type: CON });
    expect(heardBytes()).toEqual(['60000501']);
    expect(told()).toEqual(['11', '12']);
  });

  test.each<[string, string, (lockstep: Awaited<ReturnType<typeof observing>>) => Promise<void>]>([
    ['an error', 'ended', ({ tell }) => tell(11, { code: 0x84 })],
    ['a state without Observe', 'ended', ({ tell }) => tell(11, { options: [] })],
    [
      'an unknown critical option',
      'rejected',
      ({ tell }) => tell(11, { options: [{ number: 65_001, value: 1 }] }),
    ],
    ['closing', 'closed', ({ endpoint }) => endpoint.close()],
  ])('says once why it is over: %s (RFC 7641 3.2)', async (_, why, end) => {
    const lockstep = await observing();
    const ends: string[] = [];
    lockstep.observation.onEnd = (reason) => ends.push(reason);
    await end(lockstep);
    await lockstep.tell(12);
    await lockstep.endpoint.close();
    expect([ends, lockstep.observation.isObserving]).toEqual([[why], false]);
    expect(lockstep.endpoint.statistics().expected).toBe(0);
  });

  test('passes over what is older than what it knows, also where the numbers wrap (RFC 7641 3.4)', async () => {
    const { tell, told, heardBytes } = await observing();
    await tell(12);
    await tell(11, { type: CON });
    await tell(12);
    expect(heardBytes()).toHaveLength(1);
    await tell(12 + 2 ** 23 - 1);
    await tell(2 ** 24 - 1);
    await tell(3);
    expect(told()).toEqual(['12', String(12 + 2 ** 23 - 1), String(2 ** 24 - 1), '3']);
  });

  test('takes any number after 128 s (RFC 7641 3.4)', async () => {
    const { tell, told, clock } = await observing();
    await clock.advance(127_900);
    await tell(9);
    await clock.advance(200);
    await tell(9);
    expect(told()).toEqual(['9']);
  });

  test('completes a large notification by GET with a token of its own (RFC 7959 2.6)', async () => {
    const { tell, told, hear, say, token } = await observing();
    const etag = { number: ETAG, value: 'v1' };
    await tell(11, { options: [etag, number(11), { number: BLOCK2, value: 8 }], payload: 'x'.repeat(16) });
    const fetching = hear();
    expect([uintOf(fetching, BLOCK2), uintOf(fetching, OBSERVE)]).toEqual([0x10, undefined]);
    expect(fetching.token).not.toEqual(token);
    await say({
      type: ACK,
      code: 0x45,
      mid: fetching.mid,
      token: fetching.token,
      options: [etag, { number: BLOCK2, value: 0x10 }],
      payload: 'y',
    });
    expect(told()).toEqual([`${'x'.repeat(16)}y`]);
  });

  test('a large notification that is overtaken while it is fetched is not told', async () => {
    const { tell, told, hear, say } = await observing();
    await tell(11, { options: [number(11), { number: BLOCK2, value: 8 }], payload: 'x'.repeat(16) });
    const fetching = hear();
    await tell(12);
    const { mid, token } = fetching;
    await say({
      type: ACK,
      code: 0x45,
      mid,
      token,
      options: [{ number: BLOCK2, value: 0x10 }],
      payload: 'y',
    });
    expect(told()).toEqual(['12']);
  });

  test.each([
    ['an error', { code: 0x84, options: [] }],
    ['an answer without Observe', { options: [] }],
  ])('ends with %s, which is the last word (RFC 7641 3.2)', async (_, last) => {
    const { tell, notifications, observation, heard, endpoint } = await observing();
    await tell(11, last);
    expect(notifications).toHaveLength(1);
    expect(observation.isObserving).toBe(false);
    await tell(12);
    expect(notifications).toHaveLength(1);
    expect(heard().map(({ type }) => type)).toEqual([RST]);
    await observation.cancel();
    expect(heard()).toEqual([]);
    expect(endpoint.statistics().expected).toBe(0);
  });

  test('ends by Observe=1 with the same token; notifications meanwhile are no answer to it (RFC 7641 3.6)', async () => {
    const { observation, tell, told, hear, heard, say, token, endpoint } = await observing();
    const over = observation.cancel();
    await Promise.resolve();
    const bye = hear();
    expect([bye.token, uintOf(bye, OBSERVE)]).toEqual([token, 1]);
    await tell(11, { type: CON });
    expect(hear().type).toBe(ACK);
    expect(endpoint.statistics().expected).toBe(1);
    await say({ type: ACK, code: 0x45, mid: bye.mid, token: bye.token });
    await over;
    await tell(12);
    expect(heard().map(({ type }) => type)).toEqual([RST]);
    expect(told()).toEqual([]);
    await observation.cancel();
    expect(heard()).toEqual([]);
  });

  test('ends with a notification that is rejected for a critical option that is unknown (RFC 7252 5.4.1, RFC 7641 3.6)', async () => {
    const { observation, tell, hear, endpoint } = await observing();
    await tell(11, { type: CON, options: [number(11), { number: 9, value: 1 }] });
    expect(hear().type).toBe(RST);
    expect(observation.isObserving).toBe(false);
    expect(endpoint.statistics().expected).toBe(0);
  });

  test('ends although its first request is rejected late: nothing is left of that', async () => {
    const { endpoint, hear, say } = createLockstep();
    const ends: string[] = [];
    const opening = endpoint.observe(PEER, { ...request, confirmable: false }, () => {});
    await Promise.resolve();
    const first = hear();
    await say({ type: NON, mid: 7, code: 0x45, token: first.token, options: [number(1)] });
    const observation = await opening;
    observation.onEnd = (why) => ends.push(why);
    const over = observation.cancel();
    await Promise.resolve();
    const bye = hear();
    await say({ type: RST, mid: first.mid, code: 0 });
    await say({ type: NON, mid: 8, code: 0x45, token: bye.token });
    await over;
    expect([ends, endpoint.statistics().expected]).toEqual([[], 0]);
  });

  test('ends here even if the peer is gone', async () => {
    const { observation, clock, endpoint } = await observing();
    const over = observation.cancel();
    await clock.advance(100_000);
    await over;
    expect(endpoint.statistics().expected).toBe(0);
  });

  test('a peer that does not notify answers all the same', async () => {
    const { endpoint, hear, say, clock, heard } = createLockstep();
    const opening = endpoint.observe(PEER, request, () => {});
    await clock.advance(0);
    const { mid, token } = hear();
    await say({ type: ACK, code: 0x84, mid, token });
    const observation = await opening;
    expect([observation.answer.code, observation.isObserving]).toEqual(['4.04', false]);
    await observation.cancel();
    expect([heard(), endpoint.statistics().expected]).toEqual([[], 0]);
  });

  test('a peer that is silent leaves nothing behind', async () => {
    const { endpoint, clock } = createLockstep();
    const opening = endpoint.observe(PEER, request, () => {}).catch((error) => error.code);
    await clock.advance(100_000);
    expect(await opening).toBe('coap.timeout');
    expect(endpoint.statistics().expected).toBe(0);
  });
});
