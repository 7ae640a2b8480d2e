import type {
  DataType,
  Ids,
  ObjectDefinition,
  Path,
  Quality,
  ResourceDefinition,
  Value,
} from '../model/index.ts';
import type {
  Freshness,
  InstanceSetup,
  Lifecycle,
  Refused,
  ResourceSetup,
  ResourceValue,
} from './contract.ts';
import { Watchers } from './watchers.ts';

/** What one resource, or one resource instance, holds. */
export interface Cell {
  readonly ids: Ids;
  readonly type: DataType;
  value: Value | undefined;
  at: number | undefined;
  quality: Quality | undefined;
  /** Absent: the value is not from the field, and never grows old. */
  readonly field: Freshness | undefined;
  /** Since when nothing newer is known, monotonic ms. */
  freshAt: number;
  refused: Refused | undefined;
  /** With the prefix that was asked for last: mostly there is one only. */
  path: Path | undefined;
}

export interface ResourceNode {
  readonly ids: Ids;
  readonly definition: ResourceDefinition;
  readonly compute: (() => ResourceValue | undefined) | undefined;
  readonly execute: ResourceSetup['execute'];
  readonly sink: ResourceSetup['sink'];
  readonly isField: boolean;
  readonly isFixed: boolean;
  /** A single resource has its one cell under 0; a multiple one has a cell per resource instance. */
  readonly cells: Map<number, Cell>;
  readonly watchers: Watchers;
}

export interface InstanceNode {
  readonly ids: Ids;
  readonly resources: ReadonlyMap<number, ResourceNode>;
  /** The same, by id. */
  readonly inOrder: readonly ResourceNode[];
  readonly check: InstanceSetup['check'];
  readonly write: InstanceSetup['write'];
  readonly watchers: Watchers;
}

export interface ObjectNode {
  readonly definition: ObjectDefinition;
  lifecycle: Lifecycle;
  readonly instances: Map<number, InstanceNode>;
  readonly watchers: Watchers;
}

function createCell(ids: Ids, type: DataType, field: Freshness | undefined): Cell {
  return {
    ids,
    type,
    field,
    value: undefined,
    at: undefined,
    quality: undefined,
    freshAt: Number.NEGATIVE_INFINITY,
    refused: undefined,
    path: undefined,
  };
}

export function pathOf(cell: Cell, prefix: string): Path {
  const known = cell.path;
  if (known?.prefix === prefix) return known;
  const path: Path = { prefix, ids: cell.ids };
  cell.path = path;
  return path;
}

/** The values of a resource by resource instance; a single value stands under 0. */
export function asInstances(value: ResourceValue): ReadonlyMap<number, Value> {
  return value instanceof Map ? value : new Map([[0, value as Value]]);
}

/** The cell of `ids` (3 or 4), made when it is missing. */
export function cellAt(node: ResourceNode, resourceInstance: number, field?: Freshness): Cell {
  let cell = node.cells.get(resourceInstance);
  if (cell === undefined) {
    const ids = node.definition.multiple ? [...node.ids, resourceInstance] : node.ids;
    cell = createCell(ids, node.definition.type, field);
    node.cells.set(resourceInstance, cell);
  }
  return cell;
}

function createResource(instance: Ids, definition: ResourceDefinition, setup: ResourceSetup): ResourceNode {
  const node: ResourceNode = {
    ids: [...instance, setup.id],
    definition,
    compute: setup.compute,
    execute: setup.execute,
    sink: setup.sink,
    isField: setup.field !== undefined,
    isFixed: setup.isFixed ?? false,
    cells: new Map(),
    watchers: new Watchers(),
  };
  if (setup.field !== undefined) {
    const fields = setup.field instanceof Map ? setup.field : new Map([[0, setup.field as Freshness]]);
    for (const [id, field] of fields) cellAt(node, id, field);
  }
  if (setup.value !== undefined) {
    for (const [id, value] of asInstances(setup.value)) cellAt(node, id).value = value;
  }
  return node;
}

export function createInstance(setup: InstanceSetup): InstanceNode {
  const ids: Ids = [setup.definition.id, setup.instance];
  const resources = new Map<number, ResourceNode>();
  for (const resource of [...setup.resources].sort((a, b) => a.id - b.id)) {
    const definition = setup.definition.resources.get(resource.id);
    if (definition !== undefined) resources.set(resource.id, createResource(ids, definition, resource));
  }
  const { check, write } = setup;
  return { ids, resources, inOrder: [...resources.values()], check, write, watchers: new Watchers() };
}

/** The ids of the resource instances that are there, in ascending order. */
export function resourceInstances({ compute, cells }: ResourceNode): number[] {
  const present = compute === undefined ? cells : asInstances(compute() ?? new Map());
  return [...present.keys()].sort((a, b) => a - b);
}

/** True if the resource can be read now, as far as its kind tells. */
export function isPresent(node: ResourceNode): boolean {
  if (node.execute !== undefined || node.isField) return true;
  if (node.compute !== undefined) return node.compute() !== undefined;
  for (const cell of node.cells.values()) if (cell.value !== undefined) return true;
  return node.definition.multiple && node.cells.size > 0;
}
