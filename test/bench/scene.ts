import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, roleUrl, startProgram, startRole } from './children.ts';
import { FRONT_PSK } from './dtls-loads.ts';
import { machineMs, type Schedule } from './meter.ts';
import { writeSite } from './site.ts';

const DOCKERFILE = new URL('../../../Dockerfile', import.meta.url);
const GATEWAY = new URL('../../src/cli/main.js', import.meta.url);

/** What the image starts the runtime with. */
async function imageOptions(): Promise<readonly string[]> {
  const [, entry = '[]'] = /^ENTRYPOINT (.*)$/m.exec(await readFile(DOCKERFILE, 'utf8')) ?? [];
  return (JSON.parse(entry) as string[]).filter((part) => part.startsWith('--'));
}

/** The program as users run it; answers `usage` and `heap`. */
export async function startGateway(config: string, nodeOptions: readonly string[] = []): Promise<Child> {
  const options = ['--import', roleUrl('probe').href, ...(await imageOptions()), ...nodeOptions];
  return startProgram(GATEWAY, ['run', config], options);
}

/** The gateway at work between a field and a server, each a process of its own. */
export interface Scene {
  readonly schedule: Schedule;
  readonly gateway: Child;
  readonly upstream: Child;
  close(): Promise<void>;
}

export async function startField(schedule: Schedule): Promise<{ field: Child; port: number }> {
  const field = startRole('field', [String(schedule.startMs), String(schedule.intervalMs)]);
  return { field, port: await field.ask<number>('port') };
}

/** @returns credentials, in YAML */
async function writePsk(folder: string): Promise<string> {
  const file = join(folder, 'psk');
  await writeFile(file, FRONT_PSK);
  return `{ pskIdentity: bench, pskFile: "${file}" }`;
}

export interface SceneOptions {
  /** over DTLS */
  readonly isSecure?: boolean;
}

export async function openScene(intervalMs: number, { isSecure = false }: SceneOptions = {}): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-bench-'));
  const schedule: Schedule = { startMs: machineMs(), intervalMs };
  const { field, port: fieldPort } = await startField(schedule);
  const upstream = startRole('upstream');
  const serverPort = await upstream.ask<number>('port');
  const front = isSecure ? startRole('dtls-front', [String(serverPort)]) : undefined;
  const server =
    front === undefined
      ? `{ uri: "coap://127.0.0.1:${serverPort}" }`
      : `{ uri: "coaps://127.0.0.1:${await front.ask<number>('port')}", credentials: ${await writePsk(folder)} }`;
  const config = await writeSite(folder, { intervalMs, fieldPort, server });
  const gateway = await startGateway(config);
  const close = async (): Promise<void> => {
    await gateway.stop();
    await Promise.all([field.stop(), upstream.stop(), front?.stop()]);
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
