/** A bounded exponential back-off. */
export interface Backoff {
  readonly firstMs: number;
  readonly factor: number;
  readonly mostMs: number;
  /** Part of the delay that chance takes away, 0..1, so that many boxes do not come back in step. */
  readonly jitter: number;
}

/**
 * The wait before attempt `attempt` (1 = the first retry), in ms.
 * @param random 0 <= random < 1
 */
export function backoffDelay(backoff: Backoff, attempt: number, random: number): number {
  const full = Math.min(backoff.mostMs, backoff.firstMs * backoff.factor ** Math.max(0, attempt - 1));
  return full * (1 - backoff.jitter * random);
}
