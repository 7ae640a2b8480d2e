/** How the two sides agree on the premaster secret, and who proves what by it. */
export interface KeyExchange {
  /** Both sides know a secret key (RFC 4279). */
  readonly isPsk: boolean;
  /** Both sides make a key for this handshake only (RFC 8422). */
  readonly isEphemeral: boolean;
  /** Type of the server's key, where it signs. */
  readonly signedBy?: 'ec' | 'rsa';
}

const KEY_EXCHANGES = {
  PSK: { isPsk: true, isEphemeral: false },
  ECDHE_PSK: { isPsk: true, isEphemeral: true },
  ECDHE_ECDSA: { isPsk: false, isEphemeral: true, signedBy: 'ec' },
  ECDHE_RSA: { isPsk: false, isEphemeral: true, signedBy: 'rsa' },
} as const satisfies Record<string, KeyExchange>;

/**
 * How records are protected.
 * `mostRecords` may be sealed and `mostForgeries` refused with one key before the association ends, so that an
 * attacker's chance stays negligible: RFC 9147 4.5.3 and B.1 for GCM and CCM. For the short tag of CCM_8 the bound of
 * 2^20 forgeries leaves a chance below 2^-44. CBC has the bounds of CCM, for lack of better ones.
 */
export interface Cipher {
  readonly algorithm: 'aes-128-ccm' | 'aes-256-ccm' | 'aes-128-gcm' | 'aes-256-gcm' | 'aes-128-cbc';
  readonly isAead: boolean;
  readonly keyLength: number;
  /** of the AEAD */
  readonly tagLength: number;
  /** of the part of the nonce that comes from the key block (RFC 5288 3, RFC 6655 3) */
  readonly saltLength: number;
  readonly macLength: number;
  readonly mostRecords: number;
  readonly mostForgeries: number;
}

const aead = (
  algorithm: Cipher['algorithm'],
  keyLength: number,
  tagLength: number,
  mostRecords: number,
  mostForgeries: number,
): Cipher => ({
  algorithm,
  isAead: true,
  keyLength,
  tagLength,
  saltLength: 4,
  macLength: 0,
  mostRecords,
  mostForgeries,
});

const CIPHERS = {
  AES_128_GCM: aead('aes-128-gcm', 16, 16, 2 ** 24, 2 ** 36),
  AES_256_GCM: aead('aes-256-gcm', 32, 16, 2 ** 24, 2 ** 36),
  AES_128_CCM: aead('aes-128-ccm', 16, 16, 2 ** 23, 2 ** 23),
  AES_256_CCM: aead('aes-256-ccm', 32, 16, 2 ** 23, 2 ** 23),
  AES_128_CCM_8: aead('aes-128-ccm', 16, 8, 2 ** 23, 2 ** 20),
  AES_256_CCM_8: aead('aes-256-ccm', 32, 8, 2 ** 23, 2 ** 20),
  AES_128_CBC_SHA256: {
    algorithm: 'aes-128-cbc',
    isAead: false,
    keyLength: 16,
    tagLength: 0,
    saltLength: 0,
    macLength: 32,
    mostRecords: 2 ** 23,
    mostForgeries: 2 ** 23,
  },
} as const satisfies Record<string, Cipher>;

/** Number (IANA), key exchange, cipher and hash of each suite, the one that we like best first. */
const ROWS = [
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 0xc02b, 'ECDHE_ECDSA', 'AES_128_GCM', 'sha256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 0xc02c, 'ECDHE_ECDSA', 'AES_256_GCM', 'sha384'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CCM', 0xc0ac, 'ECDHE_ECDSA', 'AES_128_CCM', 'sha256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CCM', 0xc0ad, 'ECDHE_ECDSA', 'AES_256_CCM', 'sha256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 0xc0ae, 'ECDHE_ECDSA', 'AES_128_CCM_8', 'sha256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8', 0xc0af, 'ECDHE_ECDSA', 'AES_256_CCM_8', 'sha256'],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 0xc02f, 'ECDHE_RSA', 'AES_128_GCM', 'sha256'],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 0xc030, 'ECDHE_RSA', 'AES_256_GCM', 'sha384'],
  ['TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256', 0xd001, 'ECDHE_PSK', 'AES_128_GCM', 'sha256'],
  ['TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256', 0xd005, 'ECDHE_PSK', 'AES_128_CCM', 'sha256'],
  ['TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256', 0xd003, 'ECDHE_PSK', 'AES_128_CCM_8', 'sha256'],
  ['TLS_PSK_WITH_AES_128_GCM_SHA256', 0x00a8, 'PSK', 'AES_128_GCM', 'sha256'],
  ['TLS_PSK_WITH_AES_256_GCM_SHA384', 0x00a9, 'PSK', 'AES_256_GCM', 'sha384'],
  ['TLS_PSK_WITH_AES_128_CCM', 0xc0a4, 'PSK', 'AES_128_CCM', 'sha256'],
  ['TLS_PSK_WITH_AES_256_CCM', 0xc0a5, 'PSK', 'AES_256_CCM', 'sha256'],
  ['TLS_PSK_WITH_AES_128_CCM_8', 0xc0a8, 'PSK', 'AES_128_CCM_8', 'sha256'],
  ['TLS_PSK_WITH_AES_256_CCM_8', 0xc0a9, 'PSK', 'AES_256_CCM_8', 'sha256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 0xc023, 'ECDHE_ECDSA', 'AES_128_CBC_SHA256', 'sha256'],
  ['TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256', 0xc037, 'ECDHE_PSK', 'AES_128_CBC_SHA256', 'sha256'],
  ['TLS_PSK_WITH_AES_128_CBC_SHA256', 0x00ae, 'PSK', 'AES_128_CBC_SHA256', 'sha256'],
] as const satisfies readonly (readonly [
  string,
  number,
  keyof typeof KEY_EXCHANGES,
  keyof typeof CIPHERS,
  string,
])[];

export type SuiteName = (typeof ROWS)[number][0];

export interface Suite {
  readonly name: SuiteName;
  readonly id: number;
  readonly keyExchange: KeyExchange;
  readonly cipher: Cipher;
  /** of the PRF and of Finished */
  readonly hash: 'sha256' | 'sha384';
}

/** Everything that we speak. */
export const SUITES: readonly Suite[] = ROWS.map(([name, id, keyExchange, cipher, hash]) => ({
  name,
  id,
  keyExchange: KEY_EXCHANGES[keyExchange],
  cipher: CIPHERS[cipher],
  hash,
}));

/** Their names, the one that we like best first. */
export const SUITE_NAMES: readonly SuiteName[] = SUITES.map(({ name }) => name);

/** By the number that IANA gave them. */
export const SUITES_BY_NUMBER: ReadonlyMap<number, SuiteName> = new Map(
  SUITES.map(({ id, name }) => [id, name]),
);
