import type { Ids } from '../model/index.ts';

/** `ids` and one more. Written out, because every value that is read gets a path this way. */
export function idsBelow(ids: Ids, id: number): Ids {
  switch (ids.length) {
    case 0:
      return [id];
    case 1:
      return [ids[0] ?? 0, id];
    case 2:
      return [ids[0] ?? 0, ids[1] ?? 0, id];
    default:
      return [...ids, id];
  }
}

export function digitsOf(id: number): number {
  return id < 10 ? 1 : id < 100 ? 2 : id < 1000 ? 3 : id < 10000 ? 4 : 5;
}
