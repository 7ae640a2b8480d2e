import type { Peer } from '../transport/index.ts';

/** Tells the peers that strangers must not push out, such as those that are registered. */
export type IsKnown = (peer: Peer) => boolean;

export interface QuotaOptions {
  /** places in all */
  readonly all: number;
  /** places of one peer */
  readonly each: number;
  /** With it, strangers leave as many places free as one peer may have. */
  readonly isKnown?: IsKnown | undefined;
}

/** Peers of which it is remembered that they have taken nothing: a map that is emptied and filled all the time is garbage. */
const REMEMBERED = 64;

/** Counts what peers take up, so that none takes everything. */
export class Quota {
  readonly #options: QuotaOptions;
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  /** Whether the peer itself has taken all that it may. */
  isSpent(peer: Peer): boolean {
    return (this.#taken.get(peer.key) ?? 0) >= this.#options.each;
  }

  /** Whether peers together leave no place for this one. */
  isFull(peer: Peer): boolean {
    const { all, each, isKnown } = this.#options;
    // Nearly always there is room, and nobody need be asked who is known.
    if (this.#all + each < all) return false;
    const reserved = isKnown === undefined || isKnown(peer) ? 0 : each;
    return this.#all + reserved >= all;
  }

  take({ key }: Peer): void {
    this.#all++;
    this.#taken.set(key, (this.#taken.get(key) ?? 0) + 1);
  }

  give({ key }: Peer): void {
    const left = (this.#taken.get(key) ?? 0) - 1;
    this.#all--;
    if (left > 0 || this.#taken.size <= REMEMBERED) this.#taken.set(key, left);
    else this.#taken.delete(key);
  }
}
