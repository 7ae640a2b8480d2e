import { GatewayError } from '../base/index.ts';
import { type ObjectDefinition, omaRegistry } from '../model/index.ts';

/** An object that the gateway itself is made of. @throws GatewayError `wire.no-definition` */
export function definitionOf(object: number, version?: string): ObjectDefinition {
  const definition = omaRegistry().find(object, version);
  if (definition === undefined)
    throw new GatewayError('wire.no-definition', `no definition of object ${object}`);
  return definition;
}
