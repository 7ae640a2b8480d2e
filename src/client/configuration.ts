import type { Entry, ObjectDefinition } from '../model/index.ts';
import { asInstances, type ResourceValue } from '../tree/index.ts';

/** Values of one instance, by resource. */
export type Values = ReadonlyMap<number, ResourceValue>;

/**
 * Everything that a bootstrap can set, as one value: by object, instance, resource. A session with a Bootstrap-Server
 * edits a copy; only when the whole makes sense does it take the place of the one in force, so that there is nothing to
 * roll back (OMA Core 1.2.2 6.1.3).
 */
export type Configuration = ReadonlyMap<number, ReadonlyMap<number, Values>>;

export const EMPTY: Configuration = new Map();

const NONE: ReadonlyMap<number, Values> = new Map();

export function instancesOf(configuration: Configuration, object: number): ReadonlyMap<number, Values> {
  return configuration.get(object) ?? NONE;
}

function changed<Value>(
  map: ReadonlyMap<number, Value>,
  key: number,
  value: Value | undefined,
): ReadonlyMap<number, Value> {
  const copy = new Map(map);
  if (value === undefined) copy.delete(key);
  else copy.set(key, value);
  return copy;
}

/** An object without instances is not there. */
function withObject(
  configuration: Configuration,
  object: number,
  instances: ReadonlyMap<number, Values>,
): Configuration {
  return changed(configuration, object, instances.size === 0 ? undefined : instances);
}

/** Creates an instance, or overwrites what `values` names in an existing one. */
export function merge(
  configuration: Configuration,
  object: number,
  instance: number,
  values: Values,
): Configuration {
  const instances = instancesOf(configuration, object);
  const merged = new Map([...(instances.get(instance) ?? []), ...values]);
  return withObject(configuration, object, changed(instances, instance, merged));
}

export function without(configuration: Configuration, object: number, instance: number): Configuration {
  return withObject(configuration, object, changed(instancesOf(configuration, object), instance, undefined));
}

/**
 * The values of one instance as entries.
 * @param definition says which resources have instances
 */
export function entriesOf(definition: ObjectDefinition, instance: number, values: Values): Entry[] {
  return [...values].flatMap(([id, value]): Entry[] => {
    const resource = definition.resources.get(id);
    if (resource === undefined) return [];
    return [...asInstances(value)].map(([one, single]) => ({
      path: { prefix: '', ids: [definition.id, instance, id, ...(resource.multiple ? [one] : [])] },
      type: resource.type,
      value: single,
    }));
  });
}

/** The values of entries of one instance, by resource; entries of an unknown resource are left out. */
export function valuesOf(definition: ObjectDefinition, entries: readonly Entry[]): Values {
  const values = new Map<number, ResourceValue>();
  for (const { path, value } of entries) {
    const [, , id = -1, one] = path.ids;
    const resource = definition.resources.get(id);
    if (resource === undefined) continue;
    const known = values.get(id);
    if (!resource.multiple) values.set(id, value);
    else values.set(id, new Map([...(known instanceof Map ? known : []), [one ?? 0, value]]));
  }
  return values;
}
