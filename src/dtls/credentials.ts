import type { KeyObject } from 'node:crypto';
import type { ServerTrust } from './trust.ts';

/** A key that both sides know (LwM2M security mode 0). */
export interface PskCredentials {
  readonly kind: 'psk';
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

/** Public keys without certificates (LwM2M security mode 1, RFC 7250). */
export interface RawPublicKeyCredentials {
  readonly kind: 'raw-public-key';
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo of the server, DER */
  readonly serverKey: Uint8Array;
}

/** Certificates (LwM2M security mode 2). */
export interface CertificateCredentials {
  readonly kind: 'certificate';
  readonly trust: ServerTrust;
  /** Ours, for servers that ask. */
  readonly own?: {
    readonly privateKey: KeyObject;
    /** DER, our own first, then its issuers */
    readonly chain: readonly Uint8Array[];
  };
}

/** Who we are, and whom we take for the server. */
export type Credentials = PskCredentials | RawPublicKeyCredentials | CertificateCredentials;
