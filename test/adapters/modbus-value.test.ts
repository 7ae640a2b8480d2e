import fc from 'fast-check';
import type { FieldValue } from 'lwm2m-gateway/adapter';
import { describe, expect, test } from 'vitest';
import { float16FromBits, float32FromBits } from '../../adapters/modbus/floats.ts';
import {
  createValueCodec,
  type Order,
  type ValueFormat,
  type ValueType,
} from '../../adapters/modbus/value.ts';

const ORDERS: readonly Order[] = ['ABCD', 'CDAB', 'BADC', 'DCBA'];

const codecOf = (format: Partial<ValueFormat> & { type: ValueType }) =>
  createValueCodec({ order: 'ABCD', length: 1, ...format });

const decode = (hex: string, format: Partial<ValueFormat> & { type: ValueType }): FieldValue | undefined =>
  codecOf(format).decode(Buffer.from(hex, 'hex'), 0);

function encode(value: FieldValue, format: Partial<ValueFormat> & { type: ValueType }): string {
  const encoded = codecOf(format).encode(value);
  return 'data' in encoded ? encoded.data.toString('hex') : encoded.fault;
}

describe('registers and values, both ways', () => {
  const rows: [ValueType, Order, string, FieldValue][] = [
    ['int16', 'ABCD', 'fffe', -2],
    ['int16', 'DCBA', 'feff', -2],
    ['uint16', 'CDAB', '1234', 0x1234],
    ['uint16', 'BADC', '3412', 0x1234],
    ['int32', 'ABCD', 'ffffffff', -1],
    ['int32', 'ABCD', '80000000', -(2 ** 31)],
    ['uint32', 'ABCD', '01020304', 0x01020304],
    ['uint32', 'CDAB', '03040102', 0x01020304],
    ['uint32', 'BADC', '02010403', 0x01020304],
    ['uint32', 'DCBA', '04030201', 0x01020304],
    ['uint64', 'ABCD', '0001020304050607', 0x0001020304050607],
    ['uint64', 'CDAB', '0607040502030001', 0x0001020304050607],
    ['uint64', 'BADC', '0100030205040706', 0x0001020304050607],
    ['uint64', 'DCBA', '0706050403020100', 0x0001020304050607],
    ['uint64', 'ABCD', 'fffffffffffffffe', 18_446_744_073_709_551_614n],
    ['int64', 'ABCD', 'fffffffffffffff6', -10],
    ['int64', 'CDAB', '0000000000008000', -(2n ** 63n)],
    ['float16', 'ABCD', '3c00', 1],
    ['float16', 'ABCD', '2e66', 0.1],
    ['float16', 'ABCD', 'c000', -2],
    ['float16', 'ABCD', '0001', 6e-8],
    ['float32', 'ABCD', '4366199a', 230.1],
    ['float32', 'CDAB', '199a4366', 230.1],
    ['float32', 'BADC', '66439a19', 230.1],
    ['float32', 'DCBA', '9a196643', 230.1],
    ['float64', 'ABCD', '3ff3c0ca428c59fb', 1.2345678901234567],
    ['float64', 'DCBA', 'fb598c42cac0f33f', 1.2345678901234567],
    ['bcd16', 'ABCD', '1234', 1234],
    ['bcd32', 'ABCD', '12345678', 12345678],
    ['bcd32', 'CDAB', '56781234', 12345678],
    ['sm16', 'ABCD', '8005', -5],
    ['sm16', 'ABCD', '7fff', 32767],
    ['sm32', 'ABCD', '80000005', -5],
    ['sm32', 'CDAB', '00058000', -5],
    ['int8h', 'ABCD', 'fe00', -2],
    ['int8l', 'ABCD', '00fe', -2],
    ['uint8h', 'BADC', '00fe', 254],
    ['uint8l', 'ABCD', '00fe', 254],
    ['bcd48', 'ABCD', '123456789012', 123_456_789_012],
    ['bcd48', 'CDAB', '901256781234', 123_456_789_012],
    ['mod10k32', 'ABCD', '04d2162e', 12_345_678],
    ['mod10k48', 'CDAB', '162e04d20001', 112_345_678],
    ['mod10k64', 'ABCD', '270f270f270f270f', 9_999_999_999_999_999n],
    ['ipv4', 'ABCD', 'c0000215', '192.0.2.21'],
    ['bool', 'ABCD', '0001', true],
    ['bool', 'ABCD', '0000', false],
  ];

  test.each(rows)('%s %s %s', (type, order, hex, value) => {
    expect(decode(hex, { type, order })).toBe(value);
    expect(encode(value, { type, order })).toBe(hex);
  });

  test('a text ends at its first NUL and loses the blanks that fill it up', () => {
    expect(decode('41422043000000', { type: 'string', length: 3 })).toBe('AB C');
    expect(decode('41422020', { type: 'string', length: 2 })).toBe('AB');
    expect(decode('42414443', { type: 'string', length: 2, order: 'BADC' })).toBe('ABCD');
    expect(encode('AB', { type: 'string', length: 2 })).toBe('41420000');
    expect(encode('ABCD', { type: 'string', length: 2, order: 'DCBA' })).toBe('42414443');
  });

  test('a text is UTF-8, and Latin-1 where it is not', () => {
    expect(decode('5ac3a468', { type: 'string', length: 2 })).toBe('Zäh');
    expect(decode('5ae4686c', { type: 'string', length: 2 })).toBe('Zähl');
  });

  test('bytes keep the order of their registers', () => {
    expect(decode('01020304', { type: 'bytes', length: 2, order: 'CDAB' })).toEqual(
      new Uint8Array([1, 2, 3, 4]),
    );
    expect(encode(new Uint8Array([1, 2, 3, 4]), { type: 'bytes', length: 2, order: 'BADC' })).toBe(
      '02010403',
    );
  });

  test('one bit of a register is a bool, 0 the least significant', () => {
    expect(decode('0001', { type: 'bool', bit: 0 })).toBe(true);
    expect(decode('8000', { type: 'bool', bit: 15 })).toBe(true);
    expect(decode('7fff', { type: 'bool', bit: 15 })).toBe(false);
    expect(decode('0080', { type: 'bool', bit: 15, order: 'BADC' })).toBe(true);
  });

  const VALUES: Partial<Record<ValueType, fc.Arbitrary<FieldValue>>> = {
    bool: fc.boolean(),
    int16: fc.integer({ min: -32768, max: 32767 }),
    uint16: fc.integer({ min: 0, max: 65535 }),
    int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    float64: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    bcd16: fc.integer({ min: 0, max: 9999 }),
    bcd32: fc.integer({ min: 0, max: 99_999_999 }),
    sm16: fc.integer({ min: -32767, max: 32767 }),
    sm32: fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }),
    int8h: fc.integer({ min: -128, max: 127 }),
    int8l: fc.integer({ min: -128, max: 127 }),
    uint8h: fc.integer({ min: 0, max: 255 }),
    uint8l: fc.integer({ min: 0, max: 255 }),
    bcd48: fc.integer({ min: 0, max: 10 ** 12 - 1 }),
    mod10k32: fc.integer({ min: 0, max: 10 ** 8 - 1 }),
    mod10k48: fc.integer({ min: 0, max: 10 ** 12 - 1 }),
    mod10k64: fc.bigInt({ min: 2n ** 53n, max: 10n ** 16n - 1n }),
    ipv4: fc.ipV4(),
  };

  test.each(ORDERS)(
    'pitfall 6: decode(encode(x)) = x for every type in order %s (thingsboard-gateway #427, thingsboard-gateway #1275, thingsboard-gateway #342, thingsboard-gateway #1453, libmodbus #807)',
    (order) => {
      for (const [type, values] of Object.entries(VALUES) as [ValueType, fc.Arbitrary<FieldValue>][]) {
        const codec = codecOf({ type, order });
        fc.assert(
          fc.property(values, (value) => {
            const encoded = codec.encode(value);
            if (!('data' in encoded)) throw new Error(encoded.fault);
            const back = codec.decode(Buffer.concat([Buffer.of(0xaa, 0xbb), encoded.data]), 2);
            expect(typeof back === 'number' && typeof value === 'bigint' ? BigInt(back) : back).toBe(value);
          }),
        );
      }
    },
  );

  test.each(ORDERS)('encode(decode(bits)) = bits for every finite float in order %s', (order) => {
    for (const [type, size] of [
      ['float16', 2],
      ['float32', 4],
      ['float64', 8],
    ] as const) {
      const codec = codecOf({ type, order });
      fc.assert(
        fc.property(fc.uint8Array({ minLength: size, maxLength: size }), (bytes) => {
          const value = codec.decode(Buffer.from(bytes), 0);
          if (value === undefined || value === 0) return;
          expect(codec.encode(value)).toEqual({ data: Buffer.from(bytes) });
        }),
      );
    }
  });
});

describe('a float32 is the number whose text is the shortest that leads back to it', () => {
  const bitsOf = (value: number): number => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatBE(value);
    return bytes.readUInt32BE(0);
  };
  /** Through text: the fewest digits that round-trip. */
  const byText = (exact: number): number => {
    for (let digits = 1; digits <= 9; digits++) {
      const value = Number(exact.toPrecision(digits));
      if (Math.fround(value) === exact) return value;
    }
    return exact;
  };

  test.each([230.1, 49.98, 0.1, 1e-7, 6e-45, 3.4028235e38, 16777216, 123456790, 0.3, -12.5, 1e10, 99999.99])(
    '%f',
    (value) => {
      expect(float32FromBits(bitsOf(value))).toBe(value);
    },
  );

  test('for any bits', () => {
    const bytes = Buffer.alloc(4);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (bits) => {
        bytes.writeUInt32BE(bits);
        const exact = bytes.readFloatBE(0);
        const expected = Number.isFinite(exact) ? byText(exact) + 0 : undefined;
        expect(float32FromBits(bits)).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
  });

  test('a float16 too, for all of them', () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      const value = float16FromBits(bits) ?? Number.NaN;
      expect(
        String(value)
          .replace(/e.*|[.-]/g, '')
          .replace(/^0+|0+$/g, '').length,
      ).toBeLessThanOrEqual(5);
    }
  });
});

describe('pitfall 10: a device that has no value says so in the bits, and gets no value (home-assistant #69656, pysunspec #74, pysunspec #100, evcc #4989)', () => {
  test.each([
    ['float32', '7fc00000'],
    ['float32', '7fbfff80'],
    ['float32', 'ff800000'],
    ['float64', '7ff0000000000000'],
    ['float16', '7c00'],
    ['bcd16', 'ffff'],
    ['bcd32', '1234567a'],
  ] as const)('%s %s is none by itself', (type, hex) => {
    expect(decode(hex, { type })).toBeUndefined();
  });

  test.each([
    ['int16', '8000'],
    ['uint16', 'ffff'],
    ['int32', '80000000'],
    ['uint32', 'ffffffff'],
    ['int64', '8000000000000000'],
    ['uint64', 'ffffffffffffffff'],
    ['sm16', 'ffff'],
    ['string', '0000'],
    ['string', 'ffff'],
  ] as const)('%s %s is none by `nan: std`, and a value without it', (type, hex) => {
    expect(decode(hex, { type, nan: 'std' })).toBeUndefined();
    expect(decode(hex, { type })).toBeDefined();
  });

  test('patterns are compared with the bits, in any order and before signs', () => {
    expect(decode('0080', { type: 'int16', order: 'BADC', nan: [0x8000] })).toBeUndefined();
    expect(decode('ffff8000', { type: 'int32', order: 'CDAB', nan: [0x8000_ffffn] })).toBeUndefined();
    expect(decode('7ffffffffffffffe', { type: 'int64', nan: [0x7fff_ffff_ffff_fffen] })).toBeUndefined();
    expect(decode('ffff', { type: 'bool', bit: 3, nan: 'std' })).toBeUndefined();
    expect(decode('8001', { type: 'int16', nan: [0x8000] })).toBe(-32767);
  });
});

describe('a value that does not fit is refused, never cut off', () => {
  test.each<[ValueType, FieldValue]>([
    ['int16', 32768],
    ['int16', -32769],
    ['int16', 1.5],
    ['int16', '1'],
    ['int16', true],
    ['uint16', -1],
    ['uint16', 70_000],
    ['uint32', 2 ** 32],
    ['uint64', -1n],
    ['uint64', 2n ** 64n],
    ['int64', 2n ** 63n],
    ['int64', 0.5],
    ['float16', 70_000],
    ['float32', 1e39],
    ['float32', 1e-60],
    ['float32', Number.NaN],
    ['float64', Number.POSITIVE_INFINITY],
    ['bcd16', 10_000],
    ['bcd16', -1],
    ['sm16', -32768],
    ['bool', 1],
  ])('%s %s', (type, value) => {
    expect(encode(value, { type })).toContain('does not fit');
  });

  test('nor is the pattern that means "no value" written', () => {
    expect(encode(-32768, { type: 'int16', nan: 'std' })).toContain('no value');
  });

  test('nor a text or bytes of another length', () => {
    expect(encode('ABCDE', { type: 'string', length: 2 })).toContain('at most 4 bytes');
    expect(encode('ééé', { type: 'string', length: 2 })).toContain('at most 4 bytes');
    expect(encode(new Uint8Array(3), { type: 'bytes', length: 2 })).toContain('not 4 bytes');
  });
});
