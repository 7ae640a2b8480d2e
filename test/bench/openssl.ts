import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pemOf } from '../dtls/certificates.ts';
import { PSK } from '../dtls/network.ts';
import { device, ecServer, intermediate, root } from '../dtls/scenes.ts';
import { freeUdpPort, run } from '../peers/process.ts';
import { end } from './children.ts';

/** The program `openssl` as the other side of a handshake. */

export interface Openssl {
  readonly port: number;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

type Issued = typeof ecServer;

/** Certificates and keys in files. */
interface Files {
  readonly own: string;
  readonly key: string;
  readonly cas: string;
}

async function inFolder<T>(
  own: Issued,
  cas: string,
  use: (files: Files) => Promise<T>,
): Promise<{ readonly result: T; forget(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'dtls-bench-'));
  const file = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };
  const key = own.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const files = {
    own: await file('own.pem', pemOf(own) + pemOf(intermediate)),
    key: await file('key.pem', key),
    cas: await file('cas.pem', cas),
  };
  return { result: await use(files), forget: () => rm(folder, { recursive: true, force: true }) };
}

export interface ServerOptions {
  /** over TCP */
  readonly isTls?: boolean;
  readonly isPsk: boolean;
  /** OpenSSL's names */
  readonly ciphers: string;
  /** of clients, in PEM */
  readonly cas: string;
}

/** `openssl s_server`, which takes one client after the other, and sends nothing back. It may need a moment until it listens. */
export async function startServer({ isTls = false, isPsk, ciphers, cas }: ServerOptions): Promise<Openssl> {
  const port = await freeUdpPort();
  const { result: process, forget } = await inFolder(ecServer, cas, async (files) => {
    const credentials = isPsk
      ? ['-nocert', '-psk', PSK.key.toString('hex'), '-psk_identity', PSK.identity.toString()]
      : [
          ...['-cert', files.own, '-cert_chain', files.own, '-key', files.key],
          ...['-Verify', '3', '-verify_return_error', '-CAfile', files.cas],
        ];
    const args = [isTls ? '-tls1_2' : '-dtls1_2', '-accept', `127.0.0.1:${port}`, '-quiet'];
    // Its input stays open, as it ends with that.
    return spawn('openssl', ['s_server', ...args, '-cipher', `${ciphers}:@SECLEVEL=0`, ...credentials], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  });
  return {
    port,
    process,
    async stop() {
      await end(process);
      await forget();
    },
  };
}

/** The CAs by which our own certificates are found. */
export const CAS = pemOf(root) + pemOf(intermediate);

/** What `times` of the shell says at last: user and system time of the children. */
const TIMES = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/;
const COUNT = /(\d+) connections in \d+ real/;

/**
 * `openssl s_time`: handshakes of TLS 1.2 over TCP, with certificates on both sides.
 * @returns CPU time of each, in us
 */
export async function timeClient(ciphers: string, resumes: boolean, seconds: number): Promise<number> {
  const server = await startServer({ isTls: true, isPsk: false, ciphers, cas: CAS });
  const { result, forget } = await inFolder(device, CAS, ({ own, key, cas }) => {
    const time = [
      ...['openssl', 's_time', '-connect', `127.0.0.1:${server.port}`, '-tls1_2'],
      ...['-cipher', `${ciphers}:@SECLEVEL=0`, resumes ? '-reuse' : '-new', '-time', String(seconds)],
      ...['-cert', own, '-key', key, '-CAfile', cas, '-verify', '3'],
    ];
    // It fails until the server listens.
    const script = 'for attempt in $(seq 30); do sleep 0.2; "$@" 2>/dev/null && break; done; times';
    return run('sh', ['-c', script, 'sh', ...time], { deadlineMs: (seconds + 20) * 1000 });
  });
  await Promise.all([server.stop(), forget()]);
  const [, count] = COUNT.exec(result.stdout) ?? [];
  const [, userMinutes, user, systemMinutes, system] = (TIMES.exec(result.stdout) ?? []).map(Number);
  const cpuSeconds = 60 * ((userMinutes ?? NaN) + (systemMinutes ?? NaN)) + (user ?? NaN) + (system ?? NaN);
  return (cpuSeconds * 1e6) / Number(count);
}
