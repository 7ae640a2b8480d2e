import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, test } from 'vitest';
import { createFaultScript, faultFaults } from '../../adapters/modbus/fault-script.ts';
import modbus from '../../adapters/modbus/index.ts';
import { encodeRequest, type Request } from '../../adapters/modbus/pdu.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { devicePlan, outcomeOf } from './support/plans.ts';

const read = (address: number, count = 1, unit = 1): Buffer =>
  encodeRequest(unit, { function: 3, address, count });

/** The kinds of faults of so many answers in a row. */
function kinds(
  rules: Readonly<Record<string, unknown>>[],
  requests: readonly Buffer[],
  chance = 0,
): string[] {
  const script = createFaultScript(rules, createFakeClock());
  return requests.map((request) => script(request, () => chance)?.kind ?? '-');
}

const five = Array.from({ length: 5 }, () => read(0));

describe('a rule of a fault script', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['alone is for every answer', {}, 'drop drop drop drop drop'],
    ['every', { every: 2 }, '- drop - drop -'],
    ['times', { times: 2 }, 'drop drop - - -'],
    ['every and times', { every: 2, times: 1 }, '- drop - - -'],
    ['chance that is met', { chance: 0.1 }, 'drop drop drop drop drop'],
    ['another unit', { unit: 2 }, '- - - - -'],
    ['another function', { function: 4 }, '- - - - -'],
  ])('%s', (_name, keys, expected) => {
    expect(kinds([{ do: 'drop', ...keys }], five).join(' ')).toBe(expected);
  });

  test('chance that is not met', () => {
    expect(kinds([{ do: 'drop', chance: 0.1 }], five, 0.1)).toEqual(Array(5).fill('-'));
  });

  test('address is for every request that touches it, of one or of several', () => {
    const requests: Request[] = [
      { function: 3, address: 9, count: 1 },
      { function: 3, address: 5, count: 10 },
      { function: 3, address: 10, count: 1 },
      { function: 3, address: 11, count: 5 },
      { function: 6, address: 10, value: 700 },
      { function: 6, address: 9, value: 700 },
      { function: 16, address: 9, registers: [1, 2] },
    ];
    expect(
      kinds(
        [{ do: 'drop', address: 10 }],
        requests.map((request) => encodeRequest(1, request)),
      ),
    ).toEqual(['-', 'drop', 'drop', '-', 'drop', '-', 'drop']);
  });

  test('from and to are times since the start', () => {
    const clock = createFakeClock();
    clock.jump(77_000);
    const script = createFaultScript([{ do: 'drop', from: '10s', to: '20s' }], clock);
    const at = [0, 9_999, 1, 9_999, 1].map((ms) => {
      clock.jump(ms);
      return script(read(0), () => 0)?.kind;
    });
    expect(at).toEqual([undefined, undefined, 'drop', 'drop', undefined]);
  });

  test('the first that fits is done', () => {
    const rules = [{ do: 'late', every: 3 }, { do: 'double', every: 2 }, { do: 'drop' }];
    expect(kinds(rules, five)).toEqual(['drop', 'double', 'late', 'drop', 'double']);
  });

  test('says what each kind is told', () => {
    const rules = [
      { do: 'late', delay: '1.5s', times: 1 },
      { do: 'garble', byte: 4, times: 1 },
      { do: 'truncate', bytes: 0, times: 1 },
      { do: 'noise', hex: '0aFF', times: 1 },
      { do: 'exception', code: 11, times: 1 },
    ];
    const script = createFaultScript(rules, createFakeClock());
    expect(five.map((request) => script(request, () => 0))).toEqual([
      { kind: 'late', ms: 1500 },
      { kind: 'garble', at: 4 },
      { kind: 'truncate', bytes: 0 },
      { kind: 'noise', before: Buffer.from([10, 255]) },
      { kind: 'exception', code: 11 },
    ]);
  });
});

test('what a schema cannot tell is told by its place', () => {
  expect(
    faultFaults([
      { do: 'late', delay: '1s' },
      { do: 'drop', delay: '1s' },
      { do: 'garble', bytes: 2, from: '10s', to: '5s' },
    ]),
  ).toEqual([
    { path: [1, 'delay'], message: 'delay says nothing about drop' },
    { path: [2, 'bytes'], message: 'bytes says nothing about garble' },
    { path: [2, 'to'], message: 'nothing lies between 10s and 5s' },
  ]);
});

test('an exception is in place of the answer: what was to be written is not', async () => {
  const plan = devicePlan({ a: { table: 'holding', addr: 1, type: 'uint16', access: 'rw' } });
  const host = createTestHost();
  const field = await modbus.simulate?.([plan], host, {
    type: 'modbus-tcp',
    faults: [{ do: 'exception', code: 4, function: 6 }],
  });
  if (field === undefined) throw new Error('no simulation');
  const adapter = modbus.open({ id: 'c', type: 'modbus-tcp', settings: field.connection }, host);
  try {
    adapter.start();
    const device = adapter.attach(plan);
    expect(await device.write([{ point: 'a', value: 5 }], { deadlineMs: 1000 })).toMatchObject([
      { cause: 'rejected' },
    ]);
    const samples = await device.read(['a'], { priority: 'poll', deadlineMs: 1000 });
    expect(samples.map(outcomeOf)).toEqual([0]);
  } finally {
    await adapter.close();
    await field.close();
  }
});
