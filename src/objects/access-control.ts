import { type Entry, MAX_ID, type ObjectDefinition } from '../model/index.ts';
import type { InstanceSetup, ResourceValue, Tree } from '../tree/index.ts';

export const ACCESS_CONTROL_OBJECT = 2;

/** What a server may do with an instance, as bits of an ACL (OMA Core 1.2 E.3). */
export const RIGHT = { read: 1, write: 2, execute: 4, delete: 8, create: 16 } as const;

export type Right = keyof typeof RIGHT;

/** All that there is to do with an instance that exists. */
export const FULL_RIGHTS = RIGHT.read | RIGHT.write | RIGHT.execute | RIGHT.delete;

/** The owner of what no server owns; as target instance: the object, for Create (OMA Core 1.2 E.3). */
export const NO_SERVER = MAX_ID;
export const WHOLE_OBJECT = MAX_ID;

/** One instance of object 2. */
export interface AccessControl {
  readonly object: number;
  /** {@link WHOLE_OBJECT}: who may create instances */
  readonly instance: number;
  /** rights as bits by Short Server ID; 0 holds for all servers that are not named */
  readonly rights: ReadonlyMap<number, number>;
  /** Short Server ID, or {@link NO_SERVER} */
  readonly owner: number;
}

const OBJECT = 0;
const INSTANCE = 1;
const ACL = 2;
const OWNER = 3;

/** What an instance of object 2 holds. */
export function accessControlValues(control: AccessControl): ReadonlyMap<number, ResourceValue> {
  return new Map<number, ResourceValue>([
    [OBJECT, control.object],
    [INSTANCE, control.instance],
    [ACL, control.rights],
    [OWNER, control.owner],
  ]);
}

/** An instance of object 2 (OMA Core 1.2 E.3). Who may write it is for those to decide who serve requests. */
export function accessControlInstance(
  definition: ObjectDefinition,
  instance: number,
  control: AccessControl,
): InstanceSetup {
  const resources = [...accessControlValues(control)].map(([id, value]) => ({ id, value }));
  return { definition, instance, resources };
}

function controlOf(entries: readonly Entry[]): AccessControl {
  const numberAt = (resource: number): number =>
    Number(entries.find(({ path }) => path.ids[2] === resource)?.value ?? MAX_ID);
  const acl = entries.filter(({ path }) => path.ids[2] === ACL);
  return {
    object: numberAt(OBJECT),
    instance: numberAt(INSTANCE),
    rights: new Map(acl.map(({ path, value }) => [path.ids[3] ?? 0, Number(value)])),
    owner: numberAt(OWNER),
  };
}

/** What the instances of object 2 in a tree say, by their ids. */
export function readAccessControls(tree: Tree): ReadonlyMap<number, AccessControl> {
  const outcome = tree.snapshot([ACCESS_CONTROL_OBJECT], '');
  const byInstance = new Map<number, Entry[]>();
  for (const entry of outcome.status === 'content' ? outcome.entries : []) {
    const instance = entry.path.ids[1] ?? 0;
    const known = byInstance.get(instance);
    if (known === undefined) byInstance.set(instance, [entry]);
    else known.push(entry);
  }
  return new Map([...byInstance].map(([instance, entries]) => [instance, controlOf(entries)]));
}
