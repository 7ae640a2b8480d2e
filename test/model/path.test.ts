import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatPath,
  idsKey,
  isPrefix,
  isWithin,
  MAX_ID,
  parseId,
  parsePath,
  pathFromSegments,
  ROOT,
  samePath,
} from '../../src/model/index.ts';

describe('ids (OMA Core 1.2 6.2)', () => {
  test.each([
    ['0', 0],
    ['7', 7],
    ['3303', 3303],
    ['65535', MAX_ID],
  ])('%s', (text, id) => {
    expect(parseId(text)).toBe(id);
  });

  test.each(['', '00', '03', '65536', '99999', '655350', '-1', '+1', '1.0', '1e3', ' 1', '0x1', 'a', '٣'])(
    'none: %j',
    (text) => {
      expect(parseId(text)).toBeUndefined();
    },
  );
});

describe('paths', () => {
  test.each([
    ['/', '', []],
    ['/3', '', [3]],
    ['/3/0', '', [3, 0]],
    ['/3303/0/5700', '', [3303, 0, 5700]],
    ['/16/0/0/300', '', [16, 0, 0, 300]],
    ['/d01', 'd01', []],
    ['/d01/3303/0/5700', 'd01', [3303, 0, 5700]],
    ['/d01/16/0/0/300', 'd01', [16, 0, 0, 300]],
  ])('%s', (text, prefix, ids) => {
    expect(parsePath(text)).toEqual({ prefix, ids });
    expect(formatPath({ prefix, ids })).toBe(text);
  });

  test.each([
    ['no slash', '3/0'],
    ['nothing', ''],
    ['a slash at the end', '/3/0/'],
    ['an empty segment', '/3//0'],
    ['a leading zero', '/03/0'],
    ['an id beyond 16 bits', '/3/65536'],
    ['five ids', '/3/0/0/0/0'],
    ['a prefix that is not first', '/3303/d01/0'],
    ['two prefixes', '/d01/d02/3'],
    ['a prefix and a slash', '/d01/'],
  ])('none: %s', (_, text) => {
    expect(() => parsePath(text)).toThrow(expect.objectContaining({ code: 'model.bad-path' }));
  });

  test('a prefix is any first segment that is not all digits (Gateway TS 1.1 9)', () => {
    expect(pathFromSegments(['~x', '3'])).toEqual({ prefix: '~x', ids: [3] });
    expect(pathFromSegments(['3a', '3'])).toEqual({ prefix: '3a', ids: [3] });
    expect(pathFromSegments(['99999'])).toBeUndefined();
  });

  test('no segment and one empty segment are the root', () => {
    expect(pathFromSegments([])).toEqual(ROOT);
    expect(pathFromSegments([''])).toEqual(ROOT);
    expect(pathFromSegments(['', ''])).toBeUndefined();
  });

  test('come back as they were written', () => {
    const prefix = fc.constantFrom('', 'd01', 'Meter_7-b');
    const ids = fc.array(fc.nat(MAX_ID), { maxLength: 4 });
    fc.assert(
      fc.property(fc.record({ prefix, ids }), (path) => {
        expect(parsePath(formatPath(path))).toEqual(path);
      }),
    );
  });

  test('of any text either parse or are refused with a code', () => {
    const text = fc.array(fc.constantFrom('/', '0', '7', '65535', '65536', 'd', '-'), { maxLength: 12 });
    fc.assert(
      fc.property(text, (parts) => {
        try {
          const path = parsePath(parts.join(''));
          expect(formatPath(path)).toBe(parts.join(''));
        } catch (error) {
          expect(error).toMatchObject({ code: 'model.bad-path' });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('relations', () => {
  test('a path lies within itself and everything above it', () => {
    expect(isWithin([3, 0], [3, 0])).toBe(true);
    expect(isWithin([], [3, 0])).toBe(true);
    expect(isWithin([3], [3, 0, 9])).toBe(true);
    expect(isWithin([3, 0, 9], [3, 0])).toBe(false);
    expect(isWithin([3, 1], [3, 0, 9])).toBe(false);
  });

  test('the same ids of two devices are two paths, and prefixes are case-sensitive', () => {
    const path = parsePath('/d01/3/0');
    expect(samePath(path, parsePath('/d01/3/0'))).toBe(true);
    expect(samePath(path, parsePath('/d02/3/0'))).toBe(false);
    expect(samePath(path, parsePath('/D01/3/0'))).toBe(false);
    expect(samePath(path, parsePath('/3/0'))).toBe(false);
    expect(samePath(path, parsePath('/d01/3'))).toBe(false);
  });

  test('keys of ids differ when the ids do', () => {
    expect(idsKey([3303, 0, 5700])).toBe('3303/0/5700');
    expect(idsKey([1, 11])).not.toBe(idsKey([11, 1]));
  });
});

describe('prefixes that we give', () => {
  test.each(['d01', 'D', 'meter-7_b', 'a'.repeat(32)])('%s', (text) => {
    expect(isPrefix(text)).toBe(true);
  });

  test.each([
    '',
    '7',
    '7d',
    '-d',
    'd/1',
    'd 1',
    'dé',
    'a'.repeat(33),
    'rd',
    'bs',
    'bspack',
    'dp',
    'DP',
    '.well-known',
  ])('never %j', (text) => {
    expect(isPrefix(text)).toBe(false);
  });
});
