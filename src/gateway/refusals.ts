import type { CellUpdate, Refused } from '../tree/index.ts';
import type { FieldUpdate, UpdateCause } from './pipeline.ts';

/** How a failure in the field looks to a server (Gateway digest 7). */
const REFUSALS: Readonly<Record<UpdateCause, Refused>> = {
  timeout: { status: 'timeout', message: 'the device did not answer in time' },
  disconnected: { status: 'unavailable', message: 'there is no connection to the device' },
  closed: { status: 'unavailable', message: 'the connection was closed' },
  busy: { status: 'unavailable', message: 'the device is busy' },
  overloaded: { status: 'unavailable', message: 'too much is waiting for the device' },
  'not-available': { status: 'unavailable', message: 'the device says that it has no value now' },
  rejected: { status: 'bad-gateway', message: 'the device refused' },
  malformed: { status: 'bad-gateway', message: 'the device answered what cannot be right' },
  implausible: { status: 'bad-gateway', message: 'the value of the device cannot be right' },
  unusable: { status: 'bad-gateway', message: 'the value of the device does not fit the resource' },
  'not-verified': { status: 'bad-gateway', message: 'the device does not show what was written' },
  forbidden: { status: 'bad-request', message: 'the profile does not allow this value' },
};

/** @param message instead of the usual one */
export function refusedBecause(cause: UpdateCause, message?: string, retryAfterMs?: number): Refused {
  return {
    ...REFUSALS[cause],
    ...(message === undefined ? {} : { message }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** What came of the field, as the tree takes it. */
export function cellUpdate(update: FieldUpdate): CellUpdate {
  if ('value' in update) return update;
  const { ids, quality, cause, message, retryAfterMs } = update;
  return { ids, quality, refused: refusedBecause(cause, message, retryAfterMs) };
}
