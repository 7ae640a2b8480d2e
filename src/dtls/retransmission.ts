/** When a flight that nobody answers is sent again (RFC 6347 4.2.4.1). */
export interface RetransmissionTimers {
  /** wait after the first sending, in ms; doubled each time */
  readonly firstMs: number;
  /** longest wait between two sendings, in ms */
  readonly mostMs: number;
  /** the handshake fails when it has taken so many ms */
  readonly totalMs: number;
}

/** For devices on slow networks: 9 s, then longer up to a minute (RFC 7925 11). */
export const DEFAULT_TIMERS: RetransmissionTimers = { firstMs: 9000, mostMs: 60_000, totalMs: 120_000 };

/** A flight that waits for an answer. */
export interface Waiting {
  /** how long after the latest sending the next one is due; shorter at the end of the time */
  readonly delayMs: number;
  /** sendings again because of the timer */
  readonly repeats: number;
}

/** @param spentMs what the handshake has taken so far */
export function beginWaiting(timers: RetransmissionTimers, spentMs: number): Waiting {
  return { delayMs: Math.min(timers.firstMs, timers.totalMs - spentMs), repeats: 0 };
}

/** What follows when nothing came in time. */
export function keepWaiting(
  timers: RetransmissionTimers,
  { repeats }: Waiting,
  spentMs: number,
): Waiting | 'given-up' {
  const leftMs = timers.totalMs - spentMs;
  if (leftMs <= 0) return 'given-up';
  const again = repeats + 1;
  return { delayMs: Math.min(timers.firstMs * 2 ** again, timers.mostMs, leftMs), repeats: again };
}

const SAFE_MTUS = [548, 256];

/**
 * Bytes per datagram: smaller when the second sending, and then the third, was not answered either, as large datagrams
 * may be what gets lost (RFC 6347 4.1.1.1). 548 is what every IPv4 host takes (RFC 1122 3.3.2), less headers.
 */
export function mtuAfter(mtu: number, repeats: number): number {
  const safe = SAFE_MTUS[Math.min(repeats - 2, SAFE_MTUS.length - 1)];
  return safe === undefined ? mtu : Math.min(mtu, safe);
}
