import type { ConnectionOptions } from 'node:tls';

/** What a client offers instead of what Node.js would; names as OpenSSL has them, best first. */
export interface TlsOffer {
  readonly suites?: readonly string[];
  /** for ECDHE */
  readonly groups?: readonly string[];
  readonly signatures?: readonly string[];
  /** false: no version beyond TLS 1.2 */
  readonly is13?: boolean;
}

/** What a cipher suite of TLS proves the server by. TLS 1.3 has its suites apart from that; here it is certificates. */
export type TlsProof = 'psk' | 'certificate';

/** Suites by their number (IANA), with the name that OpenSSL has for them, best first. */
const SUITES: readonly (readonly [number, string, TlsProof])[] = [
  [0x1301, 'TLS_AES_128_GCM_SHA256', 'certificate'],
  [0x1302, 'TLS_AES_256_GCM_SHA384', 'certificate'],
  [0x1303, 'TLS_CHACHA20_POLY1305_SHA256', 'certificate'],
  [0x1304, 'TLS_AES_128_CCM_SHA256', 'certificate'],
  [0x1305, 'TLS_AES_128_CCM_8_SHA256', 'certificate'],
  [0xc02b, 'ECDHE-ECDSA-AES128-GCM-SHA256', 'certificate'],
  [0xc02c, 'ECDHE-ECDSA-AES256-GCM-SHA384', 'certificate'],
  [0xcca9, 'ECDHE-ECDSA-CHACHA20-POLY1305', 'certificate'],
  [0xc0ac, 'ECDHE-ECDSA-AES128-CCM', 'certificate'],
  [0xc0ad, 'ECDHE-ECDSA-AES256-CCM', 'certificate'],
  [0xc0ae, 'ECDHE-ECDSA-AES128-CCM8', 'certificate'],
  [0xc0af, 'ECDHE-ECDSA-AES256-CCM8', 'certificate'],
  [0xc023, 'ECDHE-ECDSA-AES128-SHA256', 'certificate'],
  [0xc024, 'ECDHE-ECDSA-AES256-SHA384', 'certificate'],
  [0xc02f, 'ECDHE-RSA-AES128-GCM-SHA256', 'certificate'],
  [0xc030, 'ECDHE-RSA-AES256-GCM-SHA384', 'certificate'],
  [0xcca8, 'ECDHE-RSA-CHACHA20-POLY1305', 'certificate'],
  [0xc027, 'ECDHE-RSA-AES128-SHA256', 'certificate'],
  [0xccac, 'ECDHE-PSK-CHACHA20-POLY1305', 'psk'],
  [0x00aa, 'DHE-PSK-AES128-GCM-SHA256', 'psk'],
  [0x00a8, 'PSK-AES128-GCM-SHA256', 'psk'],
  [0x00a9, 'PSK-AES256-GCM-SHA384', 'psk'],
  [0xc037, 'ECDHE-PSK-AES128-CBC-SHA256', 'psk'],
  [0xc0a4, 'PSK-AES128-CCM', 'psk'],
  [0xc0a8, 'PSK-AES128-CCM8', 'psk'],
  [0x00ae, 'PSK-AES128-CBC-SHA256', 'psk'],
];

/** Suites that prove the key (OMA Transport 1.2 5.2.8); one of another kind would let any certificate do. */
export const PSK_SUITES: readonly string[] = SUITES.flatMap(([, name, proof]) =>
  proof === 'psk' ? name : [],
);

const GROUPS: ReadonlyMap<number, string> = new Map([
  [23, 'P-256'],
  [24, 'P-384'],
  [25, 'P-521'],
  [29, 'X25519'],
  [30, 'X448'],
]);

const SIGNATURES: ReadonlyMap<number, string> = new Map([
  [0x0403, 'ecdsa_secp256r1_sha256'],
  [0x0503, 'ecdsa_secp384r1_sha384'],
  [0x0603, 'ecdsa_secp521r1_sha512'],
  [0x0807, 'ed25519'],
  [0x0804, 'rsa_pss_rsae_sha256'],
  [0x0805, 'rsa_pss_rsae_sha384'],
  [0x0806, 'rsa_pss_rsae_sha512'],
  [0x0401, 'rsa_pkcs1_sha256'],
  [0x0501, 'rsa_pkcs1_sha384'],
  [0x0601, 'rsa_pkcs1_sha512'],
]);

const named = (names: ReadonlyMap<number, string>) => (numbers: readonly number[]) =>
  numbers.flatMap((number) => names.get(number) ?? []);

/** Groups and signature schemes by the numbers that IANA gave them; those that are unknown are left out. */
export const tlsGroups = named(GROUPS);
export const tlsSignatures = named(SIGNATURES);

/** What TLS has of these suites that prove a server in this way, in their order. */
export function tlsSuites(numbers: readonly number[], by: TlsProof): readonly string[] {
  return numbers.flatMap((number) =>
    SUITES.flatMap(([known, name, proof]) => (known === number && proof === by ? name : [])),
  );
}

const isOf13 = (suite: string): boolean => suite.startsWith('TLS_');

/**
 * These suites and no others: Node.js adds those of TLS 1.3 wherever that version is allowed. OpenSSL counts the short
 * tag of CCM_8 of TLS 1.2 as weak, LwM2M demands it (OMA Transport 1.2.2 5.2.8): who names it gets it, but not the
 * signatures with SHA-1 that OpenSSL takes at that level. Certificates are judged by rules of our own.
 */
function onlySuites(suites: readonly string[]): ConnectionOptions {
  const isWeak = suites.some((suite) => suite.endsWith('CCM8'));
  return {
    ciphers: [...suites, ...(isWeak ? ['@SECLEVEL=0'] : [])].join(':'),
    ...(isWeak && { sigalgs: [...SIGNATURES.values()].join(':') }),
    minVersion: suites.every(isOf13) ? 'TLSv1.3' : 'TLSv1.2',
    maxVersion: suites.some(isOf13) ? 'TLSv1.3' : 'TLSv1.2',
  };
}

/** The same for Node.js. */
export function offering({ suites, groups, signatures, is13 }: TlsOffer): ConnectionOptions {
  return {
    ...(suites !== undefined && onlySuites(suites)),
    ...(groups !== undefined && { ecdhCurve: groups.join(':') }),
    ...(signatures !== undefined && { sigalgs: signatures.join(':') }),
    ...(is13 === false && { maxVersion: 'TLSv1.2' as const }),
  };
}
