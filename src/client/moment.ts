import { isGatewayError } from '../base/index.ts';
import {
  type DataType,
  type Entry,
  formatObjectLink,
  formatPath,
  isObjectLink,
  type Path,
  parseObjectLink,
  parsePath,
  type Quality,
  toType,
  type Value,
} from '../model/index.ts';

/** What an observation is about: enough to know it again, and to go on with it after a restart. */
export interface About {
  readonly paths: readonly Path[];
  readonly isComposite: boolean;
  /** Attributes given with Observe itself, as they stood in its query. */
  readonly query: readonly string[];
}

/**
 * Observations of the same paths are the same wish, whatever their format and attributes. Joined to one text: added up
 * it would keep its parts.
 */
export function keyOf({ paths, isComposite }: About): string {
  return [isComposite ? '+' : '', ...paths.map(formatPath)].join(' ');
}

/** Every value of a moment has a time: what has none was true when it would have been told. */
export function timed(entries: readonly Entry[], now: number): readonly Entry[] {
  return entries.every(({ at }) => at !== undefined)
    ? entries
    : entries.map((entry) => (entry.at === undefined ? { ...entry, at: now } : entry));
}

function valueToJson(value: Value): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'object' && isObjectLink(value) ? formatObjectLink(value) : value;
}

const WHOLE: ReadonlySet<DataType> = new Set(['integer', 'unsigned', 'time']);
const TYPES: ReadonlySet<string> = new Set<DataType>([
  ...(['string', 'integer', 'unsigned', 'float', 'boolean'] as const),
  ...(['opaque', 'time', 'objlnk', 'corelnk'] as const),
]);

function valueFromJson(type: DataType, json: unknown): Value | undefined {
  if (typeof json === 'string') {
    if (type === 'opaque') return Buffer.from(json, 'base64');
    if (type === 'objlnk') return parseObjectLink(json);
    if (WHOLE.has(type)) return /^-?\d{1,20}$/.test(json) ? toType(type, BigInt(json)) : undefined;
  }
  const isScalar = typeof json === 'string' || typeof json === 'number' || typeof json === 'boolean';
  return isScalar ? toType(type, json) : undefined;
}

function isQuality(value: unknown): value is Quality {
  return value === 0 || value === 1 || value === 2 || value === 3 || value === 4;
}

function entryFromJson(json: unknown): Entry | undefined {
  if (!Array.isArray(json)) return undefined;
  const [path, type, value, at, quality] = json as unknown[];
  if (typeof path !== 'string' || typeof type !== 'string' || !TYPES.has(type)) return undefined;
  if (typeof at !== 'number' || !Number.isFinite(at)) return undefined;
  const known = valueFromJson(type as DataType, value);
  if (known === undefined) return undefined;
  const entry = { path: parsePath(path), type: type as DataType, value: known, at };
  return isQuality(quality) ? { ...entry, quality } : entry;
}

/** A moment of an observation as a JSON document, and back. */
export function momentToJson({ paths, isComposite, query }: About, entries: readonly Entry[]): unknown {
  return {
    paths: paths.map(formatPath),
    composite: isComposite,
    query,
    entries: entries.map(({ path, type, value, at, quality }) => [
      formatPath(path),
      type,
      valueToJson(value),
      at,
      ...(quality === undefined ? [] : [quality]),
    ]),
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** Undefined for a document that is none of ours. */
export function momentFromJson(json: unknown): { about: About; entries: readonly Entry[] } | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { paths, composite, query, entries } = json as Record<string, unknown>;
  if (!Array.isArray(paths) || !paths.every(isText) || paths.length === 0) return undefined;
  if (!Array.isArray(query) || !query.every(isText) || !Array.isArray(entries)) return undefined;
  try {
    const read = entries.map(entryFromJson);
    const known = read.filter((entry) => entry !== undefined);
    if (known.length < read.length) return undefined;
    return { about: { paths: paths.map(parsePath), isComposite: composite === true, query }, entries: known };
  } catch (error) {
    if (isGatewayError(error)) return undefined;
    throw error;
  }
}
