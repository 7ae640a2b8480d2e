import { type Entry, formatPath, isWithin, type Path } from '../model/index.ts';
import { fault } from './fault.ts';

/** Something said at a path, and in formats that carry times also at a time. */
interface Place {
  readonly path: Path;
  readonly at?: number;
}

type Compare = (a: Place, b: Place) => number;

export function byPath({ path: a }: Place, { path: b }: Place): number {
  if (a.prefix !== b.prefix) return a.prefix < b.prefix ? -1 : 1;
  const levels = Math.min(a.ids.length, b.ids.length);
  for (let level = 0; level < levels; level++) {
    const difference = (a.ids[level] ?? 0) - (b.ids[level] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.ids.length - b.ids.length;
}

/** What has no time is of now, after all history. */
export function byPathAndTime(a: Place, b: Place): number {
  const difference = byPath(a, b);
  if (difference !== 0 || a.at === b.at) return difference;
  return (a.at ?? Number.POSITIVE_INFINITY) < (b.at ?? Number.POSITIVE_INFINITY) ? -1 : 1;
}

function isBelow(base: Path, path: Path): boolean {
  return path.ids.length > base.ids.length && path.prefix === base.prefix && isWithin(base.ids, path.ids);
}

/**
 * The places in ascending order; the same array when they already are.
 * @throws what `clash` makes for a path that comes twice, or that lies below another one
 */
export function ordered<P extends Place>(
  places: readonly P[],
  compare: Compare,
  clash: (path: Path) => Error,
): readonly P[] {
  for (let index = 1; index < places.length; index++) {
    const before = places[index - 1];
    const place = places[index];
    if (before === undefined || place === undefined) continue;
    const difference = compare(before, place);
    if (difference > 0) return ordered([...places].sort(compare), compare, clash);
    if (difference === 0 || isBelow(before.path, place.path)) throw clash(place.path);
  }
  return places;
}

/** A value, or what is there and holds none. */
export type Item = Entry | { readonly path: Path; readonly value?: undefined };

/**
 * Entries and empties in the order in which nested formats write them.
 * @throws GatewayError `codec.not-representable` for two values at one path: nested formats have one
 */
export function nestable(entries: readonly Entry[], empties: readonly Path[] = []): readonly Item[] {
  const items: readonly Item[] =
    empties.length === 0 ? entries : [...entries, ...empties.map((path) => ({ path }))];
  return ordered(items, byPath, (path) => fault('not-representable', `two values at ${formatPath(path)}`));
}
