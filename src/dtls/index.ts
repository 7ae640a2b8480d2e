/** dtls: protects datagrams to one server by DTLS 1.2, as its client. Knows no CoAP, keeps nothing on disk, never serves. */
export { ALERTS } from './alert.ts';
export { createAssociation } from './association.ts';
export type { DtlsClient, DtlsClientOptions } from './client.ts';
export { openDtlsClient } from './client.ts';
export type {
  CertificateCredentials,
  Credentials,
  PskCredentials,
  RawPublicKeyCredentials,
} from './credentials.ts';
export { GROUP_IDS } from './ecdhe.ts';
export type {
  Association,
  AssociationCounters,
  AssociationDetails,
  AssociationOptions,
  AssociationUser,
  Engine,
} from './engine.ts';
export type { DistrustReason } from './fault.ts';
export type { RetransmissionTimers } from './retransmission.ts';
export { DEFAULT_TIMERS } from './retransmission.ts';
export { SCHEME_IDS } from './signature.ts';
export type { SuiteName } from './suites.ts';
export { SUITE_NAMES, SUITES_BY_NUMBER } from './suites.ts';
export type { CertificateUsage, Pin, PinMatching, ServerTrust } from './trust.ts';
export { judgeServer, parseChain } from './trust.ts';
