import type { ObjectDefinition, Value } from '../model/index.ts';
import type { ResourceValue, Tree } from '../tree/index.ts';

/** What an instance holds, by resource, whether servers may read it or not. */
export function heldValues(
  tree: Tree,
  { id: object, resources }: ObjectDefinition,
  instance: number,
): Map<number, ResourceValue> {
  const held = new Map<number, ResourceValue>();
  for (const { id, multiple, operations } of resources.values()) {
    if (operations === 'E') continue;
    const ids = [object, instance, id];
    const value = multiple ? heldByInstance(tree, ids) : tree.peek(ids);
    if (value !== undefined) held.set(id, value);
  }
  return held;
}

function heldByInstance(tree: Tree, resource: readonly number[]): ReadonlyMap<number, Value> | undefined {
  const listed = tree.list(resource, 1);
  if ('status' in listed) return undefined;
  const values = listed.flatMap(({ ids }): [number, Value][] => {
    const value = ids[3] === undefined ? undefined : tree.peek(ids);
    return ids[3] === undefined || value === undefined ? [] : [[ids[3], value]];
  });
  return new Map(values);
}
