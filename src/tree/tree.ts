import { type Cancel, createSignal, messageOf } from '../base/index.ts';
import {
  type Entry,
  type Ids,
  MAX_ID,
  type ObjectDefinition,
  type ResourceDefinition,
  sameValue,
  type Value,
} from '../model/index.ts';
import {
  type Caller,
  type CellUpdate,
  type CreateOutcome,
  DONE,
  type InstanceSetup,
  type Listed,
  type Outcome,
  type ReadOutcome,
  type Refused,
  type ResourceValue,
  type StagedWrite,
  type StructureChange,
  type Tree,
  type TreeOperation,
  type TreePorts,
  type Watcher,
  type WriteRequest,
} from './contract.ts';
import { listInstance, listObject, listResource } from './list.ts';
import {
  asInstances,
  cellAt,
  createInstance,
  type InstanceNode,
  type ObjectNode,
  type ResourceNode,
} from './node.ts';
import { isShown, readInstances, readResource, staleResources } from './read.ts';
import { isThere, refusalOf } from './refusal.ts';
import { type PlannedWrite, storeWrite } from './store.ts';
import { Watchers } from './watchers.ts';
import { planCreate, planWrite } from './write.ts';

const NOT_FOUND: Refused = { status: 'not-found' };
const NOT_ALLOWED: Refused = { status: 'not-allowed' };
const NONE: ReadonlySet<number> = new Set();

/** An empty tree. */
export function createTree(ports: TreePorts): Tree {
  const { clock } = ports;
  const objects = new Map<number, ObjectNode>();
  const structure = createSignal<StructureChange>();
  /** Counts updates, so that each tells a watcher once. */
  let turn = 0;

  const objectAt = (ids: Ids): ObjectNode | undefined => objects.get(ids[0] ?? -1);
  const instanceAt = (ids: Ids): InstanceNode | undefined => objectAt(ids)?.instances.get(ids[1] ?? -1);
  const resourceAt = (ids: Ids): ResourceNode | undefined => instanceAt(ids)?.resources.get(ids[2] ?? -1);

  const resourcesBelow = (ids: Ids): readonly ResourceNode[] => {
    if (ids.length >= 3) {
      const node = resourceAt(ids);
      return node === undefined ? [] : [node];
    }
    if (ids.length === 2) return instanceAt(ids)?.inOrder ?? [];
    return [...(objectAt(ids)?.instances.values() ?? [])].flatMap(({ inOrder }) => inOrder);
  };

  const endWatches = (instance: InstanceNode): void => {
    instance.watchers.end();
    for (const resource of instance.inOrder) resource.watchers.end();
  };

  const tellUpwards = (ids: Ids): void => {
    resourceAt(ids)?.watchers.tell(turn, ids[3]);
    instanceAt(ids)?.watchers.tell(turn);
    objectAt(ids)?.watchers.tell(turn);
  };

  const objectFor = (definition: ObjectDefinition): ObjectNode => {
    let object = objects.get(definition.id);
    if (object === undefined) {
      object = { definition, lifecycle: {}, instances: new Map(), watchers: new Watchers() };
      objects.set(definition.id, object);
    }
    return object;
  };

  /** @returns true if somebody who watches should know */
  const apply = (update: CellUpdate, node: ResourceNode, now: number): boolean => {
    const cell = cellAt(node, update.ids[3] ?? 0);
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
  };

  const update = (updates: readonly CellUpdate[]): void => {
    turn++;
    const now = clock.monotonic();
    const news: Ids[] = [];
    for (const one of updates) {
      const node = resourceAt(one.ids);
      if (node !== undefined && apply(one, node, now)) news.push(one.ids);
    }
    // All values stand before the first watcher hears: a notification never mixes old and new.
    for (const ids of news) tellUpwards(ids);
  };

  const expire = (resources: readonly Ids[]): void => {
    for (const ids of resources) {
      for (const cell of resourceAt(ids)?.cells.values() ?? []) {
        if (ids[3] === undefined || ids[3] === cell.ids[3]) cell.freshAt = Number.NEGATIVE_INFINITY;
      }
    }
  };

  const assign = (ids: Ids, values: ReadonlyMap<number, ResourceValue | undefined>): void => {
    turn++;
    const news: ResourceNode[] = [];
    for (const [id, value] of values) {
      const node = instanceAt(ids)?.resources.get(id);
      if (node === undefined) continue;
      node.cells.clear();
      if (value !== undefined)
        for (const [one, single] of asInstances(value)) cellAt(node, one).value = single;
      news.push(node);
    }
    for (const node of news) tellUpwards(node.ids);
  };

  const touch = (ids: Ids): void => {
    turn++;
    tellUpwards(ids);
  };

  const answer = (ids: Ids, prefix: string, nodes: readonly ResourceNode[]): ReadOutcome => {
    const now = clock.monotonic();
    const [node] = nodes;
    if (ids.length >= 3 && node !== undefined) return readResource(node, ids[3], prefix, now);
    return readInstances(nodes, prefix, now);
  };

  const snapshot = (ids: Ids, prefix: string): ReadOutcome =>
    refusal(ids, 'read') ?? answer(ids, prefix, resourcesBelow(ids));

  const freshen = (paths: readonly Ids[]): Promise<void> | undefined => {
    if (ports.refresh === undefined) return undefined;
    const stale = staleResources(new Set(paths.flatMap(resourcesBelow)), clock.monotonic());
    return stale.length === 0 ? undefined : ports.refresh(stale);
  };

  const read = (ids: Ids, prefix: string): ReadOutcome | Promise<ReadOutcome> => {
    const refused = refusal(ids, 'read');
    if (refused !== undefined) return refused;
    const nodes = resourcesBelow(ids);
    const stale = ports.refresh === undefined ? [] : staleResources(nodes, clock.monotonic());
    if (stale.length === 0 || ports.refresh === undefined) return answer(ids, prefix, nodes);
    // The device may be gone by the time the field has answered.
    return ports.refresh(stale).then(() => snapshot(ids, prefix));
  };

  const sample = (ids: Ids, maxAgeMs: number): void => {
    const stale = staleResources(resourcesBelow(ids), clock.monotonic(), maxAgeMs);
    if (stale.length > 0) void ports.refresh?.(stale);
  };

  const exists = (ids: Ids): boolean => {
    if (ids.length === 1) return objectAt(ids) !== undefined;
    if (ids.length === 2) return instanceAt(ids) !== undefined;
    const node = resourceAt(ids);
    return node !== undefined && isThere(node, ids);
  };

  const refusal = (ids: Ids, operation: TreeOperation): Refused | undefined =>
    refusalOf(
      { object: objectAt(ids), isInstance: instanceAt(ids) !== undefined, resource: resourceAt(ids) },
      ids,
      operation,
    );

  const store = (planned: readonly PlannedWrite[]): void => {
    turn++;
    // All values stand before the first watcher hears.
    const stored = planned.flatMap(storeWrite);
    for (const { node, gone } of stored) for (const id of gone) node.watchers.end(id);
    for (const { node } of stored) tellUpwards(node.ids);
  };

  const stage = (requests: readonly WriteRequest[], caller: Caller): StagedWrite | Refused => {
    const planned: PlannedWrite[] = [];
    for (const request of requests) {
      const instance = instanceAt(request.ids);
      if (instance === undefined) return NOT_FOUND;
      const change = planWrite(instance, request, exists);
      if ('status' in change) return change;
      const refused = instance.check?.(change, caller);
      if (refused !== undefined) return refused;
      planned.push({ instance, request, change });
    }
    return {
      steps: planned.flatMap(({ instance: { ids, write: run }, change }) =>
        run === undefined ? [] : [{ ids, run: () => run(change, caller) }],
      ),
      store: () => store(planned),
    };
  };

  const writeOne = (request: WriteRequest, caller: Caller): Outcome | Promise<Outcome> => {
    const staged = stage([request], caller);
    if ('status' in staged) return staged;
    const finish = (outcome: Outcome): Outcome => {
      if (outcome.status === 'done') staged.store();
      return outcome;
    };
    const outcome = staged.steps[0]?.run() ?? DONE;
    return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
  };

  const add = (setup: InstanceSetup, by?: Caller): void => {
    const object = objectFor(setup.definition);
    object.instances.set(setup.instance, createInstance(setup));
    const ids = [setup.definition.id, setup.instance];
    // Who keeps the books about instances comes first: what a watcher may see depends on it.
    structure.emit({ kind: 'added', ids, ...(by === undefined ? {} : { by }) });
    turn++;
    object.watchers.tell(turn);
  };

  const remove = (ids: Ids, by?: Caller): void => {
    const object = objectAt(ids);
    const instance = instanceAt(ids);
    if (object === undefined || instance === undefined) return;
    object.instances.delete(ids[1] ?? -1);
    endWatches(instance);
    turn++;
    object.watchers.tell(turn);
    structure.emit({ kind: 'removed', ids, ...(by === undefined ? {} : { by }) });
  };

  /** The instance that a server asks for, or the lowest that is free. */
  const newInstance = (
    { definition, instances }: ObjectNode,
    wanted: number | undefined,
  ): number | Refused => {
    let id = wanted ?? 0;
    if (wanted === undefined && definition.multiple) while (instances.has(id)) id++;
    if (instances.has(id)) return { status: 'bad-request', message: 'this instance exists' };
    const isPossible = id < MAX_ID && (definition.multiple || id === 0);
    return isPossible ? id : { status: 'bad-request', message: `there can be no instance ${id}` };
  };

  const create = (
    objectId: number,
    wanted: number | undefined,
    entries: readonly Entry[],
    caller: Caller,
  ): CreateOutcome => {
    const object = objects.get(objectId);
    if (object === undefined) return NOT_FOUND;
    const { create: make, provided = NONE } = object.lifecycle;
    if (make === undefined) return NOT_ALLOWED;
    const instance = newInstance(object, wanted);
    if (typeof instance !== 'number') return instance;
    const request = planCreate(object.definition.resources, provided, instance, entries, exists);
    if ('status' in request) return request;
    const setup = make(request, caller);
    if ('status' in setup) return setup;
    add(setup, caller);
    return { status: 'created', instance };
  };

  const deleteAt = (ids: Ids, caller: Caller): Outcome | Promise<Outcome> => {
    const refused = refusal(ids, 'delete');
    if (refused !== undefined) return refused;
    if (ids.length === 4) return writeOne({ ids, mode: 'update', entries: [], removals: [ids] }, caller);
    const kept = objectAt(ids)?.lifecycle.remove?.(ids[1] ?? -1, caller);
    if (kept !== undefined) return kept;
    remove(ids, caller);
    return DONE;
  };

  const execute = (ids: Ids, argument: string, caller: Caller): Outcome | Promise<Outcome> => {
    const node = resourceAt(ids);
    if (node?.execute === undefined) return refusal(ids, 'execute') ?? NOT_ALLOWED;
    try {
      return node.execute(argument, caller);
    } catch (error) {
      return { status: 'failed', message: messageOf(error) };
    }
  };

  const list = (ids: Ids, depth: number): readonly Listed[] | Refused => {
    if (!exists(ids)) return NOT_FOUND;
    const resource = resourceAt(ids);
    if (resource !== undefined) return listResource(resource, depth);
    const instance = instanceAt(ids);
    if (instance !== undefined) return listInstance(instance, depth);
    const object = objectAt(ids);
    return object === undefined ? NOT_FOUND : listObject(object, depth);
  };

  const watch = (ids: Ids, watcher: Watcher): Cancel | undefined => {
    const node = ids.length >= 3 ? resourceAt(ids) : ids.length === 2 ? instanceAt(ids) : objectAt(ids);
    return node?.watchers.add(watcher, ids[3], turn);
  };

  return {
    definition: (object) => objects.get(object)?.definition,
    resource: (ids): ResourceDefinition | undefined =>
      resourceAt(ids)?.definition ?? objectAt(ids)?.definition.resources.get(ids[2] ?? -1),
    objects: () =>
      [...objects.values()]
        .sort((a, b) => a.definition.id - b.definition.id)
        .map(({ definition, lifecycle, instances }) => ({
          definition,
          instances: [...instances.keys()].sort((a, b) => a - b),
          isCreatable: lifecycle.create !== undefined,
        })),
    exists,
    addObject(definition, lifecycle) {
      const isNew = !objects.has(definition.id);
      const object = objectFor(definition);
      if (lifecycle !== undefined) object.lifecycle = lifecycle;
      if (isNew) structure.emit({ kind: 'added', ids: [definition.id] });
    },
    addInstance: (setup) => add(setup),
    removeInstance: (object, instance) => remove([object, instance]),
    clear() {
      const gone = [...objects.values()];
      objects.clear();
      for (const object of gone) {
        for (const instance of object.instances.values()) endWatches(instance);
        object.watchers.end();
      }
      for (const { definition } of gone) structure.emit({ kind: 'removed', ids: [definition.id] });
    },
    onStructure: (listener) => structure.subscribe(listener),
    update,
    expire,
    assign,
    touch,
    watch,
    read,
    sample,
    freshen,
    snapshot,
    peek: (ids): Value | undefined => {
      const node = resourceAt(ids);
      if (node?.compute !== undefined) return asInstances(node.compute() ?? new Map()).get(ids[3] ?? 0);
      return node?.cells.get(ids[3] ?? 0)?.value;
    },
    write: (ids, mode, entries, caller) => writeOne({ ids, mode, entries }, caller),
    stage,
    create,
    delete: deleteAt,
    refusal,
    execute,
    sink: (ids, size, caller) => (ids.length === 3 ? resourceAt(ids)?.sink?.(size, caller) : undefined),
    list,
  };
}
