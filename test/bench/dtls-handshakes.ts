import { root } from '../dtls/scenes.ts';
import { isOnPath } from '../peers/process.ts';
import { startRole } from './children.ts';
import type { Cost, HandshakeCost, HandshakeLoad } from './dtls-loads.ts';
import { markdown, medians, shown } from './figures.ts';
import { startServer, timeClient } from './openssl.ts';
import { programUsage } from './process-usage.ts';

const CASES = [
  { name: 'PSK, CCM_8', way: 'psk', ciphers: 'PSK-AES128-CCM8' },
  { name: 'PSK, CCM_8, resumed', way: 'psk', ciphers: 'PSK-AES128-CCM8', resumes: true },
  { name: 'ECDHE-ECDSA, CCM_8', way: 'certificate', ciphers: 'ECDHE-ECDSA-AES128-CCM8' },
  {
    name: 'ECDHE-ECDSA, CCM_8, resumed',
    way: 'certificate',
    ciphers: 'ECDHE-ECDSA-AES128-CCM8',
    resumes: true,
  },
] as const;

const WARM_UP_SECONDS = 0.5;

type Case = (typeof CASES)[number];

type Row = Cost & {
  /** of `openssl s_server` for one of these handshakes */
  readonly serverUs: number;
  /** of `openssl s_time` for one over TLS */
  readonly timedUs: number;
};

async function measure(it: Case, seconds: number): Promise<Row> {
  const { way, ciphers } = it;
  const [isPsk, resumes] = [way === 'psk', 'resumes' in it];
  const client = startRole('dtls-client');
  const server = await startServer({ isPsk, ciphers, cas: await client.ask<string>('cas') });
  try {
    const target = { port: server.port, way, root: root.der.toString('base64'), resumes };
    const load = (lasting: number): Promise<HandshakeCost> =>
      client.ask('handshakes', { ...target, seconds: lasting } satisfies HandshakeLoad);
    await load(WARM_UP_SECONDS);
    const before = programUsage(server.process).cpuMs;
    const { handshakes, ...cost } = await load(seconds);
    const serverUs = ((programUsage(server.process).cpuMs - before) * 1000) / handshakes;
    const timedUs = isPsk ? Number.NaN : await timeClient(ciphers, resumes, Math.ceil(seconds));
    return { ...cost, serverUs, timedUs };
  } finally {
    await Promise.all([client.stop(), server.stop()]);
  }
}

const ms = (us: number): string => shown(us / 1000, 2);

/** Handshakes with a server of OpenSSL, and what it costs OpenSSL to make such handshakes as a server and as a client. */
export async function benchHandshakes(seconds: number, rounds: number): Promise<void> {
  if (!isOnPath('openssl')) {
    console.log('handshakes are measured against OpenSSL: apt-get install openssl');
    return;
  }
  const measured = CASES.map((it) => ({ it, rows: [] as Row[] }));
  for (let round = 0; round < rounds; round++)
    for (const { it, rows } of measured) rows.push(await measure(it, seconds));
  console.log(
    markdown([
      ['handshakes with openssl s_server', 'per second', 'CPU ms', 's_server CPU ms', 's_time CPU ms'],
      ...measured.map(({ it, rows }) => {
        const { perSecond, cpuUs, serverUs, timedUs } = medians(rows);
        return [it.name, shown(perSecond), ms(cpuUs), ms(serverUs), ms(timedUs)];
      }),
    ]),
  );
  console.log(`
One after the other, each with a socket of its own, cookie and close included; certificates of two on both sides.
s_server: the other side of the same handshakes. s_time: OpenSSL as the client of the same suite, but in TLS 1.2 over
TCP and with one certificate of its own; the program has no such loop for DTLS or shared keys, and in s_client the
handshake is lost in the 25 ms that its process takes.`);
}
