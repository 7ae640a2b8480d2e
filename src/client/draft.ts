import {
  type Entry,
  fitValue,
  formatLinks,
  type Link,
  needsVersion,
  type ObjectDefinition,
  type Path,
  type Release,
} from '../model/index.ts';
import {
  ACCESS_CONTROL_OBJECT,
  SECURITY_RESOURCES as SECURITY,
  SERVER_RESOURCES as SERVER,
  storeFault,
} from '../objects/index.ts';
import {
  type Configuration,
  entriesOf,
  instancesOf,
  merge,
  type Values,
  valuesOf,
  without,
} from './configuration.ts';
import { faultsOf } from './consistency.ts';
import type { Refusing } from './contract.ts';

/** What comes of a command of a Bootstrap-Server. */
export type DraftResult =
  | { readonly status: 'content'; readonly entries: readonly Entry[] }
  | { readonly status: 'links'; readonly links: string }
  | { readonly status: 'changed' | 'deleted' }
  | Refusing;

/** What a Bootstrap-Server may do (OMA Core 1.2.2 6.1.7): with a copy of the configuration, until it makes sense. */
export interface Draft {
  discover(path: Path): DraftResult;
  read(path: Path): DraftResult;
  /** Creates and overwrites, whatever a server could do. */
  write(path: Path, entries: readonly Entry[]): DraftResult;
  remove(path: Path): DraftResult;
  /** A whole Bootstrap-Pack: of the objects in it nothing else is left. */
  replace(entries: readonly Entry[]): DraftResult;
  /** What keeps it from being followed, for people. */
  faults(): readonly string[];
  readonly configuration: Configuration;
}

export interface DraftPorts {
  /** Objects that a bootstrap may configure, by id. */
  readonly configurable: ReadonlyMap<number, ObjectDefinition>;
  /** Objects that are there and that no bootstrap can change, e.g. Device: they are listed, and nothing else. */
  fixed(): readonly { readonly definition: ObjectDefinition; readonly instances: readonly number[] }[];
  readonly release: Release;
}

const DONE: DraftResult = { status: 'changed' };
const REMOVED: DraftResult = { status: 'deleted' };
const NOT_FOUND: Refusing = { status: 'not-found' };
const NOT_ALLOWED: Refusing = { status: 'not-allowed' };
const refuse = (message: string): Refusing => ({ status: 'bad-request', message });

const SECURITY_OBJECT = 0;
const SERVER_OBJECT = 1;

/** Accounts, or access controls. */
const MOST_INSTANCES = 1024;

/** What is too much of an object, so that no Bootstrap-Server fills the memory; undefined: nothing. */
function excessOf(object: number, instances: ReadonlyMap<number, Values>): string | undefined {
  if (object > ACCESS_CONTROL_OBJECT) return storeFault(instances.values());
  return instances.size > MOST_INSTANCES ? `there are ${MOST_INSTANCES} instances at most` : undefined;
}

/** Objects that a Bootstrap-Server may read (OMA Core 1.2.2 6.1.7.3). */
const READABLE: ReadonlySet<number> = new Set([SERVER_OBJECT, ACCESS_CONTROL_OBJECT]);

const isBootstrapAccount = (values: Values): boolean => values.get(SECURITY.isBootstrap) === true;

/** The account by which the Bootstrap-Server itself is known is not its to delete. */
function isProtected(object: number, values: Values): boolean {
  return object === SECURITY_OBJECT && isBootstrapAccount(values);
}

/** An entry with its value as its resource can hold it, or why it has none; undefined: there is no such resource. */
function fitted(definition: ObjectDefinition, entry: Entry): Entry | undefined | Refusing {
  const [, , id = -1, one] = entry.path.ids;
  const resource = definition.resources.get(id);
  if (resource === undefined) return undefined;
  const result = fitValue(resource, entry.value, one);
  return 'fault' in result ? refuse(result.fault) : { ...entry, value: result.value };
}

const isRefusing = (value: object): value is Refusing => 'status' in value;

export function createDraft(before: Configuration, ports: DraftPorts): Draft {
  const { configurable } = ports;
  let configuration = before;

  const fixedObject = (object: number | undefined) =>
    ports.fixed().find(({ definition }) => definition.id === object);

  /** What refuses a path before anything else: devices are none of a Bootstrap-Server's business (GW-04). */
  const strange = ({ prefix, ids }: Path): Refusing | undefined => {
    if (prefix !== '') return NOT_ALLOWED;
    const [object] = ids;
    if (object === undefined || configurable.get(object) !== undefined) return undefined;
    return fixedObject(object) === undefined ? NOT_FOUND : NOT_ALLOWED;
  };

  /** The configuration with these entries in it; they may be of several objects. */
  const put = (onto: Configuration, entries: readonly Entry[]): Configuration | Refusing => {
    const byInstance = new Map<string, Entry[]>();
    for (const entry of entries) {
      const refused = strange(entry.path);
      if (refused !== undefined) return refused;
      const key = entry.path.ids.slice(0, 2).join('/');
      byInstance.set(key, [...(byInstance.get(key) ?? []), entry]);
    }
    let result = onto;
    for (const ofInstance of byInstance.values()) {
      const [object = -1, instance] = ofInstance[0]?.path.ids ?? [];
      const definition = configurable.get(object);
      if (definition === undefined || instance === undefined) return NOT_ALLOWED;
      if (!definition.multiple && instance !== 0) return refuse(`object ${object} has instance 0 only`);
      const fit: Entry[] = [];
      for (const entry of ofInstance) {
        const one = fitted(definition, entry);
        if (one === undefined) continue;
        if (isRefusing(one)) return one;
        fit.push(one);
      }
      result = merge(result, object, instance, valuesOf(definition, fit));
      const excess = excessOf(object, instancesOf(result, object));
      if (excess !== undefined) return refuse(excess);
    }
    return result;
  };

  const keep = (next: Configuration | Refusing, result: DraftResult): DraftResult => {
    if (isRefusing(next)) return next;
    configuration = next;
    return result;
  };

  const cleared = (from: Configuration, object: number): Configuration => {
    let result = from;
    for (const [instance, values] of instancesOf(from, object)) {
      if (!isProtected(object, values)) result = without(result, object, instance);
    }
    return result;
  };

  /** The server that an instance belongs to, with its URI: what Bootstrap-Discover tells beside the ids. */
  const paramsOf = (object: number, values: Values): Link['params'] => {
    if (object === SERVER_OBJECT) return ssid(values.get(SERVER.shortServerId));
    if (object !== SECURITY_OBJECT || isBootstrapAccount(values)) return {};
    const uri = values.get(SECURITY.uri);
    return { ...ssid(values.get(SECURITY.shortServerId)), ...(typeof uri === 'string' ? { uri } : {}) };
  };

  const linksOf = (
    definition: ObjectDefinition,
    instances: readonly (readonly [number, Link['params']])[],
  ): Link[] => {
    const { id, version } = definition;
    const params = needsVersion(id, version, ports.release) ? { ver: version } : {};
    const self = instances.length === 0 || 'ver' in params ? [{ target: `/${id}`, params }] : [];
    return [...self, ...instances.map(([instance, own]) => ({ target: `/${id}/${instance}`, params: own }))];
  };

  return {
    discover(path) {
      if (path.prefix !== '' || path.ids.length > 1) return NOT_ALLOWED;
      const [only] = path.ids;
      const objects = new Map<number, Link[]>();
      for (const { definition, instances } of ports.fixed()) {
        const listed = instances.map((instance) => [instance, {}] as const);
        objects.set(definition.id, linksOf(definition, listed));
      }
      for (const [id, definition] of configurable) {
        const listed = [...instancesOf(configuration, id)]
          .sort(([a], [b]) => a - b)
          .map(([instance, values]) => [instance, paramsOf(id, values)] as const);
        objects.set(id, linksOf(definition, listed));
      }
      if (only !== undefined && !objects.has(only)) return NOT_FOUND;
      const links = [...objects]
        .sort(([a], [b]) => a - b)
        .filter(([id]) => only === undefined || id === only);
      const root: Link = { target: '/', params: { lwm2m: ports.release } };
      return { status: 'links', links: formatLinks([root, ...links.flatMap(([, list]) => list)]) };
    },
    read(path) {
      const [object = -1, instance] = path.ids;
      const definition = READABLE.has(object) ? configurable.get(object) : undefined;
      if (definition === undefined || path.prefix !== '' || path.ids.length > 2) return NOT_ALLOWED;
      const instances = instancesOf(configuration, object);
      if (instance !== undefined && !instances.has(instance)) return NOT_FOUND;
      const shown = [...instances].filter(([id]) => instance === undefined || id === instance);
      return {
        status: 'content',
        entries: shown.flatMap(([id, values]) => entriesOf(definition, id, values)),
      };
    },
    write(path, entries) {
      const refused = strange(path);
      if (refused !== undefined) return refused;
      const [object, instance, resource] = path.ids;
      if (object === undefined || path.ids.length > 3) return NOT_ALLOWED;
      if (resource !== undefined && configurable.get(object)?.resources.has(resource) !== true)
        return NOT_FOUND;
      // An instance can be made without a value; an object cannot.
      if (entries.length === 0 && instance === undefined) return refuse('no instance is named');
      return keep(put(configuration, entries), DONE);
    },
    remove(path) {
      const { prefix, ids } = path;
      const [object, instance] = ids;
      if (prefix !== '' || ids.length > 2) return NOT_ALLOWED;
      if (object === undefined)
        return keep([...configuration.keys()].reduce(cleared, configuration), REMOVED);
      const fixed = fixedObject(object);
      if (fixed !== undefined)
        return instance === undefined ? REMOVED : refuse('this instance cannot be deleted');
      if (instance === undefined) return keep(cleared(configuration, object), REMOVED);
      const values = instancesOf(configuration, object).get(instance);
      if (values !== undefined && isProtected(object, values))
        return refuse('the account of the Bootstrap-Server stays');
      return keep(without(configuration, object, instance), REMOVED);
    },
    replace(entries) {
      const objects = new Set(entries.map(({ path }) => path.ids[0] ?? -1));
      return keep(put([...objects].reduce(cleared, configuration), entries), DONE);
    },
    faults: () => faultsOf(configuration, before, configurable),
    get configuration() {
      return configuration;
    },
  };
}

function ssid(value: unknown): { ssid?: number } {
  return typeof value === 'number' ? { ssid: value } : {};
}
