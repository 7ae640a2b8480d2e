import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTimers, silentLogger } from '../../src/base/index.ts';
import { type FieldMemory, openFieldMemory } from '../../src/wire/memory.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { eventually } from '../support/site.ts';

let folder: string;
let file: string;
let clock: FakeClock;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memory-'));
  file = join(folder, 'field.json');
  clock = createFakeClock();
});
afterEach(() => rm(folder, { recursive: true }));

let damaged: number;

const open = (beforeSave: (memory: FieldMemory) => void = () => {}): FieldMemory =>
  openFieldMemory(
    file,
    {
      timers: createTimers(clock, 5),
      log: silentLogger,
      damaged: () => {
        damaged++;
      },
    },
    beforeSave,
  );

test('what is kept of a device is there after a restart, for the same device only', async () => {
  const first = open((memory) => memory.note('sn-1', { e: [5, 6] }));
  expect(first.of('sn-1', 'a')).toMatchObject({ learned: undefined, marks: undefined });
  first.of('sn-1', 'a').keep({ cuts: [1] });
  await first.close();

  const second = open();
  expect(second.of('sn-1', 'a')).toMatchObject({ learned: { cuts: [1] }, marks: { e: [5, 6] } });
  expect(second.of('sn-2', 'a')).toMatchObject({ learned: undefined, marks: undefined });
  expect(second.statistics).toMatchObject({ restored: 1, outdated: 0 });
  await second.close();
});

test('a device that is made of something else begins anew', async () => {
  const first = open();
  const before = first.of('sn-1', 'a');
  before.keep('learned');
  const after = first.of('sn-1', 'b');
  expect(after).toMatchObject({ learned: undefined });
  expect(first.statistics).toMatchObject({ outdated: 1 });
  // The one before it is still at work for a moment.
  before.keep('of another profile');
  await first.close();
  expect(open().of('sn-1', 'b').learned).toBeUndefined();
});

test('a damaged file is reported, costs what was in it, and is whole again after the next save', async () => {
  for (const text of ['{"schema": 1, "dev', '[]', '{"schema":1,"devices":{"sn-1":7}}', 'null']) {
    await writeFile(file, text);
    damaged = 0;
    const memory = open();
    const own = memory.of('sn-1', 'a');
    expect(own).toMatchObject({ learned: undefined, marks: undefined });
    own.keep(text.length);
    await memory.close();
    expect(open().of('sn-1', 'a').learned).toBe(text.length);
    expect(damaged).toBe(text.startsWith('{"schema": 1, "dev') ? 1 : 0);
  }
});

test('it is written every ten minutes if anything is new, and once more in the end', async () => {
  let position = 1;
  const memory = open((own) => own.note('sn-1', { e: [position, 0] }));
  memory.of('sn-1', 'a');
  const kept = async (): Promise<unknown> => {
    const text = await readFile(file, 'utf8').catch(() => '{}');
    return JSON.parse(text).devices?.['sn-1'].marks.e[0];
  };
  await clock.advance(9 * 60_000);
  expect(await kept()).toBeUndefined();
  await clock.advance(60_000);
  await eventually(async () => (await kept()) === 1);
  position = 2;
  await memory.close();
  expect(await kept()).toBe(2);
  expect(clock.pending).toBe(0);
});

test('without a device nothing waits to be saved, and nothing is written', async () => {
  await writeFile(file, '"of somebody else"');
  const memory = open();
  expect(clock.pending).toBe(0);
  await memory.close();
  expect(await readFile(file, 'utf8')).toBe('"of somebody else"');
});

test('it is bounded: a device keeps 64 KiB at most, and who is gone is forgotten', async () => {
  const memory = open();
  memory.of('sn-1', 'a').keep('small');
  memory.of('sn-1', 'a').keep('x'.repeat(65_536));
  expect(memory.statistics.tooLarge).toBe(1);
  memory.of('sn-2', 'a').keep('small');
  memory.forgetOthers(['sn-1']);
  await memory.close();
  const again = open();
  expect([again.of('sn-1', 'a').learned, again.of('sn-2', 'a').learned]).toEqual(['small', undefined]);
});

test('a disk that takes nothing costs the memory, and nothing else', async () => {
  await writeFile(join(folder, 'file'), '');
  file = join(folder, 'file/field.json');
  const memory = open();
  memory.of('sn-1', 'a').keep('lost');
  await memory.close();
  expect(memory.statistics.unwritten).toBe(1);
});
