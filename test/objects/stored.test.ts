import { expect, test } from 'vitest';
import type { Entry } from '../../src/model/index.ts';
import { storedObject } from '../../src/objects/index.ts';
import { createTree, type Tree } from '../../src/tree/index.ts';
import { definition } from '../support/device-tree.ts';

const SERVER = { server: 1 };

function portfolio(): Tree {
  const tree = createTree({ clock: { monotonic: () => 0 } });
  tree.addObject(definition(16), storedObject(tree, definition(16)));
  return tree;
}

const identity = (value: string, resourceInstance = 0): Entry => ({
  path: { prefix: '', ids: [16, 0, 0, resourceInstance] },
  type: 'string',
  value,
});

test('a store has so many instances and no more', () => {
  const tree = portfolio();
  const create = () => tree.create(16, undefined, [identity('a')], SERVER).status;
  for (let count = 0; count < 64; count++) expect(create()).toBe('created');
  expect(create()).toBe('bad-request');
});

test('an instance holds so much and no more, and can be written again when it is full', async () => {
  const tree = portfolio();
  const large = 'x'.repeat(40_000);
  expect(tree.create(16, 0, [identity(large), identity(large, 1)], SERVER).status).toBe('bad-request');
  expect(tree.exists([16, 0])).toBe(false);
  expect(tree.create(16, 0, [identity(large)], SERVER).status).toBe('created');
  expect((await tree.write([16, 0, 0, 1], 'replace', [identity(large, 1)], SERVER)).status).toBe(
    'bad-request',
  );
  expect((await tree.write([16, 0, 0, 0], 'replace', [identity(large)], SERVER)).status).toBe('done');
});

test('all instances together hold so much and no more', async () => {
  const tree = portfolio();
  const large = 'x'.repeat(60_000);
  for (let count = 0; count < 4; count++)
    expect(tree.create(16, undefined, [identity(large)], SERVER).status).toBe('created');
  expect(tree.create(16, undefined, [identity(large)], SERVER).status).toBe('bad-request');
  expect(tree.create(16, undefined, [identity('a')], SERVER).status).toBe('created');
  const written = await tree.write([16, 4, 0, 0], 'replace', [identity(large)].map(at4), SERVER);
  expect(written.status).toBe('bad-request');
});

const at4 = (entry: Entry): Entry => ({ ...entry, path: { prefix: '', ids: [16, 4, 0, 0] } });
