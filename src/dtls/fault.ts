import { GatewayError } from '../base/index.ts';
import { ALERTS, type AlertName } from './alert.ts';

/** Why a certificate or key of the server is not accepted; for those who explain it to people. */
export type DistrustReason =
  | 'malformed'
  | 'expired'
  | 'not-yet-valid'
  | 'no-path'
  | 'name'
  | 'pin'
  | 'weak'
  | 'not-for-servers'
  | 'not-a-ca'
  | 'unsupported';

/** The peer broke the rules of the handshake; `alert` is what it is told. */
export function protocolFault(alert: AlertName, message: string): GatewayError {
  return new GatewayError('dtls.protocol', message, { data: { alert } });
}

/** The peer is not whom we trust. */
export function distrust(alert: AlertName, reason: DistrustReason, message: string): GatewayError {
  return new GatewayError('dtls.certificate', message, { data: { alert, reason } });
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
