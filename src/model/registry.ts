import type { ObjectDefinition } from './definition.ts';
import { definitionFrom } from './facts.ts';
import { readOmaFacts } from './oma-facts.ts';
import { compareVersions, majorOf } from './version.ts';

/** Object definitions by id and version. */
export interface Registry {
  /**
   * The definition of an object: that version, else the highest lower minor of the same major, never another major
   * (OMA Core 1.2 7.2.2). Without a version: the highest there is.
   */
  find(object: number, version?: string): ObjectDefinition | undefined;
  /** Every version of an object, the highest first; none when it is not known. */
  versions(object: number): readonly ObjectDefinition[];
  /** The ids of all objects, ascending. */
  readonly objects: readonly number[];
}

/** A registry of definitions given as data; of two with the same id and version the later one holds. */
export function createRegistry(definitions: readonly ObjectDefinition[]): Registry {
  const known = new Map<number, Map<string, ObjectDefinition>>();
  for (const definition of definitions) {
    const versions = known.get(definition.id) ?? new Map<string, ObjectDefinition>();
    known.set(definition.id, versions.set(definition.version, definition));
  }
  const sorted = new Map(
    [...known].map(([id, versions]) => [
      id,
      [...versions.values()].sort((a, b) => compareVersions(b.version, a.version)),
    ]),
  );
  const serves = (definition: ObjectDefinition, version: string): boolean =>
    majorOf(definition.version) === majorOf(version) && compareVersions(definition.version, version) <= 0;
  return {
    objects: [...sorted.keys()].sort((a, b) => a - b),
    versions: (object) => sorted.get(object) ?? [],
    find: (object, version) =>
      sorted.get(object)?.find((definition) => version === undefined || serves(definition, version)),
  };
}

let facts: readonly ObjectDefinition[] | undefined;
let oma: Registry | undefined;

function omaDefinitions(): readonly ObjectDefinition[] {
  facts ??= readOmaFacts().map(definitionFrom);
  return facts;
}

/** All objects of the OMA registry; read when first asked for. */
export function omaRegistry(): Registry {
  oma ??= createRegistry(omaDefinitions());
  return oma;
}

/** The OMA registry, extended by definitions that win over its own of the same id and version. */
export function registryWith(definitions: readonly ObjectDefinition[]): Registry {
  return definitions.length === 0 ? omaRegistry() : createRegistry([...omaDefinitions(), ...definitions]);
}
