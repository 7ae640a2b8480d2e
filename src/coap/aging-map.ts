/**
 * A map that forgets by itself: an entry lives for one to two rotations after it was set or touched, and at least
 * until `limit` newer ones came. Two generations of plain maps, so there is no timer and no order to keep per entry.
 */
export class AgingMap<K, V> {
  readonly #limit: number;
  readonly #keep: ((value: V) => boolean) | undefined;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /** @param keep values that must not be forgotten now */
  constructor(limit: number, keep?: (value: V) => boolean) {
    this.#limit = limit;
    this.#keep = keep;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Looks without making the entry younger. */
  peek(key: K): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** Looks, and makes the entry as young as a new one. */
  touch(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    if (this.#old.size > 0) this.#old.delete(key);
    if (this.#young.size >= this.#limit && !this.#young.has(key)) this.rotate();
    this.#young.set(key, value);
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Forgets what has not been set or touched since the last rotation. */
  rotate(): void {
    const forgotten = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    if (this.#keep === undefined) return;
    for (const [key, value] of forgotten) if (this.#keep(value)) this.#old.set(key, value);
  }

  *values(): Generator<V> {
    yield* this.#young.values();
    yield* this.#old.values();
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
