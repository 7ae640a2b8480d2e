import { type GatewayError, isGatewayError } from '../base/index.ts';
import {
  type Entry,
  type Ids,
  isWithin,
  type ResourceDefinition,
  rangeFault,
  toType,
  type Value,
} from '../model/index.ts';
import type { InstanceChange, Refused, ResourceValue } from './contract.ts';
import { type InstanceNode, isPresent, type ResourceNode } from './node.ts';

function refuse(status: Refused['status'], message: string): Refused {
  return { status, message };
}

function isWritable(definition: ResourceDefinition): boolean {
  return definition.operations === 'W' || definition.operations === 'RW';
}

/** The value in the resource's type and range, or why it is refused. */
function checked(definition: ResourceDefinition, value: Value): Value | Refused {
  let typed: Value;
  try {
    typed = toType(definition.type, value);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    return refuse('bad-request', (error satisfies GatewayError).message);
  }
  const fault = rangeFault(definition, typed);
  return fault === undefined ? typed : refuse('bad-request', fault);
}

function isRefused(value: ResourceValue | Value | Refused): value is Refused {
  return typeof value === 'object' && 'status' in value;
}

/** Checks one resource against its definition, and returns the value to write. */
function checkResource(node: ResourceNode, entries: readonly Entry[]): ResourceValue | Refused {
  const { definition } = node;
  const values = new Map<number, Value>();
  for (const entry of entries) {
    const resourceInstance = entry.path.ids[3];
    if ((resourceInstance !== undefined) !== definition.multiple) {
      return refuse(
        'bad-request',
        `resource ${definition.id} ${definition.multiple ? 'has' : 'has no'} instances`,
      );
    }
    const value = checked(definition, entry.value);
    if (isRefused(value)) return value;
    if (values.has(resourceInstance ?? 0))
      return refuse('bad-request', `${entry.path.ids.join('/')} is given twice`);
    values.set(resourceInstance ?? 0, value);
  }
  if (definition.multiple) return values;
  return values.get(0) ?? refuse('bad-request', `no value for resource ${definition.id}`);
}

/**
 * Checks a write below one instance as a whole (OMA Core 1.2 6.3.3): any resource that cannot be written refuses all;
 * resources that are not known here are skipped, unless one is the very target.
 * @param ids what the request names: an instance, a resource or a resource instance
 */
export function planWrite(
  instance: InstanceNode,
  ids: Ids,
  mode: 'replace' | 'update',
  entries: readonly Entry[],
): InstanceChange | Refused {
  const [object = 0, instanceId = 0, target] = ids;
  const byResource = new Map<number, Entry[]>();
  for (const entry of entries) {
    const resource = entry.path.ids[2];
    if (resource === undefined || !isWithin(ids, entry.path.ids)) {
      return refuse('bad-request', `/${entry.path.ids.join('/')} is not below /${ids.join('/')}`);
    }
    byResource.set(resource, [...(byResource.get(resource) ?? []), entry]);
  }
  if (target !== undefined && !byResource.has(target)) byResource.set(target, []);

  const values = new Map<number, ResourceValue>();
  for (const [id, ofResource] of byResource) {
    const node = instance.resources.get(id);
    if (node === undefined) {
      if (id === target) return refuse('not-found', `no resource ${id}`);
      continue;
    }
    if (!isWritable(node.definition)) return refuse('not-allowed', `resource ${id} cannot be written`);
    const value = checkResource(node, ofResource);
    if (isRefused(value)) return value;
    values.set(id, value);
  }
  if (mode === 'replace' && target === undefined) {
    for (const node of instance.resources.values()) {
      const { id, mandatory } = node.definition;
      if (mandatory && isWritable(node.definition) && !values.has(id) && isPresent(node)) {
        return refuse('bad-request', `mandatory resource ${id} is missing`);
      }
    }
  }
  return { object, instance: instanceId, mode, values };
}

/** Resources that a replacing write takes away: written ones that it does not name (OMA Core 1.2 6.3.3). */
export function replacedAway(instance: InstanceNode, ids: Ids, change: InstanceChange): ResourceNode[] {
  if (change.mode !== 'replace' || ids.length > 2) return [];
  return [...instance.resources.values()].filter(
    (node) =>
      isWritable(node.definition) &&
      !node.definition.mandatory &&
      !node.isField &&
      !node.isFixed &&
      node.compute === undefined &&
      !change.values.has(node.definition.id),
  );
}
