import { describe, expect, test } from 'vitest';
import type { AttachedDevice, DeviceState, FieldCause, Sample } from '../../src/adapter/index.ts';
import { createSignal, createTimers, silentLogger } from '../../src/base/index.ts';
import { type Polling, startPolling } from '../../src/gateway/polling.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const SECOND = 1000;

interface Bench {
  readonly clock: FakeClock;
  readonly polling: Polling;
  /** every read: second, points, priority */
  readonly reads: [number, string, string][];
  readonly samples: Sample[];
  readonly states: string[];
  /** undefined: the device answers */
  fail(cause: FieldCause | undefined): void;
  setState(state: DeviceState): void;
  /** when samples say that they were taken, in ms after the read began */
  times(after: Readonly<Record<string, number>>): void;
  /** how the adapter breaks its contract */
  breakDown(how: 'throw' | 'reject' | undefined): void;
  /** how long the device takes, in ms */
  slow(ms: number): void;
}

function bench(polls: { points: string[]; intervalMs: number }[]): Bench {
  const clock = createFakeClock();
  const states = createSignal<DeviceState>();
  const reads: [number, string, string][] = [];
  const samples: Sample[] = [];
  const health: string[] = [];
  let cause: FieldCause | undefined;
  let delay = 0;
  let breakdown: 'throw' | 'reject' | undefined;
  let offsets: Readonly<Record<string, number>> = {};
  const device: AttachedDevice = {
    state: { reachable: true },
    read: (points, { priority }) => {
      if (breakdown !== undefined) {
        reads.push([0, points.join('+'), priority]);
        if (breakdown === 'throw') throw new Error('broken');
        return Promise.reject(new Error('broken'));
      }
      reads.push([Math.floor(clock.monotonic() / SECOND), points.join('+'), priority]);
      const answer = points.map(
        (point): Sample =>
          cause === undefined
            ? { point, value: 1, at: clock.now() + (offsets[point] ?? 0), quality: 4 }
            : { point, cause, at: clock.now() },
      );
      return delay === 0
        ? Promise.resolve(answer)
        : new Promise((resolve) => clock.after(delay, () => resolve(answer)));
    },
    write: async () => [],
    onSamples: () => () => {},
    onState: (listener) => states.subscribe(listener),
    detach() {},
  };
  const polling = startPolling(
    device,
    {
      id: 'meter',
      polls,
      health: { after: 3, backoffMs: [10 * SECOND, 30 * SECOND, 120 * SECOND] },
      cycleDeadlineMs: () => 5 * SECOND,
    },
    {
      clock,
      timers: createTimers(clock, 10),
      log: silentLogger,
      onSamples: (got) => samples.push(...got),
      onHealth: ({ state }) => health.push(state),
    },
  );
  return {
    clock,
    polling,
    reads,
    samples,
    states: health,
    fail: (now) => {
      cause = now;
    },
    setState: (state) => states.emit(state),
    times: (after) => {
      offsets = after;
    },
    breakDown: (how) => {
      breakdown = how;
    },
    slow: (ms) => {
      delay = ms;
    },
  };
}

describe('reading a device', () => {
  test('begins at once and keeps its interval without drift', async () => {
    const { clock, reads } = bench([{ points: ['p'], intervalMs: 10 * SECOND }]);
    await clock.advance(1000 * SECOND);
    expect(reads.length).toBeGreaterThanOrEqual(100);
    expect(reads.length).toBeLessThanOrEqual(101);
  });

  test('what is read once is asked until it has come, and again after the device was away', async () => {
    const { clock, reads, fail } = bench([
      { points: ['p'], intervalMs: 10 * SECOND },
      { points: ['serial'], intervalMs: Number.POSITIVE_INFINITY },
    ]);
    const serials = () => reads.filter(([, points]) => points === 'serial').length;
    await clock.advance(100 * SECOND);
    expect(serials()).toBe(1);
    fail('timeout');
    await clock.advance(60 * SECOND);
    fail(undefined);
    await clock.advance(300 * SECOND);
    expect(serials()).toBeGreaterThanOrEqual(2);
  });

  test('pitfall 28: a cycle that is still running is not doubled, and the one left out is counted', async () => {
    const { clock, reads, polling, slow } = bench([{ points: ['p'], intervalMs: 1 * SECOND }]);
    slow(2500);
    await clock.advance(0);
    await clock.advance(20 * SECOND);
    expect(reads.length).toBeLessThanOrEqual(9);
    expect(polling.skipped).toBeGreaterThan(10);
  });

  test('an exception of the device is no reason to call it dead', async () => {
    const { clock, states, fail } = bench([{ points: ['p'], intervalMs: 1 * SECOND }]);
    fail('rejected');
    await clock.advance(20 * SECOND);
    expect(states).toEqual(['online']);
  });
});

describe('a dead device (field rules 3.5.5)', () => {
  test('costs one probe of one point per back-off instead of a timeout per cycle', async () => {
    const { clock, reads, states, fail } = bench([{ points: ['p', 'q'], intervalMs: 1 * SECOND }]);
    await clock.advance(10 * SECOND);
    fail('timeout');
    await clock.advance(5 * SECOND);
    expect(states).toEqual(['online', 'offline']);
    reads.length = 0;
    await clock.advance(300 * SECOND);
    expect(reads.length).toBe(4);
    expect(reads.every(([, points]) => points === 'p' || points === 'q')).toBe(true);
  });

  test('is back with one good probe, and all of it is read at once', async () => {
    const { clock, reads, states, fail } = bench([{ points: ['p', 'q'], intervalMs: 1 * SECOND }]);
    fail('timeout');
    await clock.advance(6 * SECOND);
    fail(undefined);
    reads.length = 0;
    await clock.advance(10 * SECOND);
    expect(reads.slice(0, 2).map(([, points]) => points)).toEqual([expect.stringMatching(/^[pq]$/), 'p+q']);
    expect(states).toEqual(['online', 'offline', 'online']);
  });

  test('is probed at once when the way to it is open again', async () => {
    const { clock, states, fail, setState } = bench([{ points: ['p'], intervalMs: 1 * SECOND }]);
    fail('disconnected');
    await clock.advance(5 * SECOND);
    fail(undefined);
    setState({ reachable: true });
    await clock.advance(0);
    expect(states).toEqual(['online', 'offline', 'online']);
  });

  test('is not asked on demand, and tells when it will be', async () => {
    const { clock, reads, polling, fail } = bench([{ points: ['p'], intervalMs: 1 * SECOND }]);
    fail('timeout');
    await clock.advance(4 * SECOND);
    reads.length = 0;
    await polling.readNow(['p'], 5000);
    expect(reads).toEqual([]);
    expect(polling.retryAfterMs).toBeGreaterThan(0);
    expect(polling.retryAfterMs).toBeLessThanOrEqual(10 * SECOND);
  });
});

test('an adapter that throws or rejects, against its contract, stops nothing', async () => {
  const { clock, reads, polling, states, breakDown } = bench([{ points: ['p'], intervalMs: 10 * SECOND }]);
  await clock.advance(SECOND);
  for (const how of ['throw', 'reject'] as const) {
    breakDown(how);
    reads.length = 0;
    await clock.advance(200 * SECOND);
    expect(reads.length).toBeGreaterThan(0);
    await polling.readNow(['p'], 1000);
  }
  breakDown(undefined);
  await clock.advance(200 * SECOND);
  expect(states.at(-1)).toBe('online');
});

test('readers of the same points at the same time share one field read', async () => {
  const { clock, reads, polling, slow } = bench([{ points: ['p'], intervalMs: 60 * SECOND }]);
  await clock.advance(0);
  slow(500);
  reads.length = 0;
  const both = Promise.all([polling.readNow(['p'], 5000), polling.readNow(['p'], 5000)]);
  await clock.advance(1 * SECOND);
  await both;
  expect(reads.map(([, , priority]) => priority)).toEqual(['demand']);
});

test('what one read brought in several requests has one time; times of the device itself stay', async () => {
  const { clock, samples, times } = bench([{ points: ['p', 'q', 'r'], intervalMs: 60 * SECOND }]);
  times({ p: 20, q: 35, r: -5000 });
  samples.length = 0;
  await clock.advance(70 * SECOND);
  const [first] = samples.slice(-3).map(({ at }) => at);
  expect(samples.slice(-3).map(({ at }) => at - (first ?? 0))).toEqual([0, 0, -5020]);
});

test('pitfall 28: devices are spread over their interval (thingsboard-gateway #799), and those close to each other take their turn together', async () => {
  const clock = createFakeClock();
  const timers = createTimers(clock, 10);
  const times: number[] = [];
  const device: AttachedDevice = {
    state: { reachable: true },
    read: async (points) => {
      times.push(clock.monotonic());
      return points.map((point): Sample => ({ point, value: 1, at: clock.now(), quality: 4 }));
    },
    write: async () => [],
    onSamples: () => () => {},
    onState: () => () => {},
    detach() {},
  };
  const polls = [{ points: ['p'], intervalMs: 10 * SECOND }];
  const health = { after: 3, backoffMs: [SECOND] };
  for (let id = 0; id < 200; id++) {
    startPolling(
      device,
      { id: `meter-${id}`, polls, health, cycleDeadlineMs: () => SECOND },
      { clock, timers, log: silentLogger, onSamples() {}, onHealth() {} },
    );
  }
  await clock.advance(10 * SECOND);
  times.length = 0;
  await clock.advance(10 * SECOND);
  expect(times.length).toBe(200);
  const turns = new Set(times.map((time) => time % (10 * SECOND)));
  expect(turns.size).toBeLessThanOrEqual(100);
  expect(turns.size).toBeGreaterThan(60);
  expect(Math.max(...turns) - Math.min(...turns)).toBeGreaterThan(9 * SECOND);
});
