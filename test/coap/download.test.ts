import { describe, expect, test } from 'vitest';
import type { ChunkPlace, CoapAnswer, DownloadRequest, TakeChunk } from '../../src/coap/index.ts';
import { ACK, block, codeOf, createLockstep, hex, type Lockstep, PEER, text, uintOf } from './lockstep.ts';

const ETAG = 4;
const BLOCK2 = 23;
const BLOCK1 = 27;
const SIZE2 = 28;
const ECHO = 252;
const REQUEST_TAG = 292;

const body = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => 97 + (at % 26)));
const FIRMWARE = { method: 'GET', path: ['fw'], mostBytes: 1000 } as const satisfies DownloadRequest;

type Asked = ReturnType<Lockstep['hear']>;
interface Answered {
  readonly code: number;
  readonly options?: { number: number; value: number | string }[];
  readonly payload?: Uint8Array | string;
}

/** Answers what the endpoint asks, until it asks nothing more. */
async function serve(lockstep: Lockstep, answer: (asked: Asked, nth: number) => Answered): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (;;) {
    await lockstep.clock.advance(0);
    const [request] = lockstep.heard();
    if (request === undefined) return asked;
    asked.push(request);
    const { mid, token } = request;
    await lockstep.say({ type: ACK, mid, token, ...answer(request, asked.length) });
  }
}

/** A server that gives `whole` in blocks of `size`. */
const serving =
  (whole: Uint8Array, size: number, etag = 'v1') =>
  (asked: Asked): Answered => {
    const value = uintOf(asked, BLOCK2) ?? 2;
    const number = ((value >> 4) * 2 ** ((value & 7) + 4)) / size;
    const from = number * size;
    return {
      code: 0x45,
      options: [
        ...(etag === '' ? [] : [{ number: ETAG, value: etag }]),
        { number: BLOCK2, value: block(number, from + size < whole.length, size) },
        ...(number === 0 ? [{ number: SIZE2, value: whole.length }] : []),
      ],
      payload: whole.subarray(from, from + size),
    };
  };

function fetching(
  request: DownloadRequest = FIRMWARE,
  take: TakeChunk = () => undefined,
  options: Parameters<typeof createLockstep>[0] = {},
) {
  const lockstep = createLockstep(options);
  const chunks: string[] = [];
  const places: ChunkPlace[] = [];
  const outcome: Promise<CoapAnswer> = lockstep.endpoint.download(PEER, request, (chunk, place) => {
    chunks.push(text(chunk));
    places.push(place);
    return take(chunk, place);
  });
  const code = codeOf(outcome);
  return { lockstep, chunks, places, outcome, code };
}

describe('a large body that we take as it comes (RFC 7959 2.4)', () => {
  test('chunk by chunk in order, with offset, ETag and size', async () => {
    const { lockstep, chunks, places, outcome } = fetching();
    const whole = body(150);
    await serve(lockstep, serving(whole, 64));
    expect(chunks.join('')).toBe(text(whole));
    expect(places.map(({ offset, etag, size }) => [offset, text(etag ?? body(0)), size])).toEqual([
      [0, 'v1', 150],
      [64, 'v1', 150],
      [128, 'v1', 150],
    ]);
    const { code, payload } = await outcome;
    expect([code, payload.length]).toEqual(['2.05', 0]);
  });

  test('a body in one message is one chunk; an error has its payload, and nothing is taken', async () => {
    const small = fetching();
    await serve(small.lockstep, () => ({ code: 0x45, payload: 'small' }));
    expect([(await small.outcome).code, small.chunks]).toEqual(['2.05', ['small']]);
    const refused = fetching();
    await serve(refused.lockstep, () => ({ code: 0x84, payload: 'no such image' }));
    const { code, payload } = await refused.outcome;
    expect([code, text(payload), refused.chunks]).toEqual(['4.04', 'no such image', []]);
  });

  test('the next block is asked for when the chunk is taken, not before', async () => {
    const taken: (() => void)[] = [];
    const { lockstep, chunks } = fetching(FIRMWARE, () => new Promise((resolve) => taken.push(resolve)));
    const answer = serving(body(150), 64);
    expect(await serve(lockstep, answer)).toHaveLength(1);
    await lockstep.clock.advance(5000);
    expect([lockstep.heard(), chunks.length]).toEqual([[], 1]);
    taken[0]?.();
    expect(await serve(lockstep, answer)).toHaveLength(1);
    expect(chunks).toHaveLength(2);
  });

  test.each([
    ['another ETag', serving(body(150), 64, 'v2')],
    ['no ETag any more', serving(body(150), 64, '')],
    ['4.08, as it is not kept', () => ({ code: 0x88 })],
    ['another code', () => ({ code: 0x43 })],
  ])('a later block with %s ends it: what is taken cannot be taken back', async (_, later) => {
    const { lockstep, chunks, code } = fetching();
    const first = serving(body(150), 64);
    await serve(lockstep, (asked, nth) => (nth === 1 ? first(asked) : later(asked)));
    expect([await code, chunks.length]).toEqual(['coap.incomplete', 1]);
  });

  test('an error to a later block is the answer, with what its server says', async () => {
    const { lockstep, chunks, outcome } = fetching();
    const first = serving(body(150), 64);
    await serve(lockstep, (asked, nth) => (nth < 3 ? first(asked) : { code: 0xa3, payload: 'later' }));
    const { code, payload } = await outcome;
    expect([code, text(payload), chunks.length]).toEqual(['5.03', 'later', 2]);
  });

  test('a body larger than the limit is not taken to its end, announced or not (RFC 7959 4)', async () => {
    const announced = fetching({ ...FIRMWARE, mostBytes: 149 });
    await serve(announced.lockstep, serving(body(150), 64));
    expect([await announced.code, announced.chunks]).toEqual(['coap.too-large', []]);
    const endless = fetching({ ...FIRMWARE, mostBytes: 149 });
    await serve(endless.lockstep, (asked) => {
      const answer = serving(body(1e4), 64)(asked);
      return { ...answer, options: answer.options?.filter(({ number }) => number !== SIZE2) ?? [] };
    });
    expect([await endless.code, endless.chunks.length]).toEqual(['coap.too-large', 2]);
  });

  test('what the taker throws ends it', async () => {
    const { lockstep, outcome } = fetching(FIRMWARE, () => Promise.reject(new Error('disk full')));
    const failed = expect(outcome).rejects.toThrow('disk full');
    expect(await serve(lockstep, serving(body(150), 64))).toHaveLength(1);
    await failed;
  });
});

describe('a download that goes on where one stopped', () => {
  const whole = body(300);
  const resumed = (offset: number, etag = 'v1', size = 1024) =>
    fetching({ ...FIRMWARE, resume: { offset, etag: Buffer.from(etag) } }, undefined, {
      parameters: { blockSize: size },
    });

  test.each([
    [128, 64],
    [128, 32],
    [100, 64],
    [299, 16],
  ])('at byte %i, from a server with blocks of %i', async (offset, size) => {
    const { lockstep, chunks, places, outcome } = resumed(offset, 'v1', 64);
    const asked = await serve(lockstep, serving(whole, size));
    expect(uintOf(asked[0] as Asked, BLOCK2)).toBe(block(Math.floor(offset / 64), false, 64));
    expect(chunks.join('')).toBe(text(whole.subarray(offset)));
    expect(places[0]?.offset).toBe(offset);
    expect((await outcome).code).toBe('2.05');
  });

  test.each([
    ['another', 'v2'],
    ['none', ''],
  ])('not if the server now has %s ETag', async (_, etag) => {
    const { lockstep, chunks, code } = resumed(128, 'v1', 64);
    await serve(lockstep, serving(whole, 64, etag));
    expect([await code, chunks]).toEqual(['coap.incomplete', []]);
  });

  test('beyond the end the server says no', async () => {
    const { lockstep, outcome } = resumed(320, 'v1', 64);
    await serve(lockstep, () => ({ code: 0x80 }));
    expect((await outcome).code).toBe('4.00');
  });
});

describe('a transfer has an end in time', () => {
  test.each([
    ['within what is said', { transferMs: 10_000 }, 10_000],
    [
      'within MAX_TRANSMIT_WAIT for each block that the size makes necessary (RFC 7252 4.8.2)',
      {},
      93_000 * 2,
    ],
  ])('%s, however slowly a peer goes on', async (_, limit, expected) => {
    const { lockstep, code } = fetching({ ...FIRMWARE, mostBytes: 1e6, ...limit });
    const answer = serving(body(900), 16);
    let settledAt = -1;
    void code.then(() => {
      settledAt = lockstep.clock.monotonic();
    });
    while (settledAt < 0) {
      await lockstep.clock.advance(1900);
      const [request] = lockstep.heard();
      if (request === undefined) continue;
      const { mid, token } = request;
      const { options = [], payload = '' } = answer(request);
      // Late, but before it is sent again; and it never ends.
      await lockstep.say({
        type: ACK,
        mid,
        token,
        code: 0x45,
        options: options.map(({ number, value }) => ({
          number,
          value: number === BLOCK2 ? Number(value) | 8 : value,
        })),
        payload: Buffer.concat([Buffer.from(payload as Uint8Array), body(16)]).subarray(0, 16),
      });
    }
    expect(await code).toBe('coap.timeout');
    expect(settledAt).toBeGreaterThan(expected - 2000);
    expect(settledAt).toBeLessThanOrEqual(expected + 2000);
  });

  test('a taker that does not come back does not hold it for ever', async () => {
    const { lockstep, code } = fetching({ ...FIRMWARE, transferMs: 5000 }, () => new Promise(() => {}));
    await serve(lockstep, serving(body(150), 64));
    await lockstep.clock.advance(5100);
    expect(await code).toBe('coap.timeout');
    expect(lockstep.endpoint.statistics()).toMatchObject({ expected: 0, outstanding: 0 });
  });

  test('it can be given up between two blocks, and while a chunk is taken', async () => {
    const control = new AbortController();
    const { lockstep, code } = fetching({ ...FIRMWARE, signal: control.signal }, () => new Promise(() => {}));
    await serve(lockstep, serving(body(150), 64));
    control.abort();
    expect(await code).toBe('coap.aborted');
  });

  test('an upload that waits for one before it can be given up, and is late by itself: the peer has not seen it', async () => {
    const lockstep = createLockstep();
    const control = new AbortController();
    const put = (more: object) =>
      codeOf(lockstep.endpoint.request(PEER, { method: 'PUT', path: ['x'], payload: body(1500), ...more }));
    const [first, second, third] = [put({}), put({ signal: control.signal }), put({ transferMs: 500 })];
    await lockstep.clock.advance(100);
    control.abort();
    expect(await second).toBe('coap.aborted');
    await lockstep.clock.advance(500);
    expect(await third).toBe('coap.unsent');
    expect(lockstep.heard()).toHaveLength(1);
    await lockstep.clock.advance(100_000);
    expect(await first).toBe('coap.timeout');
  });
});

describe('an error to a later block of an answer', () => {
  const broken = async (method: 'GET' | 'POST', code: number) => {
    const lockstep = createLockstep();
    const outcome = lockstep.endpoint.request(PEER, { method, path: ['fw'] });
    outcome.catch(() => {});
    const asked = await serve(lockstep, (request, nth) =>
      nth % 2 === 1 ? serving(body(150), 64)(request) : { code, payload: 'why' },
    );
    return { outcome, asked: asked.length };
  };

  test('is what a GET is answered with', async () => {
    const { outcome, asked } = await broken('GET', 0xa3);
    expect([(await outcome).code, text((await outcome).payload), asked]).toEqual(['5.03', 'why', 2]);
  });

  test('4.08 says that it is not kept: GET begins anew, twice at most', async () => {
    const { outcome, asked } = await broken('GET', 0x88);
    expect([await codeOf(outcome), asked]).toEqual(['coap.incomplete', 6]);
  });

  test('after a POST says nothing of what was done: the rest of its answer is missing', async () => {
    const { outcome, asked } = await broken('POST', 0x84);
    expect([await codeOf(outcome), asked]).toEqual(['coap.incomplete', 2]);
  });
});

describe('Request-Tag and Echo of ours (RFC 9175)', () => {
  const tagOf = (asked: Asked): string =>
    hex(asked.options.find(({ number }) => number === REQUEST_TAG)?.value ?? body(0));

  test('all blocks of an upload have one Request-Tag, each upload another; small requests have none (RFC 9175 3.3)', async () => {
    const lockstep = createLockstep();
    const tags: Set<string>[] = [];
    for (const length of [1500, 1500, 10]) {
      void lockstep.endpoint.request(PEER, { method: 'PUT', path: ['x'], payload: body(length) });
      const asked = await serve(lockstep, (request) => {
        const value = uintOf(request, BLOCK1) ?? 0;
        return { code: (value & 8) === 0 ? 0x44 : 0x5f, options: [{ number: BLOCK1, value }] };
      });
      tags.push(new Set(asked.map(tagOf)));
    }
    expect(tags.map(({ size }) => size)).toEqual([1, 1, 1]);
    const [first, second, none] = tags.map((tag) => [...tag][0]);
    expect(new Set([first, second, ''])).toHaveProperty('size', 3);
    expect(none).toBe('');
  });

  const demanding = (asked: Asked): Answered => {
    const echo = asked.options.find(({ number }) => number === ECHO);
    const value = uintOf(asked, BLOCK1) ?? 0;
    if (echo === undefined) return { code: 0x81, options: [{ number: ECHO, value: 'fresh' }] };
    return { code: (value & 8) === 0 ? 0x44 : 0x5f, options: [{ number: BLOCK1, value }] };
  };

  test.each([
    ['a small request', 10, 2],
    ['an upload', 1500, 3],
  ])('4.01 with Echo: %s is sent once more with its value (RFC 9175 2.3)', async (_, length, messages) => {
    const lockstep = createLockstep();
    const answer = lockstep.endpoint.request(PEER, { method: 'PUT', path: ['x'], payload: body(length) });
    const asked = await serve(lockstep, demanding);
    expect([(await answer).code, asked.length]).toEqual(['2.04', messages]);
    expect(new Set(asked.map(tagOf)).size).toBe(1);
  });

  test('only once, and not without Echo', async () => {
    const lockstep = createLockstep();
    const twice = lockstep.endpoint.request(PEER, { method: 'GET', path: [] });
    const asked = await serve(lockstep, () => ({ code: 0x81, options: [{ number: ECHO, value: 'x' }] }));
    expect([(await twice).code, asked.length]).toEqual(['4.01', 2]);
    const plain = lockstep.endpoint.request(PEER, { method: 'GET', path: [] });
    expect(await serve(lockstep, () => ({ code: 0x81 }))).toHaveLength(1);
    expect((await plain).code).toBe('4.01');
  });
});
