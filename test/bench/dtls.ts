import { roleUrl, startProgram, startRole } from './children.ts';
import { markdown, median, shown } from './figures.ts';
import type { Extent } from './gateway.ts';
import type { Target } from './roles/dtls-client.ts';

/** What is measured against plain UDP in the same run. */
const CASES = [
  { name: 'plain UDP' },
  { name: 'PSK, CCM_8', way: 'psk', suite: 0xc0a8 },
  { name: 'PSK, GCM', way: 'psk', suite: 0x00a8 },
  { name: 'certificates on both sides, CCM_8', way: 'certificate', suite: 0xc0ae },
] as const;

const SESSIONS = 1000;

interface Row {
  readonly echoes: number;
  readonly echoUs: number;
  readonly handshakes: number;
  readonly handshakeMs: number;
  readonly usedKb: number;
  readonly rssKb: number;
}

async function measure(it: (typeof CASES)[number], seconds: number): Promise<Row> {
  const server = startRole('dtls-echo');
  const client = startProgram(roleUrl('dtls-client'), [], ['--expose-gc']);
  try {
    const port = await server.ask<number>('way' in it ? 'dtls' : 'plain', it);
    const root = await server.ask<string>('root');
    const target: Target = { port, root, ...('way' in it && { way: it.way }) };
    const idle = await client.ask<{ usedKb: number; rssKb: number }>('memory', {
      ...target,
      count: SESSIONS,
    });
    const made = await client.ask<{ perSecond: number; cpuMs: number }>('handshakes', { ...target, seconds });
    const echo = await client.ask<{ perSecond: number; cpuUs: number }>('echo', { ...target, seconds });
    return {
      echoes: echo.perSecond,
      echoUs: echo.cpuUs,
      handshakes: made.perSecond,
      handshakeMs: made.cpuMs,
      ...idle,
    };
  } finally {
    await Promise.all([client.stop(), server.stop()]);
  }
}

/** Handshakes, round trips of 64 bytes, and the memory of associations that do nothing. */
export async function benchDtls({ seconds, rounds }: Extent): Promise<void> {
  const measured = new Map<string, Row[]>(CASES.map(({ name }) => [name, []]));
  // Rounds are interleaved, since the machine may be busy for a while.
  for (let round = 0; round < rounds; round++)
    for (const it of CASES) measured.get(it.name)?.push(await measure(it, Math.min(seconds, 3)));
  const figure = (rows: readonly Row[], key: keyof Row): number => median(rows.map((row) => row[key]));
  console.log(
    `DTLS: 64 bytes there and back, 64 at a time; ${SESSIONS} idle sessions; medians of ${rounds} rounds`,
  );
  console.log(
    markdown([
      ['', 'echo/s', 'CPU us', 'handshakes/s', 'CPU ms', 'kB per session', 'kB of RSS'],
      ...[...measured].map(([name, rows]) => [
        name,
        shown(figure(rows, 'echoes')),
        shown(figure(rows, 'echoUs'), 1),
        shown(figure(rows, 'handshakes')),
        shown(figure(rows, 'handshakeMs'), 2),
        shown(figure(rows, 'usedKb'), 1),
        shown(figure(rows, 'rssKb'), 1),
      ]),
    ]),
  );
}
