import type { AttachedDevice } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import modbus from '../../../adapters/modbus/index.ts';
import { startPort } from '../../support/line.ts';
import { startRole } from '../children.ts';
import { markdown, medians, shown } from '../figures.ts';
import { machineMs } from '../meter.ts';
import { characterMs, LOADS, type ModbusLoad, pointOf, silenceMs, TURNAROUND_MS } from './loads.ts';

/** The adapter alone on a line that is never idle: how near a cycle comes to what the wire takes for its requests. */

const WARM_UP_CYCLES = 5;
const CYCLES = 10;

type Cycle = {
  readonly requests: number;
  readonly cycleMs: number;
  readonly leastMs: number;
  /** cycles without all values: the machine had no time for the relay, whose bytes then came with gaps */
  readonly broken: number;
};

/** @returns whether all values came */
async function readAll(device: AttachedDevice, points: readonly string[]): Promise<boolean> {
  const samples = await device.read(points, { priority: 'poll', deadlineMs: 10_000 });
  return samples.every((sample) => 'value' in sample);
}

/** One meter of the load, read again and again. */
async function timeLine({ addresses }: ModbusLoad, baud: number): Promise<Cycle> {
  const line = [characterMs(baud), TURNAROUND_MS];
  const field = startRole('modbus-field', [machineMs(), ...line].map(String));
  const port = await startPort(await field.ask<number>('port'));
  const settings = { port: port.path, serial: { baud } };
  const adapter = modbus.open({ id: 'line', type: 'modbus-rtu', settings }, createTestHost());
  try {
    adapter.start();
    const points = addresses.map(pointOf);
    const device = adapter.attach({
      id: 'meter',
      settings: { unit: 1 },
      protocol: { addressing: 'pdu0', limits: { maxRegisters: 80 } },
      requestTimeoutMs: 1000,
      retries: 2,
      points: new Map(
        addresses.map((addr) => {
          const id = pointOf(addr);
          return [id, { id, access: 'r', address: { table: 'input', addr, type: 'float32' } }];
        }),
      ),
    });
    for (let cycle = 0; cycle < WARM_UP_CYCLES; cycle++) await readAll(device, points);
    const counted = (name: string): number => adapter.statistics()[name] ?? 0;
    const wholes: Omit<Cycle, 'broken'>[] = [];
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const [requestsBefore, bytesBefore] = [
        counted('requests'),
        counted('bytesSent') + counted('bytesReceived'),
      ];
      const began = performance.now();
      const isWhole = await readAll(device, points);
      const cycleMs = performance.now() - began;
      const requests = counted('requests') - requestsBefore;
      const bytes = counted('bytesSent') + counted('bytesReceived') - bytesBefore;
      const leastMs = bytes * characterMs(baud) + requests * (TURNAROUND_MS + silenceMs(baud));
      if (isWhole) wholes.push({ requests, cycleMs, leastMs });
    }
    return { ...medians(wholes), broken: CYCLES - wholes.length };
  } finally {
    await adapter.close();
    await port.close();
    await field.stop();
  }
}

export async function benchLines(): Promise<void> {
  const rows = [['one meter of 34 points', 'requests', 'wire minimum, ms', 'cycle, ms', 'over it', 'broken']];
  for (const load of LOADS) {
    if (load.baud === undefined || load.dead.length > 0) continue;
    const { requests, cycleMs, leastMs, broken } = await timeLine(load, load.baud);
    rows.push([
      `${shown(load.baud)} Bd 8E1, device ${TURNAROUND_MS} ms`,
      shown(requests),
      shown(leastMs, 1),
      shown(cycleMs, 1),
      `${shown((100 * (cycleMs - leastMs)) / leastMs, 1)} %`,
      shown(broken),
    ]);
  }
  console.log(
    `\nThe adapter alone, on a line that is never idle; medians of ${CYCLES} cycles.\n\n${markdown(rows)}`,
  );
}
