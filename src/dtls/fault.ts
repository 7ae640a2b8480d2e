import { GatewayError } from '../base/index.ts';
import { ALERTS, type AlertName } from './alert.ts';

/** What the server is told about its certificate or key (RFC 5246 7.2.2), by why it is not accepted. */
const DISTRUST = {
  malformed: 'bad_certificate',
  expired: 'certificate_expired',
  'not-yet-valid': 'bad_certificate',
  'no-path': 'unknown_ca',
  name: 'bad_certificate',
  pin: 'bad_certificate',
  weak: 'bad_certificate',
  'not-for-servers': 'unsupported_certificate',
  'not-a-ca': 'bad_certificate',
  unsupported: 'unsupported_certificate',
} as const satisfies Record<string, AlertName>;

/** Why a certificate or key of the server is not accepted; for those who explain it to people. */
export type DistrustReason = keyof typeof DISTRUST;

/** The peer broke the rules of the handshake; `alert` is what it is told. */
export function protocolFault(alert: AlertName, message: string): GatewayError {
  return new GatewayError('dtls.protocol', message, { data: { alert } });
}

/** The peer is not whom we trust. */
export function distrust(reason: DistrustReason, message: string): GatewayError {
  return new GatewayError('dtls.certificate', message, { data: { alert: DISTRUST[reason], reason } });
}

/** Bytes without the structure that DTLS gives them. Whoever wrote them need not be the peer. */
export function malformed(what: string): GatewayError {
  return new GatewayError('dtls.malformed', what, { data: { alert: 'decode_error' } });
}

/** What the peer is told about a fault. */
export function alertOf(fault: unknown): AlertName {
  const alert = fault instanceof GatewayError ? fault.data?.alert : undefined;
  return typeof alert === 'string' && Object.hasOwn(ALERTS, alert) ? (alert as AlertName) : 'internal_error';
}
