import { isDeepStrictEqual } from 'node:util';
import type { Ids, ObjectDefinition } from '../model/index.ts';
import type { Caller, Tree } from '../tree/index.ts';
import {
  ACCESS_CONTROL_OBJECT,
  type AccessControl,
  accessControlInstance,
  accessControlValues,
  FULL_RIGHTS,
  NO_SERVER,
  RIGHT,
  readAccessControls,
  WHOLE_OBJECT,
} from './access-control.ts';

/** What a server of the configuration may do with the objects of a client. */
export interface ServerAccess {
  readonly server: number;
  /** The instance of object 1 that is about it: its own, whatever else it may do. */
  readonly serverInstance: number;
  readonly access: 'full' | 'read' | 'none';
}

/** Keeps object 2 in step with what it is about (OMA Core 1.2 8.1). */
export interface AccessKeeper {
  /** These servers are configured. Access control begins with the second one, or with one that may not do all. */
  follow(servers: readonly ServerAccess[]): void;
  /** A server is no longer configured: its rights go, and what it alone could use (OMA Core 1.2 8.1.3). */
  forget(server: number): void;
}

const SERVER_OBJECT = 1;

/** Objects without access control of their own: no server sees them, or everybody does. */
const EXEMPT: ReadonlySet<number> = new Set([0, ACCESS_CONTROL_OBJECT, 21, 23, 24]);

const RIGHTS = { full: FULL_RIGHTS, read: RIGHT.read, none: 0 } as const;

/** What the configuration gives to servers on an instance. */
function configured(object: number, instance: number, servers: readonly ServerAccess[]): AccessControl {
  const owner = servers.find(({ serverInstance }) => serverInstance === instance);
  if (object === SERVER_OBJECT && owner !== undefined)
    return { object, instance, rights: new Map([[owner.server, FULL_RIGHTS]]), owner: owner.server };
  const rights = servers
    .filter(() => object !== SERVER_OBJECT)
    .map(({ server, access }): [number, number] => [server, RIGHTS[access]])
    .filter(([, bits]) => bits !== 0);
  return { object, instance, rights: new Map(rights), owner: NO_SERVER };
}

/** Who may create instances of an object. */
function creators(object: number, servers: readonly ServerAccess[]): AccessControl {
  const rights = servers
    .filter(({ access }) => access === 'full')
    .map(({ server }): [number, number] => [server, RIGHT.create]);
  return { object, instance: WHOLE_OBJECT, rights: new Map(rights), owner: NO_SERVER };
}

/** What a server has made is its own; no entry means every right (OMA Core 1.2 8.1.2). */
function madeBy({ server }: Caller, object: number, instance: number): AccessControl {
  return { object, instance, rights: new Map(), owner: server };
}

/** Who can do most with an instance when its owner is gone; undefined: nobody else can use it. */
function heirOf({ rights }: AccessControl): number | undefined {
  const weight = (bits: number): number =>
    Number((bits & RIGHT.write) !== 0) + Number((bits & RIGHT.delete) !== 0);
  const heirs = [...rights].sort(([, a], [, b]) => weight(b) - weight(a));
  return heirs[0]?.[0];
}

/** A control without a server; undefined when nobody is left who could use what it is about. */
function without(server: number, control: AccessControl): AccessControl | undefined {
  const rights = new Map([...control.rights].filter(([id]) => id !== server));
  const rest = { ...control, rights };
  if (control.owner !== server) return rest;
  const heir = heirOf(rest);
  // An heir of 0 is everybody: the instance stays, and nobody owns it.
  return heir === undefined ? undefined : { ...rest, owner: heir === 0 ? NO_SERVER : heir };
}

/**
 * Gives every instance in a client's own trees its access control: what the configuration says for what the gateway
 * itself shows, the creator's for what a server creates. It goes with the instance.
 * @param home the tree that shows object 2
 * @param trees the client's own trees, `home` among them
 */
export function createAccessKeeper(
  definition: ObjectDefinition,
  home: Tree,
  trees: readonly Tree[],
): AccessKeeper {
  /** Instances of object 2 by what they are about. */
  const known = new Map<string, number>();
  let servers: readonly ServerAccess[] = [];
  let isActive = false;
  let next = 0;

  const keyOf = (object: number, instance = WHOLE_OBJECT): string => `${object}/${instance}`;

  const freeId = (): number => {
    while (home.exists([ACCESS_CONTROL_OBJECT, next])) next = (next + 1) % WHOLE_OBJECT;
    return next;
  };

  const put = (control: AccessControl): void => {
    const key = keyOf(control.object, control.instance);
    const present = known.get(key);
    if (present !== undefined) {
      home.assign([ACCESS_CONTROL_OBJECT, present], accessControlValues(control));
      return;
    }
    const id = freeId();
    known.set(key, id);
    home.addInstance(accessControlInstance(definition, id, control));
  };

  const isCreatable = (object: number): boolean =>
    trees.some((tree) => tree.objects().some((one) => one.definition.id === object && one.isCreatable));

  /** What is to hold for something that has come; undefined: nothing. */
  const wanted = ([object = 0, instance]: Ids, by?: Caller): AccessControl | undefined => {
    if (EXEMPT.has(object)) return undefined;
    if (instance === undefined) return isCreatable(object) ? creators(object, servers) : undefined;
    return by === undefined ? configured(object, instance, servers) : madeBy(by, object, instance);
  };

  const added = (ids: Ids, by?: Caller): void => {
    const control = isActive ? wanted(ids, by) : undefined;
    if (control !== undefined) put(control);
  };

  const removed = ([object = 0, instance]: Ids): void => {
    for (const [key, id] of [...known]) {
      const isAbout = instance === undefined ? key.startsWith(`${object}/`) : key === keyOf(object, instance);
      if (!isAbout) continue;
      known.delete(key);
      home.removeInstance(ACCESS_CONTROL_OBJECT, id);
    }
  };

  /** What nobody owns is as the configuration says; what a server owns is for it to say. */
  const provide = (): void => {
    const held = new Map(
      [...readAccessControls(home).values()].map((control) => [
        keyOf(control.object, control.instance),
        control,
      ]),
    );
    for (const { definition: shown, instances } of trees.flatMap((tree) => tree.objects())) {
      for (const ids of [[shown.id], ...instances.map((instance) => [shown.id, instance])]) {
        const control = wanted(ids);
        const present = control && held.get(keyOf(control.object, control.instance));
        const isOwned = present !== undefined && present.owner !== NO_SERVER;
        if (control !== undefined && !isOwned && !isDeepStrictEqual(present, control)) put(control);
      }
    }
  };

  for (const tree of trees)
    tree.onStructure(({ kind, ids, by }) => (kind === 'added' ? added(ids, by) : removed(ids)));

  return {
    follow(now) {
      servers = now;
      isActive ||= now.length > 1 || now.some(({ access }) => access !== 'full');
      if (!isActive) return;
      home.addObject(definition);
      provide();
    },
    forget(server) {
      for (const control of readAccessControls(home).values()) {
        const rest = without(server, control);
        if (rest !== undefined) put(rest);
        else for (const tree of trees) tree.removeInstance(control.object, control.instance);
      }
    },
  };
}
