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

  const readFile = <T>(
    key: FileKey,
    read: (path: string, named: Node | undefined) => T | undefined,
  ): T | undefined => {
    const path = checked[key];
    return path === undefined ? undefined : read(besides(node.place.file, path), childOf(node, key));
  };

  /** @returns what the file holds, as PEM, if it is what it should be */
  const readPem = (key: FileKey, kind: Kind): string | undefined => {
    const bytes = readFile(key, reader.bytes);
    if (bytes === undefined) return undefined;
    const { what, parse, fromDer } = KINDS[kind];
    try {
      const pem = isPem(bytes) ? new TextDecoder().decode(bytes) : fromDer(Buffer.from(bytes));
      parse(pem);
      return pem;
    } catch {
      return refuse(key, `this file holds no ${what} as PEM or DER`);
    }
  };

  const readKey = (identity: string): CredentialsConfig | undefined => {
    const key = checked.pskFile === undefined ? 'psk' : 'pskFile';
    const text = checked.psk ?? readFile('pskFile', reader.text);
    if (text === undefined) return undefined;
    if (!KEY.test(text.trim())) return refuse(key, 'a key has 32 to 128 hex digits');
    return { psk: { identity, key: text.trim().toLowerCase() } };
  };

  const readCertificates = (): CredentialsConfig | undefined => {
    const { serverName } = checked;
    const ca = readPem('caFile', 'certificate');
    const certificate = readPem('certificateFile', 'certificate');
    const privateKey = readPem('privateKeyFile', 'private');
    if (ca === undefined || certificate === undefined || privateKey === undefined) return undefined;
    if (!isPair(certificate, privateKey))
      return refuse('privateKeyFile', 'this is not the private key of the certificate');
    const doubts = inspect(certificatesOf(certificate), certificatesOf(ca), reader.nowMs);
    for (const { key, ...doubt } of doubts)
      notes.push({ ...locationOf((childOf(node, key) ?? node).place), ...doubt });
    return { ca, certificate, privateKey, ...(serverName !== undefined && { serverName }) };
  };

  const readPublicKeys = (): CredentialsConfig | undefined => {
    const serverPublicKey = readPem('serverPublicKeyFile', 'public');
    const privateKey = readPem('privateKeyFile', 'private');
    return serverPublicKey === undefined || privateKey === undefined
      ? undefined
      : { serverPublicKey, privateKey };
  };

  if (checked.serverPublicKeyFile !== undefined) return readPublicKeys();
  return checked.pskIdentity === undefined ? readCertificates() : readKey(checked.pskIdentity);
}

type FileKey = 'pskFile' | 'serverPublicKeyFile' | 'caFile' | 'certificateFile' | 'privateKeyFile';

const isPem = (bytes: Uint8Array): boolean => Buffer.from(bytes).includes('-----BEGIN ');

/** What a file may hold. Its functions throw what `node:crypto` throws. */
interface Content {
  readonly what: string;
  /** Fails where the PEM is not of this kind. */
  parse(pem: string): void;
  fromDer(der: Buffer): string;
}

/** PKCS #8, and what OpenSSL writes of elliptic curves and of RSA alone. */
const PRIVATE_FORMS = ['pkcs8', 'sec1', 'pkcs1'] as const;

function privateFromDer(key: Buffer): string {
  for (const type of PRIVATE_FORMS) {
    try {
      return createPrivateKey({ key, format: 'der', type })
        .export({ format: 'pem', type: 'pkcs8' })
        .toString();
    } catch {
      // Another form, then.
    }
  }
  throw new Error('no private key');
}

const KINDS = {
  certificate: {
    what: 'certificate',
    parse: certificatesOf,
    fromDer: (der) => new X509Certificate(der).toString(),
  },
  private: {
    what: 'private key without a passphrase',
    parse: createPrivateKey,
    fromDer: privateFromDer,
  },
  public: {
    what: 'public key',
    parse: createPublicKey,
    fromDer: (key) =>
      createPublicKey({ key, format: 'der', type: 'spki' })
        .export({ format: 'pem', type: 'spki' })
        .toString(),
  },
} as const satisfies Record<string, Content>;

type Kind = keyof typeof KINDS;

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
