import type { DeviceMemory } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { expect, onTestFinished, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import { createLearned } from '../../adapters/modbus/learned.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { devicePlan } from './support/plans.ts';
import { startRogueServer } from './support/rogue-server.ts';

const host = createTestHost();
const HOUR_MS = 60 * 60_000;

/** What a restart leaves of a memory. */
function createMemory(): DeviceMemory & { kept: unknown; learned: unknown } {
  return {
    kept: undefined,
    learned: undefined,
    keep(learned) {
      this.kept = learned === undefined ? undefined : JSON.parse(JSON.stringify(learned));
    },
  };
}

test('where requests have to end is known after a restart: the device is not divided again', async () => {
  const registers = Array.from({ length: 8 }, (_, addr) => [
    `r${addr}`,
    { table: 'holding', addr, type: 'uint16' },
  ]);
  const plan = devicePlan(Object.fromEntries(registers));
  const server = await startRogueServer((request) => {
    const isBad = request.address <= 5 && request.address + request.count > 5;
    request.socket.write(isBad ? request.exception(2) : request.good());
  });
  onTestFinished(() => server.close());
  const memory = createMemory();
  const cycle = async (): Promise<string[]> => {
    const before = server.requests.length;
    const adapter = modbus.open(
      { id: 'c', type: 'modbus-tcp', settings: { host: '127.0.0.1', port: server.port } },
      host,
    );
    adapter.start();
    const device = adapter.attach(plan, memory);
    await device.read([...plan.points.keys()], { priority: 'poll', deadlineMs: 2000 });
    await adapter.close();
    return server.requests.slice(before).map(({ address, count }) => `${address}+${count}`);
  };
  expect(await cycle()).toHaveLength(7);
  memory.learned = memory.kept;
  expect(await cycle()).toEqual(['0+5', '5+1', '6+2']);
});

test('it is forgotten an hour after it was learned, restart or not, so that a repaired device is tried in full', () => {
  const clock = createFakeClock();
  const memory = createMemory();
  createLearned(clock, host.log, memory).learn([{ table: 'input', address: 7 }]);
  clock.jump(HOUR_MS / 2);
  memory.learned = memory.kept;
  const learned = createLearned(clock, host.log, memory);
  expect([...learned.cuts.input]).toEqual([7]);
  clock.jump(HOUR_MS / 2);
  learned.refresh();
  expect([...learned.cuts.input]).toEqual([]);
  expect(memory.kept).toBeUndefined();
  expect([...createLearned(clock, host.log, memory).cuts.input]).toEqual([]);
});

test('a clock that was set back does not make it last', () => {
  const memory = createMemory();
  createLearned(createFakeClock(), host.log, memory).learn([{ table: 'input', address: 7 }]);
  memory.learned = memory.kept;
  const clock = createFakeClock(0);
  const learned = createLearned(clock, host.log, memory);
  clock.jump(HOUR_MS);
  learned.refresh();
  expect([...learned.cuts.input]).toEqual([]);
});

const until = 1_700_000_000_001;
test.each<[string, unknown]>([
  ['text', 'cuts'],
  ['no time', { cuts: { input: [7] } }],
  ['no cuts', { until }],
  ['a table that there is not', { until, cuts: { input: [7], __proto__2: [1] } }],
  ['an address that there is not', { until, cuts: { input: [65_537] } }],
  ['no list', { until, cuts: { input: { length: 3 } } }],
  ['more than a device can have', { until, cuts: { input: Array.from({ length: 5000 }, (_, at) => at) } }],
])('%s in the file teaches nothing', (_name, kept) => {
  const memory = { learned: kept, keep() {} };
  const { cuts } = createLearned(createFakeClock(), host.log, memory);
  expect(Object.values(cuts).map(({ size }) => size)).toEqual([0, 0, 0, 0]);
});
