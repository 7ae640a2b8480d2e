import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError, messageOf } from '../base/index.ts';
import { type ObjectDefinition, type Registry, readOwnObjects } from '../model/index.ts';

/** A file of object definitions, unread. */
export interface DefinitionFile {
  readonly file: string;
  readonly text: string;
}

const MOST_FILES = 2000;
const MOST_BYTES = 512 * 1024;

/**
 * A file, or all XML files in a folder and the folders below it, in the order of their names.
 * @throws GatewayError `cli.unreadable`
 */
export async function definitionFiles(path: string): Promise<DefinitionFile[]> {
  const files: DefinitionFile[] = [];
  for (const file of await filesAt(path)) {
    files.push({ file, text: (await readBounded(file, MOST_BYTES)).toString() });
  }
  return files;
}

async function filesAt(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path, { recursive: true })).filter((name) => /\.xml$/i.test(name));
    if (names.length > MOST_FILES) throw new RangeError(`there are more than ${MOST_FILES} XML files`);
    return names.sort().map((name) => join(path, name));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** @throws GatewayError `cli.unreadable`, also for more than `most` bytes */
export async function readBounded(file: string, most: number): Promise<Buffer> {
  try {
    const facts = await stat(file);
    // Reading a pipe or a device may never end.
    if (!facts.isFile()) throw new RangeError('it is not a regular file');
    if (facts.size > most) throw new RangeError(`it has more than ${most} bytes`);
    return await readFile(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(path: string, cause: unknown): GatewayError {
  return new GatewayError('cli.unreadable', `cannot read ${path}: ${messageOf(cause)}`, { cause });
}

/**
 * The OMA registry, extended by the definitions at `paths`.
 * @throws GatewayError `cli.unreadable`, `model.bad-ddf`
 */
export async function registryFrom(paths: readonly string[]): Promise<Registry> {
  const files = await Promise.all(paths.map(definitionFiles));
  const { registry, faults } = readOwnObjects(files.flat());
  if (faults.length > 0) throw new GatewayError('model.bad-ddf', faults.join('\n'));
  return registry;
}

/** The versions of an object, the highest first. */
export function versionsOf(registry: Registry, id: number): string[] {
  return registry.versions(id).map(({ version }) => version);
}

/** Just that version of an object, or the highest. @throws GatewayError `cli.unknown-object` */
export function findObject(registry: Registry, id: number, version?: string): ObjectDefinition {
  const versions = registry.versions(id);
  const found = versions.find((definition) => version === undefined || definition.version === version);
  if (found !== undefined) return found;
  const message =
    versions.length === 0
      ? `there is no object ${id} in the registry`
      : `object ${id} has no version ${version}, only ${versionsOf(registry, id).join(', ')}`;
  throw new GatewayError('cli.unknown-object', message);
}
