import type { X509Certificate } from 'node:crypto';
import { distrust } from './fault.ts';

/** The few facts of a certificate that node:crypto does not tell, read from its DER (X.690 8.1, RFC 5280 4.1). */

interface Element {
  readonly tag: number;
  readonly body: Buffer;
}

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  oid: 0x06,
  pssHash: 0xa0,
  extensions: 0xa3,
} as const;
/** Lengths of lengths; a certificate of 16 MB is none. */
const MAX_LENGTH_SIZE = 3;

const broken = () => distrust('malformed', 'broken DER in a certificate');

function elementsOf(der: Buffer): Element[] {
  const elements: Element[] = [];
  let at = 0;
  const take = (size: number): number => {
    if (size > der.length - at) throw broken();
    at += size;
    return at - size;
  };
  while (at < der.length) {
    const tag = der.readUInt8(take(1));
    let length = der.readUInt8(take(1));
    if (length >= 0x80) {
      const size = length - 0x80;
      if (size === 0 || size > MAX_LENGTH_SIZE) throw broken();
      length = der.readUIntBE(take(size), size);
    }
    const start = take(length);
    elements.push({ tag, body: der.subarray(start, start + length) });
  }
  return elements;
}

function firstOf(der: Buffer): Element {
  const [first] = elementsOf(der);
  if (first === undefined) throw broken();
  return first;
}

export interface Extension {
  readonly isCritical: boolean;
  readonly value: Buffer;
}

/** By object identifier, as the hex of its DER. */
export type Extensions = ReadonlyMap<string, Extension>;

/** @throws GatewayError `dtls.certificate` */
export function extensionsOf(certificate: X509Certificate): Extensions {
  const extensions = new Map<string, Extension>();
  const body = firstOf(firstOf(certificate.raw).body);
  const block = elementsOf(body.body).find(({ tag }) => tag === TAG.extensions);
  if (block === undefined) return extensions;
  for (const { body: parts } of elementsOf(firstOf(block.body).body)) {
    const [oid, ...rest] = elementsOf(parts);
    const value = rest.at(-1);
    if (oid?.tag !== TAG.oid || value === undefined) throw broken();
    const name = oid.body.toString('hex');
    if (extensions.has(name)) throw broken(); // RFC 5280 4.2
    const flag = rest.length > 1 ? rest[0] : undefined;
    extensions.set(name, { isCritical: flag?.tag === TAG.boolean && flag.body[0] !== 0, value: value.body });
  }
  return extensions;
}

const RSASSA_PSS = '2a864886f70d01010a';

/**
 * The object identifier of the algorithm that the certificate is signed with, as the hex of its DER; for RSASSA-PSS
 * that of the hash behind it, which is none for SHA-1 (RFC 4055 3.1).
 */
export function signatureAlgorithmOf(certificate: X509Certificate): string {
  const [, algorithm] = elementsOf(firstOf(certificate.raw).body);
  const [oid, parameters] = algorithm === undefined ? [] : elementsOf(algorithm.body);
  if (oid === undefined) throw broken();
  const name = oid.body.toString('hex');
  if (name !== RSASSA_PSS) return name;
  const hash = parameters && elementsOf(parameters.body).find(({ tag }) => tag === TAG.pssHash);
  return `${name} ${hash === undefined ? '' : firstOf(firstOf(hash.body).body).body.toString('hex')}`;
}

/** pathLenConstraint of BasicConstraints (RFC 5280 4.2.1.9): how many CAs may follow. */
export function pathLengthIn(basicConstraints: Buffer): number {
  const limit = elementsOf(firstOf(basicConstraints).body).find(({ tag }) => tag === TAG.integer);
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  if (limit.body.length === 0 || limit.body.length > 4) throw broken();
  return limit.body.readIntBE(0, limit.body.length);
}

/** Whether a bit of KeyUsage is set (RFC 5280 4.2.1.3). */
export function hasUsageBit(keyUsage: Buffer, bit: number): boolean {
  const { tag, body } = firstOf(keyUsage);
  return tag === TAG.bitString && ((body[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
}
