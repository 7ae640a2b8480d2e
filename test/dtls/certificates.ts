import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** Writes X.509 certificates (RFC 5280 4.1), right or wrong as asked. For tests. */

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), body]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const integer = (value: number): Buffer => {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return der(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
};
const boolean = (value: boolean): Buffer => der(0x01, Buffer.of(value ? 0xff : 0));
const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const groups = (value: number): number[] =>
    value < 0x80 ? [value] : [...groups(value >> 7).map((group) => group | 0x80), value & 0x7f];
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(groups)]));
};
const nameOf = (commonName: string): Buffer =>
  sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(commonName)))));
/** UTCTime up to 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
const time = (at: Date): Buffer => {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, '');
  return at.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits));
};
const bits = (...set: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(2);
  for (const bit of set) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return der(0x03, Buffer.of(0), bytes);
};

export const KEY_USAGE = {
  digitalSignature: 0,
  keyEncipherment: 2,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
} as const;
export const PURPOSE = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  any: '2.5.29.37.0',
} as const;

const ALGORITHMS: Readonly<Record<string, Buffer>> = {
  'ec sha1': sequence(oid('1.2.840.10045.4.1')),
  'ec sha256': sequence(oid('1.2.840.10045.4.3.2')),
  'ec sha384': sequence(oid('1.2.840.10045.4.3.3')),
  'rsa sha1': sequence(oid('1.2.840.113549.1.1.5'), der(0x05)),
  'rsa sha256': sequence(oid('1.2.840.113549.1.1.11'), der(0x05)),
};

const HASHES: Readonly<Record<string, string>> = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1' };

/** RSASSA-PSS-params (RFC 4055 3.1): hash, mask, length of salt. */
function pssAlgorithm(hash: string): Buffer {
  const hashed = sequence(oid(HASHES[hash] ?? ''), der(0x05));
  const masked = sequence(oid('1.2.840.113549.1.1.8'), hashed);
  const salt = integer(createHash(hash).digest().length);
  const parameters = sequence(der(0xa0, hashed), der(0xa1, masked), der(0xa2, salt));
  return sequence(oid('1.2.840.113549.1.1.10'), parameters);
}

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const ecKey = (namedCurve = 'prime256v1'): KeyPair => generateKeyPairSync('ec', { namedCurve });
export const rsaKey = (modulusLength = 2048): KeyPair => generateKeyPairSync('rsa', { modulusLength });
export const spkiOf = ({ publicKey }: KeyPair): Buffer => publicKey.export({ format: 'der', type: 'spki' });

/** RFC 5280 4.2.1.2: the usual way. */
const keyIdOf = (pair: KeyPair): Buffer => createHash('sha1').update(spkiOf(pair)).digest();

export interface Extension {
  readonly oid: string;
  readonly isCritical?: boolean;
  readonly value: Buffer;
}

export interface CertificateOptions {
  readonly subject: string;
  readonly key: KeyPair;
  /** absent: signed by itself */
  readonly issuer?: Issued;
  /** who signs, when it is not the issuer */
  readonly signer?: KeyPair;
  readonly from?: Date;
  readonly to?: Date;
  readonly isCa?: boolean;
  readonly pathLength?: number;
  readonly keyUsage?: readonly (keyof typeof KEY_USAGE)[];
  readonly purposes?: readonly (keyof typeof PURPOSE)[];
  readonly dns?: readonly string[];
  /** IPv4 */
  readonly ip?: readonly string[];
  readonly extensions?: readonly Extension[];
  readonly hash?: string;
  /** signed with RSASSA-PSS */
  readonly isPss?: boolean;
}

export interface Issued {
  readonly subject: string;
  readonly key: KeyPair;
  readonly der: Buffer;
}

let serial = 1;

const DAY_MS = 24 * 60 * 60 * 1000;

function extensionsOf(options: CertificateOptions): Buffer[] {
  const { issuer, isCa, pathLength, keyUsage, purposes, dns = [], ip = [], extensions = [] } = options;
  const names = [
    ...dns.map((name) => der(0x82, Buffer.from(name))),
    ...ip.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  const all: Extension[] = [
    { oid: '2.5.29.14', value: der(0x04, keyIdOf(options.key)) },
    ...(issuer === undefined ? [] : [{ oid: '2.5.29.35', value: sequence(der(0x80, keyIdOf(issuer.key))) }]),
    ...(isCa === undefined
      ? []
      : [
          {
            oid: '2.5.29.19',
            isCritical: true,
            value: sequence(
              ...(isCa ? [boolean(true)] : []),
              ...(pathLength === undefined ? [] : [integer(pathLength)]),
            ),
          },
        ]),
    ...(keyUsage === undefined
      ? []
      : [{ oid: '2.5.29.15', isCritical: true, value: bits(...keyUsage.map((usage) => KEY_USAGE[usage])) }]),
    ...(purposes === undefined
      ? []
      : [{ oid: '2.5.29.37', value: sequence(...purposes.map((purpose) => oid(PURPOSE[purpose]))) }]),
    ...(names.length === 0 ? [] : [{ oid: '2.5.29.17', value: sequence(...names) }]),
    ...extensions,
  ];
  return all.map(({ oid: id, isCritical = false, value }) =>
    sequence(oid(id), ...(isCritical ? [boolean(true)] : []), der(0x04, value)),
  );
}

export function issue(options: CertificateOptions): Issued {
  const { subject, key, issuer, hash = 'sha256', isPss = false } = options;
  const { privateKey } = options.signer ?? issuer?.key ?? key;
  const algorithm = isPss
    ? pssAlgorithm(hash)
    : (ALGORITHMS[`${privateKey.asymmetricKeyType} ${hash}`] ?? Buffer.alloc(0));
  const now = Date.now();
  const extensions = extensionsOf(options);
  const body = sequence(
    der(0xa0, integer(2)),
    integer(serial++),
    algorithm,
    nameOf(issuer?.subject ?? subject),
    sequence(time(options.from ?? new Date(now - DAY_MS)), time(options.to ?? new Date(now + 30 * DAY_MS))),
    nameOf(subject),
    spkiOf(key),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const signature = sign(hash, body, { key: privateKey, ...(isPss && padding) });
  return { subject, key, der: sequence(body, algorithm, der(0x03, Buffer.of(0), signature)) };
}

/** A CA as it should be. */
export const issueCa = (options: Omit<CertificateOptions, 'isCa'>): Issued =>
  issue({ keyUsage: ['keyCertSign', 'cRLSign'], ...options, isCa: true });

/** A server as it should be. */
export const issueServer = (options: CertificateOptions): Issued =>
  issue({
    isCa: false,
    keyUsage: ['digitalSignature'],
    purposes: ['serverAuth'],
    dns: [options.subject],
    ...options,
  });

export const pemOf = ({ der: bytes }: Issued): string =>
  `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}(?!$)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
