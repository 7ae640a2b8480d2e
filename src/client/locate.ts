import type { Path, Release } from '../model/index.ts';
import type { Caller, Tree } from '../tree/index.ts';
import type { Access } from './access.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { Mounts, Refusing } from './contract.ts';

/** What an operation is done with. */
export interface Context {
  readonly mounts: Mounts;
  readonly attributes: AttributeStore;
  readonly access: Access;
  readonly caller: Caller;
  /** The release that the server accepted. */
  readonly release: Release;
}

/** Objects that configure the relation to a server, and never appear in a list (OMA Core 1.2.2 6.2.1). */
export const HIDDEN_OBJECTS: ReadonlySet<number> = new Set([0, 21, 23, 24]);

/**
 * The tree that a path means, or why there is none. The checks and their order are those of OMA Core 1.2.2 6.3:
 * an unknown prefix, a path without an object, objects that no server may see, an unknown object.
 */
export function locate(mounts: Mounts, path: Path): Tree | Refusing {
  const trees = mounts.trees(path.prefix);
  if (trees.length === 0) return { status: 'not-found' };
  const [object] = path.ids;
  if (object === undefined) return { status: 'not-allowed', message: 'the path names no object' };
  if (HIDDEN_OBJECTS.has(object)) return { status: 'unauthorized' };
  return trees.find((tree) => tree.definition(object) !== undefined) ?? { status: 'not-found' };
}

export function isRefusing(located: Tree | Refusing): located is Refusing {
  return 'status' in located;
}
