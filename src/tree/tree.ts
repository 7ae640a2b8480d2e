import { type Cancel, createSignal, messageOf } from '../base/index.ts';
import {
  type Entry,
  type Ids,
  type ObjectDefinition,
  type ResourceDefinition,
  sameValue,
  type Value,
} from '../model/index.ts';
import {
  type Caller,
  type CellUpdate,
  DONE,
  type InstanceChange,
  type Listed,
  type Outcome,
  type ReadOutcome,
  type Refused,
  type ResourceValue,
  type Tree,
  type TreePorts,
  type Watcher,
} from './contract.ts';
import {
  asInstances,
  cellAt,
  createInstance,
  type InstanceNode,
  isPresent,
  type ObjectNode,
  type ResourceNode,
  type Watch,
} from './node.ts';
import { isShown, readInstances, readResource, staleResources } from './read.ts';
import { planWrite, replacedAway } from './write.ts';

const NOT_FOUND: Refused = { status: 'not-found' };
const NOT_ALLOWED: Refused = { status: 'not-allowed' };

/** An empty tree. */
export function createTree(ports: TreePorts): Tree {
  const { clock } = ports;
  const objects = new Map<number, ObjectNode>();
  const structure = createSignal<void>();
  /** Counts updates, so that each tells a watcher once. */
  let turn = 0;

  const instanceAt = (ids: Ids): InstanceNode | undefined =>
    objects.get(ids[0] ?? -1)?.instances.get(ids[1] ?? -1);
  const resourceAt = (ids: Ids): ResourceNode | undefined => instanceAt(ids)?.resources.get(ids[2] ?? -1);

  const resourcesBelow = (ids: Ids): readonly ResourceNode[] => {
    if (ids.length >= 3) {
      const node = resourceAt(ids);
      return node === undefined ? [] : [node];
    }
    if (ids.length === 2) return instanceAt(ids)?.inOrder ?? [];
    return [...(objects.get(ids[0] ?? -1)?.instances.values() ?? [])].flatMap(({ inOrder }) => inOrder);
  };

  const tell = (watchers: Set<Watch>, resourceInstance?: number): void => {
    if (watchers.size === 0) return;
    for (const watch of watchers) {
      if (watch.told === turn) continue;
      if (
        watch.resourceInstance !== undefined &&
        resourceInstance !== undefined &&
        watch.resourceInstance !== resourceInstance
      ) {
        continue;
      }
      watch.told = turn;
      watch.watcher.changed();
    }
  };

  const tellGone = (watchers: Set<Watch>): void => {
    for (const { watcher } of [...watchers]) watcher.removed();
    watchers.clear();
  };

  const tellRemoved = (instance: InstanceNode): void => {
    tellGone(instance.watchers);
    for (const resource of instance.resources.values()) tellGone(resource.watchers);
  };

  const tellUpwards = (ids: Ids): void => {
    const object = objects.get(ids[0] ?? -1);
    const instance = object?.instances.get(ids[1] ?? -1);
    const resource = instance?.resources.get(ids[2] ?? -1);
    if (resource !== undefined) tell(resource.watchers, ids[3]);
    if (instance !== undefined) tell(instance.watchers);
    if (object !== undefined) tell(object.watchers);
  };

  const objectFor = (definition: ObjectDefinition): ObjectNode => {
    let object = objects.get(definition.id);
    if (object === undefined) {
      object = { definition, instances: new Map(), watchers: new Set() };
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
    if (ids.length === 1) return objects.has(ids[0] ?? -1);
    if (ids.length === 2) return instanceAt(ids) !== undefined;
    const node = resourceAt(ids);
    if (node === undefined || !isPresent(node)) return false;
    if (ids.length === 3) return true;
    if (!node.definition.multiple) return false;
    const instances = node.compute === undefined ? node.cells : asInstances(node.compute() ?? new Map());
    return instances.has(ids[3] ?? -1);
  };

  const store = (instance: InstanceNode, ids: Ids, change: InstanceChange): void => {
    turn++;
    const news: ResourceNode[] = replacedAway(instance, ids, change);
    for (const node of news) node.cells.clear();
    for (const [id, value] of change.values) {
      const node = instance.resources.get(id);
      // A computed resource shows by itself what the write did; a field value comes back by update().
      if (node === undefined || node.compute !== undefined || node.isField) continue;
      // Writing one resource instance leaves its siblings alone, whatever the method.
      if (node.definition.multiple && change.mode === 'replace' && ids.length < 4) node.cells.clear();
      for (const [one, single] of asInstances(value)) cellAt(node, one).value = single;
      news.push(node);
    }
    for (const node of news) tellUpwards(node.ids);
  };

  const write = (
    ids: Ids,
    mode: 'replace' | 'update',
    entries: readonly Entry[],
    caller: Caller,
  ): Outcome | Promise<Outcome> => {
    const instance = instanceAt(ids);
    if (instance === undefined) return NOT_FOUND;
    const change = planWrite(instance, ids, mode, entries);
    if ('status' in change) return change;
    const finish = (outcome: Outcome): Outcome => {
      if (outcome.status === 'done') store(instance, ids, change);
      return outcome;
    };
    if (instance.write === undefined) return finish(DONE);
    const outcome = instance.write(change, caller);
    return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
  };

  /** The operations of a definition; a resource that is only declared can be written. */
  const refusal = (ids: Ids, operation: 'read' | 'write' | 'execute'): Refused | undefined => {
    const node = resourceAt(ids);
    if (ids.length < 3) {
      if (!exists(ids)) return NOT_FOUND;
      return operation === 'execute' || (operation === 'write' && ids.length === 1) ? NOT_ALLOWED : undefined;
    }
    if (node === undefined) return NOT_FOUND;
    const { operations, multiple } = node.definition;
    if (ids.length === 4 && !multiple) return NOT_ALLOWED;
    if (operation === 'execute')
      return ids.length === 3 && node.execute !== undefined ? undefined : NOT_ALLOWED;
    if (!operations.includes(operation === 'read' ? 'R' : 'W'))
      return isPresent(node) ? NOT_ALLOWED : NOT_FOUND;
    return operation === 'write' || exists(ids) ? undefined : NOT_FOUND;
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
    const listed: Listed[] = [];
    const addResource = (node: ResourceNode, left: number): void => {
      if (!isPresent(node)) return;
      if (!node.definition.multiple) {
        listed.push({ ids: node.ids });
        return;
      }
      const instances = [
        ...(node.compute === undefined ? node.cells : asInstances(node.compute() ?? new Map())).keys(),
      ];
      listed.push({ ids: node.ids, dimension: instances.length });
      if (left > 0) for (const id of instances.sort((a, b) => a - b)) listed.push({ ids: [...node.ids, id] });
    };
    const addInstance = (instance: InstanceNode, left: number): void => {
      listed.push({ ids: instance.ids });
      if (left > 0) for (const node of instance.resources.values()) addResource(node, left - 1);
    };
    const object = objects.get(ids[0] ?? -1);
    const instance = instanceAt(ids);
    const resource = resourceAt(ids);
    if (resource !== undefined) addResource(resource, depth);
    else if (instance !== undefined) addInstance(instance, depth);
    else if (object !== undefined) {
      listed.push({ ids, version: object.definition.version });
      if (depth > 0)
        for (const id of sortedKeys(object.instances)) addInstance(at(object.instances, id), depth - 1);
    }
    return listed;
  };

  const watch = (ids: Ids, watcher: Watcher): Cancel | undefined => {
    const node =
      ids.length >= 3 ? resourceAt(ids) : ids.length === 2 ? instanceAt(ids) : objects.get(ids[0] ?? -1);
    if (node === undefined) return undefined;
    const entry: Watch = { watcher, resourceInstance: ids[3], told: turn };
    node.watchers.add(entry);
    return () => {
      node.watchers.delete(entry);
    };
  };

  return {
    definition: (object) => objects.get(object)?.definition,
    resource: (ids): ResourceDefinition | undefined =>
      resourceAt(ids)?.definition ?? objects.get(ids[0] ?? -1)?.definition.resources.get(ids[2] ?? -1),
    objects: () =>
      sortedKeys(objects).map((id) => {
        const { definition, instances } = at(objects, id);
        return { definition, instances: sortedKeys(instances) };
      }),
    exists,
    addObject(definition) {
      if (objects.has(definition.id)) return;
      objectFor(definition);
      structure.emit();
    },
    addInstance(setup) {
      const object = objectFor(setup.definition);
      object.instances.set(setup.instance, createInstance(setup));
      turn++;
      tell(object.watchers);
      structure.emit();
    },
    removeInstance(objectId, instanceId) {
      const object = objects.get(objectId);
      const instance = object?.instances.get(instanceId);
      if (object === undefined || instance === undefined) return;
      object.instances.delete(instanceId);
      tellRemoved(instance);
      turn++;
      tell(object.watchers);
      structure.emit();
    },
    clear() {
      const gone = [...objects.values()];
      objects.clear();
      for (const object of gone) {
        for (const instance of object.instances.values()) tellRemoved(instance);
        tellGone(object.watchers);
      }
      structure.emit();
    },
    onStructure: (listener) => structure.subscribe(listener),
    update,
    expire,
    assign,
    touch,
    watch,
    read,
    sample,
    snapshot,
    peek: (ids): Value | undefined => {
      const node = resourceAt(ids);
      if (node?.compute !== undefined) return asInstances(node.compute() ?? new Map()).get(ids[3] ?? 0);
      return node?.cells.get(ids[3] ?? 0)?.value;
    },
    write,
    refusal,
    execute,
    list,
  };
}

function sortedKeys(map: ReadonlyMap<number, unknown>): number[] {
  return [...map.keys()].sort((a, b) => a - b);
}

function at<T>(map: ReadonlyMap<number, T>, key: number): T {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`no key ${key}`);
  return value;
}
