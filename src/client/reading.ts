import { type Entry, formatPath, type Path } from '../model/index.ts';
import type { ReadOutcome, Tree } from '../tree/index.ts';
import type { Refusing } from './contract.ts';
import { type Context, HIDDEN_OBJECTS, isRefusing, locate } from './locate.ts';

/** A path, and the tree that it means. */
export interface Target {
  readonly tree: Tree;
  readonly path: Path;
}

const UNAUTHORIZED: Refusing = { status: 'unauthorized' };

/** Paths of which none lies within another: each value is told once (OMA Core 1.2 6.3.8). */
export function distinct(paths: readonly Path[]): Path[] {
  const named = new Map(paths.map((path) => [formatPath(path), path]));
  const isCovered = ({ prefix, ids }: Path): boolean =>
    ids.some((_id, depth) => named.has(formatPath({ prefix, ids: ids.slice(0, depth) })));
  return [...named.values()].filter((path) => !isCovered(path));
}

/** The objects of a client or of a device, in place of a path that names none. */
export function objectsBelow(path: Path, { mounts }: Context): Path[] {
  if (path.ids.length > 0) return [path];
  const ids = mounts
    .trees(path.prefix)
    .flatMap((tree) => tree.objects().map(({ definition }) => definition.id));
  return ids
    .filter((id) => !HIDDEN_OBJECTS.has(id))
    .sort((a, b) => a - b)
    .map((id) => ({ prefix: path.prefix, ids: [id] }));
}

/**
 * What a server may read at a path: of an object only the instances that it has the right to, unless it has to none
 * of them (OMA Core 1.2 8.2).
 */
export function readableAt(path: Path, context: Context): readonly Target[] | Refusing {
  const tree = locate(context.mounts, path);
  if (isRefusing(tree)) return tree;
  const allows = (at: Path): boolean => context.access.allows('read', at);
  if (path.prefix !== '') return [{ tree, path }];
  if (path.ids.length !== 1)
    return !tree.exists(path.ids.slice(0, 2)) || allows(path) ? [{ tree, path }] : UNAUTHORIZED;
  const instances = tree.list(path.ids, 1);
  if ('status' in instances) return instances;
  const targets = instances.slice(1).map(({ ids }) => ({ tree, path: { prefix: path.prefix, ids } }));
  const readable = targets.filter((target) => allows(target.path));
  if (readable.length === targets.length) return [{ tree, path }];
  return readable.length === 0 ? UNAUTHORIZED : readable;
}

/** What a server may read of several paths, and whether a right was missing at any of them. */
export function readableAtAny(
  paths: readonly Path[],
  context: Context,
): { readonly targets: readonly Target[]; readonly isRightMissing: boolean } {
  const found = distinct(paths)
    .flatMap((path) => objectsBelow(path, context))
    .map((path) => readableAt(path, context));
  return {
    targets: found.flatMap((one) => ('status' in one ? [] : one)),
    isRightMissing: found.some((one) => 'status' in one && one.status === 'unauthorized'),
  };
}

/** Has the field asked for all that is too old, each device once and all at the same time. */
export async function freshen(targets: readonly Target[]): Promise<void> {
  const byTree = new Map<Tree, Target[]>();
  for (const target of targets) {
    const known = byTree.get(target.tree);
    if (known === undefined) byTree.set(target.tree, [target]);
    else known.push(target);
  }
  await Promise.all([...byTree].map(([tree, ofTree]) => tree.freshen(ofTree.map(({ path }) => path.ids))));
}

/** What the targets hold now; those that cannot be read now are left out. */
export function contentOf(targets: readonly Target[]): Entry[] {
  return targets.flatMap(({ tree, path }) => {
    const outcome = tree.snapshot(path.ids, path.prefix);
    return outcome.status === 'content' ? outcome.entries : [];
  });
}

/** What an observation of one path shows now. Of an object that may be nothing: other instances may come. */
export function snapshotOf(path: Path, context: Context): ReadOutcome {
  const targets = readableAt(path, context);
  if ('status' in targets) {
    const isFiltered = path.ids.length === 1 && targets.status === 'unauthorized';
    return isFiltered ? { status: 'content', entries: [] } : targets;
  }
  const [first] = targets;
  if (targets.length === 1 && first !== undefined) return first.tree.snapshot(first.path.ids, path.prefix);
  return { status: 'content', entries: contentOf(targets) };
}

/** True if the server must see nothing at a path, whatever comes; the instances of an object each have their rights. */
export function isForbidden(path: Path, context: Context): boolean {
  if (path.ids.length === 1) return false;
  const readable = readableAt(path, context);
  return 'status' in readable && readable.status === 'unauthorized';
}
