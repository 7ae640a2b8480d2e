import { isGatewayError } from '../base/index.ts';
import {
  type Entry,
  type Fit,
  fitValue,
  type Ids,
  isObjectLink,
  isWithin,
  MAX_ID,
  parseLinks,
  pathFromSegments,
  type ResourceDefinition,
  type Value,
} from '../model/index.ts';
import type { InstanceChange, InstanceRequest, Refused, ResourceValue, WriteRequest } from './contract.ts';
import { findResource, type InstanceNode, isField, isPresent, type ResourceNode } from './node.ts';

/** Whether something is there: links must lead somewhere. */
export type Exists = (ids: Ids) => boolean;

function refuse(status: Refused['status'], message: string): Refused {
  return { status, message };
}

export function isWritable({ operations }: ResourceDefinition): boolean {
  return operations === 'W' || operations === 'RW';
}

/** A link leads nowhere, or to what is there: an instance, or with instance 65535 an object (OMA Core 1.2 Appendix C). */
function objectLinkFault(value: Value, exists: Exists): string | undefined {
  if (!isObjectLink(value)) return undefined;
  const { object, instance } = value;
  if (object === MAX_ID && instance === MAX_ID) return undefined;
  const isThere = exists(instance === MAX_ID ? [object] : [object, instance]);
  return isThere ? undefined : `there is no ${object}:${instance} to link to`;
}

/** Every link that is a path into the data model leads to what is there. */
function coreLinkFault(value: Value, exists: Exists): string | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    for (const { target } of parseLinks(value)) {
      const path = target.startsWith('/') ? pathFromSegments(target.slice(1).split('/')) : undefined;
      if (path === undefined || path.prefix !== '' || path.ids.length === 0) continue;
      if (!exists(path.ids)) return `there is no ${target} to link to`;
    }
    return undefined;
  } catch (error) {
    if (!isGatewayError(error, 'model.bad-link')) throw error;
    return error.message;
  }
}

function linkFault({ type }: ResourceDefinition, value: Value, exists: Exists): string | undefined {
  if (type === 'objlnk') return objectLinkFault(value, exists);
  return type === 'corelnk' ? coreLinkFault(value, exists) : undefined;
}

/** What is written to a resource or one of its instances, as the resource can hold it. */
function fitting(definition: ResourceDefinition, { path, value }: Entry, exists: Exists): Fit {
  const fitted = fitValue(definition, value, path.ids[3]);
  const fault = 'value' in fitted ? linkFault(definition, fitted.value, exists) : undefined;
  return fault === undefined ? fitted : { fault };
}

function isRefused(value: ResourceValue | Refused): value is Refused {
  return typeof value === 'object' && 'status' in value;
}

/** Checks what is written to one resource against its definition, and returns the value to write. */
function checkResource(
  definition: ResourceDefinition,
  entries: readonly Entry[],
  exists: Exists,
): ResourceValue | Refused {
  const values = new Map<number, Value>();
  for (const entry of entries) {
    const resourceInstance = entry.path.ids[3];
    const fitted = fitting(definition, entry, exists);
    if ('fault' in fitted) return refuse('bad-request', fitted.fault);
    if (values.has(resourceInstance ?? 0))
      return refuse('bad-request', `${entry.path.ids.join('/')} is given twice`);
    values.set(resourceInstance ?? 0, fitted.value);
  }
  if (definition.multiple) return values;
  return values.get(0) ?? refuse('bad-request', `no value for resource ${definition.id}`);
}

function byResource(entries: readonly Entry[]): Map<number, Entry[]> {
  const found = new Map<number, Entry[]>();
  for (const entry of entries) {
    const resource = entry.path.ids[2] ?? MAX_ID;
    const known = found.get(resource);
    if (known === undefined) found.set(resource, [entry]);
    else known.push(entry);
  }
  return found;
}

function outside({ ids, entries, removals = [] }: WriteRequest): Ids | undefined {
  const isBelow = (named: Ids): boolean => named.length > 2 && isWithin(ids, named);
  return (
    entries.find(({ path }) => !isBelow(path.ids))?.path.ids ?? removals.find((named) => !isBelow(named))
  );
}

/**
 * Checks a write below one instance as a whole (OMA Core 1.2 6.3.3): any resource that cannot be written refuses all;
 * resources that are not known here are skipped, unless one is a target of the request.
 */
export function planWrite(
  instance: InstanceNode,
  request: WriteRequest,
  exists: Exists,
): InstanceChange | Refused {
  const { ids, mode, entries, removals = [], isComposite = false } = request;
  const [object = 0, instanceId = 0, target] = ids;
  const stray = outside(request);
  if (stray !== undefined) return refuse('bad-request', `/${stray.join('/')} is not below /${ids.join('/')}`);

  const written = byResource(entries);
  if (target !== undefined && !written.has(target) && removals.length === 0) written.set(target, []);
  const values = new Map<number, ResourceValue>();
  for (const [id, ofResource] of written) {
    const node = findResource(instance, id);
    if (node === undefined) {
      if (id === target || isComposite) return refuse('not-found', `no resource ${id}`);
      continue;
    }
    if (!isWritable(node.definition)) return refuse('not-allowed', `resource ${id} cannot be written`);
    const value = checkResource(node.definition, ofResource, exists);
    if (isRefused(value)) return value;
    values.set(id, value);
  }
  const change: InstanceChange = { object, instance: instanceId, ids, mode, values, removals };
  return removalFault(instance, change) ?? incomplete(instance, ids, change) ?? change;
}

/** True if what the resource holds is for servers to set and to take away. */
function isServers(node: ResourceNode): boolean {
  return node.setup.compute === undefined && node.setup.isFixed !== true && !isField(node);
}

/** What keeps resource instances from being taken away (OMA Core 1.2 6.3.7). */
function removalFault(instance: InstanceNode, { removals }: InstanceChange): Refused | undefined {
  for (const ids of removals) {
    const node = findResource(instance, ids[2] ?? MAX_ID);
    const path = ids.join('/');
    if (node === undefined) return refuse('not-found', `no resource /${path}`);
    if (!node.definition.multiple || !isWritable(node.definition) || !isServers(node))
      return refuse('not-allowed', `/${path} cannot be removed`);
  }
  return undefined;
}

/** What would leave a mandatory resource without a value. */
function incomplete(instance: InstanceNode, ids: Ids, change: InstanceChange): Refused | undefined {
  for (const node of instance.resources) {
    const { id, mandatory } = node.definition;
    if (!mandatory || !isWritable(node.definition) || !isPresent(node)) continue;
    const value = change.values.get(id);
    const isLost = value === undefined && change.mode === 'replace' && ids.length === 2;
    const isEmptied = value instanceof Map && value.size === 0 && change.mode === 'replace';
    if (isLost || isEmptied) return refuse('bad-request', `mandatory resource ${id} is missing`);
    if (loses(node, change)) return refuse('not-allowed', `resource ${id} needs at least one instance`);
  }
  return undefined;
}

/** True if every resource instance goes and none comes. */
function loses(node: ResourceNode, { removals, values }: InstanceChange): boolean {
  const gone = new Set(removals.filter((ids) => ids[2] === node.definition.id).map((ids) => ids[3]));
  return gone.size > 0 && !values.has(node.definition.id) && node.cells.every(({ id }) => gone.has(id));
}

/** Resources that a replacing write takes away: written ones that it does not name (OMA Core 1.2 6.3.3). */
export function replacedAway(instance: InstanceNode, ids: Ids, change: InstanceChange): ResourceNode[] {
  if (change.mode !== 'replace' || ids.length > 2) return [];
  return instance.resources.filter(
    (node) =>
      isWritable(node.definition) &&
      !node.definition.mandatory &&
      isServers(node) &&
      !change.values.has(node.definition.id),
  );
}

/**
 * What Create carries, checked; what is not writable or not known is left out (OMA Core 1.2 6.3.6).
 * @param provided mandatory resources that come from elsewhere
 */
export function planCreate(
  resources: ReadonlyMap<number, ResourceDefinition>,
  provided: ReadonlySet<number>,
  instance: number,
  entries: readonly Entry[],
  exists: Exists,
): InstanceRequest | Refused {
  const values = new Map<number, ResourceValue>();
  for (const [id, ofResource] of byResource(entries)) {
    const definition = resources.get(id);
    if (definition === undefined || !isWritable(definition)) continue;
    const value = checkResource(definition, ofResource, exists);
    if (isRefused(value)) return value;
    values.set(id, value);
  }
  for (const definition of resources.values()) {
    const isOwed = definition.mandatory && isWritable(definition) && !provided.has(definition.id);
    if (isOwed && !values.has(definition.id))
      return refuse('bad-request', `mandatory resource ${definition.id} is missing`);
  }
  return { instance, values };
}
