import type { ObjectDefinition } from '../model/index.ts';
import { ACCESS_CONTROL_OBJECT } from '../objects/index.ts';
import { readAccounts } from './accounts.ts';
import { type Configuration, instancesOf } from './configuration.ts';
import { namedIn, rightsFaults, serversIn } from './rights.ts';

/** Mandatory resources of an object that are nowhere in an instance. */
function missing(definition: ObjectDefinition, configuration: Configuration): string[] {
  const mandatory = [...definition.resources.values()].filter(
    (resource) => resource.mandatory && resource.operations !== 'E',
  );
  return [...instancesOf(configuration, definition.id)].flatMap(([instance, values]) =>
    mandatory
      .filter(({ id }) => !values.has(id))
      .map(({ id }) => `/${definition.id}/${instance}/${id} is missing`),
  );
}

/**
 * Everything that keeps a configuration from being followed, for people and without secrets (OMA Core 1.2.2 6.1.7.7).
 * @param before the one that it takes the place of; rights of its servers, and of those it names, may still be there
 */
export function faultsOf(
  configuration: Configuration,
  before: Configuration,
  definitions: ReadonlyMap<number, ObjectDefinition>,
): string[] {
  const faults = [...readAccounts(configuration).faults];
  for (const [object, definition] of definitions)
    if (object >= ACCESS_CONTROL_OBJECT) faults.push(...missing(definition, configuration));
  // Whom a server has named in what it owns is no fault of who bootstraps.
  const known = new Set([...serversIn(before), ...namedIn(before), ...serversIn(configuration)]);
  return [...faults, ...rightsFaults(configuration, known)];
}
