import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger, systemClock, type Timers } from '../../src/base/index.ts';
import { type FileJournal, type JournalOptions, openJournal } from '../../src/store/index.ts';

let folder: string;
let timers: Timers;
let open: FileJournal[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
  timers = createTimers(systemClock, 5);
  open = [];
});

afterEach(async () => {
  for (const journal of open) await journal.close();
  timers.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(options: Partial<JournalOptions> = {}): FileJournal {
  const journal = openJournal({ folder, ...options }, { timers, log: silentLogger });
  open.push(journal);
  return journal;
}

const documents = (journal: FileJournal): unknown[] => journal.read().map(({ document }) => document);
const files = (): string[] => readdirSync(folder).sort();
const newest = (): string => join(folder, files().at(-1) ?? '');

describe('a journal', () => {
  test('has after a restart what was appended and not dropped, in its order', async () => {
    const before = start();
    const ids = ['a', 'b', 'c'].map((text) => before.append({ text }));
    before.drop(ids[1] ?? 0);
    await before.close();
    const after = start();
    expect(after.read()).toEqual([
      { id: ids[0], document: { text: 'a' } },
      { id: ids[2], document: { text: 'c' } },
    ]);
    expect(after.append('d')).toBeGreaterThan(ids[2] ?? 0);
  });

  test('goes on over many restarts, and drops what an earlier one has appended', async () => {
    const first = start();
    first.append('old');
    await first.close();
    const second = start();
    second.append('new');
    for (const { id } of second.read()) second.drop(id);
    await second.close();
    expect(documents(start())).toEqual(['new']);
  });

  test('writes by itself what is not closed', async () => {
    const journal = start({ syncMs: 10 });
    journal.append('kept');
    await expect.poll(() => readFileSync(newest(), 'utf8')).toContain('kept');
    expect(documents(start())).toEqual(['kept']);
  });

  test('takes away its oldest files when nothing in them is needed', async () => {
    const journal = start({ segmentBytes: 200, syncMs: 1 });
    const ids: number[] = [];
    for (let round = 0; round < 10; round++) {
      for (let record = 0; record < 10; record++) ids.push(journal.append(`${round}-${record}`));
      await expect.poll(() => journal.statistics.bytes).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    const many = files().length;
    for (const id of ids.slice(0, -1)) journal.drop(id);
    await journal.close();
    expect(files().length).toBeLessThan(many);
    expect(documents(start())).toEqual(['9-9']);
  });

  test('is never larger than allowed, and counts what had to make room', async () => {
    const journal = start({ segmentBytes: 1000, mostBytes: 5000, syncMs: 1 });
    for (let record = 0; record < 40; record++) {
      journal.append('x'.repeat(400));
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await journal.close();
    const bytes = files().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(6000);
    expect(journal.statistics.forced).toBeGreaterThan(20);
    expect(documents(start()).length).toBe(40 - journal.statistics.forced);
  });

  test('that cannot be written counts, and does not throw', async () => {
    writeFileSync(join(folder, 'file'), '');
    const journal = start({ folder: join(folder, 'file', 'below') });
    journal.append('lost');
    await journal.close();
    expect(journal.statistics).toMatchObject({ unwritten: 1, damaged: 1 });
  });
});

describe('when the power was cut', () => {
  test('within any byte of the last write, all whole records are there, and the torn one is counted', async () => {
    const journal = start();
    const texts = ['first', 'second', 'third'];
    for (const text of texts) journal.append({ text });
    await journal.close();
    const file = newest();
    const whole = readFileSync(file);
    const ends = [...whole].flatMap((byte, at) => (byte === 0x0a ? [at + 1] : []));
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length));
      const cut = openJournal({ folder }, { timers, log: silentLogger });
      const records = ends.filter((end) => end <= length).length;
      expect(documents(cut)).toEqual(texts.slice(0, records).map((text) => ({ text })));
      expect(cut.statistics.damaged).toBe(length === 0 || ends.includes(length) ? 0 : 1);
    }
  });

  test('what is written afterwards is not lost behind what was torn', async () => {
    const before = start();
    before.append('whole');
    before.append('torn');
    await before.close();
    const file = newest();
    writeFileSync(file, readFileSync(file).subarray(0, -3));
    const after = start();
    after.append('later');
    await after.close();
    const last = start();
    expect([documents(last), last.statistics.damaged]).toEqual([['whole', 'later'], 1]);
  });

  test('any damage to the bytes makes records vanish, never change', async () => {
    const journal = start();
    const written = Array.from({ length: 20 }, (_, number) => ({ number, text: 'é'.repeat(number) }));
    for (const document of written) journal.append(document);
    await journal.close();
    const file = newest();
    const whole = readFileSync(file);
    const texts = new Set(written.map((document) => JSON.stringify(document)));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
        (damages) => {
          const bytes = Buffer.from(whole);
          for (const [at, byte] of damages) bytes[at] = byte;
          writeFileSync(file, bytes);
          const read = documents(openJournal({ folder }, { timers, log: silentLogger }));
          for (const document of read) expect(texts.has(JSON.stringify(document))).toBe(true);
          expect(read.length).toBeGreaterThanOrEqual(written.length - 2 * damages.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});
