import { describe, expect, test } from 'vitest';
import type { CoapRequest, CoapResponse } from '../../src/coap/index.ts';
import {
  ACK,
  block,
  CON,
  codeOf,
  createLockstep,
  hex,
  type Lockstep,
  NON,
  PEER,
  STRANGER,
  text,
  uintOf,
} from './lockstep.ts';

const OBSERVE = 6;
const ETAG = 4;
const BLOCK2 = 23;
const BLOCK1 = 27;
const SIZE2 = 28;
const SIZE1 = 60;

const body = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => 97 + (at % 26)));

let blocksSent = 0;

/** Sends one block of an upload, with its own message id and token, and returns the answer. */
function uploader(lockstep: Lockstep, whole: Uint8Array, size: number, code = 3) {
  return async (number: number, more = (number + 1) * size < whole.length, peer = PEER) => {
    const mid = 0x1000 + blocksSent++;
    await lockstep.say(
      {
        code,
        mid,
        token: Buffer.from([mid >> 8, mid & 255]),
        options: [
          { number: 11, value: 'fw' },
          { number: BLOCK1, value: block(number, more, size) },
        ],
        payload: whole.subarray(number * size, (number + 1) * size),
      },
      peer,
    );
    return lockstep.hear();
  };
}

const changed = (): CoapResponse => ({ code: '2.04' });

describe('a body that arrives in blocks (RFC 7959 2.5)', () => {
  test('is whole for the handler, whatever token each block has; each answer carries Block1', async () => {
    const lockstep = createLockstep({ handler: changed });
    const whole = body(150);
    const send = uploader(lockstep, whole, 64);
    const answers = [await send(0), await send(1), await send(2)];
    expect(answers.map(({ code }) => code)).toEqual([0x5f, 0x5f, 0x44]);
    expect(answers.map((answer) => uintOf(answer, BLOCK1))).toEqual([
      block(0, true, 64),
      block(1, true, 64),
      block(2, false, 64),
    ]);
    expect(lockstep.served).toHaveLength(1);
    expect(hex(lockstep.served[0]?.payload ?? body(0))).toBe(hex(whole));
    expect(lockstep.endpoint.statistics().uploads).toBe(0);
  });

  test('byte for byte: 2.31 with the same block (RFC 7959 3.2)', async () => {
    const { inject, heardBytes } = createLockstep({ handler: changed });
    await inject(`42030001aabbb26677d10308ff${'61'.repeat(16)}`);
    expect(heardBytes()).toEqual(['625f0001aabbd10e08']);
  });

  test.each([16, 32, 64, 128, 256, 512, 1024])('in blocks of %i bytes', async (size) => {
    const lockstep = createLockstep({ handler: changed });
    const whole = body(2 * size + 1);
    const send = uploader(lockstep, whole, size);
    for (const number of [0, 1, 2]) await send(number);
    expect(lockstep.served.map(({ payload }) => hex(payload))).toEqual([hex(whole)]);
  });

  test('a body in one block is passed on at once; a zero-length Block1 is 0/0/16', async () => {
    const { inject, heardBytes, served } = createLockstep({ handler: changed });
    await inject('42030001aabbd00eff61');
    expect(heardBytes()).toEqual(['62440001aabbd00e']);
    expect(served.map(({ payload }) => text(payload))).toEqual(['a']);
  });

  test('a gap is answered with 4.08, and the missing block can still come', async () => {
    const lockstep = createLockstep({ handler: changed });
    const send = uploader(lockstep, body(150), 64);
    await send(0);
    expect((await send(2)).code).toBe(0x88);
    expect((await send(1)).code).toBe(0x5f);
    expect((await send(1)).code).toBe(0x88);
    expect((await send(2)).code).toBe(0x44);
    expect(lockstep.served.map(({ payload }) => hex(payload))).toEqual([hex(body(150))]);
  });

  test('a later block without a first one is answered with 4.08', async () => {
    const lockstep = createLockstep({ handler: changed });
    expect((await uploader(lockstep, body(150), 64)(2)).code).toBe(0x88);
    expect(lockstep.served).toEqual([]);
  });

  test('block 0 begins anew', async () => {
    const lockstep = createLockstep({ handler: changed });
    const whole = body(150);
    const abandoned = uploader(lockstep, Buffer.alloc(150, 1), 64);
    await abandoned(0);
    await abandoned(1);
    const send = uploader(lockstep, whole, 64);
    for (const number of [0, 1, 2]) await send(number);
    expect(lockstep.served.map(({ payload }) => hex(payload))).toEqual([hex(whole)]);
  });

  test('uploads to other places, by other methods and of other peers do not mix', async () => {
    const lockstep = createLockstep({ handler: changed });
    const put = uploader(lockstep, body(150), 64, 3);
    await put(0);
    await lockstep.say({
      code: 2,
      mid: 1,
      options: [
        { number: 11, value: 'fw' },
        { number: BLOCK1, value: block(1, true, 64) },
      ],
      payload: body(64),
    });
    expect(lockstep.hear().code).toBe(0x88);
    await lockstep.say({
      code: 3,
      mid: 2,
      options: [
        { number: 11, value: 'other' },
        { number: BLOCK1, value: block(1, true, 64) },
      ],
      payload: body(64),
    });
    expect(lockstep.hear().code).toBe(0x88);
    expect((await put(1, true, STRANGER)).code).toBe(0x88);
    expect((await put(1)).code).toBe(0x5f);
  });

  test('a repeated block is recognised by its message id, and does not count twice (RFC 7252 4.5)', async () => {
    const lockstep = createLockstep({ handler: changed });
    const first = `42030001aabbb26677d10308ff${'61'.repeat(16)}`;
    const second = `42030002aabbb26677d10310ff${'62'.repeat(8)}`;
    for (const message of [first, first, second, second]) await lockstep.inject(message);
    expect(lockstep.heardBytes()).toEqual([
      '625f0001aabbd10e08',
      '625f0001aabbd10e08',
      '62440002aabbd10e10',
      '62440002aabbd10e10',
    ]);
    expect(lockstep.served.map(({ payload }) => text(payload))).toEqual([
      `${'a'.repeat(16)}${'b'.repeat(8)}`,
    ]);
  });

  test.each([
    ['a block that is not full but not the last', block(0, true, 64), 63],
    ['more bytes than the block has', block(0, false, 16), 17],
    ['the reserved size exponent 7', 7, 16],
  ])('%s is refused with 4.00 (RFC 7959 2.2)', async (_, value, length) => {
    const { say, hear, served } = createLockstep({ handler: changed });
    await say({ code: 3, options: [{ number: BLOCK1, value }], payload: body(length) });
    expect([hear().code, served.length]).toEqual([0x80, 0]);
  });

  test('a body that is too large is refused with 4.13 and the limit, as soon as it is known (RFC 7959 2.9.3)', async () => {
    const lockstep = createLockstep({ handler: changed, limits: { bodyBytes: 100 } });
    const send = uploader(lockstep, body(150), 64);
    await send(0);
    const refused = await send(1);
    expect([refused.code, uintOf(refused, SIZE1)]).toEqual([0x8d, 100]);
    expect(lockstep.endpoint.statistics().uploads).toBe(0);
    const options = [
      { number: BLOCK1, value: block(0, true, 64) },
      { number: SIZE1, value: 150 },
    ];
    await lockstep.say({ code: 3, mid: 1, options, payload: body(64) });
    expect(lockstep.hear().code).toBe(0x8d);
  });

  test('smaller blocks are asked for with the first answer (RFC 7959 2.3)', async () => {
    const lockstep = createLockstep({ handler: changed, parameters: { blockSize: 32 } });
    const whole = body(100);
    expect(uintOf(await uploader(lockstep, whole, 64)(0), BLOCK1)).toBe(block(0, true, 32));
    const send = uploader(lockstep, whole, 32);
    expect([(await send(2)).code, (await send(3)).code]).toEqual([0x5f, 0x44]);
    expect(lockstep.served.map(({ payload }) => hex(payload))).toEqual([hex(whole)]);
  });

  test('a peer with too many uploads loses the one that rests longest; other peers do not (bounded)', async () => {
    const lockstep = createLockstep({ handler: changed, limits: { uploadsPerPeer: 2, uploads: 3 } });
    const begin = async (
      path: string,
      number: number,
      peer = PEER,
      mid = 0x300 + number * 16 + path.charCodeAt(0),
    ) => {
      const options = [
        { number: 11, value: path },
        { number: BLOCK1, value: block(number, true, 16) },
      ];
      await lockstep.say({ code: 3, mid, options, payload: body(16) }, peer);
      return lockstep.hear().code;
    };
    expect([await begin('a', 0), await begin('b', 0), await begin('a', 1), await begin('c', 0)]).toEqual([
      0x5f, 0x5f, 0x5f, 0x5f,
    ]);
    expect([await begin('b', 1), await begin('a', 2)]).toEqual([0x88, 0x5f]);
    expect(await begin('d', 0, STRANGER)).toBe(0x5f);
    expect(await begin('e', 0, STRANGER)).toBe(0xa3);
    expect(lockstep.endpoint.statistics().uploads).toBe(3);
  });

  test('an upload that nobody goes on with is forgotten after EXCHANGE_LIFETIME', async () => {
    const lockstep = createLockstep({ handler: changed });
    await uploader(lockstep, body(150), 64)(0);
    await lockstep.clock.advance(2 * 247_000);
    expect(lockstep.endpoint.statistics().uploads).toBe(0);
  });

  test('an observation by FETCH in blocks is opened by the last one (RFC 8132 2.4)', async () => {
    const { say, hear, served } = createLockstep({ handler: () => ({ code: '2.05', onObserve() {} }) });
    const send = async (number: number, more: boolean, observe: boolean) => {
      const options = [
        ...(observe ? [{ number: OBSERVE, value: 0 }] : []),
        { number: BLOCK1, value: block(number, more, 16) },
      ];
      await say({ code: 5, mid: number, options, payload: body(16) });
      return hear();
    };
    await send(0, true, true);
    const last = await send(1, false, false);
    expect([last.code, uintOf(last, OBSERVE), uintOf(last, BLOCK1)]).toEqual([0x45, 1, block(1, false, 16)]);
    expect(served.map(({ observe }) => observe)).toEqual([0]);
  });
});

/** Fetches an answer by hand, each block with its own message id and token. */
async function fetchAll(
  lockstep: Lockstep,
  size: number,
  blocks: number,
  more: { code?: number; payload?: string } = {},
) {
  const answers = [];
  for (let number = 0; number < blocks; number++) {
    await lockstep.say({
      mid: 0x400 + number,
      token: Buffer.from([number]),
      options: [{ number: BLOCK2, value: block(number, false, size) }],
      ...more,
    });
    answers.push(lockstep.hear());
  }
  return answers;
}

describe('an answer that is fetched in blocks (RFC 7959 2.4)', () => {
  const large = (length: number) => (): CoapResponse => ({
    code: '2.05',
    contentFormat: 110,
    payload: body(length),
  });

  test('up to 1024 bytes go in one message', async () => {
    const { say, hear } = createLockstep({ handler: large(1024) });
    await say({});
    const answer = hear();
    expect([answer.payload.length, uintOf(answer, BLOCK2)]).toEqual([1024, undefined]);
  });

  test('beyond that, the first block comes unasked, with ETag and Size2', async () => {
    const { say, hear } = createLockstep({ handler: large(1025) });
    await say({});
    const answer = hear();
    expect(answer.payload).toHaveLength(1024);
    expect([uintOf(answer, BLOCK2), uintOf(answer, SIZE2)]).toEqual([block(0, true, 1024), 1025]);
    expect(answer.options.find(({ number }) => number === ETAG)?.value).toHaveLength(8);
  });

  test.each([16, 64, 1024])(
    'in blocks of %i bytes as the client wants, and the handler runs once',
    async (size) => {
      const whole = body(2 * size + 3);
      const lockstep = createLockstep({ handler: large(whole.length) });
      const answers = await fetchAll(lockstep, size, 3);
      expect(hex(Buffer.concat(answers.map(({ payload }) => payload)))).toBe(hex(whole));
      expect(answers.map((answer) => uintOf(answer, BLOCK2))).toEqual([
        block(0, true, size),
        block(1, true, size),
        block(2, false, size),
      ]);
      expect(new Set(answers.map((answer) => uintOf(answer, ETAG))).size).toBe(1);
      expect(answers.map((answer) => uintOf(answer, 12))).toEqual([110, 110, 110]);
      expect(lockstep.served).toHaveLength(1);
    },
  );

  test('a small answer to a request with Block2 says that it is whole', async () => {
    const { say, hear } = createLockstep({ handler: large(5) });
    await say({ options: [{ number: BLOCK2, value: block(0, false, 16) }] });
    expect(uintOf(hear(), BLOCK2)).toBe(block(0, false, 16));
  });

  test('a block beyond the end, or of the reserved size, is refused with 4.00', async () => {
    const { say, hear } = createLockstep({ handler: large(100) });
    await say({ mid: 1, options: [{ number: BLOCK2, value: block(7, false, 16) }] });
    expect(hear().code).toBe(0x80);
    await say({ mid: 2, options: [{ number: BLOCK2, value: 7 }] });
    expect(hear().code).toBe(0x80);
  });

  test('the code of an answer is that of all its blocks', async () => {
    const lockstep = createLockstep({ handler: () => ({ code: '4.04', payload: body(40) }) });
    const answers = await fetchAll(lockstep, 32, 2);
    expect(answers.map(({ code }) => code)).toEqual([0x84, 0x84]);
  });

  test('a later block that is not kept any more: GET asks the handler, POST is not done twice', async () => {
    const lockstep = createLockstep({ handler: large(100) });
    const options = [{ number: BLOCK2, value: block(1, false, 64) }];
    await lockstep.say({ mid: 1, options });
    expect(text(lockstep.hear().payload)).toBe(text(body(100).subarray(64)));
    await lockstep.say({ mid: 2, code: 2, options });
    expect(lockstep.hear().code).toBe(0x88);
    expect(lockstep.served.map(({ method }) => method)).toEqual(['GET']);
  });

  test('the answer to a POST is kept, and fetched without doing it twice', async () => {
    const lockstep = createLockstep({ handler: large(100) });
    const answers = await fetchAll(lockstep, 64, 2, { code: 2 });
    expect(answers.map(({ payload }) => payload.length)).toEqual([64, 36]);
    expect(lockstep.served).toHaveLength(1);
  });

  test('two FETCHes of one place with different payloads do not mix (RFC 8132 2)', async () => {
    const handler = ({ payload }: CoapRequest): CoapResponse => ({
      code: '2.05',
      payload: Buffer.alloc(40, payload),
    });
    const lockstep = createLockstep({ handler });
    const one = (payload: string, number: number, mid: number) => ({
      code: 5,
      mid,
      payload,
      options: [{ number: BLOCK2, value: block(number, false, 32) }],
    });
    const heard: string[] = [];
    for (const [mid, payload, number] of [
      [1, 'a', 0],
      [2, 'b', 0],
      [3, 'a', 1],
      [4, 'b', 1],
    ] as const) {
      await lockstep.say(one(payload, number, mid));
      heard.push(text(lockstep.hear().payload));
    }
    expect(heard).toEqual(['a'.repeat(32), 'b'.repeat(32), 'a'.repeat(8), 'b'.repeat(8)]);
    // Not every client repeats the payload: then it is the last answer.
    await lockstep.say({ code: 5, mid: 5, options: [{ number: BLOCK2, value: block(1, false, 32) }] });
    expect(text(lockstep.hear().payload)).toBe('b'.repeat(8));
    expect(lockstep.served).toHaveLength(2);
  });

  test('kept answers are bounded and age', async () => {
    const lockstep = createLockstep({ handler: large(2000), limits: { keptBodies: 2 } });
    for (let at = 0; at < 20; at++)
      await lockstep.say({ mid: at, options: [{ number: 11, value: String(at) }] });
    expect(lockstep.endpoint.statistics().keptBodies).toBeLessThanOrEqual(4);
    await lockstep.clock.advance(2 * 247_000);
    expect(lockstep.endpoint.statistics().keptBodies).toBe(0);
  });

  test('an answer with an ETag of its own keeps it', async () => {
    const { say, hear } = createLockstep({
      handler: () => ({ code: '2.05', payload: body(2000), options: [{ number: ETAG, value: 'own' }] }),
    });
    await say({});
    expect(
      hear()
        .options.filter(({ number }) => number === ETAG)
        .map(({ value }) => text(value)),
    ).toEqual(['own']);
  });

  test('a body in blocks both ways (RFC 7959 2.7)', async () => {
    const lockstep = createLockstep({ handler: large(100), parameters: { blockSize: 64 } });
    const send = uploader(lockstep, body(70), 64, 2);
    await send(0);
    const answer = await send(1);
    expect([answer.code, uintOf(answer, BLOCK1), uintOf(answer, BLOCK2)]).toEqual([
      0x45,
      block(1, false, 64),
      block(0, true, 64),
    ]);
    await lockstep.say({
      code: 2,
      options: [
        { number: 11, value: 'fw' },
        { number: BLOCK2, value: block(1, false, 64) },
      ],
    });
    expect(lockstep.hear().payload).toHaveLength(36);
    expect(lockstep.served).toHaveLength(1);
  });
});

describe('our own transfers', () => {
  const failure = (promise: Promise<unknown>): Promise<{ code: string }> =>
    promise.then(
      () => ({ code: 'none' }),
      (error) => error,
    );

  /** Answers what the endpoint asks, until it asks nothing more. */
  async function serve(
    lockstep: Lockstep,
    answer: (asked: ReturnType<Lockstep['hear']>) => {
      code: number;
      options?: { number: number; value: number | string }[];
      payload?: Uint8Array;
    },
  ) {
    const asked = [];
    for (let round = 0; round < 500; round++) {
      await lockstep.clock.advance(0);
      const [request] = lockstep.heard();
      if (request === undefined) return asked;
      asked.push(request);
      await lockstep.say({ type: ACK, mid: request.mid, token: request.token, ...answer(request) });
    }
    throw new Error('asks without end');
  }
  const put = (lockstep: Lockstep, payload: Uint8Array) =>
    lockstep.endpoint.request(PEER, { method: 'PUT', path: ['fw'], contentFormat: 42, payload });
  const get = (lockstep: Lockstep) => lockstep.endpoint.request(PEER, { method: 'GET', path: ['fw'] });

  test('a large body is sent block by block, with Size1 and a new token each time (RFC 7959 2.5)', async () => {
    const lockstep = createLockstep();
    const whole = body(2500);
    const answer = put(lockstep, whole);
    const asked = await serve(lockstep, (request) => {
      const value = uintOf(request, BLOCK1) ?? 0;
      return { code: (value & 8) === 0 ? 0x44 : 0x5f, options: [{ number: BLOCK1, value }] };
    });
    expect((await answer).code).toBe('2.04');
    expect(asked.map((request) => uintOf(request, BLOCK1))).toEqual([
      block(0, true, 1024),
      block(1, true, 1024),
      block(2, false, 1024),
    ]);
    expect(asked.map((request) => uintOf(request, SIZE1))).toEqual([2500, undefined, undefined]);
    expect(hex(Buffer.concat(asked.map(({ payload }) => payload)))).toBe(hex(whole));
    expect(new Set(asked.map(({ token }) => hex(token))).size).toBe(3);
  });

  test('it goes on with smaller blocks if 2.31 asks for them (RFC 7959 2.5)', async () => {
    const lockstep = createLockstep();
    const whole = body(1500);
    const answer = put(lockstep, whole);
    const asked = await serve(lockstep, (request) => {
      const value = uintOf(request, BLOCK1) ?? 0;
      if ((value & 8) === 0) return { code: 0x44 };
      return { code: 0x5f, options: [{ number: BLOCK1, value: (value & ~7) | 4 }] };
    });
    expect((await answer).code).toBe('2.04');
    expect(asked.map((request) => uintOf(request, BLOCK1))).toEqual([
      block(0, true, 1024),
      block(4, true, 256),
      block(5, false, 256),
    ]);
    expect(hex(Buffer.concat(asked.map(({ payload }) => payload)))).toBe(hex(whole));
  });

  test('it begins anew with smaller blocks if 4.13 asks for them (RFC 7959 2.9.3)', async () => {
    const lockstep = createLockstep();
    const answer = put(lockstep, body(1500));
    const asked = await serve(lockstep, (request) => {
      const value = uintOf(request, BLOCK1) ?? 0;
      if ((value & 7) > 5) return { code: 0x8d, options: [{ number: BLOCK1, value: 5 }] };
      return { code: (value & 8) === 0 ? 0x44 : 0x5f, options: [{ number: BLOCK1, value }] };
    });
    expect((await answer).code).toBe('2.04');
    expect(asked.map((request) => uintOf(request, BLOCK1))).toEqual([
      block(0, true, 1024),
      block(0, true, 512),
      block(1, true, 512),
      block(2, false, 512),
    ]);
  });

  test('a body of more blocks than can be counted is not begun (RFC 7959 2.2)', async () => {
    const lockstep = createLockstep({ parameters: { blockSize: 16 } });
    const request = { method: 'PUT', path: ['a'], payload: Buffer.alloc(2 ** 24 + 1) } as const;
    expect(await codeOf(lockstep.endpoint.request(PEER, request))).toBe('coap.bad-request');
    expect(lockstep.heard()).toEqual([]);
  });

  test('it begins anew after 4.08, twice at most (RFC 7959 2.9.2)', async () => {
    const lockstep = createLockstep();
    const answer = put(lockstep, body(1500));
    const asked = await serve(lockstep, (request) => {
      const value = uintOf(request, BLOCK1) ?? 0;
      return value >= 16 ? { code: 0x88 } : { code: 0x5f, options: [{ number: BLOCK1, value }] };
    });
    expect((await answer).code).toBe('4.08');
    expect(asked).toHaveLength(6);
  });

  test('an error ends it, and is the answer', async () => {
    const lockstep = createLockstep();
    const answer = put(lockstep, body(1500));
    expect(await serve(lockstep, () => ({ code: 0x83 }))).toHaveLength(1);
    expect((await answer).code).toBe('4.03');
  });

  test.each([
    ['success before the last block', { code: 0x44 }],
    ['2.31 without Block1', { code: 0x5f }],
    ['2.31 to another block', { code: 0x5f, options: [{ number: BLOCK1, value: 0x2e }] }],
  ])('%s breaks it: half a body is none', async (_, answer) => {
    const lockstep = createLockstep();
    const outcome = failure(put(lockstep, body(3000)));
    await serve(lockstep, () => answer);
    expect(await outcome).toMatchObject({ code: 'coap.protocol' });
  });

  test('two uploads to one place take turns, since nothing tells them apart (RFC 7959 2.5)', async () => {
    const lockstep = createLockstep({ parameters: { nstart: 4 } });
    const answers = [put(lockstep, Buffer.alloc(1500, 'a')), put(lockstep, Buffer.alloc(1500, 'b'))];
    const asked = await serve(lockstep, (request) => {
      const value = uintOf(request, BLOCK1) ?? 0;
      return { code: (value & 8) === 0 ? 0x44 : 0x5f, options: [{ number: BLOCK1, value }] };
    });
    expect(asked.map(({ payload }) => text(payload.subarray(0, 1))).join('')).toBe('aabb');
    expect((await Promise.all(answers)).map(({ code }) => code)).toEqual(['2.04', '2.04']);
  });

  test('a large answer is fetched block by block, and is whole (RFC 7959 2.4)', async () => {
    const lockstep = createLockstep();
    const whole = body(150);
    const answer = get(lockstep);
    const asked = await serve(lockstep, (request) => {
      const number = (uintOf(request, BLOCK2) ?? 2) >> 4;
      const value = block(number, number < 2, 64);
      return {
        code: 0x45,
        options: [
          { number: ETAG, value: 'v1' },
          { number: 12, value: 42 },
          { number: BLOCK2, value },
        ],
        payload: whole.subarray(number * 64, number * 64 + 64),
      };
    });
    expect(asked.map((request) => uintOf(request, BLOCK2))).toEqual([
      undefined,
      block(1, false, 64),
      block(2, false, 64),
    ]);
    const { payload, contentFormat } = await answer;
    expect([hex(payload), contentFormat]).toEqual([hex(whole), 42]);
  });

  test('with smaller blocks of our own, the first request says so (RFC 7959 2.4)', async () => {
    const lockstep = createLockstep({ parameters: { blockSize: 32 } });
    void failure(get(lockstep));
    await lockstep.clock.advance(0);
    expect(uintOf(lockstep.hear(), BLOCK2)).toBe(block(0, false, 32));
  });

  test('a representation that changes is fetched anew; if it goes on changing, there is no answer', async () => {
    let version = 0;
    const serveVersions =
      (until: number) => (request: { options: readonly { number: number; value: Uint8Array }[] }) => {
        const value = request.options.find(({ number }) => number === BLOCK2)?.value[0] ?? 0;
        const number = value >> 4;
        if (number > 0 && version < until) version++;
        return {
          code: 0x45,
          options: [
            { number: ETAG, value: `v${version}` },
            { number: BLOCK2, value: block(number, number < 1, 16) },
          ],
          payload: Buffer.alloc(16, String(version)),
        };
      };
    const lockstep = createLockstep();
    const answer = get(lockstep);
    await serve(lockstep, serveVersions(1));
    expect(text((await answer).payload)).toBe('1'.repeat(32));
    const outcome = failure(get(lockstep));
    await serve(lockstep, serveVersions(Number.POSITIVE_INFINITY));
    expect(await outcome).toMatchObject({ code: 'coap.incomplete' });
  });

  test.each([
    ['another block than asked for', block(2, false, 16), 16],
    ['a block that is not full', block(1, true, 16), 15],
    ['the reserved size', 0x17, 16],
  ])('%s is no answer', async (_, value, length) => {
    const lockstep = createLockstep();
    const outcome = failure(get(lockstep));
    await serve(lockstep, (request) =>
      uintOf(request, BLOCK2) === undefined
        ? { code: 0x45, options: [{ number: BLOCK2, value: block(0, true, 16) }], payload: body(16) }
        : { code: 0x45, options: [{ number: BLOCK2, value }], payload: body(length) },
    );
    expect(await outcome).toMatchObject({ code: 'coap.protocol' });
  });

  test('an answer larger than the limit is not fetched, announced or not', async () => {
    const lockstep = createLockstep({ limits: { bodyBytes: 100 } });
    const endless = failure(get(lockstep));
    const asked = await serve(lockstep, (request) => ({
      code: 0x45,
      options: [{ number: BLOCK2, value: block((uintOf(request, BLOCK2) ?? 0) >> 4, true, 64) }],
      payload: body(64),
    }));
    expect([(await endless).code, asked.length]).toEqual(['coap.too-large', 2]);
    const announced = failure(get(lockstep));
    const first = await serve(lockstep, () => ({
      code: 0x45,
      options: [
        { number: BLOCK2, value: block(0, true, 64) },
        { number: SIZE2, value: 101 },
      ],
      payload: body(64),
    }));
    expect([(await announced).code, first.length]).toEqual(['coap.too-large', 1]);
  });

  test('every block has its own deadline, and a lost one ends the transfer', async () => {
    const lockstep = createLockstep();
    const outcome = failure(get(lockstep));
    await lockstep.clock.advance(0);
    const { mid, token } = lockstep.hear();
    await lockstep.say({
      type: ACK,
      code: 0x45,
      mid,
      token,
      options: [{ number: BLOCK2, value: block(0, true, 16) }],
      payload: body(16),
    });
    await lockstep.clock.advance(100_000);
    expect(await outcome).toMatchObject({ code: 'coap.timeout' });
    expect(lockstep.endpoint.statistics()).toMatchObject({ outstanding: 0, expected: 0 });
  });

  test('a large answer may be separate, block by block', async () => {
    const lockstep = createLockstep();
    const answer = get(lockstep);
    for (const number of [0, 1]) {
      await lockstep.clock.advance(0);
      const asked = lockstep.heard().find(({ type }) => type === CON);
      await lockstep.say({ type: ACK, code: 0, mid: asked?.mid ?? 0 });
      await lockstep.say({
        type: number === 0 ? CON : NON,
        code: 0x45,
        mid: 0x700 + number,
        token: asked?.token ?? body(0),
        options: [{ number: BLOCK2, value: block(number, number === 0, 16) }],
        payload: body(16),
      });
    }
    expect((await answer).payload).toHaveLength(32);
  });
});
