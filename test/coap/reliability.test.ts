import { describe, expect, test } from 'vitest';
import type { CoapResponse } from '../../src/coap/index.ts';
import { ACK, CON, codeOf, createLockstep, hex, NON, PEER, RST, STRANGER, TOKEN, text } from './lockstep.ts';

const GET = { method: 'GET', path: ['3', '0'] } as const;

/** A promise that a test settles. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('a confirmable request of ours', () => {
  test('is sent again after 2, 4, 8 and 16 s, and given up after 32 s more (RFC 7252 4.2)', async () => {
    const { endpoint, clock, heardBytes } = createLockstep();
    const outcome = codeOf(endpoint.request(PEER, { ...GET, timeoutMs: 300_000 }));
    const sentAt: number[] = [];
    const seen = new Set<string>();
    for (let ms = 0; ms <= 70_000; ms += 1000) {
      for (const bytes of heardBytes()) {
        sentAt.push(ms);
        seen.add(bytes);
      }
      if (ms === 61_000) expect(endpoint.statistics().outstanding).toBe(1);
      await clock.advance(1000);
    }
    expect(sentAt).toEqual([0, 2000, 6000, 14_000, 30_000]);
    expect([...seen]).toHaveLength(1);
    expect(await outcome).toBe('coap.timeout');
    expect(endpoint.statistics()).toMatchObject({
      timeouts: 1,
      retransmissions: 4,
      outstanding: 0,
      expected: 0,
    });
  });

  test('waits up to ACK_RANDOM_FACTOR longer, and gives up after MAX_TRANSMIT_WAIT at most (RFC 7252 4.8.2)', async () => {
    const { endpoint, clock, heard } = createLockstep({ random: () => 0.999_999 });
    const outcome = codeOf(endpoint.request(PEER, { ...GET, timeoutMs: 300_000 }));
    await clock.advance(2980);
    expect(heard()).toHaveLength(1);
    await clock.advance(40);
    expect(heard()).toHaveLength(1);
    await clock.advance(93_000 + 200 - 3020);
    expect(await outcome).toBe('coap.timeout');
  });

  test('keeps to other parameters, and all times follow from them (RFC 7252 4.8.1)', async () => {
    const parameters = { ackTimeoutMs: 1000, ackRandomFactor: 1, maxRetransmit: 1 };
    const { endpoint, clock, heard } = createLockstep({ parameters });
    const outcome = codeOf(endpoint.request(PEER, GET));
    await clock.advance(2900);
    expect(heard()).toHaveLength(2);
    await clock.advance(200);
    expect(await outcome).toBe('coap.timeout');
  });

  test('ends with the answer in its acknowledgement (RFC 7252 5.2.1)', async () => {
    const { endpoint, say, hear, clock, heard } = createLockstep();
    const answer = endpoint.request(PEER, { ...GET, query: ['a=b'], accept: 110 });
    const { type, code, mid, token, options } = hear();
    expect({ type, code }).toEqual({ type: CON, code: 1 });
    expect(options.map(({ number, value }) => [number, text(value)])).toEqual([
      [11, '3'],
      [11, '0'],
      [15, 'a=b'],
      [17, 'n'],
    ]);
    await say({
      type: ACK,
      code: 0x45,
      mid,
      token,
      options: [
        { number: 12, value: 110 },
        { number: 14, value: 7 },
      ],
      payload: '[]',
    });
    expect(await answer).toMatchObject({ code: '2.05', contentFormat: 110, maxAgeS: 7, location: [] });
    await clock.advance(100_000);
    expect(heard()).toEqual([]);
  });

  test('reports Location-Path segment by segment (RFC 7252 5.10.7)', async () => {
    const { endpoint, say, hear } = createLockstep();
    const answer = endpoint.request(PEER, { method: 'POST', path: ['rd'], payload: Buffer.from('</1>') });
    const { mid, token } = hear();
    const options = [
      { number: 8, value: 'rd' },
      { number: 8, value: '5a3f' },
    ];
    await say({ type: ACK, code: 0x41, mid, token, options });
    expect(await answer).toMatchObject({ code: '2.01', location: ['rd', '5a3f'] });
  });

  test('after an empty acknowledgement it waits for a separate response, and acknowledges that (RFC 7252 5.2.2)', async () => {
    const { endpoint, say, hear, heard, clock, heardBytes } = createLockstep();
    const answer = endpoint.request(PEER, GET);
    const { mid, token } = hear();
    await say({ type: ACK, code: 0, mid });
    await clock.advance(20_000);
    expect(heard()).toEqual([]);
    await say({ type: CON, code: 0x45, mid: 0x1234, token, payload: 'x' });
    expect(heardBytes()).toEqual(['60001234']);
    expect(text((await answer).payload)).toBe('x');
    await say({ type: CON, code: 0x45, mid: 0x1234, token, payload: 'x' });
    expect(heardBytes()).toEqual(['60001234']);
  });

  test('after an empty acknowledgement the response still has a deadline', async () => {
    const { endpoint, say, hear, clock } = createLockstep();
    const outcome = codeOf(endpoint.request(PEER, { ...GET, timeoutMs: 30_000 }));
    await say({ type: ACK, code: 0, mid: hear().mid });
    await clock.advance(29_900);
    expect(endpoint.statistics().expected).toBe(1);
    await clock.advance(200);
    expect(await outcome).toBe('coap.timeout');
    expect(endpoint.statistics().expected).toBe(0);
  });

  test('a separate response that overtakes the acknowledgement ends it (RFC 7252 5.2.2)', async () => {
    const { endpoint, say, hear, heard, clock } = createLockstep();
    const answer = endpoint.request(PEER, GET);
    const { token } = hear();
    await say({ type: NON, code: 0x45, mid: 9, token, payload: 'x' });
    expect((await answer).code).toBe('2.05');
    await clock.advance(100_000);
    expect(heard()).toEqual([]);
  });

  test('a reset from the peer ends it; one from a stranger, or with another id, does not (RFC 7252 4.2)', async () => {
    const { endpoint, say, hear } = createLockstep();
    const outcome = codeOf(endpoint.request(PEER, GET));
    const { mid } = hear();
    await say({ type: RST, code: 0, mid }, STRANGER);
    await say({ type: RST, code: 0, mid: mid + 1 });
    expect(endpoint.statistics().expected).toBe(1);
    await say({ type: RST, code: 0, mid });
    expect(await outcome).toBe('coap.reset');
  });

  test('a response of a stranger, or in an acknowledgement with another token, is not the answer (RFC 7252 5.3.2)', async () => {
    const { endpoint, say, hear, heard, clock } = createLockstep();
    const answer = endpoint.request(PEER, GET);
    const { mid, token } = hear();
    await say({ type: NON, code: 0x45, mid: 9, token, payload: 'wrong' }, STRANGER);
    await say({ type: ACK, code: 0x45, mid, token: TOKEN, payload: 'wrong' });
    expect(heard().map(({ type }) => type)).toEqual([RST]);
    await clock.advance(2100);
    expect(hear()).toMatchObject({ type: CON, mid });
    await say({ type: ACK, code: 0x45, mid, token, payload: 'right' });
    expect(text((await answer).payload)).toBe('right');
  });

  test('a response with an unknown critical option is rejected (RFC 7252 5.4.1)', async () => {
    const { endpoint, say, hear, heardBytes } = createLockstep();
    const outcome = codeOf(endpoint.request(PEER, GET));
    const { mid, token } = hear();
    await say({ type: ACK, code: 0, mid });
    await say({ type: CON, code: 0x45, mid: 5, token, options: [{ number: 65_001, value: 1 }] });
    expect(await outcome).toBe('coap.protocol');
    expect(heardBytes()).toEqual(['70000005']);
  });

  test('no more than NSTART are under way; the rest waits in order, up to a limit (RFC 7252 4.7)', async () => {
    const { endpoint, say, heard, clock } = createLockstep({ limits: { queuedRequests: 2 } });
    const first = endpoint.request(PEER, { method: 'GET', path: ['1'] });
    const others = ['2', '3', '4'].map((path) =>
      codeOf(endpoint.request(PEER, { method: 'GET', path: [path] })),
    );
    expect(await others[2]).toBe('coap.overloaded');
    const [request] = heard();
    expect(endpoint.statistics().outstanding).toBe(3);
    await say({ type: ACK, code: 0x45, mid: request?.mid ?? 0, token: request?.token ?? TOKEN });
    expect((await first).code).toBe('2.05');
    expect(heard().map(({ options }) => text(options[0]?.value ?? TOKEN))).toEqual(['2']);
    await clock.advance(200_000);
    expect(await Promise.all(others)).toEqual(['coap.timeout', 'coap.timeout', 'coap.overloaded']);
  });

  test('peers do not wait for each other', async () => {
    const { endpoint, heard } = createLockstep();
    void codeOf(endpoint.request(PEER, GET));
    void codeOf(endpoint.request(STRANGER, GET));
    await Promise.resolve();
    expect(heard()).toHaveLength(2);
  });

  test('can be given up by its sender, and is not sent again then', async () => {
    const { endpoint, clock, heard } = createLockstep();
    const control = new AbortController();
    const outcome = codeOf(endpoint.request(PEER, { ...GET, signal: control.signal }));
    await clock.advance(0);
    control.abort();
    expect(await outcome).toBe('coap.aborted');
    expect(heard()).toHaveLength(1);
    await clock.advance(100_000);
    expect(heard()).toEqual([]);
    expect(await codeOf(endpoint.request(PEER, { ...GET, signal: control.signal }))).toBe('coap.aborted');
  });

  test('an error of the transport is a hint: it goes on, and says so only when it gives up', async () => {
    const { endpoint, clock, fail, hear, say } = createLockstep();
    const healed = endpoint.request(PEER, GET);
    fail(new Error('recvmsg ECONNREFUSED'));
    const { mid, token } = hear();
    await say({ type: ACK, code: 0x45, mid, token });
    expect((await healed).code).toBe('2.05');
    const lost = endpoint.request(PEER, GET).catch((error) => error);
    await clock.advance(5000);
    fail(new Error('recvmsg ECONNREFUSED'));
    await clock.advance(100_000);
    expect(await lost).toMatchObject({ code: 'coap.transport', cause: { message: 'recvmsg ECONNREFUSED' } });
  });

  test('a path segment that no message can carry is refused before anything is sent', async () => {
    const { endpoint, heard } = createLockstep();
    expect(await codeOf(endpoint.request(PEER, { method: 'GET', path: ['ä'.repeat(128)] }))).toBe(
      'coap.bad-request',
    );
    expect(heard()).toEqual([]);
  });

  test('after closing, nothing waits any more, no timer is left, and nothing is sent', async () => {
    const { endpoint, clock, say, hear, heard } = createLockstep();
    const acknowledged = codeOf(endpoint.request(PEER, GET));
    await say({ type: ACK, code: 0, mid: hear().mid });
    const pending = codeOf(endpoint.request(PEER, GET));
    const queued = codeOf(endpoint.request(PEER, GET));
    await clock.advance(10);
    heard();
    await endpoint.close();
    expect(await Promise.all([acknowledged, pending, queued])).toEqual(Array(3).fill('coap.closed'));
    expect(await codeOf(endpoint.request(PEER, GET))).toBe('coap.closed');
    expect(await codeOf(endpoint.ping(PEER))).toBe('coap.closed');
    expect(clock.pending).toBe(0);
    expect(heard()).toEqual([]);
  });
});

describe('a request of a peer', () => {
  test('that comes while we are deaf leaves no trace: sent again later it is new; known ones are repeated', async () => {
    let isDeaf = false;
    const { say, heardBytes, hear, served, endpoint } = createLockstep({ isDeaf: () => isDeaf });
    const known = { type: CON, code: 1, mid: 1, token: TOKEN };
    const unheard = { ...known, mid: 2, code: 3 };
    await say(known);
    const answer = heardBytes();
    isDeaf = true;
    await say(unheard);
    await say({ ...unheard, type: NON, mid: 3 });
    expect([heardBytes(), served.length, endpoint.statistics().duplicates]).toEqual([[], 1, 0]);
    await say(known);
    expect(heardBytes()).toEqual(answer);
    isDeaf = false;
    await say(unheard);
    expect(hear()).toMatchObject({ type: ACK, mid: 2, code: 0x45 });
    expect(served).toHaveLength(2);
  });

  test('is answered in its acknowledgement, byte for byte (RFC 7252 5.2.1)', async () => {
    const { inject, heardBytes } = createLockstep({
      handler: () => ({ code: '2.05', contentFormat: 0, payload: Buffer.from('ok') }),
    });
    await inject('43010001c0ffeeb133');
    expect(heardBytes()).toEqual(['63450001c0ffeec0ff6f6b']);
  });

  test('comes to the handler with path, query, formats and payload', async () => {
    const { say, served } = createLockstep();
    await say({
      code: 2,
      options: [
        { number: 3, value: 'example.org' },
        { number: 7, value: 5683 },
        { number: 11, value: '' },
        { number: 11, value: 'a/b' },
        { number: 11, value: 'ü' },
        { number: 12, value: 11_542 },
        { number: 15, value: 'pmin=10' },
        { number: 15, value: '' },
        { number: 17, value: 0 },
      ],
      payload: 'body',
    });
    expect(served).toMatchObject([
      {
        peer: PEER,
        method: 'POST',
        path: ['', 'a/b', 'ü'],
        query: ['pmin=10', ''],
        contentFormat: 11_542,
        accept: 0,
        confirmable: true,
        payload: Buffer.from('body'),
        token: TOKEN,
      },
    ]);
  });

  test('that is not confirmable is answered with a message that is not either (RFC 7252 5.2.3)', async () => {
    const { say, hear } = createLockstep();
    await say({ type: NON, mid: 7, options: [{ number: 11, value: '3' }] });
    expect(hear()).toMatchObject({ type: NON, code: 0x45, mid: 0x8001, token: TOKEN });
  });

  test('twice: the handler runs once, and the same bytes are sent again (RFC 7252 4.5)', async () => {
    const { say, heardBytes, served, endpoint } = createLockstep();
    await say({ code: 2, mid: 7 });
    await say({ code: 2, mid: 7 });
    const [first, second, ...none] = heardBytes();
    expect(first).toBe(second);
    expect(none).toEqual([]);
    expect(served).toHaveLength(1);
    expect(endpoint.statistics().duplicates).toBe(1);
  });

  test('twice without confirmation: the second is passed over in silence (RFC 7252 4.5)', async () => {
    const { say, heard, served } = createLockstep();
    await say({ type: NON, code: 2, mid: 7 });
    await say({ type: NON, code: 2, mid: 7 });
    expect([heard().length, served.length]).toEqual([1, 1]);
  });

  test('a duplicate of one still being worked on is dropped; after the empty acknowledgement that is repeated; the response comes once (RFC 7252 4.5, 5.2.2)', async () => {
    const work = deferred<CoapResponse>();
    const { say, heardBytes, served, clock, endpoint } = createLockstep({ handler: () => work.promise });
    await say({ code: 2, mid: 7 });
    await say({ code: 2, mid: 7 });
    expect(heardBytes()).toEqual([]);
    await clock.advance(500);
    expect(heardBytes()).toEqual(['60000007']);
    await say({ code: 2, mid: 7 });
    expect(heardBytes()).toEqual(['60000007']);
    work.resolve({ code: '2.04' });
    await clock.advance(0);
    expect(heardBytes()).toEqual(['43440001c0ffee']);
    await say({ code: 2, mid: 7 });
    expect(heardBytes()).toEqual(['60000007']);
    await clock.advance(2100);
    expect(heardBytes()).toEqual(['43440001c0ffee']);
    await say({ type: ACK, code: 0, mid: 1 });
    await clock.advance(100_000);
    expect(heardBytes()).toEqual([]);
    expect(served).toHaveLength(1);
    expect(endpoint.statistics().requestsInWork).toBe(0);
  });

  test('the empty acknowledgement comes when it is asked to, below ACK_TIMEOUT', async () => {
    const { say, hear, clock, heard } = createLockstep({
      parameters: { piggybackMs: 1500 },
      handler: () => new Promise(() => {}),
    });
    await say({ mid: 7 });
    await clock.advance(1490);
    expect(heard()).toEqual([]);
    await clock.advance(30);
    expect(hear()).toMatchObject({ type: ACK, code: 0, mid: 7 });
  });

  test('the empty acknowledgement comes in time for a short ACK_TIMEOUT as well (RFC 7252 5.2.2)', async () => {
    const { say, hear, clock } = createLockstep({
      parameters: { ackTimeoutMs: 400 },
      handler: () => new Promise(() => {}),
    });
    await say({ mid: 7 });
    await clock.advance(120);
    expect(hear()).toMatchObject({ type: ACK, code: 0, mid: 7 });
  });

  test('a fast handler that is asynchronous still answers in the acknowledgement', async () => {
    const { say, hear } = createLockstep({ handler: async () => ({ code: '2.04' }) });
    await say({ code: 2, mid: 7 });
    expect(hear()).toMatchObject({ type: ACK, code: 0x44, mid: 7 });
  });

  test('a separate response to a request that is not confirmable is not confirmable either', async () => {
    const work = deferred<CoapResponse>();
    const { say, hear, clock, heard } = createLockstep({ handler: () => work.promise });
    await say({ type: NON, code: 2, mid: 7 });
    await clock.advance(5000);
    expect(heard()).toEqual([]);
    work.resolve({ code: '2.04' });
    await clock.advance(0);
    expect(hear()).toMatchObject({ type: NON, code: 0x44, mid: 0x8001, token: TOKEN });
  });

  test('a handler that throws or rejects answers 5.00 without saying why; the log has it', async () => {
    const { say, hear, errors, endpoint } = createLockstep({
      handler: ({ path }) => {
        if (path.length === 0) throw new Error('secret');
        return Promise.reject(new Error('secret'));
      },
    });
    await say({ mid: 1 });
    expect(hear()).toMatchObject({ code: 0xa0, payload: new Uint8Array(0) });
    await say({ mid: 2, options: [{ number: 11, value: 'a' }] });
    expect(hear()).toMatchObject({ code: 0xa0, payload: new Uint8Array(0) });
    expect(errors).toHaveLength(2);
    expect(endpoint.statistics().handlerFailures).toBe(2);
  });

  test('an answer that no message can carry is 5.00', async () => {
    const { say, hear, endpoint } = createLockstep({
      handler: ({ path }) =>
        path.length === 0
          ? { code: '2.05', maxAgeS: Number.POSITIVE_INFINITY }
          : { code: '2.01', location: ['x'.repeat(2000)] },
    });
    await say({ mid: 1 });
    expect(hear().code).toBe(0xa0);
    await say({ mid: 2, options: [{ number: 11, value: 'a' }] });
    expect(hear().code).toBe(0xa0);
    expect(endpoint.statistics().handlerFailures).toBe(2);
  });

  test('a handler that never ends is answered for with 5.04', async () => {
    const { say, clock, heard, endpoint } = createLockstep({ handler: () => new Promise(() => {}) });
    await say({ mid: 7 });
    await clock.advance(60_100);
    expect(heard().map(({ code }) => code)).toEqual([0, 0xa4]);
    expect(endpoint.statistics()).toMatchObject({ requestsInWork: 0, handlerFailures: 1 });
  });

  test('one too many at the same time is turned away with 5.03 and a time to wait (RFC 7252 5.9.3.4)', async () => {
    const { say, hear } = createLockstep({
      handler: () => new Promise(() => {}),
      limits: { requestsInWork: 1 },
    });
    await say({ mid: 7 });
    await say({ mid: 8 });
    expect(hear()).toMatchObject({ code: 0xa3, mid: 8, options: [{ number: 14 }] });
  });

  test('is known again for EXCHANGE_LIFETIME at least, and forgotten after twice that (RFC 7252 4.8.2)', async () => {
    const { say, served, clock, endpoint } = createLockstep();
    await clock.advance(246_000);
    await say({ mid: 7 });
    await clock.advance(246_900);
    await say({ mid: 7 });
    expect(served).toHaveLength(1);
    await clock.advance(2 * 247_000);
    expect(endpoint.statistics().peers).toBe(0);
    await say({ mid: 7 });
    expect(served).toHaveLength(2);
  });

  test('the memory for duplicates is bounded per peer, and the youngest stay', async () => {
    const { say, served, heard } = createLockstep({ limits: { messagesPerPeer: 8 } });
    for (let mid = 0; mid < 100; mid++) await say({ mid });
    for (let mid = 92; mid < 100; mid++) await say({ mid });
    expect(served).toHaveLength(100);
    expect(heard()).toHaveLength(108);
    await say({ mid: 3 });
    expect(served).toHaveLength(101);
  });

  test('many reads do not make it forget what a change was answered with (RFC 7252 4.5)', async () => {
    const { say, served, heard } = createLockstep({ limits: { messagesPerPeer: 8 } });
    await say({ code: 2, mid: 7 });
    for (let mid = 100; mid < 200; mid++) await say({ mid });
    heard();
    await say({ code: 2, mid: 7 });
    expect(served).toHaveLength(101);
    expect(heard()).toHaveLength(1);
  });

  test('after EXCHANGE_LIFETIME the same id is another message (RFC 7252 4.4)', async () => {
    const { say, served, clock } = createLockstep();
    await clock.advance(10_000);
    await say({ code: 2, mid: 7 });
    await clock.advance(246_000);
    await say({ code: 2, mid: 7 });
    expect(served).toHaveLength(1);
    await clock.advance(2000);
    await say({ code: 2, mid: 7 });
    expect(served).toHaveLength(2);
  });

  test('another token makes another message of the same id: its sender has begun anew', async () => {
    const { say, served, hear } = createLockstep();
    await say({ mid: 7, options: [{ number: 11, value: 'a' }] });
    hear();
    const token = Buffer.from('beef', 'hex');
    await say({ mid: 7, token, options: [{ number: 11, value: 'b' }] });
    const answer = hear();
    expect([text(answer.payload), hex(answer.token)]).toEqual(['b', 'beef']);
    expect(served).toHaveLength(2);
  });

  test('separate responses that nobody acknowledges do not pile up: new requests are turned away', async () => {
    const lockstep = createLockstep({
      limits: { requestsInWork: 10 },
      handler: () => new Promise((answer) => lockstep.clock.after(600, () => answer({ code: '2.05' }))),
    });
    const { say, served, heard, clock, endpoint } = lockstep;
    for (let mid = 0; mid < 10; mid++) await say({ mid });
    await clock.advance(700);
    expect(endpoint.statistics()).toMatchObject({ requestsInWork: 0, outstanding: 10 });
    heard();
    await say({ mid: 10 });
    expect(heard().map(({ code }) => code)).toEqual([0xa3]);
    expect(served).toHaveLength(10);
    for (let mid = 1; mid <= 10; mid++) await say({ type: ACK, code: 0, mid });
    await say({ mid: 11 });
    expect(served).toHaveLength(11);
  });

  test('message ids of different peers have nothing to do with each other', async () => {
    const { say, served } = createLockstep();
    await say({ mid: 7 });
    await say({ mid: 7 }, STRANGER);
    expect(served).toHaveLength(2);
  });
});

describe('message ids', () => {
  test('requests, notifications and separate responses to one peer share one row if they are confirmable (RFC 7252 4.4)', async () => {
    const work = deferred<CoapResponse>();
    const { endpoint, say, heard, clock } = createLockstep({
      parameters: { nstart: 10 },
      handler: ({ method }) =>
        method === 'GET'
          ? {
              code: '2.05',
              onObserve: (observation) => {
                observation.notify({ code: '2.05' }, { confirmable: true });
                observation.notify({ code: '2.05' }, { confirmable: false });
              },
            }
          : work.promise,
    });
    void codeOf(endpoint.request(PEER, { method: 'GET', path: [] }));
    await say({ code: 2, mid: 1 });
    await clock.advance(600);
    work.resolve({ code: '2.04' });
    await clock.advance(0);
    await say({ code: 1, mid: 2, options: [{ number: 6, value: 0 }] });
    const own = heard().filter(({ type }) => type === CON || type === NON);
    expect(own.map(({ code, mid }) => [code, mid])).toEqual([
      [1, 1],
      [0x44, 2],
      [0x45, 3],
    ]);
  });
});

describe('what is no request and no answer', () => {
  test('a ping is answered with a reset (RFC 7252 4.3)', async () => {
    const { inject, heardBytes, served } = createLockstep();
    await inject('40001234');
    expect(heardBytes()).toEqual(['70001234']);
    expect(served).toEqual([]);
  });

  test('our ping ends with the reset', async () => {
    const { endpoint, inject, heardBytes, clock } = createLockstep();
    const pong = endpoint.ping(PEER);
    expect(heardBytes()).toEqual(['40000001']);
    await inject('70000001');
    await pong;
    const lost = codeOf(endpoint.ping(PEER));
    await clock.advance(100_000);
    expect(await lost).toBe('coap.timeout');
  });

  test.each([
    ['a malformed confirmable message is rejected', '4401123401', ['70001234']],
    ['a malformed one that is not confirmable is passed over', '5401123401', []],
    ['a malformed acknowledgement is passed over', '6401123401', []],
    ['a malformed reset is passed over', '7401123401', []],
    ['another version is passed over', 'c0011234', []],
    ['three bytes are passed over', '400112', []],
    ['a reserved class is rejected if confirmable', '40211234', ['70001234']],
    ['a signalling code of RFC 8323 is rejected if confirmable', '40e11234', ['70001234']],
    ['a reserved class that is not confirmable is passed over', '50211234', []],
    ['an empty message that is not confirmable is passed over', '50001234', []],
    ['a request in an acknowledgement is passed over', '60011234', []],
    ['a reset with a code is passed over', '70451234', []],
    ['an acknowledgement of nothing is passed over', '60001234', []],
    ['a reset of nothing is passed over', '70001234', []],
    ['a confirmable response that nobody waits for is rejected', '424512340102', ['70001234']],
    [
      'a response with our kind of token that nobody waits for is rejected',
      '484512340000000100000000',
      ['70001234'],
    ],
    [
      'a notification that nobody waits for is rejected, confirmable or not (RFC 7641 3.6)',
      '5245123401026101',
      ['70001234'],
    ],
  ])('%s (RFC 7252 4.2, 4.3)', async (_, bytes, answers) => {
    const { inject, heardBytes, served, errors } = createLockstep();
    await inject(bytes);
    expect(heardBytes()).toEqual(answers);
    expect([served, errors]).toEqual([[], []]);
  });

  test('a duplicate of a rejected response is rejected again', async () => {
    const { inject, heardBytes } = createLockstep();
    await inject('424512340102');
    await inject('424512340102');
    expect(heardBytes()).toEqual(['70001234', '70001234']);
  });
});

describe('options of a request (RFC 7252 5.4)', () => {
  const unknownCritical = { number: 65_001, value: 'x' };
  test.each([
    ['an unknown critical option is refused with 4.02', [unknownCritical], 0x82],
    ['If-Match is not supported', [{ number: 1, value: 'x' }], 0x82],
    ['If-None-Match is not supported', [{ number: 5, value: '' }], 0x82],
    ['OSCORE is not supported', [{ number: 9, value: 'x' }], 0x82],
    ['Proxy-Uri is refused with 5.05', [{ number: 35, value: 'coap://example.org' }], 0xa5],
    ['Proxy-Scheme is refused with 5.05', [{ number: 39, value: 'coap' }], 0xa5],
    ['a critical option that is too long counts as unknown', [{ number: 17, value: 'xxx' }], 0x82],
    ['a Block1 of 4 bytes counts as unknown', [{ number: 27, value: 'xxxx' }], 0x82],
    [
      'a critical option that stands there twice counts as unknown',
      [
        { number: 17, value: 1 },
        { number: 17, value: 2 },
      ],
      0x82,
    ],
    ['a path that is no UTF-8 is refused', [{ number: 11, value: Buffer.from('ff', 'hex') }], 0x82],
    ['an unknown elective option is passed over', [{ number: 65_000, value: 'x' }], 0x45],
    ['an elective option that is too long is passed over', [{ number: 12, value: 'xxx' }], 0x45],
    [
      'Uri-Host and Uri-Port are accepted',
      [
        { number: 3, value: 'h' },
        { number: 7, value: 5683 },
      ],
      0x45,
    ],
  ])('%s', async (_, options, code) => {
    const { say, hear } = createLockstep();
    await say({ options });
    expect(hear()).toMatchObject({ type: ACK, code });
  });

  test('without confirmation an unknown critical option is met with silence (RFC 7252 5.4.1)', async () => {
    const { say, heard, served } = createLockstep();
    await say({ type: NON, options: [unknownCritical] });
    expect([heard(), served]).toEqual([[], []]);
  });

  test.each([
    ['FETCH', 5, true],
    ['PATCH', 6, true],
    ['iPATCH', 7, true],
    ['8', 8, false],
    ['31', 31, false],
  ])('method %s', async (name, code, isKnown) => {
    const { say, hear, served } = createLockstep();
    await say({ code });
    expect(hear().code).toBe(isKnown ? 0x45 : 0x85);
    expect(served.map(({ method }) => method)).toEqual(isKnown ? [name] : []);
  });
});

describe('No-Response (RFC 7967 2.1)', () => {
  const asking = (value: number) => ({ code: 2, mid: 7, options: [{ number: 258, value }] });

  test('a class that is not wanted is not sent: an empty acknowledgement, or nothing', async () => {
    const { say, heardBytes } = createLockstep({ handler: () => ({ code: '2.04' }) });
    await say(asking(2));
    await say({ ...asking(2), mid: 7 });
    expect(heardBytes()).toEqual(['60000007', '60000007']);
    await say({ ...asking(2), type: NON, mid: 8 });
    expect(heardBytes()).toEqual([]);
  });

  test.each([
    [26, '2.04', false],
    [26, '4.04', false],
    [2, '5.00', true],
    [16, '5.00', false],
    [0, '2.04', true],
  ] as const)('value %i and response %s', async (value, code, isSent) => {
    const { say, hear } = createLockstep({ handler: () => ({ code }) });
    await say(asking(value));
    expect(hear().code !== 0).toBe(isSent);
  });

  test('a slow handler whose answer is not wanted sends nothing more', async () => {
    const work = deferred<CoapResponse>();
    const { say, heardBytes, clock } = createLockstep({ handler: () => work.promise });
    await say(asking(2));
    await clock.advance(600);
    work.resolve({ code: '2.04' });
    await clock.advance(100_000);
    expect(heardBytes()).toEqual(['60000007']);
  });
});

test('parameters that cannot be are refused', () => {
  for (const parameters of [
    { nstart: 0 },
    { ackRandomFactor: 0.5 },
    { blockSize: 1000 },
    { ackTimeoutMs: Number.NaN },
    { piggybackMs: 2000 },
    { ackTimeoutMs: 100, piggybackMs: 100 },
  ])
    expect(() => createLockstep({ parameters })).toThrow(
      expect.objectContaining({ code: 'coap.bad-parameter' }),
    );
});

test('chance makes tokens and message ids hard to guess', async () => {
  let state = 1;
  const random = (): number => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const { endpoint, heard, clock } = createLockstep({ random, parameters: { nstart: 64 } });
  for (let sent = 0; sent < 64; sent++) void codeOf(endpoint.request(PEER, GET));
  await clock.advance(0);
  expect(new Set(heard().map(({ token }) => hex(token.subarray(4)))).size).toBe(64);
});
