import { describe, expect, test } from 'vitest';
import { decodePatch, decodePaths, type Format, formatFor, supportedFormats } from '../../src/codec/index.ts';
import { type Entry, parsePath, ROOT } from '../../src/model/index.ts';

const format = (number: number): Format => {
  const found = formatFor(number);
  if (found === undefined) throw new Error(`no format ${number}`);
  return found;
};

const entry = (path: string, type: Entry['type'], value: Entry['value']): Entry => ({
  path: parsePath(path),
  type,
  value,
});

describe('formats', () => {
  test('are those of OMA Core 1.2 7.4, each under its own number', () => {
    expect(supportedFormats).toEqual([0, 42, 60, 110, 112, 320, 322, 11542, 11543, 11544]);
    for (const number of supportedFormats) expect(format(number).contentFormat).toBe(number);
    expect(formatFor(40)).toBeUndefined();
    expect(formatFor(9999)).toBeUndefined();
  });

  test.each([
    [1541, 0],
    [1542, 11542],
    [1543, 11543],
    [1544, 42],
  ])('%i, a number of before IANA, is read as %i', (earlier, number) => {
    expect(formatFor(earlier)).toBe(format(number));
    expect(supportedFormats).not.toContain(earlier);
  });

  test('that have no bodies of composite requests say so (OMA Core 1.2 6.3.8, 6.3.9)', () => {
    const context = { base: ROOT, resourceOf: () => undefined };
    for (const number of [0, 42, 60, 11542, 11543, 11544, 9999]) {
      expect(() => decodePaths(number, Buffer.from([0x80]))).toThrow(
        expect.objectContaining({ code: 'codec.unsupported-format' }),
      );
    }
    for (const number of [0, 42, 60, 11542, 11543, 9999]) {
      expect(() => decodePatch(number, Buffer.from([0x80]), context)).toThrow(
        expect.objectContaining({ code: 'codec.unsupported-format' }),
      );
    }
    expect(decodePaths(322, Buffer.from([0x80]))).toEqual([]);
    expect(decodePatch(11544, Buffer.from([0xa0]), context)).toEqual({ entries: [], removals: [] });
  });
});

describe('bytes', () => {
  const base = parsePath('/5/0/0');
  const packages = [1, 2].map((fill) => entry('/5/0/0', 'opaque', new Uint8Array(5000).fill(fill)));

  test.each([42, 60, 112, 11542, 11544])('of one payload are not those of the next: %i', (number) => {
    const [first, second] = packages.map((one) => format(number).encode([one], { base }));
    expect(first?.at(-1)).toBe(1);
    expect(second?.at(-1)).toBe(2);
  });

  test.each([42, 60, 112, 11542, 11544])('of a value are not those of the datagram: %i', (number) => {
    const payload = format(number).encode(packages.slice(0, 1), { base });
    const context = { base, resourceOf: () => ({ type: 'opaque' as const }) };
    const [decoded] = format(number).decode(payload, context);
    payload.fill(0xff);
    expect(decoded?.value).toEqual(packages[0]?.value);
    expect(decoded?.value).toHaveProperty('buffer.byteLength', 5000);
  });

  test.each([110, 112, 320, 322, 11542, 11543, 11544])(
    'are right after a payload that failed: %i',
    (number) => {
      const good = [entry('/3/0/9', 'integer', 80)];
      const request = { base: parsePath('/3/0') };
      const before = Buffer.from(format(number).encode(good, request)).toString('hex');
      const bad = [...good, entry('/3/0/10', 'integer', Number.NaN)];
      expect(() => format(number).encode(bad, request)).toThrow(
        expect.objectContaining({ code: 'codec.not-representable' }),
      );
      expect(Buffer.from(format(number).encode(good, request)).toString('hex')).toBe(before);
    },
  );

  test.each([110, 112, 11542, 11544])('beyond a megabyte are written and read: %i', (number) => {
    const large = entry('/5/0/0', 'opaque', new Uint8Array(3_000_000).fill(0xa5));
    const context = { base, resourceOf: () => ({ type: 'opaque' as const }) };
    const [decoded] = format(number).decode(format(number).encode([large], { base }), context);
    expect(Buffer.compare(decoded?.value as Uint8Array, large.value as Uint8Array)).toBe(0);
  });
});

describe('values that are none of their type are refused, not bent', () => {
  const wrong: [Entry['type'], Entry['value']][] = [
    ['string', 5],
    ['integer', 21.5],
    ['integer', 2 ** 53],
    ['integer', 2n ** 63n],
    ['integer', '5'],
    ['unsigned', -1],
    ['unsigned', 2n ** 64n],
    ['float', Number.POSITIVE_INFINITY],
    ['float', 5n],
    ['boolean', 1],
    ['opaque', 'AQID'],
    ['time', true],
    ['objlnk', { object: 65536, instance: 0 }],
    ['objlnk', '3303:1'],
    ['corelnk', new Uint8Array(1)],
    ['string', 'half \ud800'],
  ];
  test.each(wrong)('%s %s', (type, value) => {
    for (const number of supportedFormats) {
      const encode = () =>
        format(number).encode([entry('/9/0/1', type, value)], { base: parsePath('/9/0/1') });
      expect(encode).toThrow(expect.objectContaining({ code: 'codec.not-representable' }));
    }
  });
});

describe('resources that are not known', () => {
  const unknown = { base: parsePath('/9/0'), resourceOf: () => undefined };

  test('have the type that the value shows', () => {
    const text =
      '[{"bn":"/9/0/","n":"1","v":21},{"n":"2","v":21.5},{"n":"3","vs":"x"},{"n":"4","vb":true},{"n":"5","vd":"AQ"},{"n":"6","vlo":"3:0"},{"n":"7","v":18446744073709551615}]';
    expect(
      format(110)
        .decode(Buffer.from(text), unknown)
        .map(({ type, value }) => [type, value]),
    ).toEqual([
      ['integer', 21],
      ['float', 21.5],
      ['string', 'x'],
      ['boolean', true],
      ['opaque', new Uint8Array([1])],
      ['objlnk', { object: 3, instance: 0 }],
      ['unsigned', 18446744073709551615n],
    ]);
  });

  test('are left out of TLV, whose bytes do not say what they mean (OMA Core 1.2 6.3.3)', () => {
    expect(format(11542).decode(Buffer.from('c10105', 'hex'), unknown)).toEqual([]);
  });

  test('and executable ones reach those who refuse the write', () => {
    const executable = { base: parsePath('/3/0'), resourceOf: () => ({ type: 'none' as const }) };
    const [decoded] = format(11542).decode(Buffer.from('c10405', 'hex'), executable);
    expect(decoded?.path).toEqual(parsePath('/3/0/4'));
  });
});
