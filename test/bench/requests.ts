import { spawn } from 'node:child_process';
import { freeUdpPort, isOnPath } from '../peers/process.ts';
import { type Child, end, startRole } from './children.ts';
import { markdown, medians, shown } from './figures.ts';
import type { Extent } from './gateway.ts';
import type { LoadResult } from './loads.ts';
import { openScene } from './scene.ts';
import { prefixOf } from './site.ts';
import type { Usage } from './usage.ts';

const LIBCOAP = 'coap-server-notls';
const WINDOW = 32;
const INTERVAL_MS = 1000;
const WARM_UP_MS = 1000;
const WARM_UP_REQUESTS = 40_000;
const WARM_UP_ROUNDS = 12;
const MEASURED_MS = 3000;

interface Target {
  readonly name: string;
  readonly path: string;
  /** absent: the gateway */
  readonly port?: number;
  /** who asks */
  readonly upstream: Child;
  /** absent where it is no process of ours */
  readonly process?: Child;
}

type Figures = {
  readonly perSecond: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  readonly cpuUs: number;
  readonly refusals: number;
  readonly lost: number;
};

const load = ({ path, port, upstream }: Target, ms: number): Promise<LoadResult> =>
  upstream.ask('load', { path, window: WINDOW, ms, ...(port !== undefined && { port }) });

/** By count, not by time: what is slow to warm up would be measured cold. */
async function warmUp(target: Target): Promise<void> {
  let answers = 0;
  for (let round = 0; round < WARM_UP_ROUNDS && answers < WARM_UP_REQUESTS; round++)
    answers += ((await load(target, WARM_UP_MS)).perSecond * WARM_UP_MS) / 1000;
}

async function measure(target: Target): Promise<Figures> {
  const { process } = target;
  const before = await process?.ask<Usage>('usage');
  const result = await load(target, MEASURED_MS);
  const after = await process?.ask<Usage>('usage');
  const cpuMs = (after?.cpuMs ?? Number.NaN) - (before?.cpuMs ?? Number.NaN);
  return { ...result, cpuUs: (cpuMs * 1000) / ((result.perSecond * MEASURED_MS) / 1000) };
}

function row(name: string, result: Figures, echo: Figures): string[] {
  return [
    name,
    shown(result.perSecond),
    shown(result.perSecond / echo.perSecond, 2),
    shown(result.waitP50Ms, 2),
    shown(result.waitP99Ms, 2),
    shown(result.cpuUs, 1),
    shown(result.refusals),
    shown(result.lost),
  ];
}

const HEAD = ['target', 'requests/s', 'of echo', 'p50 ms', 'p99 ms', 'CPU us/request', 'refused', 'lost'];

/** Reads of one resource behind a prefix, from the address of the LwM2M server, next to what UDP allows at best. */
export async function benchRequests({ rounds }: Extent): Promise<void> {
  const { gateway, upstream, close } = await openScene(INTERVAL_MS);
  const secure = await openScene(INTERVAL_MS, { isSecure: true });
  const echo = startRole('echo');
  const libcoapPort = await freeUdpPort();
  const libcoap = isOnPath(LIBCOAP)
    ? spawn(LIBCOAP, ['-A', '127.0.0.1', '-p', String(libcoapPort)], { stdio: 'ignore' })
    : undefined;
  const constant = `/${prefixOf(1)}/3/0/0`;
  const targets: Target[] = [
    {
      name: 'UDP echo of Node',
      path: constant,
      port: await echo.ask<number>('port'),
      upstream,
      process: echo,
    },
    { name: `gateway GET ${constant}`, path: constant, upstream, process: gateway },
    { name: 'gateway GET /m01/10242/0/4', path: '/m01/10242/0/4', upstream, process: gateway },
    {
      name: `gateway GET ${constant}, DTLS`,
      path: constant,
      upstream: secure.upstream,
      process: secure.gateway,
    },
    ...(libcoap === undefined
      ? []
      : [{ name: `libcoap (${LIBCOAP}) GET /time`, path: '/time', port: libcoapPort, upstream }]),
  ];
  try {
    const results = new Map<string, Figures[]>(targets.map(({ name }) => [name, []]));
    for (const target of targets) await warmUp(target);
    for (let round = 0; round < rounds; round++) {
      for (const target of targets) results.get(target.name)?.push(await measure(target));
    }
    const [yardstick] = [...results.values()].map(medians);
    if (yardstick === undefined) return;
    console.log(
      `\nGET of one value as text from one port, ${WINDOW} requests under way, loopback; meanwhile all`,
    );
    console.log(
      `units are polled at ${INTERVAL_MS} ms; ${rounds} rounds of ${MEASURED_MS / 1000} s, medians\n`,
    );
    const rows = [...results].map(([name, figures]) => row(name, medians(figures), yardstick));
    console.log(markdown([HEAD, ...rows]));
    console.log(
      '\nDTLS: PSK, CCM_8; it ends in a process before the server, which limits the rate; compare the CPU.',
    );
    if (libcoap === undefined) console.log(`\nwithout libcoap: apt-get install libcoap3-bin`);
  } finally {
    if (libcoap !== undefined) await end(libcoap);
    await echo.stop();
    await Promise.all([close(), secure.close()]);
  }
}
