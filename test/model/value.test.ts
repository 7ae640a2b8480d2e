import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type DataType,
  formatObjectLink,
  isObjectLink,
  parseObjectLink,
  sameValue,
  toType,
  type Value,
  wholeNumber,
} from '../../src/model/index.ts';

const MISMATCH = expect.objectContaining({ code: 'model.type-mismatch' });

describe('values in the canonical form of a type (OMA Core 1.2 Appendix C)', () => {
  test.each<[DataType, Value, Value]>([
    ['string', '', ''],
    ['corelnk', '</3/0>', '</3/0>'],
    ['integer', -0, 0],
    ['integer', 21.0, 21],
    ['integer', 5n, 5],
    ['integer', 2n ** 53n, 2n ** 53n],
    ['integer', -(2n ** 63n), -(2n ** 63n)],
    ['integer', 2n ** 63n - 1n, 2n ** 63n - 1n],
    ['time', -1, -1],
    ['unsigned', 0, 0],
    ['unsigned', 2n ** 64n - 1n, 2n ** 64n - 1n],
    ['float', 21.5, 21.5],
    ['float', 5n, 5],
    ['float', 2n ** 64n, 2 ** 64],
    ['boolean', false, false],
    ['objlnk', { object: 65535, instance: 65535 }, { object: 65535, instance: 65535 }],
  ])('%s %s', (type, value, canonical) => {
    expect(toType(type, value)).toStrictEqual(canonical);
  });

  test('opaque values stay the bytes they are', () => {
    const bytes = new Uint8Array([1, 2]);
    expect(toType('opaque', bytes)).toBe(bytes);
  });

  test.each<[DataType, Value]>([
    ['string', 1],
    ['integer', 21.5],
    ['integer', 2 ** 53],
    ['integer', Number.NaN],
    ['integer', 2n ** 63n],
    ['integer', -(2n ** 63n) - 1n],
    ['integer', '5'],
    ['integer', true],
    ['unsigned', -1],
    ['unsigned', -1n],
    ['unsigned', 2n ** 64n],
    ['time', 1.5],
    ['float', Number.NaN],
    ['float', Number.POSITIVE_INFINITY],
    ['float', 2n ** 53n + 1n],
    ['float', 10n ** 400n],
    ['float', '1'],
    ['boolean', 1],
    ['boolean', 'true'],
    ['opaque', 'AQID'],
    ['objlnk', '3:0'],
    ['objlnk', new Uint8Array(4)],
    ['corelnk', 5],
    ['none', 'anything'],
  ])('%s is never %s', (type, value) => {
    expect(() => toType(type, value)).toThrow(MISMATCH);
  });

  test('a refusal repeats no text and no bytes, which may be secret', () => {
    expect(() => toType('integer', 'pass phrase')).toThrow(/^a text of 11 characters is not/);
    expect(() => toType('integer', new Uint8Array(1_000_000))).toThrow(
      /^a byte string of 1000000 bytes is not/,
    );
    expect(() => toType('integer', 21.5)).toThrow('21.5 is not a value of type integer');
  });

  test('a canonical value is canonical', () => {
    const value = fc.oneof(
      fc.integer(),
      fc.bigInt(),
      fc.double(),
      fc.boolean(),
      fc.string(),
      fc.uint8Array(),
    );
    const type = fc.constantFrom<DataType>(
      'string',
      'integer',
      'unsigned',
      'float',
      'boolean',
      'opaque',
      'time',
    );
    fc.assert(
      fc.property(type, value, (to, any) => {
        let canonical: Value;
        try {
          canonical = toType(to, any);
        } catch (error) {
          expect(error).toEqual(MISMATCH);
          return;
        }
        expect(toType(to, canonical)).toStrictEqual(canonical);
        if (typeof any === 'bigint') expect(BigInt(canonical as number | bigint)).toBe(any);
      }),
    );
  });

  test('whole numbers are numbers as long as that is exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), (value) => {
        const whole = wholeNumber(value);
        expect(BigInt(whole)).toBe(value);
        expect(typeof whole === 'number').toBe(Number.isSafeInteger(Number(value)));
      }),
    );
  });
});

describe('equal values', () => {
  test.each<[Value, Value, boolean]>([
    [1, 1, true],
    [1, 1n, false],
    [0, false, false],
    ['', false, false],
    [2n ** 60n, 2n ** 60n, true],
    [new Uint8Array([1, 2]), Buffer.from([1, 2]), true],
    [new Uint8Array([1, 2]), new Uint8Array([1, 3]), false],
    [new Uint8Array([1]), new Uint8Array([1, 2]), false],
    [{ object: 3, instance: 0 }, { object: 3, instance: 0 }, true],
    [{ object: 3, instance: 0 }, { object: 3, instance: 1 }, false],
    [{ object: 3, instance: 0 }, new Uint8Array([3, 0]), false],
    [new Uint8Array([3, 0]), { object: 3, instance: 0 }, false],
  ])('%s and %s: %s', (a, b, same) => {
    expect(sameValue(a, b)).toBe(same);
  });
});

describe('object links', () => {
  test.each([
    ['3303:1', 3303, 1],
    ['0:0', 0, 0],
    ['3:65535', 3, 65535],
    ['65535:65535', 65535, 65535],
  ])('%s', (text, object, instance) => {
    expect(parseObjectLink(text)).toEqual({ object, instance });
    expect(formatObjectLink({ object, instance })).toBe(text);
    expect(isObjectLink({ object, instance })).toBe(true);
  });

  test('the null link may be hexadecimal', () => {
    expect(parseObjectLink('FFFF:ffff')).toEqual({ object: 65535, instance: 65535 });
  });

  test.each([
    '',
    ':',
    '3',
    '3:',
    ':0',
    '3:0:0',
    '-1:0',
    '65536:0',
    '3:65536',
    'FFFF:0',
    ' 3:0',
    '3:0\n',
    '3.0:0',
  ])('none: %j', (text) => {
    expect(() => parseObjectLink(text)).toThrow(MISMATCH);
  });
});
