import { spawn } from 'node:child_process';
import { freeUdpPort, isOnPath } from '../peers/process.ts';
import { type Child, end, startRole } from './children.ts';
import type { Asked, Notified } from './coap-loads.ts';
import { markdown, medians, shown } from './figures.ts';
import type { Extent } from './gateway.ts';
import { programUsage } from './process-usage.ts';
import type { Usage } from './usage.ts';

const HOST = '127.0.0.1';
const LIBCOAP = 'coap-server-notls';
const OBSERVATIONS = 20_000;
const WARM_UP_MS = 1000;
const MEASURED_MS = 2000;

/** A server in a process of its own. */
interface Server {
  readonly name: string;
  readonly port: number;
  cpuMs(): Promise<number>;
  rssMb(): Promise<number>;
  stop(): Promise<void>;
}

/** A type, not an interface, as it is a record of numbers. */
type Figures = {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly rssMb: number;
};

const toServer = (name: string, child: Child, port: number): Server => ({
  name,
  port,
  cpuMs: async () => (await child.ask<Usage>('usage')).cpuMs,
  rssMb: async () => (await child.ask<Usage>('usage')).rssMb,
  stop: () => child.stop(),
});

async function startOwn(name: string, role: string, ...args: string[]): Promise<Server> {
  const child = startRole(role, args);
  return toServer(name, child, await child.ask<number>('port'));
}

async function startLibcoap(): Promise<Server> {
  const port = await freeUdpPort();
  const child = spawn(LIBCOAP, ['-A', HOST, '-p', String(port)], { stdio: 'ignore' });
  return {
    name: `libcoap (${LIBCOAP})`,
    port,
    cpuMs: async () => programUsage(child).cpuMs,
    rssMb: async () => programUsage(child).rssMb,
    stop: () => end(child),
  };
}

const SERVERS: readonly (() => Promise<Server>)[] = [
  () => startOwn('UDP echo of Node', 'echo'),
  () => startOwn('gateway', 'coap-gateway'),
  () => startOwn('gateway, handler answers later', 'coap-gateway', 'async'),
  () => startOwn('node-coap', 'node-coap'),
  ...(isOnPath(LIBCOAP) ? [startLibcoap] : []),
];

/** A new process each time: what one has gathered must not slow the next measurement. */
async function measureGet(start: () => Promise<Server>): Promise<readonly [name: string, Figures]> {
  const server = await start();
  const load = startRole('coap-load');
  try {
    await load.ask<Asked>('ask', { port: server.port, ms: WARM_UP_MS });
    const before = await server.cpuMs();
    const { answers, perSecond } = await load.ask<Asked>('ask', { port: server.port, ms: MEASURED_MS });
    const cpuUs = (((await server.cpuMs()) - before) * 1000) / answers;
    return [server.name, { perSecond, cpuUs, rssMb: await server.rssMb() }];
  } finally {
    await Promise.all([load.stop(), server.stop()]);
  }
}

type Watched = {
  readonly conPerSecond: number;
  readonly conCpuUs: number;
  readonly nonPerSecond: number;
  readonly nonCpuUs: number;
  readonly nonHeard: number;
  readonly bytes: number;
};

async function measureObservations(): Promise<Watched> {
  const child = startRole('coap-gateway');
  const load = startRole('coap-load');
  try {
    const server = toServer('', child, await child.ask<number>('port'));
    const before = await child.ask<number>('heap');
    await load.ask('observe', { port: server.port, count: OBSERVATIONS });
    const bytes = ((await child.ask<number>('heap')) - before) / OBSERVATIONS;
    const notify = async (confirmable: boolean, ms: number) => {
      const cpuBefore = await server.cpuMs();
      const heardBefore = await load.ask<number>('notifications');
      const notified = await child.ask<Notified>('notify', { confirmable, ms });
      const cpuUs = (((await server.cpuMs()) - cpuBefore) * 1000) / notified.notifications;
      const heard = (await load.ask<number>('notifications')) - heardBefore;
      return { ...notified, cpuUs, heard: heard / notified.notifications };
    };
    await notify(true, WARM_UP_MS);
    const con = await notify(true, MEASURED_MS);
    await notify(false, WARM_UP_MS);
    const non = await notify(false, MEASURED_MS);
    return {
      conPerSecond: con.perSecond,
      conCpuUs: con.cpuUs,
      nonPerSecond: non.perSecond,
      nonCpuUs: non.cpuUs,
      nonHeard: non.heard,
      bytes,
    };
  } finally {
    await Promise.all([load.stop(), child.stop()]);
  }
}

/** Requests and notifications of our whole layer beside a bare socket, libcoap and node-coap, from the same peers. */
export async function benchCoap({ rounds }: Extent): Promise<void> {
  const gets = new Map<string, Figures[]>();
  const watched: Watched[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const start of SERVERS) {
      const [name, figures] = await measureGet(start);
      gets.set(name, [...(gets.get(name) ?? []), figures]);
    }
    watched.push(await measureObservations());
  }
  printGets(gets, rounds);
  const [echo] = [...gets.values()].map(medians);
  if (echo !== undefined) printObservations(medians(watched), echo);
}

function printGets(gets: ReadonlyMap<string, Figures[]>, rounds: number): void {
  const rows = [...gets].map(([name, figures]) => [name, medians(figures)] as const);
  const [, echo] = rows[0] ?? [];
  if (echo === undefined) return;
  console.log(`\nGET, 7 bytes back, 64 ports, window 64, loopback; ${rounds} rounds, medians\n`);
  const cells = rows.map(([name, { perSecond, cpuUs, rssMb }]) => [
    name,
    shown(perSecond),
    shown(perSecond / echo.perSecond, 2),
    shown(cpuUs, 1),
    shown(echo.cpuUs / cpuUs, 2),
    shown(rssMb),
  ]);
  console.log(
    markdown([['server', 'requests/s', 'of echo', 'CPU us/request', 'echo by CPU', 'RSS MB'], ...cells]),
  );
  if (!isOnPath(LIBCOAP)) console.log('\nwithout libcoap: apt-get install libcoap3-bin');
}

function printObservations(result: Watched, echo: Figures): void {
  const { conPerSecond, conCpuUs, nonPerSecond, nonCpuUs, nonHeard, bytes } = result;
  console.log(`\n${shown(OBSERVATIONS)} observations of 64 peers: ${shown(bytes)} bytes each\n`);
  const row = (name: string, perSecond: number, cpuUs: number): string[] => [
    name,
    shown(perSecond),
    shown(perSecond / echo.perSecond, 2),
    shown(cpuUs, 1),
  ];
  console.log(
    markdown([
      ['notifications', 'per second', 'of echo', 'CPU us each'],
      row('confirmable', conPerSecond, conCpuUs),
      row(`not confirmable (${shown(100 * nonHeard)} % heard)`, nonPerSecond, nonCpuUs),
    ]),
  );
}
