import { describe, expect, test } from 'vitest';
import { mayCreate, rightsOf } from '../../src/client/access.ts';
import {
  type AccessControl,
  createAccessKeeper,
  readAccessControls,
  type ServerAccess,
} from '../../src/objects/index.ts';
import { createTree, type Tree } from '../../src/tree/index.ts';
import { definition } from '../support/device-tree.ts';

const control = (owner: number, ...rights: [number, number][]): AccessControl => ({
  object: 3,
  instance: 0,
  owner,
  rights: new Map(rights),
});

test.each<[string, AccessControl | undefined, number, number]>([
  ['no control, no right', undefined, 1, 0],
  ['the owner without an entry may do all', control(1), 1, 15],
  ['the owner without an entry, whatever others have', control(1, [0, 1], [2, 3]), 1, 15],
  ['the owner with an entry has what it says', control(1, [1, 1]), 1, 1],
  ['an entry of its own wins over that for all', control(65_535, [0, 3], [2, 0]), 2, 0],
  ['what holds for all', control(65_535, [0, 3]), 2, 3],
  ['nothing that names it', control(1, [3, 15]), 2, 0],
])('%s (OMA Core 1.2 8.2)', (_name, given, server, rights) => {
  expect(rightsOf(given, server)).toBe(rights);
});

test('to create one has to be named: neither owner nor default will do (OMA Core 1.2 8.2)', () => {
  expect(mayCreate(control(1), 1)).toBe(false);
  expect(mayCreate(control(1, [0, 31]), 1)).toBe(false);
  expect(mayCreate(control(1, [2, 16]), 2)).toBe(true);
  expect(mayCreate(control(1, [2, 15]), 2)).toBe(false);
  expect(mayCreate(undefined, 2)).toBe(false);
});

function site(): { tree: Tree; controls: () => Record<string, unknown> } {
  const tree = createTree({ clock: { monotonic: () => 0 } });
  for (const instance of [0, 1])
    tree.addInstance({ definition: definition(1), instance, resources: [{ id: 0, value: instance + 1 }] });
  tree.addInstance({ definition: definition(3), instance: 0, resources: [{ id: 16, value: 'U' }] });
  tree.addObject(definition(16), {
    create: ({ instance }) => ({ definition: definition(16), instance, resources: [] }),
  });
  const controls = (): Record<string, unknown> =>
    Object.fromEntries(
      [...readAccessControls(tree).values()].map(({ object, instance, rights, owner }) => [
        `${object}/${instance}`,
        { owner, ...Object.fromEntries(rights) },
      ]),
    );
  return { tree, controls };
}

const servers = (...access: ServerAccess['access'][]): ServerAccess[] =>
  access.map((word, index) => ({ server: index + 1, serverInstance: index, access: word }));

describe('what the configuration gives', () => {
  test('one server that may do all needs no access control (OMA Core 1.2 8)', () => {
    const { tree, controls } = site();
    createAccessKeeper(definition(2), tree, [tree]).follow(servers('full'));
    expect([tree.exists([2]), controls()]).toEqual([false, {}]);
  });

  test('two servers share all but their accounts, and each may create', () => {
    const { tree, controls } = site();
    createAccessKeeper(definition(2), tree, [tree]).follow(servers('full', 'full'));
    expect(controls()).toEqual({
      '1/0': { owner: 1, 1: 15 },
      '1/1': { owner: 2, 2: 15 },
      '3/0': { owner: 65_535, 1: 15, 2: 15 },
      '16/65535': { owner: 65_535, 1: 16, 2: 16 },
    });
  });

  test('a server that comes later shares what the gateway shows; what is made and removed takes its control along', () => {
    const { tree, controls } = site();
    const keeper = createAccessKeeper(definition(2), tree, [tree]);
    keeper.follow(servers('full', 'read'));
    expect(controls()['3/0']).toEqual({ owner: 65_535, 1: 15, 2: 1 });
    keeper.follow([...servers('full', 'read'), { server: 7, serverInstance: 2, access: 'full' }]);
    expect(controls()['3/0']).toEqual({ owner: 65_535, 1: 15, 2: 1, 7: 15 });
    tree.create(16, undefined, [identity()], { server: 7 });
    expect(controls()['16/0']).toEqual({ owner: 7 });
    tree.removeInstance(16, 0);
    expect(controls()['16/0']).toBeUndefined();
  });
});

const identity = () => ({
  path: { prefix: '', ids: [16, 0, 0, 0] },
  type: 'string' as const,
  value: 'a',
});

test('a server that goes leaves what others can use to who can do most, and takes the rest along (digest 10.4)', async () => {
  const { tree, controls } = site();
  const keeper = createAccessKeeper(definition(2), tree, [tree]);
  keeper.follow(servers('full', 'full', 'full'));
  for (let count = 0; count < 2; count++) tree.create(16, undefined, [identity()], { server: 1 });
  const [id] = [...readAccessControls(tree)].find(
    ([, { object, instance }]) => object === 16 && instance === 0,
  ) ?? [0];
  const grant = (server: number, bits: number) => ({
    path: { prefix: '', ids: [2, id, 2, server] },
    type: 'integer' as const,
    value: bits,
  });
  await tree.write([2, id], 'update', [grant(2, 1), grant(3, 10)], { server: 1 });
  keeper.forget(1);
  expect(tree.exists([16, 0])).toBe(true);
  expect(tree.exists([16, 1])).toBe(false);
  expect(controls()).toMatchObject({
    '16/0': { owner: 3, 2: 1, 3: 10 },
    '3/0': { owner: 65_535, 2: 15, 3: 15 },
  });
});
