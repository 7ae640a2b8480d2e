import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/cli/connect.ts';
import { ecKey, type Issued, issueCa, issueServer, pemOf } from '../dtls/certificates.ts';
import { DTLS_PEERS, type DtlsPeer, type DtlsPeerName, startGnutls, startOpenssl } from '../peers/dtls.ts';
import { leshanAvailable, leshanInstallLine, startLeshan } from '../peers/leshan.ts';
import {
  leshanBootstrapAvailable,
  leshanBootstrapInstallLine,
  startLeshanBootstrap,
} from '../peers/leshan-bs.ts';
import { freeUdpPort } from '../peers/process.ts';
import { IDENTITY, KEY, keyed, sharedKey } from '../support/secure-modes.ts';
import { completed, openSite, type Site } from '../support/site.ts';
import { listen } from './output.ts';

const ENDPOINT = 'gw-1';
const WRONG = 'ffeeddccbbaa99887766554433221100';

/** Times twenty times as short: 6 s for a handshake. */
const TRANSMISSION = 'transmission: { ackTimeout: 100ms }';

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(() => site.close());

async function connected(upstream: string, server?: number | 'bootstrap') {
  const config = completed(`upstream: { endpoint: ${ENDPOINT}, ${upstream} }`, site.folder);
  const out = listen();
  const code = await connect(await site.write('gateway.yaml', config), server, [], out);
  for (const secret of [KEY, WRONG, 'PRIVATE KEY'])
    expect(`${out.printed()}${out.complained()}`).not.toContain(secret);
  return { ...out, code };
}

const oneServer = (port: number, credentials: string, host = '127.0.0.1'): string =>
  `servers: [ { uri: "coaps://${host}:${port}", credentials: ${credentials}, release: '1.1', ${TRANSMISSION} } ]`;

function peer(name: DtlsPeerName, tests: () => void): void {
  const { isThere, install } = DTLS_PEERS[name];
  const there = isThere();
  describe.skipIf(!there)(there ? name : `${name} (missing: ${install})`, tests);
}

describe('connect over DTLS says in one line why it failed:', () => {
  /** @param server undefined: there is none */
  async function failing(server: Promise<DtlsPeer> | undefined, credentials: string, host?: string) {
    const running = await server;
    if (running !== undefined) site.onClose(() => running.stop());
    const { code, complained } = await connected(
      oneServer(running?.port ?? (await freeUdpPort()), credentials, host),
    );
    expect(code).toBe(1);
    expect(complained().split('\n')).toHaveLength(1);
    return complained().replace(/^it does not work: binding.handshake: handshake failed: /, '');
  }
  const account = { identity: IDENTITY, key: Buffer.from(KEY, 'hex') };

  test('nobody there', async () => {
    expect(await failing(undefined, await keyed(site))).toMatch(
      /^no DTLS handshake within 6000 ms; the network says: .*ECONNREFUSED/,
    );
  }, 15_000);

  test('nobody there, and meanwhile it shows that it tries', async () => {
    const { printed } = await connected(oneServer(await freeUdpPort(), await keyed(site)));
    expect(printed()).toMatch(/^ {2}DTLS: server 127.0.0.1:\d+$/m);
    expect(printed()).toMatch(/^ {2}the network reports an error: .*ECONNREFUSED$/m);
  }, 15_000);

  peer('gnutls', () => {
    const PRIORITY = 'NORMAL:-KX-ALL:+PSK:-VERS-ALL:+VERS-DTLS1.2';

    test('an identity that nobody knows', async () => {
      expect(await failing(startGnutls(account, PRIORITY), await keyed(site, 'stranger'))).toMatch(
        /^(the server refused: |no DTLS handshake within 6000 ms; is the server there, and does it know this identity)/,
      );
    }, 15_000);
  });

  peer('openssl', () => {
    test('a wrong key', async () => {
      const server = startOpenssl(account, 'PSK-AES128-CCM8');
      expect(await failing(server, await keyed(site, IDENTITY, WRONG))).toMatch(
        /^(the server refused: |no DTLS handshake within 6000 ms; is the server there, and does it know this identity and key\?$)/,
      );
    }, 15_000);

    const ca = issueCa({ subject: 'Root', key: ecKey() });
    const other = issueCa({ subject: 'Another Root', key: ecKey() });
    const pkcs8 = ({ key }: Issued): string =>
      key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const DAY_MS = 24 * 60 * 60 * 1000;
    const server = (dns: string, to?: Date, issuer = ca): Issued =>
      issueServer({
        subject: 'server',
        key: ecKey(),
        issuer,
        dns: [dns],
        ...(to !== undefined && { from: new Date(to.getTime() - DAY_MS), to }),
      });

    test.each([
      [
        'a name that is not in the certificate',
        server('other.example'),
        /^the certificate is for DNS:other.example, not for localhost$/,
      ],
      ['a certificate that has expired', server('localhost', new Date(Date.now() - DAY_MS)), /expired/],
      [
        'an authority that is not ours',
        server('localhost', undefined, other),
        /^no path from CN=server to a trusted CA$/,
      ],
    ])('%s', async (_, issued, why) => {
      await site.write('ca.pem', pemOf(ca));
      const own = issueServer({ subject: ENDPOINT, key: ecKey(), issuer: ca, purposes: ['clientAuth'] });
      await site.write('gateway.pem', pemOf(own));
      await site.write('gateway.key', pkcs8(own));
      const credentials = '{ caFile: ca.pem, certificateFile: gateway.pem, privateKeyFile: gateway.key }';
      const peer = startOpenssl({ chain: pemOf(issued), key: pkcs8(issued) }, 'ECDHE-ECDSA-AES128-CCM8');
      expect(await failing(peer, credentials, 'localhost')).toMatch(why);
    });
  });
});

describe.skipIf(!leshanAvailable())(`connect with Leshan over DTLS (else: ${leshanInstallLine})`, () => {
  const mode = sharedKey(ENDPOINT);

  test('it works, step by step', async () => {
    const leshan = await startLeshan({ security: mode.security });
    site.onClose(() => leshan.stop());
    const { code, printed } = await connected(oneServer(leshan.coapsPort, await mode.credentials(site)));
    expect(printed().split('\n')).toEqual([
      `server 1: coaps://127.0.0.1:${leshan.coapsPort}`,
      expect.stringMatching(/^ {2}DTLS: server /),
      expect.stringMatching(/^ {2}connected: /),
      expect.stringMatching(/^ {2}DTLS handshake done: .*suite TLS_/),
      '  Register: endpoint gw-1, release 1.1',
      expect.stringMatching(/^ {2}registered: location \/rd\/./),
      '  De-register: status ok',
      'it works',
    ]);
    expect(code).toBe(0);
    expect(await leshan.clients()).toEqual([]);
  }, 30_000);
});

describe.skipIf(!leshanBootstrapAvailable())(
  `connect with Leshan's Bootstrap-Server over DTLS (else: ${leshanBootstrapInstallLine})`,
  () => {
    const mode = sharedKey(ENDPOINT);
    const asking = async (port: number, credentials: string) =>
      `bootstrap: { uri: "coaps://127.0.0.1:${port}", credentials: ${credentials} }`;
    const serve = async (endpoint: string) => {
      const bs = await startLeshanBootstrap({
        endpoint,
        security: { ...mode.security, endpoint },
        servers: [{ id: 7, uri: 'coap://127.0.0.1', lifetime: 300 }],
      });
      site.onClose(() => bs.stop());
      return bs;
    };

    test('it asks, takes nothing, and says that it works', async () => {
      const bs = await serve(ENDPOINT);
      const upstream = await asking(bs.port, await mode.credentials(site));
      const { code, printed } = await connected(upstream);
      expect([code, printed().split('\n').at(0), printed().split('\n').at(-1)]).toEqual([
        0,
        `server bootstrap: coaps://127.0.0.1:${bs.port}`,
        'it works',
      ]);
      await bs.waitFor(/^begun gw-1$/m, 5000);
      expect(bs.output()).not.toContain('finished');
      const second = await connected(upstream, 7);
      expect([second.code, second.complained()]).toEqual([
        2,
        'no server 7 in the configuration; there are: bootstrap',
      ]);
    }, 30_000);

    test('it says why not', async () => {
      const bs = await serve('another-client');
      const { code, complained } = await connected(
        await asking(bs.port, await mode.credentials(site)),
        'bootstrap',
      );
      expect([code, complained()]).toEqual([
        1,
        expect.stringMatching(/^it does not work: the server answered 4\.0\d$/),
      ]);
    }, 30_000);
  },
);
