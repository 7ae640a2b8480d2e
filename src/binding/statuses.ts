import type { Result } from '../client/index.ts';
import type { ResponseCode } from '../coap/index.ts';

/** The one place where outcomes become CoAP response codes (OMA Core 1.2.2 tables of 6.3; Gateway digest 7). */
export const RESPONSE_CODES = {
  content: '2.05',
  links: '2.05',
  changed: '2.04',
  created: '2.01',
  deleted: '2.02',
  'bad-request': '4.00',
  unauthorized: '4.01',
  'not-found': '4.04',
  'not-allowed': '4.05',
  failed: '5.00',
  'bad-gateway': '5.02',
  unavailable: '5.03',
  timeout: '5.04',
} as const satisfies Record<Result['status'], ResponseCode>;
