import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string): string => readFileSync(root(path), 'utf8');

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** Instructions with their continuation lines, without comments. */
function instructionsOf(dockerfile: string): readonly Instruction[] {
  return dockerfile
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', ...rest] = line.trim().split(/\s+/);
      return { name, text: rest.join(' ') };
    });
}

const all = instructionsOf(read('Dockerfile'));
const lastStage = all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
const only = (name: string): string => {
  const found = lastStage.filter((instruction) => instruction.name === name);
  expect(found, name).toHaveLength(1);
  return found[0]?.text ?? '';
};

const packageJson = JSON.parse(read('package.json'));
const program = ['node', `/opt/lwm2m-gateway/${packageJson.bin['lwm2m-gateway']}`];

describe('the image', () => {
  test('is built and runs on the same Node, in two stages', () => {
    const bases = all.filter(({ name }) => name === 'FROM').map(({ text }) => text);
    expect(bases).toEqual(['node:24-slim AS build', 'node:24-slim']);
  });

  test('is built without install scripts and compilers, and without development packages in the end', () => {
    const runs = all.filter(({ name }) => name === 'RUN').map(({ text }) => text);
    expect(runs.filter((run) => /npm (ci|install|prune)/.test(run))).toEqual([
      'npm ci --ignore-scripts',
      'npm run build && npm prune --omit=dev --ignore-scripts',
    ]);
    expect(runs.join()).not.toMatch(/apt|gcc|g\+\+|make\b|curl|wget/);
  });

  test('runs as a fixed user that is not root and cannot change the program', () => {
    const user = only('USER');
    expect(user).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
    const created = lastStage.find(({ name }) => name === 'RUN')?.text;
    expect(created).toContain(`--uid ${user.split(':')[0]}`);
    expect(lastStage.filter(({ text }) => text.includes('--chown'))).toEqual([]);
    const afterUser = lastStage.slice(lastStage.findIndex(({ name }) => name === 'USER'));
    expect(afterUser.map(({ name }) => name)).not.toContain('RUN');
  });

  test('starts node itself, so that SIGTERM reaches it', () => {
    const [node, ...rest] = program;
    expect(JSON.parse(only('ENTRYPOINT'))).toEqual([node, '--max-semi-space-size=8', ...rest]);
    expect(JSON.parse(only('CMD'))).toEqual(['run', '/etc/lwm2m-gateway/gateway.yaml']);
  });

  test('asks the program for its health', () => {
    expect(JSON.parse(only('HEALTHCHECK').replace(/^.* CMD /, ''))).toEqual([...program, 'health']);
  });

  test('writes to its volume only, which belongs to its user', () => {
    const volume = only('VOLUME');
    expect(volume).toBe('/var/lib/lwm2m-gateway');
    const created = lastStage.find(({ name }) => name === 'RUN')?.text;
    expect(created).toMatch(new RegExp(`install -d -o lwm2m .*${volume}$`));
  });

  test('copies what exists and what .dockerignore lets through', () => {
    const admitted = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const sources = all
      .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='))
      .flatMap(({ text }) => text.split(' ').slice(0, -1));
    expect(new Set(admitted)).toEqual(new Set(sources));
    expect(sources.filter((source) => !existsSync(root(source)))).toEqual([]);
  });
});

describe('the compose example', () => {
  const { services } = parse(read('config/deploy/compose.yaml'));
  const { gateway } = services;

  test('gives the container nothing that it does not need', () => {
    expect(gateway).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
      ulimits: { core: 0 },
    });
    expect(gateway.privileged).toBeUndefined();
  });

  test('keeps the state of the image in a volume, and the configuration read-only', () => {
    expect(gateway.volumes).toContain(`state:${only('VOLUME')}`);
    expect(gateway.volumes).toContain('/etc/lwm2m-gateway:/etc/lwm2m-gateway:ro');
  });

  test('asks for the health as the image does', () => {
    expect(gateway.healthcheck.test).toEqual(['CMD', ...program, 'health']);
  });
});
