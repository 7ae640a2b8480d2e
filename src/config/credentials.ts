import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { inspect } from './certificates.ts';
import type { CredentialsConfig } from './config.ts';
import { type Faults, locationOf, type Note } from './fault.ts';
import { besides } from './files.ts';
import { childOf, type Node } from './node.ts';
import type { Reader } from './sources.ts';
import type { CheckedCredentials } from './upstream-schema.ts';

/** 128 to 512 bits: fewer can be guessed, more is beyond what servers must take (OMA Core 1.2 E.1). */
const KEY = /^(?:[0-9a-f]{2}){16,64}$/i;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The credentials with the files that they name. What is in them is never part of a fault.
 * @param node the map under `credentials:`
 */
export function readCredentials(
  checked: CheckedCredentials,
  node: Node,
  reader: Reader,
  faults: Faults,
  notes: Note[],
): CredentialsConfig | undefined {
  const refuse = (key: string, message: string): undefined => {
    faults.add((childOf(node, key) ?? node).place, message);
  };

  const readFile = (key: FileKey): string | undefined => {
    const path = checked[key];
    const named = childOf(node, key);
    return path === undefined ? undefined : reader.text(besides(node.place.file, path), named);
  };

  /** @returns the text of the file, if it holds what it should */
  const readPem = (key: FileKey, what: string, parse: (text: string) => void): string | undefined => {
    const text = readFile(key);
    if (text === undefined) return undefined;
    try {
      parse(text);
      return text;
    } catch {
      return refuse(key, `this file holds no ${what} as PEM`);
    }
  };

  const readKey = (identity: string): CredentialsConfig | undefined => {
    const key = checked.pskFile === undefined ? 'psk' : 'pskFile';
    const text = checked.psk ?? readFile('pskFile');
    if (text === undefined) return undefined;
    if (!KEY.test(text.trim())) return refuse(key, 'a key has 32 to 128 hex digits');
    return { psk: { identity, key: text.trim().toLowerCase() } };
  };

  const readCertificates = (): CredentialsConfig | undefined => {
    const { serverName } = checked;
    const ca = readPem('caFile', 'certificate', certificatesOf);
    const certificate = readPem('certificateFile', 'certificate', certificatesOf);
    const privateKey = readPem('privateKeyFile', 'private key without a passphrase', createPrivateKey);
    if (ca === undefined || certificate === undefined || privateKey === undefined) return undefined;
    if (!isPair(certificate, privateKey))
      return refuse('privateKeyFile', 'this is not the private key of the certificate');
    const doubts = inspect(certificatesOf(certificate), certificatesOf(ca), reader.nowMs);
    for (const { key, ...doubt } of doubts)
      notes.push({ ...locationOf((childOf(node, key) ?? node).place), ...doubt });
    return { ca, certificate, privateKey, ...(serverName !== undefined && { serverName }) };
  };

  const readPublicKeys = (): CredentialsConfig | undefined => {
    const serverPublicKey = readPem('serverPublicKeyFile', 'public key', createPublicKey);
    const privateKey = readPem('privateKeyFile', 'private key without a passphrase', createPrivateKey);
    return serverPublicKey === undefined || privateKey === undefined
      ? undefined
      : { serverPublicKey, privateKey };
  };

  if (checked.serverPublicKeyFile !== undefined) return readPublicKeys();
  return checked.pskIdentity === undefined ? readCertificates() : readKey(checked.pskIdentity);
}

type FileKey = 'pskFile' | 'serverPublicKeyFile' | 'caFile' | 'certificateFile' | 'privateKeyFile';

/** @throws Error when there is none, or one that is broken */
function certificatesOf(text: string): X509Certificate[] {
  const found = text.match(PEM_CERTIFICATE) ?? [];
  if (found.length === 0) throw new Error('no certificate');
  return found.map((one) => new X509Certificate(one));
}

function isPair(certificate: string, privateKey: string): boolean {
  const [own] = certificatesOf(certificate);
  return own?.checkPrivateKey(createPrivateKey(privateKey)) === true;
}
