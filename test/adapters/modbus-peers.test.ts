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
  pymodbusFramersAvailable,
  pymodbusInstallLine,
  startPymodbus,
} from '../peers/modbus.ts';
import { socatAvailable, socatInstallLine, startLine, startPort } from '../support/line.ts';
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

describe.skipIf(!pymodbusFramersAvailable())(`pymodbus on every medium (${pymodbusInstallLine})`, () => {
  const plan = devicePlan(
    {
      voltage: { table: 'input', addr: 0, type: 'float32' },
      missing: { table: 'input', addr: 10, type: 'uint16' },
      count: { table: 'holding', addr: 20, type: 'uint64', access: 'rw', write: { verify: 'readback' } },
      mode: { table: 'holding', addr: 10, type: 'int16', access: 'rw' },
      relay: { table: 'coil', addr: 5, access: 'rw' },
      both: {
        table: 'holding',
        addr: 20,
        type: 'uint64',
        access: 'rw',
        write: { fc: 23, verify: 'readback' },
      },
      bit: { table: 'holding', addr: 10, bit: 2, access: 'rw' },
    },
    { settings: { unit: 7 }, requestTimeoutMs: 2000 },
  );
  const media: [string, { framer?: 'rtu' | 'ascii'; udp?: boolean }, boolean][] = [
    ['modbus-udp', { udp: true }, false],
    ['modbus-rtu-tcp', { framer: 'rtu' }, false],
    ['modbus-ascii-tcp', { framer: 'ascii' }, false],
    ['modbus-rtu', { framer: 'rtu' }, true],
    ['modbus-ascii', { framer: 'ascii' }, true],
  ];
  test.each(media.filter(([, , isSerial]) => !isSerial || socatAvailable()))(
    '%s: is read, lacks what it does not have, and is written with every function',
    async (type, how, isSerial) => {
      const server = await startPymodbus({
        unit: 7,
        ...how,
        input: { 0: { type: 'float32', value: 230.1 } },
        holding: { 10: 0, 20: [0, 0, 0, 0] },
        coils: { 5: false },
        discrete: { 0: true },
      });
      const port = isSerial ? await startPort(server.port) : undefined;
      const settings =
        port === undefined
          ? { host: server.host, port: server.port }
          : { port: port.path, serial: { baud: 115_200 } };
      const adapter = modbus.open({ id: 'c', type, settings }, host);
      try {
        adapter.start();
        const device = adapter.attach(plan);
        const read = async (points: string[]): Promise<unknown[]> =>
          (await device.read(points, { priority: 'poll', deadlineMs: 5000 })).map(outcomeOf);
        expect(await read(['voltage', 'missing'])).toEqual([230.1, 'rejected']);
        const operations: { point: string; value: FieldValue }[] = [
          { point: 'count', value: 2n ** 60n + 1n },
          { point: 'mode', value: -3 },
          { point: 'relay', value: true },
          { point: 'both', value: 2n ** 61n + 3n },
          { point: 'bit', value: false },
        ];
        const results = await device.write(operations, { deadlineMs: 5000 });
        expect(results).toEqual(operations.map(({ point }) => ({ point, status: 'done' })));
        expect(await read(['count', 'mode', 'relay'])).toEqual([2n ** 61n + 3n, -7, true]);
      } finally {
        await adapter.close();
        await port?.close();
        await server.stop();
      }
    },
  );
});

describe.skipIf(!mbpollAvailable() || !socatAvailable())(
  `mbpoll (libmodbus) on a serial line with our simulator (${mbpollInstallLine}; ${socatInstallLine})`,
  () => {
    test('reads and writes; one device of two, and is refused what is not there', async () => {
      const line = await startLine();
      const plans = [1, 2].map((unit) =>
        devicePlan(
          {
            voltage: { table: 'input', addr: 0, type: 'float32' },
            mode: { table: 'holding', addr: 8, type: 'int16', access: 'rw' },
          },
          { id: `u${unit}`, settings: { unit } },
        ),
      );
      const simulation = await modbus.simulate?.(plans, host, {
        type: 'modbus-rtu',
        settings: { port: line.device, serial: { baud: 19_200 } },
      });
      if (simulation === undefined) throw new Error('no simulation');
      try {
        simulation.set('u2', 'voltage', 229.5);
        const poll = (table: string, address: number, ...more: string[]) =>
          mbpoll(
            ['-m', 'rtu', '-b', '19200', '-P', 'even', '-0', '-1', '-B', '-a', '2', '-o', '0.5'].concat(
              ['-t', table, '-r', String(address), line.master],
              more,
            ),
          );
        expect(mbpollValues((await poll('3:float', 0)).stdout).get(0)).toBe('229.5');
        await poll('4', 8, '7');
        expect([simulation.get('u1', 'mode'), simulation.get('u2', 'mode')]).toEqual([0, 7]);
        expect((await poll('4', 100, '7')).stderr).toContain('Illegal data address');
      } finally {
        await simulation.close();
        await line.close();
      }
    });
  },
);

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
