import type { DevicePlan } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import { compileDevice } from '../../adapters/modbus/points.ts';
import { devicePlan, outcomeOf, type PointKeys } from './support/plans.ts';
import { startRegisterServer } from './support/register-server.ts';

/** By what a device is known: nothing is read of one that is another, nor written to it (field rules 3.8). */

const POINTS: Record<string, PointKeys> = {
  v: { table: 'holding', addr: 0, type: 'uint16' },
  level: { table: 'holding', addr: 1, type: 'uint16', access: 'rw' },
};
const protocol = {
  addressing: 'pdu0',
  signature: [{ table: 'holding', addr: 10, type: 'uint16', oneOf: [1, 2] }],
};
const plan = (more: Partial<DevicePlan> = {}): DevicePlan => devicePlan(POINTS, { protocol, ...more });

const METER: readonly (readonly [number, number])[] = [
  [0, 230],
  [1, 5],
  [10, 2],
];

async function open(words = METER) {
  const server = await startRegisterServer(words);
  onTestFinished(() => server.close());
  const { clock, ...host } = createTestHost();
  let laterMs = 0;
  const shifted = { ...clock, monotonic: () => clock.monotonic() + laterMs };
  const settings = { host: '127.0.0.1', port: server.port };
  const adapter = modbus.open({ id: 'c', type: 'modbus-tcp', settings }, { ...host, clock: shifted });
  onTestFinished(() => adapter.close());
  adapter.start();
  const rawAccess = { mode: 'read-write', write: { holding: [[0, 9]] } };
  const device = adapter.attach(plan({ settings: { unit: 1, rawAccess } }));
  const asked = (): string[] => server.requests.map(({ function: code, address }) => `${code}:${address}`);
  return {
    server,
    asked,
    registers: device.registers ?? expect.fail('no raw access'),
    wait: (ms: number) => {
      laterMs += ms;
    },
    read: async () =>
      (await device.read(['v', 'level'], { priority: 'poll', deadlineMs: 2000 })).map(outcomeOf),
    write: async () => (await device.write([{ point: 'level', value: 7 }], { deadlineMs: 2000 }))[0],
  };
}

describe('the signature of a device', () => {
  test('is read once before all else', async () => {
    const { asked, read } = await open();
    expect([await read(), await read()]).toEqual([
      [230, 5],
      [230, 5],
    ]);
    expect(asked()).toEqual(['3:10', '3:0', '3:0']);
  });

  test.each([
    ['of another device', [...METER, [10, 3]]],
    ['that the device does not have', METER.slice(0, 2)],
  ] as const)('%s keeps it from being read and written to, for a minute', async (_, words) => {
    const { server, asked, read, write, wait } = await open(words as typeof METER);
    expect(await read()).toEqual(['rejected', 'rejected']);
    expect(await write()).toMatchObject({ status: 'failed', cause: 'rejected' });
    await read();
    expect(asked()).toEqual(['3:10']);
    server.words.set(10, 1);
    wait(60_000);
    expect(await read()).toEqual([230, 5]);
  });

  test('is read again when the device was away, before anything of the next one is believed', async () => {
    const { server, asked, read } = await open();
    await read();
    server.isSilent = true;
    expect(await read()).toEqual(['timeout', 'timeout']);
    server.isSilent = false;
    server.words.set(10, 9).set(0, 999);
    const before = asked().length;
    expect(await read()).toEqual(['rejected', 'rejected']);
    expect(asked().slice(before)).toEqual(['3:10']);
  });

  test('of another device keeps it from raw writes, too, but can be looked at', async () => {
    const { server, asked, registers } = await open([...METER, [10, 3]]);
    const write = () =>
      registers.write({ table: 'holding', address: 1, count: 1 }, [7], { deadlineMs: 2000 });
    expect(await write()).toMatchObject({
      status: 'failed',
      cause: 'rejected',
      message: 'not written: the device is not what its profile says, holding 10 shows 3',
    });
    expect(
      await registers.read({ table: 'holding', address: 10, count: 1 }, { deadlineMs: 2000 }),
    ).toMatchObject({ values: [3] });
    server.isSilent = true;
    await registers.read({ table: 'holding', address: 10, count: 1 }, { deadlineMs: 1000 });
    expect(await write()).toMatchObject({ cause: 'timeout', message: 'not written: no answer' });
    server.isSilent = false;
    server.words.set(10, 1);
    const before = asked().length;
    await write();
    expect(asked().slice(before)).toEqual(['3:10', '6:1']);
  });

  test('that cannot be is a fault of the profile', () => {
    const faultsOf = (sign: object): unknown =>
      compileDevice(plan({ protocol: { ...protocol, signature: [sign] } })).faults.map(
        ({ path, message }) => [path.join('.'), message],
      );
    const sign = { table: 'holding', addr: 10, type: 'uint16', oneOf: [1] };
    expect(faultsOf(sign)).toEqual([]);
    expect(faultsOf({ ...sign, oneOf: [70_000] })).toEqual([
      ['protocol.signature.0.oneOf', '70000 does not fit into uint16'],
    ]);
    expect(faultsOf({ ...sign, addr: 70_000 })).toEqual([
      ['protocol.signature.0.addr', '70000 is no pdu0 address of table holding'],
    ]);
    expect(faultsOf({ ...sign, type: 'string' })).toEqual([
      ['protocol.signature.0.length', 'string needs a length in registers'],
    ]);
  });

  test('is there when a device is simulated', async () => {
    const simulation = await modbus.simulate?.([plan()], createTestHost());
    if (simulation === undefined) throw new Error('no simulation');
    onTestFinished(() => simulation.close());
    simulation.set('meter', 'v', 229);
    const adapter = modbus.open(
      { id: 'c', type: 'modbus-tcp', settings: simulation.connection },
      createTestHost(),
    );
    onTestFinished(() => adapter.close());
    adapter.start();
    const samples = await adapter.attach(plan()).read(['v'], { priority: 'poll', deadlineMs: 2000 });
    expect(samples.map(outcomeOf)).toEqual([229]);
  });
});
