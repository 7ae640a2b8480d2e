import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Room {
  readonly name: string;
  readonly packages: readonly string[];
  readonly imports: readonly string[];
}

/** The table of `src/README.md`. */
function readRooms(): Room[] {
  const text = readFileSync(join(ROOT, 'src/README.md'), 'utf8');
  const table = text.slice(text.indexOf('| room | does |'));
  const names = (cell: string): string[] =>
    cell
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
  return table
    .slice(0, table.indexOf('\n\n'))
    .split('\n')
    .slice(2)
    .map((row) => {
      const [name = '', , packages = '', imports = ''] = row
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim());
      return { name, packages: names(packages), imports: names(imports) };
    });
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*'([^']+)'|(?:^|\n)\s*import\s*'([^']+)'|import\(\s*'([^']+)'\s*\)/g;

function importsOf(source: string): string[] {
  return [...source.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const isBuiltin = (specifier: string): boolean =>
  specifier.startsWith('node:') || builtinModules.includes(specifier);

/**
 * What is wrong with the imports of one file.
 * @param file path from the top of the repository, e.g. `src/coap/codec.ts`
 */
function offences(file: string, source: string, rooms: readonly Room[]): string[] {
  const [top = '', folder = ''] = file.split('/');
  if (top === 'adapters') return adapterOffences(file, folder, source);
  const room = rooms.find(({ name }) => name === folder);
  if (room === undefined) return folder.endsWith('.ts') ? [] : [`${file}: ${folder} is no room of the table`];
  const mayImport = room.name === 'cli' ? rooms.map(({ name }) => name) : room.imports;
  return importsOf(source).flatMap((specifier) => {
    if (isBuiltin(specifier)) return [];
    if (!specifier.startsWith('.')) {
      return room.packages.includes(packageOf(specifier))
        ? []
        : [`${file}: ${room.name} may not use ${specifier}`];
    }
    const target = relative(ROOT, resolve(ROOT, dirname(file), specifier));
    const [targetTop = '', targetFolder = '', ...rest] = target.split('/');
    if (targetTop !== 'src') return [`${file}: imports ${target}`];
    if (targetFolder === room.name) {
      return rest.join('/') === 'index.ts' ? [`${file}: goes through its own door`] : [];
    }
    if (targetFolder === 'version.ts') {
      return ['wire', 'cli'].includes(room.name) ? [] : [`${file}: only wire and cli may import ${target}`];
    }
    if (!mayImport.includes(targetFolder)) return [`${file}: ${room.name} may not import ${targetFolder}`];
    return rest.join('/') === 'index.ts' ? [] : [`${file}: passes by the door of ${targetFolder}`];
  });
}

function adapterOffences(file: string, adapter: string, source: string): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return importsOf(source).flatMap((specifier) => {
    if (isBuiltin(specifier) || specifier === 'lwm2m-gateway/adapter') return [];
    if (!specifier.startsWith('.')) {
      return Object.hasOwn(manifest.dependencies, packageOf(specifier)) ? [] : [`${file}: uses ${specifier}`];
    }
    const target = relative(ROOT, resolve(ROOT, dirname(file), specifier));
    return target.startsWith(`adapters/${adapter}/`) ? [] : [`${file}: imports ${target}`];
  });
}

function filesBelow(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** The files that a file imports. */
const neighboursOf = (file: string, source: string): string[] =>
  importsOf(source)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => join(dirname(file), specifier));

/** A way from a file back to itself, once for each ring that a search from every file comes upon. */
function ringsIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const rings: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) rings.push([...path.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return rings;
}

const rooms = readRooms();
const sourceOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

describe('the table of src/README.md', () => {
  test('names every folder of src, and no other', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(rooms.map(({ name }) => name).sort()).toEqual(folders.sort());
  });

  test('lets a room import earlier rows only, so that no ring can exist', () => {
    for (const [row, { name, imports }] of rooms.entries()) {
      if (name === 'cli') continue;
      expect(rooms.slice(0, row).map((room) => room.name)).toEqual(expect.arrayContaining([...imports]));
    }
  });

  test('gives each npm package to one room', () => {
    const packages = rooms.flatMap((room) => room.packages);
    expect(new Set(packages).size).toBe(packages.length);
  });
});

test('every room has a door with one sentence on what it is', () => {
  for (const { name } of rooms) {
    if (name === 'cli') continue;
    expect(sourceOf(`src/${name}/index.ts`)).toMatch(new RegExp(`^/\\*\\* ${name}: `));
  }
});

test('no file imports what its room may not', () => {
  const files = [...filesBelow('src'), ...filesBelow('adapters')];
  expect(files.length).toBeGreaterThan(50);
  expect(files.flatMap((file) => offences(file, sourceOf(file), rooms))).toEqual([]);
});

test('no files import each other in a ring, not even their types', () => {
  const files = [...filesBelow('src'), ...filesBelow('adapters')];
  const graph = new Map(files.map((file) => [file, neighboursOf(file, sourceOf(file))]));
  expect(ringsIn(graph)).toEqual([]);
  expect(
    ringsIn(new Map([...graph, ['src/dtls/bytes.ts', ['src/dtls/fault.ts', 'src/dtls/index.ts']]])),
  ).not.toEqual([]);
});

test('wire is imported by commands only, and nothing imports an adapter', () => {
  for (const file of filesBelow('src')) {
    for (const specifier of importsOf(sourceOf(file))) {
      expect(specifier).not.toMatch(/adapters\//);
      if (specifier.endsWith('wire/index.ts')) expect(file).toMatch(/^src\/(cli\/|index\.ts)/);
    }
  }
});

test('nothing draws from Math.random, whose next value can be computed from some of those before', () => {
  for (const file of [...filesBelow('src'), ...filesBelow('adapters')])
    expect(sourceOf(file), file).not.toContain('Math.random');
});

describe('an import planted in the wrong place is found:', () => {
  test.each([
    ['src/codec/text.ts', "import { createEndpoint } from '../coap/index.ts';", 'codec may not import coap'],
    ['src/tree/tree.ts', "import { step } from '../client/index.ts';", 'tree may not import client'],
    ['src/binding/uplink.ts', "import { encode } from '../coap/codec.ts';", 'passes by the door of coap'],
    ['src/coap/endpoint.ts', "import { encode } from './index.ts';", 'goes through its own door'],
    ['src/tree/tree.ts', "import pino from 'pino';", 'tree may not use pino'],
    [
      'src/gateway/device.ts',
      "const m = await import('../../adapters/modbus/index.ts');",
      'imports adapters/modbus',
    ],
    [
      'src/client/session.ts',
      "import { createGateway } from '../wire/index.ts';",
      'client may not import wire',
    ],
    ['src/helpers/text.ts', '', 'helpers is no room of the table'],
    [
      'adapters/modbus/link.ts',
      "import { GatewayError } from '../../src/base/index.ts';",
      'imports src/base/index.ts',
    ],
    ['adapters/modbus/link.ts', "import sim from '../sim/index.ts';", 'imports adapters/sim/index.ts'],
    ['adapters/modbus/link.ts', "import x from 'left-pad';", 'uses left-pad'],
  ])('%s: %s', (file, source, offence) => {
    expect(offences(file, source, rooms).join()).toContain(offence);
  });
});
