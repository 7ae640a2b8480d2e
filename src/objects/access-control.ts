import { MAX_ID, type ObjectDefinition } from '../model/index.ts';
import {
  asInstances,
  type InstanceChange,
  type InstanceSetup,
  type Refused,
  type ResourceValue,
  type Tree,
} from '../tree/index.ts';

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

/** The instances of an ACL are servers, or 0 for all others (OMA Core 1.2 E.3). */
function check({ values }: InstanceChange): Refused | undefined {
  const isServers = !asInstances(values.get(ACL) ?? new Map()).has(NO_SERVER);
  return isServers ? undefined : { status: 'bad-request', message: `no server has the id ${NO_SERVER}` };
}

/** An instance of object 2 (OMA Core 1.2 E.3). Who may write it is for those to decide who serve requests. */
export function accessControlInstance(
  definition: ObjectDefinition,
  instance: number,
  control: AccessControl,
): InstanceSetup {
  const resources = [...accessControlValues(control)].map(([id, value]) => ({ id, value }));
  return { definition, instance, resources, check };
}

/** What the values of one instance of object 2 say. */
export function accessControlOf(values: ReadonlyMap<number, ResourceValue>): AccessControl {
  const numberAt = (resource: number): number => Number(values.get(resource) ?? MAX_ID);
  const acl = asInstances(values.get(ACL) ?? new Map());
  return {
    object: numberAt(OBJECT),
    instance: numberAt(INSTANCE),
    rights: new Map([...acl].map(([server, bits]) => [server, Number(bits)])),
    owner: numberAt(OWNER),
  };
}

/** What the instances of object 2 in a tree say, by their ids. */
export function readAccessControls(tree: Tree): ReadonlyMap<number, AccessControl> {
  const outcome = tree.snapshot([ACCESS_CONTROL_OBJECT], '');
  const byInstance = new Map<number, Map<number, ResourceValue>>();
  for (const { path, value } of outcome.status === 'content' ? outcome.entries : []) {
    const [, instance = 0, resource = 0, one] = path.ids;
    const values = byInstance.get(instance) ?? new Map<number, ResourceValue>();
    byInstance.set(instance, values);
    const others = one === undefined ? [] : asInstances(values.get(resource) ?? new Map());
    values.set(resource, one === undefined ? value : new Map([...others, [one, value]]));
  }
  return new Map([...byInstance].map(([instance, values]) => [instance, accessControlOf(values)]));
}

/** Who can do most with an instance when its owner is gone; undefined: nobody else can use it. */
function heirOf({ rights }: AccessControl): number | undefined {
  const weight = (bits: number): number =>
    Number((bits & RIGHT.write) !== 0) + Number((bits & RIGHT.delete) !== 0);
  const heirs = [...rights].sort(([, a], [, b]) => weight(b) - weight(a));
  return heirs[0]?.[0];
}

/**
 * A control without a server that is no longer configured (OMA Core 1.2 8.1.3); undefined when nobody is left who could
 * use what it is about.
 */
export function withoutServer(control: AccessControl, server: number): AccessControl | undefined {
  const rights = new Map([...control.rights].filter(([id]) => id !== server));
  const rest = { ...control, rights };
  if (control.owner !== server) return rest;
  const heir = heirOf(rest);
  // An heir of 0 is everybody: the instance stays, and nobody owns it.
  return heir === undefined ? undefined : { ...rest, owner: heir === 0 ? NO_SERVER : heir };
}
