import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/base/index.ts';
import { type CoapResponse, createEndpoint } from '../../src/coap/index.ts';
import { openUdpServer } from '../../src/transport/index.ts';
import { freeUdpPort, isOnPath } from '../peers/process.ts';

const HOST = '127.0.0.1';
const SOURCES = 32;
const WINDOW = 64;
const ROUNDS = 3;
const WARM_UP_MS = 1000;
const MEASURED_MS = 2000;
const LIBCOAP = 'coap-server-notls';
const ROLE = 'LWM2M_GATEWAY_BENCH_ROLE';

/** What a child process of this file can be. Each tells its port, or its result, by a message. */
const ROLES: Readonly<Record<string, () => Promise<void>>> = {
  echo: serveEcho,
  endpoint: () => serveCoap((response) => response),
  'endpoint, asynchronous handler': () => serveCoap(async (response) => response),
  load: generateLoad,
};

interface Measured {
  readonly perSecond: number;
  /** of the server, where it is a process of ours */
  readonly cpuUsPerRequest?: number;
  readonly rssMiB?: number;
}

/** Requests per second of a bare socket, of our whole layer, and of libcoap, from the same load generator. */
export async function benchCoap(): Promise<void> {
  const [{ model } = { model: 'unknown processor' }] = cpus();
  console.log(`coap: GET, 7 bytes back, ${SOURCES} ports, window ${WINDOW}, loopback`);
  console.log(`${cpus().length} x ${model}, Node ${process.version}`);
  const servers = Object.keys(ROLES).filter((role) => role !== 'load');
  if (isOnPath(LIBCOAP)) servers.push(LIBCOAP);
  else console.log(`without ${LIBCOAP}: apt-get install libcoap3-bin`);
  const rounds: Map<string, Measured>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const row = new Map<string, Measured>();
    for (const server of servers) row.set(server, await measure(server));
    rounds.push(row);
  }
  const medians = servers.map((server) => medianOf(rounds.flatMap((round) => round.get(server) ?? [])));
  const bound = medians[0]?.perSecond ?? Number.NaN;
  for (const [at, median] of medians.entries()) console.log(rowText(servers[at] ?? '', median, bound));
}

/** Rounds are interleaved, since the machine may be busy for a while. */
function medianOf(measured: readonly Measured[]): Measured {
  const sorted = [...measured].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[sorted.length >> 1] ?? { perSecond: Number.NaN };
}

function rowText(name: string, { perSecond, cpuUsPerRequest, rssMiB }: Measured, bound: number): string {
  const columns = [
    name.padEnd(32),
    `${Math.round(perSecond).toString().padStart(7)} req/s`,
    `${(perSecond / bound).toFixed(2)} of echo`,
  ];
  if (cpuUsPerRequest !== undefined) columns.push(`${cpuUsPerRequest.toFixed(1)} us CPU/request`);
  if (rssMiB !== undefined) columns.push(`${rssMiB.toFixed(0)} MiB`);
  return columns.join('  ');
}

// ---- the parent

const measure = (server: string): Promise<Measured> =>
  server === LIBCOAP ? measureLibcoap() : measureOwn(server);

async function measureOwn(role: string): Promise<Measured> {
  const server = start(role);
  try {
    const { port } = await messageOf<{ port: number }>(server);
    await load(port, WARM_UP_MS);
    const before = await usageOf(server);
    const perSecond = await load(port, MEASURED_MS);
    const after = await usageOf(server);
    const requests = (perSecond * MEASURED_MS) / 1000;
    return {
      perSecond,
      cpuUsPerRequest: (after.cpuUs - before.cpuUs) / requests,
      rssMiB: after.rss / 2 ** 20,
    };
  } finally {
    server.kill();
  }
}

async function measureLibcoap(): Promise<Measured> {
  const port = await freeUdpPort();
  const server = spawn(LIBCOAP, ['-A', HOST, '-p', String(port)], { stdio: 'ignore' });
  try {
    await load(port, WARM_UP_MS);
    return { perSecond: await load(port, MEASURED_MS) };
  } finally {
    server.kill();
  }
}

const start = (role: string, ...args: string[]): ChildProcess =>
  fork(fileURLToPath(import.meta.url), args, { env: { ...process.env, [ROLE]: role } });

function messageOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as T));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`a process of the benchmark ended with ${code}`)));
  });
}

function usageOf(child: ChildProcess): Promise<{ cpuUs: number; rss: number }> {
  child.send('usage');
  return messageOf(child);
}

/** @returns answers per second */
async function load(port: number, durationMs: number): Promise<number> {
  const { answers } = await messageOf<{ answers: number }>(start('load', String(port), String(durationMs)));
  return (answers * 1000) / durationMs;
}

// ---- the children

const tell = (message: object): void => {
  process.send?.(message);
};

function tellUsage(): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    tell({ cpuUs: user + system, rss: process.memoryUsage.rss() });
  });
}

async function serveEcho(): Promise<void> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address));
  socket.bind(0, HOST, () => tell({ port: socket.address().port }));
  tellUsage();
}

async function serveCoap(
  wrap: (response: CoapResponse) => CoapResponse | Promise<CoapResponse>,
): Promise<void> {
  const transport = await openUdpServer({ host: HOST, port: 0 });
  const response: CoapResponse = { code: '2.05', contentFormat: 0, payload: Buffer.from('1234567') };
  createEndpoint({ transport, clock: systemClock, random: Math.random, handler: () => wrap(response) });
  tell({ port: transport.localPort });
  tellUsage();
}

/** Every source has its share of the window under way; what gets lost is replaced now and then. */
async function generateLoad(): Promise<void> {
  const [port = 0, durationMs = 0] = process.argv.slice(2).map(Number);
  let answers = 0;
  for (let source = 0; source < SOURCES; source++) {
    const socket = createSocket('udp4');
    const send = (): void => {
      request.writeUInt16BE(mid, 2);
      mid = (mid + 1) & 0xffff;
      socket.send(request);
    };
    // CON GET /time with a token of 4 bytes
    const request = Buffer.from(`44010000${'0badcafe'}b474696d65`, 'hex');
    let mid = source * 2048;
    let heard = 0;
    socket.on('message', () => {
      answers++;
      heard++;
      send();
    });
    socket.connect(port, HOST, () => {
      const fill = (): void => {
        for (let slot = 0; slot < WINDOW / SOURCES; slot++) send();
      };
      fill();
      let before = 0;
      setInterval(() => {
        if (heard === before) fill();
        before = heard;
      }, 100);
    });
  }
  setTimeout(() => {
    process.send?.({ answers }, () => process.exit());
  }, durationMs);
}

const role = ROLES[process.env[ROLE] ?? ''];
if (role !== undefined) await role();
