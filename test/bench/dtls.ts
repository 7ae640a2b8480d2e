import { startRole } from './children.ts';
import { cipherFloor } from './cipher-floor.ts';
import { benchHandshakes } from './dtls-handshakes.ts';
import { type Cost, type IdleMemory, PAYLOAD, type Target, type Traffic } from './dtls-loads.ts';
import { markdown, medians, shown } from './figures.ts';
import type { Extent } from './gateway.ts';

/** What is measured against the first, plain UDP, in the same run. */
const CASES = [
  { name: 'plain UDP' },
  { name: 'PSK, CCM_8', way: 'psk', suite: 0xc0a8 },
  { name: 'PSK, CCM_8, connection id', way: 'psk', suite: 0xc0a8, cidLength: 6 },
  { name: 'PSK, GCM', way: 'psk', suite: 0x00a8 },
  { name: 'ECDHE-ECDSA, CCM_8', way: 'certificate', suite: 0xc0ae },
] as const;

type Case = (typeof CASES)[number];

const TRAFFICS = {
  echo: { up: 1, down: 1 },
  sent: { up: 32, down: 1 },
  received: { up: 1, down: 32 },
} as const satisfies Record<string, Traffic>;

const SESSIONS = 1000;
/** Measured in turns of this length, so that what else the machine does meets all alike. */
const TURN_SECONDS = 0.25;
const WARM_UP_SECONDS = 1;
const MOST_SECONDS = 2;

/** A client and a server that sends back, each a process of its own. */
interface Pair {
  readonly name: string;
  cost(traffic: Traffic, seconds: number): Promise<Cost>;
  memory(): Promise<IdleMemory>;
  close(): Promise<unknown>;
}

async function openPair(it: Case): Promise<Pair> {
  const server = startRole('dtls-echo');
  const client = startRole('dtls-client');
  const port = await server.ask<number>('way' in it ? 'dtls' : 'plain', it);
  const root = await server.ask<string>('root');
  const target: Target = { port, root, ...('way' in it && { way: it.way }) };
  return {
    name: it.name,
    cost: (traffic, seconds) => client.ask('traffic', { ...target, ...traffic, seconds }),
    memory: () => client.ask('memory', { ...target, count: SESSIONS }),
    close: () => Promise.all([client.stop(), server.stop()]),
  };
}

type Row = {
  readonly echoes: number;
  readonly echoUs: number;
  /** of what plain UDP did in the same turn */
  readonly rateShare: number;
  readonly cpuShare: number;
  readonly sent: number;
  readonly sentUs: number;
  readonly received: number;
  readonly receivedUs: number;
};

async function takeTurns(pairs: readonly Pair[], turns: number): Promise<Map<Pair, Row[]>> {
  const rows = new Map<Pair, Row[]>(pairs.map((pair) => [pair, []]));
  for (const pair of pairs)
    for (const traffic of Object.values(TRAFFICS)) await pair.cost(traffic, WARM_UP_SECONDS);
  for (let turn = 0; turn < turns; turn++) {
    let plain: Cost | undefined;
    for (const pair of pairs) {
      const echo = await pair.cost(TRAFFICS.echo, TURN_SECONDS);
      const sent = await pair.cost(TRAFFICS.sent, TURN_SECONDS);
      const received = await pair.cost(TRAFFICS.received, TURN_SECONDS);
      plain ??= echo;
      rows.get(pair)?.push({
        echoes: echo.perSecond,
        echoUs: echo.cpuUs,
        rateShare: echo.perSecond / plain.perSecond,
        cpuShare: plain.cpuUs / echo.cpuUs,
        sent: sent.perSecond,
        sentUs: sent.cpuUs,
        received: received.perSecond,
        receivedUs: received.cpuUs,
      });
    }
  }
  return rows;
}

function rowOf(name: string, row: Row, memory: IdleMemory): string[] {
  return [
    name,
    shown(row.echoes),
    shown(row.rateShare, 2),
    shown(row.echoUs, 1),
    shown(row.cpuShare, 2),
    ...[shown(row.sent), shown(row.sentUs, 1)],
    ...[shown(row.received), shown(row.receivedUs, 1)],
    shown(memory.usedKb, 1),
    shown(memory.rssKb, 1),
  ];
}

const HEAD = [
  '',
  'echo/s',
  'of UDP',
  'CPU us',
  'by CPU',
  'sent/s',
  'CPU us',
  'received/s',
  'CPU us',
  'kB idle',
  'RSS',
];

async function benchRecords(seconds: number, rounds: number): Promise<void> {
  const turns = Math.ceil((seconds * rounds) / TURN_SECONDS);
  const pairs: Pair[] = [];
  for (const it of CASES) pairs.push(await openPair(it));
  const rows: string[][] = [];
  try {
    const measured = await takeTurns(pairs, turns);
    for (const [pair, all] of measured) rows.push(rowOf(pair.name, medians(all), await pair.memory()));
  } finally {
    for (const pair of pairs) await pair.close();
  }
  const { nodeUs, opensslUs } = await cipherFloor();
  console.log(markdown([HEAD, ...rows]));
  console.log(`
Records of ${PAYLOAD} bytes, medians of ${turns} turns of ${TURN_SECONDS} s. Echo: 64 under way; sent, received: 32 for one the other way.
CPU of the client alone; "of UDP", "by CPU": how much of what plain UDP does in the same turn.
Idle: each of ${SESSIONS} that are open, with their sockets.
To seal and open one with AES-128-CCM takes node:crypto alone ${shown(nodeUs, 1)} us, OpenSSL (\`openssl speed\`) ${shown(opensslUs, 1)} us.
`);
}

/** Records and handshakes of DTLS, next to plain UDP and OpenSSL. */
export async function benchDtls({ seconds, rounds }: Extent): Promise<void> {
  const each = Math.min(seconds, MOST_SECONDS);
  await benchRecords(each, rounds);
  await benchHandshakes(each, rounds);
}
