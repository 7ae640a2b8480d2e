import type { Entry, Ids, Value } from '../model/index.ts';
import type { ReadOutcome, Refused } from './contract.ts';
import { asInstances, type Cell, cellAt, findCell, isField, pathOf, type ResourceNode } from './node.ts';

const NOT_FOUND: Refused = { status: 'not-found' };
const NO_VALUE_YET: Refused = { status: 'unavailable', message: 'no value from the device yet' };

function isReadable(node: ResourceNode): boolean {
  return node.definition.operations === 'R' || node.definition.operations === 'RW';
}

/** True if the cell holds a value that may be shown at `now` (monotonic ms). */
function isUsable({ value, field, freshAt }: Cell, now: number): boolean {
  return value !== undefined && (field === undefined || now - freshAt <= field.staleAfterMs);
}

/** True if somebody was shown a value here that counts as current at `now`. */
export function isShown(cell: Cell, now: number): boolean {
  return cell.refused === undefined && isUsable(cell, now);
}

/** True if a read has to ask the field first. */
function wantsRefresh(node: ResourceNode, now: number, maxAgeMs: number): boolean {
  if (!isField(node) || !isReadable(node)) return false;
  for (const { field, freshAt } of node.cells) {
    if (field !== undefined && !(now - freshAt <= Math.min(field.maxAgeMs, maxAgeMs))) return true;
  }
  return false;
}

function push(entries: Entry[], cell: Cell, value: Value, prefix: string): void {
  const path = pathOf(cell, prefix);
  const { type } = cell.node.definition;
  entries.push(
    cell.at === undefined
      ? { path, type, value }
      : { path, type, value, at: cell.at, quality: cell.quality ?? 4 },
  );
}

/**
 * Appends what the resource holds now; `resourceInstance` narrows it to one.
 * @returns how many entries were appended
 */
function append(
  node: ResourceNode,
  resourceInstance: number | undefined,
  prefix: string,
  now: number,
  entries: Entry[],
): number {
  const before = entries.length;
  const { compute } = node.setup;
  if (compute !== undefined) {
    const value = compute();
    if (value === undefined) return 0;
    for (const [id, one] of asInstances(value)) {
      if (resourceInstance !== undefined && resourceInstance !== id) continue;
      const cell = cellAt(node, id);
      // Good, and of now; what was only ever stored has neither quality nor time.
      entries.push({ path: pathOf(cell, prefix), type: node.definition.type, value: one, quality: 4 });
    }
  } else {
    for (const cell of node.cells) {
      if (resourceInstance !== undefined && resourceInstance !== cell.id) continue;
      if (isUsable(cell, now) && cell.value !== undefined) push(entries, cell, cell.value, prefix);
    }
  }
  return entries.length - before;
}

/** Reads one resource or resource instance. */
export function readResource(
  node: ResourceNode,
  resourceInstance: number | undefined,
  prefix: string,
  now: number,
): ReadOutcome {
  const entries: Entry[] = [];
  if (append(node, resourceInstance, prefix, now, entries) > 0) return { status: 'content', entries };
  if (isField(node)) return whyAbsent(node, resourceInstance);
  const isEmptyList = node.definition.multiple && resourceInstance === undefined && node.cells.length > 0;
  return isEmptyList ? { status: 'content', entries } : NOT_FOUND;
}

function whyAbsent(node: ResourceNode, resourceInstance: number | undefined): Refused {
  const cell = findCell(node, resourceInstance ?? 0) ?? node.cells[0];
  return cell?.refused ?? NO_VALUE_YET;
}

/**
 * Reads the resources of one or more instances. An answer that would hold nothing but constants although values
 * from the field belong to it is refused: it would look like a meter without a reading.
 */
export function readInstances(nodes: readonly ResourceNode[], prefix: string, now: number): ReadOutcome {
  const entries: Entry[] = [];
  let live = 0;
  let missing: ResourceNode | undefined;
  for (const node of nodes) {
    if (!isReadable(node)) continue;
    const count = append(node, undefined, prefix, now, entries);
    if (isField(node) && count === 0) missing ??= node;
    if ((isField(node) || node.setup.compute !== undefined) && count > 0) live++;
  }
  if (missing !== undefined && live === 0) return whyAbsent(missing, undefined);
  return { status: 'content', entries };
}

/**
 * The ids of the resources that a read has to refresh first.
 * @param maxAgeMs what counts as too old, where the freshness of the resource is not stricter
 */
export function staleResources(
  nodes: Iterable<ResourceNode>,
  now: number,
  maxAgeMs = Number.POSITIVE_INFINITY,
): Ids[] {
  const stale: Ids[] = [];
  for (const node of nodes) if (wantsRefresh(node, now, maxAgeMs)) stale.push(node.ids);
  return stale;
}
