import { describe, expect, test } from 'vitest';
import { configOf, faultsOf, METER, profileFaults, SOUND } from './support.ts';

/** A profile with these points and object mappings. */
const profile = (points: string, objects = '[]'): string =>
  `profile:\n  id: x\n  protocol: modbus\n  modbus: { addressing: pdu0 }\n  points:\n${points}\n  objects: ${objects}\n`;

const pointKeys =
  'access, addr, enabled, group, invert, kind, map, mask, maxRate, offset, onDecrease, poll, rollover, scale, shift, staleAfter, table, type, unit, valid, write';

test('a profile is read with its defaults; the keys of the protocol stand apart', () => {
  const [meter] = configOf(SOUND).profiles;
  expect(meter).toEqual({
    id: 'meter',
    protocol: 'modbus',
    protocolSettings: { addressing: 'pdu0', batching: 'auto' },
    points: {
      v1: { address: { table: 'input', addr: 0 }, access: 'r', kind: 'gauge', enabled: true, unit: 'V' },
      ei: {
        address: { table: 'input', addr: 2 },
        access: 'r',
        kind: 'counter',
        enabled: true,
        unit: 'kWh',
        onDecrease: 'hold',
      },
    },
    objects: [{ object: 3316, instance: 0, resources: { 5700: { from: 'v1' }, 5701: { value: 'V' } } }],
  });
  expect(Object.isFrozen(meter?.points.v1?.address)).toBe(true);
});

test('a point can be told everything', () => {
  const point = `    p:
      table: holding
      addr: 0x10
      access: rw
      unit: m3
      scale: 0.10
      offset: -1e-3
      kind: counter
      map: { 1: true, on: 2 }
      mask: 0xFF00
      shift: 8
      invert: true
      valid: [-1.5, 10]
      maxRate: 5 m3/h
      rollover: 18446744073709551616
      onDecrease: reject
      poll: 15m
      staleAfter: 1h
      group: g
      enabled: false
      write: { min: 0, max: 10, step: 0.5, allowed: [1, 2], rateLimit: 10s, verify: readback }`;
  const files = { 'profiles/meter.yaml': profile(point).replace('id: x', 'id: meter') };
  expect(configOf(SOUND, { files }).profiles[0]?.points.p).toEqual({
    address: { table: 'holding', addr: 16 },
    access: 'rw',
    unit: 'm3',
    scale: '0.10',
    offset: '-1e-3',
    kind: 'counter',
    map: { 1: true, on: 2 },
    mask: 0xff00,
    shift: 8,
    invert: true,
    valid: [-1.5, 10],
    maxRate: { value: '5', unit: 'm3/h' },
    rollover: '18446744073709551616',
    onDecrease: 'reject',
    poll: 900_000,
    staleAfter: { ms: 3_600_000 },
    group: 'g',
    enabled: false,
    write: {
      settings: { verify: 'readback' },
      min: 0,
      max: 10,
      step: 0.5,
      allowed: [1, 2],
      rateLimitMs: 10_000,
    },
  });
});

describe('points', () => {
  const table = 'table: input, addr: 0';
  test.each([
    [
      'a key nobody knows, told once with the keys of core and protocol',
      `{ table: input, adr: 0 }`,
      [
        "6:8 profile.points.p: 'addr' is missing; allowed: a whole number from 0 to 65535",
        `6:24 profile.points.p.adr: unknown key 'adr' (did you mean 'addr'?); allowed keys: ${pointKeys}`,
      ],
    ],
    [
      'a word of the protocol that is none',
      '{ table: hodling, addr: 0 }',
      [
        "6:17 profile.points.p.table: 'hodling' is not allowed (did you mean 'holding'?); allowed: coil, discrete, holding, input",
      ],
    ],
    [
      'a number out of range',
      '{ table: input, addr: 70000 }',
      ['6:30 profile.points.p.addr: 70000 is not allowed; allowed: a whole number from 0 to 65535'],
    ],
    [
      'a scale that is not decimal',
      `{ ${table}, scale: 0x10 }`,
      [
        '6:40 profile.points.p.scale: 0x10 is not allowed; allowed: a decimal number, for example 0.1 or 1e-3',
      ],
    ],
    [
      'an interval without unit',
      `{ ${table}, poll: 10 }`,
      [
        '6:39 profile.points.p.poll: 10 is not allowed; allowed: a time with its unit from 100ms to 30d, or once, or never, for example 60s',
      ],
    ],
    [
      'a rate without unit',
      `{ ${table}, maxRate: 100 }`,
      [
        '6:42 profile.points.p.maxRate: 100 is not allowed; allowed: a number with its unit, for example 100kW',
      ],
    ],
    [
      'limits the wrong way round',
      `{ ${table}, valid: [1, -1] }`,
      ['6:40 profile.points.p.valid: the lowest valid value is above the highest'],
    ],
    [
      'write on a point that is only read',
      `{ ${table}, write: {} }`,
      [
        "6:40 profile.points.p.write: the point cannot be written; allowed: 'access: rw' or 'access: w' beside it",
      ],
    ],
    [
      'rules of counters on something else',
      `{ ${table}, rollover: 1e6 }`,
      ["6:43 profile.points.p.rollover: only counters have rollover; allowed: 'kind: counter' beside it"],
    ],
    [
      'a key of write that nobody knows',
      `{ ${table}, access: rw, write: { verfy: ack } }`,
      [
        "6:54 profile.points.p.write.verfy: unknown key 'verfy' (did you mean 'verify'?); allowed keys: allowed, max, min, rateLimit, step, verify",
      ],
    ],
  ])('%s is a fault', (_name, point, faults) => {
    expect(profileFaults(profile(`    p: ${point}`))).toEqual(
      faults.map((fault) => `profiles/x.yaml:${fault}`),
    );
  });

  test('a name that would read as something else is a fault', () => {
    const allowed = 'allowed: a letter, then letters, digits and _ - (at most 64), for example v1';
    expect(
      profileFaults(profile('    true: { table: input, addr: 0 }\n    1p: { table: input, addr: 0 }')),
    ).toEqual([
      `profiles/x.yaml:6:5 profile.points.true: 'true' is not allowed as a key; ${allowed}`,
      `profiles/x.yaml:7:5 profile.points.1p: '1p' is not allowed as a key; ${allowed}`,
    ]);
  });
});

describe('resources', () => {
  const points = '    v1: { table: input, addr: 0 }\n    v10: { table: input, addr: 2 }';
  const mapped = (resources: string): string =>
    profile(points, `[{ object: 3316, resources: ${resources} }]`);

  test('a bare word is a point; a text in quotes, a number, true and false are constants', () => {
    const text = `{ 1: v1, 2: "v1", 3: 'v1', 4: 5, 5: true, 6: { from: v1, unit: V, format: "%04X" }, 7/1: { value: v1 } }`;
    const files = { 'profiles/meter.yaml': mapped(text).replace('id: x', 'id: meter') };
    expect(configOf(SOUND, { files }).profiles[0]?.objects[0]?.resources).toEqual({
      1: { from: 'v1' },
      2: { value: 'v1' },
      3: { value: 'v1' },
      4: { value: 5 },
      5: { value: true },
      6: { from: 'v1', unit: 'V', format: '%04X' },
      '7/1': { value: 'v1' },
    });
  });

  test.each([
    [
      'a bare word that names no point',
      '{ 5700: v1O }',
      "8:48 profile.objects[0].resources.5700: no point 'v1O' (did you mean 'v1'?); points are v1, v10; quote it for a constant text",
    ],
    [
      'a bare unit',
      '{ 5701: Volt }',
      "8:48 profile.objects[0].resources.5701: no point 'Volt'; points are v1, v10; quote it for a constant text",
    ],
    [
      'a point that is not there',
      '{ 5700: { from: v2 } }',
      "8:56 profile.objects[0].resources.5700.from: no point 'v2' (did you mean 'v1'?); points are v1, v10",
    ],
    [
      'a point and a constant at once',
      '{ 5700: { from: v1, value: 1 } }',
      "8:48 profile.objects[0].resources.5700: one of 'from' (a point), 'value' (a constant) and 'execute' (steps) is needed, not more",
    ],
    [
      'neither point nor constant',
      '{ 5700: {} }',
      "8:48 profile.objects[0].resources.5700: one of 'from' (a point), 'value' (a constant) and 'execute' (steps) is needed, not more",
    ],
    [
      'hold without steps',
      '{ 5700: { from: v1, hold: true } }',
      "8:66 profile.objects[0].resources.5700.hold: 'hold' can only stand beside 'execute'",
    ],
    [
      'a step that is two things',
      '{ 5822: { execute: [{ wait: 1s, write: { v1: 1 } }] } }',
      "8:60 profile.objects[0].resources.5822.execute[0]: one of 'write' (points and values) and 'wait' (a time) is needed, not both",
    ],
    [
      'a step for a point that is not there',
      '{ 5822: { execute: [{ write: { v2: 1 } }] } }',
      "8:71 profile.objects[0].resources.5822.execute[0].write.v2: no point 'v2' (did you mean 'v1'?); points are v1, v10",
    ],
    [
      'a unit for a constant',
      '{ 5700: { value: 1, unit: V } }',
      "8:66 profile.objects[0].resources.5700.unit: 'unit' can only stand beside 'from'",
    ],
    [
      'a key that is none',
      '{ 5700: { form: v1 } }',
      "8:50 profile.objects[0].resources.5700.form: unknown key 'form' (did you mean 'from'?); allowed keys: execute, format, from, hold, unit, value",
    ],
    [
      'an id that is none',
      '{ voltage: v1 }',
      "8:42 profile.objects[0].resources.voltage: 'voltage' is not allowed as a key; allowed: the id of a resource, or of resource and resource instance, for example '5700'",
    ],
    [
      'nothing',
      '{ 5700: }',
      '8:48 profile.objects[0].resources.5700: there is no value; allowed: the name of a point, a constant (texts in quotes), or a map with from, value or execute, for example v1',
    ],
    [
      'a format that is none',
      '{ 5700: { from: v1, format: "%5.2f" } }',
      "8:68 profile.objects[0].resources.5700.format: '%5.2f' is not allowed; allowed: a text with one %d, %x or %X; %% is a percent sign, for example %08X",
    ],
  ])('%s is a fault', (_name, resources, fault) => {
    expect(profileFaults(mapped(resources))).toContain(`profiles/x.yaml:${fault}`);
  });

  test('an instance can be mapped once only; without a number it is 0', () => {
    const objects = `
    - { object: 3316, resources: {} }
    - { object: 3317, resources: {} }
    - { object: 3316, instance: 1, resources: {} }
    - { object: 3316, instance: 0x0, resources: {} }
    - { object: 3317, resources: {} }`;
    expect(profileFaults(profile(points, objects))).toEqual([
      "profiles/x.yaml:12:33 profile.objects[3].instance: this instance of object 3316 is mapped twice; each needs its own 'instance'",
      "profiles/x.yaml:13:17 profile.objects[4].object: this instance of object 3317 is mapped twice; each needs its own 'instance'",
    ]);
  });
});

describe('the section of the protocol', () => {
  test('is checked by the adapter, with exact places inside alternatives', () => {
    const text = profile('    v1: { table: input, addr: 0 }').replace(
      '{ addressing: pdu0 }',
      '{ addressing: pdu, batching: { maxGap: -1 }, limits: { maxRegister: 5 }, unreadable: [[0, 1], [2]] }',
    );
    expect(profileFaults(text)).toEqual([
      "profiles/x.yaml:4:25 profile.modbus.addressing: 'pdu' is not allowed (did you mean 'pdu0'?); allowed: pdu0, one-based, modicon",
      'profiles/x.yaml:4:50 profile.modbus.batching.maxGap: -1 is not allowed; allowed: a whole number from 0 to 100',
      "profiles/x.yaml:4:66 profile.modbus.limits.maxRegister: unknown key 'maxRegister' (did you mean 'maxRegisters'?); allowed keys: maxRegisters",
      'profiles/x.yaml:4:105 profile.modbus.unreadable[1]: this list is not allowed; allowed: a list of a whole number from 0 to 9 and a whole number from 0 to 9',
    ]);
  });

  test('lacks what the adapter needs', () => {
    const text = profile('    v1: { table: input, addr: 0 }').replace('  modbus: { addressing: pdu0 }\n', '');
    expect(profileFaults(text)).toEqual([
      "profiles/x.yaml:2:3 profile: 'modbus' is missing; allowed: a map with the keys addressing, batching, limits, unreadable",
    ]);
  });

  test('an alternative that fits none of the forms tells them all', () => {
    const text = profile('    v1: { table: input, addr: 0 }').replace(
      'pdu0 }',
      'pdu0, batching: sometimes }',
    );
    expect(profileFaults(text)).toEqual([
      "profiles/x.yaml:4:41 profile.modbus.batching: 'sometimes' is not allowed; allowed: auto, off, or a map with the keys maxGap",
    ]);
  });
});

describe('protocols', () => {
  test('a profile without one is a fault', () => {
    expect(profileFaults('profile: { id: x, points: {} }\n')).toEqual([
      "profiles/x.yaml:1:10 profile: 'protocol' is missing; protocols are modbus, other",
    ]);
  });

  test('that nobody speaks are faults only when a device uses the profile', () => {
    const files = { 'profiles/x.yaml': 'profile: { id: x, protocol: modbas, points: {} }\n' };
    expect(faultsOf(SOUND, { files })).toEqual([]);
    expect(faultsOf(SOUND.replace('profile: meter', 'profile: x'), { files })).toEqual([
      "profiles/x.yaml:1:29 profile.protocol: unknown protocol 'modbas' (did you mean 'modbus'?); protocols are modbus, other",
    ]);
  });
});

test('a profile file holds one profile and nothing else', () => {
  expect(profileFaults('id: x\n')).toEqual([
    "profiles/x.yaml:1:1: 'profile' is missing; allowed: a map with id, protocol, points and objects",
    "profiles/x.yaml:1:1 id: unknown key 'id'; allowed keys: profile, schema",
  ]);
});

test('two profiles of one folder cannot have one id', () => {
  expect(profileFaults(METER)).toEqual([
    'profiles/x.yaml:2:7 profile.id: another profile has this id; it is in profiles/meter.yaml',
  ]);
});
