import { type Ids, MAX_ID, type ObjectDefinition, type ResourceDefinition } from '../model/index.ts';
import type { Listed, ListedObject, Refused, Watch, Watcher } from './contract.ts';
import { listInstance, listObject, listResource } from './list.ts';
import {
  createObject,
  findResource,
  type InstanceNode,
  isPresent,
  type ObjectNode,
  type ResourceNode,
  resourceInstances,
} from './node.ts';
import { endWatches, tellWatchers, watchNode } from './watchers.ts';

const NOT_FOUND: Refused = { status: 'not-found' };

/** What is where, and who is told about it. */
export class Nodes {
  readonly objects = new Map<number, ObjectNode>();
  /** Counts changes, so that each tells a watcher once. */
  #turn = 0;

  object(ids: Ids): ObjectNode | undefined {
    return this.objects.get(ids[0] ?? MAX_ID);
  }

  /** Made when it is missing. */
  objectFor(definition: ObjectDefinition): ObjectNode {
    const object = this.objects.get(definition.id) ?? createObject(definition);
    this.objects.set(definition.id, object);
    return object;
  }

  instance(ids: Ids): InstanceNode | undefined {
    return this.object(ids)?.instances.get(ids[1] ?? MAX_ID);
  }

  resource(ids: Ids): ResourceNode | undefined {
    const instance = this.instance(ids);
    return instance === undefined ? undefined : findResource(instance, ids[2] ?? MAX_ID);
  }

  /** The resources at and below `ids`. */
  below(ids: Ids): readonly ResourceNode[] {
    if (ids.length >= 3) {
      const node = this.resource(ids);
      return node === undefined ? [] : [node];
    }
    if (ids.length === 2) return this.instance(ids)?.resources ?? [];
    return [...(this.object(ids)?.instances.values() ?? [])].flatMap(({ resources }) => resources);
  }

  /** The definition of a resource that exists here, or could by the object's definition. */
  definition(ids: Ids): ResourceDefinition | undefined {
    return this.resource(ids)?.definition ?? this.object(ids)?.definition.resources.get(ids[2] ?? MAX_ID);
  }

  exists(ids: Ids): boolean {
    if (ids.length === 1) return this.object(ids) !== undefined;
    if (ids.length === 2) return this.instance(ids) !== undefined;
    const node = this.resource(ids);
    if (node === undefined || !isPresent(node)) return false;
    return ids.length === 3 || (node.definition.multiple && resourceInstances(node).includes(ids[3] ?? -1));
  }

  listed(): ListedObject[] {
    return [...this.objects.values()]
      .sort((a, b) => a.definition.id - b.definition.id)
      .map(({ definition, lifecycle, instances }) => ({
        definition,
        instances: [...instances.keys()].sort((a, b) => a - b),
        isCreatable: lifecycle.create !== undefined,
      }));
  }

  list(ids: Ids, depth: number): readonly Listed[] | Refused {
    if (!this.exists(ids)) return NOT_FOUND;
    const resource = this.resource(ids);
    if (resource !== undefined) return listResource(resource, depth);
    const instance = this.instance(ids);
    if (instance !== undefined) return listInstance(instance, depth);
    const object = this.object(ids);
    return object === undefined ? NOT_FOUND : listObject(object, depth);
  }

  watch(ids: Ids, watcher: Watcher): Watch | undefined {
    const node =
      ids.length >= 3 ? this.resource(ids) : ids.length === 2 ? this.instance(ids) : this.object(ids);
    return node === undefined ? undefined : watchNode(node, watcher, ids[3], this.#turn);
  }

  /** A change begins: whoever hears of several parts of it hears once. */
  begin(): void {
    this.#turn++;
  }

  /** Tells who watches the resource, its instance or its object. */
  tell(node: ResourceNode, resourceInstance?: number): void {
    tellWatchers(node, this.#turn, resourceInstance);
    tellWatchers(node.instance, this.#turn);
    tellWatchers(node.instance.object, this.#turn);
  }

  tellObject(object: ObjectNode): void {
    tellWatchers(object, this.#turn);
  }

  endWatches(instance: InstanceNode): void {
    endWatches(instance);
    for (const resource of instance.resources) endWatches(resource);
  }
}
