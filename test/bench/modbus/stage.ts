import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPort } from '../../support/line.ts';
import { startRole } from '../children.ts';
import { machineMs } from '../meter.ts';
import { characterMs, type ModbusLoad, TURNAROUND_MS } from './loads.ts';

/** What a program is started with. */
export interface Stage {
  readonly load: ModbusLoad;
  /** of its own; goes when the stage is closed */
  readonly folder: string;
  /** port of the field, or path of the line */
  readonly where: string;
  /** of the stamps */
  readonly startMs: number;
}

/** What was on the wire since the start. */
export interface Counts {
  readonly requests: number;
  readonly answers: number;
  /** for how long bytes were on the line */
  readonly busyMs: number;
}

export interface OpenStage {
  readonly stage: Stage;
  counts(): Promise<Counts>;
  close(): Promise<void>;
}

/** The meters of a load, and the line to them if there is one. */
export async function openStage(load: ModbusLoad): Promise<OpenStage> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-modbus-'));
  const startMs = machineMs();
  const { baud, dead } = load;
  const line = baud === undefined ? [0, 0] : [characterMs(baud), TURNAROUND_MS];
  const field = startRole('modbus-field', [startMs, ...line, ...dead].map(String));
  const port = await field.ask<number>('port');
  const terminal = baud === undefined ? undefined : await startPort(port);
  return {
    stage: { load, folder, where: terminal?.path ?? String(port), startMs },
    counts: () => field.ask<Counts>('counts'),
    async close() {
      await terminal?.close();
      await field.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
