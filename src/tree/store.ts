import type { Value } from '../model/index.ts';
import type { InstanceChange, WriteRequest } from './contract.ts';
import { asInstances, cellAt, type InstanceNode, type ResourceNode } from './node.ts';
import { replacedAway } from './write.ts';

/** A write that was checked. */
export interface PlannedWrite {
  readonly instance: InstanceNode;
  readonly request: WriteRequest;
  readonly change: InstanceChange;
}

/** What a write did to one resource. */
export interface StoredResource {
  readonly node: ResourceNode;
  /** resource instances that are gone */
  readonly gone: readonly number[];
}

/** A computed resource shows by itself what the write did; a field value comes back by an update. */
function isStored(node: ResourceNode): boolean {
  return node.compute === undefined && !node.isField;
}

function setValues(node: ResourceNode, values: ReadonlyMap<number, Value>, isWhole: boolean): void {
  if (isWhole) for (const id of [...node.cells.keys()]) if (!values.has(id)) node.cells.delete(id);
  for (const [id, value] of values) cellAt(node, id).value = value;
}

/** Puts the values of a checked write into their cells. */
export function storeWrite({ instance, request, change }: PlannedWrite): StoredResource[] {
  const { mode, values, removals } = change;
  // Writing one resource instance leaves its siblings alone, whatever the method.
  const isWhole = mode === 'replace' && request.ids.length < 4;
  const before = new Map<ResourceNode, readonly number[]>();
  const remember = (node: ResourceNode): void => {
    if (!before.has(node)) before.set(node, node.definition.multiple ? [...node.cells.keys()] : []);
  };
  for (const node of replacedAway(instance, request.ids, change)) {
    remember(node);
    node.cells.clear();
  }
  for (const [id, value] of values) {
    const node = instance.resources.get(id);
    if (node === undefined || !isStored(node)) continue;
    remember(node);
    setValues(node, asInstances(value), isWhole);
  }
  for (const ids of removals) {
    const node = instance.resources.get(ids[2] ?? -1);
    if (node === undefined) continue;
    remember(node);
    node.cells.delete(ids[3] ?? -1);
  }
  return [...before].map(([node, ids]) => ({ node, gone: ids.filter((id) => !node.cells.has(id)) }));
}
