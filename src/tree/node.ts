import type { Chain } from '../base/index.ts';
import type { Ids, ObjectDefinition, Path, Quality, ResourceDefinition, Value } from '../model/index.ts';
import type {
  Freshness,
  InstanceSetup,
  Lifecycle,
  Refused,
  ResourceSetup,
  ResourceValue,
} from './contract.ts';
import type { NodeWatch, Watched } from './watchers.ts';

/** What one resource, or one resource instance, holds. */
export interface Cell {
  /** of the resource instance; 0 of a resource that has none */
  readonly id: number;
  readonly node: ResourceNode;
  /** Absent: the value is not from the field, and never grows old. */
  readonly field: Freshness | undefined;
  value: Value | undefined;
  at: number | undefined;
  quality: Quality | undefined;
  /** Since when nothing newer is known, monotonic ms. */
  freshAt: number;
  refused: Refused | undefined;
  /** With the prefix that was asked for last: mostly there is one only. */
  path: Path | undefined;
}

export interface ResourceNode extends Watched {
  readonly ids: Ids;
  readonly instance: InstanceNode;
  readonly definition: ResourceDefinition;
  readonly setup: ResourceSetup;
  /** In ascending order. A resource without instances has one at most. */
  cells: readonly Cell[];
}

export interface InstanceNode extends Watched {
  readonly ids: Ids;
  readonly object: ObjectNode;
  readonly setup: InstanceSetup;
  /** In ascending order. */
  resources: readonly ResourceNode[];
  /** That was asked for last, which all cells share. */
  prefix: string;
}

export interface ObjectNode extends Watched {
  readonly definition: ObjectDefinition;
  lifecycle: Lifecycle;
  readonly instances: Map<number, InstanceNode>;
}

const NO_CELLS: readonly Cell[] = [];
const NOBODY: Chain<NodeWatch> | undefined = undefined;

export function createObject(definition: ObjectDefinition): ObjectNode {
  return { definition, lifecycle: {}, instances: new Map(), watches: NOBODY };
}

export function isField({ setup }: ResourceNode): boolean {
  return setup.field !== undefined;
}

export function pathOf(cell: Cell, prefix: string): Path {
  const known = cell.path;
  if (known?.prefix === prefix) return known;
  const { ids, definition, instance } = cell.node;
  if (instance.prefix !== prefix) instance.prefix = prefix;
  const path: Path = { prefix: instance.prefix, ids: definition.multiple ? ids.concat(cell.id) : ids };
  cell.path = path;
  return path;
}

/** The values of a resource by resource instance; a single value stands under 0. */
export function asInstances(value: ResourceValue): ReadonlyMap<number, Value> {
  return value instanceof Map ? value : new Map([[0, value as Value]]);
}

export function findCell({ cells }: ResourceNode, id: number): Cell | undefined {
  for (const cell of cells) if (cell.id === id) return cell;
  return undefined;
}

/** The cell of a resource instance, made when it is missing. */
export function cellAt(node: ResourceNode, id: number, field?: Freshness): Cell {
  const found = findCell(node, id);
  if (found !== undefined) return found;
  const cell: Cell = {
    id,
    node,
    field,
    value: undefined,
    at: undefined,
    quality: undefined,
    freshAt: Number.NEGATIVE_INFINITY,
    refused: undefined,
    path: undefined,
  };
  node.cells = node.cells.length === 0 ? [cell] : [...node.cells, cell].sort((a, b) => a.id - b.id);
  return cell;
}

export function removeCells(node: ResourceNode, isGone: (id: number) => boolean): void {
  node.cells = node.cells.filter(({ id }) => !isGone(id));
}

function createResource(
  instance: InstanceNode,
  definition: ResourceDefinition,
  setup: ResourceSetup,
): ResourceNode {
  const ids = setup.ids ?? instance.ids.concat(setup.id);
  const node: ResourceNode = { ids, instance, definition, setup, cells: NO_CELLS, watches: NOBODY };
  const { field, value } = setup;
  if (field instanceof Map) for (const [id, freshness] of field) cellAt(node, id, freshness);
  else if (field !== undefined) cellAt(node, 0, field as Freshness);
  if (value !== undefined) for (const [id, one] of asInstances(value)) cellAt(node, id).value = one;
  return node;
}

export function createInstance(setup: InstanceSetup, object: ObjectNode): InstanceNode {
  const ids: Ids = [setup.definition.id, setup.instance];
  const instance: InstanceNode = { ids, object, setup, resources: [], prefix: '', watches: NOBODY };
  const byId = new Map(setup.resources.map((resource) => [resource.id, resource]));
  instance.resources = [...byId.values()]
    .sort((a, b) => a.id - b.id)
    .flatMap((resource) => {
      const definition = setup.definition.resources.get(resource.id);
      return definition === undefined ? [] : [createResource(instance, definition, resource)];
    });
  return instance;
}

/** By bisection: an instance may have a hundred, and each has to be found for every new value. */
export function findResource({ resources }: InstanceNode, id: number): ResourceNode | undefined {
  let low = 0;
  let high = resources.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const node = resources[middle];
    if (node === undefined || node.setup.id === id) return node;
    if (node.setup.id < id) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** The ids of the resource instances that are there, in ascending order. */
export function resourceInstances({ setup: { compute }, cells }: ResourceNode): number[] {
  if (compute === undefined) return cells.map(({ id }) => id);
  return [...asInstances(compute() ?? new Map()).keys()].sort((a, b) => a - b);
}

/** True if the resource can be read now, as far as its kind tells. */
export function isPresent(node: ResourceNode): boolean {
  const { execute, compute, field } = node.setup;
  if (execute !== undefined || field !== undefined) return true;
  if (compute !== undefined) return compute() !== undefined;
  for (const { value } of node.cells) if (value !== undefined) return true;
  return node.definition.multiple && node.cells.length > 0;
}
