import packet from 'coap-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/coap/codec.ts';
import { MessageType, NO_BYTES } from '../../src/coap/message.ts';
import { hex } from './lockstep.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'hex');

/** Options 60000 apart at most, so that the number stays below 65536; sorted, as they are on the wire. */
const anyOptions = fc
  .array(
    fc.record({ number: fc.integer({ min: 1, max: 65_535 }), value: fc.uint8Array({ maxLength: 300 }) }),
    {
      maxLength: 8,
    },
  )
  .map((options) => options.sort((a, b) => a.number - b.number));

const anyMessage = fc.record({
  type: fc.constantFrom(...Object.values(MessageType)),
  code: fc.integer({ min: 1, max: 255 }),
  mid: fc.integer({ min: 0, max: 65_535 }),
  token: fc.uint8Array({ maxLength: 8 }),
  options: anyOptions,
  payload: fc.uint8Array({ maxLength: 64 }),
});

const plain = (value: Uint8Array): number[] => [...value];

describe('codec', () => {
  test('the example of RFC 7252 appendix A: GET coap://server/temperature and its answer', () => {
    const request = {
      code: 1,
      token: NO_BYTES,
      options: [{ number: 11, value: 'temperature' }],
      payload: NO_BYTES,
    };
    expect(hex(encode(MessageType.confirmable, 0x7d34, request))).toBe('40017d34bb74656d7065726174757265');
    const response = { code: 0x45, token: NO_BYTES, options: [], payload: Buffer.from('22.3 C') };
    expect(hex(encode(MessageType.acknowledgement, 0x7d34, response))).toBe('60457d34ff32322e332043');
    expect(decode(bytes('40017d34bb74656d7065726174757265'))).toMatchObject({
      type: MessageType.confirmable,
      code: 1,
      mid: 0x7d34,
      options: [{ number: 11, value: Buffer.from('temperature') }],
    });
  });

  test('what is written is read back (RFC 7252 3)', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const read = decode(encode(message.type, message.mid, message));
        expect(read).toMatchObject({ type: message.type, code: message.code, mid: message.mid });
        expect(plain(read?.token ?? NO_BYTES)).toEqual(plain(message.token));
        expect(plain(read?.payload ?? NO_BYTES)).toEqual(plain(message.payload));
        expect(read?.options.map(({ number, value }) => [number, ...value])).toEqual(
          message.options.map(({ number, value }) => [number, ...value]),
        );
      }),
    );
  });

  test('coap-packet writes the same bytes and reads the same message', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const ours = encode(message.type, message.mid, message);
        const theirs = packet.generate(
          {
            code: `${message.code >> 5}.${String(message.code & 31).padStart(2, '0')}`,
            messageId: message.mid,
            token: Buffer.from(message.token),
            options: message.options.map(({ number, value }) => ({
              name: String(number),
              value: Buffer.from(value),
            })),
            // Decodes the payload as UTF-8 to find out whether there is one.
            payload: Buffer.from(message.payload),
            confirmable: message.type === MessageType.confirmable,
            ack: message.type === MessageType.acknowledgement,
            reset: message.type === MessageType.reset,
          },
          70_000,
        );
        expect(hex(theirs)).toBe(hex(ours));
        const read = packet.parse(Buffer.from(ours));
        expect(read.messageId).toBe(message.mid);
        expect(read.options.map(({ value }) => hex(value))).toEqual(
          message.options.map(({ value }) => hex(value)),
        );
        expect(hex(read.payload)).toBe(hex(message.payload));
      }),
    );
  });

  test('any bytes either are a message or are not; nothing is thrown, nothing is read beyond the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
        const message = decode(Buffer.from([0x40 | ((noise[0] ?? 0) & 15), ...noise.slice(1)]));
        const used = [message?.payload, ...(message?.options.map(({ value }) => value) ?? [])];
        expect(used.reduce((sum, part) => sum + (part?.length ?? 0), 0)).toBeLessThanOrEqual(noise.length);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['shorter than a header', '400100'],
    ['another version', '80010001'],
    ['token longer than 8 bytes (RFC 7252 3)', '49010001000000000000000000'],
    ['truncated token', '4401000100'],
    ['empty message with a token (RFC 7252 4.1)', '4100000100'],
    ['empty message with a byte after it', '4000000100'],
    ['payload marker without a payload (RFC 7252 3)', '40010001ff'],
    ['reserved option delta 15 (RFC 7252 3.1)', '40010001f0'],
    ['reserved option length 15', '400100010f'],
    ['option value beyond the end', '40010001b5616263'],
    ['truncated extended delta', '40010001d0'],
    ['truncated 16-bit length', '400100010e00'],
    ['option number beyond 65535', '40010001e0fffe00e0fffe00'],
  ])('a message format error is none of our messages: %s', (_, wrong) => {
    expect(decode(bytes(wrong))).toBeUndefined();
  });

  test('uints take the fewest bytes, and options given in any order are sent in order (RFC 7252 3.1, 3.2)', () => {
    const message = {
      code: 0x45,
      token: NO_BYTES,
      options: [
        { number: 60, value: 65_536 },
        { number: 12, value: 0 },
        { number: 14, value: 255 },
        { number: 12, value: 256 },
      ],
      payload: NO_BYTES,
    };
    expect(hex(encode(MessageType.nonConfirmable, 1, message))).toBe(
      `50450001${'c0'}${'020100'}${'21ff'}${'d321010000'}`,
    );
  });
});
