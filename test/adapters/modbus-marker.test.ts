import { describe, expect, test } from 'vitest';
import { compileDevice } from '../../adapters/modbus/points.ts';
import { devicePlan, type PointKeys } from './support/plans.ts';

/** A register that tells what a device is: the header of a SunSpec model. */

const POINTS: Record<string, PointKeys> = {
  plain: { table: 'holding', addr: 3, type: 'uint16' },
  elsewhere: { table: 'input', addr: 3, type: 'uint16' },
};
const PROTOCOL = { addressing: 'pdu0', marker: { table: 'holding', addr: 0, is: 203 } };

/** What a point says when the registers hold these words, by address from the base. */
function decoded(point: string, words: Readonly<Record<number, number>>): unknown {
  const field = compileDevice(devicePlan(POINTS, { protocol: PROTOCOL })).fields.get(point);
  const data = Buffer.alloc(16);
  for (const [address, word] of Object.entries(words)) data.writeUInt16BE(word, 2 * Number(address));
  return field?.codec.decode(data, 2 * (field?.address ?? 0));
}

describe('a marker', () => {
  test('that is not there makes nothing of its table believed', () => {
    expect(decoded('plain', { 0: 203, 3: 42 })).toBe(42);
    expect(decoded('plain', { 0: 103, 3: 42 })).toBeUndefined();
    expect(decoded('elsewhere', { 0: 103, 3: 42 })).toBe(42);
  });

  test('comes with each value in one request, wherever the device begins', () => {
    const settings = { unit: 1, base: 40_070 };
    const { fields, faults } = compileDevice(devicePlan(POINTS, { protocol: PROTOCOL, settings }));
    expect(faults).toEqual([]);
    expect(fields.get('plain')).toMatchObject({ address: 40_070, span: 4 });
    expect(fields.get('elsewhere')).toMatchObject({ address: 40_073, span: 1 });
  });

  test('keeps its points from being written', () => {
    const plan = devicePlan({ p: { ...POINTS.plain, access: 'rw' } as PointKeys }, { protocol: PROTOCOL });
    expect(compileDevice(plan).faults).toContainEqual({
      path: ['points', 'p', 'access'],
      message: 'a value beside a marker can only be read',
    });
  });
});
