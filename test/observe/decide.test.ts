import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTimers } from '../../src/base/index.ts';
import type { Attributes } from '../../src/model/index.ts';
import { Reporter, rulesOf, type Watched } from '../../src/observe/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { UNTOLD } from '../support/untold.ts';

/** Feeds [second, value] pairs and wake-ups to a reporter; returns the seconds and values of all notifications. */
function run(
  attributes: Attributes,
  initial: Watched,
  values: readonly (readonly [number, Watched])[],
  untilS: number,
): [number, Watched][] {
  const clock = createFakeClock();
  const rules = rulesOf(attributes);
  const told: [number, Watched][] = [];
  let current = initial;
  const part = { ...UNTOLD, rules: () => rules, value: () => current, sample() {} };
  const notify = (): boolean => {
    told.push([clock.monotonic() / 1000, current]);
    return true;
  };
  const ports = { timers: createTimers(clock, 1000), monotonic: clock.monotonic };
  // What changes at the same moment as a period ends, changes first.
  const reporters: Reporter[] = [];
  for (const [second, value] of values) {
    clock.after(second * 1000, () => {
      if (value === current && value !== undefined) return;
      current = value;
      reporters[0]?.changed(0);
    });
  }
  reporters.push(new Reporter({ parts: [part], notify }, ports));
  clock.jump(untilS * 1000);
  return told;
}

describe('when a change is told (OMA Core 1.2.2 7.3.2)', () => {
  test('without attributes every change is told at once', () => {
    expect(
      run(
        {},
        1,
        [
          [1, 2],
          [2, 3],
        ],
        10,
      ),
    ).toEqual([
      [1, 2],
      [2, 3],
    ]);
  });

  test('two changes within pmin give one notification at its end, with the latest value', () => {
    expect(
      run(
        { pmin: 5 },
        1,
        [
          [1, 2],
          [2, 3],
        ],
        20,
      ),
    ).toEqual([[5, 3]]);
  });

  test('a change that is taken back before pmin ends is not told', () => {
    expect(
      run(
        { pmin: 5 },
        1,
        [
          [1, 2],
          [2, 1],
        ],
        20,
      ),
    ).toEqual([]);
  });

  test('pmax tells the unchanged value again', () => {
    expect(run({ pmax: 10 }, 1, [], 35)).toEqual([
      [10, 1],
      [20, 1],
      [30, 1],
    ]);
  });

  test('each notification restarts both periods', () => {
    expect(run({ pmin: 2, pmax: 10 }, 1, [[4, 2]], 25)).toEqual([
      [4, 2],
      [14, 2],
      [24, 2],
    ]);
  });

  test('pmin equal to pmax is strictly periodic', () => {
    expect(
      run(
        { pmin: 5, pmax: 5 },
        1,
        [
          [1, 2],
          [6, 3],
        ],
        16,
      ),
    ).toEqual([
      [5, 2],
      [10, 3],
      [15, 3],
    ]);
  });

  test('a pmax below pmin is ignored', () => {
    expect(run({ pmin: 20, pmax: 10 }, 1, [[1, 2]], 60)).toEqual([[20, 2]]);
  });

  test.each([
    [{ gt: 45, st: 10 }, 40, 50, true],
    [{ gt: 45, st: 10 }, 38, 49, true],
    [{ gt: 45, st: 10 }, 48, 42, true],
    [{ gt: 45, st: 10 }, 48, 55, false],
    [{ lt: 20, gt: 85, st: 10 }, 87, 99, true],
    [{ gt: 45 }, 45, 46, true],
    [{ gt: 45 }, 44, 45, false],
    [{ lt: 20 }, 25, 19, true],
    [{ st: 1 }, 10, 10.5, false],
    [{ st: 1 }, 10, 11, true],
    [{ st: 1 }, 2n ** 60n, 2n ** 60n + 1n, true],
  ] as const)('%o: from %s to %s is told: %s', (attributes, from, to, told) => {
    expect(run(attributes, from, [[1, to]], 5)).toEqual(told ? [[1, to]] : []);
  });

  test('steps add up against the last value told, not the last one seen', () => {
    expect(
      run(
        { st: 10 },
        0,
        [
          [1, 6],
          [2, 12],
          [3, 18],
        ],
        5,
      ),
    ).toEqual([[2, 12]]);
  });

  test('edge=1 tells rising edges only, each of them', () => {
    expect(
      run(
        { edge: 1 },
        true,
        [
          [1, false],
          [2, true],
          [3, false],
          [4, true],
        ],
        9,
      ),
    ).toEqual([
      [2, true],
      [4, true],
    ]);
  });

  test('an edge within pmin is told when pmin ends', () => {
    expect(
      run(
        { edge: 1, pmin: 5 },
        false,
        [
          [1, true],
          [2, false],
        ],
        9,
      ),
    ).toEqual([[5, false]]);
  });

  test('of a structure every change is told, thresholds or not', () => {
    expect(
      run(
        { pmin: 2 },
        undefined,
        [
          [1, undefined],
          [5, undefined],
        ],
        9,
      ),
    ).toEqual([
      [2, undefined],
      [5, undefined],
    ]);
  });
});

test('no stream of values makes an observation speak before pmin or be silent beyond pmax', () => {
  const stream = fc.array(fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 0, max: 30 })), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 8 }),
      fc.integer({ min: 0, max: 12 }),
      stream,
      (pmin, more, steps) => {
        const pmax = pmin + more + 1;
        let second = 0;
        const values = steps.map(([after, value]) => {
          second += after;
          return [second, value] as const;
        });
        const told = run({ pmin, pmax }, 0, values, second + 3 * pmax).map(([at]) => at);
        for (const [index, at] of told.entries()) {
          const silence = at - (told[index - 1] ?? 0);
          expect(silence).toBeGreaterThanOrEqual(pmin);
          expect(silence).toBeLessThanOrEqual(pmax);
        }
        expect(told.length).toBeGreaterThan(0);
      },
    ),
  );
});

test('without thresholds the server always ends up with the current value', () => {
  const stream = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 })), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8 }), stream, (pmin, steps) => {
      let second = 0;
      const values = steps.map(([after, value]) => {
        second += after;
        return [second, value] as const;
      });
      const known = run({ pmin }, 0, values, second + pmin + 1).at(-1)?.[1] ?? 0;
      expect(known).toBe(values.at(-1)?.[1] ?? 0);
    }),
  );
});
