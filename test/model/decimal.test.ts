import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  compareRational,
  divide,
  isWhole,
  multiply,
  parseRational,
  type Rational,
  rational,
  rationalOf,
  subtract,
  toDouble,
  toExact,
  toWhole,
} from '../../src/model/decimal.ts';
import {
  applyLinear,
  chainLinear,
  compileConversion,
  compileLinear,
  invertLinear,
  isMultipleFrom,
  type Linear,
} from '../../src/model/index.ts';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
/** What meters send: whole numbers, few decimals, single precision, 64-bit counters. */
const fieldNumber = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 1, max: 4 })).map(([n, k]) => n / 10 ** k),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
);
const factorText = fc.oneof(
  fc.constantFrom(
    '1',
    '0.1',
    '0.001',
    '1000',
    '1/3600',
    '5/9',
    '-1',
    '0.00390625',
    '1e-9',
    '1055.05585262',
    '3.6e6',
  ),
  fc.tuple(fc.integer({ min: 1, max: 99999 }), fc.integer({ min: -6, max: 3 })).map(([n, e]) => `${n}e${e}`),
);
const offsetText = fc.constantFrom('0', '0', '0', '-32', '273.15', '2298.35/9', '-0.5', '100000');
const linear = fc
  .tuple(factorText, offsetText)
  .map(([factor, offset]): Linear => ({ factor: parseRational(factor), offset: parseRational(offset) }));

/** Which of two doubles is nearer, told without double arithmetic. */
function distance(value: Rational, near: number): Rational {
  const difference = subtract(value, exactly(near));
  return difference.numerator < 0n ? subtract(rational(0n, 1n), difference) : difference;
}

/** The binary value of a double, every bit of it. */
function exactly(value: number): Rational {
  let power = 0;
  let whole = value;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    power++;
  }
  return rational(BigInt(whole), 2n ** BigInt(power));
}

function neighbours(value: number): [number, number] {
  const bits = new DataView(new ArrayBuffer(8));
  const step = (by: bigint): number => {
    bits.setFloat64(0, value);
    bits.setBigUint64(0, bits.getBigUint64(0) + by);
    return bits.getFloat64(0);
  };
  return [step(1n), step(-1n)];
}

describe('exact numbers', () => {
  test('a double means its shortest decimal', () => {
    expect(rationalOf(0.1)).toEqual(rational(1n, 10n));
    expect(rationalOf(1e21)).toEqual(rational(10n ** 21n, 1n));
    expect(rationalOf(-2.5e-7)).toEqual(rational(-1n, 4_000_000n));
    expect(rationalOf(5e-324)).toEqual(rational(5n, 10n ** 324n));
  });

  test('every double comes back from what it means', () => {
    fc.assert(fc.property(finite, (value) => toDouble(rationalOf(value)) === value));
    expect(toDouble(rationalOf(5e-324))).toBe(5e-324);
    // Just above the smallest normal numbers.
    expect(toDouble(rationalOf(-5.919294152883861e-308))).toBe(-5.919294152883861e-308);
    expect(toDouble(rationalOf(Number.MAX_VALUE))).toBe(Number.MAX_VALUE);
  });

  test('a quotient becomes the nearest double', () => {
    const big = fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n });
    const under = fc.bigInt({ min: 1n, max: 2n ** 200n });
    fc.assert(
      fc.property(big, under, (n, d) => {
        const value = rational(n, d);
        const nearest = toDouble(value);
        if (nearest === 0) return n === 0n;
        const off = distance(value, nearest);
        return neighbours(nearest).every((other) => compareRational(off, distance(value, other)) <= 0);
      }),
    );
  });

  test('a tie between two doubles goes to the even one, and the least bit beyond it decides', () => {
    const tie = 2n ** 53n + 1n;
    expect(toDouble(rational(tie, 1n))).toBe(2 ** 53);
    expect(toDouble(rational(tie * 10n ** 60n + 1n, 10n ** 60n))).toBe(2 ** 53 + 2);
    expect(toDouble(rational(-tie * 10n ** 60n - 1n, 10n ** 60n))).toBe(-(2 ** 53) - 2);
  });

  test('a half goes away from zero', () => {
    expect([5n, -5n, 4n, -4n, 6n, 0n].map((n) => toWhole(rational(n, 10n)))).toEqual([
      1n,
      -1n,
      0n,
      0n,
      1n,
      0n,
    ]);
  });

  test('a number that no double means has no exact form', () => {
    expect(toExact(rational(1n, 3n))).toBeUndefined();
    expect(toExact(rational(1n, 8n))).toBe(0.125);
    expect(toExact(rational(12345678901234567891n, 1n))).toBe(12345678901234567891n);
    expect(toExact(rational(12345678901234567891n, 10n))).toBeUndefined();
  });

  test('a multiple is told exactly, where doubles see noise', () => {
    const [origin, stride] = [parseRational('0.1'), parseRational('0.2')];
    expect(isMultipleFrom(parseRational('0.7'), origin, stride)).toBe(true);
    expect(isMultipleFrom(parseRational('0.8'), origin, stride)).toBe(false);
  });

  test('arithmetic keeps the laws of numbers', () => {
    const any = fc.tuple(
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
      fc.bigInt({ min: 1n, max: 2n ** 70n }),
    );
    fc.assert(
      fc.property(any, any, ([a, b], [c, d]) => {
        const [x, y] = [rational(a, b), rational(c, d)];
        expect(subtract(add(x, y), y)).toEqual(x);
        if (y.numerator !== 0n) expect(multiply(divide(x, y), y)).toEqual(x);
        expect(Math.sign(compareRational(x, y))).toBe(Math.sign(Number(subtract(x, y).numerator)));
        expect(isWhole(multiply(x, rational(b, 1n)))).toBe(true);
      }),
    );
  });

  test.each(['', 'abc', '1..2', '1/0', '1/2/3', '0x10', 'NaN', 'Infinity', '1e9999', '1 2', '--1', '.5'])(
    'the text %j is not a decimal number',
    (text) => {
      expect(() => parseRational(text)).toThrow(expect.objectContaining({ code: 'model.bad-decimal' }));
    },
  );

  test('any text is read or refused, at once', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (text) => {
        try {
          parseRational(text);
        } catch (error) {
          expect(error).toHaveProperty('code', 'model.bad-decimal');
        }
      }),
    );
  });
});

describe('raw * scale + offset', () => {
  test.each([
    [1234567, '0.1', '0', 123456.7],
    [244, '0.1', '0', 24.4],
    [22901, '0.01', '0', 229.01],
    [229.01, '0.001', '0', 0.22901],
    [0.1, '3', '0', 0.3],
    [-400, '0.1', '0', -40],
    [1, '1/3600', '0', 1 / 3600],
    [650, '0.1', '-40', 25],
    [18446744073709551615n, '0.001', '0', Number('18446744073709551.615')],
    [18446744073709551615n, '1e-15', '0', Number('18446.744073709551615')],
  ] as const)('%s * %s + %s is %s, without binary noise', (raw, scale, offset, expected) => {
    expect(compileConversion({ scale, offset }).toFloat(raw)).toBe(expected);
  });

  test('the fast ways give the same double as exact arithmetic', () => {
    fc.assert(
      fc.property(fieldNumber, linear, (raw, map) => {
        expect(compileLinear(map).toFloat(raw) + 0).toBe(toDouble(applyLinear(map, rationalOf(raw))));
      }),
      { numRuns: 3000 },
    );
  });

  test('for whole-number resources a fraction is rounded, half away from zero, and nothing else is', () => {
    const { toWhole: tenth } = compileConversion({ scale: '0.1' });
    expect([14, 15, -15, -14, 20, 0, -4].map(tenth)).toEqual([1, 2, -2, -1, 2, 0, 0]);
    expect(compileConversion({ scale: '1000' }).toWhole(18446744073709551n)).toBe(18446744073709551000n);
    fc.assert(
      fc.property(fieldNumber, linear, (raw, map) => {
        const exact = applyLinear(map, rationalOf(raw));
        const result = compileLinear(map).toWhole(raw);
        expect(BigInt(result)).toBe(toWhole(exact));
        expect(Object.is(result, -0)).toBe(false);
        expect(typeof result === 'bigint').toBe(!Number.isSafeInteger(Number(result)));
      }),
      { numRuns: 3000 },
    );
  });

  test('the way back gives the raw value again, or none', () => {
    fc.assert(
      fc.property(fieldNumber, linear, (raw, map) => {
        const conversion = compileLinear(map);
        const scaled = conversion.toFloat(raw);
        const back = conversion.toRaw(scaled);
        if (back === undefined) return;
        // An exact answer only: going there once more leads to the very same place.
        expect(compareRational(applyLinear(map, rationalOf(back)), rationalOf(scaled))).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });

  test('what a register of any decimal scale holds is written back digit by digit', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: -9, max: 9 }), (raw, power) => {
        const conversion = compileConversion({ scale: `1e${power}` });
        expect(conversion.toRaw(conversion.toFloat(raw))).toBe(raw + 0);
      }),
    );
  });

  test('a value between two raw values is refused, not rounded', () => {
    const conversion = compileConversion({ scale: '3' });
    expect(conversion.toRaw(9)).toBe(3);
    expect(conversion.toRaw(10)).toBeUndefined();
  });

  test('two steps are one, and the inverse undoes it', () => {
    fc.assert(
      fc.property(linear, linear, fieldNumber, (a, b, x) => {
        const start = rationalOf(x);
        const both = applyLinear(chainLinear(a, b), start);
        expect(both).toEqual(applyLinear(b, applyLinear(a, start)));
        expect(applyLinear(invertLinear(a), applyLinear(a, start))).toEqual(start);
      }),
    );
  });

  test('a scale of zero has no way back and is refused', () => {
    expect(() => compileConversion({ scale: '0' })).toThrow(
      expect.objectContaining({ code: 'model.bad-decimal' }),
    );
  });
});
