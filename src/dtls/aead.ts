import { type CipherCCMTypes, createCipheriv, createDecipheriv } from 'node:crypto';
import { createAdditionalData, writeNumber } from './additional-data.ts';
import type { Protection, ProtectionOptions } from './protection.ts';

const EXPLICIT_NONCE = 8;

/**
 * GCM and CCM (RFC 5288, RFC 6655): the nonce is a salt from the key block and 8 bytes in front of the record, which
 * are epoch and sequence number here, so that none comes twice.
 */
export function createAead({ cipher, keys, cid }: ProtectionOptions): Protection {
  const { key, salt } = keys;
  const { tagLength } = cipher;
  // The calls are the same for GCM; only its types lack the length of the plain text.
  const algorithm = cipher.algorithm as CipherCCMTypes;
  const options = { authTagLength: tagLength };
  const additionalData = createAdditionalData(cid);
  const nonce = Buffer.alloc(salt.length + EXPLICIT_NONCE);
  nonce.set(salt);

  return {
    expansion: EXPLICIT_NONCE + tagLength,
    seal(place, content, target, at) {
      writeNumber(nonce, place, salt.length);
      writeNumber(target, place, at);
      const sealing = createCipheriv(algorithm, key, nonce, options);
      sealing.setAAD(additionalData(place, content.length), { plaintextLength: content.length });
      target.set(sealing.update(content), at + EXPLICIT_NONCE);
      sealing.final();
      target.set(sealing.getAuthTag(), at + EXPLICIT_NONCE + content.length);
      return EXPLICIT_NONCE + content.length + tagLength;
    },
    open(place, body) {
      const length = body.length - EXPLICIT_NONCE - tagLength;
      if (length < 0) return undefined;
      nonce.set(body.subarray(0, EXPLICIT_NONCE), salt.length);
      const opening = createDecipheriv(algorithm, key, nonce, options);
      opening.setAuthTag(body.subarray(EXPLICIT_NONCE + length));
      opening.setAAD(additionalData(place, length), { plaintextLength: length });
      try {
        // CCM finds out in update, GCM in final.
        const content = opening.update(body.subarray(EXPLICIT_NONCE, EXPLICIT_NONCE + length));
        opening.final();
        return content;
      } catch {
        return undefined;
      }
    },
  };
}
