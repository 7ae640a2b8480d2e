import { type Cancel, createSignal } from '../base/index.ts';
import type { Path } from '../model/index.ts';
import {
  ACCESS_CONTROL_OBJECT,
  type AccessControl,
  FULL_RIGHTS,
  NO_SERVER,
  RIGHT,
  type Right,
  readAccessControls,
  WHOLE_OBJECT,
} from '../objects/index.ts';
import type { Tree, Watch } from '../tree/index.ts';

/** What one server may do with the objects of a client. Devices behind a prefix are open to all (Gateway TS 1.1 GW-09). */
export interface Access {
  /**
   * True if the server has the right on the instance of the path, or for `create` on its object.
   * @param path to an instance or deeper; for `create` to an object
   */
  allows(right: Right, path: Path): boolean;
  /** Hears when rights may have changed: what runs on a right has to ask again (OMA Core 1.2 8.2). */
  onChange(listener: () => void): Cancel;
  stop(): void;
}

/**
 * The rights on an instance, as bits: the server's own entry, even if it is the owner; else all for the owner; else
 * what holds for everybody (OMA Core 1.2 8.2).
 */
export function rightsOf(control: AccessControl | undefined, server: number): number {
  if (control === undefined) return 0;
  const own = control.rights.get(server);
  if (own !== undefined) return own;
  return control.owner === server ? FULL_RIGHTS : (control.rights.get(0) ?? 0);
}

/** To create instances a server has to be named; neither the default nor the owner counts (OMA Core 1.2 8.2). */
export function mayCreate(control: AccessControl | undefined, server: number): boolean {
  return ((control?.rights.get(server) ?? 0) & RIGHT.create) !== 0;
}

/** Everybody sees who may do what; only the owner changes it (OMA Core 1.2 8.1). */
function rightsOnControl(control: AccessControl | undefined, server: number): number {
  const isOwner = control !== undefined && control.owner !== NO_SERVER && control.owner === server;
  return RIGHT.read | (isOwner ? RIGHT.write : 0);
}

const keyOf = (object: number, instance: number): number => object * 65_536 + instance;

/** What object 2 says, arranged for questions. */
interface Table {
  readonly byTarget: ReadonlyMap<number, AccessControl>;
  /** by the instance of object 2 */
  readonly byInstance: ReadonlyMap<number, AccessControl>;
}

function tableOf(tree: Tree): Table {
  const byInstance = readAccessControls(tree);
  const byTarget = new Map(
    [...byInstance.values()].map((control) => [keyOf(control.object, control.instance), control]),
  );
  return { byInstance, byTarget };
}

/**
 * The access of one server to a client's own trees, by the object 2 that one of them shows. Without an object 2
 * there is one server, and it may do everything (OMA Core 1.2 8).
 */
export function createAccess(trees: readonly Tree[], server: number): Access {
  const changed = createSignal<void>();
  let table: Table | undefined;
  let watch: Watch | undefined;

  const holder = (): Tree | undefined => trees.find((tree) => tree.exists([ACCESS_CONTROL_OBJECT]));

  const forget = (): void => {
    table = undefined;
    changed.emit();
  };

  const attach = (): void => {
    watch?.stop();
    watch = holder()?.watch([ACCESS_CONTROL_OBJECT], { changed: forget, removed: forget });
  };

  const cancels = trees.map((tree) =>
    tree.onStructure(({ ids }) => {
      if (ids[0] !== ACCESS_CONTROL_OBJECT || ids.length > 1) return;
      attach();
      forget();
    }),
  );
  attach();

  return {
    allows(right, { prefix, ids }) {
      const tree = prefix === '' ? holder() : undefined;
      if (tree === undefined) return true;
      const [object = 0, instance = 0] = ids;
      table ??= tableOf(tree);
      if (object === ACCESS_CONTROL_OBJECT)
        return (rightsOnControl(table.byInstance.get(instance), server) & RIGHT[right]) !== 0;
      if (right === 'create') return mayCreate(table.byTarget.get(keyOf(object, WHOLE_OBJECT)), server);
      return (rightsOf(table.byTarget.get(keyOf(object, instance)), server) & RIGHT[right]) !== 0;
    },
    onChange: (listener) => changed.subscribe(listener),
    stop() {
      watch?.stop();
      for (const cancel of cancels) cancel();
    },
  };
}
