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
import type { DecodeContext } from './format.ts';
import { byPathAndTime, ordered } from './order.ts';

/** What a payload says; each format hands on what it can say. */
export interface Said {
  readonly entries: Entry[];
  readonly empties: Path[];
  readonly removals: Path[];
}

/**
 * Where a name in a payload points to. A name without prefix in a request to a device means that device: servers that
 * know nothing of prefixes write so (Gateway TS 1.1 9).
 * @throws GatewayError `codec.outside-base`, `codec.malformed`
 */
function placed(base: Path, path: Path): Path {
  const isAnywhere = base.prefix === '' && base.ids.length === 0;
  const prefix = path.prefix === '' ? base.prefix : path.prefix;
  if (!isAnywhere && (prefix !== base.prefix || !isWithin(base.ids, path.ids))) {
    throw fault('outside-base', `${formatPath(path)} is not below ${formatPath(base)}`);
  }
  checkIds(base, path);
  return prefix === path.prefix ? path : { prefix, ids: path.ids };
}

/** 65535 is no id, but as instance in Create it means "you choose" (OMA Core 1.2 6.3.6). */
function checkIds(base: Path, { ids }: Path): void {
  for (let level = 0; level < ids.length; level++) {
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

/** What `read` gives, as an entry of the resource's type, or of the type that the value shows by itself. */
function entryOf(
  path: Path,
  known: DataType | undefined,
  read: (type: DataType | undefined) => Value | undefined,
  at: number | undefined,
): Entry | undefined {
  try {
    const found = read(known);
    if (found === undefined) return undefined;
    const type = known ?? typeOf(found);
    // What is executable takes no value: whoever decides about the write says so.
    const value = type === 'none' ? found : toType(type, found);
    return at === undefined ? { path, type, value } : { path, type, value, at };
  } catch (error) {
    if (!isGatewayError(error, 'model.type-mismatch')) throw error;
    throw fault('type-mismatch', `${formatPath(path)}: ${error.message}`, error);
  }
}

function saidTwice(path: Path): Error {
  return fault('duplicate', `${formatPath(path)} is said twice, or is part of something said before`);
}

/**
 * A value that was read, with the path that its name leads to; undefined when `read` leaves it out.
 * @param read the value for the resource's type (undefined: the resource is not known)
 * @param at ms since 1970
 * @throws GatewayError `codec.outside-base`, `codec.malformed`, `codec.type-mismatch`
 */
export function readEntry(
  context: DecodeContext,
  named: Path,
  read: (type: DataType | undefined) => Value | undefined,
  at?: number,
): Entry | undefined {
  const path = placed(context.base, named);
  if (path.ids.length < 3) throw fault('malformed', `${formatPath(path)} has no value of its own`);
  return entryOf(path, context.resourceOf(path)?.type, read, at);
}

/** Gathers what a payload says, and refuses what does not belong there or is said twice. */
export class Collector implements Said {
  readonly entries: Entry[] = [];
  readonly empties: Path[] = [];
  readonly removals: Path[] = [];
  private readonly context: DecodeContext;

  constructor(context: DecodeContext) {
    this.context = context;
  }

  /** As {@link readEntry}. */
  add(named: Path, read: (type: DataType | undefined) => Value | undefined, at?: number): void {
    const entry = readEntry(this.context, named, read, at);
    if (entry !== undefined) this.entries.push(entry);
  }

  /** Something is there and holds nothing. */
  addEmpty(named: Path): void {
    const { base } = this.context;
    const path = placed(base, named);
    // That what was asked is empty shows by itself, and an object without instances is nothing to tell of.
    if (path.ids.length > Math.max(1, base.ids.length)) this.empties.push(path);
  }

  remove(named: Path): void {
    const path = placed(this.context.base, named);
    if (path.ids.length !== 4) throw fault('malformed', 'null removes resource instances only');
    this.removals.push(path);
  }

  /** @throws GatewayError `codec.duplicate` for a path that was said twice, or that lies below another one */
  finish(): Said {
    const { entries, empties, removals } = this;
    const alone = empties.length === 0 && removals.length === 0;
    const places = alone ? entries : [...entries, ...[...empties, ...removals].map((path) => ({ path }))];
    ordered(places, byPathAndTime, saidTwice);
    return this;
  }
}
