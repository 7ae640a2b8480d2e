import { expect, test } from 'vitest';
import { type Configuration, EMPTY, merge } from '../../src/client/configuration.ts';
import { createDraft } from '../../src/client/draft.ts';
import type { Entry, Value } from '../../src/model/index.ts';
import { accessControlValues } from '../../src/objects/index.ts';
import { definition } from '../support/device-tree.ts';

/** What a Bootstrap-Server can make a box keep (digest 6.4); on the wire it is met in `binding/bootstrap-cases`. */

const draft = (before: Configuration = EMPTY) =>
  createDraft(before, {
    configurable: new Map([0, 1, 2, 16].map((object) => [object, definition(object)])),
    fixed: () => [],
    release: '1.2',
  });

const at = (...ids: number[]) => ({ prefix: '', ids });
const entry = (ids: number[], value: Value): Entry => ({ path: at(...ids), value, type: 'string' });

test('an object holds no more than servers could store in it', () => {
  const one = draft();
  const large = 'x'.repeat(60_000);
  for (let instance = 0; instance < 4; instance++)
    expect(one.write(at(16), [entry([16, instance, 0, 0], large)])).toEqual({ status: 'changed' });
  expect(one.write(at(16), [entry([16, 4, 0, 0], large)])).toMatchObject({ status: 'bad-request' });
  expect(one.write(at(16), [entry([16, 0, 0, 0], 'small')])).toEqual({ status: 'changed' });
});

test('there are so many access controls and no more, and a write with one too many changes nothing', () => {
  const one = draft();
  const controls = (count: number): Entry[] =>
    Array.from({ length: count }, (_, instance) => entry([2, instance, 0], 3));
  expect(one.write(at(2), controls(1025))).toMatchObject({ status: 'bad-request' });
  expect(one.configuration.has(2)).toBe(false);
  expect(one.write(at(2), controls(1024))).toEqual({ status: 'changed' });
});

test('an instance without its mandatory resources is a fault (6.1.7.7)', () => {
  const one = draft();
  one.write(at(2, 0), [entry([2, 0, 0], 3)]);
  expect(one.faults()).toEqual(expect.arrayContaining(['/2/0/1 is missing', '/2/0/3 is missing']));
});

test('whom a server has named in object 2 before is no fault of the Bootstrap-Server (6.1.7.7)', () => {
  const control = { object: 16, instance: 0, owner: 98, rights: new Map([[99, 1]]) };
  const before = merge(EMPTY, 2, 5, accessControlValues(control));
  const namesNobody = (faults: readonly string[]) => faults.filter((fault) => fault.includes('no server 9'));
  expect(namesNobody(draft(before).faults())).toEqual([]);
  const written = draft();
  written.write(at(2, 5), [entry([2, 5, 2, 99], 1), entry([2, 5, 3], 98)]);
  expect(namesNobody(written.faults())).toHaveLength(2);
});
