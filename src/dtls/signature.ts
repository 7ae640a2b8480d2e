import { constants, type KeyObject, sign, verify } from 'node:crypto';
import type { CertificateRequest } from './server-messages.ts';

/** A way to sign (RFC 5246 7.4.1.4.1, RFC 8446 4.2.3), and the type of key that it takes. */
interface Scheme {
  readonly id: number;
  readonly keyType: 'ec' | 'rsa';
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly isPss: boolean;
}

/** SHA-1 and MD5 are not among them. The one that we like best first. */
const SCHEMES: readonly Scheme[] = [
  { id: 0x0403, keyType: 'ec', hash: 'sha256', isPss: false },
  { id: 0x0503, keyType: 'ec', hash: 'sha384', isPss: false },
  { id: 0x0603, keyType: 'ec', hash: 'sha512', isPss: false },
  { id: 0x0804, keyType: 'rsa', hash: 'sha256', isPss: true },
  { id: 0x0805, keyType: 'rsa', hash: 'sha384', isPss: true },
  { id: 0x0806, keyType: 'rsa', hash: 'sha512', isPss: true },
  { id: 0x0401, keyType: 'rsa', hash: 'sha256', isPss: false },
  { id: 0x0501, keyType: 'rsa', hash: 'sha384', isPss: false },
  { id: 0x0601, keyType: 'rsa', hash: 'sha512', isPss: false },
];

/** What we offer in signature_algorithms. */
export const SCHEME_IDS: readonly number[] = SCHEMES.map(({ id }) => id);

const inputOf = (key: KeyObject, { keyType, isPss }: Scheme) => ({
  key,
  ...(keyType === 'ec' && { dsaEncoding: 'der' as const }),
  ...(isPss && {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  }),
});

/** ClientCertificateType of those with which we can sign (RFC 5246 7.4.4, RFC 8422 5.5). */
const CERTIFICATE_TYPES = { rsa: 1, ec: 64 } as const;

/** The first scheme of ours that the server asks for, and that the key is for. */
export function schemeFor(key: KeyObject, { types, schemes }: CertificateRequest): number | undefined {
  const fits = ({ id, keyType }: Scheme): boolean =>
    keyType === key.asymmetricKeyType && types.includes(CERTIFICATE_TYPES[keyType]) && schemes.includes(id);
  return SCHEMES.find(fits)?.id;
}

/** @param schemeId from {@link schemeFor} */
export function signWith(schemeId: number, key: KeyObject, data: Uint8Array): Buffer {
  const scheme = SCHEMES.find(({ id }) => id === schemeId);
  if (scheme === undefined) throw new RangeError(`no signature scheme ${schemeId}`);
  return sign(scheme.hash, data, inputOf(key, scheme));
}

/** `unoffered`: a scheme that we do not accept, or not with such a key. */
export function checkSignature(
  schemeId: number,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): 'good' | 'bad' | 'unoffered' {
  const scheme = SCHEMES.find(({ id, keyType }) => id === schemeId && keyType === key.asymmetricKeyType);
  if (scheme === undefined) return 'unoffered';
  return verify(scheme.hash, data, inputOf(key, scheme), signature) ? 'good' : 'bad';
}
