import type { Entry, ObjectDefinition, ResourceDefinition, Value } from '../model/index.ts';
import {
  asInstances,
  type InstanceChange,
  type InstanceRequest,
  type InstanceSetup,
  type Lifecycle,
  type Refused,
  type Tree,
} from '../tree/index.ts';

/** A box has little memory, and servers forget to clean up. */
const MOST_INSTANCES = 64;
const MOST_BYTES = 64 * 1024;

/** What a value takes, about. */
function sizeOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value instanceof Uint8Array ? value.byteLength : 8;
}

function valuesIn({ values }: Pick<InstanceRequest, 'values'>): Value[] {
  return [...values.values()].flatMap((value) => [...asInstances(value).values()]);
}

/** True if the change puts another value in place of this one. */
function isOverwritten({ path }: Entry, { values }: InstanceChange): boolean {
  const value = values.get(path.ids[2] ?? 0);
  return value !== undefined && (!(value instanceof Map) || value.has(path.ids[3] ?? 0));
}

function tooLarge(values: readonly Value[]): Refused | undefined {
  const size = values.reduce<number>((sum, value) => sum + sizeOf(value), 0);
  return size > MOST_BYTES
    ? { status: 'bad-request', message: `an instance holds at most ${MOST_BYTES} bytes` }
    : undefined;
}

function isStorable({ operations }: ResourceDefinition): boolean {
  return operations === 'R' || operations === 'W' || operations === 'RW';
}

/**
 * An object that is nothing but what servers store in it, such as 16 (Portfolio) and 19 (BinaryAppDataContainer): they
 * make, write and remove its instances at will, within bounds.
 */
export function storedObject(tree: Tree, definition: ObjectDefinition): Lifecycle {
  const check = (change: InstanceChange): Refused | undefined => {
    const present = tree.snapshot([change.object, change.instance], '');
    const entries = present.status === 'content' ? present.entries : [];
    const kept = entries.filter((entry) => !isOverwritten(entry, change)).map(({ value }) => value);
    return tooLarge([...kept, ...valuesIn(change)]);
  };
  const create = (request: InstanceRequest): InstanceSetup | Refused => {
    const count = tree.objects().find((object) => object.definition === definition)?.instances.length ?? 0;
    if (count >= MOST_INSTANCES)
      return { status: 'bad-request', message: `there are ${MOST_INSTANCES} instances at most` };
    const refused = tooLarge(valuesIn(request));
    if (refused !== undefined) return refused;
    const resources = [...definition.resources.values()].filter(isStorable).map(({ id }) => {
      const value = request.values.get(id);
      return value === undefined ? { id } : { id, value };
    });
    return { definition, instance: request.instance, resources, check };
  };
  return { create, remove: () => undefined };
}
