import fc from 'fast-check';
import type { FieldValue, PlanFault } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { expect, test } from 'vitest';
import { tcpMedium } from '../../adapters/modbus/cost.ts';
import { exceptionRule } from '../../adapters/modbus/exceptions.ts';
import type { Answer } from '../../adapters/modbus/exchange.ts';
import { createLearned } from '../../adapters/modbus/learned.ts';
import { decodeReply, encodeRequest, type Request } from '../../adapters/modbus/pdu.ts';
import { compileDevice } from '../../adapters/modbus/points.ts';
import { createReader } from '../../adapters/modbus/read.ts';
import { createSlave } from '../../adapters/modbus/slave.ts';
import { devicePlan, outcomeOf, type PointKeys, rtuLine } from './support/plans.ts';

const { clock, log } = createTestHost();

interface TestPoint {
  readonly keys: PointKeys;
  readonly value: FieldValue;
}

const VALUES: Record<string, { registers: number; value: fc.Arbitrary<FieldValue> }> = {
  int16: { registers: 1, value: fc.integer({ min: -32_768, max: 32_767 }) },
  uint32: { registers: 2, value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) },
  int64: { registers: 4, value: fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 60n) }) },
  float64: { registers: 4, value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0) },
  bcd32: { registers: 2, value: fc.integer({ min: 0, max: 99_999_999 }) },
};

/** Points side by side and with gaps, none upon another, so that each can have a value of its own. */
const points: fc.Arbitrary<Record<string, TestPoint>> = fc
  .array(
    fc.oneof(
      fc.record({ table: fc.constantFrom('coil', 'discrete'), gap: fc.nat(30), value: fc.boolean() }),
      fc.constantFrom(...Object.keys(VALUES)).chain((type) =>
        fc.record({
          table: fc.constantFrom('holding', 'input'),
          gap: fc.oneof(fc.constant(0), fc.nat(40)),
          type: fc.constant(type),
          order: fc.constantFrom('ABCD', 'CDAB', 'BADC', 'DCBA'),
          value: VALUES[type]?.value ?? fc.boolean(),
        }),
      ),
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((list) => {
    const next: Record<string, number> = {};
    return Object.fromEntries(
      list.map(({ gap, value, ...keys }, index) => {
        const addr = (next[keys.table] ?? 0) + gap;
        const registers = 'type' in keys ? (VALUES[keys.type]?.registers ?? 1) : 1;
        next[keys.table] = addr + registers;
        return [`p${index}`, { keys: { ...keys, addr }, value }];
      }),
    );
  });

/** Reads through plan, codec and a simulated device that refuses some addresses which its profile knows nothing of. */
async function readThrough(
  wanted: Record<string, TestPoint>,
  { maxRegisters, refused, isSerial }: { maxRegisters: number; refused: number[]; isSerial: boolean },
): Promise<{ cycles: unknown[][]; requests: number[] }> {
  const keys = Object.fromEntries(Object.entries(wanted).map(([id, point]) => [id, point.keys]));
  const known = devicePlan(keys, { protocol: { addressing: 'pdu0', limits: { maxRegisters: 125 } } });
  const truth = devicePlan(keys, {
    protocol: {
      addressing: 'pdu0',
      limits: { maxRegisters },
      unreadable: refused.map((address) => [address, address]),
    },
  });
  const device = compileDevice(known);
  expect(device.faults).toEqual([] satisfies PlanFault[]);
  const slave = createSlave(compileDevice(truth), () => {});
  for (const [id, { value }] of Object.entries(wanted)) slave.set(id, value);
  let count = 0;
  const ask = async (request: Request): Promise<Answer> => {
    count++;
    const body = encodeRequest(1, request);
    const answer = slave.answer(body.subarray(1));
    const reply = decodeReply(1, request, Buffer.concat([body.subarray(0, 1), answer]));
    if (reply.status === 'malformed') throw new Error(reply.reason);
    return reply.status === 'exception'
      ? { ...reply, rule: exceptionRule(reply.code) }
      : { ...reply, tookMs: 0 };
  };
  const medium = isSerial ? rtuLine(9600) : tcpMedium(0);
  const latency = { medium, version: 0, note() {} };
  const read = createReader({
    device,
    latency,
    learned: createLearned(clock, log),
    clock,
    ask,
    onMisplaced() {},
  });
  const ids = Object.keys(wanted);
  const cycles: unknown[][] = [];
  const requests: number[] = [];
  for (let cycle = 0; cycle < 3; cycle++) {
    count = 0;
    cycles.push((await read(ids, 'poll', 1000)).map(outcomeOf));
    requests.push(count);
  }
  return { cycles, requests };
}

test('whatever a profile says and a device refuses, a point has its own value or is rejected, and only if it must be', async () => {
  const circumstances = fc.record({
    maxRegisters: fc.integer({ min: 4, max: 125 }),
    refused: fc.array(fc.nat(200), { maxLength: 4 }),
    isSerial: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(points, circumstances, async (wanted, given) => {
      const expected = Object.values(wanted).map(({ keys, value }) => {
        const first = Number(keys.addr);
        const registers = VALUES[String(keys.type)]?.registers ?? 1;
        const isRefused = given.refused.some((address) => address >= first && address < first + registers);
        return isRefused ? 'rejected' : value;
      });
      const { cycles, requests } = await readThrough(wanted, given);
      for (const cycle of cycles) expect(cycle).toEqual(expected);
      // Learning never makes it worse.
      expect(requests[2]).toBeLessThanOrEqual(requests[0] ?? 0);
    }),
    { numRuns: 150 },
  );
});
