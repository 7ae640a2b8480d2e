import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { GatewayError } from '../base/index.ts';
import type { Credentials as Account } from '../client/index.ts';
import {
  type CertificateCredentials,
  type CertificateUsage,
  type Credentials,
  judgeServer,
  type PinMatching,
  parseChain,
  type ServerTrust,
  SUITES_BY_NUMBER,
  type SuiteName,
} from '../dtls/index.ts';
import type { TlsClientSecurity } from '../transport/index.ts';

/** Who we are, and whom we take for the server, whatever carries it. Secret: never to be logged. */
export interface LinkSecurity {
  readonly credentials: Credentials;
  /** that the server's certificate must be for, and that is asked for */
  readonly serverName: string;
  /** absent: the client chooses */
  readonly suites?: readonly SuiteName[];
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

function suitesOf({ cipherSuites }: Account): readonly SuiteName[] | undefined {
  if (cipherSuites.length === 0) return undefined;
  const known = cipherSuites.flatMap((number) => SUITES_BY_NUMBER.get(number) ?? []);
  if (known.length === 0)
    throw new GatewayError('binding.bad-credentials', 'none of the cipher suites (0/x/16) is known');
  return known;
}

/**
 * What an instance of object 0 says, ready for a handshake.
 * @throws GatewayError `binding.bad-credentials` without anything of what is secret; `binding.insecure`
 */
export function securityOf(account: Account, host: string): LinkSecurity {
  const suites = suitesOf(account);
  return {
    credentials: CREDENTIALS[account.mode](account),
    serverName: account.sni ?? host,
    ...(suites !== undefined && { suites }),
  };
}

const pemOf = (der: Uint8Array): string => new X509Certificate(der).toString();

/**
 * The same for TLS. Certificates are judged by the rules that DTLS has.
 * @throws GatewayError `binding.bad-credentials` for raw public keys, which Node.js has not
 */
export function tlsSecurity({ credentials, serverName }: LinkSecurity, now: () => number): TlsClientSecurity {
  switch (credentials.kind) {
    case 'psk':
      return { psk: { identity: Buffer.from(credentials.identity).toString(), key: credentials.key } };
    case 'raw-public-key':
      throw new GatewayError('binding.bad-credentials', 'raw public keys need coaps://, TLS has none here');
    case 'certificate': {
      const { trust, own } = credentials;
      return {
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
