import type { Ids } from '../model/index.ts';
import type { Refused, TreeOperation } from './contract.ts';
import { isPresent, type ObjectNode, type ResourceNode, resourceInstances } from './node.ts';
import { isWritable } from './write.ts';

const NOT_FOUND: Refused = { status: 'not-found' };
const NOT_ALLOWED: Refused = { status: 'not-allowed' };

/** What `ids` name, as far as it is there. */
export interface Named {
  readonly object: ObjectNode | undefined;
  readonly isInstance: boolean;
  readonly resource: ResourceNode | undefined;
}

/** True if the resource, or the resource instance that `ids` name, is there. */
export function isThere(node: ResourceNode, ids: Ids): boolean {
  if (!isPresent(node)) return false;
  return ids.length === 3 || (node.definition.multiple && resourceInstances(node).includes(ids[3] ?? -1));
}

/** What the level of the path says. An object cannot be written, and nothing but a resource executed. */
function aboveResources(
  { object, isInstance }: Named,
  ids: Ids,
  operation: TreeOperation,
): Refused | undefined {
  if (object === undefined || (ids.length === 2 && !isInstance)) return NOT_FOUND;
  const { create, remove } = object.lifecycle;
  switch (operation) {
    case 'read':
      return undefined;
    case 'write':
      return ids.length === 1 ? NOT_ALLOWED : undefined;
    case 'execute':
      return NOT_ALLOWED;
    case 'create':
      return ids.length === 1 && create !== undefined ? undefined : NOT_ALLOWED;
    case 'delete':
      return ids.length === 2 && remove !== undefined ? undefined : NOT_ALLOWED;
  }
}

/** The operations of a definition; a resource that is only declared can be written. */
function atResource(node: ResourceNode, ids: Ids, operation: TreeOperation): Refused | undefined {
  const { definition, execute } = node;
  if (ids.length === 4 && !definition.multiple) return NOT_ALLOWED;
  const impossible = (): Refused => (isPresent(node) ? NOT_ALLOWED : NOT_FOUND);
  switch (operation) {
    case 'read':
      if (!definition.operations.includes('R')) return impossible();
      return isThere(node, ids) ? undefined : NOT_FOUND;
    case 'write':
      return isWritable(definition) ? undefined : impossible();
    case 'execute':
      return ids.length === 3 && execute !== undefined ? undefined : NOT_ALLOWED;
    case 'create':
      return NOT_ALLOWED;
    case 'delete':
      if (ids.length === 3 || !isWritable(definition)) return NOT_ALLOWED;
      return isThere(node, ids) ? undefined : NOT_FOUND;
  }
}

/** What refuses an operation whatever its payload (OMA Core 1.2 6.3). */
export function refusalOf(named: Named, ids: Ids, operation: TreeOperation): Refused | undefined {
  if (ids.length < 3) return aboveResources(named, ids, operation);
  return named.resource === undefined ? NOT_FOUND : atResource(named.resource, ids, operation);
}
