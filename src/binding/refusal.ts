import type { Refusing } from '../client/index.ts';
import type { CoapResponse } from '../coap/index.ts';
import { RESPONSE_CODES } from './statuses.ts';

/** A refusal with its reason as diagnostic payload (RFC 7252 5.5.2). */
export function refusal(result: Refusing): CoapResponse {
  return {
    code: RESPONSE_CODES[result.status],
    ...(result.message === undefined ? {} : { payload: Buffer.from(result.message) }),
    ...(result.retryAfterMs === undefined
      ? {}
      : { maxAgeS: Math.max(1, Math.ceil(result.retryAfterMs / 1000)) }),
  };
}
