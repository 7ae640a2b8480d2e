import { GatewayError } from '../base/index.ts';
import {
  type ObjectDefinition,
  objectUrn,
  parseId,
  pathFromSegments,
  type Registry,
  type ResourceDefinition,
  writeDdf,
} from '../model/index.ts';
import { findObject, registryFrom, versionsOf } from './definitions.ts';
import { EXIT, type Output, table } from './output.ts';

export interface ObjectsOptions {
  /** of one object; the highest unless given */
  readonly version?: string;
  readonly json: boolean;
  /** as XML of the registry */
  readonly ddf: boolean;
  /** folders and files with more definitions */
  readonly objects: readonly string[];
}

/** `objects`: what the registry knows: all objects, those with some words in their names, or one by its id. */
export async function objects(
  words: readonly string[],
  options: ObjectsOptions,
  out: Output,
): Promise<number> {
  const registry = await registryFrom(options.objects);
  const id = words.length === 1 ? objectIn(words[0] ?? '') : undefined;
  if (id !== undefined) {
    out.print(oneObject(registry, id, options));
    return EXIT.ok;
  }
  if (options.ddf || options.version !== undefined)
    throw new GatewayError('cli.unknown-object', 'name one object by its id, as in: objects 3424 --ddf');
  const found = search(registry, words);
  if (found.length === 0)
    throw new GatewayError(
      'cli.unknown-object',
      `no object has ${words.join(' ')} in its name; an id prints one object (objects 3303), no word lists all`,
    );
  out.print(options.json ? JSON.stringify(found, null, 2) : listText(found));
  return EXIT.ok;
}

/** The object that an id, or a path, names. */
function objectIn(word: string): number | undefined {
  return word.startsWith('/') ? pathFromSegments(word.slice(1).split('/'))?.ids[0] : parseId(word);
}

interface Listed {
  readonly id: number;
  readonly name: string;
  readonly versions: readonly string[];
}

function search(registry: Registry, words: readonly string[]): Listed[] {
  return registry.objects.flatMap((id) => {
    const name = registry.find(id)?.name ?? '';
    const isMeant = words.every((word) => name.toLowerCase().includes(word.toLowerCase()));
    return isMeant ? [{ id, name, versions: versionsOf(registry, id) }] : [];
  });
}

function listText(found: readonly Listed[]): string {
  return table(found.map(({ id, name, versions }) => [`${id}`, name, versions.join(', ')]));
}

function oneObject(registry: Registry, id: number, { version, json, ddf }: ObjectsOptions): string {
  const definition = findObject(registry, id, version);
  const versions = versionsOf(registry, id);
  if (ddf) return writeDdf(definition).trimEnd();
  return json ? objectJson(definition, versions) : objectText(definition, versions);
}

function objectJson(definition: ObjectDefinition, versions: readonly string[]): string {
  const { resources, ...object } = definition;
  const urn = objectUrn(definition);
  return JSON.stringify({ ...object, urn, versions, resources: [...resources.values()] }, null, 2);
}

const COLUMNS = ['id', 'name', 'operations', 'type', 'instances', 'presence', 'unit', 'range'];

function resourceRow(resource: ResourceDefinition): string[] {
  const { id, name, operations, type, multiple, mandatory, unit, range } = resource;
  return [
    `${id}`,
    name,
    operations || 'bootstrap',
    type === 'none' ? '' : type,
    multiple ? 'multiple' : 'single',
    mandatory ? 'mandatory' : 'optional',
    unit,
    range,
  ];
}

function objectText(definition: ObjectDefinition, versions: readonly string[]): string {
  const { id, name, version, multiple, mandatory, resources } = definition;
  const instances = `${multiple ? 'multiple instances' : 'a single instance'}, ${mandatory ? 'mandatory' : 'optional'}`;
  return [
    `${id} ${name} ${version}: ${instances}, ${objectUrn(definition)}`,
    `versions: ${versions.join(', ')}`,
    '',
    table([COLUMNS, ...[...resources.values()].map(resourceRow)]),
  ].join('\n');
}
