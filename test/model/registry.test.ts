import { describe, expect, test } from 'vitest';
import { createRegistry, type ObjectDefinition, omaRegistry } from '../../src/model/index.ts';

const definition = (id: number, version: string): ObjectDefinition => ({
  id,
  name: `object ${id}`,
  version,
  multiple: true,
  mandatory: false,
  resources: new Map(),
});

describe('finding a definition (OMA Core 1.2 7.2.2)', () => {
  const registry = createRegistry(['1.0', '1.10', '1.2', '2.1'].map((version) => definition(9, version)));

  test.each([
    [undefined, '2.1'],
    ['1.0', '1.0'],
    ['1.1', '1.0'],
    ['1.9', '1.2'],
    ['1.10', '1.10'],
    ['1.99', '1.10'],
    ['2.1', '2.1'],
    ['2.5', '2.1'],
  ])('version %s is served by %s', (asked, found) => {
    expect(registry.find(9, asked)?.version).toBe(found);
  });

  test.each(['2.0', '3.0', '0.9'])('version %s by none: never another major, never a later one', (asked) => {
    expect(registry.find(9, asked)).toBeUndefined();
  });

  test('unknown objects have none', () => {
    expect(registry.find(10)).toBeUndefined();
    expect(registry.versions(10)).toEqual([]);
    expect(createRegistry([]).find(9)).toBeUndefined();
  });

  test('all versions of an object come with the highest first, all objects in ascending order', () => {
    const versions = registry.versions(9).map(({ version }) => version);
    expect(versions).toEqual(['2.1', '1.10', '1.2', '1.0']);
    expect(createRegistry([definition(10, '1.0'), definition(9, '1.0')]).objects).toEqual([9, 10]);
  });

  test('of two with the same id and version the later one holds', () => {
    const later = { ...definition(9, '1.0'), name: 'later' };
    const both = createRegistry([definition(9, '1.0'), later]);
    expect(both.find(9, '1.0')).toBe(later);
    expect(both.versions(9)).toHaveLength(1);
  });
});

describe('the OMA registry', () => {
  const registry = omaRegistry();

  test('is read once', () => {
    expect(omaRegistry()).toBe(registry);
  });

  test('knows the objects of a gateway in their versions', () => {
    expect(registry.find(25)?.version).toBe('2.0');
    expect(registry.find(3, '1.2')?.version).toBe('1.2');
    expect(registry.find(3, '1.0')?.version).toBe('1.0');
    expect(registry.find(1)?.mandatory).toBe(true);
  });

  test('says of resources what the codec and the tree need', () => {
    const device = registry.find(3, '1.1')?.resources;
    expect(device?.get(0)).toEqual({
      id: 0,
      name: 'Manufacturer',
      operations: 'R',
      type: 'string',
      multiple: false,
      mandatory: false,
      range: '',
      unit: '',
    });
    expect(device?.get(4)).toMatchObject({ operations: 'E', type: 'none', mandatory: true });
    expect(device?.get(6)).toMatchObject({ type: 'integer', multiple: true });
    expect(device?.get(13)).toMatchObject({ operations: 'RW', type: 'time' });
    expect(registry.find(0)?.resources.get(5)).toMatchObject({ operations: '', type: 'opaque' });
    expect(registry.find(3303)?.resources.get(5700)).toMatchObject({ operations: 'R', type: 'float' });
  });

  test('names a type for every resource that has a value, and none for what is executed', () => {
    const untyped: string[] = [];
    for (const { id, resources } of registry.objects.flatMap((object) => registry.versions(object))) {
      for (const resource of resources.values()) {
        const hasType = resource.type !== 'none';
        if (hasType === (resource.operations === 'E')) untyped.push(`${id}/${resource.id}`);
      }
    }
    // A readable resource of no type is a mistake of the registry.
    expect(untyped).toEqual(['10482/5']);
  });
});
