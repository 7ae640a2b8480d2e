import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type AdditionalData, createAdditionalData, type RecordPlace } from './additional-data.ts';
import type { DirectionKeys } from './keys.ts';
import type { Protection, ProtectionOptions } from './protection.ts';

/**
 * AES-CBC with HMAC-SHA256, with the MAC over the cipher text where the server agrees (RFC 7366), else over the plain
 * text (RFC 5246 6.2.3.2). The latter cannot be made free of timing differences in JavaScript, so CBC suites are
 * offered only when they are asked for.
 */

const BLOCK = 16;
const MAC = 32;

export function createCbc({ cipher, keys, cid, isEncryptThenMac }: ProtectionOptions): Protection {
  const transform = isEncryptThenMac ? encryptThenMac : macThenEncrypt;
  const { enclose, disclose } = transform(keys, cipher.algorithm, createAdditionalData(cid));
  return {
    expansion: BLOCK + MAC + BLOCK,
    seal: (place, content, target, at) => enclose(place, content).copy(target, at),
    open: disclose,
  };
}

interface Transform {
  enclose(place: RecordPlace, content: Uint8Array): Buffer;
  disclose(place: RecordPlace, body: Uint8Array): Buffer | undefined;
}

function encryptThenMac(keys: DirectionKeys, algorithm: string, additionalData: AdditionalData): Transform {
  const macOf = (place: RecordPlace, encrypted: Uint8Array): Buffer =>
    createHmac('sha256', keys.macKey)
      .update(additionalData(place, encrypted.length))
      .update(encrypted)
      .digest();
  return {
    enclose(place, content) {
      const encrypted = encrypt(algorithm, keys.key, [content, padding(content.length)]);
      return Buffer.concat([encrypted, macOf(place, encrypted)]);
    },
    disclose(place, body) {
      const length = body.length - MAC;
      if (length < 2 * BLOCK || length % BLOCK !== 0) return undefined;
      const encrypted = body.subarray(0, length);
      if (!timingSafeEqual(macOf(place, encrypted), body.subarray(length))) return undefined;
      const plain = decrypt(algorithm, keys.key, encrypted);
      const padded = paddingLength(plain, 0);
      return padded === undefined ? undefined : plain.subarray(0, plain.length - padded);
    },
  };
}

function macThenEncrypt(keys: DirectionKeys, algorithm: string, additionalData: AdditionalData): Transform {
  const macOf = (place: RecordPlace, content: Uint8Array): Buffer =>
    createHmac('sha256', keys.macKey).update(additionalData(place, content.length)).update(content).digest();
  return {
    enclose(place, content) {
      const mac = macOf(place, content);
      return encrypt(algorithm, keys.key, [content, mac, padding(content.length + MAC)]);
    },
    disclose(place, body) {
      if (body.length < BLOCK + MAC + BLOCK || body.length % BLOCK !== 0) return undefined;
      const plain = decrypt(algorithm, keys.key, body);
      const padded = paddingLength(plain, MAC);
      // With wrong padding the MAC is taken all the same, as if there were none (RFC 5246 6.2.3.2).
      const length = plain.length - MAC - (padded ?? 0);
      const isAuthentic = timingSafeEqual(
        macOf(place, plain.subarray(0, length)),
        plain.subarray(length, length + MAC),
      );
      return isAuthentic && padded !== undefined ? plain.subarray(0, length) : undefined;
    },
  };
}

/** IV and cipher text. */
function encrypt(algorithm: string, key: Uint8Array, parts: readonly Uint8Array[]): Buffer {
  const iv = randomBytes(BLOCK);
  const cipher = createCipheriv(algorithm, key, iv).setAutoPadding(false);
  return Buffer.concat([iv, ...parts.map((part) => cipher.update(part)), cipher.final()]);
}

function decrypt(algorithm: string, key: Uint8Array, body: Uint8Array): Buffer {
  const cipher = createDecipheriv(algorithm, key, body.subarray(0, BLOCK)).setAutoPadding(false);
  return Buffer.concat([cipher.update(body.subarray(BLOCK)), cipher.final()]);
}

/** At least one byte, each of which says how many others there are. */
function padding(length: number): Buffer {
  const others = BLOCK - 1 - (length % BLOCK);
  return Buffer.alloc(others + 1, others);
}

/** How many bytes at the end are padding, when all of them say so, and `reserved` bytes are left before them. */
function paddingLength(plain: Buffer, reserved: number): number | undefined {
  const others = plain[plain.length - 1] ?? 0;
  const length = others + 1;
  if (length + reserved > plain.length) return undefined;
  let difference = 0;
  for (const byte of plain.subarray(plain.length - length)) difference |= byte ^ others;
  return difference === 0 ? length : undefined;
}
