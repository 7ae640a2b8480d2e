import { createReader, keep, uint, vector } from './bytes.ts';
import type { KeyExchange } from './suites.ts';

/** The messages of the server behind its hello. All functions throw GatewayError `dtls.malformed`. */

/** The certificates, the server's own first (RFC 5246 7.4.2). */
export function decodeCertificates(body: Uint8Array): Buffer[] {
  const reader = createReader(body);
  const list = createReader(reader.vector(3));
  reader.end();
  const certificates: Buffer[] = [];
  while (list.left > 0) certificates.push(Buffer.from(list.vector(3)));
  return certificates;
}

/** The SubjectPublicKeyInfo that stands there instead (RFC 7250 3). */
export function decodeRawPublicKey(body: Uint8Array): Buffer {
  const reader = createReader(body);
  const key = Buffer.from(reader.vector(3));
  reader.end();
  return key;
}

/** The server's half of ECDHE (RFC 8422 5.4). */
export interface ServerShare {
  readonly curveType: number;
  readonly group: number;
  readonly point: Buffer;
  /** as it is signed, without the randoms */
  readonly parameters: Buffer;
  /** where the server proves to have its key */
  readonly signature: { readonly scheme: number; readonly bytes: Buffer } | undefined;
}

export const NAMED_CURVE = 3;

/** Undefined: there is only the hint of RFC 4279 2, of which we make no use, as our identity is given. */
export function decodeServerKeyExchange(
  body: Uint8Array,
  { isPsk, isEphemeral, signedBy }: KeyExchange,
): ServerShare | undefined {
  const reader = createReader(body);
  if (isPsk) reader.vector(2);
  if (!isEphemeral) {
    reader.end();
    return undefined;
  }
  const [curveType, group, point] = [reader.uint(1), reader.uint(2), reader.vector(1)];
  const parameters = Buffer.concat([uint(curveType, 1), uint(group, 2), vector(1, point)]);
  const signature = signedBy && { scheme: reader.uint(2), bytes: reader.vector(2) };
  reader.end();
  return { curveType, group, point, parameters, signature };
}

/** What the server wants of our certificate: both must fit its key (RFC 5246 7.4.4). */
export interface CertificateRequest {
  readonly types: readonly number[];
  /** of signatures */
  readonly schemes: readonly number[];
}

export function decodeCertificateRequest(body: Uint8Array): CertificateRequest {
  const reader = createReader(body);
  const types = reader.list(1, 1);
  const schemes = reader.list(2, 2);
  reader.vector(2); // names of CAs: we have one identity at most
  reader.end();
  return { types, schemes };
}

/** What the server wants to see again instead of keeping it (RFC 5077 3.3). */
export interface Ticket {
  readonly bytes: Buffer;
  /** how long the server means to take it, in ms; infinite: it does not say */
  readonly lifetimeMs: number;
}

export function decodeNewSessionTicket(body: Uint8Array): Ticket {
  const reader = createReader(body);
  const seconds = reader.uint(4);
  const bytes = keep(reader.vector(2));
  reader.end();
  return { bytes, lifetimeMs: seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000 };
}
