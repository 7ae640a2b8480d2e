import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStateFile } from '../../src/store/index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lwm2m-gateway-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('what was saved last is what is loaded, also through another opening', async () => {
  const file = join(folder, 'deep', 'state.json');
  const state = openStateFile(file);
  expect(state.load()).toBeUndefined();
  await Promise.all([state.save({ a: 1 }), state.save({ a: 2 })]);
  expect(openStateFile(file).load()).toEqual({ a: 2 });
});

test('a write that was cut off leaves the last whole document', async () => {
  const file = join(folder, 'state.json');
  await openStateFile(file).save({ whole: true });
  writeFileSync(`${file}.new`, '{"whole": fal');
  expect(openStateFile(file).load()).toEqual({ whole: true });
});

test('a damaged file is an error that names it, never an empty state', () => {
  const file = join(folder, 'state.json');
  writeFileSync(file, '{"devices": [');
  expect(() => openStateFile(file).load()).toThrow(expect.objectContaining({ code: 'store.unreadable' }));
  expect(readFileSync(file, 'utf8')).toBe('{"devices": [');
});

test('what is said of a damaged file quotes nothing of it, as it may hold keys', () => {
  const file = join(folder, 'state.json');
  writeFileSync(file, '{"key": c2VjcmV0x}');
  const problem = (): unknown => {
    try {
      return openStateFile(file).load();
    } catch (error) {
      return error;
    }
  };
  expect(inspect(problem())).toContain('damaged');
  expect(inspect(problem())).not.toContain('c2V');
});

test('a folder that cannot be written is an error, and later saves are still tried', async () => {
  writeFileSync(join(folder, 'file'), '');
  const state = openStateFile(join(folder, 'file', 'state.json'));
  await expect(state.save({})).rejects.toMatchObject({ code: 'store.unwritable' });
  rmSync(join(folder, 'file'));
  await state.save({ fine: true });
  expect(state.load()).toEqual({ fine: true });
});

test('what was set aside is left for people, and the next save begins anew', async () => {
  const file = join(folder, 'state.json');
  writeFileSync(file, 'rubbish');
  const state = openStateFile(file);
  state.setAside();
  expect(state.load()).toBeUndefined();
  expect(readFileSync(`${file}.damaged`, 'utf8')).toBe('rubbish');
  await state.save({ fine: true });
  state.setAside();
  state.setAside();
  expect(readFileSync(`${file}.damaged`, 'utf8')).toContain('fine');
});

test('what could not be loaded is not saved, and the last document stays', async () => {
  const state = openStateFile(join(folder, 'state.json'));
  await state.save({ fine: true });
  const large = 'x'.repeat(16 * 1024 * 1024);
  await expect(state.save({ large })).rejects.toMatchObject({ code: 'store.unwritable' });
  expect(state.load()).toEqual({ fine: true });
});
