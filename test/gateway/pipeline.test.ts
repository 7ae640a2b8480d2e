import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FieldCause, FieldValue, Quality, Sample } from '../../src/adapter/index.ts';
import type { CompiledDevice } from '../../src/gateway/compile.ts';
import { takeSamples } from '../../src/gateway/derive.ts';
import {
  type CompiledPoint,
  type FieldUpdate,
  ingest,
  type PointState,
  unread,
} from '../../src/gateway/pipeline.ts';
import type { ObjectMapping, PointSource } from '../../src/gateway/source.ts';
import { compile, faultsOf, point } from './sources.ts';

const AT = 1_700_000_000_000;

/** What one sample of a point leads to. */
function taken(point: CompiledPoint, state: PointState, sample: Sample, now: number): readonly FieldUpdate[] {
  const updates: FieldUpdate[] = [];
  ingest(point, state, sample, now, updates);
  return updates;
}

/** One point that feeds one resource, sampled step by step. */
function probe(source: PointSource, objects: readonly ObjectMapping[] = SENSOR) {
  const compiled = compile({ x: source }, objects);
  expect(faultsOf(compiled)).toEqual([]);
  const compiledPoint = compiled.points.get('x');
  if (compiledPoint === undefined) throw new Error('no point');
  const state = unread();
  const take = (sample: Sample, now: number): FieldUpdate | undefined =>
    taken(compiledPoint, state, sample, now)[0];
  return {
    /** `seconds` on both clocks since the start */
    read: (value: FieldValue, seconds = 0, quality: Quality = 4) =>
      take({ point: 'x', value, at: AT + seconds * 1000, quality }, seconds * 1000),
    lose: (cause: FieldCause, seconds = 0) =>
      take({ point: 'x', cause, at: AT + seconds * 1000 }, seconds * 1000),
  };
}

const SENSOR: readonly ObjectMapping[] = [
  { object: 3300, version: '1.0', resources: { 5700: { from: 'x' } } },
];
const POWER: readonly ObjectMapping[] = [
  { object: 3305, version: '1.0', resources: { 5800: { from: 'x' } } },
];
const SWITCH: readonly ObjectMapping[] = [
  { object: 3312, version: '1.0', resources: { 5850: { from: 'x' } } },
];
const INTEGER: readonly ObjectMapping[] = [{ object: 3, resources: { 10: { from: 'x' } } }];
const SERIAL: readonly ObjectMapping[] = [{ object: 3, resources: { 2: { from: 'x', format: '%08d' } } }];

/** What a server would see: the value, or the quality alone. */
function seen(update: FieldUpdate | undefined): unknown {
  if (update === undefined) return undefined;
  return 'value' in update ? update.value : { cause: update.cause, quality: update.quality };
}

describe('from raw value to resource', () => {
  test.each([
    ['float as it is', point(), SENSOR, 229.01, 229.01],
    ['scale without binary noise (pitfall 8)', point({ scale: '0.1' }), SENSOR, 1234567, 123456.7],
    ['scale, then offset', point({ scale: '0.1', offset: '-40' }), SENSOR, 655, 25.5],
    ['kW to W', point({ unit: 'kW', scale: '0.01' }), POWER, 12345, 123450],
    [
      'a 64-bit counter (pitfall 7)',
      point({ scale: '0.001' }),
      SENSOR,
      9007199254740993n,
      Number('9007199254740.993'),
    ],
    ['a whole number from a fraction, half away from zero', point({ scale: '0.1' }), INTEGER, -25, -3],
    ['a whole number beyond 2^53', point(), INTEGER, 9007199254740993n, 9007199254740993n],
    ['bits by mask and shift', point({ kind: 'state', mask: 0xf0, shift: 4 }), INTEGER, 0xab5f, 5],
    ['bits of a negative 16-bit number', point({ kind: 'state', mask: 0xff }), INTEGER, -2, 254],
    ['bits of a 64-bit number', point({ kind: 'state', mask: 3, shift: 0 }), INTEGER, 2n ** 63n + 2n, 2],
    ['a masked bit as true', point({ kind: 'state', mask: 4 }), SWITCH, 0b1101, true],
    ['an inverted bit', point({ kind: 'state', mask: 4, invert: true }), SWITCH, 0b1101, false],
    ['1 as true', point({ kind: 'state' }), SWITCH, 1, true],
    ['an inverted boolean', point({ kind: 'state', invert: true }), SWITCH, true, false],
    ['a mapped text', point({ kind: 'state', map: { ON: true, OFF: false } }), SWITCH, 'OFF', false],
    ['a mapped number', point({ kind: 'state', map: { 0: 3, 7: 4 } }), INTEGER, 7, 4],
    ['a serial number as text', point(), SERIAL, 12345, '00012345'],
    ['a 64-bit serial number as text', point(), SERIAL, 12345678901234567890n, '12345678901234567890'],
  ] as const)('%s', (_, source, objects, raw, expected) => {
    expect(seen(probe(source, objects).read(raw))).toBe(expected);
  });

  test('the value keeps the time and the quality of its sample', () => {
    expect(probe(point()).read(1, 5, 3)).toEqual({
      ids: [3300, 0, 5700],
      value: 1,
      at: AT + 5000,
      quality: 3,
    });
  });

  test('one point feeds several resources, each in its unit', () => {
    const compiled = compile(
      { e: point({ unit: 'kWh', kind: 'counter' }), v: point({ unit: 'V' }), i: point({ unit: 'A' }) },
      [
        { object: 3331, version: '1.0', resources: { 5700: { from: 'e', unit: 'Wh' } } },
        { object: 10243, resources: { 4: { from: 'v' }, 5: { from: 'i' }, 14: { from: 'e' } } },
      ],
    );
    const updates = takeSamples(compiled, new Map(), [{ point: 'e', value: 12.5, at: AT, quality: 4 }], 0);
    expect(updates.map(({ ids, ...rest }) => [ids.join('/'), 'value' in rest && rest.value])).toEqual([
      ['3331/0/5700', 12500],
      ['10243/0/14', 12.5],
    ]);
  });

  test.each([
    ['a fraction in a serial number', point(), SERIAL, 1.5],
    ['a number that is neither true nor false', point({ kind: 'state' }), SWITCH, 2],
    ['a text for a number', point(), SENSOR, '12'],
    ['a raw value that the map lacks', point({ kind: 'state', map: { ON: true } }), SWITCH, 'on'],
    ['a name that every object has', point({ kind: 'state', map: { ON: true } }), SWITCH, 'constructor'],
    ['a whole number of more than 64 bits', point({ scale: '1000' }), INTEGER, 2n ** 63n],
  ] as const)('%s is no value', (_, source, objects, raw) => {
    expect(seen(probe(source, objects).read(raw))).toMatchObject({ cause: 'unusable' });
  });

  test('NaN and infinity are no value (field rules 3.5.4)', () => {
    expect(seen(probe(point()).read(Number.NaN))).toEqual({ cause: 'not-available', quality: 1 });
    expect(seen(probe(point()).read(Number.POSITIVE_INFINITY))).toEqual({
      cause: 'not-available',
      quality: 1,
    });
  });
});

describe('a sample that failed', () => {
  test('lowers the quality to 1 and says why, with nothing in place of the value (field rules 3.5.3, 3.5.4)', () => {
    const meter = probe(point());
    meter.read(5);
    expect(meter.lose('timeout')).toEqual({ ids: [3300, 0, 5700], cause: 'timeout', quality: 1 });
  });

  test('says when to come back', () => {
    const { points } = compile({ x: point() }, SENSOR);
    const x = points.get('x');
    const sample: Sample = { point: 'x', cause: 'busy', at: AT, retryAfterMs: 500 };
    expect(x && taken(x, unread(), sample, 0)).toEqual([
      { ids: [3300, 0, 5700], cause: 'busy', quality: 1, retryAfterMs: 500 },
    ]);
  });

  test('never changes what the point knows to be good', () => {
    const source = point({ kind: 'counter', valid: [0, 1e6], maxRate: { value: '10', unit: '/s' } });
    const x = compile({ x: source }, SENSOR).points.get('x');
    if (x === undefined) throw new Error('no point');
    const sample: fc.Arbitrary<Sample> = fc.oneof(
      fc.record({
        point: fc.constant('x'),
        at: fc.integer({ min: AT, max: AT + 1e6 }),
        value: fc.oneof(fc.double(), fc.integer(), fc.bigInt(), fc.string(), fc.boolean(), fc.uint8Array()),
        quality: fc.constantFrom<Quality>(0, 1, 2, 3, 4),
      }),
      fc.record({
        point: fc.constant('x'),
        at: fc.integer({ min: AT, max: AT + 1e6 }),
        cause: fc.constantFrom<FieldCause>('timeout', 'rejected', 'malformed', 'not-available'),
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(sample, fc.integer({ min: 0, max: 60_000 })), { maxLength: 30 }),
        (steps) => {
          const state = unread();
          let now = 0;
          for (const [one, wait] of steps) {
            now += wait;
            const before = state.good && { ...state.good };
            const updates = taken(x, state, one, now);
            const passed = updates.filter((update) => 'value' in update);
            if (passed.length === 0) expect(state.good).toEqual(before);
            for (const update of passed) {
              expect(typeof update.value).toBe('number');
              expect(update.value).toBeGreaterThanOrEqual(0);
              expect(update.value).toBeLessThanOrEqual(1e6);
              expect(Number('value' in one ? one.value : Number.NaN)).toBe(update.value);
            }
          }
        },
      ),
    );
  });
});

describe('plausibility', () => {
  test('a value outside valid is not shown: quality 2 (field rules 3.5.3)', () => {
    const meter = probe(point({ valid: [40, 70] }));
    expect(seen(meter.read(50))).toBe(50);
    expect(meter.read(0)).toEqual({
      ids: [3300, 0, 5700],
      cause: 'implausible',
      quality: 2,
      message: '0 is outside 40..70',
    });
    expect([40, 70].map((limit) => seen(meter.read(limit)))).toEqual([40, 70]);
  });

  test('valid is in the unit of the point, after scale', () => {
    const meter = probe(point({ scale: '0.1', unit: 'kW', valid: [0, 100] }), POWER);
    expect(seen(meter.read(1000))).toBe(100_000);
    expect(seen(meter.read(1001))).toEqual({ cause: 'implausible', quality: 2 });
  });

  test('a change faster than maxRate is not shown, and the same change over more time is', () => {
    const meter = probe(
      point({ kind: 'counter', unit: 'kWh', maxRate: { value: '100', unit: 'kW' }, scale: '0.01' }),
    );
    meter.read(100_00, -60);
    meter.read(100_00, 0);
    expect(seen(meter.read(120_00, 60))).toEqual({ cause: 'implausible', quality: 2 });
    expect(seen(meter.read(120_00, 3600))).toBe(120);
  });

  test('one step of a coarse counter is no jump', () => {
    const meter = probe(point({ kind: 'counter', unit: 'kWh', maxRate: { value: '1', unit: 'kW' } }));
    meter.read(100, 0);
    expect(seen(meter.read(101, 10))).toBe(101);
    expect(seen(meter.read(103, 20))).toEqual({ cause: 'implausible', quality: 2 });
  });

  test('pitfall 9: nor is one step of a float32, which is 2 at 16.8 million', () => {
    const meter = probe(point({ kind: 'counter', unit: 'kWh', maxRate: { value: '1', unit: 'kW' } }));
    meter.read(16_777_216, -60);
    meter.read(16_777_216, 0);
    expect(seen(meter.read(16_777_218, 10))).toBe(16_777_218);
    expect(seen(meter.read(16_777_228, 20))).toEqual({ cause: 'implausible', quality: 2 });
  });

  test('samples that waited and come at once are judged by their own times', () => {
    const { points } = compile({ x: point({ maxRate: { value: '1', unit: '/s' } }) }, SENSOR);
    const x = points.get('x');
    if (x === undefined) throw new Error('no point');
    const state = unread();
    taken(x, state, { point: 'x', value: 0, at: AT, quality: 4 }, 0);
    const later = taken(x, state, { point: 'x', value: 50, at: AT + 60_000, quality: 4 }, 5);
    expect(seen(later[0])).toBe(50);
  });

  test('a value that the adapter itself does not trust is not shown', () => {
    expect(seen(probe(point()).read(5, 0, 2))).toEqual({ cause: 'implausible', quality: 2 });
  });
});

describe('a counter that goes back (pitfall 12)', () => {
  const counter = (changes: Partial<PointSource>) => {
    const meter = probe(point({ kind: 'counter', ...changes }));
    meter.read(100, 0);
    return meter;
  };

  test('is held by default: the value before it stays, and grows old, with quality 3', () => {
    const held = { cause: 'implausible', quality: 3 };
    expect(counter({}).read(90, 60)).toMatchObject(held);
    expect(counter({ onDecrease: 'hold' }).read(90, 60)).toMatchObject(held);
  });

  test('is rejected when the profile says so: quality 2', () => {
    expect(seen(counter({ onDecrease: 'reject' }).read(90, 60))).toEqual({
      cause: 'implausible',
      quality: 2,
    });
  });

  test('is accepted when the profile says so', () => {
    const meter = counter({ onDecrease: 'accept', maxRate: { value: '1', unit: '/h' } });
    expect(seen(meter.read(0, 60))).toBe(0);
  });

  test('goes on when it comes back to where it was', () => {
    const meter = counter({ onDecrease: 'reject' });
    meter.read(0, 60);
    expect(meter.read(101, 120)).toMatchObject({ value: 101, quality: 4 });
  });

  test.each(['hold', 'reject'] as const)(
    '%s: a new meter is believed after a while, garbage at boot is not',
    (onDecrease) => {
      const meter = counter({ onDecrease });
      const shown = [60, 120, 240, 480, 659, 661].map(
        (seconds) => meter.read(seconds / 60, seconds)?.quality,
      );
      const bad = onDecrease === 'hold' ? 3 : 2;
      expect(shown).toEqual([bad, bad, bad, bad, bad, 4]);
    },
  );

  test('rolls over at its end, and only there', () => {
    const meter = probe(point({ kind: 'counter', rollover: '1e6', scale: '0.1' }));
    meter.read(9_999_990, 0);
    expect(seen(meter.read(20, 60))).toBe(2);
    meter.read(4_000_000, 120);
    expect(meter.read(30, 180)).toMatchObject({ cause: 'implausible', quality: 3 });
  });

  test('rolls over only as far as maxRate reaches', () => {
    const meter = probe(point({ kind: 'counter', rollover: '1000', maxRate: { value: '1', unit: '/s' } }));
    meter.read(990, -60);
    meter.read(990, 0);
    expect(meter.read(90, 60)).toMatchObject({ cause: 'implausible', quality: 3 });
    expect(meter.read(40, 61)).toMatchObject({ value: 40, quality: 4 });
  });
});

test('what a counter shows while its meter boots is never shown on (pitfall 11)', () => {
  const meter = probe(point({ kind: 'counter', unit: 'kWh', maxRate: { value: '10', unit: 'kW' } }));
  const values = [0, 0, 0, 123_456, 123_456, 123_456.1].map((value, index) =>
    seen(meter.read(value, index * 4)),
  );
  const waiting = { cause: 'not-available', quality: 0 };
  expect(values).toEqual([waiting, waiting, waiting, waiting, waiting, waiting]);
  expect(seen(meter.read(123_456.1, 24))).toBe(123_456.1);
});

test('a wrong value that lasted does not lock a point for ever', () => {
  const meter = probe(point({ kind: 'counter', unit: 'kWh', maxRate: { value: '10', unit: 'kW' } }));
  meter.read(0, -60);
  meter.read(0, 0);
  const later = Array.from({ length: 12 }, (_, minute) =>
    meter.read(123_456 + minute / 10, (minute + 1) * 60),
  );
  expect(later.map((update) => update?.quality)).toEqual([...Array(10).fill(2), 4, 4]);
});

describe('time and quality of an instance (field rules 3.4, 3.5.3)', () => {
  const compiled = compile({ p: point({ unit: 'W' }), q: point({ unit: 'var', poll: 10_000 }) }, [
    { object: 3305, resources: { 5800: { from: 'p' }, 5810: { from: 'q' } } },
  ]);

  /** Feeds samples and shows what is derived. */
  function derived(device: CompiledDevice, steps: readonly (readonly [now: number, ...Sample[]])[]): unknown {
    const states = new Map<string, PointState>();
    let updates: FieldUpdate[] = [];
    for (const [now, ...samples] of steps) updates = takeSamples(device, states, samples, now);
    const names: Record<number, string> = { 5518: 'time', 6050: 'fraction', 6042: 'quality', 6049: 'level' };
    return Object.fromEntries(
      updates.flatMap((update) => {
        const name = names[update.ids[2] ?? 0];
        return name !== undefined && 'value' in update ? [[name, update.value]] : [];
      }),
    );
  }

  const good = (id: string, at: number, quality: Quality = 4): Sample => ({
    point: id,
    value: 1,
    at,
    quality,
  });
  const lost = (id: string, at: number): Sample => ({ point: id, cause: 'timeout', at });

  test('are the latest time and the worst quality of its points', () => {
    expect(derived(compiled, [[0, good('p', AT + 1250), good('q', AT, 3)]])).toEqual({
      time: AT / 1000 + 1,
      fraction: 0.25,
      quality: 3,
      level: 60,
    });
  });

  test('are told once per instance, however many of its points came', () => {
    const updates = takeSamples(compiled, new Map(), [good('p', AT), good('q', AT)], 0);
    expect(updates.filter(({ ids }) => ids[2] === 6042)).toHaveLength(1);
  });

  test('keep the time of the last value when a sample fails', () => {
    expect(
      derived(compiled, [
        [0, good('p', AT)],
        [60_000, lost('p', AT + 60_000)],
      ]),
    ).toEqual({
      time: AT / 1000,
      fraction: 0,
      quality: 1,
      level: 0,
    });
  });

  test('have no time before the first value', () => {
    expect(derived(compiled, [[0, lost('p', AT)]])).toEqual({ quality: 1, level: 0 });
  });

  test('have no level when nothing could be checked', () => {
    expect(derived(compiled, [[0, good('p', AT, 0), good('q', AT)]])).toMatchObject({ quality: 0 });
    expect(derived(compiled, [[0, good('p', AT, 0)]])).not.toHaveProperty('level');
  });

  test('show when a point grew stale beside one that goes on', () => {
    const steps = [
      [0, good('p', AT), good('q', AT)],
      [31_000, good('p', AT + 31_000)],
    ] as const;
    expect(derived(compiled, steps)).toMatchObject({ quality: 3, level: 60 });
  });
});

test('samples of points that nobody asked for are ignored', () => {
  const compiled = compile({ x: point() }, SENSOR);
  const states = new Map<string, PointState>();
  const sample: Sample = { point: 'y', value: 1, at: AT, quality: 4 };
  expect(takeSamples(compiled, states, [sample], 0)).toEqual([]);
  expect(states.size).toBe(0);
});
