import { execFile, spawn, spawnSync } from 'node:child_process';
import { type AddressInfo, connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AttachedDevice, FieldValue, Simulation } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import { devicePlan, outcomeOf } from './support/plans.ts';

const runs = (command: string, ...args: string[]): boolean => spawnSync(command, args).error === undefined;
const hasPymodbus = spawnSync('python3', ['-c', 'import pymodbus.server']).status === 0;
const hasMbpoll = runs('mbpoll', '-V');
const host = createTestHost();

describe.skipIf(!hasPymodbus)(
  'a pymodbus server (pip install pymodbus, or apt-get install python3-pymodbus)',
  () => {
    const input = { table: 'input' };
    const holding = { table: 'holding', access: 'rw' } as const;
    const meter = (unit: number) =>
      devicePlan(
        {
          voltage: { ...input, addr: 0, type: 'float32' },
          power: { ...input, addr: 2, type: 'int32', order: 'CDAB' },
          energy: { ...input, addr: 4, type: 'uint64' },
          name: { ...input, addr: 8, type: 'string', length: 4 },
          beyond: { ...input, addr: 60, type: 'uint16' },
          first: { table: 'discrete', addr: 0 },
          second: { table: 'discrete', addr: 1 },
          limit: { ...holding, addr: 0, type: 'float32', order: 'DCBA', write: { verify: 'readback' } },
          mode: { ...holding, addr: 10, type: 'int16' },
          count: { ...holding, addr: 20, type: 'uint64', order: 'CDAB' },
          relay: { table: 'coil', addr: 5, access: 'rw', write: { verify: 'readback' } },
          relays: { table: 'coil', addr: 6, access: 'rw', write: { fc: 15 } },
        },
        { settings: { unit }, requestTimeoutMs: 2000 },
      );
    let stop = (): void => {};
    let devices: AttachedDevice[] = [];

    beforeAll(async () => {
      const script = fileURLToPath(new URL('./support/pymodbus-server.py', import.meta.url));
      const port = await freePort();
      const server = spawn('python3', [script, String(port)], { stdio: 'ignore' });
      await listening(port);
      const settings = { host: '127.0.0.1', port };
      const adapter = modbus.open({ id: 'c', type: 'modbus-tcp', settings }, host);
      adapter.start();
      devices = [1, 2].map((unit) => adapter.attach(meter(unit)));
      stop = () => {
        void adapter.close();
        server.kill();
      };
    });
    afterAll(() => stop());

    const read = async (device: AttachedDevice | undefined, points: string[]): Promise<unknown[]> => {
      const samples = await device?.read(points, { priority: 'poll', deadlineMs: 5000 });
      return samples?.map(outcomeOf) ?? [];
    };

    test('is read in all types, and refuses only what it does not have', async () => {
      const points = ['voltage', 'power', 'energy', 'name', 'beyond', 'first', 'second'];
      for (const device of devices) {
        expect(await read(device, points)).toEqual([
          230.1,
          -70_000,
          100_000_000_000_000_007n,
          'PyMeter',
          'rejected',
          true,
          false,
        ]);
      }
    });

    test('is written with every function', async () => {
      const [device, other] = devices;
      const operations: { point: string; value: FieldValue }[] = [
        { point: 'limit', value: 21.5 },
        { point: 'mode', value: -3 },
        { point: 'count', value: 2n ** 60n + 1n },
        { point: 'relay', value: true },
        { point: 'relays', value: true },
      ];
      const results = await device?.write(operations, { deadlineMs: 5000 });
      expect(results).toEqual(operations.map(({ point }) => ({ point, status: 'done' })));
      const points = operations.map(({ point }) => point);
      expect(await read(device, points)).toEqual(operations.map(({ value }) => value));
      expect(await read(other, points)).toEqual([0, 0, 0, false, false]);
    });
  },
);

describe.skipIf(!hasMbpoll)('mbpoll against our simulator (apt-get install mbpoll)', () => {
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

  /** Reads or writes once; mbpoll counts from one. */
  const mbpoll = async (...args: string[]): Promise<string> => {
    const common = ['-m', 'tcp', '-p', String(simulation.connection.port), '-1', '-B'];
    const run = promisify(execFile)('mbpoll', [...common, ...args]);
    const { stdout } = await run.catch((error: { stdout: string; stderr: string }) => ({
      stdout: error.stdout + error.stderr,
    }));
    return stdout;
  };

  test('reads registers', async () => {
    expect(await mbpoll('-a', '1', '-t', '3:float', '-r', '1', '127.0.0.1')).toMatch(/\[1\]:\s+230\.1\s/);
    expect(await mbpoll('-a', '1', '-t', '3', '-r', '11', '127.0.0.1')).toContain('(-1500)');
  });

  test('writes registers and coils', async () => {
    const heard: unknown[] = [];
    const cancel = simulation.onWrite(({ point, value }) => heard.push([point, value]));
    await mbpoll('-a', '1', '-t', '4:float', '-r', '5', '127.0.0.1', '21.5');
    await mbpoll('-a', '1', '-t', '4', '-r', '9', '127.0.0.1', '7');
    await mbpoll('-a', '1', '-t', '0', '-r', '3', '127.0.0.1', '1');
    cancel();
    expect(heard).toEqual([
      ['limit', 21.5],
      ['mode', 7],
      ['relay', true],
    ]);
    expect(await mbpoll('-a', '1', '-t', '0', '-r', '3', '127.0.0.1')).toMatch(/\[3\]:\s+1/);
  });

  test('is refused what is not there, and gets silence from an absent device', async () => {
    expect(await mbpoll('-a', '1', '-t', '4', '-r', '100', '127.0.0.1', '7')).toContain(
      'Illegal data address',
    );
    simulation.setPresent('meter', false);
    expect(await mbpoll('-a', '1', '-o', '0.3', '-t', '3', '-r', '1', '127.0.0.1')).toContain('timed out');
    simulation.setPresent('meter', true);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Until somebody listens on the port. */
async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const isOpen = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => done(false));
    });
    if (isOpen) return;
    await new Promise((later) => setTimeout(later, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}
