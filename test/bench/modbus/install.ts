import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { cachePath } from './subject.ts';

/** Brings the peers of the Modbus bench into `.cache`; nothing of them is needed for anything else. */

type Step = readonly [command: string, args: readonly string[], env?: NodeJS.ProcessEnv];

const TELEGRAF = 'github.com/influxdata/telegraf/cmd/telegraf@v1.37.2';

const PEERS: Readonly<Record<string, readonly Step[]>> = {
  'node-red': [
    [
      'npm',
      [
        ...['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', cachePath('node-red')],
        ...['node-red@4.1.8', 'node-red-contrib-modbus@5.23.3'],
      ],
    ],
  ],
  thingsboard: [
    ['python3', ['-m', 'venv', cachePath('thingsboard')]],
    [
      cachePath('thingsboard', 'bin', 'pip'),
      ['install', '--quiet', 'thingsboard-gateway==3.8.5', 'pymodbus==3.9.2', 'pyserial', 'pyserial-asyncio'],
    ],
  ],
  // Only what the bench uses of it: the whole takes long.
  telegraf: [
    [
      'go',
      ['install', '-tags', 'custom,inputs.modbus,outputs.mqtt', TELEGRAF],
      { GOBIN: cachePath('telegraf'), CGO_ENABLED: '0' },
    ],
  ],
};

function run([command, args, env]: Step): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** What cannot be had costs its rows, nothing else. */
export async function installPeers(): Promise<void> {
  for (const [name, steps] of Object.entries(PEERS)) {
    await mkdir(cachePath(name), { recursive: true });
    for (const step of steps) {
      if (await run(step)) continue;
      console.log(`${name} is not to be had here: ${step[0]} failed`);
      break;
    }
  }
}
