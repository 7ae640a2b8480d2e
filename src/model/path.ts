import { GatewayError } from '../base/index.ts';

/** The id that is never a real one; as an instance in Create it means "you choose" (OMA Core 1.2 6.2, 7.3). */
export const MAX_ID = 65535;

/** Object, instance, resource and resource instance, as far as they go: 0 to 4 ids of 0..65535. */
export type Ids = readonly number[];

/**
 * A place in the data model of the gateway (prefix `''`) or of a device behind it (Gateway TS 1.1).
 * Prefixes are compared byte for byte.
 */
export interface Path {
  readonly prefix: string;
  readonly ids: Ids;
}

/** Characters that every known server accepts in a prefix; the first is a letter, so that it is never an object id. */
const PREFIX = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

/** First path segments that mean something else on a LwM2M endpoint. */
const RESERVED_PREFIXES: ReadonlySet<string> = new Set(['bs', 'bspack', 'rd', 'dp']);

/** True if `text` can name a device in paths and SenML names. */
export function isPrefix(text: string): boolean {
  return PREFIX.test(text) && !RESERVED_PREFIXES.has(text.toLowerCase());
}

/** The id that a path segment names: decimal, no leading zeros, below 65536; undefined for anything else. */
export function parseId(segment: string): number | undefined {
  if (segment.length === 0 || segment.length > 5) return undefined;
  let id = 0;
  for (let at = 0; at < segment.length; at++) {
    const digit = segment.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return undefined;
    id = id * 10 + digit;
  }
  if (id > MAX_ID || (segment.length > 1 && segment.charCodeAt(0) === 48)) return undefined;
  return id;
}

/**
 * The path that segments name: an optional prefix (any segment that is not all digits), then up to four ids.
 * One empty segment is the root. Undefined when they name none.
 */
export function pathFromSegments(segments: readonly string[]): Path | undefined {
  if (segments.length === 0 || (segments.length === 1 && segments[0] === '')) return ROOT;
  const first = segments[0] ?? '';
  const prefix = first !== '' && !/^[0-9]+$/.test(first) ? first : '';
  const rest = prefix === '' ? segments : segments.slice(1);
  if (rest.length > 4) return undefined;
  const ids = rest.map(parseId);
  return ids.every((id) => id !== undefined) ? { prefix, ids } : undefined;
}

/** Reads `/d01/3303/0/5700` or `/3/0`. @throws GatewayError `model.bad-path` */
export function parsePath(text: string): Path {
  const path = text.startsWith('/') ? pathFromSegments(text.slice(1).split('/')) : undefined;
  if (path === undefined)
    throw new GatewayError(
      'model.bad-path',
      `not a LwM2M path, which is like /3303/0/5700: ${JSON.stringify(text)}`,
    );
  return path;
}

export const ROOT: Path = { prefix: '', ids: [] };

/** `/d01/3303/0/5700`; the root is `/`. */
export function formatPath(path: Path): string {
  const ids = path.ids.join('/');
  if (path.prefix === '') return `/${ids}`;
  return ids === '' ? `/${path.prefix}` : `/${path.prefix}/${ids}`;
}

/** A map key for ids within one tree: `3303/0/5700`. */
export function idsKey(ids: Ids): string {
  return ids.join('/');
}

/** True if `ids` lies at or below `base`. */
export function isWithin(base: Ids, ids: Ids): boolean {
  if (ids.length < base.length) return false;
  for (let level = 0; level < base.length; level++) if (ids[level] !== base[level]) return false;
  return true;
}

/**
 * The path as one of the entries has it, if it is the first one's: an observer of one value is mostly one of very many,
 * and need not keep a path of its own.
 */
export function sharedPath(path: Path, [first]: readonly { readonly path: Path }[]): Path {
  return first !== undefined && samePath(first.path, path) ? first.path : path;
}

export function samePath(a: Path, b: Path): boolean {
  return a.prefix === b.prefix && a.ids.length === b.ids.length && isWithin(a.ids, b.ids);
}
