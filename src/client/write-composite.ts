import { formatPath, type Ids, type Path } from '../model/index.ts';
import type { Outcome, StagedWrite, Tree, WriteRequest, WriteStep } from '../tree/index.ts';
import type { Operation, Refusing, Result } from './contract.ts';
import { type Context, isRefusing, locate } from './locate.ts';

type WriteComposite = Extract<Operation, { kind: 'write-composite' }>;

/** The part of a composite that one tree does. */
interface Part {
  readonly tree: Tree;
  readonly prefix: string;
  readonly requests: Map<string, Gathered>;
}

/** What of the payload is about one instance. */
interface Gathered extends WriteRequest {
  readonly entries: WriteRequest['entries'][number][];
  readonly removals: Ids[];
}

const NOT_FOUND: Refusing = { status: 'not-found' };

/** The tree that may be written at a path, or why it may not. */
function writableTree(path: Path, { mounts, access }: Context): Tree | Refusing {
  const tree = locate(mounts, path);
  if (isRefusing(tree)) return tree;
  if (!tree.exists(path.ids.slice(0, 2))) return NOT_FOUND;
  return access.allows('write', path) ? tree : { status: 'unauthorized' };
}

/** Sorts what a composite says by trees and instances. */
function partsOf({ entries, removals }: WriteComposite, context: Context): Part[] | Refusing {
  const parts = new Map<Tree, Part>();
  const gather = (path: Path): Gathered | Refusing => {
    const tree = writableTree(path, context);
    if (isRefusing(tree)) return tree;
    const part = parts.get(tree) ?? { tree, prefix: path.prefix, requests: new Map<string, Gathered>() };
    parts.set(tree, part);
    const ids = path.ids.slice(0, 2);
    const key = ids.join('/');
    const known = part.requests.get(key);
    if (known !== undefined) return known;
    const request: Gathered = { ids, mode: 'update', entries: [], removals: [], isComposite: true };
    part.requests.set(key, request);
    return request;
  };
  for (const entry of entries) {
    const request = gather(entry.path);
    if ('status' in request) return request;
    request.entries.push(entry);
  }
  for (const path of removals) {
    const request = gather(path);
    if ('status' in request) return request;
    request.removals.push(path.ids);
  }
  // The field may still refuse; what is only of the gateway comes after it.
  return [...parts.values()].sort((a, b) => Number(a.prefix === '') - Number(b.prefix === ''));
}

interface Step extends WriteStep {
  readonly prefix: string;
}

/** A refusal half way, with what cannot be taken back any more. */
function halfWay(outcome: Exclude<Outcome, { status: 'done' }>, at: Path, done: readonly Path[]): Refusing {
  const reason = `${formatPath(at)}: ${outcome.message ?? outcome.status}`;
  const before = done.length === 0 ? '' : `; done before: ${done.map(formatPath).join(', ')}`;
  return { ...outcome, message: reason + before };
}

async function run(steps: readonly Step[]): Promise<Refusing | undefined> {
  const done: Path[] = [];
  for (const step of steps) {
    const at: Path = { prefix: step.prefix, ids: step.ids };
    const outcome = await step.run();
    if (outcome.status !== 'done') return halfWay(outcome, at, done);
    done.push(at);
  }
  return undefined;
}

/**
 * Writes to any instances of any devices (OMA Core 1.2 6.3.9). All of it is checked before any is done. Writes to the
 * field are then done in order and confirmed; the first failure stops the rest, as nothing can be taken back over a
 * field bus. Values show only when all is done.
 */
export async function writeComposite(operation: WriteComposite, context: Context): Promise<Result> {
  const parts = partsOf(operation, context);
  if ('status' in parts) return parts;
  const all: StagedWrite[] = [];
  const steps: Step[] = [];
  for (const { tree, prefix, requests } of parts) {
    const staged = tree.stage([...requests.values()], context.caller);
    if ('status' in staged) return staged;
    all.push(staged);
    steps.push(...staged.steps.map((step) => ({ ...step, prefix })));
  }
  const refused = await run(steps);
  if (refused !== undefined) return refused;
  for (const staged of all) staged.store();
  return { status: 'changed' };
}
