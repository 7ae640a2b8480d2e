import type { AttachedDevice, Simulation } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { expect, type TestContext, test } from 'vitest';
import type { Fault, FaultScript } from '../../adapters/modbus/faults.ts';
import modbus from '../../adapters/modbus/index.ts';
import { simulate } from '../../adapters/modbus/simulator.ts';
import { socatAvailable, startLine } from '../support/line.ts';
import { devicePlan } from './support/plans.ts';

/**
 * Random faults on every medium, while a simulation that knows the truth is read and written. A value is the right one
 * or there is none; a write that is confirmed has been done. `SOAK_SECONDS` makes it longer.
 */

const SECONDS = Number(process.env.SOAK_SECONDS ?? 6);
const SEED = Number(process.env.SOAK_SEED ?? 1);
/** One unit: the next request is then of the same one, so that nothing but the address tells answers apart. */
const UNITS = [1];
const STATIC = ['p0', 'p1', 'p2', 'p3'];
const TIMEOUT_MS = 60;

/** Reproducible chance (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const register = (addr: number, type: string) => ({ table: 'holding', addr, type, access: 'rw' }) as const;

/** All of the same shape, each read alone, so that any answer could pass for that to another question. */
const planOf = (unit: number) =>
  devicePlan(
    {
      ...Object.fromEntries(STATIC.map((point, index) => [point, register(100 * index, 'uint32')])),
      // Both of its registers always hold the same, and it changes all the time.
      pair: register(1000, 'uint32'),
      single: register(2000, 'uint16'),
      many: register(3000, 'uint32'),
    },
    {
      id: `u${unit}`,
      settings: { unit },
      protocol: { addressing: 'pdu0', batching: 'off' },
      requestTimeoutMs: TIMEOUT_MS,
      retries: 1,
    },
  );

const truth = (unit: number, index: number): number => unit * 1_000_000 + index * 70_000 + 17;

interface Tally {
  reads: number;
  values: number;
  writes: number;
  confirmed: number;
  faults: number;
  wrong: string[];
  /** ms from a failed read of a unit to its next value */
  recoveries: number[];
}

/** What can happen on a medium: TCP loses and changes nothing, and Modbus on it has no checksum. */
function faultScript(type: string, random: () => number, tally: Tally): FaultScript {
  const late = (): Fault => ({ kind: 'late', ms: Math.ceil(random() * 3 * TIMEOUT_MS) });
  const anywhere: readonly (() => Fault)[] = [
    () => ({ kind: 'drop' }),
    () => ({ kind: 'late', ms: TIMEOUT_MS }),
    late,
    late,
    () => ({ kind: 'drip', ms: 1 }),
  ];
  const untidy: readonly (() => Fault)[] = [
    () => ({ kind: 'truncate', bytes: Math.floor(random() * 12) }),
    () => ({ kind: 'double' }),
    () => ({ kind: 'noise', before: Buffer.from([1, 3, Math.floor(random() * 256), 4]) }),
  ];
  const onLine: readonly (() => Fault)[] = [
    () => ({ kind: 'garble', at: Math.floor(random() * 20) }),
    () => ({ kind: 'garble', at: -1 }),
  ];
  const isLine = type !== 'modbus-tcp' && type !== 'modbus-udp';
  const faults = [...anywhere, ...(type === 'modbus-tcp' ? [] : untidy), ...(isLine ? onLine : [])];
  return () => {
    const chance = random();
    if (chance > 0.06) return undefined;
    tally.faults++;
    if (chance < 0.001) return { kind: random() < 0.5 ? 'hang-up' : 'truncate', bytes: 3 };
    return faults[Math.floor(random() * faults.length)]?.();
  };
}

async function readForEver(device: AttachedDevice, unit: number, until: number, tally: Tally): Promise<void> {
  const points = [...STATIC, 'pair'];
  let failedAt: number | undefined;
  while (performance.now() < until) {
    const samples = await device.read(points, { priority: 'poll', deadlineMs: 2000 });
    for (const [index, sample] of samples.entries()) {
      tally.reads++;
      if (!('value' in sample)) {
        failedAt ??= performance.now();
        continue;
      }
      tally.values++;
      if (failedAt !== undefined) tally.recoveries.push(performance.now() - failedAt);
      failedAt = undefined;
      const value = Number(sample.value);
      const isRight =
        sample.point === 'pair' ? value >>> 16 === (value & 0xffff) : value === truth(unit, index);
      if (!isRight) tally.wrong.push(`u${unit} ${sample.point} = ${value}`);
    }
    if (samples.every((sample) => 'cause' in sample)) await new Promise((later) => setTimeout(later, 5));
  }
}

async function writeForEver(
  device: AttachedDevice,
  unit: number,
  field: Simulation,
  until: number,
  tally: Tally,
): Promise<void> {
  for (let value = 1; performance.now() < until; value++) {
    const point = value % 2 === 0 ? 'single' : 'many';
    const [result] = await device.write([{ point, value }], { deadlineMs: 2000 });
    tally.writes++;
    if (result?.status === 'done') {
      tally.confirmed++;
      const held = field.get(`u${unit}`, point);
      if (held !== value) tally.wrong.push(`u${unit} ${point}: confirmed ${value}, holds ${held}`);
    }
    await new Promise((later) => setTimeout(later, 20));
  }
}

async function soak(context: Pick<TestContext, 'onTestFinished'>, type: string): Promise<Tally> {
  const random = createRandom(SEED + type.length * 1000);
  const tally: Tally = { reads: 0, values: 0, writes: 0, confirmed: 0, faults: 0, wrong: [], recoveries: [] };
  const isSerial = type === 'modbus-rtu' || type === 'modbus-ascii';
  const line = isSerial ? await startLine() : undefined;
  const host = createTestHost();
  const serial = { baud: 115_200 };
  const field = await simulate(
    UNITS.map(planOf),
    { ...host, random },
    {
      type,
      ...(line === undefined ? {} : { settings: { port: line.device, serial } }),
      faults: faultScript(type, random, tally),
    },
  );
  const settings = line === undefined ? field.connection : { port: line.master, serial };
  const adapter = modbus.open({ id: type, type, settings }, { ...host, random: () => 0 });
  let step = 0;
  const change = setInterval(() => {
    step = (step + 1) & 0xffff;
    for (const unit of UNITS) field.set(`u${unit}`, 'pair', step * 0x10000 + step);
  }, 3);
  context.onTestFinished(async () => {
    clearInterval(change);
    await adapter.close();
    await field.close();
    await line?.close();
  });
  for (const unit of UNITS) {
    for (const [index, point] of STATIC.entries()) field.set(`u${unit}`, point, truth(unit, index));
  }
  adapter.start();
  const until = performance.now() + SECONDS * 1000;
  await Promise.all(
    UNITS.flatMap((unit) => {
      const device = adapter.attach(planOf(unit));
      return [readForEver(device, unit, until, tally), writeForEver(device, unit, field, until, tally)];
    }),
  );
  return tally;
}

const MEDIA = ['modbus-tcp', 'modbus-udp', 'modbus-rtu-tcp', 'modbus-ascii-tcp'];
if (socatAvailable()) MEDIA.push('modbus-rtu', 'modbus-ascii');

test.concurrent.each(MEDIA)(
  '%s: no wrong value and no lost write among random faults',
  async (type) => {
    const cleanups: (() => unknown)[] = [];
    try {
      const tally = await soak(
        { onTestFinished: (task: () => unknown) => cleanups.push(task) } as never,
        type,
      );
      const sorted = [...tally.recoveries].sort((a, b) => a - b);
      const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0);
      console.log(
        `${type}: ${tally.values} values of ${tally.reads} reads, ${tally.confirmed} of ${tally.writes} writes confirmed, ${tally.faults} faults, recovery p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`,
      );
      expect(tally.wrong).toEqual([]);
      expect(tally.faults).toBeGreaterThan(10);
      expect(tally.values).toBeGreaterThan(20 * SECONDS);
      expect(tally.confirmed).toBeGreaterThan(5 * SECONDS);
    } finally {
      for (const cleanup of cleanups) await cleanup();
    }
  },
  SECONDS * 1000 + 20_000,
);
