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

/** What a server may do with the objects of a client. */
export interface ServerAccess {
  readonly server: number;
  /** The instance of object 1 that is about it: its own, whatever else it may do. */
  readonly serverInstance: number;
  /** What it may do where nobody has said it in object 2. */
  readonly access: 'full' | 'read' | 'none';
  /** The files say so: nothing that a bootstrap writes changes it. */
  readonly isFixed: boolean;
}

/** Instances of object 2, by their ids. */
export type AccessControls = ReadonlyMap<number, AccessControl>;

/** Keeps object 2 in step with what it is about (OMA Core 1.2 8.1). */
export interface AccessKeeper {
  /**
   * These servers are configured, and this is said in object 2; whatever else there is to control is as `access` says.
   * Access control begins with the second server, with one that may not do all, or with the first that is said.
   */
  follow(servers: readonly ServerAccess[], said: AccessControls): void;
  /** What stands in object 2 because somebody has said it, a bootstrap or a server, and not for the servers alone. */
  said(): AccessControls;
}

const SERVER_OBJECT = 1;

/** Objects without access control of their own: no server sees them, or everybody does. */
const EXEMPT: ReadonlySet<number> = new Set([0, ACCESS_CONTROL_OBJECT, 21, 23, 24]);

const RIGHTS = { full: FULL_RIGHTS, read: RIGHT.read, none: 0 } as const;

/** What servers may do with an instance when nobody has said it. */
function ofInstance(object: number, instance: number, servers: readonly ServerAccess[]): AccessControl {
  const owner = servers.find(({ serverInstance }) => serverInstance === instance);
  if (object === SERVER_OBJECT && owner !== undefined)
    return { object, instance, rights: new Map([[owner.server, FULL_RIGHTS]]), owner: owner.server };
  const rights = servers
    .filter(() => object !== SERVER_OBJECT)
    .map(({ server, access }): [number, number] => [server, RIGHTS[access]])
    .filter(([, bits]) => bits !== 0);
  return { object, instance, rights: new Map(rights), owner: NO_SERVER };
}

/** Who may create instances of an object when nobody has said it. */
function ofObject(object: number, servers: readonly ServerAccess[]): AccessControl {
  const rights = servers
    .filter(({ access }) => access === 'full')
    .map(({ server }): [number, number] => [server, RIGHT.create]);
  return { object, instance: WHOLE_OBJECT, rights: new Map(rights), owner: NO_SERVER };
}

function unsaid(object: number, instance: number, servers: readonly ServerAccess[]): AccessControl {
  return instance === WHOLE_OBJECT ? ofObject(object, servers) : ofInstance(object, instance, servers);
}

/** What a server has made is its own; no entry means every right (OMA Core 1.2 8.1.2). */
function madeBy({ server }: Caller, object: number, instance: number): AccessControl {
  return { object, instance, rights: new Map(), owner: server };
}

/** A control that no server owns, with the rights that the files give to those whom they name. */
function withFixed(control: AccessControl, servers: readonly ServerAccess[]): AccessControl {
  if (control.owner !== NO_SERVER) return control;
  const fixed = unsaid(control.object, control.instance, servers).rights;
  const rights = new Map(control.rights);
  for (const { server, isFixed } of servers) {
    const bits = fixed.get(server) ?? 0;
    // Without an entry of its own it would have what holds for everybody.
    if (isFixed && (bits !== 0 || rights.has(0))) rights.set(server, bits);
    else if (isFixed) rights.delete(server);
  }
  return { ...control, rights };
}

/**
 * Gives every instance in a client's own trees its access control: what is said about it, the creator's for what a
 * server creates, what follows from the servers for all else. It goes with the instance.
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
  /** Those of them that were said, also if the servers alone would make them the same. */
  let said: ReadonlySet<number> = new Set();
  let servers: readonly ServerAccess[] = [];
  let isActive = false;
  let next = 0;

  const keyOf = (object: number, instance = WHOLE_OBJECT): string => `${object}/${instance}`;

  const freeId = (taken?: AccessControls): number => {
    while (taken?.has(next) === true || home.exists([ACCESS_CONTROL_OBJECT, next]))
      next = (next + 1) % WHOLE_OBJECT;
    return next;
  };

  const put = (id: number, control: AccessControl): void => {
    known.set(keyOf(control.object, control.instance), id);
    if (home.exists([ACCESS_CONTROL_OBJECT, id]))
      home.assign([ACCESS_CONTROL_OBJECT, id], accessControlValues(control));
    else home.addInstance(accessControlInstance(definition, id, control));
  };

  const isCreatable = (object: number): boolean =>
    trees.some((tree) => tree.objects().some((one) => one.definition.id === object && one.isCreatable));

  const isControlled = ([object = 0, instance]: Ids): boolean =>
    !EXEMPT.has(object) && (instance !== undefined || isCreatable(object));

  const added = (ids: Ids, by?: Caller): void => {
    const [object = 0, instance = WHOLE_OBJECT] = ids;
    // What was said before it came holds.
    if (!isActive || !isControlled(ids) || known.has(keyOf(object, instance))) return;
    const control = by === undefined ? unsaid(object, instance, servers) : madeBy(by, object, instance);
    put(freeId(), control);
  };

  const removed = ([object = 0, instance]: Ids): void => {
    for (const [key, id] of [...known]) {
      const isAbout = instance === undefined ? key.startsWith(`${object}/`) : key === keyOf(object, instance);
      if (!isAbout) continue;
      known.delete(key);
      home.removeInstance(ACCESS_CONTROL_OBJECT, id);
    }
  };

  /** Everything that there is to control. */
  const targets = (): Ids[] =>
    trees
      .flatMap((tree) => tree.objects())
      .flatMap(({ definition: { id }, instances }) => [[id], ...instances.map((instance) => [id, instance])])
      .filter(isControlled);

  /** What is to stand in object 2; what is about the same as before keeps its id. */
  const wanted = (given: AccessControls): AccessControls => {
    const controls = new Map([...given].map(([id, control]) => [id, withFixed(control, servers)]));
    const covered = new Set([...controls.values()].map(({ object, instance }) => keyOf(object, instance)));
    for (const [object = 0, instance = WHOLE_OBJECT] of targets()) {
      const key = keyOf(object, instance);
      if (covered.has(key)) continue;
      const present = known.get(key);
      const id = present === undefined || controls.has(present) ? freeId(controls) : present;
      controls.set(id, unsaid(object, instance, servers));
    }
    return controls;
  };

  for (const tree of trees)
    tree.onStructure(({ kind, ids, by }) => (kind === 'added' ? added(ids, by) : removed(ids)));

  return {
    follow(now, given) {
      servers = now;
      said = new Set(given.keys());
      isActive ||= given.size > 0 || now.length > 1 || now.some(({ access }) => access !== 'full');
      if (!isActive) return;
      home.addObject(definition);
      const controls = wanted(given);
      const present = readAccessControls(home);
      known.clear();
      for (const id of present.keys()) if (!controls.has(id)) home.removeInstance(ACCESS_CONTROL_OBJECT, id);
      for (const [id, control] of controls) {
        if (!isDeepStrictEqual(present.get(id), control)) put(id, control);
        else known.set(keyOf(control.object, control.instance), id);
      }
    },
    said: () =>
      new Map(
        [...readAccessControls(home)].filter(
          ([id, control]) =>
            said.has(id) || !isDeepStrictEqual(control, unsaid(control.object, control.instance, servers)),
        ),
      ),
  };
}
