/** Alert descriptions (RFC 5246 7.2, RFC 6066 9, RFC 4279 6), as far as a client can meet them. */
export const ALERTS = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  record_overflow: 22,
  handshake_failure: 40,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  unsupported_extension: 110,
  unrecognized_name: 112,
  unknown_psk_identity: 115,
} as const;

export type AlertName = keyof typeof ALERTS;

export const WARNING = 1;
export const FATAL = 2;

const NAMES = new Map<number, string>(Object.entries(ALERTS).map(([name, code]) => [code, name]));

/** `alert 113` for one that we have no name for. */
export const alertName = (code: number): string => NAMES.get(code) ?? `alert ${code}`;
