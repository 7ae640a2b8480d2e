import { expect, test } from 'vitest';
import sim from '../../adapters/sim/index.ts';
import { silentLogger } from '../../src/base/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { devicePlan, outcomeOf, type PointKeys } from './support/plans.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

function open(points: Record<string, PointKeys>, settings: Record<string, unknown> = {}) {
  const clock = createFakeClock(START);
  const adapter = sim.open(
    { id: 's', type: 'sim', settings: {} },
    { clock, log: silentLogger, random: () => 0 },
  );
  adapter.start();
  const device = adapter.attach(devicePlan(points, { settings, protocol: {} }));
  const read = async (...ids: string[]): Promise<unknown[]> => {
    const samples = await device.read(ids, { priority: 'poll', deadlineMs: 100 });
    return samples.map(outcomeOf);
  };
  return { clock, device, read };
}

test('waves follow the clock alone, so that a restart goes on where it was', async () => {
  const points = {
    sine: { wave: 'sine', low: 220, high: 240, period: '60s', digits: 1 },
    ramp: { wave: 'ramp', low: 0, high: 100, period: '10s' },
    square: { wave: 'square', period: '20s' },
    counter: { wave: 'counter', ratePerHour: 2.5, since: '2025-12-31T00:00:00Z' },
    fixed: { wave: 'constant', value: 'SN-1' },
  };
  const { clock, read } = open(points);
  const ids = Object.keys(points);
  expect(await read(...ids)).toEqual([230, 0, true, 60, 'SN-1']);
  clock.jump(15_000);
  const later = await read(...ids);
  expect(later).toEqual([240, 50, false, 60.01, 'SN-1']);
  const again = open(points);
  again.clock.jump(15_000);
  expect(await again.read(...ids)).toEqual(later);
});

test('a setting without limits still takes only what is a number', async () => {
  const { device, read } = open({ limit: { wave: 'setting', value: 5, access: 'rw' } });
  for (const value of [Number.POSITIVE_INFINITY, Number.NaN]) {
    const [result] = await device.write([{ point: 'limit', value }], { deadlineMs: 100 });
    expect(result).toMatchObject({ status: 'failed', cause: 'forbidden' });
  }
  expect(await read('limit')).toEqual([5]);
});

test('a device whose clock is ahead differs from its siblings', async () => {
  const points = { ramp: { wave: 'ramp', low: 0, high: 100, period: '10s' } };
  expect(await open(points, { ahead: '2.5s' }).read('ramp')).toEqual([25]);
});

test('a setting holds what was written, of its type and within its range', async () => {
  const { device, read } = open({ limit: { wave: 'setting', value: 5, low: 0, high: 10, access: 'rw' } });
  const write = async (value: number | string): Promise<string | undefined> => {
    const [result] = await device.write([{ point: 'limit', value }], { deadlineMs: 100 });
    return result?.status === 'failed' ? result.cause : result?.status;
  };
  expect(await read('limit')).toEqual([5]);
  expect(await write(11)).toBe('forbidden');
  expect(await write('7')).toBe('forbidden');
  expect(await write(7)).toBe('done');
  expect(await read('limit')).toEqual([7]);
});

test('check finds what makes no value', () => {
  const faults = (keys: PointKeys): unknown =>
    sim.check(devicePlan({ p: keys }), { type: 'sim', settings: {} }).map(({ path }) => path.at(-1));
  expect(faults({ wave: 'sine', low: 2, high: 1 })).toEqual(['low']);
  expect(faults({ wave: 'sine', period: '0s' })).toEqual(['wave']);
  expect(faults({ wave: 'counter', since: '2025-13-01T00:00:00Z' })).toEqual(['wave']);
  expect(faults({ wave: 'setting', low: 6, high: 5, value: 5, access: 'rw' })).toEqual(['low']);
  expect(faults({ wave: 'setting', low: 10, value: 20, access: 'rw' })).toEqual([]);
  expect(faults({ wave: 'constant' })).toEqual(['value']);
  expect(faults({ wave: 'sine', access: 'rw' })).toEqual(['access']);
  expect(faults({ wave: 'setting', value: true, access: 'rw' })).toEqual([]);
});
