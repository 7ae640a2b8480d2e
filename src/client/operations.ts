import { isGatewayError } from '../base/index.ts';
import {
  type Attributes,
  changeAttributes,
  MAX_ID,
  type Path,
  parseAttributes,
  type ResourceDefinition,
} from '../model/index.ts';
import type { Right } from '../objects/index.ts';
import type { Outcome, Tree } from '../tree/index.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { Operation, Refusing, Result } from './contract.ts';
import { discover } from './discover.ts';
import { type Context, isRefusing, locate } from './locate.ts';
import { contentOf, freshen, readableAt, readableAtAny, type Target } from './reading.ts';
import { writeComposite } from './write-composite.ts';

const NOT_FOUND: Refusing = { status: 'not-found' };
const UNAUTHORIZED: Refusing = { status: 'unauthorized' };

/** Digits with optional quoted values, separated by commas (OMA Core 1.2 6.3.5). Spaces in values are tolerated. */
const ARGUMENTS = /^(?:\d(?:='[^'"\\]*')?(?:,\d(?:='[^'"\\]*')?)*)?$/;
const DIGITS = /(?:^|,)(\d)(?=[=,]|$)/g;

function isArgumentList(text: string): boolean {
  if (!ARGUMENTS.test(text)) return false;
  const digits = [...text.replace(/'[^']*'/g, '').matchAll(DIGITS)].map((match) => match[1]);
  return new Set(digits).size === digits.length;
}

const refuse = (status: Refusing['status'], message: string): Refusing => ({ status, message });

function settled(outcome: Outcome, done: 'changed' | 'deleted'): Result {
  return outcome.status === 'done' ? { status: done } : outcome;
}

/**
 * What Write-Attributes or Observe asks for, on top of what is attached.
 * @throws GatewayError `model.bad-attribute`
 */
export function changedAttributes(
  attached: Attributes,
  query: readonly string[],
  resource: ResourceDefinition | undefined,
): Attributes {
  return changeAttributes(attached, parseAttributes(query, resource));
}

function writeAttributes(
  tree: Tree,
  path: Path,
  query: readonly string[],
  attributes: AttributeStore,
): Result {
  try {
    const resource = path.ids.length >= 3 ? tree.resource(path.ids) : undefined;
    attributes.set(path, changedAttributes(attributes.own(path), query, resource));
    return { status: 'changed' };
  } catch (error) {
    if (isGatewayError(error, 'model.bad-attribute')) return refuse('bad-request', error.message);
    throw error;
  }
}

/** Operations on one path. */
type Pathed = Exclude<Operation, { kind: 'read-composite' | 'write-composite' }>;

/** The right that an operation needs (OMA Core 1.2 8.2); Discover needs none, Read filters by itself. */
const NEEDED: Readonly<Record<Exclude<Pathed['kind'], 'read'>, Right | undefined>> = {
  discover: undefined,
  write: 'write',
  'write-attributes': 'read',
  execute: 'execute',
  create: 'create',
  delete: 'delete',
};

/** Attributes of an object are free to all, and objects themselves can only be created in (OMA Core 1.2 8.2). */
function isMissingRight(kind: Exclude<Pathed['kind'], 'read'>, path: Path, { access }: Context): boolean {
  const right = NEEDED[kind];
  if (right === undefined || (path.ids.length === 1 && right !== 'create')) return false;
  return !access.allows(right, path);
}

/** What the model says of an operation, whatever its payload. */
function modelRefusal(kind: Pathed['kind'], tree: Tree, { ids }: Path): Refusing | undefined {
  switch (kind) {
    case 'discover':
      if (ids.length === 4) return refuse('not-allowed', 'Discover ends at resources');
      return tree.exists(ids) ? undefined : NOT_FOUND;
    case 'write-attributes':
      return tree.exists(ids) ? undefined : NOT_FOUND;
    default:
      return tree.refusal(ids, kind);
  }
}

/**
 * Whether an operation makes sense on what is there, before its format and payload are looked at. The order is that of
 * OMA Core 1.2.2 6.3: object, instance, access right, resource, operation.
 */
export function checkOperation(kind: Operation['kind'], path: Path, context: Context): Refusing | undefined {
  if (kind === 'read-composite' || kind === 'write-composite')
    return context.mounts.trees(path.prefix).length === 0 ? NOT_FOUND : undefined;
  const tree = locate(context.mounts, path);
  if (isRefusing(tree)) return tree;
  return (
    (path.prefix === '' ? accessRefusal(kind, path, tree, context) : undefined) ??
    modelRefusal(kind, tree, path)
  );
}

/** That an instance is not there is said before that the server may not use it. */
function accessRefusal(kind: Pathed['kind'], path: Path, tree: Tree, context: Context): Refusing | undefined {
  if (path.ids.length > 1 && !tree.exists(path.ids.slice(0, 2))) return NOT_FOUND;
  if (kind !== 'read') return isMissingRight(kind, path, context) ? UNAUTHORIZED : undefined;
  const readable = readableAt(path, context);
  return 'status' in readable ? readable : undefined;
}

async function readFiltered(targets: readonly Target[]): Promise<Result> {
  await freshen(targets);
  return { status: 'content', entries: contentOf(targets) };
}

function read(path: Path, context: Context): Result | Promise<Result> {
  const targets = readableAt(path, context);
  if ('status' in targets) return targets;
  const [first] = targets;
  if (targets.length === 1 && first !== undefined) return first.tree.read(first.path.ids, path.prefix);
  return readFiltered(targets);
}

/** Best effort: what is not there, cannot be read or must not be read is left out (OMA Core 1.2 6.3.8). */
async function readComposite(paths: readonly Path[], context: Context): Promise<Result> {
  const { targets, isRightMissing } = readableAtAny(paths, context);
  if (targets.length === 0 && isRightMissing) return UNAUTHORIZED;
  await freshen(targets);
  return { status: 'content', entries: contentOf(targets) };
}

/** One instance, with the id that the payload gives it or that is free (OMA Core 1.2 6.3.6). */
function create(operation: Extract<Operation, { kind: 'create' }>, tree: Tree, { caller }: Context): Result {
  const { path, entries, empties } = operation;
  const [object = 0] = path.ids;
  const named = new Set([...entries.map((entry) => entry.path), ...empties].map(({ ids }) => ids[1]));
  if (named.size > 1) return refuse('bad-request', 'one instance at a time');
  const [wanted = MAX_ID] = named;
  const outcome = tree.create(object, wanted === MAX_ID ? undefined : wanted, entries, caller);
  if (outcome.status !== 'created') return outcome;
  return { status: 'created', path: { prefix: path.prefix, ids: [object, outcome.instance] } };
}

/** Does one operation. */
export async function perform(operation: Operation, context: Context): Promise<Result> {
  const { path } = operation;
  // What refuses a read, the tree finds itself.
  if (operation.kind === 'read') return read(path, context);
  const refused = checkOperation(operation.kind, path, context);
  if (refused !== undefined) return refused;
  if (operation.kind === 'read-composite') return readComposite(operation.paths, context);
  if (operation.kind === 'write-composite') return writeComposite(operation, context);
  const tree = locate(context.mounts, path);
  if (isRefusing(tree)) return tree;
  switch (operation.kind) {
    case 'discover': {
      const links = discover(tree, path, operation.depth, context.attributes, context.release);
      return typeof links === 'string' ? { status: 'links', links } : links;
    }
    case 'write':
      return settled(
        await tree.write(path.ids, operation.mode, operation.entries, context.caller),
        'changed',
      );
    case 'write-attributes':
      return writeAttributes(tree, path, operation.query, context.attributes);
    case 'execute':
      if (!isArgumentList(operation.argument)) return refuse('bad-request', 'not a list of arguments');
      return settled(await tree.execute(path.ids, operation.argument, context.caller), 'changed');
    case 'create':
      return create(operation, tree, context);
    case 'delete':
      return settled(await tree.delete(path.ids, context.caller), 'deleted');
  }
}
