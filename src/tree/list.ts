import type { Listed } from './contract.ts';
import {
  type InstanceNode,
  isPresent,
  type ObjectNode,
  type ResourceNode,
  resourceInstances,
} from './node.ts';

/** What exists at a resource, and with `depth` below it. */
export function listResource(node: ResourceNode, depth: number): Listed[] {
  if (!isPresent(node)) return [];
  if (!node.definition.multiple) return [{ ids: node.ids }];
  const instances = resourceInstances(node);
  const below = depth > 0 ? instances.map((id) => ({ ids: [...node.ids, id] })) : [];
  return [{ ids: node.ids, dimension: instances.length }, ...below];
}

export function listInstance({ ids, resources }: InstanceNode, depth: number): Listed[] {
  return [{ ids }, ...(depth > 0 ? resources.flatMap((node) => listResource(node, depth - 1)) : [])];
}

export function listObject({ definition, instances }: ObjectNode, depth: number): Listed[] {
  const inOrder = [...instances.values()].sort((a, b) => (a.ids[1] ?? 0) - (b.ids[1] ?? 0));
  return [
    { ids: [definition.id], version: definition.version },
    ...(depth > 0 ? inOrder.flatMap((node) => listInstance(node, depth - 1)) : []),
  ];
}
