import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import sim from '../../adapters/sim/index.ts';
import type { AdapterModule } from '../../src/adapter/index.ts';
import { formatSenseFault } from '../../src/cli/load.ts';
import { localFiles } from '../../src/config/files.ts';
import { formatFault, type JsonSchema, jsonSchema, type Loaded, loadConfig } from '../../src/config/index.ts';
import { planGateway } from '../../src/wire/index.ts';

/** The files that come with the package are right: they load, they make sense, and editors know their keys. */

const root = fileURLToPath(new URL('../../config', import.meta.url));
const yamlFiles = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml') && !name.startsWith('deploy'))
  .sort();
const profiles = yamlFiles.filter((name) => name.startsWith('profiles'));
const mains = yamlFiles.filter((name) => !name.startsWith('profiles'));

const modules = new Map<string, AdapterModule>([
  [modbus.name, modbus],
  [sim.name, sim],
]);
const adapters = new Map([...modules].map(([name, { schemas }]) => [name, schemas]));

/** Everything that `check` would say. */
function allFaults({ config, faults, locate }: Loaded): string[] {
  const senseless = config === undefined ? [] : planGateway(config, modules).faults;
  return [...faults.map(formatFault), ...senseless.map((fault) => formatSenseFault(fault, locate))];
}

test.each(mains)('%s works as it is', (name) => {
  expect(allFaults(loadConfig(join(root, name), { adapters, env: {} }))).toEqual([]);
});

test.each(profiles)('%s makes sense: objects, units, mandatory resources, addresses', (name) => {
  const id = /^ {2}id: (\S+)$/m.exec(readFileSync(join(root, name), 'utf8'))?.[1] ?? '';
  expect(name).toBe(join('profiles', `${id}.yaml`));
  const main = `upstream: { endpoint: gw, servers: [{ uri: "coap://h" }] }
connections: { c: { type: modbus-tcp, host: h } }
devices: [{ id: d, profile: ${id}, connection: c, unit: 1 }]
`;
  const files = {
    read: (path: string) => (path === 'main.yaml' ? new TextEncoder().encode(main) : localFiles.read(path)),
    list: localFiles.list,
  };
  expect(allFaults(loadConfig('main.yaml', { adapters, env: {}, files }))).toEqual([]);
});

test('a fault in a built-in profile would be seen', () => {
  const name = 'profiles/eastron/sdm630-v2.yaml';
  const files = {
    read: (path: string) =>
      path.endsWith(name)
        ? new TextEncoder().encode(
            readFileSync(path, 'utf8').replace('        4: v1\n', '').replace('41: ei', '41: p'),
          )
        : localFiles.read(path),
    list: localFiles.list,
  };
  const faults = allFaults(loadConfig(join(root, 'gateway.yaml'), { adapters, env: {}, files }));
  const places = faults.map((fault) => fault.replace(`${root}/`, '').replace(/:[0-9]+:[0-9]+| *: .*/g, ''));
  expect(places.sort()).toEqual([
    `${name} profile.objects[1].resources`,
    `${name} profile.objects[1].resources.41`,
  ]);
});

describe('editors', () => {
  const schemas: Readonly<Record<string, JsonSchema>> = {
    'schema/gateway.schema.json': jsonSchema(adapters).gateway,
    'schema/profile.schema.json': jsonSchema(adapters).profile,
  };

  test.each(Object.entries(schemas))(
    '%s is what the code says; UPDATE_SCHEMAS=1 writes it',
    (name, schema) => {
      const path = join(root, name);
      if (process.env.UPDATE_SCHEMAS) writeFileSync(path, `${JSON.stringify(schema, null, 2)}\n`);
      expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(schema);
    },
  );

  test.each(yamlFiles)('%s names its schema', (name) => {
    const [line = ''] = readFileSync(join(root, name), 'utf8').split('\n');
    const named = /^# yaml-language-server: \$schema=(\S+)$/.exec(line)?.[1] ?? '';
    const kind = name.startsWith('profiles') ? 'profile' : 'gateway';
    expect(join(dirname(name), named)).toBe(`schema/${kind}.schema.json`);
  });

  test.each(Object.entries(schemas))('%s explains every key', (_name, schema) => {
    expect(unexplained(schema, '')).toEqual([]);
  });
});

/** Keys without a description. */
function unexplained(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const missing = Object.entries('properties' in schema ? (schema.properties ?? {}) : {}).flatMap(
    ([key, inner]) =>
      typeof inner === 'object' && inner !== null && 'description' in inner ? [] : [`${path}.${key}`],
  );
  const below = Object.entries(schema).flatMap(([key, inner]) => unexplained(inner, `${path}.${key}`));
  return [...missing, ...below];
}
