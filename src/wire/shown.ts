import { isDeepStrictEqual } from 'node:util';
import { type Configuration, EMPTY, instancesOf, merge, rightsIn, type Values } from '../client/index.ts';
import type { ObjectDefinition } from '../model/index.ts';
import {
  ACCESS_CONTROL_OBJECT,
  accessControlValues,
  createAccessKeeper,
  heldValues,
  isShownOfServer,
  type ServerAccess,
  type ServerActions,
  serverInstance,
  storedInstance,
} from '../objects/index.ts';
import type { InstanceSetup, ResourceValue, Tree } from '../tree/index.ts';
import { definitionOf } from './definitions.ts';

/** What a client was told by files and bootstraps, and by what servers have written since. */
export interface Settings {
  readonly configuration: Configuration;
  /** A bootstrap has written rights: a server that it brought has these, and no others (OMA Core 1.2 8.2). */
  readonly hasRights: boolean;
}

export const NO_SETTINGS: Settings = { configuration: EMPTY, hasRights: false };

/** The part of a client's trees that is made of its settings: objects 1 and 2, and those that servers store in. */
export interface Shown {
  /** As they stand now. */
  current(): Settings;
  /** Makes the trees show them; instances that stay go on, and with them what is observed of them. */
  show(settings: Settings): void;
  /** Says who may do what once the files have changed it. */
  share(): void;
}

export interface ShownPorts {
  /** Where these objects are. */
  readonly tree: Tree;
  /** All trees that object 2 is about, that one among them. */
  readonly trees: readonly Tree[];
  /** Objects that are nothing but what servers store in them. */
  readonly stored: readonly ObjectDefinition[];
  /** What the files let a server do; undefined: they do not name it. */
  accessOf(server: number): ServerAccess['access'] | undefined;
  actionsOf(server: number): ServerActions;
  /** Something of this object was written, made or taken away. */
  changed(object: number): void;
}

export const SERVER_OBJECT = 1;

/** What turns one instance into the other; undefined: a value that goes. */
function differences(before: Values, after: Values): Map<number, ResourceValue | undefined> {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return new Map(
    [...ids]
      .filter((id) => !isDeepStrictEqual(before.get(id), after.get(id)))
      .map((id) => [id, after.get(id)]),
  );
}

export function createShown({ tree, trees, stored, ...ports }: ShownPorts): Shown {
  const server = definitionOf(SERVER_OBJECT);
  const shown: readonly ObjectDefinition[] = [server, ...stored];
  const access = createAccessKeeper(definitionOf(ACCESS_CONTROL_OBJECT), tree, trees);
  const watched = new Set<number>();
  /** What was shown last: with what no tree has, such as credentials. */
  let last = NO_SETTINGS;

  const serverOf = (values: Values): number => Number(values.get(0));

  const setupOf = (definition: ObjectDefinition, instance: number, values: Values): InstanceSetup =>
    definition === server
      ? serverInstance(definition, instance, values, ports.actionsOf(serverOf(values)))
      : storedInstance(tree, definition, instance, values);

  /** An account of another server is another account, whatever its id. */
  const isAnother = (definition: ObjectDefinition, before: Values, after: Values): boolean =>
    definition === server && serverOf(before) !== serverOf(after);

  const instancesIn = ({ id }: ObjectDefinition): readonly number[] =>
    tree.objects().find(({ definition }) => definition.id === id)?.instances ?? [];

  const current = (): Settings => {
    const { configuration, hasRights } = last;
    const security = configuration.get(0);
    let result: Configuration = security === undefined ? EMPTY : new Map([[0, security]]);
    for (const definition of shown) {
      for (const instance of instancesIn(definition)) {
        const before = definition === server ? instancesOf(configuration, definition.id).get(instance) : [];
        const hidden = [...(before ?? [])].filter(([id]) => !isShownOfServer(id));
        const values = new Map([...hidden, ...heldValues(tree, definition, instance)]);
        result = merge(result, definition.id, instance, values);
      }
    }
    for (const [id, control] of access.said())
      result = merge(result, ACCESS_CONTROL_OBJECT, id, accessControlValues(control));
    return { configuration: result, hasRights };
  };

  const serverAccess = ({ configuration, hasRights }: Settings): ServerAccess[] =>
    [...instancesOf(configuration, SERVER_OBJECT)].map(([instance, values]) => {
      const fixed = ports.accessOf(serverOf(values));
      return {
        server: serverOf(values),
        serverInstance: instance,
        access: fixed ?? (hasRights ? 'none' : 'full'),
        isFixed: fixed !== undefined,
      };
    });

  const watch = (): void => {
    for (const id of [ACCESS_CONTROL_OBJECT, ...shown.map((definition) => definition.id)]) {
      if (watched.has(id)) continue;
      const cancel = tree.watch([id], { changed: () => ports.changed(id), removed() {} });
      if (cancel !== undefined) watched.add(id);
    }
  };

  tree.addObject(server);
  return {
    current,
    show(settings) {
      const now = current().configuration;
      const { configuration } = settings;
      for (const definition of shown) {
        for (const [instance, before] of instancesOf(now, definition.id)) {
          const after = instancesOf(configuration, definition.id).get(instance);
          if (after === undefined || isAnother(definition, before, after))
            tree.removeInstance(definition.id, instance);
        }
      }
      last = settings;
      // Before what they are about is there, so that nobody sees it who must not.
      access.follow(serverAccess(settings), rightsIn(configuration));
      for (const definition of shown) {
        for (const [instance, values] of instancesOf(configuration, definition.id)) {
          const ids = [definition.id, instance];
          if (!tree.exists(ids)) tree.addInstance(setupOf(definition, instance, values));
          else tree.assign(ids, differences(heldValues(tree, definition, instance), values));
        }
      }
      watch();
    },
    share: () => access.follow(serverAccess(current()), access.said()),
  };
}
