import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { offering, PSK_SUITES, type TlsOffer } from './tls-offer.ts';

/** A key that both sides know (RFC 4279), and its name. */
export interface PreSharedKey {
  readonly identity: string;
  readonly key: Uint8Array;
}

/** Certificates as PEM: who may sign for the other side, and what we show of ourselves. */
export interface Certificates {
  /** of the authorities that are trusted; absent: those of Node.js */
  readonly ca?: string;
  readonly certificate?: string;
  /** the private key of `certificate` */
  readonly privateKey?: string;
}

/** How a client secures its connection: by a shared key, or by certificates. */
export type TlsClientSecurity = { readonly offer?: TlsOffer } & (
  | { readonly psk: PreSharedKey }
  | (Certificates & {
      /** the name that the server's certificate must have, and that is asked for (SNI); absent: the host */
      readonly serverName?: string;
      /** Judges the certificates of the server instead of Node.js, its own first, in DER. Throws when it is not trusted. */
      readonly judge?: (chain: readonly Uint8Array[]) => void;
    })
);

/** How a server secures its connections; what it says of keys and of certificates may stand side by side. */
export interface TlsServerSecurity extends Certificates {
  /** @returns the key of an identity, if there is one */
  readonly keyOf?: (identity: string) => Uint8Array | undefined;
  /** whether clients must show a certificate of `ca` */
  readonly requiresCertificate?: boolean;
}

/** RFC 8323 8.2. */
const ALPN = ['coap'];

const LONGEST_CHAIN = 10;

const OTHER_SUITES = 'HIGH:!aNULL:!eNULL:!kRSA:!PSK:!SRP';

/** With a shared key no certificate is expected, and none is believed: anybody may own one. */
function refuseCertificate(_host: string, certificate: PeerCertificate): Error | undefined {
  return Object.keys(certificate).length === 0
    ? undefined
    : new Error('the server shows a certificate instead of proving the key');
}

function pem({ ca, certificate, privateKey }: Certificates) {
  return {
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(privateKey !== undefined && { key: privateKey }),
  };
}

/** What Node.js wants to know of a client. */
export function clientOptions(security: TlsClientSecurity, host: string): ConnectionOptions {
  const common: ConnectionOptions = { ALPNProtocols: ALPN, minVersion: 'TLSv1.2', rejectUnauthorized: true };
  if ('psk' in security) {
    const { identity, key } = security.psk;
    return {
      ...common,
      ...offering({ suites: PSK_SUITES, ...security.offer }),
      pskCallback: () => ({ identity, psk: key }),
      checkServerIdentity: refuseCertificate,
    };
  }
  const name = security.serverName ?? host;
  return {
    ...common,
    ...pem(security),
    ...offering(security.offer ?? {}),
    rejectUnauthorized: security.judge === undefined,
    // An address is not asked for by SNI (RFC 6066 3), but checked all the same.
    ...(isIP(name) === 0 && { servername: name }),
    checkServerIdentity: (_connected, certificate) => checkServerIdentity(name, certificate),
  };
}

/** What Node.js wants to know of a server. */
export function serverOptions(security: TlsServerSecurity): TlsOptions {
  const { keyOf, requiresCertificate = false } = security;
  return {
    ALPNProtocols: ALPN,
    minVersion: 'TLSv1.2',
    ...pem(security),
    ...(keyOf !== undefined && {
      ciphers: [...PSK_SUITES, ...(security.certificate === undefined ? [] : [OTHER_SUITES])].join(':'),
      pskCallback: (_socket: unknown, identity: string) => keyOf(identity) ?? null,
    }),
    requestCert: requiresCertificate,
    rejectUnauthorized: requiresCertificate,
  };
}

/** @throws what the judge of the client throws */
export function judgePeer(security: TlsClientSecurity | undefined, socket: TLSSocket): void {
  if (security === undefined || 'psk' in security || security.judge === undefined) return;
  const chain: Uint8Array[] = [];
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // One that issued itself is its own issuer here.
  while (at?.raw !== undefined && chain.length < LONGEST_CHAIN && !chain.includes(at.raw)) {
    chain.push(at.raw);
    at = at.issuerCertificate;
  }
  security.judge(chain);
}
