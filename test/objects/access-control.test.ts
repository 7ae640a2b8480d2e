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

const NOTHING = new Map<number, AccessControl>();
const NOBODY = 65_535;

const servers = (...access: ServerAccess['access'][]): ServerAccess[] =>
  access.map((word, index) => ({ server: index + 1, serverInstance: index, access: word, isFixed: true }));

describe('what the configuration gives', () => {
  test('one server that may do all needs no access control (OMA Core 1.2 8)', () => {
    const { tree, controls } = site();
    createAccessKeeper(definition(2), tree, [tree]).follow(servers('full'), NOTHING);
    expect([tree.exists([2]), controls()]).toEqual([false, {}]);
  });

  test('two servers share all but their accounts, and each may create', () => {
    const { tree, controls } = site();
    createAccessKeeper(definition(2), tree, [tree]).follow(servers('full', 'full'), NOTHING);
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
    keeper.follow(servers('full', 'read'), NOTHING);
    expect(controls()['3/0']).toEqual({ owner: 65_535, 1: 15, 2: 1 });
    keeper.follow(
      [...servers('full', 'read'), { server: 7, serverInstance: 2, access: 'full', isFixed: true }],
      keeper.said(),
    );
    expect(controls()['3/0']).toEqual({ owner: 65_535, 1: 15, 2: 1, 7: 15 });
    tree.create(16, undefined, [identity()], { server: 7 });
    expect(controls()['16/0']).toEqual({ owner: 7 });
    tree.addInstance({ definition: definition(16), instance: 0, resources: [] });
    expect(controls()['16/0'], 'what is made anew is whose it was').toEqual({ owner: 7 });
    tree.removeInstance(16, 0);
    expect(controls()['16/0']).toBeUndefined();
  });
});

const identity = () => ({
  path: { prefix: '', ids: [16, 0, 0, 0] },
  type: 'string' as const,
  value: 'a',
});

describe('what is said', () => {
  const unfixed = (...ids: number[]): ServerAccess[] =>
    ids.map((server) => ({ server, serverInstance: server - 1, access: 'none', isFixed: false }));

  test('begins access control, and keeps its ids: what follows from the servers makes room', () => {
    const { tree, controls } = site();
    const keeper = createAccessKeeper(definition(2), tree, [tree]);
    keeper.follow(servers('full', 'full'), NOTHING);
    const said = new Map([[0, control(NOBODY, [1, 1])]]);
    keeper.follow(unfixed(1, 2), said);
    expect(readAccessControls(tree).get(0)).toEqual(said.get(0));
    expect(controls()).toEqual({
      '1/0': { owner: 1, 1: 15 },
      '1/1': { owner: 2, 2: 15 },
      '3/0': { owner: NOBODY, 1: 1 },
      '16/65535': { owner: NOBODY },
    });
    expect(keeper.said()).toEqual(said);
  });

  test('about what is not there yet holds when it comes, whoever makes it', () => {
    const { tree, controls } = site();
    const keeper = createAccessKeeper(definition(2), tree, [tree]);
    const later = { object: 16, instance: 0, owner: 2, rights: new Map([[1, 1]]) };
    keeper.follow(unfixed(1, 2), new Map([[7, later]]));
    tree.create(16, 0, [identity()], { server: 1 });
    expect(controls()['16/0']).toEqual({ owner: 2, 1: 1 });
    tree.removeInstance(16, 0);
    expect(keeper.said()).toEqual(NOTHING);
  });

  test('gives those whom the files name what these say, and no default besides', () => {
    const { tree, controls } = site();
    const keeper = createAccessKeeper(definition(2), tree, [tree]);
    const said = new Map([[0, control(NOBODY, [0, 31], [2, 31], [3, 8])]]);
    keeper.follow([...servers('read', 'none'), ...unfixed(3)], said);
    expect(controls()['3/0']).toEqual({ owner: NOBODY, 0: 31, 1: 1, 2: 0, 3: 8 });
  });

  test('of what a server owns is its own business', () => {
    const { tree, controls } = site();
    const keeper = createAccessKeeper(definition(2), tree, [tree]);
    keeper.follow(servers('full', 'none'), new Map([[4, control(1, [2, 3])]]));
    expect(controls()['3/0']).toEqual({ owner: 1, 2: 3 });
  });
});

test('an ACL names servers and everybody, and nothing else (OMA Core 1.2 E.3)', async () => {
  const { tree } = site();
  createAccessKeeper(definition(2), tree, [tree]).follow(servers('full', 'full'), NOTHING);
  const write = async (server: number) => {
    const path = { prefix: '', ids: [2, 0, 2, server] };
    const done = await tree.write(path.ids, 'replace', [{ path, type: 'integer', value: 1 }], { server: 1 });
    return done.status;
  };
  expect([await write(0), await write(7), await write(NOBODY)]).toEqual(['done', 'done', 'bad-request']);
});
