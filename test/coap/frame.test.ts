import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFrameReader, encodeFrame } from '../../src/coap/frame.ts';
import type { Message, MessageToSend } from '../../src/coap/message.ts';
import { hex } from './lockstep.ts';

const MOST = 1 << 20;
const TOKEN = Buffer.from([0x42]);

const message = (payload: Uint8Array, token: Uint8Array = TOKEN): MessageToSend => ({
  code: 2,
  token,
  options: [],
  payload,
});

/** All that is found in these pieces. */
function readAll(pieces: readonly Uint8Array[], most = MOST): (Message | string)[] {
  const reader = createFrameReader(most);
  const found: (Message | string)[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      found.push(next);
      if (typeof next === 'string') return found;
    }
  }
  return found;
}

const essence = (found: Message | string) =>
  typeof found === 'string' ? found : [found.code, hex(found.token), hex(found.payload)];

describe('a message in a stream (RFC 8323 3.2)', () => {
  test.each([
    ['00e1', 0xe1, ''],
    ['01e242', 0xe2, '42'],
    ['01e342', 0xe3, '42'],
  ])('%s is read', (bytes, code, token) => {
    const [found] = readAll([Buffer.from(bytes, 'hex')]);
    expect(found).toMatchObject({ code });
    expect(hex((found as Message).token)).toBe(token);
  });

  test('a CSM with Max-Message-Size 8192 and Block-Wise-Transfer', () => {
    const [found] = readAll([Buffer.from('40e122200020', 'hex')]);
    expect(found).toMatchObject({ code: 0xe1, options: [{ number: 2 }, { number: 4 }] });
  });

  // The length counts options, marker and payload: here the marker and the payload.
  test.each([
    [0, '0'],
    [12, 'c'],
    [13, 'd00'],
    [268, 'dff'],
    [269, 'e0000'],
    [65_804, 'effff'],
    [65_805, 'f00000000'],
    [70_000, 'f00001063'],
  ])('of length %i has the shortest form, and comes back whole', (length, nibbles) => {
    const payload = Buffer.alloc(Math.max(0, length - 1), 0x61);
    const bytes = encodeFrame(message(payload));
    const head = hex(bytes).slice(0, nibbles.length + 1);
    expect(head[0] + head.slice(2)).toBe(nibbles);
    expect(head[1]).toBe('1');
    const expected = [[2, '42', hex(payload)]];
    expect(readAll([bytes]).map(essence)).toEqual(expected);
    const small = bytes.length < 300 ? [...bytes].map((byte) => Buffer.of(byte)) : [];
    if (small.length > 0) expect(readAll(small).map(essence)).toEqual(expected);
  });

  test('any messages, cut anywhere, are the same messages', () => {
    const anyMessage = fc
      .record({
        token: fc.uint8Array({ maxLength: 8 }),
        payload: fc.oneof(
          fc.uint8Array({ maxLength: 30 }),
          fc.uint8Array({ minLength: 250, maxLength: 300 }),
        ),
      })
      .map(({ token, payload }) => message(payload, token));
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 8 }), fc.array(fc.nat(40)), (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(encodeFrame));
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        pieces.push(bytes.subarray(at));
        expect(readAll(pieces).map(essence)).toEqual(
          messages.map(({ code, token, payload }) => [code, hex(token), hex(payload)]),
        );
      }),
    );
  });

  test('of 1 MB in pieces of 1 kB is put together in time that grows with its size only', () => {
    const bytes = encodeFrame(message(Buffer.alloc(1_000_000)));
    const pieces = Array.from({ length: Math.ceil(bytes.length / 1024) }, (_, at) =>
      bytes.subarray(at * 1024, (at + 1) * 1024),
    );
    expect(readAll(pieces)).toHaveLength(1);
  });

  test.each([
    ['a token of 9 bytes', '09'],
    ['a reserved token length', '0f'],
    ['an option beyond the end', '2001b5ff'],
    ['a payload marker without payload', '1001ff'],
  ])('with %s is malformed', (_, bytes) => {
    expect(readAll([Buffer.from(bytes, 'hex')])).toEqual(['malformed']);
  });

  test.each([
    ['of one byte too many', 1000, 1001],
    ['that claims four gigabytes', 65_804, 0xffff],
  ])('%s is found out from its head, before anything is kept', (_, most, size) => {
    const head =
      size === 0xffff
        ? Buffer.from('f0ffffffff', 'hex')
        : encodeFrame(message(Buffer.alloc(size))).subarray(0, 3);
    expect(readAll([head], most)).toEqual(['too-large']);
  });

  test('any bytes are messages or a fault', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
        for (const found of readAll(pieces, 2000))
          expect(typeof found === 'string' ? ['malformed', 'too-large'] : [found]).toContain(found);
      }),
    );
  });
});
