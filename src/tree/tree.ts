import { type Cancel, messageOf } from '../base/index.ts';
import type { Entry, Ids, ObjectDefinition, ResourceDefinition, Value } from '../model/index.ts';
import {
  type Caller,
  type CellUpdate,
  type CreateOutcome,
  DONE,
  type InstanceSetup,
  type Lifecycle,
  type Listed,
  type ListedObject,
  type Outcome,
  type ReadOutcome,
  type Refused,
  type ResourceValue,
  type StagedWrite,
  type StructureChange,
  type Tree,
  type TreeOperation,
  type TreePorts,
  type ValueSink,
  type Watch,
  type Watcher,
  type WriteRequest,
} from './contract.ts';
import type { ResourceNode } from './node.ts';
import { Nodes } from './nodes.ts';
import { readInstances, readResource, staleResources } from './read.ts';
import { refusalOf } from './refusal.ts';
import { stageWrites, writeOne } from './store.ts';
import { Structure } from './structure.ts';
import { assignValues, expireCells, peekValue, updateCells } from './values.ts';

const NOT_ALLOWED: Refused = { status: 'not-allowed' };

/** An empty tree. */
export function createTree(ports: TreePorts): Tree {
  return new LiveTree(ports);
}

/** A class, since a gateway has one for each of its devices. */
class LiveTree implements Tree {
  readonly #ports: TreePorts;
  readonly #nodes = new Nodes();
  readonly #structure = new Structure(this.#nodes);

  constructor(ports: TreePorts) {
    this.#ports = ports;
  }

  definition(object: number): ObjectDefinition | undefined {
    return this.#nodes.objects.get(object)?.definition;
  }

  resource(ids: Ids): ResourceDefinition | undefined {
    return this.#nodes.definition(ids);
  }

  objects(): readonly ListedObject[] {
    return this.#nodes.listed();
  }

  exists(ids: Ids): boolean {
    return this.#nodes.exists(ids);
  }

  refusal(ids: Ids, operation: TreeOperation): Refused | undefined {
    return refusalOf(this.#nodes, ids, operation);
  }

  list(ids: Ids, depth: number): readonly Listed[] | Refused {
    return this.#nodes.list(ids, depth);
  }

  // ---- structure

  addObject(definition: ObjectDefinition, lifecycle?: Lifecycle): void {
    this.#structure.addObject(definition, lifecycle);
  }

  addInstance(setup: InstanceSetup): void {
    this.#structure.add(setup);
  }

  removeInstance(object: number, instance: number): void {
    this.#structure.remove([object, instance]);
  }

  clear(): void {
    this.#structure.clear();
  }

  onStructure(listener: (change: StructureChange) => void): Cancel {
    return this.#structure.onChange(listener);
  }

  create(
    object: number,
    instance: number | undefined,
    entries: readonly Entry[],
    caller: Caller,
  ): CreateOutcome {
    return this.#structure.create(object, instance, entries, caller);
  }

  delete(ids: Ids, caller: Caller): Outcome | Promise<Outcome> {
    const refused = this.refusal(ids, 'delete');
    if (refused !== undefined) return refused;
    if (ids.length === 4)
      return writeOne(this.#nodes, { ids, mode: 'update', entries: [], removals: [ids] }, caller);
    const kept = this.#nodes.object(ids)?.lifecycle.remove?.(ids[1] ?? -1, caller);
    if (kept !== undefined) return kept;
    this.#structure.remove(ids, caller);
    return DONE;
  }

  // ---- values

  update(updates: readonly CellUpdate[]): void {
    updateCells(this.#nodes, updates, this.#now());
  }

  expire(resources: readonly Ids[]): void {
    expireCells(this.#nodes, resources);
  }

  assign(instance: Ids, values: ReadonlyMap<number, ResourceValue | undefined>): void {
    assignValues(this.#nodes, instance, values);
  }

  touch(...resources: readonly Ids[]): void {
    this.#nodes.begin();
    for (const ids of resources) {
      const node = this.#nodes.resource(ids);
      if (node !== undefined) this.#nodes.tell(node, ids[3]);
    }
  }

  watch(ids: Ids, watcher: Watcher): Watch | undefined {
    return this.#nodes.watch(ids, watcher);
  }

  peek(ids: Ids): Value | undefined {
    const node = this.#nodes.resource(ids);
    return node === undefined ? undefined : peekValue(node, ids[3] ?? 0);
  }

  // ---- reading

  read(ids: Ids, prefix: string): ReadOutcome | Promise<ReadOutcome> {
    const refused = this.refusal(ids, 'read');
    if (refused !== undefined) return refused;
    const nodes = this.#nodes.below(ids);
    const { refresh } = this.#ports;
    const stale = refresh === undefined ? [] : staleResources(nodes, this.#now());
    if (stale.length === 0 || refresh === undefined) return this.#answer(ids, prefix, nodes);
    // The device may be gone by the time the field has answered.
    return refresh(stale).then(() => this.snapshot(ids, prefix));
  }

  sample(ids: Ids, maxAgeMs: number): void {
    const stale = staleResources(this.#nodes.below(ids), this.#now(), maxAgeMs);
    if (stale.length > 0) void this.#ports.refresh?.(stale);
  }

  freshen(paths: readonly Ids[]): Promise<void> | undefined {
    const { refresh } = this.#ports;
    if (refresh === undefined) return undefined;
    const nodes = new Set(paths.flatMap((ids) => this.#nodes.below(ids)));
    const stale = staleResources(nodes, this.#now());
    return stale.length === 0 ? undefined : refresh(stale);
  }

  snapshot(ids: Ids, prefix: string): ReadOutcome {
    return this.refusal(ids, 'read') ?? this.#answer(ids, prefix, this.#nodes.below(ids));
  }

  #now(): number {
    return this.#ports.clock.monotonic();
  }

  #answer(ids: Ids, prefix: string, nodes: readonly ResourceNode[]): ReadOutcome {
    const [node] = nodes;
    if (ids.length >= 3 && node !== undefined) return readResource(node, ids[3], prefix, this.#now());
    return readInstances(nodes, prefix, this.#now());
  }

  // ---- what servers do

  write(
    ids: Ids,
    mode: 'replace' | 'update',
    entries: readonly Entry[],
    caller: Caller,
  ): Outcome | Promise<Outcome> {
    return writeOne(this.#nodes, { ids, mode, entries }, caller);
  }

  stage(requests: readonly WriteRequest[], caller: Caller): StagedWrite | Refused {
    return stageWrites(this.#nodes, requests, caller);
  }

  execute(ids: Ids, argument: string, caller: Caller): Outcome | Promise<Outcome> {
    const execute = this.#nodes.resource(ids)?.setup.execute;
    if (execute === undefined) return this.refusal(ids, 'execute') ?? NOT_ALLOWED;
    try {
      return execute(argument, caller);
    } catch (error) {
      return { status: 'failed', message: messageOf(error) };
    }
  }

  sink(ids: Ids, size: number | undefined, caller: Caller): ValueSink | undefined {
    return ids.length === 3 ? this.#nodes.resource(ids)?.setup.sink?.(size, caller) : undefined;
  }
}
