import { isGatewayError } from '../base/index.ts';
import {
  type DataType,
  type Entry,
  formatPath,
  isWithin,
  MAX_ID,
  type Path,
  toType,
  type Value,
} from '../model/index.ts';
import { fault } from './fault.ts';
import type { DecodeContext, Patch } from './format.ts';

/** Gathers what a payload says, and refuses what does not belong there or is said twice. */
export interface Collector extends Patch {
  readonly entries: Entry[];
  readonly removals: Path[];
  /**
   * @param read the value for the resource's type (undefined: the resource is not known); undefined leaves it out
   * @param at ms since 1970
   * @throws GatewayError `codec.outside-base`, `codec.malformed`, `codec.duplicate`, `codec.type-mismatch`
   */
  add(path: Path, read: (type: DataType | undefined) => Value | undefined, at?: number): void;
  remove(path: Path): void;
}

/**
 * Where a name in a payload points to. A name without prefix in a request to a device means that device: servers that
 * know nothing of prefixes write so (Gateway TS 1.1 9).
 * @throws GatewayError `codec.outside-base`
 */
function placed(base: Path, path: Path): Path {
  if (base.prefix === '' && base.ids.length === 0) return path;
  const prefix = path.prefix === '' ? base.prefix : path.prefix;
  if (prefix !== base.prefix || !isWithin(base.ids, path.ids)) {
    throw fault('outside-base', `${formatPath(path)} is not below ${formatPath(base)}`);
  }
  return prefix === path.prefix ? path : { prefix, ids: path.ids };
}

/** 65535 is no id, but as instance in Create it means "you choose" (OMA Core 1.2 6.3.6). */
function checkIds(base: Path, { ids }: Path): void {
  const last = ids.length - 1;
  if (last < 2 || last > 3)
    throw fault('malformed', `/${ids.join('/')} is neither resource nor resource instance`);
  for (let level = 0; level <= last; level++) {
    if (ids[level] === MAX_ID && !(level === 1 && base.ids.length === 1)) {
      throw fault('malformed', `${MAX_ID} is not an id`);
    }
  }
}

/** The type that a value shows by itself. */
function typeOf(value: Value): DataType {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'bigint':
      return value < 2n ** 63n ? 'integer' : 'unsigned';
    case 'number':
      return Number.isSafeInteger(value) ? 'integer' : 'float';
    default:
      return value instanceof Uint8Array ? 'opaque' : 'objlnk';
  }
}

/** What `read` gives as a value of the resource's type, or of the type that it shows by itself. */
function typed(
  path: Path,
  known: DataType | undefined,
  read: (type: DataType | undefined) => Value | undefined,
): { type: DataType; value: Value } | undefined {
  try {
    const value = read(known);
    if (value === undefined) return undefined;
    const type = known ?? typeOf(value);
    // What is executable takes no value: whoever decides about the write says so.
    return { type, value: type === 'none' ? value : toType(type, value) };
  } catch (error) {
    if (!isGatewayError(error, 'model.type-mismatch')) throw error;
    throw fault('type-mismatch', `${formatPath(path)}: ${error.message}`, error);
  }
}

export function createCollector(context: DecodeContext): Collector {
  const entries: Entry[] = [];
  const removals: Path[] = [];
  /** Paths that were said, and whether resources are single. */
  const said = new Set<string>();
  const single = new Map<string, boolean>();

  const once = (path: Path, at?: number): void => {
    const resource = `${path.prefix}/${path.ids[0]}/${path.ids[1]}/${path.ids[2]}`;
    const isSingle = path.ids.length === 3;
    if ((single.get(resource) ?? isSingle) !== isSingle) {
      throw fault('duplicate', `${resource} is said to be both single and multiple`);
    }
    single.set(resource, isSingle);
    const key = `${resource}/${path.ids[3] ?? ''}@${at ?? ''}`;
    if (said.has(key)) throw fault('duplicate', `${formatPath(path)} is said twice`);
    said.add(key);
  };

  return {
    entries,
    removals,
    add(named, read, at) {
      const path = placed(context.base, named);
      checkIds(context.base, path);
      once(path, at);
      const value = typed(path, context.resourceOf(path)?.type, read);
      if (value === undefined) return;
      entries.push(at === undefined ? { path, ...value } : { path, ...value, at });
    },
    remove(named) {
      const path = placed(context.base, named);
      checkIds(context.base, path);
      if (path.ids.length !== 4) throw fault('malformed', 'null removes resource instances only');
      once(path);
      removals.push(path);
    },
  };
}
