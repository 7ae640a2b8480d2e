import { describe, expect, test } from 'vitest';
import {
  type Entry,
  type Ids,
  type ObjectDefinition,
  omaRegistry,
  type Value,
} from '../../src/model/index.ts';
import {
  createTree,
  DONE,
  type InstanceChange,
  type InstanceSetup,
  type Outcome,
  type Tree,
} from '../../src/tree/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const SERVER = { server: 1 };

function definition(id: number): ObjectDefinition {
  const found = omaRegistry().find(id);
  if (found === undefined) throw new Error(`no object ${id}`);
  return found;
}

function entry(ids: Ids, value: Value, type: Entry['type'] = 'float'): Entry {
  return { path: { prefix: '', ids }, type, value };
}

function short(result: Awaited<ReturnType<Tree['read']>>): unknown {
  return result.status === 'content'
    ? Object.fromEntries(result.entries.map(({ path, value }) => [path.ids.join('/'), value]))
    : result.status;
}

const SECOND = 1000;

/** A temperature sensor (3303) whose value comes from the field, and a set point (3308). */
function sensor(
  clock: FakeClock,
  more: { refresh?: (ids: readonly Ids[]) => Promise<void>; write?: InstanceSetup['write'] } = {},
): Tree {
  const tree = createTree({ clock, ...(more.refresh === undefined ? {} : { refresh: more.refresh }) });
  tree.addInstance({
    definition: definition(3303),
    instance: 0,
    resources: [
      { id: 5700, field: { maxAgeMs: 10 * SECOND, staleAfterMs: 30 * SECOND } },
      { id: 5701, value: 'Cel' },
      { id: 5605, execute: () => DONE },
    ],
  });
  tree.addInstance({
    definition: definition(3308),
    instance: 0,
    resources: [{ id: 5900, value: 20 }, { id: 5701, value: 'Cel' }, { id: 5750 }],
    ...(more.write === undefined ? {} : { write: more.write }),
  });
  return tree;
}

const reading = (value: number, at = 1) => ({ ids: [3303, 0, 5700], value, at, quality: 4 }) as const;

describe('reading', () => {
  test('a value that is fresh enough is answered at once, with its time and quality', () => {
    const tree = sensor(createFakeClock());
    tree.update([reading(21.5, 1234)]);
    expect(tree.read([3303, 0, 5700], 'd01')).toEqual({
      status: 'content',
      entries: [
        { path: { prefix: 'd01', ids: [3303, 0, 5700] }, type: 'float', value: 21.5, at: 1234, quality: 4 },
      ],
    });
  });

  test('a value that is too old is fetched first, once for all that the read needs', async () => {
    const clock = createFakeClock();
    const asked: unknown[] = [];
    const tree: Tree = sensor(clock, {
      refresh: async (resources) => {
        asked.push(resources);
        tree.update([reading(22)]);
      },
    });
    tree.update([reading(21)]);
    await clock.advance(11 * SECOND);
    expect(short(await tree.read([3303, 0], ''))).toEqual({ '3303/0/5700': 22, '3303/0/5701': 'Cel' });
    expect(asked).toEqual([[[3303, 0, 5700]]]);
  });

  test('a failed read leaves the last good value, with lowered quality, until it is stale', async () => {
    const clock = createFakeClock();
    const refused = { status: 'timeout' } as const;
    const tree: Tree = sensor(clock, {
      refresh: async () => tree.update([{ ids: [3303, 0, 5700], refused, quality: 1 }]),
    });
    tree.update([reading(21)]);
    await clock.advance(29 * SECOND);
    const answer = await tree.read([3303, 0, 5700], '');
    expect(answer).toMatchObject({ status: 'content', entries: [{ value: 21, quality: 1 }] });
    await clock.advance(2 * SECOND);
    expect(await tree.read([3303, 0, 5700], '')).toEqual(refused);
  });

  test('an instance of which nothing but constants is known is refused, not shown as a meter without a reading', () => {
    const tree = sensor(createFakeClock());
    expect(short(tree.snapshot([3303, 0], ''))).toBe('unavailable');
    expect(short(tree.snapshot([3308, 0], ''))).toEqual({ '3308/0/5701': 'Cel', '3308/0/5900': 20 });
  });

  test.each([
    [[9999], 'not-found'],
    [[3303, 1], 'not-found'],
    [[3303, 0, 5601], 'not-found'],
    [[3308, 0, 5750], 'not-found'],
    [[3303, 0, 5605], 'not-allowed'],
    [[3303, 0, 5701, 0], 'not-allowed'],
  ] as const)('%o is %s', (ids, status) => {
    expect(short(sensor(createFakeClock()).snapshot(ids, ''))).toBe(status);
  });
});

describe('watching', () => {
  test('one update tells each watcher once, when all values stand', () => {
    const tree = sensor(createFakeClock());
    const seen: unknown[] = [];
    tree.watch([3303], { changed: () => seen.push(short(tree.snapshot([3303, 0], ''))), removed() {} });
    tree.update([reading(21), { ids: [3303, 0, 5701], value: 'K', at: 1, quality: 4 }]);
    expect(seen).toEqual([{ '3303/0/5700': 21, '3303/0/5701': 'K' }]);
  });

  test('the same value again is no change', () => {
    const tree = sensor(createFakeClock());
    let told = 0;
    tree.update([reading(21)]);
    tree.watch([3303, 0, 5700], { changed: () => told++, removed() {} });
    tree.update([reading(21, 99)]);
    expect(told).toBe(0);
  });

  test('who watches something that goes away is told so, wherever it watches', () => {
    const tree = sensor(createFakeClock());
    const gone: string[] = [];
    const watch = (ids: Ids): void => {
      tree.watch(ids, { changed() {}, removed: () => gone.push(ids.join('/')) });
    };
    watch([3303, 0, 5700]);
    watch([3303, 0]);
    watch([3308]);
    tree.removeInstance(3303, 0);
    expect(gone).toEqual(['3303/0', '3303/0/5700']);
    tree.clear();
    expect(gone).toEqual(['3303/0', '3303/0/5700', '3308']);
  });

  test('who watches an instance that is made anew is told that the old one is gone', () => {
    const tree = sensor(createFakeClock());
    const gone: string[] = [];
    const kinds: string[] = [];
    tree.onStructure(({ kind }) => kinds.push(kind));
    tree.watch([3308, 0, 5900], { changed() {}, removed: () => gone.push('old') });
    tree.addInstance({ definition: definition(3308), instance: 0, resources: [{ id: 5900, value: 1 }] });
    expect([gone, kinds, tree.peek([3308, 0, 5900])]).toEqual([['old'], ['added'], 1]);
  });

  test('resources that are touched together are told once', () => {
    const tree = sensor(createFakeClock());
    let told = 0;
    tree.watch([3303, 0], { changed: () => told++, removed() {} });
    tree.touch([3303, 0, 5700], [3303, 0, 5701]);
    expect(told).toBe(1);
  });
});

describe('writing (OMA Core 1.2 6.3.3)', () => {
  test('a value reaches the instance in its own type, and shows once the writer is done', async () => {
    let finish: (outcome: Outcome) => void = () => {};
    const changes: InstanceChange[] = [];
    const tree = sensor(createFakeClock(), {
      write: (change) => {
        changes.push(change);
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    });
    const written = tree.write([3308, 0, 5900], 'replace', [entry([3308, 0, 5900], 23)], SERVER);
    expect(tree.peek([3308, 0, 5900])).toBe(20);
    finish(DONE);
    expect(await written).toEqual(DONE);
    expect(changes[0]?.values).toEqual(new Map([[5900, 23]]));
    expect(tree.peek([3308, 0, 5900])).toBe(23);
  });

  test('a refusing writer leaves everything as it was', async () => {
    const tree = sensor(createFakeClock(), { write: () => ({ status: 'timeout' }) });
    expect(await tree.write([3308, 0, 5900], 'replace', [entry([3308, 0, 5900], 23)], SERVER)).toEqual({
      status: 'timeout',
    });
    expect(tree.peek([3308, 0, 5900])).toBe(20);
  });

  test.each<[string, Ids, Entry[], string]>([
    ['a read-only resource', [3303, 0, 5700], [entry([3303, 0, 5700], 1)], 'not-allowed'],
    ['a value of another type', [3308, 0, 5900], [entry([3308, 0, 5900], 'warm', 'string')], 'bad-request'],
    ['an unknown resource as the target', [3308, 0, 9], [entry([3308, 0, 9], 1)], 'not-found'],
    ['an unknown instance', [3308, 7], [entry([3308, 7, 5900], 1)], 'not-found'],
    ['a path outside the target', [3308, 0, 5900], [entry([3308, 0, 5750], 'x', 'string')], 'bad-request'],
    ['nothing at all for a resource', [3308, 0, 5900], [], 'bad-request'],
  ])('%s is refused', async (_what, ids, entries, status) => {
    const tree = sensor(createFakeClock());
    expect((await tree.write(ids, 'replace', entries, SERVER)).status).toBe(status);
  });

  test('one resource that cannot be written refuses the whole instance, and nothing changes', async () => {
    const tree = createTree({ clock: createFakeClock() });
    tree.addInstance({
      definition: definition(1),
      instance: 0,
      resources: [
        { id: 0, value: 1 },
        { id: 1, value: 60 },
      ],
    });
    const entries = [entry([1, 0, 1], 99, 'integer'), entry([1, 0, 0], 5, 'integer')];
    expect((await tree.write([1, 0], 'update', entries, SERVER)).status).toBe('not-allowed');
    expect(tree.peek([1, 0, 1])).toBe(60);
  });

  test('an unknown resource beside known ones is skipped', async () => {
    const tree = sensor(createFakeClock());
    const entries = [entry([3308, 0, 5900], 5), entry([3308, 0, 4711], 1)];
    expect(await tree.write([3308, 0], 'update', entries, SERVER)).toEqual(DONE);
    expect(tree.peek([3308, 0, 5900])).toBe(5);
  });

  test('replacing an instance takes away what it does not name, and needs what is mandatory', async () => {
    const tree = sensor(createFakeClock());
    await tree.write([3308, 0], 'update', [entry([3308, 0, 5750], 'cellar', 'string')], SERVER);
    expect(
      (await tree.write([3308, 0], 'replace', [entry([3308, 0, 5750], 'roof', 'string')], SERVER)).status,
    ).toBe('bad-request');
    expect(await tree.write([3308, 0], 'replace', [entry([3308, 0, 5900], 4)], SERVER)).toEqual(DONE);
    expect(tree.exists([3308, 0, 5750])).toBe(false);
  });

  test('a range of the registry is kept', async () => {
    const tree = createTree({ clock: createFakeClock() });
    tree.addInstance({ definition: definition(1), instance: 0, resources: [{ id: 26, value: 0 }] });
    const wrote = await tree.write([1, 0, 26], 'replace', [entry([1, 0, 26], 2, 'integer')], SERVER);
    expect(wrote).toEqual({ status: 'bad-request', message: 'resource 26: 2 is outside 0..1' });
  });
});

test('Discover lists what exists, with dimensions of multiple resources and the wanted depth (OMA Core 1.2 6.3.2)', () => {
  const tree = createTree({ clock: createFakeClock() });
  tree.addInstance({
    definition: definition(3),
    instance: 0,
    resources: [
      { id: 0, value: 'ACME' },
      {
        id: 6,
        value: new Map([
          [1, 5],
          [0, 1],
        ]),
      },
      { id: 2 },
    ],
  });
  expect(tree.list([3], 2)).toEqual([
    { ids: [3], version: definition(3).version },
    { ids: [3, 0] },
    { ids: [3, 0, 0] },
    { ids: [3, 0, 6], dimension: 2 },
  ]);
  expect(tree.list([3, 0, 6], 1)).toEqual([
    { ids: [3, 0, 6], dimension: 2 },
    { ids: [3, 0, 6, 0] },
    { ids: [3, 0, 6, 1] },
  ]);
  expect(tree.list([3, 0], 0)).toEqual([{ ids: [3, 0] }]);
  expect(tree.list([3, 1], 0)).toEqual({ status: 'not-found' });
});
