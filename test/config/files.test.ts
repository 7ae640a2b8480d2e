import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatFault, loadConfig } from '../../src/config/index.ts';
import { adapters, configOf, faultsOf, fromEnv, METER, SOUND, UPSTREAM } from './support.ts';

describe('include', () => {
  const including = (pattern: string): string => `include: ["${pattern}"]\n${UPSTREAM}`;
  const device = (id: string, unit: number): string =>
    `devices:\n  - { id: ${id}, profile: meter, connection: hall, unit: ${unit} }\n`;
  const hall = 'connections:\n  hall: { type: modbus-tcp, host: h }\n';

  test('adds connections and devices of all files that fit, in the order of their names', () => {
    const files = {
      'conf.d/20-b.yaml': device('b', 2),
      'conf.d/10-a.yaml': device('a', 1) + hall,
      'conf.d/.hidden.yaml': device('c', 3),
      'conf.d/notes.txt': 'no: [yaml',
      'conf.d/deep/30-d.yaml': device('d', 4),
    };
    expect(configOf(including('conf.d/*.yaml'), { files }).devices.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(configOf(including('./conf.d/?0-a.yaml'), { files }).devices.map(({ id }) => id)).toEqual(['a']);
    const deep = configOf(`include: ["*/de*p/*d.y*ml", "hall.yaml"]\n${UPSTREAM}`, {
      files: { ...files, 'hall.yaml': hall },
    });
    expect(deep.devices.map(({ id }) => id)).toEqual(['d']);
  });

  test('reads a file once, and never the main file', () => {
    const files = { 'a.yaml': hall + device('a', 1) };
    const main = `include: ["a.yaml", "*.yaml", "./a.yaml"]\n${UPSTREAM}`;
    expect(configOf(main, { files }).devices.map(({ id }) => id)).toEqual(['a']);
  });

  test('finds the same names in several files', () => {
    const files = { 'a.yaml': hall + device('a', 1), 'b.yaml': hall + device('a', 2) };
    expect(faultsOf(including('?.yaml'), { files })).toEqual([
      "b.yaml:2:3 connections.hall: the connection 'hall' is given twice; the first is in a.yaml, line 2",
      "b.yaml:4:11 devices[0].id: the id 'a' is given twice; the first is in a.yaml, line 4",
    ]);
  });

  test.each([
    ['missing.yaml', "cannot read 'missing.yaml': there is no such file or folder"],
    ['missing.d/*.yaml', "cannot read 'missing.d/*.yaml': there is no such file or folder"],
  ])('of %s is a fault, and nothing is said about names that it may have', (pattern, message) => {
    expect(faultsOf(including(pattern) + device('a', 1))).toEqual([
      `gateway.yaml:1:11 include[0]: ${message}`,
    ]);
  });

  test('knows only connections and devices', () => {
    expect(faultsOf(including('a.yaml'), { files: { 'a.yaml': 'log: { level: debug }\n' } })).toEqual([
      "a.yaml:1:1 log: unknown key 'log'; allowed keys: connections, devices, schema",
    ]);
  });
});

describe('objects', () => {
  const naming = (...paths: string[]): string => `objects: ${JSON.stringify(paths)}\n${UPSTREAM}`;
  const files = {
    'ddf/b.xml': 'B',
    'ddf/deep/a.XML': 'A',
    'ddf/notes.txt': 'no',
    'ddf/.x.xml': 'no',
    'one.xml': 'C',
  };

  test('are read as text, from folders and single files, each once', () => {
    expect(configOf(naming('one.xml', './ddf', 'ddf/b.xml'), { files }).objectFiles).toEqual([
      { file: 'one.xml', text: 'C' },
      { file: 'ddf/b.xml', text: 'B' },
      { file: 'ddf/deep/a.XML', text: 'A' },
    ]);
    expect(configOf(UPSTREAM).objectFiles).toEqual([]);
  });

  test('that cannot be read are faults', () => {
    const broken = { ...files, 'ddf/c.xml': new Uint8Array([0xff]) };
    expect(faultsOf(naming('two.xml', 'other', 'ddf'), { files: broken })).toEqual([
      "gateway.yaml:1:11 objects[0]: cannot read 'two.xml': there is no such file or folder",
      "gateway.yaml:1:21 objects[1]: cannot read 'other': there is no such file or folder",
      'ddf/c.xml:1:1: cannot read this file: it is not UTF-8 text',
    ]);
    expect(faultsOf(`objects: ddf\n${UPSTREAM}`, { files })).toEqual([
      "gateway.yaml:1:10 objects: 'ddf' is not allowed; allowed: a list of folders and files",
    ]);
  });
});

describe('profile folders', () => {
  test('go before those that come later', () => {
    const files = {
      'own/deep/x.yml': METER.replace('unit: V', 'unit: kV'),
      'profiles/other.yaml': METER.replace('id: meter', 'id: other'),
    };
    const config = configOf(SOUND.replace('[profiles]', '[own, profiles]'), { files });
    expect(config.profiles.map(({ points }) => points.v1?.unit)).toEqual(['kV']);
    expect(config.availableProfiles.map(({ id }) => id)).toEqual(['meter', 'other']);
  });

  test('that do not exist are faults, and nothing is said about their profiles', () => {
    expect(
      faultsOf(SOUND.replace('[profiles]', '[profile]').replace('profile: meter', 'profile: x')),
    ).toEqual(["gateway.yaml:1:16 profilePaths[0]: cannot read 'profile': there is no such file or folder"]);
  });
});

test('the id of a profile stands in its file', () => {
  const files = { 'profiles/x.yaml': METER.replace('id: meter', `id: ${fromEnv('ID')}`) };
  expect(faultsOf(SOUND, { files, env: { ID: 'x' } })).toEqual([
    'profiles/x.yaml:2:7 profile.id: the id of a profile cannot come from the environment',
  ]);
});

test('bytes that are no UTF-8 are a fault', () => {
  expect(faultsOf(SOUND, { files: { 'gateway.yaml': new Uint8Array([0x61, 0xff]) } })).toEqual([
    'gateway.yaml:1:1: cannot read this file: it is not UTF-8 text',
  ]);
});

describe('on a disk', () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);
  const faults = (name: string): string[] =>
    loadConfig(at(name), { adapters, env: {} }).faults.map((fault) =>
      formatFault(fault).replace(folder, '.'),
    );

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'config-'));
    mkdirSync(at('profiles'));
    writeFileSync(at('profiles/meter.yaml'), METER);
    symlinkSync('..', at('profiles/ring'));
    writeFileSync(at('gateway.yaml'), SOUND);
    writeFileSync(
      at('builtin.yaml'),
      SOUND.replace('[profiles]', '[builtin]').replace('profile: meter', 'profile: none'),
    );
    writeFileSync(at('huge.yaml'), '');
    truncateSync(at('huge.yaml'), 600 * 1024);
    execFileSync('mkfifo', [at('pipe.yaml')]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('links to folders are not followed, so that a ring of them ends', () => {
    expect(faults('gateway.yaml')).toEqual([]);
  });

  test.each([
    ['absent.yaml', 'there is no such file or folder'],
    ['profiles', 'it is a folder'],
    ['pipe.yaml', 'it is not a regular file'],
    ['huge.yaml', 'it is larger than 512 KiB'],
  ])('%s is a fault', (name, reason) => {
    expect(faults(name)).toEqual([`./${name}:1:1: cannot read this file: ${reason}`]);
  });
});
