import { describe, expect, test } from 'vitest';
import type { CoapResponse, Method } from '../../src/coap/index.ts';
import {
  ACK,
  block,
  codeOf,
  createLockstep,
  hex,
  NON,
  PEER,
  RST,
  STRANGER,
  TOKEN,
  text,
  uintOf,
} from './lockstep.ts';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'FETCH', 'PATCH', 'iPATCH'] as const satisfies Method[];
const optionsOf = (
  { options }: { options: readonly { number: number; value: Uint8Array }[] },
  number: number,
) => options.filter((option) => option.number === number).map(({ value }) => value);

describe('requests and answers', () => {
  test('each method goes both ways (RFC 7252 5.8, RFC 8132 2)', async () => {
    const { endpoint, say, hear, served } = createLockstep();
    for (const [at, method] of METHODS.entries()) {
      await say({ code: at + 1, mid: at });
      expect(hear().code).toBe(0x45);
      const answer = endpoint.request(PEER, { method, path: ['', 'a/b', 'ü'] });
      await Promise.resolve();
      const asked = hear();
      expect(asked.code).toBe(at + 1);
      expect(optionsOf(asked, 11).map(text)).toEqual(['', 'a/b', 'ü']);
      await say({ type: ACK, code: 0x44, mid: asked.mid, token: asked.token });
      expect((await answer).code).toBe('2.04');
    }
    expect(served.map(({ method }) => method)).toEqual(METHODS);
  });

  test('a method that nobody has defined (RFC 7252 5.8): 4.05, also without confirmation', async () => {
    const { say, hear, served } = createLockstep();
    await say({ code: 8, type: NON });
    expect([hear(), served]).toMatchObject([{ type: NON, code: 0x85 }, []]);
  });

  test.each([0, 40, 42, 60, 110, 112, 11_542, 11_543, 11_544, 65_535])(
    'content formats are numbers both ways: %i (RFC 7252 5.10.3)',
    async (contentFormat) => {
      const { endpoint, say, hear, served } = createLockstep({
        handler: ({ accept = -1 }) => ({ code: '2.05', contentFormat: accept }),
      });
      const options = [12, 17].map((number) => ({ number, value: contentFormat }));
      await say({ code: 5, options });
      expect(uintOf(hear(), 12)).toBe(contentFormat);
      expect(served).toMatchObject([{ contentFormat, accept: contentFormat }]);
      const answer = endpoint.request(PEER, {
        method: 'PUT',
        path: [],
        contentFormat,
        accept: contentFormat,
      });
      await Promise.resolve();
      const { mid, token, options: sent } = hear();
      expect(sent.map(({ value }) => Number.parseInt(hex(value) || '0', 16))).toEqual([
        contentFormat,
        contentFormat,
      ]);
      await say({ type: ACK, code: 0x45, mid, token, options: [{ number: 12, value: contentFormat }] });
      expect((await answer).contentFormat).toBe(contentFormat);
    },
  );

  test('options come as bytes, also repeated ones, and up to 1034 of them (RFC 7252 5.4.5, 5.10)', async () => {
    const etag = Buffer.from('00ff80fe', 'hex');
    const { endpoint, say, hear, served } = createLockstep({
      handler: () => ({ code: '2.05', options: [{ number: 4, value: etag }] }),
    });
    const long = Buffer.alloc(1034, 1);
    const options = [etag, Buffer.from([1])].map((value) => ({ number: 4, value }));
    await say({ options: [...options, { number: 65_000, value: long }] });
    expect(optionsOf(hear(), 4).map(hex)).toEqual([hex(etag)]);
    const [request] = served;
    expect(request && optionsOf(request, 4).map(hex)).toEqual([hex(etag), '01']);
    expect(request && optionsOf(request, 65_000).map(({ length }) => length)).toEqual([1034]);
    const answer = endpoint.request(PEER, { method: 'GET', path: [], options });
    await Promise.resolve();
    const asked = hear();
    expect(optionsOf(asked, 4).map(hex)).toEqual([hex(etag), '01']);
    await say({ type: ACK, code: 0x45, mid: asked.mid, token: asked.token, options });
    expect(optionsOf(await answer, 4).map(hex)).toEqual([hex(etag), '01']);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'tokens of 0 to 8 bytes come back as they came: %i (RFC 7252 5.3.1)',
    async (length) => {
      const { say, hear } = createLockstep();
      const token = TOKEN.length >= length ? TOKEN.subarray(0, length) : Buffer.alloc(length, 7);
      await say({ token });
      expect(hex(hear().token)).toBe(hex(token));
    },
  );
});

describe('observations', () => {
  const observing = (response: CoapResponse) => {
    const ends: string[] = [];
    const lockstep = createLockstep({
      handler: () => ({
        ...response,
        onObserve: (observation) => {
          observation.owner = { ended: (why) => void ends.push(why) };
        },
      }),
    });
    return { ...lockstep, ends };
  };
  const fetching = (observe: number, mid: number) => ({
    code: 5,
    mid,
    payload: '[]',
    options: [{ number: 6, value: observe }],
  });

  test('FETCH with Observe=1 ends it as well (RFC 8132 2.4, RFC 7641 3.6)', async () => {
    const { say, hear, ends } = observing({ code: '2.05' });
    await say(fetching(0, 1));
    expect(uintOf(hear(), 6)).toBe(1);
    await say(fetching(1, 2), STRANGER);
    hear();
    expect(ends).toEqual([]);
    await say(fetching(1, 3));
    expect([uintOf(hear(), 6), ends]).toEqual([undefined, ['deregistered']]);
  });

  test('a handler that does not notify answers without Observe (RFC 7641 4.1)', async () => {
    const { say, hear, endpoint } = createLockstep({ handler: () => ({ code: '2.05' }) });
    await say({ options: [{ number: 6, value: 0 }] });
    expect([uintOf(hear(), 6), endpoint.statistics().observations]).toEqual([undefined, 0]);
  });
});

describe('blocks', () => {
  test('one token for all blocks, and on two places, mixes nothing (RFC 7959 2.5)', async () => {
    const { say, hear, served } = createLockstep({ handler: () => ({ code: '2.04' }) });
    let mid = 0;
    const put = async (path: string, number: number, more: boolean) => {
      const options = [
        { number: 11, value: path },
        { number: 27, value: block(number, more, 16) },
      ];
      await say({ code: 3, mid: ++mid, options, payload: path.repeat(16) });
      return hear().code;
    };
    const codes = [];
    for (const [path, number] of [
      ['a', 0],
      ['b', 0],
      ['a', 1],
      ['b', 1],
    ] as const)
      codes.push(await put(path, number, number === 0));
    expect(codes).toEqual([0x5f, 0x5f, 0x44, 0x44]);
    expect(served.map(({ payload }) => text(payload))).toEqual(['a'.repeat(32), 'b'.repeat(32)]);
  });

  test.each([16, 32, 64, 128, 256, 512, 1024])(
    'blocks of the size that the first request asks for: %i; each has the content format (RFC 7959 2.4)',
    async (size) => {
      const whole = Buffer.alloc(2 * size + 1, 'x');
      const { say, hear, served } = createLockstep({
        handler: () => ({ code: '2.05', contentFormat: 112, payload: whole }),
      });
      let length = 0;
      for (const number of [0, 1, 2]) {
        await say({ mid: number, options: [{ number: 23, value: block(number, false, size) }] });
        const answer = hear();
        length += answer.payload.length;
        expect([uintOf(answer, 23), uintOf(answer, 12)]).toEqual([block(number, number < 2, size), 112]);
      }
      expect([length, served.length]).toEqual([whole.length, 1]);
    },
  );

  test('a Block option of 4 bytes is none that we know: 4.02, or no answer (RFC 7959 2.1, RFC 7252 5.4.3)', async () => {
    const { endpoint, say, hear, heard } = createLockstep();
    for (const number of [23, 27]) {
      await say({ mid: number, options: [{ number, value: 'xxxx' }] });
      expect(hear().code).toBe(0x82);
      const outcome = codeOf(endpoint.request(PEER, { method: 'GET', path: [] }));
      await Promise.resolve();
      const { token } = hear();
      await say({ type: NON, code: 0x45, mid: 0x100 + number, token, options: [{ number, value: 'xxxx' }] });
      expect(await outcome).toBe('coap.protocol');
      expect(heard().map(({ type }) => type)).toEqual([RST]);
    }
  });
});
