import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Logger, silentLogger, systemClock } from '../../src/base/index.ts';
import { createEndpoint } from '../../src/coap/index.ts';
import { startUpstream } from '../../src/demo/index.ts';
import { openTcpServer, type Peer } from '../../src/transport/index.ts';
import { leshanAvailable, leshanInstallLine, startLeshan } from '../peers/leshan.ts';
import {
  leshanBootstrapAvailable,
  leshanBootstrapInstallLine,
  startLeshanBootstrap,
} from '../peers/leshan-bs.ts';
import { createPki, type Pki, pkiAvailable, pkiInstallLine } from '../support/pki.ts';
import { leaksIn } from '../support/secrets.ts';
import { certificates, secureModes } from '../support/secure-modes.ts';
import { eventually, openSite, type Site } from '../support/site.ts';

/** Bootstrap-Servers over TLS and DTLS give accounts of servers (ETS int-1, int-2, int-404). */

const ENDPOINT = 'gw-1';
const SENML_JSON = 110;
const CERTIFICATE = 2;

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

const pki = pkiAvailable ? createPki(ENDPOINT) : undefined;

describe.skipIf(!pkiAvailable)(`a Bootstrap-Server over TLS (else: ${pkiInstallLine})`, () => {
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
});

const installLine = `${leshanInstallLine}; ${leshanBootstrapInstallLine}; certificates need: ${pkiInstallLine}`;

describe.skipIf(!leshanAvailable() || !leshanBootstrapAvailable())(
  `Leshan's Bootstrap-Server over DTLS (else: ${installLine})`,
  () => {
    test.each(secureModes(ENDPOINT, pki))(
      'int-1, int-2 %s: it gives the account of a server over DTLS, where the gateway is registered then',
      async (_, mode) => {
        const leshan = await startLeshan({ security: mode.security });
        site.onClose(() => leshan.stop());
        const uri = `coaps://127.0.0.1:${leshan.coapsPort}`;
        const bs = await startLeshanBootstrap({
          endpoint: ENDPOINT,
          security: mode.security,
          servers: [{ id: 7, uri, lifetime: 300, ...mode.account }],
          delete: ['/0', '/1'],
        });
        site.onClose(() => bs.stop());
        const bootstrap = `{ uri: "coaps://127.0.0.1:${bs.port}", credentials: ${await mode.credentials(site)} }`;
        const said: unknown[] = [];
        const say = (...what: unknown[]): void => void said.push(what);
        const log: Logger = { debug: say, info: say, warn: say, error: say, child: () => log };
        const gateway = await site.start(`upstream: { endpoint: ${ENDPOINT}, bootstrap: ${bootstrap} }`, log);
        await bs.waitFor(new RegExp(`^finished ${ENDPOINT}$`, 'm'), 20_000);
        expect(bs.output().match(/^(failed|ended|unknown|refused).*$/gm)).toBeNull();
        await eventually(async () => (await leshan.clients()).length === 1, 20_000);
        expect(await leshan.read(ENDPOINT, '/1/7/1')).toMatchObject({
          success: true,
          content: { value: '300' },
        });
        expect(gateway.status().servers).toMatchObject([{ server: 7, phase: 'registered' }]);
        expect(said.length).toBeGreaterThan(0);
        const told = JSON.stringify([said, gateway.status()]);
        expect(leaksIn(told, [Buffer.from(mode.account.secretKey, 'base64')])).toEqual([]);
      },
      60_000,
    );

    test('int-2 a Bootstrap-Server that is not the one of the files is not spoken to', async () => {
      if (pki === undefined) return;
      const mode = certificates(ENDPOINT, pki);
      const bs = await startLeshanBootstrap({ endpoint: ENDPOINT, security: mode.security, servers: [] });
      site.onClose(() => bs.stop());
      const credentials = await mode.credentials(site);
      await site.write('ca.pem', pki.stranger.certificate);
      const gateway = await site.start(
        `upstream: { endpoint: ${ENDPOINT}, bootstrap: { uri: "coaps://127.0.0.1:${bs.port}", credentials: ${credentials} } }`,
      );
      const problem = await eventually(() => gateway.status().bootstrap?.problem, 15_000);
      expect(problem).toMatch(/^handshake failed: /);
      expect(bs.output()).not.toContain('begun');
    }, 40_000);
  },
);
