import type { Clock } from '../base/index.ts';
import type { Credentials } from './credentials.ts';
import type { RetransmissionTimers } from './retransmission.ts';
import type { SuiteName } from './suites.ts';

/**
 * What performs DTLS: ours, or another that keeps to this, e.g. `node:dtls` one day.
 * @throws GatewayError `dtls.bad-options`
 */
export type Engine = (options: AssociationOptions, user: AssociationUser) => Association;

export interface AssociationOptions {
  readonly credentials: Credentials;
  /**
   * Name or address that the certificate must be for. A name is told to the server (Server Name Indication), also
   * without certificates.
   */
  readonly serverName?: string;
  /** In order of preference; absent: all with an AEAD that the credentials are for, those with ECDHE first. */
  readonly suites?: readonly SuiteName[];
  /** Numbers (IANA) of groups for ECDHE, in order of preference; absent: all of ours. */
  readonly groups?: readonly number[];
  /** The same of signature schemes, for both sides. */
  readonly signatures?: readonly number[];
  /** RFC 7627 5.3 lets a client insist; default true. Only for servers that cannot. */
  readonly needsExtendedMasterSecret?: boolean;
  /** Our own connection id (RFC 9146), default empty: only the server's is used. `false`: none at all. */
  readonly connectionId?: Uint8Array | false;
  /** From {@link Association.session}; one that does not fit is passed over. */
  readonly session?: Uint8Array;
  /**
   * From {@link Association.suspend}; one that does not fit is passed over. It must have been removed from where it
   * was kept before: used twice, it would break the encryption (RFC 5288 6.1).
   */
  readonly connection?: Uint8Array;
  /** most bytes of a datagram of the handshake, 256 to 16,384, default 1200 */
  readonly mtu?: number;
  readonly timers?: RetransmissionTimers;
  readonly clock?: Clock;
  readonly random?: (size: number) => Buffer;
  /** Hears the secrets, a line of an SSLKEYLOGFILE each time. For debugging only. */
  readonly keyLog?: (line: string) => void;
}

/** What an association tells its user. None may throw. */
export interface AssociationUser {
  /** A datagram is to be sent to the server. */
  transmit(datagram: Buffer): void;
  /** The handshake is complete; once. */
  opened(details: AssociationDetails): void;
  /** Application data, authentic and new; only after {@link opened}. The bytes belong to the user. */
  received(bytes: Buffer): void;
  /** Nothing comes any more; once. Without an error: closed by ourselves. */
  ended(error: Error | undefined): void;
}

export interface AssociationDetails {
  readonly suite: SuiteName;
  /** by a session */
  readonly isResumed: boolean;
  /** by a connection, without a handshake; the rest says nothing about the handshake of old then */
  readonly isRestored: boolean;
  readonly isExtendedMasterSecret: boolean;
  readonly isEncryptThenMac: boolean;
  /** The server finds the association wherever our datagrams come from. */
  readonly hasPeerCid: boolean;
  /** DER, from a full handshake with certificates */
  readonly serverCertificate: Buffer | undefined;
}

/** Since the beginning. */
export interface AssociationCounters {
  /** flights sent again */
  readonly repeated: number;
  /** parts of the handshake that made no sense, perhaps of somebody else */
  readonly discarded: number;
  /** records out of form */
  readonly malformed: number;
  /** records that are not authentic */
  readonly forged: number;
  readonly replayed: number;
}

/** One association with one server, from handshake to close. Nothing here throws, save where it says so. */
export interface Association {
  readonly counters: AssociationCounters;
  readonly isOpen: boolean;
  /** Begins, once. */
  start(): void;
  /** A datagram from the server, or from somebody who pretends to be it. It belongs to the association. */
  receive(datagram: Uint8Array): void;
  /**
   * @throws GatewayError `dtls.closed` before it is open, and after; `dtls.too-large` beyond 16,384 bytes, or
   * 16,383 with a connection id;
   * `dtls.exhausted`, which also ends it
   */
  send(bytes: Uint8Array): void;
  /** Tells the server, and ends. */
  close(): void;
  /** What makes a later handshake short; undefined: the server does not resume. Secret. */
  session(): Buffer | undefined;
  /**
   * Ends without telling the server, to go on later from the result. Secret, and good for once.
   * @returns undefined, and nothing has happened, without a connection id of the server
   */
  suspend(): Buffer | undefined;
}
