import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, roleUrl, startProgram, startRole } from './children.ts';
import { machineMs, type Schedule } from './meter.ts';
import { writeSite } from './site.ts';

export const GATEWAY = new URL('../../src/cli/main.js', import.meta.url);

/** The gateway at work between a field and a server, each a process of its own. */
export interface Scene {
  readonly schedule: Schedule;
  /** the program as users run it; answers `usage` */
  readonly gateway: Child;
  readonly upstream: Child;
  close(): Promise<void>;
}

export async function startField(schedule: Schedule): Promise<{ field: Child; port: number }> {
  const field = startRole('field', [String(schedule.startMs), String(schedule.intervalMs)]);
  return { field, port: await field.ask<number>('port') };
}

export async function openScene(intervalMs: number): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-bench-'));
  const schedule: Schedule = { startMs: machineMs(), intervalMs };
  const { field, port: fieldPort } = await startField(schedule);
  const upstream = startRole('upstream');
  const serverPort = await upstream.ask<number>('port');
  const config = await writeSite(folder, { intervalMs, fieldPort, serverPort });
  const gateway = startProgram(GATEWAY, ['run', config], ['--import', roleUrl('probe').href]);
  const close = async (): Promise<void> => {
    await gateway.stop();
    await Promise.all([field.stop(), upstream.stop()]);
    await rm(folder, { recursive: true, force: true });
  };
  const isRegistered = await Promise.race([
    upstream.ask<boolean>('registered'),
    gateway.ended.then(() => false),
  ]);
  if (isRegistered) return { schedule, gateway, upstream, close };
  await close();
  throw new Error('the gateway ended before it was registered');
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
