import { type Entry, formatPath, isWithin, type Path } from '../model/index.ts';
import { fault } from './fault.ts';

function comparePaths(a: Path, b: Path): number {
  if (a.prefix !== b.prefix) return a.prefix < b.prefix ? -1 : 1;
  const levels = Math.min(a.ids.length, b.ids.length);
  for (let level = 0; level < levels; level++) {
    const difference = (a.ids[level] ?? 0) - (b.ids[level] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.ids.length - b.ids.length;
}

/**
 * The entries in ascending order of paths, as nested formats need them; the same array when they already are.
 * @throws GatewayError `codec.not-representable` if a path comes twice or lies below another one: nested formats have
 * one value per path
 */
export function ordered(entries: readonly Entry[]): readonly Entry[] {
  for (let index = 1; index < entries.length; index++) {
    const before = entries[index - 1]?.path;
    const path = entries[index]?.path;
    if (before === undefined || path === undefined) continue;
    if (comparePaths(before, path) > 0)
      return ordered([...entries].sort((a, b) => comparePaths(a.path, b.path)));
    if (before.prefix === path.prefix && isWithin(before.ids, path.ids)) {
      throw fault('not-representable', `two values at ${formatPath(before)}`);
    }
  }
  return entries;
}
