import { describe, expect, test } from 'vitest';
import { type ObjectDefinition, omaRegistry, readOwnObjects, writeDdf } from '../../src/model/index.ts';

const PULSES = {
  id: 1,
  name: 'Pulses',
  operations: 'R',
  type: 'unsigned',
  multiple: false,
  mandatory: true,
  range: '',
  unit: 'count',
} as const;

const object = (id: number, version: string): ObjectDefinition => ({
  id,
  name: 'Pulse counter',
  version,
  multiple: true,
  mandatory: false,
  resources: new Map([[1, PULSES]]),
});

const file = (name: string, id: number, version: string) => ({
  file: name,
  text: writeDdf(object(id, version)),
});

describe('definitions of a user', () => {
  test('add objects, add versions and replace those of the OMA registry', () => {
    const { registry, objects, faults } = readOwnObjects([
      file('a.xml', 33000, '1.0'),
      file('b.xml', 3424, '2.0'),
      file('c.xml', 3303, '1.1'),
    ]);
    expect(faults).toEqual([]);
    expect(objects.map(({ file, effect }) => `${file}: ${effect}`)).toEqual([
      'a.xml: new object',
      'b.xml: new version',
      'c.xml: replaces',
    ]);
    expect(registry.find(33000)).toEqual(object(33000, '1.0'));
    expect(registry.versions(3424).map(({ version }) => version)).toEqual(['2.0', '1.1', '1.0']);
    expect(registry.find(3303)).toEqual(object(3303, '1.1'));
    expect(registry.find(3303, '1.0')).toBe(omaRegistry().find(3303, '1.0'));
    expect(omaRegistry().find(33000)).toBeUndefined();
    expect(omaRegistry().find(3303)?.name).toBe('Temperature');
  });

  test('without any, there is the OMA registry', () => {
    expect(readOwnObjects([])).toEqual({ registry: omaRegistry(), objects: [], faults: [] });
  });

  test('must not define the same twice', () => {
    const { faults } = readOwnObjects([file('a.xml', 33000, '1.0'), file('b.xml', 33000, '1.0')]);
    expect(faults).toEqual(['b.xml:1:1: object 33000 1.0 is defined twice; the other is in a.xml']);
  });

  test('that are broken are faults, and the others hold', () => {
    const { registry, faults } = readOwnObjects([
      { file: 'a.xml', text: '<x/>' },
      file('b.xml', 33000, '1.0'),
    ]);
    expect(faults).toEqual([expect.stringMatching(/^a\.xml:1:1: /)]);
    expect(registry.find(33000)?.name).toBe('Pulse counter');
  });
});
