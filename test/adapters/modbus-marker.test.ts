import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import { compileDevice } from '../../adapters/modbus/points.ts';
import { devicePlan, outcomeOf, type PointKeys } from './support/plans.ts';
import { startRegisterServer } from './support/register-server.ts';

/** A register that tells what a device is. */

const POINTS: Record<string, PointKeys> = {
  plain: { table: 'holding', addr: 3, type: 'uint16' },
  unit: { table: 'holding', addr: 4, type: 'uint16', marker: { addr: 6, is: 7 } },
  elsewhere: { table: 'input', addr: 3, type: 'uint16' },
};
const PROTOCOL = { addressing: 'pdu0', marker: { table: 'holding', addr: 0, is: 203 } };

/** What a point says when the registers hold these words. */
async function read(point: string, words: Readonly<Record<number, number>>): Promise<unknown> {
  const server = await startRegisterServer(
    [...Array(8).keys()].map((address) => [address, words[address] ?? 0]),
  );
  const settings = { host: '127.0.0.1', port: server.port };
  const adapter = modbus.open({ id: 'c', type: 'modbus-tcp', settings }, createTestHost());
  adapter.start();
  const device = adapter.attach(devicePlan(POINTS, { protocol: PROTOCOL }));
  const [sample] = await device.read([point], { priority: 'poll', deadlineMs: 2000 });
  await adapter.close();
  await server.close();
  return outcomeOf(sample);
}

describe('a marker', () => {
  test('that is not there makes nothing of its table believed', async () => {
    expect(await read('plain', { 0: 203, 3: 42 })).toBe(42);
    expect(await read('plain', { 0: 103, 3: 42 })).toBe('not-available');
    expect(await read('elsewhere', { 0: 103, 3: 42 })).toBe(42);
  });

  test('of a point stands beside that of the profile, and both have to be there', async () => {
    expect(await read('unit', { 0: 203, 4: 42, 6: 7 })).toBe(42);
    expect(await read('unit', { 0: 203, 4: 42, 6: 1 })).toBe('not-available');
    expect(await read('unit', { 0: 103, 4: 42, 6: 7 })).toBe('not-available');
    expect(await read('plain', { 0: 203, 3: 42 })).toBe(42);
  });

  test('comes with each value in one request, wherever the device begins', () => {
    const settings = { unit: 1, base: 40_070 };
    const { fields, faults } = compileDevice(devicePlan(POINTS, { protocol: PROTOCOL, settings }));
    expect(faults).toEqual([]);
    expect(fields.get('plain')).toMatchObject({ address: 40_070, span: 4 });
    expect(fields.get('elsewhere')).toMatchObject({ address: 40_073, span: 1 });
  });

  test('where none can be is a fault: without it values would be believed', () => {
    const faults = (points: Record<string, PointKeys>, marker: object): unknown =>
      compileDevice(devicePlan(points, { protocol: { addressing: 'modicon', marker } })).faults.map(
        ({ message }) => message,
      );
    expect(faults({}, { table: 'holding', addr: 3, is: 1 })).toEqual([
      '3 is no modicon address of table holding',
    ]);
    const coil: PointKeys = { table: 'coil', addr: 1, marker: { addr: 2, is: 1 } };
    expect(faults({ coil }, { table: 'holding', addr: 40_001, is: 1 })).toEqual([
      'has no meaning in table coil',
    ]);
  });

  test('keeps its points from being written', () => {
    const plan = devicePlan({ p: { ...POINTS.plain, access: 'rw' } as PointKeys }, { protocol: PROTOCOL });
    expect(compileDevice(plan).faults).toContainEqual({
      path: ['points', 'p', 'access'],
      message: 'a value beside a marker can only be read',
    });
  });
});
