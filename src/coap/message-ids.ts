/**
 * What happens when all message ids for one peer were used within their lifetime (RFC 7252 4.4), which takes more than
 * 132 confirmable or 226 other messages per second.
 *
 * A peer that keeps the rule to the letter takes a message with a repeated id for a duplicate: it drops a value, or
 * acknowledges what it has not read. Peers that carry such loads keep less than the rule wants (Californium: the last 64
 * messages of a peer), and holding back would make a gateway of a thousand values per second lose most of them for
 * nothing. So by default the id that was used longest ago is used again, and counted. `strict` is for peers that
 * remember everything: confirmable messages wait for an id, notifications that need not be confirmable become so, of
 * which only the newest state waits, and other messages are not sent.
 */
export type MessageIdPolicy = 'oldest' | 'strict';

/** When ids were used is remembered for so many at a time. */
const SEGMENT = 1024;
/** Of confirmable messages, and of all others. */
const HALF = 0x8000;

/**
 * The ids of one kind of messages to one peer, one after the other. Confirmable messages have half of all ids for
 * themselves, so that no number of notifications can make a registration look like an old one.
 */
export class MessageIds {
  /** whether the id given last was used within its lifetime before */
  isReused = false;
  readonly #first: number;
  readonly #lifetimeMs: number;
  /** by segment: when one of its ids was last used */
  readonly #lastUse: number[] = [];
  #last: number;

  /** @param start behind which one to begin, 0 <= x < 1 */
  constructor(kind: 'confirmable' | 'other', lifetimeMs: number, start: number) {
    this.#first = kind === 'confirmable' ? 0 : HALF;
    this.#lifetimeMs = lifetimeMs;
    this.#last = Math.floor(start * HALF);
  }

  /** For so many ms the next id should not be used; 0: it is free. @param now monotonic, in ms */
  waitMs(now: number): number {
    const next = (this.#last + 1) % HALF;
    // Within a segment that was entered all are as free as the first one was.
    if (next % SEGMENT !== 0) return 0;
    const used = this.#lastUse[next / SEGMENT];
    return used === undefined ? 0 : Math.max(0, used + this.#lifetimeMs - now);
  }

  take(now: number): number {
    const next = (this.#last + 1) % HALF;
    if (next % SEGMENT === 0) this.isReused = this.waitMs(now) > 0;
    this.#lastUse[Math.floor(next / SEGMENT)] = now;
    this.#last = next;
    return this.#first + next;
  }
}
