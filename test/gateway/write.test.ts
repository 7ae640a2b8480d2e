import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PointResource } from '../../src/gateway/resource.ts';
import type { ObjectMapping, PointSource } from '../../src/gateway/source.ts';
import type { Value } from '../../src/model/index.ts';
import { compile, faultsOf, point } from './sources.ts';

const NUMBER: readonly ObjectMapping[] = [
  { object: 3308, version: '1.0', resources: { 5900: { from: 'x' } } },
];
const SWITCH: readonly ObjectMapping[] = [
  { object: 3312, version: '1.0', resources: { 5850: { from: 'x' } } },
];
const TEXT: readonly ObjectMapping[] = [{ object: 3341, version: '1.0', resources: { 5527: { from: 'x' } } }];

function resource(source: Partial<PointSource>, objects = NUMBER): PointResource {
  const compiled = compile({ x: point({ access: 'rw', ...source }) }, objects);
  expect(faultsOf(compiled)).toEqual([]);
  const [found] = compiled.instances[0]?.resources ?? [];
  if (found?.kind !== 'point') throw new Error('no resource');
  return found;
}

/** The raw value that goes to the field, or why none does. */
function write(value: Value, source: Partial<PointSource>, objects = NUMBER): unknown {
  const plan = resource(source, objects).write?.(value);
  return plan === undefined ? undefined : 'refusal' in plan ? plan.refusal : plan.operation.value;
}

const guarded = (guards: object): Partial<PointSource> => ({
  unit: 'min',
  write: { settings: {}, ...guards },
});
/** The unit of the resource is stated, so that guards in min meet values in s. */
const IN_SECONDS: readonly ObjectMapping[] = [
  { object: 3308, version: '1.0', resources: { 5900: { from: 'x', unit: 's' } } },
];

describe('from a resource to the raw value', () => {
  test.each([
    ['as it is', 21.5, {}, NUMBER, 21.5],
    ['by scale', 12.3, { scale: '0.1' }, NUMBER, 123],
    ['by scale and offset', 25.5, { scale: '0.1', offset: '-40' }, NUMBER, 655],
    ['by unit', 90, { unit: 'min' }, IN_SECONDS, 1.5],
    ['a whole number beyond 2^53', 9007199254740993n, {}, NUMBER, 9007199254740993n],
    ['true and false', true, { kind: 'state' }, SWITCH, true],
    ['inverted', true, { kind: 'state', invert: true }, SWITCH, false],
    ['by a map from texts', false, { kind: 'state', map: { ON: true, OFF: false } }, SWITCH, 'OFF'],
    ['by a map from numbers', true, { kind: 'state', map: { 0: false, 255: true } }, SWITCH, 255],
    [
      'by a map from true and false',
      true,
      { kind: 'state', map: { true: false, false: true } },
      SWITCH,
      false,
    ],
    ['a text', 'hello', { kind: 'text' }, TEXT, 'hello'],
  ] as const)('%s', (_, value, source, objects, raw) => {
    expect(write(value, source, objects)).toBe(raw);
  });

  test('exactly or not at all', () => {
    expect(write(10, { scale: '3' })).toBe('the device has no value for exactly 10');
  });

  test('and back: what a device reports can be written to it again', () => {
    const scale = fc.constantFrom('1', '0.1', '0.01', '0.001', '10', '1e3', '-0.5');
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 }),
        scale,
        fc.integer(),
        (raw, factor, offset) => {
          const { read, write: back } = resource({ scale: factor, offset: `${offset}` });
          const value = read?.(raw);
          expect(value).toBeDefined();
          if (value !== undefined)
            expect(back?.(value)).toEqual({ operation: { point: 'x', value: raw + 0 } });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('and every write that is not refused reads back as what was written', () => {
    const scale = fc.constantFrom('1', '0.1', '3', '1/3', '1e-5', '7');
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
        scale,
        (value, factor) => {
          const { read, write: there } = resource({ scale: factor });
          const plan = there?.(value);
          if (plan !== undefined && 'operation' in plan) expect(read?.(plan.operation.value)).toBe(value + 0);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('what the profile forbids is refused, in the unit of the profile (field rules 3.3)', () => {
  test.each([
    ['below min', 59, { min: 1 }, '0.9833333333333333 min is below the least value, 1 min'],
    ['above max', 3601, { max: 60 }, '60.016666666666666 min is above the most, 60 min'],
    ['between two steps', 150, { step: 1 }, '2.5 min is not a multiple of 1 min from 0 min'],
    ['between two steps from min', 120, { min: 1, step: 2 }, '2 min is not a multiple of 2 min from 1 min'],
    ['not allowed', 420, { allowed: [0, 5, 8, 10] }, '7 min is not allowed, only 0, 5, 8, 10 min'],
  ] as const)('%s', (_, seconds, guards, refusal) => {
    expect(write(seconds, guarded(guards), IN_SECONDS)).toBe(refusal);
  });

  test.each([
    ['at min', 60, { min: 1, max: 60 }, 1],
    ['at max', 3600, { min: 1, max: 60 }, 60],
    ['on a step', 180, { min: 1, step: 2 }, 3],
    ['allowed', 480, { allowed: [0, 5, 8, 10] }, 8],
  ] as const)('%s is written', (_, seconds, guards, raw) => {
    expect(write(seconds, guarded(guards), IN_SECONDS)).toBe(raw);
  });

  test('decimal steps are exact', () => {
    const source = { write: { settings: {}, step: 0.1 } };
    expect([0.3, 0.7, 1.1, 123456.7].map((value) => write(value, source))).toEqual([0.3, 0.7, 1.1, 123456.7]);
  });

  test('a value that reading would not believe', () => {
    expect(write(71, { valid: [40, 70] })).toBe('71 is above the most, 70');
  });

  test('a text that the map lacks', () => {
    expect(write('auto', { kind: 'state', map: { 0: 'off', 1: 'on' } }, TEXT)).toBe(
      'auto is none of off, on',
    );
  });

  test('a state that is not allowed', () => {
    const source = { kind: 'state', write: { settings: {}, allowed: [false] } } as const;
    expect(write(true, source, SWITCH)).toBe('true is not allowed, only false');
  });
});
