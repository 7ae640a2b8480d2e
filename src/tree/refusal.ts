import type { Ids } from '../model/index.ts';
import type { Refused, TreeOperation } from './contract.ts';
import { isPresent, type ResourceNode } from './node.ts';
import type { Nodes } from './nodes.ts';
import { isWritable } from './write.ts';

const NOT_FOUND: Refused = { status: 'not-found' };
const NOT_ALLOWED: Refused = { status: 'not-allowed' };

/** What the level of the path says. An object cannot be written, and nothing but a resource executed. */
function aboveResources(nodes: Nodes, ids: Ids, operation: TreeOperation): Refused | undefined {
  const object = nodes.object(ids);
  if (object === undefined || !nodes.exists(ids)) return NOT_FOUND;
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
function atResource(
  nodes: Nodes,
  node: ResourceNode,
  ids: Ids,
  operation: TreeOperation,
): Refused | undefined {
  const { definition, setup } = node;
  if (ids.length === 4 && !definition.multiple) return NOT_ALLOWED;
  const impossible = (): Refused => (isPresent(node) ? NOT_ALLOWED : NOT_FOUND);
  switch (operation) {
    case 'read':
      if (!definition.operations.includes('R')) return impossible();
      return nodes.exists(ids) ? undefined : NOT_FOUND;
    case 'write':
      return isWritable(definition) ? undefined : impossible();
    case 'execute':
      return ids.length === 3 && setup.execute !== undefined ? undefined : NOT_ALLOWED;
    case 'create':
      return NOT_ALLOWED;
    case 'delete':
      if (ids.length === 3 || !isWritable(definition)) return NOT_ALLOWED;
      return nodes.exists(ids) ? undefined : NOT_FOUND;
  }
}

/** What refuses an operation whatever its payload (OMA Core 1.2 6.3). */
export function refusalOf(nodes: Nodes, ids: Ids, operation: TreeOperation): Refused | undefined {
  if (ids.length < 3) return aboveResources(nodes, ids, operation);
  const node = nodes.resource(ids);
  return node === undefined ? NOT_FOUND : atResource(nodes, node, ids, operation);
}
