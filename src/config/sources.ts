import { normalize } from 'node:path';
import { check } from './check.ts';
import type { TextFile } from './config.ts';
import type { ProfileSource } from './device.ts';
import type { Faults } from './fault.ts';
import { profileFile } from './file-schema.ts';
import {
  besides,
  builtinProfiles,
  type FileSystem,
  type Found,
  filesBelow,
  filesLike,
  readBytes,
  readText,
} from './files.ts';
import { inherited, type WrittenProfile } from './inherit.ts';
import { childOf, itemsOf, type Node, show, textAt } from './node.ts';
import { readProfile } from './profile.ts';
import type { Vocabulary } from './protocol.ts';
import { readYaml } from './read.ts';
import type { Environment } from './scalar.ts';

/** Reads files into trees. */
export interface Reader {
  /** When it reads. */
  readonly nowMs: number;
  readonly files: FileSystem;
  /** False after a file could not be read. */
  readonly isComplete: boolean;
  /** @param named where another file names it */
  text(path: string, named?: Node): string | undefined;
  bytes(path: string, named?: Node): Uint8Array | undefined;
  /** The tree of a file. */
  read(path: string, named?: Node): Node | undefined;
  /** Says that a file or folder could not be read. */
  refuse(path: string, named: Node | undefined, reason: string): void;
}

export function createReader(env: Environment, files: FileSystem, faults: Faults, nowMs: number): Reader {
  let isComplete = true;
  const refuse: Reader['refuse'] = (path, named, reason) => {
    isComplete = false;
    const what = named === undefined ? 'this file' : show(named);
    faults.add(named?.place ?? { file: path, line: 1, column: 1 }, `cannot read ${what}: ${reason}`);
  };
  const found =
    <T>(look: (files: FileSystem, path: string) => Found<T>) =>
    (path: string, named?: Node): T | undefined => {
      const content = look(files, path);
      if ('value' in content) return content.value;
      refuse(path, named, content.reason);
      return undefined;
    };
  const textOf = found(readText);
  return {
    nowMs,
    files,
    get isComplete() {
      return isComplete;
    },
    refuse,
    text: textOf,
    bytes: found(readBytes),
    read(path, named) {
      const text = textOf(path, named);
      if (text === undefined) return undefined;
      const node = readYaml(path, text, env, faults);
      if (node === undefined) isComplete = false;
      return node;
    },
  };
}

/** The trees of the files that `include` names; a file that several patterns fit is read once, the main file never. */
export function readIncluded(main: Node, reader: Reader): Node[] {
  const named = new Map<string, Node>();
  for (const { node, text } of textsOf(childOf(main, 'include'))) {
    const found = filesLike(reader.files, besides(main.place.file, text));
    if ('reason' in found) reader.refuse(text, node, found.reason);
    else for (const path of found.value) if (!named.has(path)) named.set(path, node);
  }
  named.delete(normalize(main.place.file));
  return [...named].flatMap(([path, node]) => reader.read(path, node) ?? []);
}

const XML = /\.xml$/i;

/** The files that `objects` names, each once; a path that does not end in `.xml` is a folder. */
export function readObjectFiles(main: Node, reader: Reader): TextFile[] {
  const read = new Map<string, string | undefined>();
  const add = (file: string, named?: Node): void => {
    if (!read.has(file)) read.set(file, reader.text(file, named));
  };
  for (const { node, text } of textsOf(childOf(main, 'objects'))) {
    const path = normalize(besides(main.place.file, text));
    const found = XML.test(path) ? undefined : filesBelow(reader.files, path, XML);
    if (found === undefined) add(path, node);
    else if ('reason' in found) reader.refuse(text, node, found.reason);
    else for (const file of found.value) add(file);
  }
  return [...read].flatMap(([file, text]) => (text === undefined ? [] : [{ file, text }]));
}

/** The sound texts of a list. */
function textsOf(list: Node | undefined): { node: Node; text: string }[] {
  return itemsOf(list).flatMap((node) =>
    node.kind === 'scalar' && typeof node.value === 'string' && !node.isBroken
      ? [{ node, text: node.value }]
      : [],
  );
}

/** The profiles of all folders by id; the first folder that has an id wins. */
export function readProfiles(
  main: Node,
  reader: Reader,
  vocabulary: Vocabulary,
  faults: Faults,
): Map<string, ProfileSource> {
  const written = profileFolders(main).flatMap(({ folder, named }) =>
    readFolder(folder, named, reader, faults),
  );
  const profiles = new Map<string, ProfileSource>();
  for (const { id, node } of inherited(written, leftOut(main), reader.isComplete, faults)) {
    if (node === undefined) continue;
    const source = {
      node,
      protocol: textAt(node, 'protocol'),
      profile: readProfile(node, vocabulary, faults),
    };
    if (id !== undefined && !profiles.has(id)) profiles.set(id, source);
  }
  return profiles;
}

/** What to add when a profile is missing: someone who names a folder of theirs may mean it beside ours. */
export function leftOut(main: Node): string {
  const paths = childOf(main, 'profilePaths');
  return paths === undefined || textsOf(paths).some(({ text }) => text === BUILTIN)
    ? ''
    : `; those that come with the gateway are left out, since 'profilePaths' has no ${BUILTIN}`;
}

const BUILTIN = 'builtin';

function profileFolders(main: Node): { folder: string; named?: Node }[] {
  const paths = childOf(main, 'profilePaths');
  if (paths === undefined) return [{ folder: builtinProfiles() }];
  return textsOf(paths).map(({ node, text }) => ({
    folder: text === BUILTIN ? builtinProfiles() : besides(main.place.file, text),
    named: node,
  }));
}

/** The profiles of a folder; one whose id says nothing has none. */
function readFolder(
  folder: string,
  named: Node | undefined,
  reader: Reader,
  faults: Faults,
): WrittenProfile[] {
  const paths = filesBelow(reader.files, folder, /\.ya?ml$/);
  if ('reason' in paths) {
    reader.refuse(folder, named, paths.reason);
    return [];
  }
  const first = new Map<string, Node>();
  return paths.value.flatMap((path): WrittenProfile[] => {
    const file = reader.read(path);
    if (file === undefined) return [];
    check(profileFile, file, faults);
    const node = childOf(file, 'profile');
    if (node === undefined) return [];
    const id = childOf(node, 'id');
    if (id?.kind !== 'scalar' || textAt(node, 'id') === undefined) return [{ id: undefined, node }];
    const other = first.get(id.text);
    if (id.text !== id.shown) faults.add(id.place, 'the id of a profile cannot come from the environment');
    else if (other === undefined) {
      first.set(id.text, node);
      return [{ id: id.text, node }];
    } else faults.add(id.place, `another profile has this id; it is in ${other.place.file}`);
    return [{ id: undefined, node }];
  });
}
