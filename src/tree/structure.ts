import { type Cancel, createSignal, type Signal } from '../base/index.ts';
import { type Entry, type Ids, MAX_ID, type ObjectDefinition } from '../model/index.ts';
import type {
  Caller,
  CreateOutcome,
  InstanceSetup,
  Lifecycle,
  Refused,
  StructureChange,
} from './contract.ts';
import { createInstance, type ObjectNode } from './node.ts';
import type { Nodes } from './nodes.ts';
import { endWatches } from './watchers.ts';
import { planCreate } from './write.ts';

const NOT_FOUND: Refused = { status: 'not-found' };
const NOT_ALLOWED: Refused = { status: 'not-allowed' };
const NONE: ReadonlySet<number> = new Set();

const bad = (message: string): Refused => ({ status: 'bad-request', message });

/** The instance that a server asks for, or the lowest that is free. */
function newInstance({ definition, instances }: ObjectNode, wanted: number | undefined): number | Refused {
  let id = wanted ?? 0;
  if (wanted === undefined && definition.multiple) while (instances.has(id)) id++;
  if (instances.has(id)) return bad('this instance exists');
  const isPossible = id < MAX_ID && (definition.multiple || id === 0);
  return isPossible ? id : bad(`there can be no instance ${id}`);
}

/** Objects and instances as they come and go. */
export class Structure {
  readonly #nodes: Nodes;
  readonly #changes: Signal<StructureChange> = createSignal();

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  onChange(listener: (change: StructureChange) => void): Cancel {
    return this.#changes.subscribe(listener);
  }

  #changed(kind: StructureChange['kind'], ids: Ids, by: Caller | undefined): void {
    this.#changes.emit({ kind, ids, ...(by === undefined ? {} : { by }) });
  }

  addObject(definition: ObjectDefinition, lifecycle: Lifecycle | undefined): void {
    const isNew = !this.#nodes.objects.has(definition.id);
    const object = this.#nodes.objectFor(definition);
    if (lifecycle !== undefined) object.lifecycle = lifecycle;
    if (isNew) this.#changed('added', [definition.id], undefined);
  }

  add(setup: InstanceSetup, by?: Caller): void {
    const object = this.#nodes.objectFor(setup.definition);
    const before = object.instances.get(setup.instance);
    object.instances.set(setup.instance, createInstance(setup, object));
    if (before !== undefined) this.#nodes.endWatches(before);
    // Who keeps the books about instances comes first: what a watcher may see depends on it.
    this.#changed('added', [setup.definition.id, setup.instance], by);
    this.#nodes.begin();
    this.#nodes.tellObject(object);
  }

  remove(ids: Ids, by?: Caller): void {
    const instance = this.#nodes.instance(ids);
    if (instance === undefined) return;
    instance.object.instances.delete(ids[1] ?? MAX_ID);
    this.#nodes.endWatches(instance);
    this.#nodes.begin();
    this.#nodes.tellObject(instance.object);
    this.#changed('removed', ids, by);
  }

  create(
    objectId: number,
    wanted: number | undefined,
    entries: readonly Entry[],
    caller: Caller,
  ): CreateOutcome {
    const nodes = this.#nodes;
    const object = nodes.objects.get(objectId);
    if (object === undefined) return NOT_FOUND;
    const { create: make, provided = NONE } = object.lifecycle;
    if (make === undefined) return NOT_ALLOWED;
    const instance = newInstance(object, wanted);
    if (typeof instance !== 'number') return instance;
    const request = planCreate(object.definition.resources, provided, instance, entries, (ids) =>
      nodes.exists(ids),
    );
    if ('status' in request) return request;
    const setup = make(request, caller);
    if ('status' in setup) return setup;
    this.add(setup, caller);
    return { status: 'created', instance };
  }

  /** Takes everything away, and tells everybody who watches. */
  clear(): void {
    const gone = [...this.#nodes.objects.values()];
    this.#nodes.objects.clear();
    for (const object of gone) {
      for (const instance of object.instances.values()) this.#nodes.endWatches(instance);
      endWatches(object);
    }
    for (const { definition } of gone) this.#changed('removed', [definition.id], undefined);
  }
}
