import type { AttachedDevice } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import modbus from '../../adapters/modbus/index.ts';
import { socatAvailable, socatInstallLine, startPort } from '../support/line.ts';
import { type Child, startRole } from './children.ts';
import { markdown, quantile, shown } from './figures.ts';
import type { Extent } from './gateway.ts';
import { meterPlan } from './modbus-plan.ts';
import { cpuPercent, usage } from './usage.ts';

/** The Modbus adapter alone: how near it comes to what a line can carry, and what many TCP devices cost. */
export async function benchModbus(extent: Extent): Promise<void> {
  await benchLines();
  await benchTcp(extent);
}

const CYCLES = 10;
const TURNAROUND_MS = 20;
/** Meter by meter, as a bus has them. */
const METERS = 3;

async function benchLines(): Promise<void> {
  if (!socatAvailable()) {
    console.log(`no serial line: ${socatInstallLine}`);
    return;
  }
  const rows = [['RTU, 34 points of a meter', 'requests', 'wire minimum, ms', 'cycle, ms', 'over it']];
  for (const baud of [9600, 115_200]) {
    const characterMs = 11_000 / baud;
    const { requests, cycleMs, bytes } = await timeLine(baud, characterMs);
    const silenceMs = baud > 19_200 ? 1.75 : 3.5 * characterMs;
    // Before each request, and before the device answers (Modbus over Serial Line 1.02 section 2.5.1.1).
    const leastMs = bytes * characterMs + requests * (TURNAROUND_MS + silenceMs);
    rows.push([
      `${baud} Bd 8E1, device ${TURNAROUND_MS} ms`,
      shown(requests),
      shown(leastMs, 1),
      shown(cycleMs, 1),
      `${shown((100 * (cycleMs - leastMs)) / leastMs, 1)} %`,
    ]);
  }
  console.log(`\n${markdown(rows)}`);
}

async function portOf(field: Child): Promise<number> {
  return field.ask<number>('port');
}

/** One meter read again and again: requests, bytes and ms of a cycle. */
async function timeLine(
  baud: number,
  characterMs: number,
): Promise<{ requests: number; cycleMs: number; bytes: number }> {
  const field = startRole('modbus-field', [`${METERS}`, 'meter', `${characterMs}`, `${TURNAROUND_MS}`]);
  const port = await startPort(await portOf(field));
  const settings = { port: port.path, serial: { baud } };
  const adapter = modbus.open({ id: 'line', type: 'modbus-rtu', settings }, createTestHost());
  try {
    adapter.start();
    const plan = meterPlan(1, 'meter');
    const device = adapter.attach(plan);
    const points = [...plan.points.keys()];
    for (let cycle = 0; cycle < 5; cycle++) await readAll(device, points);
    const before = adapter.statistics();
    const began = performance.now();
    for (let cycle = 0; cycle < CYCLES; cycle++) await readAll(device, points);
    const cycleMs = (performance.now() - began) / CYCLES;
    const after = adapter.statistics();
    const perCycle = (name: string): number => ((after[name] ?? 0) - (before[name] ?? 0)) / CYCLES;
    return {
      requests: perCycle('requests'),
      cycleMs,
      bytes: perCycle('bytesSent') + perCycle('bytesReceived'),
    };
  } finally {
    await adapter.close();
    await port.close();
    await field.stop();
  }
}

/** How many values came. @throws Error when one is wrong */
async function readAll(device: AttachedDevice, points: readonly string[]): Promise<number> {
  const samples = await device.read(points, { priority: 'poll', deadlineMs: 10_000 });
  let values = 0;
  for (const sample of samples) {
    if (!('value' in sample)) continue;
    values++;
    if (sample.value !== Number(sample.point.slice(1)) + 0.5)
      throw new Error(`${sample.point} is ${String(sample.value)}`);
  }
  return values;
}

const DEVICES = 500;
const POINTS = 30;
const INTERVAL_MS = 1000;

/** 500 connections with a device each, read once a second, spread over the second. */
async function benchTcp({ seconds }: Extent): Promise<void> {
  const field = startRole('modbus-field', [`${DEVICES}`, `${POINTS}`]);
  const port = await portOf(field);
  const adapters = Array.from({ length: DEVICES }, (_, index) => {
    const settings = { host: '127.0.0.1', port };
    const adapter = modbus.open({ id: `c${index}`, type: 'modbus-tcp', settings }, createTestHost());
    adapter.start();
    return { adapter, device: adapter.attach(meterPlan((index % 247) + 1, POINTS)) };
  });
  const points = [...meterPlan(1, POINTS).points.keys()];
  const latencies: number[] = [];
  let samples = 0;
  const poll = async (device: AttachedDevice): Promise<void> => {
    const began = performance.now();
    const values = await readAll(device, points);
    samples += values;
    latencies.push(performance.now() - began);
  };
  await Promise.all(adapters.map(({ device }) => poll(device)));
  samples = 0;
  latencies.length = 0;
  const timers = adapters.map(({ device }, index) => {
    let timer: NodeJS.Timeout | undefined;
    const first = setTimeout(
      () => {
        timer = setInterval(() => void poll(device), INTERVAL_MS);
      },
      (INTERVAL_MS * index) / DEVICES,
    );
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  });
  await new Promise((later) => setTimeout(later, 2 * INTERVAL_MS));
  samples = 0;
  latencies.length = 0;
  const before = usage();
  await new Promise((later) => setTimeout(later, 1000 * seconds));
  const after = usage();
  const sorted = [...latencies].sort((a, b) => a - b);
  for (const stop of timers) stop();
  const rate = (1000 * samples) / (after.atMs - before.atMs);
  console.log(
    `\n${markdown([
      ['Modbus TCP', 'samples/s', 'CPU, % of a core', 'RSS, MB', 'read p50, ms', 'p99, ms'],
      [
        `${DEVICES} devices x ${POINTS} points, 1 s`,
        shown(rate),
        shown(cpuPercent(before, after), 1),
        shown(after.rssMb),
        shown(quantile(sorted, 0.5), 2),
        shown(quantile(sorted, 0.99), 2),
      ],
    ])}`,
  );
  await Promise.all(adapters.map(({ adapter }) => adapter.close()));
  await field.stop();
}
