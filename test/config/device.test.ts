import { describe, expect, test } from 'vitest';
import { configOf, faultsOf, load, METER, UPSTREAM } from './support.ts';

/** A configuration whose devices begin in line 6. */
const devices = (text: string): string =>
  `${UPSTREAM}connections:\n  hall: { type: modbus-tcp, host: h }\ndevices:\n${text}`;

const sound = '{ id: a, profile: meter, connection: hall, unit: 1 }';
const deviceKeys =
  'connection, deviceId, generate, id, location, overrides, poll, prefix, profile, quarantine, staleAfter, timeouts, unit';

describe('connections', () => {
  const connections = (text: string): string => `${UPSTREAM}connections:\n${text}`;

  test('are read with the defaults of their adapter', () => {
    expect(configOf(connections('  hall: { type: modbus-tcp, host: h, timing: {} }')).connections).toEqual([
      {
        id: 'hall',
        type: 'modbus-tcp',
        protocol: 'modbus',
        settings: { host: 'h', port: 502, timing: { pause: '0ms' } },
      },
    ]);
  });

  test.each([
    ['{ host: h }', "9 connections.hall: 'type' is missing; types are modbus-tcp, other"],
    [
      '{ type: modbustcp, host: h }',
      "17 connections.hall.type: unknown type 'modbustcp' (did you mean 'modbus-tcp'?); types are modbus-tcp, other",
    ],
    ['{ type: modbus-tcp }', "9 connections.hall: 'host' is missing; allowed: a text"],
    [
      '{ type: modbus-tcp, host: h, timing: { pause: 5 } }',
      '55 connections.hall.timing.pause: 5 is not allowed; allowed: a text that matches ^[0-9]+(ms|s)$, for example 0ms',
    ],
    [
      '{ type: modbus-tcp, host: h, idleClose: nevr }',
      "49 connections.hall.idleClose: 'nevr' is not allowed (did you mean 'never'?); allowed: never, after-cycle, or a text that matches ^[0-9]+(ms|s)$",
    ],
    ['h', "9 connections.hall: 'type' is missing; types are modbus-tcp, other"],
  ])('%s is a fault', (text, fault) => {
    expect(faultsOf(connections(`  hall: ${text}`))).toEqual([`gateway.yaml:4:${fault}`]);
  });
});

describe('devices', () => {
  test('take the defaults, and their own values before them', () => {
    const defaults =
      'defaults: { poll: 30s, staleAfter: 5m, timeouts: { retries: 0 }, quarantine: { backoff: [1s, 2s] } }\n';
    const own = `  - ${sound}
  - id: b
    profile: meter
    connection: hall
    unit: 2
    deviceId: "0815"
    prefix: d02
    location: Cellar
    poll: 1h
    staleAfter: 2x
    timeouts: { request: 250ms }
    quarantine: { after: 5 }
`;
    const config = configOf(devices(own) + defaults);
    const [meter] = config.profiles;
    expect(config.devices).toEqual([
      {
        id: 'a',
        profile: meter,
        connection: 'hall',
        settings: { unit: 1 },
        pollMs: 30_000,
        staleAfter: { ms: 300_000 },
        timeouts: { requestMs: 1000, retries: 0 },
        quarantine: { after: 3, backoffMs: [1000, 2000] },
      },
      {
        id: 'b',
        deviceId: '0815',
        prefix: 'd02',
        location: 'Cellar',
        profile: meter,
        connection: 'hall',
        settings: { unit: 2 },
        pollMs: 3_600_000,
        staleAfter: { times: 2 },
        timeouts: { requestMs: 250, retries: 0 },
        quarantine: { after: 5, backoffMs: [1000, 2000] },
      },
    ]);
    expect(config.devices[0]?.profile).toBe(config.devices[1]?.profile);
  });

  test.each([
    [
      'an unknown profile',
      '{ id: a, profile: metre, connection: hall, unit: 1 }',
      "23 devices[0].profile: unknown profile 'metre' (did you mean 'meter'?); profiles are meter; those that come with the gateway are left out, since 'profilePaths' has no builtin",
    ],
    [
      'an unknown connection',
      '{ id: a, profile: meter, connection: hal, unit: 1 }',
      "42 devices[0].connection: unknown connection 'hal' (did you mean 'hall'?); connections are hall",
    ],
    [
      'an unknown key',
      '{ id: a, profile: meter, connection: hall, unit: 1, pol: 5s }',
      `57 devices[0].pol: unknown key 'pol' (did you mean 'poll'?); allowed keys: ${deviceKeys}`,
    ],
    [
      'a prefix with a slash',
      '{ id: a, profile: meter, connection: hall, unit: 1, prefix: /d01 }',
      "65 devices[0].prefix: '/d01' is not allowed; allowed: a letter, then letters, digits and _ - (at most 32), for example d01",
    ],
    [
      'a missing key of the protocol',
      '{ id: a, profile: meter, connection: hall }',
      "5 devices[0]: 'unit' is missing; allowed: a whole number from 0 to 255",
    ],
    [
      'something else than a map',
      'meter',
      "5 devices[0]: 'meter' is not allowed; allowed: a map with the keys connection, deviceId, generate, id, location, overrides, poll, prefix, profile, quarantine, staleAfter, timeouts",
    ],
  ])('%s is a fault', (_name, text, fault) => {
    expect(faultsOf(devices(`  - ${text}\n`))).toEqual([`gateway.yaml:7:${fault}`.replace(':7:', ':6:')]);
  });

  test('the profile has to speak the protocol of the connection', () => {
    const text = devices(`  - ${sound}\n`).replace('type: modbus-tcp, host: h', 'type: other');
    expect(faultsOf(text)).toEqual([
      'gateway.yaml:6:42 devices[0].connection: the profile speaks modbus, but a connection of type other speaks other',
    ]);
  });

  test('no two have one id, Device ID or prefix', () => {
    const text = `  - { id: a, profile: meter, connection: hall, unit: 1, prefix: d01 }
  - { id: a, profile: meter, connection: hall, unit: 2, prefix: D01 }
  - { id: c, profile: meter, connection: hall, unit: 3, deviceId: urn }
  - { id: d, profile: meter, connection: hall, unit: 4, deviceId: urn }
`;
    expect(faultsOf(devices(text))).toEqual([
      "gateway.yaml:7:11 devices[1].id: the id 'a' is given twice; the first is in line 6",
      "gateway.yaml:7:65 devices[1].prefix: the prefix 'D01' is given twice; the first is in line 6",
      "gateway.yaml:9:67 devices[3].deviceId: the Device ID 'urn' is given twice; the first is in line 8",
    ]);
  });

  test('one address can be given once per profile: another profile shows other sides of the same device (thingsboard-gateway #2127)', () => {
    const files = { 'profiles/other.yaml': METER.replace('id: meter', 'id: side') };
    const text = (profile: string): string =>
      devices(`  - ${sound}\n  - { id: b, profile: ${profile}, connection: hall, unit: 1 }\n`);
    expect(faultsOf(text('side'), { files })).toEqual([]);
    expect(faultsOf(text('meter'), { files })).toEqual([
      'gateway.yaml:7:5 devices[1]: the device in line 6 has the same profile, connection and address as this one',
    ]);
  });

  test('of a protocol that requires no key are told apart by their ids', () => {
    const profile = 'profile: { id: o, protocol: other, points: {} }\n';
    const text = devices(
      '  - { id: a, profile: o, connection: hall }\n  - { id: b, profile: o, connection: hall }\n',
    );
    expect(
      faultsOf(text.replace('type: modbus-tcp, host: h', 'type: other'), {
        files: { 'profiles/o.yaml': profile },
      }),
    ).toEqual([]);
  });
});

describe('generate', () => {
  const generate = (text: string): string =>
    devices(`  - generate: ${text}\n    profile: meter\n    connection: hall\n    poll: 5m\n`);

  test('spells out templates; the keys of the protocol become numbers where they look like them', () => {
    const config = configOf(generate('{ count: 3, id: "flat-{n:02}", prefix: "f{n}", unit: "{n+10}" }'));
    expect(config.devices.map(({ id, prefix, settings, pollMs }) => [id, prefix, settings, pollMs])).toEqual([
      ['flat-01', 'f1', { unit: 11 }, 300_000],
      ['flat-02', 'f2', { unit: 12 }, 300_000],
      ['flat-03', 'f3', { unit: 13 }, 300_000],
    ]);
    expect(config.devices[0]?.profile).toBe(config.devices[2]?.profile);
  });

  test('counts from another number', () => {
    const config = configOf(
      generate('{ count: 2, from: 100, id: "{n}", deviceId: "{n-100:03}", unit: "{n-50}" }'),
    );
    expect(config.devices.map(({ id, deviceId, settings }) => [id, deviceId, settings])).toEqual([
      ['100', '000', { unit: 50 }],
      ['101', '001', { unit: 51 }],
    ]);
  });

  test.each([
    [
      'a template of another form',
      '{ count: 2, id: "x-{n*2}", unit: "{n}" }',
      [
        "31 devices[0].generate.id: 'x-{n*2}' is not a template; allowed: {n}, {n+10}, {n-1}, {n:02}, {n+10:03}",
      ],
    ],
    [
      'a count that is none',
      '{ count: 0, id: "x-{n}", unit: "{n}" }',
      [
        '24 devices[0].generate.count: 0 is not allowed; allowed: a whole number from 1 to 10000, for example 28',
      ],
    ],
    [
      'an id that does not change',
      '{ count: 2, id: x, unit: "{n}" }',
      ["31 devices[0].generate.id: the id 'x' is given twice; the first is in line 6"],
    ],
    [
      'an address that does not change',
      '{ count: 2, id: "x{n}", unit: 4 }',
      ['5 devices[0]: the device in line 6 has the same profile, connection and address as this one'],
    ],
    [
      'numbers that leave their range',
      '{ count: 3, id: "x{n}", unit: "{n+253}" }',
      ['45 devices[0].generate.unit: 256 is not allowed; allowed: a whole number from 0 to 255'],
    ],
    [
      'a key in it and beside it',
      '{ count: 1, id: x, unit: 1, poll: 1s }',
      ["43 devices[0].generate.poll: 'poll' is given twice: in generate and beside it"],
    ],
    [
      'something else than a map',
      '28',
      ['15 devices[0].generate: 28 is not allowed; allowed: a map with count, id and keys that differ'],
    ],
  ])('%s is a fault', (_name, text, faults) => {
    expect(faultsOf(generate(text))).toEqual(faults.map((fault) => `gateway.yaml:6:${fault}`));
  });

  test('cannot make more devices than a gateway can have', () => {
    const many = (id: string): string =>
      `  - { generate: { count: 6000, id: "${id}{n}" }, profile: o, connection: hall }\n`;
    const text = devices(many('a') + many('b')).replace('type: modbus-tcp, host: h', 'type: other');
    const files = { 'profiles/o.yaml': 'profile: { id: o, protocol: other, points: {} }\n' };
    expect(faultsOf(text, { files })).toEqual(['gateway.yaml:7:5 devices[1]: more than 10000 devices']);
  });
});

describe('overrides', () => {
  const overridden = (text: string): string =>
    devices(`  - id: a\n    profile: meter\n    connection: hall\n    unit: 1\n    overrides:\n${text}\n`);

  test('are laid over the profile for this device only, key by key', () => {
    const config = configOf(
      overridden(
        '      modbus: { limits: { maxRegisters: 40 } }\n      points: { v1: { enabled: false }, ei: { poll: 2s, type: float32 } }',
      ),
    );
    const [device] = config.devices;
    expect(device?.profile.protocolSettings).toEqual({
      addressing: 'pdu0',
      batching: 'auto',
      limits: { maxRegisters: 40 },
    });
    expect(device?.profile.points.v1).toMatchObject({ enabled: false, unit: 'V' });
    expect(device?.profile.points.ei).toMatchObject({
      poll: 2000,
      kind: 'counter',
      address: { table: 'input', addr: 2, type: 'float32' },
    });
    expect(config.profiles[0]?.points.v1?.enabled).toBe(true);
  });

  test.each([
    [
      'a point that the profile does not have',
      '      points: { v2: { enabled: false } }',
      "11:17 devices[0].overrides.points.v2: the profile has no point 'v2' (did you mean 'v1'?); points are v1, ei",
    ],
    [
      'a value that the profile could not have',
      '      points: { ei: { poll: 5 } }',
      '11:29 devices[0].overrides.points.ei.poll: 5 is not allowed; allowed: a time with its unit from 100ms to 30d, or once, or never, for example 60s',
    ],
    [
      'a value that does not go with the profile',
      '      points: { v1: { onDecrease: hold } }',
      "11:35 devices[0].overrides.points.v1.onDecrease: only counters have onDecrease; allowed: 'kind: counter' beside it",
    ],
    [
      'a part of the profile that is fixed',
      '      objects: []',
      "11:7 devices[0].overrides.objects: unknown key 'objects'; allowed keys: modbus, points",
    ],
    [
      'a list',
      '      []',
      '11:7 devices[0].overrides: this list is not allowed; allowed: a map with the keys modbus, points',
    ],
  ])('%s is a fault', (_name, text, fault) => {
    expect(faultsOf(overridden(text))).toEqual([`gateway.yaml:${fault}`]);
  });
});

test('generated devices share the profile that their overrides make', () => {
  const text = devices(`  - generate: { count: 2, id: "f{n}", unit: "{n}" }
    profile: meter
    connection: hall
    overrides: { points: { v1: { poll: 5s } } }
`);
  const [first, second] = configOf(text).devices;
  expect(first?.profile.points.v1?.poll).toBe(5000);
  expect(second?.profile).toBe(first?.profile);
});

describe('places of later checks', () => {
  const loaded = load(
    devices(`  - id: a
    profile: meter
    connection: hall
    unit: 1
    overrides: { points: { v1: { poll: 2s } } }
  - { id: b, profile: meter, connection: hall, unit: 2 }
`),
  );
  const where = (...[origin, path]: Parameters<typeof loaded.locate>): string => {
    const place = loaded.locate(origin, path);
    return `${place.file}:${place.line}:${place.column} ${place.path}`;
  };

  test('point into the file that says it', () => {
    expect(where({ kind: 'device', id: 'a' }, ['points', 'v1', 'poll'])).toBe(
      'gateway.yaml:10:40 devices[0].overrides.points.v1.poll',
    );
    expect(where({ kind: 'device', id: 'a' }, ['points', 'v1', 'unit'])).toBe(
      'profiles/meter.yaml:6:40 profile.points.v1.unit',
    );
    expect(where({ kind: 'profile', id: 'meter' }, ['objects', 0, 'resources', '5700'])).toBe(
      'profiles/meter.yaml:9:42 profile.objects[0].resources.5700',
    );
    expect(where({ kind: 'connection', id: 'hall' }, ['host'])).toBe(
      'gateway.yaml:4:35 connections.hall.host',
    );
    expect(where({ kind: 'upstream' }, ['servers', 0, 'uri'])).toBe(
      'gateway.yaml:2:44 upstream.servers[0].uri',
    );
  });

  test('understand the plans of adapters, which set the keys of the protocol apart', () => {
    expect(where({ kind: 'device', id: 'b' }, ['settings', 'unit'])).toBe(
      'gateway.yaml:11:54 devices[1].unit',
    );
    expect(where({ kind: 'device', id: 'b' }, ['protocol', 'addressing'])).toBe(
      'profiles/meter.yaml:4:25 profile.modbus.addressing',
    );
    expect(where({ kind: 'profile', id: 'meter' }, ['points', 'v1', 'address', 'addr'])).toBe(
      'profiles/meter.yaml:6:31 profile.points.v1.addr',
    );
    expect(where({ kind: 'profile', id: 'meter' }, ['protocol'])).toBe(
      'profiles/meter.yaml:3:13 profile.protocol',
    );
  });

  test('are as near as the files allow', () => {
    expect(where({ kind: 'profile', id: 'meter' }, ['objects', 0, 'resources', '5701', 'unit'])).toBe(
      'profiles/meter.yaml:9:52 profile.objects[0].resources.5701',
    );
    expect(where({ kind: 'device', id: 'nobody' }, ['x'])).toBe('gateway.yaml:1:1 ');
  });
});

test('the faults of everything come at once, in the order of the files and lines', () => {
  const main = `${devices(`  - { id: a, profile: x, connection: hall, unit: 1 }\n`).replace('host: h', 'hots: h')}log: { level: loud }\n`;
  const files = { 'profiles/a.yaml': METER.replace('unit: V', 'unti: V').replace('id: meter', 'id: a') };
  expect(faultsOf(main, { files }).map((fault) => fault.split(' ')[0])).toEqual([
    'gateway.yaml:4:9',
    'gateway.yaml:4:29',
    'gateway.yaml:6:23',
    'gateway.yaml:7:15',
    'profiles/a.yaml:6:34',
  ]);
});
