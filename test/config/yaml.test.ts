import { describe, expect, test } from 'vitest';
import { configOf, faultsOf, fromEnv, METER, SOUND, UPSTREAM } from './support.ts';

const withConnections = (text: string): string => `${UPSTREAM}connections:\n${text}`;

describe('scalars', () => {
  test('pitfall 30: on, off, yes, no and leading zeros are no booleans and no octals (YAML 1.2.2 10.3.2)', () => {
    const profile = METER.replace(
      'v1: {',
      'sw: { table: coil, addr: 010, map: { a: on, b: NO, c: off, d: yes, e: true, f: 0o10, g: 0x10, h: 1e2 } }\n    v1: {',
    );
    const [meter] = configOf(SOUND, { files: { 'profiles/meter.yaml': profile } }).profiles;
    expect(meter?.points.sw?.address).toEqual({ table: 'coil', addr: 10 });
    expect(meter?.points.sw?.map).toEqual({
      a: 'on',
      b: 'NO',
      c: 'off',
      d: 'yes',
      e: true,
      f: 8,
      g: 16,
      h: 100,
    });
  });

  test('a whole number that a double cannot hold is refused, not rounded', () => {
    expect(
      faultsOf(withConnections('  hall: { type: modbus-tcp, host: h, port: 9007199254740993 }')),
    ).toEqual([
      "gateway.yaml:4:44 connections.hall.port: '9007199254740993' is not allowed; allowed: a whole number from 1 to 65535",
    ]);
  });

  test('a number where a text is needed says that quotes help', () => {
    expect(faultsOf(withConnections('  hall: { type: modbus-tcp, host: 12 }'))).toEqual([
      "gateway.yaml:4:35 connections.hall.host: 12 is not allowed; allowed: a text; as a text it needs quotes: '12'",
    ]);
  });

  test('an empty value is told as such', () => {
    expect(faultsOf(withConnections('  hall:\n    type: modbus-tcp\n    host:\n'))).toEqual([
      'gateway.yaml:6:10 connections.hall.host: there is no value; allowed: a text',
    ]);
  });
});

describe('structure', () => {
  test.each([
    [
      'a key given twice',
      '  hall: { type: modbus-tcp, host: a, host: b }',
      ["gateway.yaml:4:38 connections.hall.host: the key 'host' is given twice; the first is in line 4"],
    ],
    [
      'a tag',
      '  hall: { type: modbus-tcp, host: !secret a }',
      ['gateway.yaml:4:43 connections.hall.host: tags (!name) are not supported'],
    ],
    [
      'a map as key',
      '  hall: { type: modbus-tcp, host: a, ? { b: c } : d }',
      ['gateway.yaml:4:40 connections.hall: a key must be a word or a number'],
    ],
    [
      '__proto__ as key',
      '  hall: { type: modbus-tcp, host: a, __proto__: d }',
      ['gateway.yaml:4:38 connections.hall: a key must be a word or a number'],
    ],
    [
      'an alias of nothing',
      '  hall: { type: modbus-tcp, host: *h }',
      ['gateway.yaml:4:35 connections.hall.host: the alias names no anchor that ends before it'],
    ],
    [
      'a bracket that is not closed',
      '  hall: { type: modbus-tcp\n',
      [
        'gateway.yaml:5:1: wrong indentation (keys of one map stand in one column), or a bracket that is not closed',
      ],
    ],
    ['a tab', '\thall: {}', ['gateway.yaml:4:1: tabs cannot indent; use spaces']],
    [
      'a second document',
      '  hall: { type: modbus-tcp, host: a }\n---\na: b\n',
      ["gateway.yaml:5:1: one file holds one document; '---' can stand only at its beginning"],
    ],
    [
      'an escape that is none',
      '  hall: { type: modbus-tcp, host: "C:\\qux" }',
      [
        'gateway.yaml:4:38: unknown escape after \\ in double quotes; single quotes take everything literally',
      ],
    ],
  ])('%s is a fault', (_name, text, faults) => {
    expect(faultsOf(withConnections(text))).toEqual(faults);
  });

  test('an anchor can be used again, and keeps the place where it was written', () => {
    const connections = '  a: &one { type: modbus-tcp, host: h }\n  b: *one\n';
    expect(configOf(withConnections(connections)).connections.map(({ settings }) => settings.host)).toEqual([
      'h',
      'h',
    ]);
    expect(faultsOf(withConnections(connections.replace('host: h', 'host: 1')))).toEqual([
      "gateway.yaml:4:37 connections.a.host: 1 is not allowed; allowed: a text; as a text it needs quotes: '1'",
    ]);
  });

  test('aliases of aliases of aliases are stopped before they fill the memory', () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `  l${level + 1}: &l${level + 1} [*l${level}, *l${level}]`,
    );
    expect(faultsOf(withConnections(`  l0: &l0 [x]\n${levels.join('\n')}\n`)).join('\n')).toMatch(
      /more than 100000 values with all aliases spelled out$/m,
    );
  });

  test('an alias of the value that it stands in is a fault', () => {
    expect(faultsOf(withConnections('  a: &a { type: modbus-tcp, host: *a }'))).toEqual([
      'gateway.yaml:4:35 connections.a.host: the alias names no anchor that ends before it',
    ]);
  });

  test('an empty file lacks everything', () => {
    expect(faultsOf('')[0]).toEqual(
      'gateway.yaml:1:1: there is no value; allowed: a map with the keys box, connections, defaults, devices, include, log, objects, profilePaths, schema, state, upstream',
    );
  });
});

describe('environment variables', () => {
  const host = (text: string): string =>
    withConnections(`  hall:\n    type: modbus-tcp\n    host: ${text}\n`);

  test('are filled in, alone or within a text', () => {
    const [hall] = configOf(host(`${fromEnv('NAME')}.lan`), { env: { NAME: 'plc' } }).connections;
    expect(hall?.settings.host).toBe('plc.lan');
  });

  test('mean what they would mean if they stood there: without quotes a number is a number', () => {
    const port = (text: string): string =>
      withConnections(`  hall:\n    type: modbus-tcp\n    host: h\n    port: ${text}`);
    expect(configOf(port(fromEnv('PORT')), { env: { PORT: '503' } }).connections[0]?.settings.port).toBe(503);
    expect(faultsOf(port(`"${fromEnv('PORT')}"`), { env: { PORT: '503' } })).toEqual([
      `gateway.yaml:7:11 connections.hall.port: '${fromEnv('PORT')}' is not allowed; allowed: a whole number from 1 to 65535`,
    ]);
  });

  test('cannot bring in YAML', () => {
    const [hall] = configOf(host(fromEnv('NAME')), { env: { NAME: 'a: [b]\n- c #' } }).connections;
    expect(hall?.settings.host).toBe('a: [b]\n- c #');
  });

  test('that are not set are faults, and nothing else is said about the value', () => {
    expect(faultsOf(host(fromEnv('NAME')))).toEqual([
      'gateway.yaml:6:11 connections.hall.host: the environment variable NAME is not set',
    ]);
    expect(faultsOf(host(`'${fromEnv('')}'`))).toEqual([
      `gateway.yaml:6:11 connections.hall.host: this names no environment variable; write it like ${fromEnv('NAME')}`,
    ]);
  });

  test('that are not set are told once, also where a name is looked up', () => {
    const missing = fromEnv('NAME');
    const main = SOUND.replace('type: modbus-tcp', `type: "${missing}"`).replace(
      'connection: hall',
      `connection: "${missing}"`,
    );
    const profile = METER.replace('5700: v1', `5700: "${missing}"`).replace('unit: V', `scale: "${missing}"`);
    expect(faultsOf(main, { files: { 'profiles/meter.yaml': profile } })).toEqual([
      'gateway.yaml:4:17 connections.hall.type: the environment variable NAME is not set',
      'gateway.yaml:6:42 devices[0].connection: the environment variable NAME is not set',
      'profiles/meter.yaml:6:41 profile.points.v1.scale: the environment variable NAME is not set',
      'profiles/meter.yaml:9:42 profile.objects[0].resources.5700: the environment variable NAME is not set',
    ]);
  });

  test('need quotes inside brackets, and the fault says so', () => {
    expect(faultsOf(withConnections(`  hall: { type: modbus-tcp, host: ${fromEnv('NAME')} }`))[0]).toMatch(
      /^gateway\.yaml:4:\d+: .*; inside \[ \] and \{ \}, \$\{env:NAME\} needs quotes$/,
    );
  });
});

describe('secrets', () => {
  const password = (text: string): string =>
    withConnections(`  hall:\n    type: modbus-tcp\n    host: h\n    password: ${text}\n`);

  test('can come from the environment', () => {
    const [hall] = configOf(password(fromEnv('PASSWORD')), { env: { PASSWORD: 'hunter2' } }).connections;
    expect(hall?.settings.password).toBe('hunter2');
  });

  test('cannot stand in the file, and are not repeated', () => {
    expect(faultsOf(password('hunter2'))).toEqual([
      `gateway.yaml:7:15 connections.hall.password: a secret cannot stand in this file; write ${fromEnv('NAME')}, or use the key that ends in File`,
    ]);
  });

  test('are not repeated when their type is wrong either', () => {
    const wrong = faultsOf(password('[4711]'));
    expect(wrong).toContain(
      'gateway.yaml:7:15 connections.hall.password: this list is not allowed; allowed: a text',
    );
    expect(wrong.join()).not.toContain('4711');
  });

  test('in an address are hidden', () => {
    const main = SOUND.replace('coap://127.0.0.1', 'coap://me:hunter2@127.0.0.1');
    expect(faultsOf(main)).toEqual([
      'gateway.yaml:2:44 upstream.servers[0].uri: this is not the address of a server; allowed: coap://, coaps://, coap+tcp:// or coaps+tcp:// with host or host:port',
    ]);
    const host = faultsOf(withConnections('  hall: { type: "http://me:hunter2@x" }'));
    expect(host).toEqual([
      "gateway.yaml:4:17 connections.hall.type: unknown type 'http://…@x'; types are modbus-tcp, other",
    ]);
  });

  test('behind an alias are refused', () => {
    expect(faultsOf(withConnections('  hall: { type: modbus-tcp, host: &p hunter2, password: *p }'))).toEqual(
      ['gateway.yaml:4:57 connections.hall.password: an alias cannot stand for a secret'],
    );
  });
});
