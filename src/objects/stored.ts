import type { ObjectDefinition, ResourceDefinition, Value } from '../model/index.ts';
import {
  asInstances,
  type InstanceChange,
  type InstanceRequest,
  type InstanceSetup,
  type Lifecycle,
  type Refused,
  type ResourceValue,
  type Tree,
} from '../tree/index.ts';
import { heldValues } from './held.ts';

/** What one object stores at most: a box has little memory and disk, and servers forget to clean up. */
const MOST_INSTANCES = 64;
const MOST_BYTES_EACH = 64 * 1024;
const MOST_BYTES = 256 * 1024;

type Values = ReadonlyMap<number, ResourceValue>;

/** What a value takes, about. */
function sizeOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value instanceof Uint8Array ? value.byteLength : 8;
}

const sizeOfValues = (values: Values): number =>
  [...values.values()]
    .flatMap((value) => [...asInstances(value).values()])
    .reduce<number>((sum, value) => sum + sizeOf(value), 0);

/** What an instance may hold after a change; what else it takes away is not counted. */
function changed(before: Values, { values }: InstanceChange): Values {
  const after = new Map(before);
  for (const [id, value] of values)
    after.set(
      id,
      value instanceof Map ? new Map([...asInstances(before.get(id) ?? new Map()), ...value]) : value,
    );
  return after;
}

/** Why an object cannot store instances of these sizes, as a text for people; undefined: it can. */
function sizeFault(sizes: readonly number[]): string | undefined {
  if (sizes.length > MOST_INSTANCES) return `there are ${MOST_INSTANCES} instances at most`;
  if (sizes.some((size) => size > MOST_BYTES_EACH))
    return `an instance holds at most ${MOST_BYTES_EACH} bytes`;
  const sum = sizes.reduce((all, size) => all + size, 0);
  return sum > MOST_BYTES ? `all instances together hold at most ${MOST_BYTES} bytes` : undefined;
}

/** The same for what instances hold. */
export function storeFault(instances: Iterable<Values>): string | undefined {
  return sizeFault([...instances].map(sizeOfValues));
}

function isStorable({ operations }: ResourceDefinition): boolean {
  return operations === 'R' || operations === 'W' || operations === 'RW';
}

/** What the other instances of an object hold, each in bytes. */
function sizesBeside(tree: Tree, definition: ObjectDefinition, instance: number): number[] {
  const { instances = [] } = tree.objects().find((object) => object.definition.id === definition.id) ?? {};
  const others = instances.filter((other) => other !== instance);
  return others.map((other) => sizeOfValues(heldValues(tree, definition, other)));
}

const refused = (message: string | undefined): Refused | undefined =>
  message === undefined ? undefined : { status: 'bad-request', message };

/** An instance of an object that is nothing but what it stores. */
export function storedInstance(
  tree: Tree,
  definition: ObjectDefinition,
  instance: number,
  values: Values,
): InstanceSetup {
  const check = (change: InstanceChange): Refused | undefined => {
    const size = sizeOfValues(changed(heldValues(tree, definition, instance), change));
    return refused(sizeFault([...sizesBeside(tree, definition, instance), size]));
  };
  const resources = [...definition.resources.values()].filter(isStorable).map(({ id }) => {
    const value = values.get(id);
    return value === undefined ? { id } : { id, value };
  });
  return { definition, instance, resources, check };
}

/**
 * An object that is nothing but what servers store in it, such as 16 (Portfolio) and 19 (BinaryAppDataContainer): they
 * make, write and remove its instances at will, within bounds.
 */
export function storedObject(tree: Tree, definition: ObjectDefinition): Lifecycle {
  const create = ({ instance, values }: InstanceRequest): InstanceSetup | Refused => {
    const sizes = [...sizesBeside(tree, definition, instance), sizeOfValues(values)];
    return refused(sizeFault(sizes)) ?? storedInstance(tree, definition, instance, values);
  };
  return { create, remove: () => undefined };
}
