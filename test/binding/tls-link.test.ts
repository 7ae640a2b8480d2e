import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createTimers,
  type GatewayError,
  silentLogger,
  systemClock,
  systemRandom,
} from '../../src/base/index.ts';
import { type Association, openAssociation } from '../../src/binding/association.ts';
import { type Credentials, type Offer, OWN_OFFER } from '../../src/client/index.ts';
import { startUpstream } from '../../src/demo/index.ts';
import { start } from '../peers/process.ts';
import { createPki, type Identity, pkiAvailable, pkiInstallLine } from '../support/pki.ts';

/** What an account of object 0 means over TLS (OMA Transport 1.2.2 5.2, 6.2). */

const KEY = Buffer.from('0123456789abcdef');
const timers = createTimers(systemClock, 20);
const ports = { clock: systemClock, timers, log: silentLogger, random: systemRandom };

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

const NOTHING = new Uint8Array();
const ACCOUNT: Credentials = {
  mode: 'psk',
  identity: Buffer.from('gw'),
  serverPublicKey: NOTHING,
  secretKey: KEY,
  matchingType: 0,
  sni: undefined,
  certificateUsage: 3,
  offer: OWN_OFFER,
};

async function opened(port: number, credentials: Credentials): Promise<Association> {
  const address = { scheme: 'coaps+tcp', host: '127.0.0.1', port, attempt: 0, credentials } as const;
  const association = await openAssociation(address, { handler: async () => ({ code: '4.04' }) }, ports, {
    lost() {},
    moved() {},
  });
  releases.push(() => association.close());
  return association;
}

/** What a session makes of an association that does not come about. */
const unreachable = (error: GatewayError) => ({
  status: 'unreachable',
  message: error.message,
  ...error.data,
});

const publicKey = (pem = ''): Buffer =>
  pem === '' ? Buffer.alloc(0) : createPublicKey(pem).export({ format: 'der', type: 'spki' });

const ask = (association: Association) => association.ask({ method: 'GET', path: ['x'] }, () => undefined);

describe.skipIf(!pkiAvailable)(`openssl over TLS (else: ${pkiInstallLine})`, () => {
  const pki = pkiAvailable ? createPki('gw') : undefined;

  /** @param more arguments of `openssl s_server` */
  async function serve(...more: readonly string[]) {
    const folder = mkdtempSync(join(tmpdir(), 'tls-'));
    releases.push(() => rmSync(folder, { recursive: true }));
    const file = (name: string, text = ''): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const own = [
      ...['-cert', file('server.pem', pki?.server.certificate)],
      ...['-key', file('server.key', pki?.server.privateKey)],
      ...['-CAfile', file('ca.pem', pki?.ca)],
    ];
    const server = await start(
      'openssl',
      ['s_server', '-alpn', 'coap', '-accept', '127.0.0.1:0', ...own, ...more],
      { ready: /ACCEPT 127\.0\.0\.1:(\d+)/, deadlineMs: 10_000 },
    );
    releases.push(() => server.stop());
    return { port: Number(server.ready[1]), waitFor: server.waitFor };
  }

  const certified = ({ certificate, privateKey }: Identity, offer: Offer = OWN_OFFER): Credentials => ({
    ...ACCOUNT,
    mode: 'certificate',
    identity: new X509Certificate(certificate).raw,
    serverPublicKey: new X509Certificate(pki?.ca ?? '').raw,
    secretKey: createPrivateKey(privateKey).export({ format: 'der', type: 'pkcs8' }),
    certificateUsage: 2,
    offer,
  });

  const [NAMED, KEYED] = ['certificates', 'a shared key'] as const;
  const of = (kind: typeof NAMED | typeof KEYED, more: Partial<Offer> = {}): Credentials => {
    const offer = { ...OWN_OFFER, ...more };
    return kind === KEYED || pki === undefined ? { ...ACCOUNT, offer } : certified(pki.client, offer);
  };

  test.each([
    [NAMED, [0xc0ae], 'ECDHE-ECDSA-AES128-CCM8'],
    [NAMED, [0xc02c, 0xc02b], 'ECDHE-ECDSA-AES256-GCM-SHA384'],
    [NAMED, [0x1302], 'TLS_AES_256_GCM_SHA384'],
    [NAMED, [], 'TLS_AES_256_GCM_SHA384'],
    [KEYED, [0xc0a8], 'PSK-AES128-CCM8'],
    [KEYED, [0x00ae, 0xc0a8], 'PSK-AES128-CBC-SHA256'],
    [KEYED, [], 'ECDHE-PSK-CHACHA20-POLY1305'],
  ] as const)(
    'with %s, of the suites %j (0/x/16) the server chooses %s',
    async (kind, cipherSuites, expected) => {
      const psk = ['-psk', KEY.toString('hex'), '-psk_identity', 'gw'];
      const { port, waitFor } = await serve('-cipher', 'ALL:@SECLEVEL=0', ...(kind === KEYED ? psk : []));
      await opened(port, of(kind, { cipherSuites }));
      const [, chosen] = await waitFor(/^CIPHER is (\S+)$/m, 5000);
      expect(chosen).toBe(expected);
    },
  );

  test.each<[string, Partial<Offer>, RegExp]>([
    ['groups (0/x/18)', { groups: [24] }, /^Supported groups: secp384r1$/m],
    ['signature schemes (0/x/20)', { signatures: [0x0403] }, /^Signature Algorithms: ECDSA\+SHA256$/m],
    ['no TLS 1.3 (0/x/22)', { isTls13: false }, /^CIPHER is ECDHE-/m],
  ])('%s is what is offered', async (_, offer, said) => {
    const { port, waitFor } = await serve();
    await opened(port, of(NAMED, offer));
    await waitFor(said, 5000);
  });

  test.each<[string, Credentials]>([
    ['suites that nobody knows', of(NAMED, { cipherSuites: [0x1234] })],
    ['suites for certificates with a shared key', of(KEYED, { cipherSuites: [0xc0ae, 0x1301] })],
    ['suites for a shared key with certificates', of(NAMED, { cipherSuites: [0xc0a8] })],
    ['groups that nobody knows', of(NAMED, { groups: [1] })],
    ['signature schemes that nobody knows', of(NAMED, { signatures: [0x0201] })],
    ['raw public keys', { ...of(NAMED), mode: 'rpk', serverPublicKey: publicKey(pki?.server.privateKey) }],
  ])('%s are refused before anything is sent', async (_, credentials) => {
    await expect(opened(1, credentials)).rejects.toMatchObject({ code: 'binding.bad-credentials' });
  });

  test.each(['-tls1_2', '-tls1_3'])(
    'a server that refuses our certificate says so by an alert, with %s also after the handshake (RFC 8446 4.4.2)',
    async (version) => {
      if (pki === undefined) return;
      const { port } = await serve(version, '-Verify', '1', '-verify_return_error');
      const answer = await opened(port, certified(pki.stranger)).then(ask, unreachable);
      expect(answer).toEqual({
        status: 'unreachable',
        message: 'handshake failed: the server refused: tlsv1 alert unknown ca (alert 48)',
        alert: { code: 48, from: 'server' },
      });
    },
  );

  test('CCM_8, which OpenSSL counts as weak, lets no server prove itself with SHA-1', async () => {
    const { port } = await serve('-tls1_2', '-cipher', 'ALL:@SECLEVEL=0', '-sigalgs', 'ECDSA+SHA1');
    await expect(opened(port, of(NAMED, { cipherSuites: [0xc0ae] }))).rejects.toMatchObject({
      code: 'binding.handshake',
    });
  });

  test('the name of the server is told and judged without the dot at its end (RFC 6066 3)', async () => {
    const { certificate: cert, privateKey: key } = pki?.server ?? { certificate: '', privateKey: '' };
    const server = createServer({ cert, key, ALPNProtocols: ['coap'] });
    const told = new Promise((resolve) =>
      server.once('secureConnection', (socket) => resolve(socket.servername)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    releases.push(() => server.close());
    await opened((server.address() as AddressInfo).port, { ...of(NAMED), sni: 'localhost.' });
    expect(await told).toBe('localhost');
  });

  test('a server that hangs up without a word leaves a hint (Node.js does so)', async () => {
    if (pki === undefined) return;
    const security = { ...pki.server, ca: pki.ca, requiresCertificate: true };
    const server = await startUpstream({ clock: systemClock, log: silentLogger, carrier: 'tcp', security });
    releases.push(() => server.close());
    const answer = await opened(server.port, certified(pki.stranger)).then(ask, unreachable);
    expect(answer).toMatchObject({
      message: 'the server closed the connection after the handshake; does it know who we are?',
    });
  });

  test('a wrong key is a handshake that failed', async () => {
    const { port } = await serve('-nocert', '-psk', KEY.toString('hex'), '-psk_identity', 'gw');
    const wrong = { ...ACCOUNT, secretKey: Buffer.from('fedcba9876543210') };
    expect(await opened(port, wrong).then(ask, unreachable)).toMatchObject({
      status: 'unreachable',
      message: expect.stringMatching(/^handshake failed: the server refused: /),
      alert: { from: 'server' },
    });
  });
});
