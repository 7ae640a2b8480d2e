import type { Cancel } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import type { AgingMap } from './aging-map.ts';
import type { Delivery, Transmission } from './link.ts';
import type { MessageIds } from './message-ids.ts';

/** What is on its way to one peer. */
export interface Destination {
  readonly peer: Peer;
  /** Requests, notifications and separate responses share one row for each type of message (RFC 7252 4.4). */
  readonly confirmableIds: MessageIds;
  readonly otherIds: MessageIds;
  /** by our message id: waits for its acknowledgement */
  readonly onAir: Map<number, Confirmable>;
  /** requests of ours and pings that wait for NSTART, in order */
  readonly requests: Set<Confirmable>;
  /** responses and notifications that wait for NSTART, in order */
  readonly responses: Set<Confirmable>;
  /** begun since the last of `responses` was */
  requestsInARow: number;
  /** by our message id: was not confirmable, but may still be rejected */
  readonly unconfirmed: AgingMap<number, Delivery>;
  lastError: { readonly error: Error; readonly at: number } | undefined;
  /** of the wait for a message id */
  stopWaiting: Cancel | undefined;
}

/** A message that wants an acknowledgement. */
export interface Confirmable extends Transmission {
  hasBegun: boolean;
  readonly destination: Destination;
  readonly delivery: Delivery;
  readonly onTimeout: () => void;
  mid: number;
  /** under which older news was sent that nobody acknowledged */
  formerMids: number[] | undefined;
  bytes: Uint8Array | undefined;
  begunAt: number;
  retransmissions: number;
  timeoutMs: number;
  stopTimer: Cancel | undefined;
}

/** Then something of the others has its turn, or it would wait for ever behind requests that do not cease. */
const MOST_REQUESTS_IN_A_ROW = 4;

export function isBusy({ onAir, requests, responses }: Destination): boolean {
  return onAir.size > 0 || requests.size > 0 || responses.size > 0;
}

/** All that is not settled. */
export function confirmablesOf({ onAir, requests, responses }: Destination): Confirmable[] {
  return [...requests, ...responses, ...onAir.values()];
}

/** What was sent under this id last, or before it was renewed. */
export function findSending({ onAir }: Destination, mid: number): Confirmable | undefined {
  const sending = onAir.get(mid);
  if (sending !== undefined) return sending;
  for (const renewed of onAir.values()) if (renewed.formerMids?.includes(mid)) return renewed;
  return undefined;
}

/** Whose turn it is: requests go first, as a registration depends on them. */
export function nextQueue({ requests, responses, requestsInARow }: Destination): Set<Confirmable> {
  if (requests.size === 0) return responses;
  return responses.size > 0 && requestsInARow >= MOST_REQUESTS_IN_A_ROW ? responses : requests;
}
