import type { KeyObject, X509Certificate } from 'node:crypto';
import { isGatewayError } from '../base/index.ts';
import { type Extensions, extensionsOf, hasUsageBit, pathLengthIn, signatureAlgorithmOf } from './der.ts';
import { distrust } from './fault.ts';

/**
 * Certification paths (RFC 5280 6), strict and without what devices do not need: name constraints and policies are
 * refused or not looked at, there is no revocation.
 */

const OID = {
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  crlDistributionPoints: '551d1f',
  certificatePolicies: '551d20',
  extendedKeyUsage: '551d25',
} as const;

/** Critical extensions that may be there (RFC 5280 4.2); policies and CRLs ask nothing of who does not use them. */
const UNDERSTOOD = new Set<string>([
  OID.keyUsage,
  OID.subjectAltName,
  OID.basicConstraints,
  OID.crlDistributionPoints,
  OID.certificatePolicies,
  OID.extendedKeyUsage,
]);

/** With SHA-2; nothing older. */
const SIGNATURES = new Set([
  '2a8648ce3d040302', // ecdsa-with-SHA256
  '2a8648ce3d040303', // ecdsa-with-SHA384
  '2a8648ce3d040304', // ecdsa-with-SHA512
  '2a864886f70d01010b', // sha256WithRSAEncryption
  '2a864886f70d01010c', // sha384WithRSAEncryption
  '2a864886f70d01010d', // sha512WithRSAEncryption
  '2a864886f70d01010a 608648016503040201', // RSASSA-PSS with SHA256
  '2a864886f70d01010a 608648016503040202', // RSASSA-PSS with SHA384
  '2a864886f70d01010a 608648016503040203', // RSASSA-PSS with SHA512
  '2b6570', // Ed25519
]);

const CURVES = new Set<string | undefined>(['prime256v1', 'secp384r1', 'secp521r1']);
const LEAST_RSA_BITS = 2048;
const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5 } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

function isStrong(key: KeyObject): boolean {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ec':
      return CURVES.has(namedCurve);
    case 'rsa':
      return modulusLength >= LEAST_RSA_BITS;
    default:
      return key.asymmetricKeyType === 'ed25519';
  }
}

/** Of what a certificate says, in a message to people: whoever made it may have made it long. */
export const MOST_CHARACTERS = 200;
const nameOf = ({ subject }: X509Certificate): string =>
  subject?.replaceAll('\n', ', ').slice(0, MOST_CHARACTERS) || 'a nameless subject';

/** What holds for every certificate of a path. */
function checkAny(certificate: X509Certificate, extensions: Extensions, nowMs: number): void {
  const name = nameOf(certificate);
  if (!(nowMs >= Date.parse(certificate.validFrom)))
    throw distrust('not-yet-valid', `${name} is not valid before ${certificate.validFrom}`);
  if (!(nowMs <= Date.parse(certificate.validTo)))
    throw distrust('expired', `${name} expired on ${certificate.validTo}`);
  for (const [oid, { isCritical }] of extensions)
    if (oid === OID.nameConstraints || (isCritical && !UNDERSTOOD.has(oid)))
      throw distrust('unsupported', `${name} has a constraint that is not supported`);
  // Node calls the extended key usage so; every certificate of the path must allow it where it says anything.
  const purposes: readonly string[] = certificate.keyUsage ?? [];
  if (extensions.has(OID.extendedKeyUsage) && !purposes.includes(SERVER_AUTH))
    throw distrust('not-for-servers', `${name} is not meant for servers`);
  if (!isStrong(certificate.publicKey)) throw distrust('weak', `the key of ${name} is too weak`);
}

function allowsUsage(extensions: Extensions, bit: number): boolean {
  const usage = extensions.get(OID.keyUsage);
  return usage === undefined || hasUsageBit(usage.value, bit);
}

function checkLeaf(leaf: X509Certificate, nowMs: number): void {
  const extensions = extensionsOf(leaf);
  checkAny(leaf, extensions, nowMs);
  if (!allowsUsage(extensions, KEY_USAGE.digitalSignature))
    throw distrust('not-for-servers', `the key of ${nameOf(leaf)} may not sign`);
}

/** @param below CAs between it and the leaf, without those that issued themselves (RFC 5280 4.2.1.9) */
function checkCa(ca: X509Certificate, below: number, nowMs: number): void {
  const extensions = extensionsOf(ca);
  checkAny(ca, extensions, nowMs);
  const constraints = extensions.get(OID.basicConstraints);
  if (constraints === undefined || !ca.ca || !allowsUsage(extensions, KEY_USAGE.keyCertSign))
    throw distrust('not-a-ca', `${nameOf(ca)} may not issue certificates`);
  if (below > pathLengthIn(constraints.value)) throw distrust('not-a-ca', `too many CAs below ${nameOf(ca)}`);
}

const isSame = (a: X509Certificate, b: X509Certificate): boolean => a.raw.equals(b.raw);
const isSelfIssued = (certificate: X509Certificate): boolean => certificate.subject === certificate.issuer;

function checkIssued(subject: X509Certificate, issuer: X509Certificate): void {
  if (!SIGNATURES.has(signatureAlgorithmOf(subject)))
    throw distrust('weak', `${nameOf(subject)} is signed with an algorithm that is not accepted`);
  if (!subject.verify(issuer.publicKey))
    throw distrust('no-path', `${nameOf(subject)} is not signed by ${nameOf(issuer)}`);
}

const MAX_CAS = 8;
/** Signatures checked at most: chains can be made in which every certificate seems to be issued by every other. */
const MAX_STEPS = 64;

/**
 * A path from the leaf to an anchor, both included.
 * @param others in any order; what is not needed is not looked at
 * @throws GatewayError `dtls.certificate` with the reason of the most promising path
 */
export function buildPath(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  nowMs: number,
): readonly X509Certificate[] {
  let steps = 0;
  let reason: unknown;

  const extend = (
    path: readonly X509Certificate[],
    below: number,
  ): readonly X509Certificate[] | undefined => {
    const last = path.at(-1) ?? leaf;
    if (anchors.some((anchor) => isSame(anchor, last))) return path;
    if (path.length > MAX_CAS) return undefined;
    for (const issuer of [...anchors, ...others]) {
      if (path.some((known) => isSame(known, issuer)) || !last.checkIssued(issuer)) continue;
      if (++steps > MAX_STEPS) return undefined;
      try {
        checkIssued(last, issuer);
        checkCa(issuer, below, nowMs);
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        reason ??= error;
        continue;
      }
      const whole = extend([...path, issuer], below + (isSelfIssued(issuer) ? 0 : 1));
      if (whole !== undefined) return whole;
    }
    return undefined;
  };

  checkLeaf(leaf, nowMs);
  const path = extend([leaf], 0);
  if (path !== undefined) return path;
  throw reason ?? distrust('no-path', `no path from ${nameOf(leaf)} to a trusted CA`);
}
