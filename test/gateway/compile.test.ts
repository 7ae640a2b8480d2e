import { describe, expect, test } from 'vitest';
import { compileDevice } from '../../src/gateway/compile.ts';
import type { ObjectMapping, PointSource } from '../../src/gateway/source.ts';
import { omaRegistry } from '../../src/model/index.ts';
import { compile, device, faultsOf, point, profile } from './sources.ts';

/** A three-phase meter, as profiles map it. */
const METER: Readonly<Record<string, PointSource>> = {
  ...Object.fromEntries(['v1', 'v2', 'v3'].map((id) => [id, point({ unit: 'V' })])),
  ...Object.fromEntries(['i1', 'i2', 'i3'].map((id) => [id, point({ unit: 'A' })])),
  p: point({ unit: 'W', poll: 10_000, group: 'power' }),
  q: point({ unit: 'var', poll: 10_000, group: 'power' }),
  pf: point({ valid: [-1, 1] }),
  f: point({ unit: 'Hz', valid: [40, 70] }),
  ei: point({ unit: 'kWh', kind: 'counter', maxRate: { value: '100', unit: 'kW' } }),
  sn: point({ poll: 'once' }),
  spare: point({ unit: 'V' }),
  relay: point({ kind: 'state', access: 'rw', poll: 'never' }),
};
const METER_OBJECTS: readonly ObjectMapping[] = [
  { object: 3, resources: { 0: { value: 'Eastron' }, 2: { from: 'sn', format: '%d' } } },
  {
    object: 10242,
    instance: 0,
    resources: {
      4: { from: 'v1' },
      14: { from: 'v2' },
      24: { from: 'v3' },
      5: { from: 'i1' },
      15: { from: 'i2' },
      25: { from: 'i3' },
      34: { from: 'p' },
      35: { from: 'q' },
      39: { from: 'pf' },
      41: { from: 'ei' },
      49: { from: 'f' },
    },
  },
  {
    object: 3331,
    resources: { 5700: { from: 'ei', unit: 'Wh' }, 5701: { value: 'Wh' }, 5750: { value: 'import' } },
  },
  { object: 3312, resources: { 5850: { from: 'relay' } } },
];

describe('a sound profile', () => {
  const meter = compile(METER, METER_OBJECTS);

  test('has no faults', () => {
    expect(faultsOf(meter)).toEqual([]);
  });

  test('becomes a plan for the adapter, with its keys untouched', () => {
    expect(meter.plan).toMatchObject({
      id: 'meter-1',
      settings: { unit: 1 },
      protocol: { addressing: 'pdu0' },
      requestTimeoutMs: 1000,
      retries: 2,
    });
    expect(meter.plan.points.get('p')).toEqual({ id: 'p', address: {}, access: 'r', group: 'power' });
    expect([...meter.plan.points.keys()]).toEqual(Object.keys(METER));
  });

  test('is polled by interval: what is read once first, nothing that no resource shows', () => {
    expect(meter.polls).toEqual([
      { intervalMs: Number.POSITIVE_INFINITY, points: ['sn'] },
      { intervalMs: 60_000, points: ['v1', 'v2', 'v3', 'i1', 'i2', 'i3', 'pf', 'f', 'ei'] },
      { intervalMs: 10_000, points: ['p', 'q'] },
    ]);
  });

  test('knows how old its values may get', () => {
    const ages = ['ei', 'p', 'sn', 'relay'].map((id) => {
      const { maxAgeMs, staleAfterMs } = meter.points.get(id) ?? {};
      return [maxAgeMs, staleAfterMs];
    });
    expect(ages).toEqual([
      [60_000, 180_000],
      [10_000, 30_000],
      [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
      [0, 180_000],
    ]);
  });

  test('converts to the units of the registry, and shows which they are', () => {
    const units = meter.instances.flatMap(({ resources }) =>
      resources.flatMap((one) =>
        one.kind === 'point' && one.unit ? [`${one.ids.join('/')} ${one.unit}`] : [],
      ),
    );
    expect(units).toContain('10242/0/34 kW');
    expect(units).toContain('10242/0/41 kWh');
    expect(units).toContain('3331/0/5700 Wh');
  });

  test('fills sample time and quality where the object has them and the mapping does not (field rules 3.4)', () => {
    const derived = (index: number): string[] =>
      (meter.instances[index]?.resources ?? [])
        .filter(({ kind }) => kind === 'derived')
        .map(({ ids }) => ids.join('/'));
    expect(derived(1)).toEqual([]);
    expect(derived(2)).toEqual(['3331/0/5518', '3331/0/6050', '3331/0/6042', '3331/0/6049']);
  });

  test('can be written only where registry and profile allow it', () => {
    const writable = meter.instances.flatMap(({ resources }) =>
      resources.flatMap((one) => (one.kind === 'point' && one.write ? [one.ids.join('/')] : [])),
    );
    expect(writable).toEqual(['3312/0/5850']);
  });

  test('of an older object version has no resources of the newer one', () => {
    const old = compile({ e: point({ unit: 'kWh' }) }, [
      { object: 3331, version: '1.0', resources: { 5700: { from: 'e', unit: 'Wh' } } },
    ]);
    expect(faultsOf(old)).toEqual([]);
    expect(old.instances[0]?.resources.map(({ ids }) => ids[2])).toEqual([5700, 5701]);
  });

  test('takes its times from the point before the device', () => {
    const { points } = compile(
      { a: point({ staleAfter: { ms: 5 } }), b: point({ staleAfter: { times: 2 }, poll: 100 }) },
      [],
      {
        staleAfter: { ms: 7 },
      },
    );
    expect([points.get('a')?.staleAfterMs, points.get('b')?.staleAfterMs]).toEqual([5, 200]);
  });
});

describe('Sensor Units (5701)', () => {
  const energy = { e: point({ unit: 'kWh', kind: 'counter' }) };
  const units = (resources: ObjectMapping['resources']) => {
    const compiled = compile(energy, [{ object: 3331, resources }]);
    const named = compiled.instances[0]?.resources.find(({ ids }) => ids[2] === 5701);
    return { faults: faultsOf(compiled), named: named?.kind === 'constant' ? named.value : undefined };
  };

  test('are filled with the unit of the value when the mapping leaves them out', () => {
    expect(units({ 5700: { from: 'e' } })).toEqual({ faults: [], named: 'kWh' });
    expect(units({ 5700: { from: 'e', unit: 'Wh' } })).toEqual({ faults: [], named: 'Wh' });
  });

  test('must not say another unit than the value has', () => {
    expect(units({ 5700: { from: 'e' }, 5701: { value: 'Wh' } }).faults).toEqual([
      'profile objects.0.resources.5700.from: the value is in kWh, but 5701 says Wh: they have to agree',
    ]);
  });

  test('speak of all values of the instance', () => {
    const voltage = compile({ v: point({ unit: 'V' }) }, [
      { object: 3316, resources: { 5700: { from: 'v', unit: 'mV' }, 5602: { from: 'v' } } },
    ]);
    expect(faultsOf(voltage)).toEqual([expect.stringContaining('state one unit')]);
  });
});

describe('units of resources', () => {
  test('a temperature difference takes no offset, whatever scale it is in', () => {
    const delta = (unit: string) =>
      compile({ d: point({ unit }), p: point({ unit: 'W' }) }, [
        { object: 10257, resources: { 16: { from: 'd' }, '5802/0': { from: 'p' } } },
      ]);
    expect(faultsOf(delta('K'))).toEqual([]);
    expect(faultsOf(delta('deltaCel'))).toEqual([]);
    expect(faultsOf(delta('Cel'))).toEqual([expect.stringContaining('(temperature difference)')]);
  });

  test('a set point of a few values has a unit like any number', () => {
    const source = point({
      kind: 'state',
      unit: 'min',
      access: 'rw',
      write: { settings: {}, allowed: [0, 15, 30] },
    });
    const compiled = compile({ d: source }, [
      { object: 3308, resources: { 5900: { from: 'd', unit: 's' } } },
    ]);
    const [resource] = compiled.instances[0]?.resources ?? [];
    expect(faultsOf(compiled)).toEqual([]);
    expect(resource?.kind === 'point' && resource.read?.(15)).toBe(900);
  });

  test('a time may come in ms', () => {
    const compiled = compile({ t: point({ kind: 'time', unit: 'ms' }) }, [
      { object: 3333, resources: { 5506: { from: 't' } } },
    ]);
    const [resource] = compiled.instances[0]?.resources ?? [];
    expect(faultsOf(compiled)).toEqual([]);
    expect(resource?.kind === 'point' && resource.read?.(1_700_000_000_400)).toBe(1_700_000_000);
  });
});

/** One wrong thing each; the rest of the profile is sound. */
const FAULTS: readonly (readonly [
  name: string,
  points: Readonly<Record<string, PointSource>>,
  objects: readonly ObjectMapping[],
  fault: string | RegExp,
])[] = [
  // objects
  [
    'an unknown object',
    {},
    [{ object: 31999, resources: {} }],
    'profile objects.0.object: there is no object 31999',
  ],
  [
    'an object of the gateway',
    {},
    [{ object: 25, resources: {} }],
    'profile objects.0.object: object 25 belongs',
  ],
  [
    'an unknown version',
    { e: point() },
    [{ object: 3331, version: '1.7', resources: { 5700: { from: 'e' } } }],
    'profile objects.0.version: object 3331 (Energy) has no version 1.7; its newest is 1.1',
  ],
  [
    'another major version',
    { e: point() },
    [{ object: 3331, version: '9.0', resources: { 5700: { from: 'e' } } }],
    'has no version 9.0; its newest is 1.1',
  ],
  [
    'a second instance of a single object',
    {},
    [{ object: 3, instance: 1, resources: {} }],
    'profile objects.0.instance: object 3 (Device) has one instance only, 0',
  ],
  [
    'an instance beyond the ids',
    { e: point() },
    [{ object: 3331, instance: 65535, resources: { 5700: { from: 'e' } } }],
    'from 0 to 65534',
  ],
  [
    'two of one instance',
    { e: point() },
    [
      { object: 3331, resources: { 5700: { from: 'e' } } },
      { object: 3331, instance: 0, resources: { 5700: { from: 'e' } } },
    ],
    'profile objects.1.instance: there are two of 3331/0',
  ],
  [
    'a mandatory resource without source',
    { v: point({ unit: 'V' }) },
    [{ object: 10243, resources: { 4: { from: 'v' } } }],
    /^profile objects\.0\.resources: 10243\/5 \(Current\) is mandatory and has no source$/,
  ],
  [
    'a mandatory resource whose point is not used',
    { e: point({ enabled: false }) },
    [{ object: 3331, resources: { 5700: { from: 'e' } } }],
    'profile points.e.enabled: 3331/5700 (Sensor Value) is mandatory and needs this point',
  ],
  // resources
  [
    'an unknown resource',
    { e: point() },
    [{ object: 3331, resources: { 5700: { from: 'e' }, 5702: { from: 'e' } } }],
    'profile objects.0.resources.5702: object 3331 (Energy) 1.1 has no resource 5702; near it are 5701 Sensor Units, 5700 Sensor Value',
  ],
  [
    'a resource id that is none',
    { e: point() },
    [{ object: 3331, resources: { 5700: { from: 'e' }, x: { from: 'e' } } }],
    '"x" is no resource id',
  ],
  [
    'a resource with instances, named without',
    { p: point({ unit: 'W' }) },
    [{ object: 10257, resources: { 5802: { from: 'p' } } }],
    'profile objects.0.resources.5802: 10257/5802 (Max Measured active power) has resource instances: write 5802/0',
  ],
  [
    'a resource without instances, named with one',
    { e: point() },
    [{ object: 3331, resources: { 5700: { from: 'e' }, '5701/0': { value: 'Wh' } } }],
    'has no resource instances: write 5701',
  ],
  [
    'an unknown point',
    { ei: point() },
    [{ object: 3331, resources: { 5700: { from: 'eo' } } }],
    'profile objects.0.resources.5700.from: there is no point "eo"; there are ei',
  ],
  [
    'a name that every object has',
    { ei: point() },
    [{ object: 3331, resources: { 5700: { from: 'constructor' } } }],
    'there is no point "constructor"',
  ],
  [
    'an executable resource',
    { e: point() },
    [{ object: 3331, resources: { 5700: { from: 'e' }, 5822: { from: 'e' } } }],
    '3331/5822 (Reset Cumulative energy) is executed',
  ],
  [
    'a readable resource from a point that is only written',
    { e: point({ access: 'w' }) },
    [{ object: 3331, resources: { 5700: { from: 'e' } } }],
    'profile objects.0.resources.5700.from: 3331/5700 (Sensor Value) is read, and point e has access: w',
  ],
  [
    'a writable resource from a point that is only read',
    { p: point({ unit: 'W' }) },
    [{ object: 3305, resources: { 5800: { from: 'p' }, 5806: { from: 'p' } } }],
    '3305/5806 (Active Power Calibration) is written, and point p has access: r',
  ],
  // units
  [
    'an incompatible dimension',
    { e: point({ unit: 'kWh' }) },
    [{ object: 3305, resources: { 5800: { from: 'e' } } }],
    'profile objects.0.resources.5800.from: 3305/5800 (Instantaneous active power) is in W (power), and point e in kWh (energy); it takes W, mW, kW',
  ],
  [
    'a number without unit where the registry has one',
    { p: point() },
    [{ object: 3305, resources: { 5800: { from: 'p' } } }],
    'profile points.p.unit: 3305/5800 (Instantaneous active power) is in W, and the point has no unit: give it one of W, mW, kW',
  ],
  [
    'a unit where the registry fixes another',
    { p: point({ unit: 'W' }) },
    [{ object: 3305, resources: { 5800: { from: 'p', unit: 'kW' } } }],
    'profile objects.0.resources.5800.unit: 3305/5800 (Instantaneous active power) is always in W',
  ],
  [
    'a unit that neither registry nor mapping tell',
    { pf: point({ unit: '%' }), v: point({ unit: 'V' }), i: point({ unit: 'A' }) },
    [{ object: 10243, resources: { 4: { from: 'v' }, 5: { from: 'i' }, 11: { from: 'pf' } } }],
    "the registry gives 10243/11 (Power Factor) no unit, so the mapping has to: { from: pf, unit: '%' }, for example",
  ],
  [
    'Sensor Units of a value without unit',
    { v: point() },
    [{ object: 3316, resources: { 5700: { from: 'v' }, 5701: { value: 'V' } } }],
    'profile points.v.unit: 3316/5700 (Sensor Value) is in V, and the point has no unit',
  ],
  [
    'an unknown unit',
    { e: point({ unit: 'kwh' }) },
    [],
    'profile points.e.unit: there is no unit "kwh"; did you mean kWh?',
  ],
  [
    'an unknown unit in the mapping',
    { e: point({ unit: 'kWh' }) },
    [{ object: 3331, resources: { 5700: { from: 'e', unit: 'watthours' } } }],
    'profile objects.0.resources.5700.unit: there is no unit "watthours"; known are W mW',
  ],
  // types
  [
    'a gauge where true and false are wanted',
    { r: point({ access: 'rw' }) },
    [{ object: 3312, resources: { 5850: { from: 'r' } } }],
    'a gauge of number values does not fit the type boolean',
  ],
  [
    'a text where a number is wanted',
    { t: point({ kind: 'text' }) },
    [{ object: 3331, resources: { 5700: { from: 't' } } }],
    'a text of text values does not fit the type float',
  ],
  [
    'a gauge where a time is wanted',
    { t: point() },
    [{ object: 3333, resources: { 5506: { from: 't' } } }],
    'a time resource needs a point of kind: time, not gauge',
  ],
  [
    'a number where a text is wanted, without format',
    { sn: point() },
    [{ object: 3, resources: { 2: { from: 'sn' } } }],
    'profile objects.0.resources.2.from: 3/2 (Serial Number): a number becomes a text only by a format, e.g. format: "%d"',
  ],
  [
    'a format that is none',
    { sn: point() },
    [{ object: 3, resources: { 2: { from: 'sn', format: '%s' } } }],
    'profile objects.0.resources.2.format: 3/2 (Serial Number): a format has one %d',
  ],
  [
    'a format for a number',
    { e: point() },
    [{ object: 3331, resources: { 5700: { from: 'e', format: '%d' } } }],
    'only a string resource takes a format, and this one is float',
  ],
  [
    'a map to texts where true and false are wanted',
    { r: point({ kind: 'state', map: { 0: 'off', 1: 'on' } }) },
    [{ object: 3312, resources: { 5850: { from: 'r' } } }],
    'a state of text values does not fit the type boolean',
  ],
  [
    'a map to fractions where whole numbers are wanted',
    { s: point({ kind: 'state', map: { 0: 1.5 } }) },
    [{ object: 3, resources: { '6/0': { from: 's' } } }],
    'profile points.s.map.0: 1.5 is not of type integer, as 3/6 (Available Power Sources) needs',
  ],
  [
    'a map beyond the range',
    { s: point({ kind: 'state', map: { a: 3, b: 9 } }) },
    [{ object: 3, resources: { '6/0': { from: 's' } } }],
    'profile points.s.map.b: 9 is outside 0..7, as 3/6 (Available Power Sources) needs',
  ],
  // constants
  [
    'a constant of another type',
    {},
    [{ object: 3, resources: { 0: { value: 7 } } }],
    'profile objects.0.resources.0.value: 3/0 (Manufacturer): 7 is not a value of type string',
  ],
  [
    'a fraction where a whole number is wanted',
    {},
    [{ object: 3, resources: { 9: { value: 1.5 } } }],
    '1.5 is not a value of type integer',
  ],
  [
    'a constant beyond the range',
    {},
    [{ object: 3, resources: { 9: { value: 101 } } }],
    '101 is outside 0..100, the range of 3/9 (Battery Level)',
  ],
  [
    'a constant that nobody can read',
    { p: point({ unit: 'W' }) },
    [{ object: 3305, resources: { 5800: { from: 'p' }, 5806: { value: 1 } } }],
    '3305/5806 (Active Power Calibration) is not read',
  ],
  // points
  [
    'a scale that is no decimal',
    { p: point({ scale: '1,5' }) },
    [],
    'profile points.p.scale: "1,5" is not a decimal number',
  ],
  ['a scale of zero', { p: point({ scale: '0.0' }) }, [], 'profile points.p.scale: a scale of 0'],
  [
    'valid in the wrong order',
    { p: point({ valid: [70, 40] }) },
    [],
    'profile points.p.valid: valid is [least, most], and 70, 40',
  ],
  [
    'valid beyond the range of the registry',
    { pf: point({ valid: [-2, 1] }), v: point({ unit: 'V' }), i: point({ unit: 'A' }) },
    [{ object: 10243, resources: { 4: { from: 'v' }, 5: { from: 'i' }, 11: { from: 'pf' } } }],
    'profile points.pf.valid: -2 is outside -1..1, the range of 10243/11 (Power Factor)',
  ],
  [
    'a rate of another dimension',
    { e: point({ kind: 'counter', unit: 'kWh', maxRate: { value: '1', unit: 'kWh' } }) },
    [],
    'profile points.e.maxRate: "kWh" is no unit for a change of kWh over time; write kWh/h, for example',
  ],
  [
    'a rate of zero',
    { e: point({ unit: 'kWh', maxRate: { value: '0', unit: 'kW' } }) },
    [],
    'a rate has to be above 0',
  ],
  ['a rollover of zero', { e: point({ kind: 'counter', rollover: '0' }) }, [], 'profile points.e.rollover'],
  [
    'rollover of a gauge',
    { e: point({ rollover: '100' }) },
    [],
    'profile points.e.rollover: only a counter has rollover, and this is a gauge',
  ],
  [
    'a counter of texts',
    { e: point({ kind: 'counter', map: { 1: 'one' } }) },
    [],
    'profile points.e.map: this counter is a number',
  ],
  [
    'a unit of a text',
    { s: point({ kind: 'text', unit: 'W' }) },
    [],
    'profile points.s.unit: a text has no unit',
  ],
  [
    'a scale of a state without unit',
    { s: point({ kind: 'state', scale: '0.1' }) },
    [],
    'profile points.s.scale: a state has no scale',
  ],
  [
    'a mixed map',
    { s: point({ kind: 'state', map: { 0: 'off', 1: true } }) },
    [],
    'profile points.s.map: the values of a map are all',
  ],
  [
    'a map that a write cannot go back through',
    { s: point({ kind: 'state', access: 'rw', map: { 0: false, 1: true, 2: true } }) },
    [],
    'profile points.s.map: two raw values stand for true',
  ],
  [
    'map and invert',
    { s: point({ kind: 'state', invert: true, map: { 0: false } }) },
    [],
    'profile points.s.invert',
  ],
  [
    'an inverted number',
    { s: point({ invert: true }) },
    [],
    'profile points.s.invert: only a state without a unit can be inverted',
  ],
  ['a mask that is none', { s: point({ mask: 1.5 }) }, [], 'profile points.s.mask: a mask is a whole number'],
  [
    'bits of a register that is written',
    { s: point({ kind: 'state', access: 'rw', mask: 4 }) },
    [],
    'writing would lose the other bits',
  ],
  [
    'guards of a point that is not written',
    { p: point({ write: { settings: {} } }) },
    [],
    'profile points.p.write',
  ],
  [
    'guards in the wrong order',
    { p: point({ access: 'rw', write: { settings: {}, min: 2, max: 1 } }) },
    [],
    'profile points.p.write.min',
  ],
  [
    'an allowed value that never comes',
    {
      s: point({
        kind: 'state',
        access: 'rw',
        map: { 0: 'off', 1: 'on' },
        write: { settings: {}, allowed: ['auto'] },
      }),
    },
    [],
    'profile points.s.write.allowed: "auto" never comes: the map leads to off, on',
  ],
  [
    'a write guard beyond the range of the registry',
    {
      d: point({ unit: '%', access: 'rw', write: { settings: {}, max: 120 } }),
      b: point({ kind: 'state', access: 'rw' }),
    },
    [{ object: 3311, resources: { 5850: { from: 'b' }, 5851: { from: 'd' } } }],
    'profile points.d.write.max: 120 is outside 0..100, the range of 3311/5851 (Dimmer)',
  ],
  [
    'a group with two intervals',
    { a: point({ group: 'g', poll: 1000 }), b: point({ group: 'g' }) },
    [
      { object: 3300, resources: { 5700: { from: 'a' } } },
      { object: 3300, instance: 1, resources: { 5700: { from: 'b' } } },
    ],
    'profile points.b.poll: points of group g are read together',
  ],
];

describe('what is wrong is told, with what is allowed', () => {
  test.each(FAULTS)('%s', (_, points, objects, fault) => {
    const faults = faultsOf(compile(points, objects));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(fault instanceof RegExp ? fault : new RegExp(escaped(fault)));
  });

  test('all of it at once', () => {
    const compiled = compile({ p: point({ unit: 'kw', scale: 'x', valid: [2, 1] }) }, [
      { object: 3305, resources: { 5800: { from: 'q' }, 9: { from: 'p' } } },
      { object: 1, resources: {} },
    ]);
    expect(compiled.faults).toHaveLength(6);
  });

  test('as a fault of the device when the device overrides that key', () => {
    const shared = profile({ p: point({ unit: 'W' }), e: point({ unit: 'kWx' }) });
    const own = profile({ ...shared.points, p: point({ unit: 'Wx' }) });
    const { faults } = compileDevice(device(own), shared, omaRegistry());
    expect(faults.map(({ origin, path }) => [origin, ...path])).toEqual([
      ['device', 'points', 'p', 'unit'],
      ['profile', 'points', 'e', 'unit'],
    ]);
  });

  test('an optional resource of a point that is switched off is left out', () => {
    const compiled = compile({ p: point({ unit: 'W' }), q: point({ unit: 'var', enabled: false }) }, [
      { object: 3305, version: '1.0', resources: { 5800: { from: 'p' }, 5810: { from: 'q' } } },
    ]);
    expect(faultsOf(compiled)).toEqual([]);
    expect(compiled.instances[0]?.resources.map(({ ids }) => ids[2])).toEqual([5800]);
    expect([...compiled.plan.points.keys()]).toEqual(['p']);
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
