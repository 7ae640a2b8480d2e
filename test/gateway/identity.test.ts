import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  assignIdentities,
  type Identity,
  readIdentities,
  writeIdentities,
} from '../../src/gateway/identity.ts';
import { isPrefix } from '../../src/model/index.ts';

const devices = (...ids: string[]) => ids.map((deviceId) => ({ deviceId }));

test('a device keeps its identity when the configuration is re-ordered or grows (G-13)', () => {
  const first = assignIdentities(devices('a', 'b'), []);
  const second = assignIdentities(devices('c', 'b', 'a'), first.remember);
  expect(second.identities.slice(1)).toEqual([first.identities[1], first.identities[0]]);
});

test('what a removed device had is never given to another, and waits for its return', () => {
  const first = assignIdentities(devices('a', 'b'), []);
  const without = assignIdentities(devices('c'), first.remember);
  expect(without.identities[0]?.instance).toBe(2);
  const back = assignIdentities(devices('a', 'c'), without.remember);
  expect(back.identities[0]).toEqual(first.identities[0]);
});

test('a box that lost its memory gives each meter the same prefix again', () => {
  const [before] = assignIdentities(devices('x', 'meter'), []).identities.slice(1);
  const [after] = assignIdentities(devices('meter'), []).identities;
  expect(after?.prefix).toBe(before?.prefix);
});

test('a configured prefix is taken as it is; another one makes a new instance', () => {
  const first = assignIdentities([{ deviceId: 'a', prefix: 'd01' }], []);
  expect(first.identities[0]).toEqual({ deviceId: 'a', instance: 0, prefix: 'd01' });
  const changed = assignIdentities([{ deviceId: 'a', prefix: 'd02' }], first.remember);
  expect(changed.identities[0]).toEqual({ deviceId: 'a', instance: 1, prefix: 'd02' });
});

test('two devices cannot have prefixes that differ only by case', () => {
  const both = [
    { deviceId: 'a', prefix: 'D01' },
    { deviceId: 'b', prefix: 'd01' },
  ];
  expect(() => assignIdentities(both, [])).toThrow(/prefix d01 belongs to a/);
});

test('through any history of configurations no instance and no prefix ever means two devices', () => {
  const config = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'));
  fc.assert(
    fc.property(fc.array(config, { maxLength: 8 }), (history) => {
      let remembered: readonly Identity[] = [];
      const owners = new Map<string, string>();
      for (const ids of history) {
        const { identities, remember } = assignIdentities(devices(...ids), remembered);
        remembered = remember;
        expect(identities.map(({ deviceId }) => deviceId)).toEqual(ids);
        for (const { deviceId, instance, prefix } of identities) {
          expect(isPrefix(prefix)).toBe(true);
          for (const key of [`i${instance}`, `p${prefix}`]) {
            expect(owners.get(key) ?? deviceId).toBe(deviceId);
            owners.set(key, deviceId);
          }
        }
      }
    }),
  );
});

test('what is remembered is read back, and anything else is an error, never an empty memory', () => {
  const { remember } = assignIdentities(devices('a', 'b'), []);
  expect(readIdentities(JSON.parse(JSON.stringify(writeIdentities(remember))))).toEqual(remember);
  expect(readIdentities(undefined)).toEqual([]);
  for (const bad of [null, {}, [], { schema: 2, devices: [] }, { schema: 1, devices: [{ deviceId: 'a' }] }]) {
    expect(() => readIdentities(bad)).toThrow(expect.objectContaining({ code: 'gateway.bad-identities' }));
  }
});
