import { type Ids, sameValue, type Value } from '../model/index.ts';
import type { CellUpdate, ResourceValue } from './contract.ts';
import { asInstances, type Cell, cellAt, findCell, type ResourceNode, removeCells } from './node.ts';
import type { Nodes } from './nodes.ts';
import { isShown } from './read.ts';

/** @returns true if somebody who watches should know */
function apply(update: CellUpdate, cell: Cell, now: number): boolean {
  cell.quality = update.quality;
  if ('refused' in update) {
    cell.refused = update.refused;
    return false;
  }
  // A value that could not be shown before is news, even if it is the old one.
  const isNews = !isShown(cell, now) || !sameValue(cell.value ?? '', update.value);
  cell.value = update.value;
  cell.at = update.at;
  cell.freshAt = now;
  cell.refused = undefined;
  return isNews;
}

/** What comes from the field. @param now monotonic ms */
export function updateCells(nodes: Nodes, updates: readonly CellUpdate[], now: number): void {
  nodes.begin();
  const news: Cell[] = [];
  for (const update of updates) {
    const node = nodes.resource(update.ids);
    if (node === undefined) continue;
    const cell = cellAt(node, update.ids[3] ?? 0);
    if (apply(update, cell, now)) news.push(cell);
  }
  // All values stand before the first watcher hears: a notification never mixes old and new.
  for (const { node, id } of news) nodes.tell(node, id);
}

/** Makes values too old to be shown. */
export function expireCells(nodes: Nodes, resources: readonly Ids[]): void {
  for (const ids of resources) {
    for (const cell of nodes.resource(ids)?.cells ?? []) {
      if (ids[3] === undefined || ids[3] === cell.id) cell.freshAt = Number.NEGATIVE_INFINITY;
    }
  }
}

/** Sets stored values of one instance; undefined takes one away. */
export function assignValues(
  nodes: Nodes,
  instance: Ids,
  values: ReadonlyMap<number, ResourceValue | undefined>,
): void {
  nodes.begin();
  const news: ResourceNode[] = [];
  for (const [id, value] of values) {
    const node = nodes.resource([...instance, id]);
    if (node === undefined) continue;
    removeCells(node, () => true);
    if (value !== undefined) for (const [one, single] of asInstances(value)) cellAt(node, one).value = single;
    news.push(node);
  }
  for (const node of news) nodes.tell(node);
}

/** The value of one resource, or resource instance, as it stands. */
export function peekValue(node: ResourceNode, resourceInstance: number): Value | undefined {
  const { compute } = node.setup;
  if (compute === undefined) return findCell(node, resourceInstance)?.value;
  return asInstances(compute() ?? new Map()).get(resourceInstance);
}
