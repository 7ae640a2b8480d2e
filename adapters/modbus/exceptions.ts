import type { FieldCause } from 'lwm2m-gateway/adapter';

/** What an exception says about the request (Modbus Application Protocol 1.1b3 section 7). */
export interface ExceptionRule {
  readonly name: string;
  readonly cause: Extract<FieldCause, 'rejected' | 'busy' | 'timeout'>;
  /** `wait`: the same request may succeed later; `resend`: nobody answered, as after silence */
  readonly again?: 'wait' | 'resend';
  /** A part of the addresses may be at fault, so that smaller requests can tell. */
  readonly isDivisible?: true;
}

/** The request is being worked on: it must not be sent twice when it writes. */
export const ACKNOWLEDGE = 5;

const EXCEPTIONS: Readonly<Record<number, ExceptionRule>> = {
  1: { name: 'illegal function', cause: 'rejected' },
  2: { name: 'illegal data address', cause: 'rejected', isDivisible: true },
  3: { name: 'illegal data value', cause: 'rejected', isDivisible: true },
  4: { name: 'device failure', cause: 'rejected' },
  [ACKNOWLEDGE]: { name: 'accepted, not done yet', cause: 'busy', again: 'wait' },
  6: { name: 'device busy', cause: 'busy', again: 'wait' },
  8: { name: 'memory parity error', cause: 'rejected' },
  10: { name: 'the gateway before the device has no path to it', cause: 'timeout' },
  11: {
    name: 'the device did not answer the gateway before it',
    cause: 'timeout',
    again: 'resend',
  },
};

export function exceptionRule(code: number): ExceptionRule {
  return EXCEPTIONS[code] ?? { name: `exception ${code}`, cause: 'rejected' };
}
