import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { LeshanSecurity } from '../peers/leshan.ts';
import type { LeshanAccountSecurity } from '../peers/leshan-bs.ts';
import type { Pki } from './pki.ts';
import type { Site } from './site.ts';

/** The three ways in which client and server prove who they are (OMA Core 1.2.2 E.1, resource 0/x/2). */
export interface SecureMode {
  /** what Leshan knows of the client and of itself */
  readonly security: LeshanSecurity;
  /** what a bootstrap tells the client */
  readonly account: LeshanAccountSecurity;
  /** What stands under `credentials:` of a configuration; writes the files that it names. */
  credentials(site: Site): Promise<string>;
}

export const KEY = '000102030405060708090a0b0c0d0e0f';
export const IDENTITY = 'gw-17';

const keyDer = (pem: string): string =>
  createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' }).toString('base64');
const publicKeyDer = (pem: string): string =>
  createPublicKey(pem).export({ format: 'der', type: 'spki' }).toString('base64');
const certificateDer = (pem: string): string => new X509Certificate(pem).raw.toString('base64');
const base64 = (text: string, encoding: BufferEncoding): string =>
  Buffer.from(text, encoding).toString('base64');

/** @returns what stands under `credentials:` for a shared key */
export async function keyed(site: Site, identity = IDENTITY, key = KEY): Promise<string> {
  return `{ pskIdentity: ${identity}, pskFile: "${await site.write('psk', `${key}\n`)}" }`;
}

export const sharedKey = (endpoint: string): SecureMode => ({
  security: { endpoint, identity: IDENTITY, psk: KEY },
  account: {
    mode: 'PSK',
    identity: base64(IDENTITY, 'utf8'),
    serverPublicKey: '',
    secretKey: base64(KEY, 'hex'),
  },
  credentials: keyed,
});

export const certificates = (endpoint: string, { ca, server, client }: Pki): SecureMode => ({
  security: {
    endpoint,
    x509: true,
    key: keyDer(server.privateKey),
    chain: server.certificate,
    trust: ca,
  },
  account: {
    mode: 'X509',
    identity: certificateDer(client.certificate),
    serverPublicKey: certificateDer(ca),
    secretKey: keyDer(client.privateKey),
    certificateUsage: 2,
  },
  async credentials(site) {
    await site.write('ca.pem', ca);
    await site.write('gateway.pem', client.certificate);
    await site.write('gateway.key', client.privateKey);
    return '{ caFile: ca.pem, certificateFile: gateway.pem, privateKeyFile: gateway.key }';
  },
});

export const publicKeys = (endpoint: string, { server, client }: Pki): SecureMode => ({
  security: {
    endpoint,
    publicKey: publicKeyDer(client.privateKey),
    key: keyDer(server.privateKey),
    ownPublicKey: publicKeyDer(server.privateKey),
  },
  account: {
    mode: 'RPK',
    identity: publicKeyDer(client.privateKey),
    serverPublicKey: publicKeyDer(server.privateKey),
    secretKey: keyDer(client.privateKey),
  },
  async credentials(site) {
    const shown = new X509Certificate(server.certificate).publicKey.export({ format: 'pem', type: 'spki' });
    await site.write('server.pub', shown.toString());
    await site.write('gateway.key', client.privateKey);
    return '{ serverPublicKeyFile: server.pub, privateKeyFile: gateway.key }';
  },
});

/** All of them, with what they are called in the test catalogue; those with certificates where there is openssl. */
export function secureModes(
  endpoint: string,
  pki: Pki | undefined,
): readonly (readonly [string, SecureMode])[] {
  const shared = ['a shared key', sharedKey(endpoint)] as const;
  if (pki === undefined) return [shared];
  return [
    shared,
    ['certificates', certificates(endpoint, pki)],
    ['raw public keys', publicKeys(endpoint, pki)],
  ];
}
