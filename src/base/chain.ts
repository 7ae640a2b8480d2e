/** Somebody who can be in one {@link Chain}, once: carries its own place in it, and does not come back. */
export class ChainMember {
  /** For the chain only. */
  chain: Chain<ChainMember> | undefined;
  next: ChainMember | undefined;
  previous: ChainMember | undefined;
}

/**
 * Members in the order they came. For what comes and goes all the time, and for very many small ones: a Set makes a new
 * table every few changes, and a table that has grown old keeps the next one, and all that it ever held, from being
 * collected before the whole heap is.
 */
export class Chain<M extends ChainMember> {
  #first: ChainMember | undefined;
  #last: ChainMember | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): M | undefined {
    return this.#first as M | undefined;
  }

  add(member: M): void {
    member.chain = this as unknown as Chain<ChainMember>;
    member.previous = this.#last;
    member.next = undefined;
    if (this.#last === undefined) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
    this.#size++;
  }

  /** @returns false if it was not there */
  remove(member: M): boolean {
    if (member.chain !== (this as unknown)) return false;
    const { previous, next } = member;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // The way on stays, for whoever is just going along here.
    member.chain = undefined;
    this.#size--;
    return true;
  }

  /** Visits all who are there now, but for those who leave before it is their turn. */
  forEach(visit: (member: M) => void): void {
    let left = this.#size;
    for (let member = this.#first; member !== undefined && left > 0; member = member.next) {
      if (member.chain !== (this as unknown)) continue;
      left--;
      visit(member as M);
    }
  }
}
