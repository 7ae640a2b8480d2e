import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createPki, pkiAvailable, pkiInstallLine } from '../support/pki.ts';
import { configOf, faultsOf, fromEnv } from './support.ts';

const KEY = '000102030405060708090A0B0C0D0E0F';
const main = (credentials: string, uri = 'coaps+tcp://h'): string => `profilePaths: [profiles]
upstream:
  endpoint: gw
  servers:
    - uri: ${uri}
      credentials: ${credentials}
`;
const without = (faults: string[]): string[] =>
  faults.map((fault) => fault.replace('upstream.servers[0].', ''));

describe('the carrier of a server', () => {
  test.each([
    ['coap+tcp://h', { scheme: 'coap+tcp', host: 'h', port: 5683 }],
    ['coap+tcp://[2001:db8::1]:7', { scheme: 'coap+tcp', host: '2001:db8::1', port: 7 }],
  ])('%s', (uri, expected) => {
    const text = `profilePaths: [profiles]\nupstream: { endpoint: gw, servers: [{ uri: "${uri}" }] }\n`;
    expect(configOf(text).upstream.servers[0]).toMatchObject(expected);
  });

  test('a heartbeat is for connections', () => {
    const of = (uri: string): string =>
      main('{ pskIdentity: gw, pskFile: psk }', uri).replace(/ credentials: .*/, ' heartbeat: 30s');
    expect(configOf(of('coap+tcp://h')).upstream.servers[0]?.heartbeatMs).toBe(30_000);
    expect(without(faultsOf(of('coap://h')))).toEqual([
      'gateway.yaml:6:18 heartbeat: this is for connections, over coap+tcp: and coaps+tcp:',
    ]);
  });

  test('a connection has no local port to choose', () => {
    const text =
      'profilePaths: [profiles]\nupstream: { endpoint: gw, servers: [{ uri: "coap+tcp://h", localPort: 5000 }] }\n';
    expect(faultsOf(text)).toEqual([
      'gateway.yaml:2:71 upstream.servers[0].localPort: a connection has a local port of its own each time; leave it out',
    ]);
  });
});

describe('a shared key', () => {
  const expected = { psk: { identity: 'gw', key: KEY.toLowerCase() } };

  test.each([
    ['from a file', '{ pskIdentity: gw, pskFile: secrets/psk }'],
    ['from the environment', `{ pskIdentity: gw, psk: "${fromEnv('PSK')}" }`],
  ])('%s', (_, credentials) => {
    const given = { files: { 'secrets/psk': `${KEY}\n` }, env: { PSK: KEY } };
    const [server] = configOf(main(credentials), given).upstream.servers;
    expect([server?.port, server?.credentials]).toEqual([5684, expected]);
  });

  test.each([
    [
      '{ pskIdentity: gw, pskFile: none }',
      '48 credentials.pskFile',
      "cannot read 'none': there is no such file or folder",
    ],
    ['{ pskIdentity: gw, pskFile: short }', '48 credentials.pskFile', 'a key has 32 to 128 hex digits'],
    ['{ pskIdentity: gw, pskFile: words }', '48 credentials.pskFile', 'a key has 32 to 128 hex digits'],
    [
      `{ pskIdentity: gw, psk: "${fromEnv('SHORT')}" }`,
      '44 credentials.psk',
      'a key has 32 to 128 hex digits',
    ],
    ['{ pskFile: psk }', '20 credentials', 'a shared key needs its pskIdentity'],
    ['{ pskIdentity: gw }', '20 credentials', 'a shared key stands either in pskFile or in psk'],
    [
      '{ pskIdentity: gw, pskFile: psk, caFile: ca }',
      '61 credentials.caFile',
      'this goes with certificates, not with a shared key',
    ],
    ['{}', '20 credentials', 'there are no credentials'],
  ])('%s is a fault that does not show the key', (credentials, where, message) => {
    const files = { psk: KEY, short: 'abcd', words: 'not a key but a secret that is long enough' };
    const [fault, ...more] = without(faultsOf(main(credentials), { files, env: { SHORT: 'abcd' } }));
    expect([fault?.replace(/^gateway\.yaml:6:/, ''), more]).toEqual([`${where}: ${message}`, []]);
  });

  test('without TLS is a fault', () => {
    expect(
      without(faultsOf(main('{ pskIdentity: gw, pskFile: psk }', 'coap+tcp://h'), { files: { psk: KEY } })),
    ).toEqual([
      'gateway.yaml:6:20 credentials: credentials need coaps: or coaps+tcp:, nothing else is encrypted',
    ]);
  });
});

describe.skipIf(!pkiAvailable)(`certificates (else: ${pkiInstallLine})`, () => {
  const { ca, client, stranger } = pkiAvailable
    ? createPki()
    : { ca: '', client: undefined, stranger: undefined };
  const files = {
    'ca.pem': ca,
    'gw.pem': client?.certificate ?? '',
    'gw.key': client?.privateKey ?? '',
    'other.key': stranger?.privateKey ?? '',
    'broken.pem': ca.replace(/\n.{10}/, '\nAAAAAAAAAA'),
  };

  test('are read beside the configuration', () => {
    const text = main('{ caFile: ca.pem, certificateFile: gw.pem, privateKeyFile: gw.key, serverName: s }');
    expect(configOf(text, { files }).upstream.servers[0]?.credentials).toEqual({
      ca,
      certificate: files['gw.pem'],
      privateKey: files['gw.key'],
      serverName: 's',
    });
  });

  test('may be DER, the private key in any of its forms (OMA Core 1.2.2 E.1)', () => {
    const raw = (pem: string): Buffer => (pem === '' ? Buffer.alloc(0) : new X509Certificate(pem).raw);
    const key = files['gw.key'] === '' ? undefined : createPrivateKey(files['gw.key']);
    for (const type of ['pkcs8', 'sec1'] as const) {
      const ders = {
        'ca.der': raw(ca),
        'gw.der': raw(files['gw.pem']),
        'key.der': key?.export({ format: 'der', type }) ?? Buffer.alloc(0),
      };
      const text = main('{ caFile: ca.der, certificateFile: gw.der, privateKeyFile: key.der }');
      expect(configOf(text, { files: ders }).upstream.servers[0]?.credentials).toEqual({
        ca: `${ca.trim()}\n`,
        certificate: `${files['gw.pem'].trim()}\n`,
        privateKey: key?.export({ format: 'pem', type: 'pkcs8' }),
      });
    }
  });

  test.each([
    [
      '{ caFile: gw.key, certificateFile: gw.pem, privateKeyFile: gw.key }',
      'credentials.caFile: this file holds no certificate as PEM or DER',
    ],
    [
      '{ caFile: broken.pem, certificateFile: gw.pem, privateKeyFile: gw.key }',
      'credentials.caFile: this file holds no certificate as PEM or DER',
    ],
    ['{ certificateFile: gw.pem }', 'credentials: certificates need caFile, certificateFile, privateKeyFile'],
    [
      '{ caFile: ca.pem, certificateFile: gw.pem, privateKeyFile: ca.pem }',
      'credentials.privateKeyFile: this file holds no private key without a passphrase as PEM or DER',
    ],
    [
      '{ caFile: ca.pem, certificateFile: gw.pem, privateKeyFile: other.key }',
      'credentials.privateKeyFile: this is not the private key of the certificate',
    ],
  ])('%s is a fault', (credentials, message) => {
    expect(
      without(faultsOf(main(credentials), { files })).map((fault) => fault.replace(/^\S+ /, '')),
    ).toEqual([message]);
  });
});
