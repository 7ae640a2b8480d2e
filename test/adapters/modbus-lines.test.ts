import { mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttachedDevice, DevicePlan, Sample } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, type TestContext, test } from 'vitest';
import type { Fault, FaultScript } from '../../adapters/modbus/faults.ts';
import modbus from '../../adapters/modbus/index.ts';
import { simulate } from '../../adapters/modbus/simulator.ts';
import { socatAvailable, socatInstallLine, startLine, startPort } from '../support/line.ts';
import { startRelay } from '../support/relay.ts';
import { eventually } from '../support/site.ts';
import { devicePlan, outcomeOf } from './support/plans.ts';

type Context = Pick<TestContext, 'onTestFinished'>;

const host = { ...createTestHost(), random: () => 1 };
const pause = (ms: number): Promise<void> => new Promise((later) => setTimeout(later, ms));

/** Points of the same shape, each read by a request of its own. */
function meter(unit = 1, more: Partial<DevicePlan> = {}): DevicePlan {
  const register = (addr: number) => ({ table: 'holding', addr, type: 'uint16', access: 'rw' }) as const;
  return devicePlan(
    {
      a: register(10),
      b: register(20),
      single: register(30),
      many: { ...register(40), type: 'uint32' },
      relay: { table: 'coil', addr: 3, access: 'rw' },
    },
    {
      id: `meter-${unit}`,
      settings: { unit },
      protocol: { addressing: 'pdu0', batching: 'off' },
      requestTimeoutMs: 150,
      ...more,
    },
  );
}

const TRUTH = { a: 111, b: 222, single: 1, many: 70_000 };

async function scene(context: Context, type: string, faults?: FaultScript, plans = [meter()], settings = {}) {
  const field = await simulate(plans, host, { type, ...(faults === undefined ? {} : { faults }) });
  context.onTestFinished(() => field.close());
  for (const plan of plans)
    for (const [point, value] of Object.entries(TRUTH)) field.set(plan.id, point, value);
  const open = (where: Readonly<Record<string, unknown>>) => {
    const adapter = modbus.open({ id: 'c', type, settings: { ...where, ...settings } }, host);
    context.onTestFinished(() => adapter.close());
    adapter.start();
    return { adapter, devices: plans.map((plan) => adapter.attach(plan)) };
  };
  return { field, open, ...open(field.connection) };
}

async function read(device: AttachedDevice | undefined, points: string[], deadlineMs = 2000) {
  const samples = (await device?.read(points, { priority: 'poll', deadlineMs })) ?? [];
  return samples.map((sample: Sample) => outcomeOf(sample));
}

/** The fault for the nth answer, from 1; FC8 counts, too. */
const onAnswer =
  (faults: Readonly<Record<number, Fault>>): FaultScript =>
  () => {
    count.answers++;
    return faults[count.answers];
  };
const count = { answers: 0 };
const script = (faults: Readonly<Record<number, Fault>>): FaultScript => {
  count.answers = 0;
  return onAnswer(faults);
};

const STREAMS = ['modbus-rtu-tcp', 'modbus-ascii-tcp'];

describe.each(STREAMS)('%s: nothing in a reply tells to which request it belongs', (type) => {
  test('pitfall 1: a late reply is never taken for the next one of the same shape (node-modbus-serial #273, node-modbus-serial #500)', async (context) => {
    const { devices } = await scene(context, type, script({ 1: { kind: 'late', ms: 200 } }));
    expect(await read(devices[0], ['a'])).toEqual(['timeout']);
    expect(await read(devices[0], ['b'])).toEqual([TRUTH.b]);
    for (let turn = 0; turn < 3; turn++) {
      expect(await read(devices[0], ['b', 'a'])).toEqual([TRUTH.b, TRUTH.a]);
    }
  });

  test('pitfall 1: nor one that comes while the next request of the unit is on its way', async (context) => {
    const { devices } = await scene(context, type, script({ 1: { kind: 'late', ms: 155 } }));
    expect(await read(devices[0], ['a', 'b'])).toEqual(['timeout', 'timeout']);
    expect(await read(devices[0], ['b', 'a', 'b'])).toEqual([TRUTH.b, TRUTH.a, TRUTH.b]);
  });

  test('the late acknowledgement of one write never confirms another', async (context) => {
    let isLost = false;
    const { devices, field } = await scene(context, type, (request) => {
      if (request[1] === 16 && !isLost) {
        isLost = true;
        return { kind: 'late', ms: 160 };
      }
      return undefined;
    });
    const write = async (value: number) =>
      (await devices[0]?.write([{ point: 'many', value }], { deadlineMs: 1000 }))?.[0]?.status;
    expect(await write(80_000)).toBe('failed');
    const second = await write(90_000);
    expect(second === 'done' ? field.get('meter-1', 'many') : 90_000).toBe(90_000);
    expect(await write(90_001)).toBe('done');
    expect(field.get('meter-1', 'many')).toBe(90_001);
  });

  test.each<[string, Fault, unknown]>([
    ['a damaged byte', { kind: 'garble', at: -2 }, 'malformed'],
    ['half an answer', { kind: 'truncate', bytes: 5 }, 'malformed'],
    ['noise before the answer', { kind: 'noise', before: Buffer.from([1, 3, 0, 255]) }, TRUTH.a],
    ['an answer in single bytes', { kind: 'drip', ms: 2 }, TRUTH.a],
    ['an answer twice', { kind: 'double' }, TRUTH.a],
    ['no answer', { kind: 'drop' }, 'timeout'],
    ['a broken connection', { kind: 'hang-up' }, 'disconnected'],
  ])('%s: the value, or why there is none, and then the values again', async (_name, fault, expected) => {
    const context = { onTestFinished: (task: () => unknown) => void cleanups.push(task) } as never;
    const cleanups: (() => unknown)[] = [];
    const { devices } = await scene(context, type, script({ 1: fault }));
    expect(await read(devices[0], ['a'])).toEqual([expected]);
    for (let attempt = 0; ; attempt++) {
      const values = await read(devices[0], ['b', 'a']);
      if (values[0] === TRUTH.b && values[1] === TRUTH.a) break;
      for (const value of values) expect([TRUTH.a, TRUTH.b, expected, 'timeout']).toContain(value);
      expect(attempt).toBeLessThan(50);
      await pause(20);
    }
    for (const task of cleanups.reverse()) await task();
  });

  test('pitfall 4: a broadcast is written to all, and waits for nobody (mbusd #75, modbus-tk #167)', async (context) => {
    const everybody = devicePlan(
      { mode: { table: 'holding', addr: 30, type: 'uint16', access: 'w', write: { verify: 'none' } } },
      { id: 'all', settings: { unit: 0 } },
    );
    const { adapter, field } = await scene(context, type, undefined, [meter(1), meter(2)], {
      timing: { broadcastDelay: '50ms' },
    });
    const all = adapter.attach(everybody);
    // Whoever waited for an answer would have been told of silence.
    const [result] = await all.write([{ point: 'mode', value: 7 }], { deadlineMs: 1000 });
    expect(result).toEqual({ point: 'mode', status: 'done' });
    const held = () => ['meter-1', 'meter-2'].map((id) => field.get(id, 'single'));
    await eventually(() => held().every((value) => value === 7));
  });

  test('pitfall 3: an adapter with local echo is found out, and its echo confirms nothing', async (context) => {
    const { field, open } = await scene(context, type);
    const relay = await startRelay(Number(field.connection.port), { echo: true });
    context.onTestFinished(() => relay.close());
    const [device] = open({ host: '127.0.0.1', port: relay.port }).devices;
    field.setPresent('meter-1', false);
    const write = async (point: string, value: number | boolean) =>
      (await device?.write([{ point, value }], { deadlineMs: 1000 }))?.[0]?.status;
    // The very first request is a write to a device that is not there: only the echo answers.
    expect(await write('single', 5)).toBe('failed');
    expect(await write('relay', true)).toBe('failed');
    field.setPresent('meter-1', true);
    expect(await read(device, ['a', 'b'])).toEqual([TRUTH.a, TRUTH.b]);
    expect(await write('single', 5)).toBe('done');
    expect(field.get('meter-1', 'single')).toBe(5);
  });
});

test('pitfall 4: unit 0 of a line cannot be read, and check says so', () => {
  const faults = modbus.check(meter(0), { type: 'modbus-rtu', settings: {} });
  expect(faults.map(({ path }) => path)).toEqual([['settings', 'unit']]);
  expect(modbus.check(meter(0), { type: 'modbus-tcp', settings: {} })).toEqual([]);
});

test('pitfall 1: a gateway that gives late replies the newest number is given time to do so', async (context) => {
  const plans = [meter()];
  const { devices, adapter } = await scene(
    context,
    'modbus-tcp',
    script({ 1: { kind: 'late', ms: 250 } }),
    plans,
    {
      timing: { lateReplyWindow: '400ms' },
    },
  );
  const began = performance.now();
  expect(await read(devices[0], ['a'])).toEqual(['timeout']);
  expect(await read(devices[0], ['b'])).toEqual([TRUTH.b]);
  // The window ends with the late reply.
  expect(performance.now() - began).toBeGreaterThan(245);
  expect(performance.now() - began).toBeLessThan(390);
  expect(adapter.statistics().lateReplies).toBe(1);
});

test('modbus-udp: a datagram twice, or of no sense, costs nothing', async (context) => {
  const faults = script({ 1: { kind: 'double' }, 2: { kind: 'noise', before: Buffer.from('nonsense') } });
  const { devices, adapter } = await scene(context, 'modbus-udp', faults);
  expect(await read(devices[0], ['a', 'b', 'a'])).toEqual([TRUTH.a, TRUTH.b, TRUTH.a]);
  expect(adapter.statistics()).toMatchObject({ lateReplies: 1, malformed: 1, disconnects: 0 });
});

test.each(['modbus-tcp', 'modbus-udp'])('%s: a simulation that is closed says nothing more', async (type) => {
  const field = await simulate([meter()], host, { type, faults: () => ({ kind: 'late', ms: 30 }) });
  const adapter = modbus.open({ id: 'c', type, settings: field.connection }, host);
  adapter.start();
  expect(await read(adapter.attach(meter()), ['a'], 20)).toEqual(['timeout']);
  await field.close();
  await pause(40);
  await adapter.close();
});

test('a dead meter of 30 is asked three times, and once when it is known to be silent; the others are all read (node-red-contrib-modbus #446, node-red-contrib-modbus #409, thingsboard-gateway #1944)', async (context) => {
  const plans = Array.from({ length: 30 }, (_, index) =>
    meter(index + 1, { requestTimeoutMs: 100, retries: 2 }),
  );
  const { adapter, devices, field } = await scene(context, 'modbus-rtu-tcp', undefined, plans);
  const cycle = async () => {
    const before = adapter.statistics().timeouts ?? 0;
    const values = await Promise.all(devices.map((device) => read(device, ['a'], 20_000)));
    const others = values.flat().filter((value) => value === TRUTH.a).length;
    return { others, silent: values[6], timeouts: (adapter.statistics().timeouts ?? 0) - before };
  };
  await cycle();
  field.setPresent('meter-7', false);
  expect(await cycle()).toEqual({ others: 29, silent: ['timeout'], timeouts: 3 });
  expect(await cycle()).toEqual({ others: 29, silent: ['timeout'], timeouts: 1 });
});

describe.skipIf(!socatAvailable())(`on a serial port (${socatInstallLine})`, () => {
  const serial = { baud: 115_200 };

  test('pitfall 19: pulled out and plugged in again, it goes on by itself', async (context) => {
    const line = await startLine();
    context.onTestFinished(() => line.close());
    const simulateThere = () =>
      simulate([meter()], host, { type: 'modbus-rtu', settings: { port: line.device, serial } });
    let field = await simulateThere();
    field.set('meter-1', 'a', TRUTH.a);
    const adapter = modbus.open(
      { id: 'c', type: 'modbus-rtu', settings: { port: line.master, serial } },
      { ...host, random: () => 0 },
    );
    context.onTestFinished(() => adapter.close());
    adapter.start();
    const device = adapter.attach(meter());
    expect(await read(device, ['a'])).toEqual([TRUTH.a]);
    await line.unplug();
    await field.close();
    expect(await read(device, ['a'])).toEqual(['disconnected']);
    expect(device.state).toMatchObject({ reachable: false, cause: 'disconnected' });
    await line.plug();
    field = await simulateThere();
    context.onTestFinished(() => field.close());
    field.set('meter-1', 'a', 333);
    let value: unknown;
    for (let attempt = 0; attempt < 100 && value !== 333; attempt++) {
      [value] = await read(device, ['a']);
      if (value !== 333) expect(['disconnected', 'timeout']).toContain(value);
      await pause(50);
    }
    expect(value).toBe(333);
  });

  test('pitfall 19: it is found by its by-id path when it comes back under another name (device-modbus-go #636)', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'by-id-'));
    const byId = join(folder, 'usb-FTDI_FT232R-if00-port0');
    context.onTestFinished(() => rmSync(folder, { recursive: true }));
    const plugIn = async (value: number) => {
      const line = await startLine();
      const field = await simulate([meter()], host, {
        type: 'modbus-rtu',
        settings: { port: line.device, serial },
      });
      field.set('meter-1', 'a', value);
      symlinkSync(realpathSync(line.master), byId);
      return async (): Promise<void> => {
        rmSync(byId);
        await line.close();
        await field.close();
      };
    };
    const unplug = await plugIn(1);
    const adapter = modbus.open(
      { id: 'c', type: 'modbus-rtu', settings: { port: byId, serial } },
      { ...host, random: () => 0 },
    );
    context.onTestFinished(() => adapter.close());
    adapter.start();
    const device = adapter.attach(meter());
    expect(await read(device, ['a'])).toEqual([1]);
    const before = realpathSync(byId);
    // Somebody else takes the number that it had.
    await unplug();
    const other = await startLine();
    context.onTestFinished(() => other.close());
    const unplugAgain = await plugIn(2);
    context.onTestFinished(unplugAgain);
    expect(realpathSync(byId)).not.toBe(before);
    await expect.poll(() => read(device, ['a']), { timeout: 5000 }).toEqual([2]);
  });

  test('pitfall 18: two programs do not share a port', async (context) => {
    const line = await startLine();
    context.onTestFinished(() => line.close());
    const open = () => {
      const adapter = modbus.open(
        { id: 'c', type: 'modbus-rtu', settings: { port: line.master, serial } },
        host,
      );
      context.onTestFinished(() => adapter.close());
      adapter.start();
      return adapter;
    };
    const first = open();
    while (first.statistics().connects === 0) await pause(10);
    const second = open();
    while (second.statistics().connectFailures === 0) await pause(10);
    expect(await read(second.attach(meter()), ['a'], 200)).toEqual(['disconnected']);
    expect(first.statistics().disconnects).toBe(0);
  });

  test('pitfall 32: bytes that take their time, in pieces, at 9600 Bd with 8E1', async (context) => {
    const { field } = await scene(context, 'modbus-rtu-tcp');
    const relay = await startRelay(Number(field.connection.port), { characterMs: 11_000 / 9600, echo: true });
    context.onTestFinished(() => relay.close());
    const port = await startPort(relay.port);
    context.onTestFinished(() => port.close());
    const adapter = modbus.open(
      { id: 'c', type: 'modbus-rtu', settings: { port: port.path, serial: { baud: 9600 } } },
      host,
    );
    context.onTestFinished(() => adapter.close());
    adapter.start();
    const device = adapter.attach(meter());
    for (let turn = 0; turn < 3; turn++) {
      expect(await read(device, ['a', 'b'])).toEqual([TRUTH.a, TRUTH.b]);
    }
  });
});
