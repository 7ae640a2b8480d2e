import type { InstanceChange, WriteRequest } from './contract.ts';
import { type Caller, DONE, type Outcome, type Refused, type StagedWrite } from './contract.ts';
import {
  asInstances,
  cellAt,
  findResource,
  type InstanceNode,
  isField,
  type ResourceNode,
  removeCells,
} from './node.ts';
import type { Nodes } from './nodes.ts';
import { endWatches } from './watchers.ts';
import { planWrite, replacedAway } from './write.ts';

const NOT_FOUND: Refused = { status: 'not-found' };

/** A write that was checked. */
interface PlannedWrite {
  readonly instance: InstanceNode;
  readonly request: WriteRequest;
  readonly change: InstanceChange;
}

/** A computed resource shows by itself what the write did; a field value comes back by an update. */
function isStored(node: ResourceNode): boolean {
  return node.setup.compute === undefined && !isField(node);
}

/** Puts the values of a checked write into their cells. @returns what it was about, with the cells before it */
function storeWrite({ instance, request, change }: PlannedWrite): Map<ResourceNode, ResourceNode['cells']> {
  const { mode, values, removals } = change;
  // Writing one resource instance leaves its siblings alone, whatever the method.
  const isWhole = mode === 'replace' && request.ids.length < 4;
  const before = new Map<ResourceNode, ResourceNode['cells']>();
  const touch = (node: ResourceNode): void => {
    if (!before.has(node)) before.set(node, node.cells);
  };
  for (const node of replacedAway(instance, request.ids, change)) {
    touch(node);
    removeCells(node, () => true);
  }
  for (const [id, value] of values) {
    const node = findResource(instance, id);
    if (node === undefined || !isStored(node)) continue;
    touch(node);
    const written = asInstances(value);
    if (isWhole) removeCells(node, (one) => !written.has(one));
    for (const [one, single] of written) cellAt(node, one).value = single;
  }
  for (const ids of removals) {
    const node = findResource(instance, ids[2] ?? -1);
    if (node === undefined) continue;
    touch(node);
    removeCells(node, (id) => id === ids[3]);
  }
  return before;
}

function store(nodes: Nodes, planned: readonly PlannedWrite[]): void {
  nodes.begin();
  // All values stand before the first watcher hears.
  const stored = planned.flatMap((write) => [...storeWrite(write)]);
  for (const [node, before] of stored) {
    if (!node.definition.multiple) continue;
    for (const cell of before) if (!node.cells.includes(cell)) endWatches(node, cell.id);
  }
  for (const [node] of stored) nodes.tell(node);
}

/** Checks writes into any instances as a whole, and does none of it yet. */
export function stageWrites(
  nodes: Nodes,
  requests: readonly WriteRequest[],
  caller: Caller,
): StagedWrite | Refused {
  const planned: PlannedWrite[] = [];
  for (const request of requests) {
    const instance = nodes.instance(request.ids);
    if (instance === undefined) return NOT_FOUND;
    const change = planWrite(instance, request, (ids) => nodes.exists(ids));
    if ('status' in change) return change;
    const refused = instance.setup.check?.(change, caller);
    if (refused !== undefined) return refused;
    planned.push({ instance, request, change });
  }
  return {
    steps: planned.flatMap(({ instance: { ids, setup }, change }) => {
      const { write } = setup;
      return write === undefined ? [] : [{ ids, run: () => write(change, caller) }];
    }),
    store: () => store(nodes, planned),
  };
}

/** Does all of one write or nothing. */
export function writeOne(nodes: Nodes, request: WriteRequest, caller: Caller): Outcome | Promise<Outcome> {
  const staged = stageWrites(nodes, [request], caller);
  if ('status' in staged) return staged;
  const finish = (outcome: Outcome): Outcome => {
    if (outcome.status === 'done') staged.store();
    return outcome;
  };
  const outcome = staged.steps[0]?.run() ?? DONE;
  return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
}
