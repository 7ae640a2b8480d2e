import { expect, test } from 'vitest';
import { createTimers } from '../../src/base/index.ts';
import { COLLECTION_PERIOD, createConnectivityStatistics } from '../../src/objects/index.ts';
import { createTree } from '../../src/tree/index.ts';
import { definition } from '../support/device-tree.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** Object 7 with a clock of its own; what it counts on the wire is shown by `e2e/box`. */

const SERVER = { server: 1 };

function box() {
  const clock = createFakeClock();
  const timers = createTimers(clock, 5);
  const tree = createTree({ clock });
  let told = 0;
  const statistics = createConnectivityStatistics(definition(7), {
    timers,
    period: () => tree.peek([7, 0, COLLECTION_PERIOD]),
    changed: () => {
      told++;
    },
  });
  tree.addInstance(statistics.setup);
  const counters = () => [2, 3, 4, 5].map((resource) => tree.peek([7, 0, resource]));
  const start = () => tree.execute([7, 0, 6], '', SERVER);
  const period = (seconds: number) =>
    tree.write(
      [7, 0, 8],
      'replace',
      [{ path: { prefix: '', ids: [7, 0, 8] }, type: 'integer', value: seconds }],
      SERVER,
    );
  return { clock, statistics, counters, start, period, told: () => told };
}

test('nothing is counted before Start, and Start begins anew (E.8: 6)', async () => {
  const { statistics, counters, start } = box();
  statistics.sent(5000);
  expect(counters()).toEqual([0, 0, 0, 0]);
  start();
  statistics.sent(3000);
  statistics.received(1100);
  expect(counters()).toEqual([2, 1, 3000, 2050]);
  start();
  expect(counters()).toEqual([0, 0, 0, 0]);
});

test('collection ends after its period, and the counters stay (E.8: 8)', async () => {
  const { clock, statistics, counters, start, period } = box();
  await period(60);
  start();
  statistics.sent(2048);
  await clock.advance(59_900);
  statistics.sent(2048);
  await clock.advance(200);
  statistics.sent(2048);
  expect(counters()).toEqual([4, 0, 2048, 2048]);
  expect((await period(-1)).status).toBe('bad-request');
});

test('who observes is told every ten seconds at most, so that news of news does not run in circles', async () => {
  const { clock, statistics, start, told } = box();
  start();
  const before = told();
  for (let ms = 0; ms < 60_000; ms += 100) {
    statistics.sent(100);
    await clock.advance(100);
  }
  expect(told() - before).toBeGreaterThanOrEqual(5);
  expect(told() - before).toBeLessThanOrEqual(6);
});
