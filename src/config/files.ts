import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the room needs of a file system. Both functions throw an `Error` with a `code` as `node:fs` does. */
export interface FileSystem {
  /** The bytes of a regular file. */
  read(path: string): Uint8Array;
  /** What a folder holds. */
  list(path: string): readonly { readonly name: string; readonly isFolder: boolean }[];
}

/** Larger configurations are split with `include`. */
const MOST_BYTES = 512 * 1024;
/** Files that one pattern or folder may stand for. */
const MOST_FILES = 1000;
const MOST_FOLDER_LEVELS = 8;

/** The files of this computer. */
export const localFiles: FileSystem = {
  read(path) {
    const facts = statSync(path);
    // Reading a pipe or a device may never end.
    if (!facts.isFile()) throw failure(facts.isDirectory() ? 'EISDIR' : 'EINVAL');
    if (facts.size > MOST_BYTES) throw failure('EFBIG');
    return readFileSync(path);
  },
  list: (path) =>
    readdirSync(path, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      // A link to a folder is none: links can form rings.
      isFolder: entry.isDirectory(),
    })),
};

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  EINVAL: 'it is not a regular file',
  TOO_MANY: `there are more than ${MOST_FILES} files, or folders within folders`,
  EFBIG: `it is larger than ${MOST_BYTES / 1024} KiB`,
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

/** An outcome, or why there is none. */
export type Found<T> = { readonly value: T } | { readonly reason: string };

function attempt<T>(action: () => T): Found<T> {
  try {
    return { value: action() };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { reason: REASONS[code] ?? 'it cannot be read' };
  }
}

/** What is in a file. */
export function readBytes(files: FileSystem, path: string): Found<Uint8Array> {
  return attempt(() => {
    const bytes = files.read(path);
    if (bytes.length > MOST_BYTES) throw failure('EFBIG');
    return bytes;
  });
}

/** The text of a file. */
export function readText(files: FileSystem, path: string): Found<string> {
  const bytes = readBytes(files, path);
  if ('reason' in bytes) return bytes;
  return attempt(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes.value));
}

/** `path` as seen from the folder of `file`. */
export function besides(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** The files in a folder and the folders below it whose names fit `names`, in the order of their names. */
export function filesBelow(files: FileSystem, folder: string, names: RegExp): Found<readonly string[]> {
  const found: string[] = [];
  let folders = 0;
  const visit = (path: string, level: number): void => {
    if (++folders > MOST_FILES || level > MOST_FOLDER_LEVELS) throw failure('TOO_MANY');
    for (const entry of sorted(files.list(path))) {
      if (entry.isFolder) visit(join(path, entry.name), level + 1);
      else if (names.test(entry.name)) found.push(join(path, entry.name));
    }
    if (found.length > MOST_FILES) throw failure('TOO_MANY');
  };
  return attempt(() => {
    visit(folder, 1);
    return found;
  });
}

/**
 * The files that a path with `*` and `?` in its segments stands for, in the order of their names. A path without
 * them stands for itself, whether or not it exists.
 */
export function filesLike(files: FileSystem, pattern: string): Found<readonly string[]> {
  const segments = pattern.split('/').filter((segment) => segment !== '' && segment !== '.');
  return attempt(() => {
    let paths: string[] = [isAbsolute(pattern) ? '/' : '.'];
    for (const [index, segment] of segments.entries()) {
      const isLast = index === segments.length - 1;
      paths = paths.flatMap((path) => stepInto(files, path, segment, isLast));
      if (paths.length > MOST_FILES) throw failure('TOO_MANY');
    }
    return paths;
  });
}

function stepInto(files: FileSystem, path: string, segment: string, isLast: boolean): string[] {
  if (!/[*?]/.test(segment)) return [join(path, segment)];
  return sorted(files.list(path))
    .filter((entry) => entry.isFolder !== isLast && isLike(segment, entry.name))
    .map((entry) => join(path, entry.name));
}

/** True when `name` fits a pattern of `*` (any text) and `?` (one character). Never steps back further than one star. */
function isLike(pattern: string, name: string): boolean {
  let at = 0;
  let afterStar = -1;
  let resume = 0;
  for (let index = 0; index < name.length; ) {
    if (pattern[at] === '*') {
      afterStar = ++at;
      resume = index;
    } else if (pattern[at] === '?' || pattern[at] === name[index]) {
      at++;
      index++;
    } else if (afterStar >= 0) {
      at = afterStar;
      index = ++resume;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}

/** Hidden files and folders are left out. */
function sorted<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return entries
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The profiles that come with the package; found from `src` and from `dist/src` alike. */
export function builtinProfiles(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'config', 'profiles');
}
