import { createPrivateKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.ts';
import { startUpstream, type UpstreamServer } from '../../src/demo/index.ts';
import { DTLS_PEERS, startOpenssl } from '../peers/dtls.ts';
import { command, type Process, startProcess } from '../support/command.ts';
import { createPki, pkiAvailable, pkiInstallLine } from '../support/pki.ts';
import { leaksIn } from '../support/secrets.ts';
import { eventually, openSite, type Site } from '../support/site.ts';

/** Nobody gets in, and nothing secret gets out: what the README says of a running gateway, looked at from outside. */

const KEY = Buffer.from('8f1d2c3b4a5968778695a4b3c2d1e0ff', 'hex');
const WRONG = Buffer.from('71e2d3c4b5a6978879685a4b3c2d1e00', 'hex');
const pki = pkiAvailable ? createPki('gw-1') : undefined;
const privateKeys = [pki?.client.privateKey, pki?.stranger.privateKey].flatMap((pem) =>
  pem === undefined ? [] : createPrivateKey(pem),
);
/** The keys themselves, not what surrounds them in DER, which all keys have in common. */
const SECRETS = [
  KEY,
  WRONG,
  ...privateKeys.map((key) => Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')),
];

const isLinux = process.platform === 'linux';

/** Sockets of a process from /proc/net: local and remote address in hex, and the state. */
function socketsOf(pid: number, protocol: 'tcp' | 'tcp6' | 'udp' | 'udp6') {
  const folder = `/proc/${pid}/fd`;
  const inodes = new Set(
    readdirSync(folder).flatMap((name) => /^socket:\[(\d+)\]$/.exec(linkOf(join(folder, name)))?.[1] ?? []),
  );
  const [, ...lines] = readFileSync(`/proc/${pid}/net/${protocol}`, 'utf8').trimEnd().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => inodes.has(fields[9] ?? ''))
    .map(([, local = '', remote = '', state = '']) => ({ local, remote, state }));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

const LISTENING = '0A';
const NOBODY = /^0+:0000$/;

describe.skipIf(!isLinux || pki === undefined)(`a running gateway (Linux; else: ${pkiInstallLine})`, () => {
  let site: Site;
  let running: Process;
  let server: UpstreamServer;
  const state = (): string => join(site.folder, 'state');

  beforeAll(async () => {
    if (pki === undefined) return;
    site = await openSite();
    const tcp = { clock: systemClock, log: silentLogger, carrier: 'tcp' } as const;
    const keyOf = (identity: string) => (identity === 'gw-1' ? KEY : undefined);
    server = await startUpstream({ ...tcp, security: { keyOf } });
    const named = await startUpstream({
      ...tcp,
      security: { ...pki.server, ca: pki.ca, requiresCertificate: true },
    });
    const plain = await startUpstream({ clock: systemClock, log: silentLogger });
    for (const one of [server, named, plain]) site.onClose(() => one.close());
    const datagrams = DTLS_PEERS.openssl.isThere()
      ? await startOpenssl({ identity: 'gw-1', key: KEY }, 'PSK-AES128-CCM8')
      : undefined;
    if (datagrams !== undefined) site.onClose(() => datagrams.stop());
    await site.write('psk', KEY.toString('hex'));
    await site.write('wrong', WRONG.toString('hex'));
    await site.write('ca.pem', pki.ca);
    for (const name of ['client', 'stranger'] as const) {
      await site.write(`${name}.pem`, pki[name].certificate);
      await site.write(`${name}.key`, pki[name].privateKey);
    }
    const keyed = (file: string): string => `{ pskIdentity: gw-1, pskFile: ${file} }`;
    const certified = (name: string): string =>
      `{ caFile: ca.pem, certificateFile: ${name}.pem, privateKeyFile: ${name}.key }`;
    const one = (uri: string, credentials?: string): string =>
      `    - { uri: "${uri}"${credentials === undefined ? '' : `, credentials: ${credentials}`}, transmission: { ackTimeout: 100ms } }`;
    const config = await site.write(
      'gateway.yaml',
      `upstream:
  endpoint: gw-1
  servers:
${[
  one(`coaps+tcp://127.0.0.1:${server.port}`, keyed('psk')),
  one(`coaps+tcp://127.0.0.1:${server.port}`, keyed('wrong')),
  one(`coaps+tcp://127.0.0.1:${named.port}`, certified('client')),
  one(`coaps+tcp://127.0.0.1:${named.port}`, certified('stranger')),
  one(`coap://127.0.0.1:${plain.port}`),
  one(`coaps://127.0.0.1:${datagrams?.port ?? 9}`, keyed('psk')),
  one(`coaps://127.0.0.1:${datagrams?.port ?? 9}`, keyed('wrong')),
].join('\n')}
state: { path: "${state()}" }
log: { level: debug }
`,
    );
    running = await startProcess(config);
    await eventually(() => running.output().split('registration failed').length > 3, 20_000);
    await eventually(
      () => server.clients.size > 0 && named.clients.size > 0 && plain.clients.size > 0,
      10_000,
    );
  }, 60_000);

  afterAll(async () => {
    running?.kill('SIGKILL');
    await site?.close();
  });

  test('listens on no port, neither TCP nor UDP: its sockets have one server each at the other end', () => {
    for (const protocol of ['tcp', 'tcp6'] as const)
      expect(socketsOf(running.pid, protocol).filter(({ state }) => state === LISTENING)).toEqual([]);
    const datagrams = [...socketsOf(running.pid, 'udp'), ...socketsOf(running.pid, 'udp6')];
    expect(datagrams.length).toBeGreaterThan(0);
    expect(datagrams.filter(({ remote }) => NOBODY.test(remote))).toEqual([]);
  });

  test('opens no debugger when it is told to (SIGUSR1)', async () => {
    running.kill('SIGUSR1');
    await eventually(() => running.output().includes('SIGUSR1'));
    const listening = ['tcp', 'tcp6'] as const;
    expect(
      listening.flatMap((one) => socketsOf(running.pid, one)).filter((it) => it.state === LISTENING),
    ).toEqual([]);
  });

  test('takes orders of its owner only', () => {
    expect(statSync(join(state(), 'control.sock')).mode & 0o777).toBe(0o600);
  });

  test('tells no secret in its logs at the most detailed level, in its status, or over its socket', async () => {
    const { stdout: status } = await command('status', '--state', state(), '--json');
    const { stdout: text } = await command('status', '--state', state());
    expect(running.output()).toContain('"level":"debug"');
    expect(status).toContain('handshake failed');
    const nonsense = await new Promise<string>((resolve) => {
      let said = '';
      const socket = createConnection(join(state(), 'control.sock'), () =>
        socket.write('{"command":"secrets"}\n'),
      );
      socket.on('data', (bytes) => {
        said += bytes;
      });
      socket.on('close', () => resolve(said));
    });
    for (const told of [running.output(), status, text, nonsense]) {
      expect(leaksIn(told, SECRETS)).toEqual([]);
      expect(told).not.toMatch(/PRIVATE KEY|secretKey|"d":/);
    }
  });

  test('keeps secrets in files of its owner only, and nowhere else in its folder', async () => {
    running.kill('SIGTERM');
    await running.exited;
    const files = readdirSync(state(), { recursive: true, encoding: 'utf8' })
      .map((name) => join(state(), name))
      .filter((path) => existsSync(path) && statSync(path).isFile());
    // The search itself finds what there is to find.
    const holding = files.filter((path) => leaksIn(readFileSync(path), SECRETS).length > 0);
    expect(holding.map((path) => path.slice(state().length + 1))).toEqual(['accounts.json']);
    for (const path of [...holding, ...files.filter((path) => path.endsWith('association.json'))])
      expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});
