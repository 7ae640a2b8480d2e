import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOnPath } from '../peers/process.ts';

/** Serial lines without hardware: pseudo terminals in pairs, by socat. They know neither baud rate nor parity. */

export const socatInstallLine = 'apt-get install socat';

export function socatAvailable(): boolean {
  return isOnPath('socat');
}

/** A line with two ends. */
export interface Line {
  readonly master: string;
  readonly device: string;
  /** Pulls the adapter out: both ends disappear. */
  unplug(): Promise<void>;
  /** Plugs it in again, under the same names. */
  plug(): Promise<void>;
  close(): Promise<void>;
}

const APPEARS_MS = 5000;

export async function startLine(): Promise<Line> {
  const folder = mkdtempSync(join(tmpdir(), 'line-'));
  const master = join(folder, 'master');
  const device = join(folder, 'device');
  let socat: ChildProcess | undefined;

  const plug = async (): Promise<void> => {
    socat = spawn('socat', [`pty,raw,echo=0,link=${master}`, `pty,raw,echo=0,link=${device}`], {
      stdio: 'ignore',
    });
    await appear(master, device);
  };
  const unplug = async (): Promise<void> => {
    const own = socat;
    socat = undefined;
    await end(own);
  };

  await plug();
  return {
    master,
    device,
    plug,
    unplug,
    async close() {
      await unplug();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A serial port whose other end is a TCP connection to `port`, e.g. a relay. */
export async function startPort(port: number): Promise<{ readonly path: string; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'port-'));
  const path = join(folder, 'master');
  const socat = spawn('socat', [`pty,raw,echo=0,link=${path}`, `tcp:127.0.0.1:${port},nodelay`], {
    stdio: 'ignore',
  });
  await appear(path);
  return {
    path,
    async close() {
      await end(socat);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function appear(...paths: readonly string[]): Promise<void> {
  const until = Date.now() + APPEARS_MS;
  while (!paths.every((path) => existsSync(path))) {
    if (Date.now() > until) throw new Error('socat made no terminals');
    await new Promise((later) => setTimeout(later, 5));
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null) return;
  await new Promise<void>((gone) => {
    child.once('exit', () => gone());
    child.kill();
  });
}
