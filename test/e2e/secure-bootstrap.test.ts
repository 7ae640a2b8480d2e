import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.ts';
import { createEndpoint } from '../../src/coap/index.ts';
import { startUpstream } from '../../src/demo/index.ts';
import { openTcpServer, type Peer } from '../../src/transport/index.ts';
import { leshanAvailable, leshanInstallLine, startLeshan } from '../peers/leshan.ts';
import { createPki, type Pki, pkiAvailable, pkiInstallLine } from '../support/pki.ts';
import { eventually, openSite, type Site } from '../support/site.ts';

/** A Bootstrap-Server over TLS gives accounts for servers over DTLS and TLS (ETS int-2, int-404). */

const ENDPOINT = 'gw-1';
const SENML_JSON = 110;
const CERTIFICATE = 2;
const PSK = 0;
const KEY = Buffer.from('0123456789abcdef');

interface Record {
  readonly [name: string]: unknown;
}

const opaque = (bytes: Uint8Array): Record => ({ vd: Buffer.from(bytes).toString('base64url') });
const senml = (base: string, values: { readonly [id: number]: Record }): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(values).map(([id, value]) => ({ n: `${base}${id}`, ...value }))));

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(() => site.close());

/** Answers a Bootstrap-Request, and then sets one account. */
async function startBootstrapServer(pki: Pki, security: { readonly [id: number]: Record }, binding: string) {
  const transport = await openTcpServer({
    host: '127.0.0.1',
    port: 0,
    security: { ...pki.server, ca: pki.ca, requiresCertificate: true },
  });
  const server = { 0: { v: 1 }, 1: { v: 300 }, 6: { vb: true }, 7: { vs: binding } };
  const codes: string[] = [];
  const configure = async (peer: Peer): Promise<void> => {
    const write = async (path: string, payload: Buffer): Promise<void> => {
      const answer = await bs.request(peer, {
        method: 'PUT',
        path: [path],
        contentFormat: SENML_JSON,
        payload,
      });
      codes.push(answer.code);
    };
    await write('0', senml('/0/1/', { ...security, 1: { vb: false }, 10: { v: 1 } }));
    await write('1', senml('/1/1/', server));
    codes.push((await bs.request(peer, { method: 'POST', path: ['bs'] })).code);
  };
  const bs = createEndpoint({
    transport,
    clock: systemClock,
    random: Math.random,
    async handler({ method, path, peer }) {
      if (method !== 'POST' || path.join('/') !== 'bs') return { code: '4.04' };
      setImmediate(() => void configure(peer).catch((error: unknown) => codes.push(String(error))));
      return { code: '2.04' };
    },
  });
  site.onClose(() => bs.close());
  return { port: transport.localPort, codes };
}

async function startGateway(pki: Pki, port: number) {
  await site.write('ca.pem', pki.ca);
  await site.write('gateway.pem', pki.client.certificate);
  await site.write('gateway.key', pki.client.privateKey);
  const credentials = '{ caFile: ca.pem, certificateFile: gateway.pem, privateKeyFile: gateway.key }';
  const bootstrap = `{ uri: "coaps+tcp://127.0.0.1:${port}", credentials: ${credentials} }`;
  return site.start(`upstream: { endpoint: ${ENDPOINT}, bootstrap: ${bootstrap} }`);
}

const der = (pem: string): Buffer => new X509Certificate(pem).raw;
const keyDer = (pem: string): Buffer => createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });

describe.skipIf(!pkiAvailable)(`a Bootstrap-Server over TLS (else: ${pkiInstallLine})`, () => {
  const pki = pkiAvailable ? createPki(ENDPOINT) : undefined;

  /** @param usage 2: `server` is the authority, 3: it is the certificate itself */
  const certified = (of: Pki, uri: string, usage: number, server: string) => ({
    0: { vs: uri },
    2: { v: CERTIFICATE },
    3: opaque(der(of.client.certificate)),
    4: opaque(der(server)),
    5: opaque(keyDer(of.client.privateKey)),
    15: { v: usage },
  });

  test.each(['the certificate', 'another certificate'] as const)(
    'int-404 a server over TLS, known by its certificate alone: it shows %s',
    async (shown) => {
      if (pki === undefined) return;
      const upstream = await startUpstream({
        clock: systemClock,
        log: silentLogger,
        carrier: 'tcp',
        security: { ...pki.server, ca: pki.ca, requiresCertificate: true },
      });
      site.onClose(() => upstream.close());
      const pinned = shown === 'the certificate' ? pki.server.certificate : pki.stranger.certificate;
      const uri = `coaps+tcp://127.0.0.1:${upstream.port}`;
      const bs = await startBootstrapServer(pki, certified(pki, uri, 3, pinned), 'T');
      const gateway = await startGateway(pki, bs.port);
      if (shown === 'the certificate') {
        const client = await eventually(() => upstream.clients.get(ENDPOINT), 10_000);
        expect(client.binding).toBe('T');
      } else {
        const problem = await eventually(() => gateway.status().servers[0]?.problem, 10_000);
        expect(problem).toBe('handshake failed: the certificate is not the pinned one');
        expect(upstream.clients.size).toBe(0);
      }
      expect(bs.codes.slice(0, 3)).toEqual(['2.04', '2.04', '2.04']);
    },
    20_000,
  );

  describe.skipIf(!leshanAvailable())(`and Leshan (else: ${leshanInstallLine})`, () => {
    test.each(['int-1 a shared key', 'int-2 certificates'])(
      '%s for a server over DTLS: it is registered there',
      async (mode) => {
        if (pki === undefined) return;
        const isKeyed = mode.includes('key');
        const leshan = await startLeshan({
          security: isKeyed
            ? { endpoint: ENDPOINT, identity: 'gw', psk: KEY.toString('hex') }
            : {
                endpoint: ENDPOINT,
                x509: true,
                key: keyDer(pki.server.privateKey).toString('base64'),
                chain: pki.server.certificate,
                trust: pki.ca,
              },
        });
        site.onClose(() => leshan.stop());
        const uri = `coaps://127.0.0.1:${leshan.coapsPort}`;
        const account = isKeyed
          ? {
              0: { vs: uri },
              2: { v: PSK },
              3: opaque(Buffer.from('gw')),
              4: opaque(Buffer.alloc(0)),
              5: opaque(KEY),
            }
          : certified(pki, uri, 2, pki.ca);
        const bs = await startBootstrapServer(pki, account, 'U');
        await startGateway(pki, bs.port);
        await eventually(async () => (await leshan.clients()).length === 1, 15_000);
        expect(await leshan.read(ENDPOINT, '/1/1/0')).toMatchObject({
          success: true,
          content: { value: '1' },
        });
        expect(bs.codes).toEqual(['2.04', '2.04', '2.04']);
      },
      30_000,
    );
  });
});
