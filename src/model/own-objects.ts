import { isGatewayError } from '../base/index.ts';
import { readDdf } from './ddf-read.ts';
import type { ObjectDefinition } from './definition.ts';
import { omaRegistry, type Registry, registryWith } from './registry.ts';

/** A definition that somebody brings, and what it is to the OMA registry. */
export interface OwnObject {
  readonly definition: ObjectDefinition;
  readonly file: string;
  readonly effect: 'new object' | 'new version' | 'replaces';
}

export interface OwnObjects {
  /** The OMA registry, extended by all that could be read. */
  readonly registry: Registry;
  readonly objects: readonly OwnObject[];
  /** `file:line:column: message` each */
  readonly faults: readonly string[];
}

/**
 * Extends the OMA registry by definitions in its XML. They win over its own of the same object and version; two files
 * must not define the same.
 */
export function readOwnObjects(
  files: readonly { readonly file: string; readonly text: string }[],
): OwnObjects {
  const objects = new Map<string, OwnObject>();
  const faults: string[] = [];
  for (const { file, text } of files) {
    for (const definition of definitionsIn(file, text, faults)) {
      const name = `${definition.id} ${definition.version}`;
      const first = objects.get(name);
      if (first === undefined) objects.set(name, { definition, file, effect: effectOf(definition) });
      else faults.push(`${file}:1:1: object ${name} is defined twice; the other is in ${first.file}`);
    }
  }
  const own = [...objects.values()];
  return { registry: registryWith(own.map(({ definition }) => definition)), objects: own, faults };
}

function definitionsIn(file: string, text: string, faults: string[]): readonly ObjectDefinition[] {
  try {
    return readDdf(text, file);
  } catch (error) {
    if (!isGatewayError(error, 'model.bad-ddf')) throw error;
    faults.push(...error.message.split('\n'));
    return [];
  }
}

function effectOf({ id, version }: ObjectDefinition): OwnObject['effect'] {
  const versions = omaRegistry().versions(id);
  if (versions.length === 0) return 'new object';
  return versions.some((known) => known.version === version) ? 'replaces' : 'new version';
}
