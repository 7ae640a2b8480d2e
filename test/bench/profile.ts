import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markdown, shown } from './figures.ts';
import type { Extent } from './gateway.ts';
import { startGateway } from './modbus/gateway.ts';
import { LOADS, type ModbusLoad } from './modbus/loads.ts';
import { openStage } from './modbus/stage.ts';
import { wait } from './scene.ts';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** As the runtime writes it (Chrome DevTools protocol, Profiler.Profile); times in us. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 40;
const SAMPLE_US = 200;
const IDLE = '(idle)';

/** `src/tree/tree.js`, `modbus-serial/index.js`, `node:net`. */
function fileOf({ url }: CallFrame): string {
  return url === '' ? 'runtime' : url.replace(/^file:\/\/.*\/(?:dist|node_modules)\//, '');
}

/** `src/tree`, `adapters/modbus`, `modbus-serial`, `node`, `runtime`. */
function roomOf(frame: CallFrame): string {
  const file = fileOf(frame);
  if (file.startsWith('node:')) return 'node';
  return /^(?:src|adapters)\/[^/]+/.exec(file)?.[0] ?? file.split('/')[0] ?? file;
}

const nameOf = (frame: CallFrame): string =>
  `${frame.functionName || '(anonymous)'} ${fileOf(frame)}:${frame.lineNumber + 1}`;

/** ms by name that the last `lastMs` of the profile had a function of that name on top of the stack, most first. */
function selfTimes(
  { nodes, samples, timeDeltas }: CpuProfile,
  lastMs: number,
  name: (frame: CallFrame) => string,
): [name: string, ms: number][] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<string, number>();
  let leftMs = lastMs;
  for (let index = samples.length - 1; index >= 0 && leftMs > 0; index--) {
    const ms = (timeDeltas[index] ?? 0) / 1000;
    leftMs -= ms;
    const frame = frames.get(samples[index] ?? 0);
    if (frame === undefined || frame.functionName === IDLE) continue;
    times.set(name(frame), (times.get(name(frame)) ?? 0) + ms);
  }
  return [...times].sort((a, b) => b[1] - a[1]);
}

async function takeProfile(load: ModbusLoad, ms: number): Promise<CpuProfile> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-profile-'));
  const options = ['--cpu-prof', '--cpu-prof-dir', folder, '--cpu-prof-interval', String(SAMPLE_US)];
  const { stage, close } = await openStage(load);
  const gateway = await startGateway(stage, options);
  try {
    await gateway.ready;
    await wait(load.warmUpMs + ms);
  } finally {
    await gateway.stop();
    await close();
  }
  try {
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error('the runtime has written no profile');
    return JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function printTimes(head: string, times: readonly (readonly [name: string, ms: number])[]): void {
  const totalMs = times.reduce((sum, [, ms]) => sum + ms, 0);
  const rows = times
    .slice(0, SHOWN)
    .map(([name, ms]) => [name, shown(ms, 1), `${shown((100 * ms) / totalMs, 1)} %`]);
  console.log(`\n${markdown([[head, 'self ms', 'of busy'], ...rows])}`);
}

/** Where the gateway spends its time, by room and by function, when it has been running for a while. */
export async function profileGateway({ seconds }: Extent): Promise<void> {
  for (const load of LOADS.filter(({ isShared }) => !isShared)) {
    const profile = await takeProfile(load, seconds * 1000);
    console.log(`\nthe gateway, ${load.title}, ${seconds} s`);
    printTimes('room', selfTimes(profile, seconds * 1000, roomOf));
    printTimes('function', selfTimes(profile, seconds * 1000, nameOf));
  }
}
