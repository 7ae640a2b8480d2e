import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatLinks, type Link, parseLinks } from '../../src/model/index.ts';

describe('link format (RFC 6690 2)', () => {
  test('is written without white space, numbers bare, texts quoted', () => {
    const links: Link[] = [
      { target: '/', params: { rt: 'oma.lwm2m', ct: '60 110 112' } },
      { target: '/25', params: { ver: '2.0' } },
      { target: '/25/0', params: {} },
      { target: '/3/0/7', params: { dim: 2, pmin: 10, lt: -42.5, obs: true } },
    ];
    expect(formatLinks(links)).toBe(
      '</>;rt="oma.lwm2m";ct="60 110 112",</25>;ver=2.0,</25/0>,</3/0/7>;dim=2;pmin=10;lt=-42.5;obs',
    );
    expect(formatLinks([])).toBe('');
  });

  test.each<[string, string, Link[]]>([
    ['nothing', '', []],
    ['white space', '  ', []],
    ['a quoted version of LwM2M 1.0', '</3>;ver="1.1"', [{ target: '/3', params: { ver: '1.1' } }]],
    [
      'white space after commas and semicolons',
      '</1/0>, </3/0> ; dim=2 ,\n</4/0>',
      [
        { target: '/1/0', params: {} },
        { target: '/3/0', params: { dim: '2' } },
        { target: '/4/0', params: {} },
      ],
    ],
    [
      'separators in quotes',
      '</a>;title="x,y;z<w>",</b>',
      [
        { target: '/a', params: { title: 'x,y;z<w>' } },
        { target: '/b', params: {} },
      ],
    ],
    ['empty values and flags', '</a>;x="";y=;obs', [{ target: '/a', params: { x: '', y: '', obs: true } }]],
    [
      'a name that objects inherit',
      '</a>;constructor;__proto__=1',
      [
        {
          target: '/a',
          params: Object.fromEntries([
            ['constructor', true],
            ['__proto__', '1'],
          ]),
        },
      ],
    ],
  ])('reads %s', (_, text, links) => {
    expect(parseLinks(text).map(({ target, params }) => [target, Object.entries(params)])).toEqual(
      links.map(({ target, params }) => [target, Object.entries(params)]),
    );
  });

  test.each([
    ['no target', 'x'],
    ['an open target', '</3'],
    ['a comma at the end', '</3>,'],
    ['two commas', '</3>,,</4>'],
    ['an open quote', '</3>;rt="x'],
    ['a parameter without name', '</3>;=1'],
    ['text after a link', '</3>x'],
    ['two links without comma', '</3></4>'],
  ])('refuses %s', (_, text) => {
    expect(() => parseLinks(text)).toThrow(expect.objectContaining({ code: 'model.bad-link' }));
  });

  test('comes back as it was written', () => {
    const name = fc.constantFrom('ver', 'dim', 'rt', 'pmin', 'obs');
    const value = fc.oneof(
      fc.integer(),
      fc.constant(true as const),
      fc.string({ unit: fc.constantFrom('a', '1', '.', ' ', ',', ';', '<', 'é'), minLength: 1 }),
    );
    const link = fc.record({
      target: fc.constantFrom('/', '/3', '/3/0', '/d01/3303/0/5700'),
      params: fc.dictionary(name, value, { maxKeys: 3 }),
    });
    fc.assert(
      fc.property(fc.array(link, { maxLength: 5 }), (links) => {
        const written = links.map(({ target, params }) => ({
          target,
          params: Object.entries(params).map(([key, one]) => [key, typeof one === 'number' ? `${one}` : one]),
        }));
        const read = parseLinks(formatLinks(links));
        expect(read.map(({ target, params }) => ({ target, params: Object.entries(params) }))).toEqual(
          written,
        );
      }),
    );
  });

  test('is read or refused quickly, whatever is sent', () => {
    const hostile = [
      `</a>${';a'.repeat(50_000)}"`,
      `</a>${' '.repeat(50_000)}x`,
      `</a>;b=${'c'.repeat(50_000)}"`,
      '<'.repeat(50_000),
    ];
    const start = performance.now();
    for (const text of hostile)
      expect(() => parseLinks(text)).toThrow(expect.objectContaining({ code: 'model.bad-link' }));
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
