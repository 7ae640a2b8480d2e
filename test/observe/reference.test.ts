import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTimers } from '../../src/base/index.ts';
import type { Attributes } from '../../src/model/index.ts';
import { Reporter, rulesOf, type Watched } from '../../src/observe/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { UNTOLD } from '../support/untold.ts';

/**
 * The notification rules of OMA Core 1.2.2 7.3.2 as somebody would play them by hand, second by second, and the real
 * thing beside it. The two share no code.
 */

/** One second in the life of a sensor. */
interface Second {
  /** What the sensor measures from now on. */
  readonly value: Watched;
  /** Whether it says so by itself; else only asking it shows the value. */
  readonly isPushed: boolean;
}

type Told = readonly [second: number, value: Watched];

/** Whether a value is worth telling to somebody who knows another one. */
function differsEnough(known: Watched, value: Watched, { gt, lt, st }: Attributes): boolean {
  if (value === known) return false;
  if (typeof value === 'boolean' || typeof known === 'boolean') return true;
  if (gt === undefined && lt === undefined && st === undefined) return true;
  const [low, high] =
    known !== undefined && value !== undefined && known < value ? [known, value] : [value, known];
  if (low === undefined || high === undefined) return true;
  if (st !== undefined) {
    const step =
      typeof low === 'bigint' || typeof high === 'bigint' ? BigInt(high) - BigInt(low) : high - low;
    if (step >= st) return true;
  }
  // Somewhere between the two, and not only touched by the new one.
  const passes = (threshold: number | bigint): boolean =>
    value === low ? low < threshold && threshold <= high : low <= threshold && threshold < high;
  return (gt !== undefined && passes(gt)) || (lt !== undefined && passes(lt));
}

function playByHand(attributes: Attributes, first: Watched, seconds: readonly Second[]): Told[] {
  const { pmin = 0, epmin = 0, epmax = 0, edge } = attributes;
  const pmax = attributes.pmax !== undefined && attributes.pmax >= pmin ? attributes.pmax : 0;
  const told: Told[] = [];
  let current = first;
  const known = { value: first, at: 0 };
  const looked = { value: first, at: 0, asked: 0 };
  let isNew = false;
  let isOwed = false;

  const tell = (now: number): void => {
    told.push([now, current]);
    Object.assign(known, { value: current, at: now });
    Object.assign(looked, { value: current, at: now });
    isNew = false;
    isOwed = false;
  };
  const look = (now: number): void => {
    const isEdge = edge !== undefined && typeof current === 'boolean';
    const turned = looked.value !== current && current === (edge === 1);
    isOwed = isEdge ? isOwed || turned : differsEnough(known.value, current, attributes);
    isNew = false;
    Object.assign(looked, { value: current, at: now });
  };
  const consider = (now: number): void => {
    const mayTell = now - known.at >= pmin;
    if (isNew && (edge !== undefined || now - looked.at >= epmin)) look(now);
    else if (isOwed && mayTell) look(now);
    if (isOwed && mayTell) tell(now);
  };

  for (const [index, { value, isPushed }] of seconds.entries()) {
    const now = index + 1;
    if (isPushed && value !== current) {
      current = value;
      isNew = true;
    }
    consider(now);
    if (pmax > 0 && now - known.at >= pmax) tell(now);
    if (epmax > 0 && now - Math.max(looked.at, looked.asked) >= epmax) {
      looked.asked = now;
      if (value !== current) {
        current = value;
        isNew = true;
        consider(now);
      }
    }
  }
  return told;
}

function playForReal(attributes: Attributes, first: Watched, seconds: readonly Second[]): Told[] {
  const clock = createFakeClock();
  const rules = rulesOf(attributes);
  const told: Told[] = [];
  let sensor = first;
  let current = first;
  const reporters: Reporter[] = [];
  const see = (): void => {
    if (sensor === current) return;
    current = sensor;
    reporters[0]?.changed(0);
  };
  for (const [index, { value, isPushed }] of seconds.entries()) {
    clock.after((index + 1) * 1000, () => {
      sensor = value;
      if (isPushed) see();
    });
  }
  const part = { ...UNTOLD, rules: () => rules, value: () => current, sample: see };
  const notify = (): boolean => {
    told.push([Math.round(clock.monotonic() / 1000), current]);
    return true;
  };
  const ports = { timers: createTimers(clock, 1000), monotonic: clock.monotonic };
  reporters.push(new Reporter({ parts: [part], notify }, ports));
  clock.jump(seconds.length * 1000);
  return told;
}

const period = fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined });

/** Attributes of which any may be missing; those that Write-Attributes would refuse are left out. */
function attributesOf(levels: { [name: string]: fc.Arbitrary<unknown> }): fc.Arbitrary<Attributes> {
  return fc
    .record({ pmin: period, pmax: period, epmin: period, epmax: period, ...levels })
    .map(
      (some) =>
        Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)) as Attributes,
    )
    .filter(({ epmin, epmax }) => epmin === undefined || epmax === undefined || epmin < epmax);
}

function lifeOf(value: fc.Arbitrary<Watched>): fc.Arbitrary<Second[]> {
  // Mostly nothing happens: what was measured last goes on.
  const second = fc.option(fc.record({ value, isPushed: fc.boolean() }), { freq: 2 });
  return fc.array(second, { minLength: 10, maxLength: 60, size: 'max' }).map((seconds) => {
    let last: Second | undefined;
    return seconds.flatMap((one): Second[] => {
      last = one ?? (last === undefined ? undefined : { value: last.value, isPushed: false });
      return last === undefined ? [] : [last];
    });
  });
}

const small = fc.integer({ min: -6, max: 6 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const HUGE = 2n ** 62n;
const huge = fc.integer({ min: -4, max: 4 }).map((offset) => HUGE + BigInt(offset));

const KINDS = [
  ['whole numbers', small, attributesOf({ gt: maybe(small), lt: maybe(small), st: maybe(fc.nat(4)) }), 0],
  [
    'fractions',
    small.map((value) => value / 4),
    attributesOf({ gt: maybe(small), lt: maybe(small), st: maybe(fc.constantFrom(0.5, 0.75)) }),
    0,
  ],
  ['64-bit numbers', huge, attributesOf({ gt: maybe(huge), lt: maybe(huge), st: maybe(fc.nat(3)) }), HUGE],
  ['switches', fc.boolean(), attributesOf({ edge: maybe(fc.constantFrom(0, 1)) }), false],
] as const;

test.each(KINDS)(
  'of %s exactly what the rules predict is told, at its second',
  (_, value, attributes, first) => {
    fc.assert(
      fc.property(attributes, lifeOf(value as fc.Arbitrary<Watched>), (given, seconds) => {
        expect(playForReal(given, first, seconds)).toEqual(playByHand(given, first, seconds));
      }),
      { numRuns: 1500 },
    );
  },
);
