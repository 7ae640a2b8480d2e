import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, end, startRole } from '../children.ts';
import type { Stage } from './stage.ts';

/** A program at work. */
export interface Running {
  readonly pid: number;
  /** Answers `watch` about what it has told upstream. */
  readonly upstream: Pick<Child, 'ask'>;
  /** Resolves when it should be at work. */
  readonly ready: Promise<unknown>;
  stop(): Promise<void>;
}

/** A program that reads Modbus devices. */
export interface Subject {
  readonly name: string;
  /** where its values go */
  readonly tells: string;
  /** Why it cannot be had here; undefined when it is here. */
  missing(): string | undefined;
  start(stage: Stage): Promise<Running>;
}

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** What `npm run bench -- modbus --install` brought, or somebody by hand. */
export function cachePath(...parts: readonly string[]): string {
  return join(ROOT, '.cache', ...parts);
}

/** Starts a program that publishes to a broker. @param prepare writes its configuration. @returns what to run */
export async function startPublisher(
  { load, folder, startMs }: Stage,
  prepare: (
    brokerPort: number,
  ) => Promise<readonly [command: string, args: readonly string[], env?: NodeJS.ProcessEnv]>,
): Promise<Running> {
  const broker = startRole('modbus-broker', [String(startMs), load.name]);
  const [command, args, env] = await prepare(await broker.ask<number>('port'));
  const log = openSync(join(folder, 'log'), 'w');
  const child: ChildProcess = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
  });
  child.on('error', () => {});
  return {
    pid: child.pid ?? 0,
    upstream: broker,
    ready: Promise.resolve(),
    async stop() {
      await end(child);
      await broker.stop();
    },
  };
}
