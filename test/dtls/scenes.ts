import { X509Certificate } from 'node:crypto';
import type { AssociationOptions, Credentials } from '../../src/dtls/index.ts';
import { ecKey, issueCa, issueServer, rsaKey, spkiOf } from './certificates.ts';
import { PSK, type SceneOptions } from './network.ts';
import type { TestServerOptions } from './server.ts';

/** Keys and certificates of tests, made once. */
export const SERVER_NAME = 'lwm2m.example.org';
export const root = issueCa({ subject: 'Root', key: ecKey() });
export const intermediate = issueCa({ subject: 'Intermediate', key: ecKey('secp384r1'), issuer: root });
export const ecServer = issueServer({ subject: SERVER_NAME, key: ecKey(), issuer: intermediate });
export const rsaServer = issueServer({ subject: SERVER_NAME, key: rsaKey(), issuer: intermediate });
export const device = issueServer({
  subject: 'meter-1',
  key: ecKey(),
  issuer: intermediate,
  purposes: ['clientAuth'],
});

export const anchor = new X509Certificate(root.der);

export const byCertificate: Credentials = {
  kind: 'certificate',
  trust: { anchors: [anchor] },
  own: { privateKey: device.key.privateKey, chain: [device.der, intermediate.der] },
};
export const byRawKey: Credentials = {
  kind: 'raw-public-key',
  privateKey: device.key.privateKey,
  serverKey: spkiOf(ecServer.key),
};

type Side = Partial<AssociationOptions> & { readonly server: Partial<TestServerOptions> };

/** How the two sides can know each other. */
export const WAYS: Readonly<Record<string, Side>> = {
  psk: { credentials: PSK, server: {} },
  certificate: {
    credentials: byCertificate,
    serverName: SERVER_NAME,
    server: {
      suite: 0xc0ae,
      chain: [ecServer.der, intermediate.der],
      key: ecServer.key.privateKey,
      asksClient: true,
    },
  },
  'raw public key': {
    credentials: byRawKey,
    server: { suite: 0xc0ae, key: ecServer.key.privateKey, isRaw: true, asksClient: true },
  },
  'RSA certificate': {
    credentials: byCertificate,
    serverName: SERVER_NAME,
    server: {
      suite: 0xc02f,
      chain: [rsaServer.der, intermediate.der],
      key: rsaServer.key.privateKey,
      asksClient: true,
    },
  },
};

/** A way, with more said about the two sides. */
export function scene(way: keyof typeof WAYS, more: SceneOptions = {}): SceneOptions {
  const base = WAYS[way];
  return { ...base, ...more, server: { ...base?.server, ...more.server } };
}
