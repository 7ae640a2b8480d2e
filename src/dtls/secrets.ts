import { createPublicKey, type KeyObject } from 'node:crypto';
import { keep, vector } from './bytes.ts';
import type { Credentials } from './credentials.ts';
import type { KeyExchange } from './suites.ts';

/** What we show to a server that asks who we are, as the body of Certificate, and the key that proves it. */
export interface Identity {
  readonly shown: Buffer;
  readonly privateKey: KeyObject;
}

/** @param isRaw the server takes a raw public key (RFC 7250 4.3), and nothing else */
export function identityOf(credentials: Credentials, isRaw: boolean): Identity | undefined {
  if (credentials.kind === 'raw-public-key' && isRaw) {
    const { privateKey } = credentials;
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    return { shown: vector(3, spki), privateKey };
  }
  if (credentials.kind === 'certificate' && !isRaw && credentials.own !== undefined) {
    const { privateKey, chain } = credentials.own;
    return { shown: vector(3, ...chain.map((der) => vector(3, der))), privateKey };
  }
  return undefined;
}

/**
 * RFC 4279 2 (PSK), RFC 5489 2 (ECDHE_PSK), RFC 8422 5.10. The result is the caller's to erase.
 * @param agreed by ECDHE, if there was one
 */
export function premasterSecret(
  { isPsk }: KeyExchange,
  credentials: Credentials,
  agreed: Uint8Array | undefined,
): Buffer {
  if (!isPsk || credentials.kind !== 'psk') return keep(agreed ?? Buffer.alloc(0));
  const { key } = credentials;
  const other = agreed ?? Buffer.alloc(key.length);
  // In one piece, so that no other copy of the key is left behind.
  const premaster = Buffer.alloc(2 + other.length + 2 + key.length);
  premaster.writeUInt16BE(other.length, 0);
  premaster.set(other, 2);
  premaster.writeUInt16BE(key.length, 2 + other.length);
  premaster.set(key, 4 + other.length);
  return premaster;
}
