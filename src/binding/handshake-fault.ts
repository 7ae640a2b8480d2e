import { GatewayError, isGatewayError, messageOf } from '../base/index.ts';
import type { Alert } from '../client/index.ts';
import { ALERTS } from '../dtls/index.ts';

/** How OpenSSL tells of an alert of the other side. */
const TLS_ALERT = /SSL alert number (\d{1,3})/;

const isOfTls = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^ERR_(SSL|TLS)_/.test(String(error.code));

/** The alert that ended a handshake, whoever sent it. */
function alertIn(error: unknown): Alert | undefined {
  if (isGatewayError(error)) {
    const code = ALERTS[error.data?.alert as keyof typeof ALERTS];
    return code === undefined ? undefined : { code, from: error.code === 'dtls.alert' ? 'server' : 'us' };
  }
  const code = TLS_ALERT.exec(messageOf(error))?.[1];
  return code === undefined ? undefined : { code: Number(code), from: 'server' };
}

/** What of an error is about DTLS or TLS, and not about the way there. */
function originOf(error: unknown): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isOfTls(at) || (isGatewayError(at) && at.code.startsWith('dtls.'))) return at;
  }
  return undefined;
}

/** In words: those of OpenSSL are many lines of numbers. */
function wordsOf(error: unknown, alert: Alert | undefined): string {
  if (!isOfTls(error)) return messageOf(error);
  const { reason = messageOf(error) } = error as { readonly reason?: string };
  return alert === undefined ? reason : `the server refused: ${reason} (alert ${alert.code})`;
}

/** An error as people should read it: those of a handshake say so, with the alert in `data.alert`. */
export function explained(error: unknown): unknown {
  const origin = originOf(error);
  if (origin === undefined) return error;
  const alert = alertIn(origin);
  return new GatewayError('binding.handshake', `handshake failed: ${wordsOf(origin, alert)}`, {
    cause: error,
    ...(alert !== undefined && { data: { alert } }),
  });
}

/** The alert of an {@link explained} error. */
export function alertOf(error: unknown): Alert | undefined {
  return isGatewayError(error, 'binding.handshake') ? (error.data?.alert as Alert | undefined) : undefined;
}
