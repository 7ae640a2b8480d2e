import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTimers, silentLogger } from '../../src/base/index.ts';
import type { ServerAccount } from '../../src/client/index.ts';
import { openSessionFiles } from '../../src/wire/session-files.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

let folder: string;
let clock: FakeClock;
let damaged: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'session-'));
  clock = createFakeClock();
  damaged = 0;
});
afterEach(() => rm(folder, { recursive: true }));

const ACCOUNT = {
  shortServerId: 1,
  serverInstance: 0,
  security: {
    instance: 0,
    uri: { scheme: 'coap', host: 'localhost', port: 5683, path: [] },
    credentials: {},
  },
} as unknown as ServerAccount;

const open = () =>
  openSessionFiles(folder, ACCOUNT, {
    clock,
    timers: createTimers(clock, 5),
    log: silentLogger,
    damaged: () => {
      damaged++;
    },
  });

const written = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, 'attributes.json'), 'utf8').catch(() => 'null'));

test('thousands of attributes that go at once are written once, as they stand then', async () => {
  const files = open();
  expect(files.attributes.load()).toBeUndefined();
  let asked = 0;
  for (let left = 10_000; left >= 0; left--)
    files.attributes.save(() => {
      asked++;
      return { left };
    });
  expect(asked).toBe(0);
  await clock.advance(1005);
  expect(asked).toBe(1);
  await files.close();
  expect(await written()).toEqual({ left: 0 });
});

test('what waits is written in the end, and what is as it was is not', async () => {
  const files = open();
  files.attributes.save(() => ({ '/3/0': { pmin: 5 } }));
  await files.close();
  expect(await written()).toEqual({ '/3/0': { pmin: 5 } });
  const again = open();
  expect(again.attributes.load()).toEqual({ '/3/0': { pmin: 5 } });
  await rm(join(folder, 'attributes.json'));
  await again.close();
  expect(await written()).toBeNull();
});

test('what is forgotten stays so, whatever is written until the end', async () => {
  const files = open();
  files.attributes.save(() => ({ '/3/0': { pmin: 5 } }));
  await files.forget();
  files.attributes.save(() => ({ '/3/0': { pmin: 6 } }));
  await files.close();
  expect(await written()).toEqual({});
});

test('files that are damaged are set aside, and cost what was in them', async () => {
  await writeFile(join(folder, 'attributes.json'), '{"/3');
  await writeFile(join(folder, 'association.json'), '{"sch');
  const files = open();
  expect(files.attributes.load()).toBeUndefined();
  await files.recall();
  expect([damaged, files.resumption]).toEqual([2, {}]);
  await files.close();
});
