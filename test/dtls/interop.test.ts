import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import { createEndpoint } from '../../src/coap/index.ts';
import {
  type Credentials,
  type DtlsClient,
  type DtlsClientOptions,
  openDtlsClient,
  type SuiteName,
} from '../../src/dtls/index.ts';
import {
  DTLS_PEERS,
  type DtlsPeer,
  type DtlsPeerName,
  OPENSSL_SAYS,
  startGnutls,
  startLibcoapDtls,
  startMbedtls,
  startOpenssl,
  startScandium,
} from '../peers/dtls.ts';
import { pemOf, spkiOf } from './certificates.ts';
import {
  byCertificate,
  byRawKey,
  device,
  ecServer,
  intermediate,
  root,
  rsaServer,
  SERVER_NAME,
} from './scenes.ts';

const ACCOUNT = { identity: 'meter', key: Buffer.from('secretPSK') };
const byPsk: Credentials = { kind: 'psk', identity: Buffer.from(ACCOUNT.identity), key: ACCOUNT.key };
const pkcs8 = (issued: typeof ecServer): string =>
  issued.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const certified = (issued = ecServer) => ({
  chain: pemOf(issued) + pemOf(intermediate),
  key: pkcs8(issued),
  trust: pemOf(root),
});
const keyDer = ecServer.key.privateKey.export({ type: 'pkcs8', format: 'der' });
/** A server that wants a certificate of the client, too. */
const mutual = { credentials: byCertificate, serverName: SERVER_NAME } as const;

const trusting = (ca: typeof root) =>
  ({ ...byCertificate, trust: { anchors: [new X509Certificate(ca.der)] } }) as Credentials;

const open: { stop?(): Promise<void>; transport?: { close(): Promise<void> } }[] = [];
afterEach(async () => {
  for (const it of open.splice(0).reverse()) await (it.stop?.() ?? it.transport?.close());
});

async function served<Peer extends DtlsPeer>(starting: Promise<Peer>): Promise<Peer> {
  const peer = await starting;
  open.push(peer);
  return peer;
}

async function connect(
  { port }: DtlsPeer,
  options: Partial<DtlsClientOptions> & { credentials: Credentials },
): Promise<DtlsClient> {
  const client = await openDtlsClient({
    udp: { host: '127.0.0.1', port },
    timers: { firstMs: 300, mostMs: 1000, totalMs: 2500 },
    ...options,
  });
  open.push(client);
  return client;
}

/** Hears until that text has come. */
function heard({ transport }: DtlsClient, text: string): Promise<void> {
  return new Promise((resolve) => {
    let all = '';
    transport.receive({
      onMessage(bytes) {
        all += Buffer.from(bytes).toString();
        if (all.includes(text)) resolve();
      },
      onError() {},
    });
  });
}

async function expectEcho(client: DtlsClient, text: string): Promise<void> {
  const back = heard(client, text);
  client.transport.send(Buffer.from(text), client.peer);
  await back;
}

function peer(name: DtlsPeerName, tests: () => void): void {
  const { isThere, install } = DTLS_PEERS[name];
  const there = isThere();
  describe.skipIf(!there)(there ? name : `${name} (missing: ${install})`, tests);
}

const code = (expected: string) => expect.objectContaining({ code: expected });

peer('openssl', () => {
  const psk = (suite: SuiteName, ciphers: string) => ({ suite, ciphers });
  const exchange = async (server: DtlsPeer, client: DtlsClient): Promise<void> => {
    const greeting = heard(client, OPENSSL_SAYS);
    client.transport.send(Buffer.from('hello from us\n'), client.peer);
    await server.waitFor(/hello from us/, 5000);
    await greeting;
  };

  test.each([
    psk('TLS_PSK_WITH_AES_128_CCM_8', 'PSK-AES128-CCM8'),
    psk('TLS_PSK_WITH_AES_256_CCM_8', 'PSK-AES256-CCM8'),
    psk('TLS_PSK_WITH_AES_128_CCM', 'PSK-AES128-CCM'),
    psk('TLS_PSK_WITH_AES_256_CCM', 'PSK-AES256-CCM'),
    psk('TLS_PSK_WITH_AES_128_GCM_SHA256', 'PSK-AES128-GCM-SHA256'),
    psk('TLS_PSK_WITH_AES_256_GCM_SHA384', 'PSK-AES256-GCM-SHA384'),
    psk('TLS_PSK_WITH_AES_128_CBC_SHA256', 'PSK-AES128-CBC-SHA256'),
    psk('TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256', 'ECDHE-PSK-AES128-CBC-SHA256'),
  ])('$suite', async ({ suite, ciphers }) => {
    const server = await served(startOpenssl(ACCOUNT, ciphers));
    const client = await connect(server, { credentials: byPsk, suites: [suite] });
    expect(client.details).toMatchObject({
      suite,
      isExtendedMasterSecret: true,
      isEncryptThenMac: suite.includes('CBC'),
    });
    await exchange(server, client);
  });

  test.each([
    psk('TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 'ECDHE-ECDSA-AES128-CCM8'),
    psk('TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8', 'ECDHE-ECDSA-AES256-CCM8'),
    psk('TLS_ECDHE_ECDSA_WITH_AES_128_CCM', 'ECDHE-ECDSA-AES128-CCM'),
    psk('TLS_ECDHE_ECDSA_WITH_AES_256_CCM', 'ECDHE-ECDSA-AES256-CCM'),
    psk('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'),
    psk('TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'),
    psk('TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ECDHE-ECDSA-AES128-SHA256'),
    psk('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'),
    psk('TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'),
  ])('$suite with certificates on both sides', async ({ suite, ciphers }) => {
    const server = await served(
      startOpenssl(
        certified(suite.includes('RSA') && !suite.includes('ECDSA') ? rsaServer : ecServer),
        ciphers,
      ),
    );
    const client = await connect(server, { ...mutual, suites: [suite] });
    expect(client.details).toMatchObject({ suite, isExtendedMasterSecret: true });
    await exchange(server, client);
  });

  test('CBC without Encrypt-then-MAC (RFC 7366)', async () => {
    const server = await served(startOpenssl(ACCOUNT, 'PSK-AES128-CBC-SHA256', ['-no_etm']));
    const suites = ['TLS_PSK_WITH_AES_128_CBC_SHA256'] as const;
    const client = await connect(server, { credentials: byPsk, suites });
    expect(client.details.isEncryptThenMac).toBe(false);
    await exchange(server, client);
  });

  test.each(['P-256', 'P-384', 'X25519'])('the curve %s (RFC 8422 5.1.1)', async (curve) => {
    const server = await served(startOpenssl(ACCOUNT, 'ECDHE-PSK-AES128-CBC-SHA256', ['-curves', curve]));
    const suites = ['TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256'] as const;
    await exchange(server, await connect(server, { credentials: byPsk, suites }));
  });

  test('datagrams of 256 bytes both ways, with chains of certificates', async () => {
    const server = await served(startOpenssl(certified(), 'ECDHE-ECDSA-AES128-CCM8', ['-mtu', '256']));
    await exchange(server, await connect(server, { ...mutual, mtu: 256 }));
  });

  test.each([
    ['a ticket, PSK', ACCOUNT, 'PSK-AES128-CCM8', [], { credentials: byPsk }],
    ['a session id, PSK', ACCOUNT, 'PSK-AES128-CCM8', ['-no_ticket'], { credentials: byPsk }],
    ['a ticket, certificates', certified(), 'ECDHE-ECDSA-AES128-CCM8', [], mutual],
    ['a session id, certificates', certified(), 'ECDHE-ECDSA-AES128-CCM8', ['-no_ticket'], mutual],
  ] as const)('resumption by %s', async (_name, account, ciphers, more, options) => {
    const server = await served(startOpenssl(account, ciphers, [...more, '-id_prefix', 'test']));
    const first = await connect(server, options);
    await exchange(server, first);
    const session = first.session();
    await first.transport.close();
    if (session === undefined) throw new Error('no session');
    const second = await connect(server, { ...options, session });
    expect(second.details.isResumed).toBe(true);
    second.transport.send(Buffer.from('again\n'), second.peer);
    await server.waitFor(/again/, 5000);
  });

  describe('refuses, or is refused:', () => {
    test('a wrong key', async () => {
      const server = await served(startOpenssl(ACCOUNT, 'PSK-AES128-CCM8'));
      const credentials = { ...byPsk, key: Buffer.from('wrong') } as Credentials;
      await expect(connect(server, { credentials })).rejects.toEqual(
        expect.objectContaining({ code: expect.stringMatching(/dtls\.(timeout|alert)/) }),
      );
    });
    test('no suite in common', async () => {
      const server = await served(startOpenssl(ACCOUNT, 'PSK-AES128-CCM8'));
      const suites = ['TLS_PSK_WITH_AES_128_GCM_SHA256'] as const;
      await expect(connect(server, { credentials: byPsk, suites })).rejects.toEqual(
        expect.objectContaining({ code: 'dtls.alert', data: { alert: 'handshake_failure' } }),
      );
    });
    const ECDHE_PSK = { credentials: byPsk, suites: ['TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256'] } as const;
    test.each([
      ['groups', startOpenssl.bind(0, ACCOUNT, 'ALL', ['-curves', 'P-384']), ECDHE_PSK, { groups: [23] }],
      [
        'signature schemes',
        startOpenssl.bind(0, certified(), 'ALL', ['-sigalgs', 'ECDSA+SHA384']),
        mutual,
        { signatures: [0x0403] },
      ],
    ] as const)('no common one among the %s that it may offer', async (_name, begin, options, only) => {
      const server = await served(begin());
      const { transport } = await connect(server, options);
      await transport.close();
      await expect(connect(server, { ...options, ...only })).rejects.toEqual(
        expect.objectContaining({ code: 'dtls.alert', data: { alert: 'handshake_failure' } }),
      );
    });
    test('a CA that is not ours', async () => {
      const server = await served(startOpenssl(certified(), 'ECDHE-ECDSA-AES128-CCM8'));
      const credentials = { ...byCertificate, trust: { anchors: [] } } as Credentials;
      await expect(connect(server, { ...mutual, credentials })).rejects.toEqual(code('dtls.certificate'));
    });
    test('another name', async () => {
      const server = await served(startOpenssl(certified(), 'ECDHE-ECDSA-AES128-CCM8'));
      await expect(connect(server, { ...mutual, serverName: 'other.org' })).rejects.toEqual(
        expect.objectContaining({ data: { alert: 'bad_certificate', reason: 'name' } }),
      );
    });
    test('another pin', async () => {
      const server = await served(startOpenssl(certified(), 'ECDHE-ECDSA-AES128-CCM8'));
      const pin = { usage: 3, matching: 'exact', bytes: device.der } as const;
      const credentials = { ...byCertificate, trust: { pin } } as Credentials;
      await expect(connect(server, { credentials })).rejects.toEqual(code('dtls.certificate'));
    });
    test('no certificate of ours', async () => {
      const server = await served(startOpenssl(certified(), 'ECDHE-ECDSA-AES128-CCM8'));
      const { kind, trust } = byCertificate as Extract<Credentials, { kind: 'certificate' }>;
      await expect(connect(server, { ...mutual, credentials: { kind, trust } })).rejects.toEqual(
        code('dtls.alert'),
      );
    });
  });
});

peer('gnutls', () => {
  const only = (exchange: string, cipher: string): string =>
    `NONE:+VERS-DTLS1.2:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+AEAD:+SHA256:+CTYPE-ALL:${exchange}:${cipher}`;

  test.each([
    ['TLS_PSK_WITH_AES_128_CCM_8', '+PSK', '+AES-128-CCM-8'],
    ['TLS_PSK_WITH_AES_128_CCM', '+PSK', '+AES-128-CCM'],
    ['TLS_PSK_WITH_AES_128_GCM_SHA256', '+PSK', '+AES-128-GCM'],
    ['TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256', '+ECDHE-PSK', '+AES-128-CBC'],
    ['TLS_PSK_WITH_AES_128_CBC_SHA256', '+PSK', '+AES-128-CBC'],
  ] as const)('%s', async (suite, exchange, cipher) => {
    const server = await served(startGnutls(ACCOUNT, only(exchange, cipher)));
    const client = await connect(server, { credentials: byPsk, suites: [suite] });
    expect(client.details.suite).toBe(suite);
    await expectEcho(client, 'reading');
  });

  test.each([
    ['TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', ecServer],
    ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', ecServer],
    ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', rsaServer],
  ] as const)('%s with certificates on both sides', async (suite, issued) => {
    const cipher = suite.includes('CCM_8') ? '+AES-128-CCM-8' : '+AES-128-GCM';
    const server = await served(startGnutls(certified(issued), only('+ECDHE-ECDSA:+ECDHE-RSA', cipher)));
    const client = await connect(server, { ...mutual, suites: [suite] });
    await expectEcho(client, 'reading');
  });

  test('raw public keys (RFC 7250)', async () => {
    const rawPublicKey = ecServer.key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const server = await served(
      startGnutls(
        { rawKey: pkcs8(ecServer), rawPublicKey },
        'NORMAL:-VERS-ALL:+VERS-DTLS1.2:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK',
        ['--disable-client-cert'],
      ),
    );
    const client = await connect(server, { credentials: byRawKey });
    await expectEcho(client, 'reading');
  });

  test('resumption by ticket', async () => {
    const server = await served(startGnutls(ACCOUNT, only('+PSK', '+AES-128-CCM-8')));
    const first = await connect(server, { credentials: byPsk });
    await expectEcho(first, 'first');
    const session = first.session();
    await first.transport.close();
    if (session === undefined) throw new Error('no session');
    const second = await connect(server, { credentials: byPsk, session });
    expect(second.details.isResumed).toBe(true);
    await expectEcho(second, 'second');
  });
});

describe.each([
  ['libcoap on OpenSSL', 'openssl'],
  ['libcoap on GnuTLS', 'gnutls'],
] as const)('CoAP over DTLS', (name, on) => {
  peer(name, () => {
    test.each([
      ['a shared key', ACCOUNT, { credentials: byPsk }],
      // This server sends its own certificate only, so that its issuer must be known.
      ['certificates', certified(), { ...mutual, credentials: trusting(intermediate) }],
    ] as const)('with %s, GET /time is answered by 2.05', async (_name, account, options) => {
      const server = await served(startLibcoapDtls(on, account));
      const { transport, peer: to } = await connect(server, options);
      const endpoint = createEndpoint({
        transport,
        clock: systemClock,
        random: Math.random,
        handler: () => ({ code: '4.04' }),
      });
      const answer = await endpoint.request(to, { method: 'GET', path: ['time'] });
      expect(answer.code).toBe('2.05');
      await endpoint.close();
    });
  });
});

peer('mbedtls', () => {
  test.each([
    'TLS_PSK_WITH_AES_128_CCM_8',
    'TLS_PSK_WITH_AES_128_CCM',
    'TLS_PSK_WITH_AES_128_GCM_SHA256',
    'TLS_PSK_WITH_AES_128_CBC_SHA256',
    'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256',
  ] as const)('%s', async (suite) => {
    const server = await served(startMbedtls(ACCOUNT, suite));
    const client = await connect(server, { credentials: byPsk, suites: [suite] });
    expect(client.details).toMatchObject({ suite, isExtendedMasterSecret: true });
    await expectEcho(client, 'reading');
  });

  test.each([
    'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8',
    'TLS_ECDHE_ECDSA_WITH_AES_128_CCM',
    'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256',
  ] as const)('%s with certificates on both sides', async (suite) => {
    const server = await served(startMbedtls(certified(), suite));
    const client = await connect(server, { ...mutual, suites: [suite] });
    expect(client.details).toMatchObject({ suite, isExtendedMasterSecret: true });
    await expectEcho(client, 'reading');
  });

  test('datagrams of 256 bytes', async () => {
    const server = await served(startMbedtls(certified(), 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8'));
    await expectEcho(await connect(server, { ...mutual, mtu: 256 }), 'reading');
  });

  test.each([
    ['a shared key', ACCOUNT, 'TLS_PSK_WITH_AES_128_CCM_8', { credentials: byPsk }],
    ['certificates', certified(), 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', mutual],
  ] as const)('%s and connection ids of both sides, from another port (RFC 9146)', async (...given) => {
    const [, account, suite, options] = given;
    const server = await served(startMbedtls(account, suite, Buffer.from('server')));
    const client = await connect(server, { ...options, connectionId: Buffer.from('client') });
    // Where the library has none, as in Debian 12, it has to work without.
    expect(client.details.hasPeerCid).toBe(server.hasCids);
    await expectEcho(client, 'reading');
    expect(await client.rebind()).toBe(server.hasCids);
    await expectEcho(client, 'from a new port');
  });

  test('a wrong key is refused', async () => {
    const server = await served(startMbedtls(ACCOUNT, 'TLS_PSK_WITH_AES_128_CCM_8'));
    const credentials = { ...byPsk, key: Buffer.from('wrong') } as Credentials;
    await expect(connect(server, { credentials })).rejects.toEqual(
      expect.objectContaining({ code: expect.stringMatching(/dtls\.(timeout|alert)/) }),
    );
  });

  test('an identity that it does not know is refused by an alert', async () => {
    const server = await served(startMbedtls(ACCOUNT, 'TLS_PSK_WITH_AES_128_CCM_8'));
    const credentials = { ...byPsk, identity: Buffer.from('stranger') } as Credentials;
    await expect(connect(server, { credentials })).rejects.toEqual(
      expect.objectContaining({ code: 'dtls.alert', data: { alert: 'unknown_psk_identity' } }),
    );
  });
});

peer('scandium', () => {
  const SUITE = { psk: 'TLS_PSK_WITH_AES_128_CCM_8', ec: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8' } as const;

  test('a shared key, a connection id, a new address, a restart, and a session', async () => {
    const server = await served(startScandium(ACCOUNT, SUITE.psk, 6));
    const client = await connect(server, { credentials: byPsk });
    expect(client.details.hasPeerCid).toBe(true);
    await expectEcho(client, 'first');
    // As if a NAT had forgotten us: the same keys from another port (RFC 9146 6).
    const before = client.transport.localPort;
    expect(await client.rebind()).toBe(true);
    expect(client.transport.localPort).not.toBe(before);
    await expectEcho(client, 'from a new port');
    // As after a planned restart: no handshake.
    const session = client.session();
    const connection = await client.suspend();
    if (connection === undefined || session === undefined) throw new Error('nothing to go on with');
    const restored = await connect(server, { credentials: byPsk, connection });
    expect(restored.details.isRestored).toBe(true);
    await expectEcho(restored, 'after a restart');
    await restored.transport.close();
    const resumed = await connect(server, { credentials: byPsk, session });
    expect(resumed.details).toMatchObject({ isResumed: true, hasPeerCid: true });
    await expectEcho(resumed, 'in a resumed session');
  });

  test('connection ids of both sides', async () => {
    const server = await served(startScandium(ACCOUNT, SUITE.psk, 6));
    const client = await connect(server, { credentials: byPsk, connectionId: Buffer.from('client') });
    await expectEcho(client, 'reading');
  });

  test('CBC with a connection id, whose MAC covers it (RFC 9146 5.1)', async () => {
    const suite = 'TLS_PSK_WITH_AES_128_CBC_SHA256';
    const server = await served(startScandium(ACCOUNT, suite, 6));
    const client = await connect(server, {
      credentials: byPsk,
      suites: [suite],
      connectionId: Buffer.from('us'),
    });
    expect(client.details).toMatchObject({ suite, hasPeerCid: true });
    await expectEcho(client, 'reading');
  });

  test('without a connection id, a new address is not found', async () => {
    const server = await served(startScandium(ACCOUNT, SUITE.psk, 6));
    const client = await connect(server, { credentials: byPsk, connectionId: false });
    expect(client.details.hasPeerCid).toBe(false);
    expect(await client.rebind()).toBe(false);
    expect(await client.suspend()).toBeUndefined();
    await expectEcho(client, 'still here');
  });

  test('certificates on both sides', async () => {
    const server = await served(startScandium({ ...certified(), keyDer }, SUITE.ec, 4));
    const client = await connect(server, mutual);
    await expectEcho(client, 'reading');
  });

  test('raw public keys on both sides (RFC 7250)', async () => {
    const server = await served(startScandium({ keyDer, publicKey: spkiOf(ecServer.key) }, SUITE.ec, 4));
    const client = await connect(server, { credentials: byRawKey });
    await expectEcho(client, 'reading');
  });
});
