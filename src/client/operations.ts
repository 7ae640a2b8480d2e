import { isGatewayError } from '../base/index.ts';
import {
  type Attributes,
  changeAttributes,
  type Path,
  parseAttributes,
  type Release,
  type ResourceDefinition,
} from '../model/index.ts';
import type { Caller, Outcome, Tree } from '../tree/index.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { Mounts, Operation, Refusing, Result } from './contract.ts';
import { discover, HIDDEN_OBJECTS } from './discover.ts';

/** What an operation is done with. */
export interface Context {
  readonly mounts: Mounts;
  readonly attributes: AttributeStore;
  readonly caller: Caller;
  /** The release that the server accepted. */
  readonly release: Release;
}

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

/**
 * The tree that a path means, or why there is none. The checks and their order are those of OMA Core 1.2.2 6.3:
 * an unknown prefix, a path without an object, objects that no server may see, an unknown object.
 */
export function locate(mounts: Mounts, path: Path): Tree | Refusing {
  const trees = mounts.trees(path.prefix);
  if (trees.length === 0) return NOT_FOUND;
  const [object] = path.ids;
  if (object === undefined) return refuse('not-allowed', 'the path names no object');
  if (HIDDEN_OBJECTS.has(object)) return UNAUTHORIZED;
  return trees.find((tree) => tree.definition(object) !== undefined) ?? NOT_FOUND;
}

export function isRefusing(located: Tree | Refusing): located is Refusing {
  return 'status' in located;
}

function settled(outcome: Outcome): Result {
  return outcome.status === 'done' ? { status: 'changed' } : outcome;
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
  if (!tree.exists(path.ids)) return NOT_FOUND;
  try {
    const resource = path.ids.length >= 3 ? tree.resource(path.ids) : undefined;
    attributes.set(path, changedAttributes(attributes.own(path), query, resource));
    return { status: 'changed' };
  } catch (error) {
    if (isGatewayError(error, 'model.bad-attribute')) return refuse('bad-request', error.message);
    throw error;
  }
}

/** Creating and deleting instances is not possible yet; what does not exist is still said to be missing. */
function createOrDelete(tree: Tree, path: Path): Result {
  return tree.exists(path.ids)
    ? refuse('not-allowed', 'instances cannot be created or deleted here')
    : NOT_FOUND;
}

/** Whether an operation makes sense on what is there, before its format and payload are looked at. */
export function checkOperation(
  kind: Operation['kind'],
  path: Path,
  { mounts }: Context,
): Refusing | undefined {
  const tree = locate(mounts, path);
  if (isRefusing(tree)) return tree;
  switch (kind) {
    case 'read':
    case 'write':
    case 'execute':
      return tree.refusal(path.ids, kind);
    default:
      return undefined;
  }
}

/** Does one operation on one path. */
export async function perform(operation: Operation, context: Context): Promise<Result> {
  const { path } = operation;
  const tree = locate(context.mounts, path);
  if (isRefusing(tree)) return tree;
  switch (operation.kind) {
    case 'read':
      return tree.read(path.ids, path.prefix);
    case 'discover': {
      if (path.ids.length === 4) return refuse('not-allowed', 'Discover ends at resources');
      const links = discover(tree, path, operation.depth, context.attributes, context.release);
      return typeof links === 'string' ? { status: 'links', links } : links;
    }
    case 'write':
      return settled(await tree.write(path.ids, operation.mode, operation.entries, context.caller));
    case 'write-attributes':
      return writeAttributes(tree, path, operation.query, context.attributes);
    case 'execute': {
      const refusal = tree.refusal(path.ids, 'execute');
      if (refusal !== undefined) return refusal;
      if (!isArgumentList(operation.argument)) return refuse('bad-request', 'not a list of arguments');
      return settled(await tree.execute(path.ids, operation.argument, context.caller));
    }
    case 'create':
    case 'delete':
      return createOrDelete(tree, path);
  }
}
