import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { facts } from '../../src/cli/facts.ts';
import { type ObjectDefinition, omaRegistry, writeDdf } from '../../src/model/index.ts';
import { listen } from './output.ts';

const LICENCE = '<!-- BSD-3 Clause License -->';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-'));
  await mkdir(join(folder, 'version_history'));
});
afterEach(() => rm(folder, { recursive: true }));

const target = (): string => join(folder, 'facts.ts');

const objectOf = (id: number, version: string): ObjectDefinition => {
  const found = omaRegistry().find(id, version);
  if (found === undefined) throw new Error(`no object ${id}`);
  return found;
};

async function put(name: string, definition: ObjectDefinition, licence = LICENCE): Promise<void> {
  await writeFile(join(folder, name), writeDdf(definition).replace('\n', `\n${licence}\n`));
}

test('facts are gathered from the files of all versions, without those that have no licence', async () => {
  await put('3303.xml', objectOf(3303, '1.1'));
  await put('version_history/3303-1_0.xml', objectOf(3303, '1.0'));
  await put('version_history/3303-1_1.xml', objectOf(3303, '1.1'));
  await put('9.xml', objectOf(9, '1.0'));
  await put('3443.xml', objectOf(3304, '1.0'), '<!-- says nothing -->');
  await writeFile(join(folder, 'Common.xml'), '<Common/>');
  await writeFile(join(folder, 'LWM2M.xsd'), '<schema/>');
  const out = listen();
  expect(await facts(folder, target(), out)).toBe(0);
  expect(out.printed().split('\n')).toEqual([
    `${join(folder, '3443.xml')} has no licence text: left out`,
    `3 definitions written to ${target()}`,
  ]);
  const written = await readFile(target(), 'utf8');
  expect(written.match(/^\[\d+,"[^"]+","[^"]+"/gm)).toEqual([
    '[9,"LWM2M Software Management","1.0"',
    '[3303,"Temperature","1.0"',
    '[3303,"Temperature","1.1"',
  ]);
});

test('nothing is written when a file is broken', async () => {
  await put('9.xml', objectOf(9, '1.0'));
  await writeFile(join(folder, '10.xml'), `${LICENCE}<LWM2M>`);
  const out = listen();
  expect(await facts(folder, target(), out)).toBe(1);
  expect(out.complained()).toMatch(/^model\.bad-ddf: .*10\.xml:1:\d+: /);
  await expect(readFile(target())).rejects.toThrow('ENOENT');
});
