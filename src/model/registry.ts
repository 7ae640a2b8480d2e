import type { ObjectDefinition, Operations, ResourceDefinition } from './definition.ts';
import { type ObjectFacts, type ResourceFacts, readOmaFacts } from './oma-facts.ts';
import type { DataType } from './value.ts';
import { compareVersions, majorOf } from './version.ts';

/** Object definitions by id and version. */
export interface Registry {
  /**
   * The definition of an object: that version, else the highest lower minor of the same major, never another major
   * (OMA Core 1.2 7.2.2). Without a version: the highest there is.
   */
  find(object: number, version?: string): ObjectDefinition | undefined;
}

const TYPES: Readonly<Record<string, DataType>> = {
  S: 'string',
  I: 'integer',
  U: 'unsigned',
  F: 'float',
  B: 'boolean',
  O: 'opaque',
  T: 'time',
  L: 'objlnk',
  C: 'corelnk',
};

const OPERATIONS: Readonly<Record<string, Operations>> = { '': '', R: 'R', W: 'W', RW: 'RW', E: 'E' };

function resourceFrom(facts: ResourceFacts): ResourceDefinition {
  const [id, name, operations = '', type = '', multiple = 0, mandatory = 0, range = '', unit = ''] = facts;
  return {
    id,
    name,
    operations: OPERATIONS[operations] ?? '',
    type: TYPES[type] ?? 'none',
    multiple: multiple === 1,
    mandatory: mandatory === 1,
    range,
    unit,
  };
}

function objectFrom([id, name, version, multiple, mandatory, resources]: ObjectFacts): ObjectDefinition {
  return {
    id,
    name,
    version,
    multiple: multiple === 1,
    mandatory: mandatory === 1,
    resources: new Map(resources.map((facts) => [facts[0], resourceFrom(facts)])),
  };
}

/** A registry of definitions given as data. */
export function createRegistry(definitions: readonly ObjectDefinition[]): Registry {
  const versions = new Map<number, ObjectDefinition[]>();
  for (const definition of definitions) {
    versions.set(definition.id, [...(versions.get(definition.id) ?? []), definition]);
  }
  for (const list of versions.values()) list.sort((a, b) => compareVersions(b.version, a.version));
  return {
    find: (object, version) =>
      versions
        .get(object)
        ?.find(
          (definition) =>
            version === undefined ||
            (majorOf(definition.version) === majorOf(version) &&
              compareVersions(definition.version, version) <= 0),
        ),
  };
}

let oma: Registry | undefined;

/** All objects of the OMA registry; read when first asked for. */
export function omaRegistry(): Registry {
  oma ??= createRegistry(readOmaFacts().map(objectFrom));
  return oma;
}
