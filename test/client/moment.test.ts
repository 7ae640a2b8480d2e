import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAttributeStore } from '../../src/client/attribute-store.ts';
import { type About, momentFromJson, momentToJson } from '../../src/client/moment.ts';
import { type DataType, type Entry, parsePath, type Value } from '../../src/model/index.ts';

const about: About = {
  paths: [parsePath('/d01/3303/0'), parsePath('/3')],
  isComposite: true,
  query: ['pmin=1'],
};

const VALUES: readonly (readonly [DataType, Value])[] = [
  ['string', 'é "quoted"\n'],
  ['integer', -(2n ** 63n)],
  ['integer', 7],
  ['unsigned', 2n ** 64n - 1n],
  ['float', 0.1],
  ['boolean', false],
  ['opaque', new Uint8Array([0, 255, 10])],
  ['time', 1_700_000_000],
  ['objlnk', { object: 3303, instance: 1 }],
  ['corelnk', '</3>'],
];

test('a moment is the same after it was written down and read, every type to the last digit', () => {
  const entries: Entry[] = VALUES.map(([type, value], at) => ({
    path: parsePath(`/d01/3303/0/${at}`),
    type,
    value,
    at: 1_700_000_000_000 + at,
    quality: 4,
  }));
  const read = momentFromJson(JSON.parse(JSON.stringify(momentToJson(about, entries))));
  expect(read?.about).toEqual(about);
  expect(
    read?.entries.map(({ value, ...rest }) => ({
      ...rest,
      value: value instanceof Uint8Array ? [...value] : value,
    })),
  ).toEqual(
    entries.map(({ value, ...rest }) => ({
      ...rest,
      value: value instanceof Uint8Array ? [...value] : value,
    })),
  );
});

test('of anything else nothing is believed, and nothing breaks', () => {
  const whole = momentToJson(about, [
    { path: parsePath('/d01/3303/0/5700'), type: 'float', value: 1.5, at: 1_700_000_000_000 },
  ]) as Record<string, unknown>;
  const fields = ['paths', 'composite', 'query', 'entries'];
  fc.assert(
    fc.property(fc.constantFrom(...fields), fc.jsonValue(), (field, value) => {
      const read = momentFromJson({ ...whole, [field]: value });
      for (const { value: one } of read?.entries ?? []) expect(one).toBe(1.5);
    }),
  );
  fc.assert(fc.property(fc.jsonValue(), (value) => momentFromJson(value) === undefined));
});

test('attached attributes that cannot be understood are left out', () => {
  const store = createAttributeStore();
  store.import({
    '/3303/0': { pmin: 5, pmax: 60 },
    '/3303/1': { pmin: 'often' },
    '/3303/2': { colour: 1 },
    '/3303/3/5700': { gt: '9007199254740993', lt: 3 },
    '/3303/4/5700': { gt: 1, lt: 3 },
    nonsense: { pmin: 1 },
  });
  expect(store.export()).toEqual({
    '/3303/0': { pmin: 5, pmax: 60 },
    '/3303/3/5700': { gt: '9007199254740993', lt: 3 },
  });
  for (const document of [undefined, null, 7, 'text', []]) createAttributeStore().import(document);
});
