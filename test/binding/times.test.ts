import { expect, test } from 'vitest';
import { withOneTime } from '../../src/binding/times.ts';
import type { Entry } from '../../src/model/index.ts';

const entry = (resource: number, at?: number): Entry => {
  const path = { prefix: '', ids: [3303, 0, resource] };
  return { path, type: 'float', value: 1, ...(at === undefined ? {} : { at, quality: 4 }) };
};

const times = (entries: readonly Entry[]) => withOneTime(entries).map(({ at }) => at);

test('values that were read together tell their time, and constants tell it with them', () => {
  expect(times([entry(5700, 1000), entry(5701), entry(5601, 1000)])).toEqual([1000, 1000, 1000]);
});

test('values of several ages tell none: older servers would take them for a history', () => {
  expect(times([entry(5700, 1000), entry(5601, 2000)])).toEqual([undefined, undefined]);
});

test('constants alone have none', () => {
  expect(times([entry(5701)])).toEqual([undefined]);
});
