import { expect, test } from 'vitest';
import { silentLogger } from '../../src/base/index.ts';
import type { Resumption } from '../../src/binding/index.ts';
import type { StateFile } from '../../src/store/index.ts';
import { keepAssociation } from '../../src/wire/kept-association.ts';

const URI = { scheme: 'coaps', host: 'lwm2m.example.org', port: 5684, path: [] } as const;
const LEFT: Resumption = { session: Buffer.from('session'), connection: Buffer.from('connection') };
const MINUTE_MS = 60_000;

function world(fails = false) {
  let document: unknown;
  let now = 1e12;
  const file: StateFile = {
    load: () => document,
    async save(next) {
      if (fails) throw new Error('the disk is full');
      document = JSON.parse(JSON.stringify(next));
    },
    setAside() {},
  };
  return {
    of: (uri: Parameters<typeof keepAssociation>[1] = URI) =>
      keepAssociation(file, uri, { clock: { now: () => now }, log: silentLogger, damaged() {} }),
    pass: (ms: number) => {
      now += ms;
    },
    breaks: () => {
      fails = true;
    },
    document: () => document,
  };
}

async function taken(from: ReturnType<ReturnType<typeof world>['of']>): Promise<Resumption> {
  const resumption: Resumption = {};
  await from.take(resumption);
  return resumption;
}

test('what was kept is taken once', async () => {
  const { of, document } = world();
  await of().keep(LEFT);
  expect(await taken(of())).toEqual(LEFT);
  expect(document()).toEqual({});
  expect(await taken(of())).toEqual({});
});

test.each([
  ['is older than servers remember, or from a copy of the folder', 11 * MINUTE_MS],
  ['comes from the future', -MINUTE_MS],
])('a connection that %s is passed over, and the session is not', async (_, ms) => {
  const { of, pass } = world();
  await of().keep(LEFT);
  pass(ms);
  expect(await taken(of())).toEqual({ session: LEFT.session });
});

test('what was kept of another server is not used, and is gone', async () => {
  const { of } = world();
  await of().keep(LEFT);
  expect(await taken(of({ ...URI, port: 5685 }))).toEqual({});
  expect(await taken(of())).toEqual({});
});

test('what cannot be removed from the disk is not used (RFC 5288 6.1)', async () => {
  const { of, breaks } = world();
  await of().keep(LEFT);
  breaks();
  const resumption: Resumption = {};
  await expect(of().take(resumption)).rejects.toThrow('full');
  expect(resumption).toEqual({});
});

test('without anything to keep nothing is written', async () => {
  const { of, document } = world();
  await of().keep({});
  expect(document()).toBeUndefined();
});
