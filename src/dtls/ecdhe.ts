import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';

/** What both sides have in common, and our half of it. */
export interface Agreement {
  readonly secret: Buffer;
  readonly publicKey: Buffer;
}

type Group = (peerPublicKey: Uint8Array) => Agreement;

/** DER of a SubjectPublicKeyInfo of X25519, up to the key (RFC 8410 4). */
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const X25519_LENGTH = 32;

function x25519(peerPublicKey: Uint8Array): Agreement {
  // OpenSSL does not look at what is behind the end of its DER.
  if (peerPublicKey.length !== X25519_LENGTH) throw new RangeError('an X25519 share of another length');
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const peer = createPublicKey({
    key: Buffer.concat([X25519_PREFIX, peerPublicKey]),
    format: 'der',
    type: 'spki',
  });
  return {
    secret: diffieHellman({ privateKey, publicKey: peer }), // refuses keys of small order (RFC 8422 5.11)
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(X25519_PREFIX.length),
  };
}

const UNCOMPRESSED = 4;

function onCurve(name: string): Group {
  return (peerPublicKey) => {
    if (peerPublicKey[0] !== UNCOMPRESSED) throw new RangeError('a point format that was not offered');
    const own = createECDH(name);
    const publicKey = own.generateKeys();
    return { secret: own.computeSecret(peerPublicKey), publicKey }; // refuses points that are not on the curve
  };
}

/** By number (RFC 8422 5.1.1), the one that we like best first. */
const GROUPS = new Map<number, Group>([
  [29, x25519],
  [23, onCurve('prime256v1')],
  [24, onCurve('secp384r1')],
]);

/** What we offer in supported_groups. */
export const GROUP_IDS: readonly number[] = [...GROUPS.keys()];

/** `unoffered`: not a group of ours; `invalid`: no public key of that group. */
export function agree(groupId: number, peerPublicKey: Uint8Array): Agreement | 'unoffered' | 'invalid' {
  const group = GROUPS.get(groupId);
  if (group === undefined) return 'unoffered';
  try {
    return group(peerPublicKey);
  } catch {
    return 'invalid';
  }
}
