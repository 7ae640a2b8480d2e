import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEar, type HeardFrame } from '../../adapters/modbus/ear.ts';
import { encodeRequest, type Request } from '../../adapters/modbus/pdu.ts';
import { WIRES, wireOf } from '../../adapters/modbus/wires.ts';
import { textOf } from '../../adapters/modbus/words.ts';

/** Who listens on a bus knows neither who speaks nor what was asked before. */

const LINES = ['modbus-rtu', 'modbus-ascii'] as const;
const ask = (request: Request, unit = 1): Buffer => encodeRequest(unit, request);
const READ = ask({ function: 3, address: 10, count: 2 });
const HOLDS = Buffer.from([1, 3, 4, 0, 111, 0, 222]);
const SET = ask({ function: 6, address: 5, value: 7 });
const REFUSES = Buffer.from([1, 0x83, 2]);

const short = ({ kind, bytes, body }: HeardFrame): string =>
  kind === 'noise' ? `noise ${bytes.toString('hex')}` : `${kind} ${body.toString('hex')}`;

describe.each(LINES)('%s: on a bus', (type) => {
  const wire = wireOf(type);
  const frame = (body: Buffer): Buffer => wire.frame(body, 0);

  /** What is made of frames (bodies) and bytes that are none, one after the other, with silence in between. */
  function heard(
    ...said: readonly (Buffer | { readonly raw: Buffer } | { readonly waitMs: number })[]
  ): string[] {
    const ear = createEar(wire);
    let now = 0;
    return said
      .flatMap((one) => {
        now += 'waitMs' in one ? one.waitMs : 20;
        if ('waitMs' in one) return [];
        return [...ear.hear(Buffer.isBuffer(one) ? frame(one) : one.raw, 'both', now), ...ear.silence()];
      })
      .map(short);
  }
  const hex = (body: Buffer): string => body.toString('hex');

  test('requests and their answers are told apart by who waits for whom', () => {
    expect(heard(READ, HOLDS, READ, REFUSES)).toEqual([
      `request ${hex(READ)}`,
      `answer ${hex(HOLDS)}`,
      `request ${hex(READ)}`,
      `answer ${hex(REFUSES)}`,
    ]);
  });

  test('an acknowledgement looks like its request, and is one only in time', () => {
    expect(heard(SET, SET, SET, SET)).toEqual(
      ['request', 'answer', 'request', 'answer'].map((kind) => `${kind} ${hex(SET)}`),
    );
    expect(heard(SET, { waitMs: 2000 }, SET)).toEqual([`request ${hex(SET)}`, `request ${hex(SET)}`]);
  });

  test('an answer whose request was not heard is an answer all the same', () => {
    expect(heard(HOLDS, READ, HOLDS)).toEqual([
      `answer ${hex(HOLDS)}`,
      `request ${hex(READ)}`,
      `answer ${hex(HOLDS)}`,
    ]);
  });

  test('a silent unit leaves its request without an answer, and the next one is a request', () => {
    const other = ask({ function: 3, address: 10, count: 2 }, 2);
    expect(heard(other, READ, HOLDS)).toEqual([
      `request ${hex(other)}`,
      `request ${hex(READ)}`,
      `answer ${hex(HOLDS)}`,
    ]);
  });

  test('what is no frame is noise, and the frames around it are heard', () => {
    const noise = Buffer.from([0xff, 0x00, 0x33]);
    const damaged = frame(HOLDS);
    damaged[5] = (damaged[5] ?? 0) ^ 1;
    expect(heard({ raw: noise }, READ, { raw: damaged }, READ, HOLDS)).toEqual([
      `noise ${hex(noise)}`,
      `request ${hex(READ)}`,
      `noise ${hex(damaged)}`,
      `request ${hex(READ)}`,
      `answer ${hex(HOLDS)}`,
    ]);
  });

  test('noise right before a frame, without silence between, costs the noise only', () => {
    const noise = Buffer.from([0xff, 0x00, 0x33]);
    expect(heard({ raw: Buffer.concat([noise, frame(READ), frame(HOLDS)]) })).toEqual([
      `noise ${hex(noise)}`,
      `request ${hex(READ)}`,
      `answer ${hex(HOLDS)}`,
    ]);
  });

  test('in pieces of any size it is all the same', () => {
    const conversation = [READ, HOLDS, SET, SET, READ, REFUSES, READ, HOLDS];
    const bytes = Buffer.concat(conversation.map(frame));
    const kinds = conversation.map((body, index) => `${index % 2 === 0 ? 'request' : 'answer'} ${hex(body)}`);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sizes) => {
        const ear = createEar(wire);
        const told: string[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          told.push(...ear.hear(bytes.subarray(at, at + size), 'both', turn).map(short));
          at += size;
        }
        told.push(...ear.silence().map(short));
        expect(told).toEqual(kinds);
      }),
    );
  });
});

test.each(Object.keys(WIRES))('%s: any bytes are heard once and whole, as frames or as noise', (type) => {
  const isLine = wireOf(type).framing !== undefined;
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), (chunks) => {
      const ear = createEar(wireOf(type));
      const heard = chunks.flatMap((chunk, index) => [
        ...ear.hear(Buffer.from(chunk), isLine ? 'both' : 'master', index),
        ...(index % 3 === 2 ? ear.silence() : []),
      ]);
      heard.push(...ear.silence());
      for (const frame of heard) expect(textOf(frame)).not.toBe('');
      if (isLine) expect(Buffer.concat(heard.map(({ bytes }) => bytes))).toEqual(Buffer.concat(chunks));
    }),
  );
});

test('Modbus TCP: each side has its own stream, and frames have their transaction', () => {
  const wire = wireOf('modbus-tcp');
  const ear = createEar(wire);
  const [request, answer] = [wire.frame(READ, 77), wire.frame(HOLDS, 77)];
  expect(ear.hear(request.subarray(0, 5), 'master', 0)).toEqual([]);
  expect(ear.hear(answer, 'slave', 1)).toEqual([{ kind: 'answer', bytes: answer, body: HOLDS }]);
  expect(ear.hear(request.subarray(5), 'master', 2)).toEqual([
    { kind: 'request', bytes: request, body: READ },
  ]);
  expect(ear.hear(Buffer.from('HTTP/1.1 400'), 'slave', 3).map(({ kind }) => kind)).toEqual(['noise']);
  expect(ear.hear(answer, 'slave', 4).map(({ kind }) => kind)).toEqual(['answer']);
});

test.each<[string, HeardFrame['kind'], Buffer]>([
  ['read holding 10, 2 of unit 1', 'request', READ],
  ['read coil 0, 9 of unit 3', 'request', ask({ function: 1, address: 0, count: 9 }, 3)],
  ['write holding 5 of unit 1: 0007', 'request', SET],
  ['write holding 5 of unit 1: 0001 0002', 'request', ask({ function: 16, address: 5, registers: [1, 2] })],
  [
    'write holding 5 of unit 1 by mask: 0004 0002',
    'request',
    ask({ function: 22, address: 5, and: 4, or: 2 }),
  ],
  ['function 8 to unit 1: 0000 0009', 'request', ask({ function: 8, token: 9 })],
  ['unit 1 holds 006f 00de', 'answer', HOLDS],
  ['unit 1 refuses: illegal data address', 'answer', REFUSES],
  ['unit 1 has done it', 'answer', SET],
])('in words: %s', (text, kind, body) => {
  expect(textOf({ kind, bytes: body, body })).toBe(text);
});
