import { createSignal, createTimers } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { expect, test } from 'vitest';
import { createBus } from '../../adapters/modbus/bus.ts';
import { createDevice } from '../../adapters/modbus/device.ts';
import { createLinkStatistics, type Link } from '../../adapters/modbus/link.ts';
import { startPolling } from '../../src/gateway/polling.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { devicePlan, rtuLine } from './support/plans.ts';

const METERS = 30;
const DEAD = 17;
const INTERVAL_MS = 3200;
/** As long as one of 115,200 Bd takes for a third of a meter with 34 points. */
const REQUEST_MS = 31;
const MINUTE = 60_000;

/** A line that is never wrong, on which one unit never answers. */
function lineWithout(dead: number | undefined, clock: FakeClock): Link {
  const changes = createSignal<void>();
  let isBusy = false;
  return {
    statistics: createLinkStatistics(),
    state: 'up',
    get ready() {
      return !isBusy;
    },
    retryInMs: 0,
    start() {},
    want() {},
    send(unit, request, { answerMs, mostMs }, done) {
      isBusy = true;
      const count = 'count' in request ? request.count : 0;
      const isAnswered = unit !== dead && REQUEST_MS <= mostMs;
      clock.after(isAnswered ? REQUEST_MS : Math.min(answerMs, mostMs), () => {
        isBusy = false;
        done(
          isAnswered
            ? { status: 'done', data: Buffer.alloc(2 * count), tookMs: REQUEST_MS }
            : { status: 'failed', cause: 'timeout', sent: true },
        );
      });
    },
    onChange: (listener) => changes.subscribe(listener),
    async close() {},
  };
}

/** How many values each living meter had in some minutes. */
async function valuesIn(minutes: number, dead: number | undefined): Promise<number[]> {
  const clock = createFakeClock();
  const link = lineWithout(dead, clock);
  const bus = createBus(link, clock);
  const line = { address: '/dev/ttyUSB0', layer: 'serial' } as const;
  const host = { ...createTestHost(), clock };
  const counts = new Map<number, number>();
  for (let unit = 1; unit <= METERS; unit++) {
    // Too far apart for one request: three of them.
    const points = Object.fromEntries(
      [0, 300, 600].map((addr) => [`p${addr}`, { table: 'input', addr, type: 'uint16' }]),
    );
    const plan = devicePlan(points, { settings: { unit }, requestTimeoutMs: 1000, retries: 2 });
    startPolling(
      createDevice(plan, { bus, link, medium: rtuLine(115_200), line }, host),
      {
        id: `meter-${unit}`,
        polls: [{ points: [...plan.points.keys()], intervalMs: INTERVAL_MS }],
        health: { after: 3, backoffMs: [10_000, 30_000, 120_000, 600_000] },
        cycleDeadlineMs: () => 6000,
      },
      {
        clock,
        timers: createTimers(clock, 50),
        log: host.log,
        onSamples: (samples) => {
          const values = samples.filter((sample) => 'value' in sample).length;
          counts.set(unit, (counts.get(unit) ?? 0) + values);
        },
        onHealth() {},
      },
    );
  }
  await clock.advance(minutes * MINUTE);
  return [...counts].filter(([unit]) => unit !== dead).map(([, values]) => values);
}

test('a line that is busy for 87 % and has one dead meter of 30: each of the others keeps 95 % of its rate, the start included (node-red-contrib-modbus #446)', async () => {
  const [alone, beside] = [await valuesIn(5, undefined), await valuesIn(5, DEAD)];
  const due = (3 * 5 * MINUTE) / INTERVAL_MS;
  expect(Math.min(...alone)).toBeGreaterThanOrEqual(Math.floor(due * 0.99));
  expect(beside).toHaveLength(METERS - 1);
  expect(Math.min(...beside) / Math.max(...alone)).toBeGreaterThan(0.95);
});
