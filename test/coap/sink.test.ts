import { describe, expect, test } from 'vitest';
import type { BodyHead, BodySink, CoapResponse } from '../../src/coap/index.ts';
import {
  ACK,
  block,
  CON,
  createLockstep,
  type Lockstep,
  NON,
  PEER,
  STRANGER,
  text,
  uintOf,
} from './lockstep.ts';

const BLOCK1 = 27;
const SIZE1 = 60;

interface Recorded {
  readonly heads: BodyHead[];
  /** what the sinks were told, in order */
  readonly told: string[];
}

type Write = (chunk: Uint8Array) => ReturnType<BodySink['write']>;

/** An endpoint whose bodies below /fw go to a sink. */
function streaming(
  write: Write = () => undefined,
  options: Parameters<typeof createLockstep>[0] = {},
  sink: Partial<BodySink> = {},
): Lockstep & Recorded {
  const heads: BodyHead[] = [];
  const told: string[] = [];
  const lockstep = createLockstep({
    handler: () => ({ code: '2.04' }),
    openBody: (head) => {
      if (head.path[0] !== 'fw') return undefined;
      heads.push(head);
      return {
        write(chunk) {
          told.push(text(chunk).slice(0, 1) + chunk.length);
          return write(chunk);
        },
        end() {
          told.push('end');
          return { code: '2.04' };
        },
        abort: (why) => told.push(why),
        ...sink,
      };
    },
    ...options,
  });
  return { ...lockstep, heads, told };
}

let mids = 0x2000;

interface Details {
  readonly size?: number;
  readonly length?: number;
  readonly path?: string;
  readonly mid?: number;
  readonly size1?: number;
  readonly type?: typeof CON | typeof NON;
}

const put = (
  letter: string,
  number: number,
  more: boolean,
  { size = 16, length = size, path = 'fw', mid = mids++, size1 = -1, type = CON }: Details = {},
) => ({
  type,
  code: 3,
  mid,
  token: Buffer.from([mid >> 8, mid & 255]),
  options: [
    { number: 11, value: path },
    { number: BLOCK1, value: block(number, more, size) },
    ...(size1 < 0 ? [] : [{ number: SIZE1, value: size1 }]),
  ],
  payload: letter.repeat(length),
});

describe('a body that is taken as it comes (RFC 7959 2.5)', () => {
  test('chunk by chunk in order, with the announced size first, and the answer of its end', async () => {
    const { say, hear, heads, told, served, endpoint } = streaming();
    const codes: number[] = [];
    for (const [letter, number, more] of [
      ['a', 0, true],
      ['b', 1, true],
      ['c', 2, false],
    ] as const) {
      await say(put(letter, number, more, { length: more ? 16 : 5, ...(number === 0 && { size1: 37 }) }));
      const answer = hear();
      codes.push(answer.code);
      expect(uintOf(answer, BLOCK1)).toBe(block(number, more, 16));
    }
    expect(codes).toEqual([0x5f, 0x5f, 0x44]);
    expect(told).toEqual(['a16', 'b16', 'c5', 'end']);
    expect(heads).toMatchObject([{ method: 'PUT', path: ['fw'], size: 37, peer: PEER }]);
    expect([served.length, endpoint.statistics().uploads]).toEqual([0, 0]);
  });

  test('2.31 is sent when the chunk is taken, not before; a slow one is acknowledged first (RFC 7252 5.2.2)', async () => {
    const taken: (() => void)[] = [];
    const { say, hear, heard, told, clock } = streaming(
      () => new Promise<undefined>((resolve) => taken.push(() => resolve(undefined))),
    );
    await say(put('a', 0, true));
    expect(heard()).toEqual([]);
    taken[0]?.();
    await clock.advance(0);
    expect(hear()).toMatchObject({ type: ACK, code: 0x5f });
    await say(put('b', 1, false));
    await clock.advance(600);
    expect(hear()).toMatchObject({ type: ACK, code: 0 });
    expect(told).toEqual(['a16', 'b16']);
    taken[1]?.();
    await clock.advance(0);
    expect(hear()).toMatchObject({ type: CON, code: 0x44 });
    expect(told.at(-1)).toBe('end');
  });

  test('no chunk is delivered twice: not by a duplicate, not by a block sent anew, not while one is written (RFC 7252 4.5)', async () => {
    let take = (): void => {};
    const { say, heard, told, clock } = streaming(
      () =>
        new Promise((resolve) => {
          take = () => resolve(undefined);
        }),
    );
    const first = put('a', 0, true);
    await say(first);
    await say(first);
    await say(put('b', 1, true));
    expect(heard().map(({ code }) => code)).toEqual([0x88]);
    take();
    await clock.advance(0);
    await say(first);
    await say(put('b', 1, true));
    take();
    await clock.advance(0);
    await say(put('b', 1, true));
    expect(heard().map(({ code }) => code)).toEqual([0x5f, 0x5f, 0x5f, 0x88]);
    expect(told).toEqual(['a16', 'b16']);
  });

  test('a body in one message is one chunk', async () => {
    const { say, hear, told } = streaming();
    await say({ code: 2, options: [{ number: 11, value: 'fw' }], payload: 'small' });
    expect([hear().code, told]).toEqual([0x44, ['s5', 'end']]);
  });

  test('what nobody wants to take so is whole for the handler; requests that only ask are not offered', async () => {
    const { say, hear, told, served } = streaming();
    await say(put('a', 0, true, { path: 'other' }));
    hear();
    await say(put('b', 1, false, { path: 'other' }));
    expect(hear().code).toBe(0x44);
    await say({ code: 5, options: [{ number: 11, value: 'fw' }], payload: 'question' });
    expect(hear().code).toBe(0x44);
    expect(served.map(({ payload }) => payload.length)).toEqual([32, 8]);
    expect(told).toEqual([]);
  });

  test('it can be refused before the first chunk', async () => {
    const lockstep = createLockstep({ openBody: () => ({ code: '4.05' }) });
    await lockstep.say(put('a', 0, true));
    expect(lockstep.hear().code).toBe(0x85);
    expect([lockstep.served.length, lockstep.endpoint.statistics().uploads]).toEqual([0, 0]);
  });
});

describe('a body that will never be whole: its sink hears why, once', () => {
  const begun = async (...options: Parameters<typeof streaming>) => {
    const lockstep = streaming(...options);
    await lockstep.say(put('a', 0, true));
    lockstep.heard();
    return lockstep;
  };

  test('begun anew by its peer: replaced (RFC 7959 2.5)', async () => {
    const { say, told } = await begun();
    await say(put('b', 0, true));
    await say(put('c', 1, false));
    expect(told).toEqual(['a16', 'replaced', 'b16', 'c16', 'end']);
  });

  test('pushed out by too many others of the same peer, never by those of strangers', async () => {
    const { say, told } = await begun(undefined, { limits: { uploads: 2, uploadsPerPeer: 1 } });
    for (const path of ['b', 'c']) await say(put('x', 0, true, { path }), STRANGER);
    expect(told).toEqual(['a16']);
    await say(put('x', 0, true, { path: 'other' }));
    expect(told).toEqual(['a16', 'replaced']);
  });

  test('no block within EXCHANGE_LIFETIME: timeout', async () => {
    const { told, clock, endpoint, say, hear } = await begun();
    await clock.advance(246_000);
    expect(told).toEqual(['a16']);
    await clock.advance(1100);
    expect(told).toEqual(['a16', 'timeout']);
    expect(endpoint.statistics().uploads).toBe(0);
    await say(put('b', 1, false));
    expect(hear().code).toBe(0x88);
  });

  test('a write that does not settle: timeout, and 5.04; what it does later counts no more', async () => {
    let take = (): void => {};
    const { told, clock, heard, say } = await begun(
      () =>
        new Promise((resolve) => {
          take = () => resolve(undefined);
        }),
    );
    await clock.advance(60_100);
    expect(heard().map(({ code }) => code)).toEqual([0, 0xa4]);
    take();
    await say({ type: ACK, code: 0, mid: 1 });
    await clock.advance(300_000);
    expect([told, heard()]).toEqual([['a16', 'timeout'], []]);
  });

  test.each<[string, Write, number]>([
    ['refuses', () => ({ code: '4.22' }) satisfies CoapResponse, 0x96],
    ['refuses later', async () => ({ code: '5.03' }) satisfies CoapResponse, 0xa3],
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
      0xa0,
    ],
    ['rejects', () => Promise.reject(new Error('disk full')), 0xa0],
  ])('a write that %s: failed, and nothing more is taken', async (_, write, code) => {
    const { told, say, hear, endpoint } = streaming(write);
    await say(put('a', 0, true));
    expect(hear().code).toBe(code);
    await say(put('b', 1, false));
    expect(hear().code).toBe(0x88);
    expect(told).toEqual(['a16', 'failed']);
    expect(endpoint.statistics().uploads).toBe(0);
  });

  test.each([
    ['as soon as it is announced', 33, ['too-large']],
    ['when it turns out to be', -1, ['a16', 'b16', 'too-large']],
  ])('larger than the sink takes, %s: 4.13 with the limit (RFC 7959 2.9.3)', async (_, size1, expected) => {
    const { told, say, heard } = streaming(undefined, undefined, { mostBytes: 32 });
    await say(put('a', 0, true, { size1 }));
    if (size1 < 0) for (const [at, letter] of ['b', 'c'].entries()) await say(put(letter, at + 1, true));
    const last = heard().at(-1);
    expect([last?.code, last && uintOf(last, SIZE1)]).toEqual([0x8d, 32]);
    expect(told).toEqual(expected);
  });

  test('a sink may take more than is collected in memory', async () => {
    const { told, say } = streaming(undefined, { limits: { bodyBytes: 16 } }, { mostBytes: 1e9 });
    for (const [at, letter] of ['a', 'b', 'c'].entries())
      await say(put(letter, at, at < 2, { type: NON, size1: 48 }));
    expect(told).toEqual(['a16', 'b16', 'c16', 'end']);
  });

  test('the endpoint is closed: closed, also while a write is under way', async () => {
    const { told, endpoint, clock } = await begun(() => new Promise(() => {}));
    await endpoint.close();
    expect([told, clock.pending]).toEqual([['a16', 'closed'], 0]);
  });
});

test('a block now and then does not keep a place for ever: all of a body has a deadline', async () => {
  const { say, clock, told, endpoint } = streaming(undefined, { limits: { uploadMs: 3600_000 } });
  for (let minutes = 0; minutes < 64; minutes += 4) {
    await say(put('a', minutes / 4, true));
    await clock.advance(4 * 60_000);
  }
  expect([told.at(-1), told.indexOf('timeout'), endpoint.statistics().uploads]).toEqual(['timeout', 15, 0]);
});

describe('two uploads of one peer to one place', () => {
  /** A block with a token of its own client, and what the peer hears. */
  const upload =
    (lockstep: Lockstep) =>
    async (letter: string, number: number, more: boolean, token: string, tag?: string) => {
      const written = put(letter, number, more);
      const options = tag === undefined ? written.options : [...written.options, { number: 292, value: tag }];
      await lockstep.say({ ...written, options, token: Buffer.from(token) });
      return lockstep.hear().code;
    };

  test('with Request-Tags go on side by side, and do not mix (RFC 9175 3.3)', async () => {
    const lockstep = streaming();
    const send = upload(lockstep);
    const { told } = lockstep;
    await send('a', 0, true, '1', 'A');
    await send('b', 0, true, '2', 'B');
    await send('a', 1, false, '3', 'A');
    await send('b', 1, false, '4', 'B');
    expect(told).toEqual(['a16', 'b16', 'a16', 'end', 'b16', 'end']);
  });

  test('without, the later one counts; a block with the token of the earlier is not taken for its own (RFC 7959 2.5)', async () => {
    const lockstep = streaming();
    const send = upload(lockstep);
    await send('a', 0, true, 'A');
    await send('b', 0, true, 'B');
    expect(await send('a', 1, true, 'A')).toBe(0x88);
    expect(await send('b', 1, false, 'B')).toBe(0x44);
    expect(lockstep.told).toEqual(['a16', 'replaced', 'b16', 'b16', 'end']);
  });

  test('without, and with new tokens: a block out of order ends both, as nothing tells whose was taken', async () => {
    const lockstep = streaming();
    const send = upload(lockstep);
    await send('a', 0, true, '1');
    await send('b', 0, true, '2');
    expect(await send('a', 1, true, '3')).toBe(0x5f);
    expect(await send('b', 1, true, '4')).toBe(0x88);
    expect(await send('a', 2, false, '5')).toBe(0x88);
    expect(lockstep.told).toEqual(['a16', 'replaced', 'b16', 'a16', 'replaced']);
  });

  test('a later block that announces another size is of another body (RFC 7959 4)', async () => {
    const { say, hear, told } = streaming();
    await say(put('a', 0, true, { size1: 32 }));
    hear();
    await say(put('b', 1, false, { size1: 31 }));
    expect(hear().code).toBe(0x88);
    await say(put('a', 1, false, { size1: 32 }));
    expect([hear().code, told]).toEqual([0x44, ['a16', 'a16', 'end']]);
  });
});
