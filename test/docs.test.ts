import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadPlan } from '../src/cli/load.ts';
import { VERSION } from '../src/version.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const manifest = JSON.parse(read('package.json'));

function sources(): string[] {
  return ['src', 'adapters'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(join(folder, name))),
  );
}

test('src/README.md lists exactly the error codes that the code has', () => {
  const rooms = [...readdirSync(join(ROOT, 'src')), ...readdirSync(join(ROOT, 'adapters'))]
    .map((name) => name.replace(/\.ts$/, ''))
    .join('|');
  const literal = new RegExp(`'((?:${rooms})\\.(?!yaml|ts|js|sock)[a-z-]+)'`, 'g');
  const thrown = sources().flatMap((source) => [...source.matchAll(literal)].map((match) => match[1]));
  const faults = [...read('src/codec/fault.ts').matchAll(/\| '([a-z-]+)'/g)].map(
    (match) => `codec.${match[1]}`,
  );
  const table = read('src/README.md').split('## Error codes')[1]?.split('## ')[0] ?? '';
  const listed = [...table.matchAll(/`([a-z]+\.(?!what)[a-z-]+)`/g)].map((match) => match[1]);
  expect([...new Set(listed)].sort()).toEqual([...new Set([...thrown, ...faults])].sort());
});

test('the version of the software is that of the package', () => {
  expect(VERSION).toBe(manifest.version);
});

describe('README.md', () => {
  const readme = read('README.md');

  test('names scripts that exist', () => {
    const scripts = [...readme.matchAll(/npm (?:run )?([a-z]+)/g)].map((match) => match[1] ?? '');
    for (const script of scripts.filter((name) => name !== 'install')) {
      expect(Object.keys(manifest.scripts)).toContain(script);
    }
  });

  test('links to files that exist', () => {
    for (const [, target = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      expect({ target, exists: existsSync(join(ROOT, target)) }).toEqual({ target, exists: true });
    }
  });

  test('names commands that exist', () => {
    const main = read('src/cli/main.ts');
    for (const [, command] of readme.matchAll(/(?:main\.js|`lwm2m-gateway) ([a-z]+)/g)) {
      expect(main).toMatch(new RegExp(`(?:\\.command|[oO]rder|fieldCommand)\\(\\s*'${command}'`));
    }
  });

  test('shows a first configuration that is fine as it stands', async () => {
    const yaml = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const { mkdtempSync, writeFileSync, rmSync } = await import('node:fs');
    const folder = mkdtempSync(join((await import('node:os')).tmpdir(), 'lwm2m-gateway-'));
    writeFileSync(join(folder, 'gateway.yaml'), yaml);
    const { faults } = await loadPlan(join(folder, 'gateway.yaml'));
    rmSync(folder, { recursive: true });
    expect(faults).toEqual([]);
    expect(yaml.trim().split('\n').length).toBeLessThanOrEqual(10);
  });
});

describe('examples and profiles', () => {
  test.each(['config/gateway.yaml', 'config/examples/fleet.yaml'])('%s makes sense', async (file) => {
    expect((await loadPlan(join(ROOT, file))).faults).toEqual([]);
  });

  test('every profile that ships can be used', async () => {
    const { plan } = await loadPlan(join(ROOT, 'config/examples/fleet.yaml'));
    const shipped = readdirSync(join(ROOT, 'config/profiles'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => name.replace(/\.yaml$/, ''));
    expect(plan?.config.availableProfiles.map(({ id }) => id).sort()).toEqual(shipped.sort());
  });
});

test('every file of documentation that src/README.md links to exists', () => {
  for (const [, target = ''] of read('src/README.md').matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
    expect(existsSync(join(ROOT, 'src', dirname(target), target.split('/').at(-1) ?? ''))).toBe(true);
  }
});
