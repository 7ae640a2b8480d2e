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
    const until = Date.now() + APPEARS_MS;
    while (!existsSync(master) || !existsSync(device)) {
      if (Date.now() > until) throw new Error('socat made no terminals');
      await new Promise((later) => setTimeout(later, 5));
    }
  };
  const unplug = async (): Promise<void> => {
    const own = socat;
    socat = undefined;
    if (own === undefined || own.exitCode !== null) return;
    await new Promise<void>((gone) => {
      own.once('exit', () => gone());
      own.kill();
    });
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
