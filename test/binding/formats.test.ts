import { describe, expect, test } from 'vitest';
import { negotiate, negotiateComposite } from '../../src/binding/formats.ts';
import { omaRegistry, parsePath, type Release } from '../../src/model/index.ts';

/** Content-Format of the answer, undefined for 4.06. */
function answered(accept: number | undefined, text: string, release: Release): number | undefined {
  const path = parsePath(text);
  const [object = 0, , resource = 0] = path.ids;
  return negotiate(accept, path, omaRegistry().find(object)?.resources.get(resource), release)?.contentFormat;
}

describe('the format of an answer (OMA Core 1.2.2 7.4)', () => {
  test.each<[string, Release, number]>([
    ['/3303/0/5700', '1.2', 0],
    ['/3303/0/5700', '1.0', 0],
    ['/5/0/0', '1.2', 42],
    ['/3/0/6/0', '1.2', 0],
    ['/3/0/6', '1.2', 112],
    ['/3/0/6', '1.0', 11542],
    ['/d01/3303/0', '1.2', 112],
    ['/d01/3303/0', '1.1', 112],
    ['/d01/3303', '1.0', 11542],
  ])('without Accept: %s for a server of %s is %i', (path, release, number) => {
    expect(answered(undefined, path, release)).toBe(number);
  });

  test.each([0, 60, 110, 112, 11542, 11544])('one value in the format that is asked for: %i', (accept) => {
    expect(answered(accept, '/3303/0/5700', '1.2')).toBe(accept);
  });

  test.each([110, 112, 11542, 11544])('an instance in the format that is asked for: %i', (accept) => {
    expect(answered(accept, '/3303/0', '1.2')).toBe(accept);
  });

  test.each([
    ['one value as an instance, text', 0, '/3303/0'],
    ['one value as an instance, CBOR', 60, '/3303/0'],
    ['one value for a multiple resource', 0, '/3/0/6'],
    ['bytes for what is not opaque', 42, '/3303/0/5700'],
    ['a format of requests', 320, '/3303/0'],
    ['a format of requests', 322, '/3303/0/5700'],
    ['a number of before IANA', 1542, '/3303/0'],
    ['a number of nobody', 65_000, '/3303/0'],
  ])('4.06 for %s: %i of %s', (_, accept, path) => {
    expect(answered(accept, path, '1.2')).toBeUndefined();
    expect(answered(accept, path, '1.0')).toBeUndefined();
  });

  test('the JSON of 1.0 is for every server that asks for it', () => {
    for (const release of ['1.0', '1.1', '1.2'] as const)
      expect(answered(11543, '/3303/0', release)).toBe(11543);
  });

  test('of a composite mirrors the request, and can name anything', () => {
    const composite = (accept: number | undefined, contentFormat: number) =>
      negotiateComposite(accept, contentFormat)?.contentFormat;
    expect([320, 322, 110, 112].map((number) => composite(undefined, number))).toEqual([110, 112, 110, 112]);
    expect(composite(11544, 322)).toBe(11544);
    expect(composite(11542, 322)).toBeUndefined();
    expect(composite(320, 322)).toBeUndefined();
    expect(composite(0, 322)).toBeUndefined();
  });
});
