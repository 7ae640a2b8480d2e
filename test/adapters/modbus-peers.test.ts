import type { Adapter, AttachedDevice, FieldValue, Simulation } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import {
  mbpoll,
  mbpollAvailable,
  mbpollInstallLine,
  mbpollValues,
  type PymodbusServer,
  pymodbusAvailable,
  pymodbusInstallLine,
  startPymodbus,
} from '../peers/modbus.ts';
import { devicePlan, outcomeOf } from './support/plans.ts';

const host = createTestHost();

describe.skipIf(!pymodbusAvailable())(`a pymodbus server (${pymodbusInstallLine})`, () => {
  const input = { table: 'input' };
  const holding = { table: 'holding', access: 'rw' } as const;
  const meter = devicePlan(
    {
      voltage: { ...input, addr: 0, type: 'float32' },
      power: { ...input, addr: 2, type: 'int32', order: 'CDAB' },
      energy: { ...input, addr: 4, type: 'uint64' },
      missing: { ...input, addr: 10, type: 'uint16' },
      name: { ...input, addr: 20, type: 'string', length: 4 },
      first: { table: 'discrete', addr: 0 },
      second: { table: 'discrete', addr: 1 },
      limit: { ...holding, addr: 0, type: 'float32', order: 'DCBA', write: { verify: 'readback' } },
      mode: { ...holding, addr: 10, type: 'int16' },
      count: { ...holding, addr: 20, type: 'uint64', order: 'CDAB' },
      relay: { table: 'coil', addr: 5, access: 'rw', write: { verify: 'readback' } },
      relay15: { table: 'coil', addr: 6, access: 'rw', write: { fc: 15 } },
    },
    { settings: { unit: 7 }, requestTimeoutMs: 2000 },
  );
  let server: PymodbusServer;
  let adapter: Adapter;
  let device: AttachedDevice;

  beforeAll(async () => {
    server = await startPymodbus({
      unit: 7,
      input: {
        0: { type: 'float32', value: 230.1 },
        // -70000 with its words swapped
        2: [0xee90, 0xfffe],
        4: { type: 'uint64', value: 10n ** 17n + 7n },
        20: { type: 'string', value: 'PyMeter\0' },
      },
      discrete: { 0: true, 1: false },
      holding: { 0: [0, 0], 10: 0, 20: [0, 0, 0, 0] },
      coils: { 5: false, 6: false },
    });
    const settings = { host: server.host, port: server.port };
    adapter = modbus.open({ id: 'c', type: 'modbus-tcp', settings }, host);
    adapter.start();
    device = adapter.attach(meter);
  });
  afterAll(async () => {
    await adapter.close();
    await server.stop();
  });

  const read = async (points: string[]): Promise<unknown[]> => {
    const samples = await device.read(points, { priority: 'poll', deadlineMs: 5000 });
    return samples.map(outcomeOf);
  };

  test('is read in all types, across holes that it refuses, and lacks only what it does not have', async () => {
    const points = ['voltage', 'power', 'energy', 'missing', 'name', 'first', 'second'];
    const values = [230.1, -70_000, 100_000_000_000_000_007n, 'rejected', 'PyMeter', true, false];
    expect(await read(points)).toEqual(values);
    expect(await read(points)).toEqual(values);
  });

  test('is written with every function', async () => {
    const operations: { point: string; value: FieldValue }[] = [
      { point: 'limit', value: 21.5 },
      { point: 'mode', value: -3 },
      { point: 'count', value: 2n ** 60n + 1n },
      { point: 'relay', value: true },
      { point: 'relay15', value: true },
    ];
    const results = await device.write(operations, { deadlineMs: 5000 });
    expect(results).toEqual(operations.map(({ point }) => ({ point, status: 'done' })));
    expect(await read(operations.map(({ point }) => point))).toEqual(operations.map(({ value }) => value));
  });
});

describe.skipIf(!mbpollAvailable())(`mbpoll against our simulator (${mbpollInstallLine})`, () => {
  const plan = devicePlan({
    voltage: { table: 'input', addr: 0, type: 'float32' },
    power: { table: 'input', addr: 10, type: 'int16' },
    limit: { table: 'holding', addr: 4, type: 'float32', access: 'rw' },
    mode: { table: 'holding', addr: 8, type: 'int16', access: 'rw' },
    relay: { table: 'coil', addr: 2, access: 'rw' },
  });
  let simulation: Simulation;

  beforeAll(async () => {
    const started = await modbus.simulate?.([plan], host);
    if (started === undefined) throw new Error('no simulation');
    simulation = started;
    simulation.set('meter', 'voltage', 230.1);
    simulation.set('meter', 'power', -1500);
  });
  afterAll(() => simulation.close());

  /** Polls address `address` of a table once, or writes a value there. */
  const poll = (table: string, address: number, ...more: string[]) => {
    const where = ['-0', '-1', '-B', '-p', String(simulation.connection.port), '-a', '1', '-o', '0.5'];
    return mbpoll([...where, '-t', table, '-r', String(address), '127.0.0.1', ...more]);
  };
  const valueAt = async (table: string, address: number): Promise<string | undefined> =>
    mbpollValues((await poll(table, address)).stdout).get(address);

  test('reads registers', async () => {
    expect(await valueAt('3:float', 0)).toBe('230.1');
    expect(await valueAt('3', 10)).toBe(String(65_536 - 1500));
  });

  test('writes registers and coils', async () => {
    const heard: unknown[] = [];
    const cancel = simulation.onWrite(({ point, value }) => heard.push([point, value]));
    await poll('4:float', 4, '21.5');
    await poll('4', 8, '7');
    await poll('0', 2, '1');
    cancel();
    expect(heard).toEqual([
      ['limit', 21.5],
      ['mode', 7],
      ['relay', true],
    ]);
    expect(await valueAt('0', 2)).toBe('1');
  });

  test('is refused what is not there, and gets silence from an absent device', async () => {
    expect((await poll('4', 100, '7')).stderr).toContain('Illegal data address');
    simulation.setPresent('meter', false);
    expect((await poll('3', 0)).stderr).toContain('timed out');
    simulation.setPresent('meter', true);
  });
});
