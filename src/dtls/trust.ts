import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { distrust } from './fault.ts';
import { buildPath, MOST_CHARACTERS } from './path.ts';

/**
 * What the pinned certificate or key means (RFC 6698 2.1.1; LwM2M Security object, resource Certificate Usage):
 * 0 a CA that must be in the path; 1 the server's, with a path to an anchor; 2 the anchor itself; 3 the server's, and
 * nothing else matters.
 */
export type CertificateUsage = 0 | 1 | 2 | 3;

/** How a pin is compared: with the whole, or with its hash (LwM2M Security object, resource Matching Type). */
export type PinMatching = 'exact' | 'sha256' | 'sha384' | 'sha512';

export interface Pin {
  readonly usage: CertificateUsage;
  readonly matching: PinMatching;
  /** a certificate or SubjectPublicKeyInfo in DER, or the hash of one */
  readonly bytes: Uint8Array;
}

/** Whom we take for the server. */
export interface ServerTrust {
  /** CAs at which a path may end; not used with a pin of usage 2 or 3 */
  readonly anchors?: readonly X509Certificate[];
  readonly pin?: Pin;
}

/** What a usage demands. */
interface Demand {
  readonly hasPath: boolean;
  /** which certificate the pin must match */
  readonly pinned: 'leaf' | 'issuer' | undefined;
  /** The pin is the anchor. */
  readonly isAnchor: boolean;
  /** Without a name to check, any certificate of the CA would do. */
  readonly needsName: boolean;
}

const PATH_ONLY: Demand = { hasPath: true, pinned: undefined, isAnchor: false, needsName: true };
const DEMANDS: Readonly<Record<CertificateUsage, Demand>> = {
  0: { hasPath: true, pinned: 'issuer', isAnchor: false, needsName: true },
  1: { hasPath: true, pinned: 'leaf', isAnchor: false, needsName: false },
  2: { hasPath: true, pinned: 'issuer', isAnchor: true, needsName: true },
  3: { hasPath: false, pinned: 'leaf', isAnchor: false, needsName: false },
};

const demandOf = ({ pin }: ServerTrust): Demand => (pin === undefined ? PATH_ONLY : DEMANDS[pin.usage]);

/** Whether it takes a server name to judge by this. */
export const needsServerName = (trust: ServerTrust): boolean => demandOf(trust).needsName;

const MAX_CHAIN = 10;

/**
 * Certificates of a server, its own first.
 * @throws GatewayError `dtls.certificate`
 */
export function parseChain(ders: readonly Uint8Array[]): X509Certificate[] {
  if (ders.length > MAX_CHAIN) throw distrust('malformed', 'too many certificates');
  return ders.map((der) => {
    try {
      const certificate = new X509Certificate(der);
      certificate.publicKey; // throws for a key that OpenSSL does not know
      // Node takes PEM, too, and OpenSSL does not look behind the end.
      if (certificate.raw.equals(der)) return certificate;
    } catch {
      // as below
    }
    throw distrust('malformed', 'a certificate that cannot be read');
  });
}

/** @throws GatewayError `dtls.certificate` */
export function parsePublicKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    throw distrust('malformed', 'a public key that cannot be read');
  }
}

function matches({ matching, bytes }: Pin, certificate: X509Certificate): boolean {
  const spki = certificate.publicKey.export({ format: 'der', type: 'spki' });
  return [certificate.raw, spki].some((der) =>
    (matching === 'exact' ? der : createHash(matching).update(der).digest()).equals(bytes),
  );
}

/** The certificate itself, when that is what was pinned. */
function pinnedCertificate({ matching, bytes }: Pin): X509Certificate[] {
  if (matching !== 'exact') return [];
  try {
    return [new X509Certificate(bytes)];
  } catch {
    return []; // a key: its certificate must come from the server
  }
}

function checkName(leaf: X509Certificate, name: string): void {
  const isFor =
    isIP(name) === 0
      ? leaf.checkHost(name, { subject: 'never', partialWildcards: false }) // RFC 6125 6.4.4: no common names
      : leaf.checkIP(name);
  if (isFor !== undefined) return;
  const names = leaf.subjectAltName?.slice(0, MOST_CHARACTERS) ?? 'nobody';
  throw distrust('name', `the certificate is for ${names}, not for ${name}`);
}

/**
 * Judges the certificates that a server shows.
 * @param chain its own first
 * @param serverName name or address that it must be for
 * @returns the key that it has to prove to possess
 * @throws GatewayError `dtls.certificate`
 */
export function judgeServer(
  chain: readonly X509Certificate[],
  trust: ServerTrust,
  serverName: string | undefined,
  nowMs: number,
): KeyObject {
  const [leaf, ...others] = chain;
  if (leaf === undefined) throw distrust('malformed', 'the server shows no certificate');
  const { hasPath, pinned, isAnchor, needsName } = demandOf(trust);
  const { pin, anchors = [] } = trust;
  let path: readonly X509Certificate[] = [leaf];
  if (hasPath) {
    const pinnedOnes =
      pin && isAnchor ? [...pinnedCertificate(pin), ...others.filter((it) => matches(pin, it))] : [];
    path = buildPath(leaf, others, isAnchor ? pinnedOnes : anchors, nowMs);
    if (serverName !== undefined) checkName(leaf, serverName);
    else if (needsName) throw distrust('name', 'no name to check the certificate for');
  }
  const candidates = pinned === 'leaf' ? [leaf] : path.slice(1);
  if (pin !== undefined && !candidates.some((it) => matches(pin, it)))
    throw distrust('pin', 'the certificate is not the pinned one');
  return leaf.publicKey;
}
