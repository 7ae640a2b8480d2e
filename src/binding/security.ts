import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { GatewayError } from '../base/index.ts';
import type { Credentials as Account, Offer } from '../client/index.ts';
import {
  type CertificateCredentials,
  type CertificateUsage,
  type Credentials,
  type DtlsClientOptions,
  GROUP_IDS,
  judgeServer,
  type PinMatching,
  parseChain,
  SCHEME_IDS,
  type ServerTrust,
  SUITES_BY_NUMBER,
} from '../dtls/index.ts';
import {
  type TlsClientSecurity,
  type TlsOffer,
  tlsGroups,
  tlsSignatures,
  tlsSuites,
} from '../transport/index.ts';

/** Who we are, and whom we take for the server, whatever carries it. Secret: never to be logged. */
export interface LinkSecurity {
  readonly credentials: Credentials;
  /** that the server's certificate must be for, and that is asked for */
  readonly serverName: string;
  readonly offer: Offer;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const PEM_BEGIN = '-----BEGIN';

const isPem = (bytes: Uint8Array): boolean => Buffer.from(bytes).subarray(0, 256).includes(PEM_BEGIN);

/** By the numbers of 0/x/13 (OMA Core 1.2.2 E.1). */
const MATCHINGS: readonly PinMatching[] = ['exact', 'sha256', 'sha384', 'sha512'];

const TRUST_ANCHOR = 2;

/** What OpenSSL says of a key could show parts of it: whoever reads the fault learns only which resource it is. */
function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new GatewayError('binding.bad-credentials', `${what} cannot be read`);
  }
}

/** One certificate in DER, or any number in PEM (OMA Transport 1.2.1 5.2.9.3). */
function certificatesIn(bytes: Uint8Array, what: string): X509Certificate[] {
  const found = isPem(bytes) ? (Buffer.from(bytes).toString().match(PEM_CERTIFICATE) ?? []) : [bytes];
  if (found.length === 0) throw new GatewayError('binding.bad-credentials', `${what} holds no certificate`);
  return parsed(what, () => found.map((one) => new X509Certificate(one)));
}

function privateKeyIn(bytes: Uint8Array): KeyObject {
  const key = Buffer.from(bytes);
  return parsed('the private key (0/x/5)', () => {
    if (isPem(bytes)) return createPrivateKey(key);
    try {
      return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    } catch {
      return createPrivateKey({ key, format: 'der', type: 'sec1' });
    }
  });
}

let systemAnchors: readonly X509Certificate[] | undefined;

/** The authorities that Node.js trusts, for the usages that need a path beside the pin (RFC 6698 2.1.1). */
function trustStore(): readonly X509Certificate[] {
  systemAnchors ??= rootCertificates.map((one) => new X509Certificate(one));
  return systemAnchors;
}

function trustOf({ serverPublicKey, matchingType, certificateUsage }: Account): ServerTrust {
  const matching = MATCHINGS[matchingType] ?? 'exact';
  const usage = certificateUsage as CertificateUsage;
  const what = "the server's certificate (0/x/4)";
  const certificates = isPem(serverPublicKey) ? certificatesIn(serverPublicKey, what) : [];
  // Several authorities stand for each other.
  if (usage === TRUST_ANCHOR && certificates.length > 0) return { anchors: certificates };
  const pin = { usage, matching, bytes: certificates[0]?.raw ?? serverPublicKey };
  return usage < TRUST_ANCHOR ? { anchors: trustStore(), pin } : { pin };
}

function certified(account: Account): CertificateCredentials {
  const chain = certificatesIn(account.identity, 'our certificate (0/x/3)');
  const privateKey = privateKeyIn(account.secretKey);
  if (chain[0]?.checkPrivateKey(privateKey) !== true)
    throw new GatewayError(
      'binding.bad-credentials',
      'the private key (0/x/5) is not that of our certificate',
    );
  return {
    kind: 'certificate',
    trust: trustOf(account),
    own: { privateKey, chain: chain.map(({ raw }) => raw) },
  };
}

function rawPublicKey({ secretKey, serverPublicKey, matchingType }: Account): Credentials {
  if (matchingType !== 0)
    throw new GatewayError(
      'binding.bad-credentials',
      'of a raw public key (0/x/4) all is needed, not its hash',
    );
  parsed("the server's public key (0/x/4)", () =>
    createPublicKey({ key: Buffer.from(serverPublicKey), format: 'der', type: 'spki' }),
  );
  return { kind: 'raw-public-key', privateKey: privateKeyIn(secretKey), serverKey: serverPublicKey };
}

/** By security mode (OMA Core 1.2.2 E.1, resource 0/x/2). */
const CREDENTIALS: Readonly<Record<Account['mode'], (account: Account) => Credentials>> = {
  psk: ({ identity, secretKey }) => ({ kind: 'psk', identity, key: secretKey }),
  rpk: rawPublicKey,
  certificate: certified,
  none: () => {
    throw new GatewayError('binding.insecure', 'there are no credentials');
  },
  est: () => {
    throw new GatewayError('binding.bad-credentials', 'certificates by EST (mode 4) are not supported');
  },
};

/** What `known` has of what object 0 asks for; undefined: it asks for nothing. */
function chosen<Choice>(
  what: string,
  asked: readonly number[],
  known: (numbers: readonly number[]) => readonly Choice[],
): readonly Choice[] | undefined {
  if (asked.length === 0) return undefined;
  const choice = known(asked);
  if (choice.length > 0) return choice;
  throw new GatewayError(
    'binding.bad-credentials',
    `none of the ${what} is known here and goes with the credentials`,
  );
}

const SUITES = 'cipher suites (0/x/16)';
const GROUPS = 'groups (0/x/18)';
const SIGNATURES = 'signature schemes (0/x/20)';

const oneOf = (known: readonly number[]) => (numbers: readonly number[]) =>
  numbers.filter((number) => known.includes(number));

type DtlsOffer = Pick<DtlsClientOptions, 'suites' | 'groups' | 'signatures' | 'connectionId'>;

/** The same for DTLS. @throws GatewayError `binding.bad-credentials` */
export function dtlsOffer({ offer }: LinkSecurity): DtlsOffer {
  const suites = chosen(SUITES, offer.cipherSuites, (numbers) =>
    numbers.flatMap((number) => SUITES_BY_NUMBER.get(number) ?? []),
  );
  const groups = chosen(GROUPS, offer.groups, oneOf(GROUP_IDS));
  const signatures = chosen(SIGNATURES, offer.signatures, oneOf(SCHEME_IDS));
  return {
    ...(suites !== undefined && { suites }),
    ...(groups !== undefined && { groups }),
    ...(signatures !== undefined && { signatures }),
    ...(!offer.hasConnectionId && { connectionId: false }),
  };
}

/** The same for TLS. @throws GatewayError `binding.bad-credentials` */
function tlsOffer({ cipherSuites, ...offer }: Offer, by: 'psk' | 'certificate'): TlsOffer {
  const suites = chosen(SUITES, cipherSuites, (numbers) => tlsSuites(numbers, by));
  const groups = chosen(GROUPS, offer.groups, tlsGroups);
  const signatures = chosen(SIGNATURES, offer.signatures, tlsSignatures);
  return {
    ...(suites !== undefined && { suites }),
    ...(groups !== undefined && { groups }),
    ...(signatures !== undefined && { signatures }),
    is13: offer.isTls13,
  };
}

/**
 * What an instance of object 0 says, ready for a handshake.
 * @throws GatewayError `binding.bad-credentials` without anything of what is secret; `binding.insecure`
 */
export function securityOf(account: Account, host: string): LinkSecurity {
  return {
    credentials: CREDENTIALS[account.mode](account),
    serverName: (account.sni ?? host).replace(/\.$/, ''), // RFC 6066 3
    offer: account.offer,
  };
}

const pemOf = (der: Uint8Array): string => new X509Certificate(der).toString();

/**
 * The same for TLS. Certificates are judged by the rules that DTLS has.
 * @throws GatewayError `binding.bad-credentials` for raw public keys, which Node.js has not
 */
export function tlsSecurity(security: LinkSecurity, now: () => number): TlsClientSecurity {
  const { credentials, serverName } = security;
  const { kind } = credentials;
  if (kind === 'raw-public-key')
    throw new GatewayError('binding.bad-credentials', 'raw public keys need coaps://, TLS has none here');
  const offer = tlsOffer(security.offer, kind);
  switch (kind) {
    case 'psk': {
      const { identity, key } = credentials;
      return { offer, psk: { identity: Buffer.from(identity).toString(), key } };
    }
    case 'certificate': {
      const { trust, own } = credentials;
      return {
        offer,
        serverName,
        judge: (chain) => void judgeServer(parseChain(chain), trust, serverName, now()),
        ...(own !== undefined && {
          certificate: own.chain.map(pemOf).join(''),
          privateKey: own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
        }),
      };
    }
  }
}
