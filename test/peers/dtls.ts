import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { javaAvailable, javaInstallLine, javaServer } from './java.ts';
import { freeUdpPort, isOnPath, type Running, start } from './process.ts';

/** DTLS servers of others. */

const MBEDTLS = resolve('.cache/mbedtls/mbedtls-echo');

/** How each can be had; the line that installs it. */
export const DTLS_PEERS = {
  openssl: { isThere: () => isOnPath('openssl'), install: 'apt-get install openssl' },
  gnutls: { isThere: () => isOnPath('gnutls-serv'), install: 'apt-get install gnutls-bin' },
  'libcoap on OpenSSL': {
    isThere: () => isOnPath('coap-server-openssl'),
    install: 'apt-get install libcoap3-bin',
  },
  'libcoap on GnuTLS': {
    isThere: () => isOnPath('coap-server-gnutls'),
    install: 'apt-get install libcoap3-bin',
  },
  mbedtls: {
    isThere: () => existsSync(MBEDTLS),
    install:
      'apt-get install gcc libc6-dev libmbedtls-dev && mkdir -p .cache/mbedtls && cc -o .cache/mbedtls/mbedtls-echo test/peers/mbedtls_echo.c -lmbedtls -lmbedx509 -lmbedcrypto',
  },
  scandium: {
    isThere: () => javaAvailable('leshan'),
    install: javaInstallLine('leshan'),
  },
} as const;

export type DtlsPeerName = keyof typeof DTLS_PEERS;

export interface PskAccount {
  readonly identity: string;
  readonly key: Buffer;
}

/** PEM unless something else is said. */
export interface Certified {
  /** the server's own first */
  readonly chain: string;
  readonly key: string;
  /** CAs of clients, who then must show a certificate */
  readonly trust?: string;
}

export interface DtlsPeer extends Pick<Running, 'output' | 'waitFor' | 'stop'> {
  readonly port: number;
}

/** Files that live as long as the server does. */
function withFiles<T>(
  work: (file: (name: string, content: string | Buffer) => string) => Promise<T & DtlsPeer>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'dtls-peer-'));
  const file = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const forget = (): void => rmSync(folder, { recursive: true, force: true });
  return work(file).then(
    (peer) => ({
      ...peer,
      async stop() {
        await peer.stop();
        forget();
      },
    }),
    (error: unknown) => {
      forget();
      throw error;
    },
  );
}

/** What `openssl s_server` says to each client, right after the handshake. */
export const OPENSSL_SAYS = 'hello from openssl';

/**
 * `openssl s_server`, which prints what it gets, and says {@link OPENSSL_SAYS} to the first client.
 * @param ciphers OpenSSL's names
 * @param more arguments of s_server
 */
export function startOpenssl(
  account: PskAccount | Certified,
  ciphers: string,
  more: readonly string[] = [],
): Promise<DtlsPeer> {
  return withFiles(async (file) => {
    const port = await freeUdpPort();
    const credentials =
      'identity' in account
        ? ['-nocert', '-psk', account.key.toString('hex'), '-psk_identity', account.identity]
        : [
            ...['-cert', file('chain.pem', account.chain), '-cert_chain', file('chain.pem', account.chain)],
            ...['-key', file('key.pem', account.key)],
            ...(account.trust === undefined
              ? []
              : ['-Verify', '3', '-verify_return_error', '-CAfile', file('trust.pem', account.trust)]),
          ];
    const running = await start(
      'openssl',
      [
        ...['s_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, '-cipher', `${ciphers}:@SECLEVEL=0`],
        ...credentials,
        ...more,
      ],
      { ready: /ACCEPT/, deadlineMs: 10_000, input: `${OPENSSL_SAYS}\n` },
    );
    return { port, ...running };
  });
}

/** `gnutls-serv`, which sends back what it gets. @param suites behind the key exchange in a priority string */
export function startGnutls(
  account: PskAccount | Certified | { readonly rawKey: string; readonly rawPublicKey: string },
  priority: string,
  more: readonly string[] = [],
): Promise<DtlsPeer> {
  return withFiles(async (file) => {
    const port = await freeUdpPort();
    const credentials =
      'identity' in account
        ? ['--pskpasswd', file('psk', `${account.identity}:${account.key.toString('hex')}\n`)]
        : 'rawKey' in account
          ? [
              '--rawpkkeyfile',
              file('key.pem', account.rawKey),
              '--rawpkfile',
              file('pub.pem', account.rawPublicKey),
            ]
          : [
              ...[
                '--x509certfile',
                file('chain.pem', account.chain),
                '--x509keyfile',
                file('key.pem', account.key),
              ],
              ...(account.trust === undefined
                ? ['--disable-client-cert']
                : [
                    '--require-client-cert',
                    '--verify-client-cert',
                    '--x509cafile',
                    file('ca.pem', account.trust),
                  ]),
            ];
    const running = await start(
      'gnutls-serv',
      ['--udp', '--echo', '--port', `${port}`, '--priority', priority, ...credentials, ...more],
      { ready: /UDP server ready|Echo Server listening/, deadlineMs: 20_000 },
    );
    return { port, ...running };
  });
}

/** `coap-server` of libcoap, a CoAP server with a resource `time`. */
export function startLibcoapDtls(
  on: 'openssl' | 'gnutls',
  account: PskAccount | Certified,
): Promise<DtlsPeer> {
  return withFiles(async (file) => {
    const port = await freeUdpPort();
    const credentials =
      'identity' in account
        ? ['-k', account.key.toString(), '-h', 'hint']
        : [
            ...['-c', file('chain.pem', account.chain), '-j', file('key.pem', account.key)],
            ...(account.trust === undefined ? ['-n'] : ['-C', file('trust.pem', account.trust)]),
          ];
    // DTLS is served one port above.
    const running = await start(
      'stdbuf',
      ['-oL', `coap-server-${on}`, '-A', '127.0.0.1', '-p', `${port - 1}`, '-v', '7', ...credentials],
      { ready: /created DTLS endpoint/, deadlineMs: 10_000 },
    );
    return { port, ...running };
  });
}

/** A server on Mbed TLS, which sends back what it gets. */
export interface MbedtlsPeer extends DtlsPeer {
  readonly version: string;
  /** Debian 12 builds it without connection ids. */
  readonly hasCids: boolean;
}

/** @param suite IANA name @param cid its own connection id */
export function startMbedtls(
  account: PskAccount | (Certified & { readonly trust: string }),
  suite: string,
  cid?: Buffer,
): Promise<MbedtlsPeer> {
  return withFiles(async (file) => {
    const credentials =
      'identity' in account
        ? [`identity=${account.identity}`, `psk=${account.key.toString('hex')}`]
        : [
            `chain=${file('chain.pem', account.chain)}`,
            `key=${file('key.pem', account.key)}`,
            `trust=${file('trust.pem', account.trust)}`,
          ];
    const running = await start(
      MBEDTLS,
      [
        // Its names are those of IANA, with hyphens.
        `suite=${suite.replace(/_/g, '-')}`,
        ...credentials,
        ...(cid === undefined ? [] : [`cid=${cid.toString('hex')}`]),
      ],
      { ready: /^ready (\d+) (\S+)( cid)?$/m, deadlineMs: 10_000 },
    );
    const [, port, version = '', hasCids] = running.ready;
    return { ...running, port: Number(port), version, hasCids: hasCids !== undefined };
  });
}

/** Scandium, the DTLS of Leshan, which sends back what it gets. @param cidLength of its connection ids */
export function startScandium(
  account:
    | PskAccount
    | (Certified & { readonly trust: string; readonly keyDer: Buffer })
    | { readonly keyDer: Buffer; readonly publicKey: Buffer },
  suite: string,
  cidLength: number,
): Promise<DtlsPeer> {
  return withFiles(async (file) => {
    const credentials =
      'identity' in account
        ? [`identity=${account.identity}`, `psk=${account.key.toString('hex')}`]
        : [
            `key=${file('key.der', account.keyDer)}`,
            ...('publicKey' in account
              ? [`public=${file('public.der', account.publicKey)}`]
              : [`chain=${file('chain.pem', account.chain)}`, `trust=${file('trust.pem', account.trust)}`]),
          ];
    const running = await start(
      'java',
      [...javaServer('leshan', 'ScandiumEcho'), ...[`suite=${suite}`, `cid=${cidLength}`], ...credentials],
      { ready: /^ready (\d+)/m, deadlineMs: 30_000 },
    );
    return { port: Number(running.ready[1]), ...running };
  });
}
