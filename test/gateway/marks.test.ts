import { expect, test } from 'vitest';
import type { FieldValue } from '../../src/adapter/index.ts';
import { takeSamples } from '../../src/gateway/derive.ts';
import { type Marks, marksOf, rememberedStates } from '../../src/gateway/marks.ts';
import type { PointState } from '../../src/gateway/pipeline.ts';
import type { PointSource } from '../../src/gateway/source.ts';
import { compile, point } from './sources.ts';

/** What is known of counters over a restart (pitfalls 11 and 12). */

const AT = 1_700_000_000_000;
const MINUTE = 60;

/** A gateway that runs from its start, with what was remembered; times in seconds since its start. */
function start(source: PointSource, remembered: unknown, startedAt = AT) {
  const compiled = compile({ x: source }, [
    { object: 3300, resources: { 5700: { from: 'x' }, 5518: { from: 'x' } } },
  ]);
  const states: Map<string, PointState> = rememberedStates(compiled.points, remembered, startedAt, 0);
  return {
    /** the value that is shown, or the quality of none */
    read(value: FieldValue, seconds: number): unknown {
      const sample = { point: 'x', value, at: startedAt + seconds * 1000, quality: 4 } as const;
      const [update] = takeSamples(compiled, states, [sample], seconds * 1000);
      return update !== undefined && 'value' in update ? update.value : `quality ${update?.quality}`;
    },
    marks: (): Marks => JSON.parse(JSON.stringify(marksOf(compiled.points, states))),
    states,
  };
}

const ENERGY = point({ kind: 'counter', unit: 'kWh', maxRate: { value: '100', unit: 'kW' } });

/** What a gateway knew that saw a counter at 1000 kWh, `seconds` before the next one starts. */
function knew(seconds: number): Marks {
  const before = start(ENERGY, undefined, AT - (seconds + 20) * 1000);
  before.read(1000, 0);
  expect(before.read(1000, 20)).toBe(1000);
  return before.marks();
}

test('a counter with a greatest rate is shown with the first reading after a restart, where it was shown after 10 s', () => {
  expect(start(ENERGY, undefined).read(1000.5, 1)).toBe('quality 0');
  expect(start(ENERGY, knew(MINUTE)).read(1000.5, 1)).toBe(1000.5);
});

test('what a meter shows that boots together with the gateway is found out at once', () => {
  const gateway = start(ENERGY, knew(MINUTE));
  expect([0, 0, 0].map((value, index) => gateway.read(value, 10 * index))).toEqual(
    Array(3).fill('quality 3'),
  );
  expect(gateway.read(1000.5, 40)).toBe(1000.5);
});

test('a counter has moved on as far as the time allows in which nobody looked', () => {
  expect(start(ENERGY, knew(60 * MINUTE)).read(1099, 1)).toBe(1099);
  expect(start(ENERGY, knew(MINUTE)).read(1099, 1)).toBe('quality 2');
});

test('a counter that rolled over while nobody looked has done so, and one that only went back has not', () => {
  const source = point({ kind: 'counter', rollover: '1000000' });
  const before = start(source, undefined, AT - MINUTE * 1000);
  expect(before.read(999_990, 0)).toBe(999_990);
  expect(start(source, before.marks()).read(20, 1)).toBe(20);
  expect(start(source, before.marks()).read(700_000, 1)).toBe('quality 3');
});

test('a memory that is wrong is outlived: another value that lasts is shown after ten minutes', () => {
  const gateway = start(ENERGY, knew(MINUTE));
  const shown = Array.from({ length: 12 }, (_, minute) => gateway.read(5 + minute / 100, minute * MINUTE));
  expect(shown).toEqual([...Array(10).fill('quality 3'), 5.1, 5.11]);
});

test('what was remembered is never shown, nor its time', () => {
  const gateway = start(ENERGY, knew(MINUTE));
  expect(gateway.states.get('x')).toMatchObject({ quality: undefined, good: undefined });
});

test('what was not read since the start is remembered over the next one, too', () => {
  const marks = knew(MINUTE);
  const gateway = start(ENERGY, marks);
  expect(gateway.marks()).toEqual(marks);
  gateway.read(0, 1);
  expect(gateway.marks()).toEqual(marks);
  gateway.read(1000.5, 2);
  expect(gateway.marks()).toEqual({ x: [1000.5, AT + 2000] });
});

test('only numbers that are judged by what came before are remembered', () => {
  const after = (source: PointSource): Marks => {
    const gateway = start(source, undefined);
    gateway.read(7, 0);
    gateway.read(7, 20);
    return gateway.marks();
  };
  expect(after(point())).toEqual({});
  expect(after(point({ valid: [0, 10] }))).toEqual({});
  expect(after(point({ kind: 'counter', onDecrease: 'accept' }))).toEqual({});
  expect(after(point({ kind: 'counter' }))).toHaveProperty('x');
  expect(after(point({ maxRate: { value: '1', unit: '/s' } }))).toHaveProperty('x');
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['no object', 'x'],
  ['a point that there is not', { y: [1, AT] }],
  ['no position', { x: [null, AT] }],
  ['no time', { x: [1] }],
  ['something else', { x: { position: 1 } }],
  ['a time to come, as the clock was not set yet', { x: [1, AT + 60_000] }],
])('%s in the file means that the counter proves itself as ever', (_name, remembered) => {
  const gateway = start(ENERGY, remembered);
  expect([gateway.read(1000, 0), gateway.read(1000, 11)]).toEqual(['quality 0', 1000]);
});
