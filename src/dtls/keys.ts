import { createHash, createHmac } from 'node:crypto';
import type { Suite } from './suites.ts';

/** The pseudorandom function (RFC 5246 5). The result is the caller's to erase. */
export function prf(
  hash: string,
  secret: Uint8Array,
  label: string,
  seed: Uint8Array,
  length: number,
): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, 'ascii'), seed]);
  const result = Buffer.alloc(length);
  let chain: Buffer = labelled;
  for (let at = 0; at < length; ) {
    chain = createHmac(hash, secret).update(chain).digest();
    const piece = createHmac(hash, secret).update(chain).update(labelled).digest();
    at += piece.copy(result, at);
    piece.fill(0);
  }
  chain.fill(0);
  return result;
}

/** The randoms of both hellos, 32 bytes each. */
export interface Randoms {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

const MASTER_LENGTH = 48;

/**
 * RFC 7627 4 when the transcript up to ClientKeyExchange is given, else RFC 5246 8.1.
 * @param transcript hash of the messages
 */
export function masterSecret(
  suite: Suite,
  premaster: Uint8Array,
  randoms: Randoms,
  transcript: Uint8Array | undefined,
): Buffer {
  return transcript === undefined
    ? prf(
        suite.hash,
        premaster,
        'master secret',
        Buffer.concat([randoms.client, randoms.server]),
        MASTER_LENGTH,
      )
    : prf(suite.hash, premaster, 'extended master secret', transcript, MASTER_LENGTH);
}

/** What one side protects its records with. */
export interface DirectionKeys {
  readonly key: Buffer;
  /** fixed part of the AEAD nonce; empty for CBC */
  readonly salt: Buffer;
  /** empty for an AEAD */
  readonly macKey: Buffer;
}

/** Keys of both sides. */
export interface TrafficKeys {
  readonly client: DirectionKeys;
  readonly server: DirectionKeys;
}

/** The key block and its parts (RFC 5246 6.3). */
export function trafficKeys(suite: Suite, master: Uint8Array, randoms: Randoms): TrafficKeys {
  const { macLength, keyLength, saltLength } = suite.cipher;
  const seed = Buffer.concat([randoms.server, randoms.client]);
  const block = prf(suite.hash, master, 'key expansion', seed, 2 * (macLength + keyLength + saltLength));
  let at = 0;
  const take = (length: number): Buffer => {
    at += length;
    return block.subarray(at - length, at);
  };
  const [clientMac, serverMac] = [take(macLength), take(macLength)];
  const [clientKey, serverKey] = [take(keyLength), take(keyLength)];
  return {
    client: { macKey: clientMac, key: clientKey, salt: take(saltLength) },
    server: { macKey: serverMac, key: serverKey, salt: take(saltLength) },
  };
}

export function eraseDirection({ key, salt, macKey }: DirectionKeys): void {
  for (const secret of [key, salt, macKey]) secret.fill(0);
}

const VERIFY_DATA_LENGTH = 12;

/** What Finished says (RFC 5246 7.4.9). @param transcript hash of the messages before it */
export function verifyData(
  suite: Suite,
  master: Uint8Array,
  side: 'client' | 'server',
  transcript: Uint8Array,
): Buffer {
  return prf(suite.hash, master, `${side} finished`, transcript, VERIFY_DATA_LENGTH);
}

/** Handshake messages as they are hashed and signed: unfragmented, without HelloVerifyRequest (RFC 6347 4.2.6). */
export interface Transcript {
  clear(): void;
  add(message: Uint8Array): void;
  bytes(): Buffer;
  digest(hash: string): Buffer;
}

export function createTranscript(): Transcript {
  const messages: Uint8Array[] = [];
  return {
    clear() {
      messages.length = 0;
    },
    add: (message) => messages.push(message),
    bytes: () => Buffer.concat(messages),
    digest(hash) {
      const digest = createHash(hash);
      for (const message of messages) digest.update(message);
      return digest.digest();
    },
  };
}
