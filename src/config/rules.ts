import { z } from 'zod';
import { check } from './check.ts';
import type { Settings } from './config.ts';
import type { JsonSchema } from './expected.ts';
import { createFaults, type Fault, type Location, locationOf } from './fault.ts';
import { type FileSystem, localFiles } from './files.ts';
import { descend } from './node.ts';
import { objectFromJson } from './protocol.ts';
import type { Environment } from './scalar.ts';
import { createReader } from './sources.ts';

export interface LoadedRules {
  /** There exactly when there are no faults. */
  readonly rules?: readonly Settings[];
  readonly faults: readonly Fault[];
  /** Where in the file `path` is written, beginning with the number of a rule; or as much of it as is there. */
  locate(path: readonly (string | number)[]): Location;
}

/**
 * Reads a YAML file that is one list, under `key`. Faults are told as those of a configuration.
 * @param rule the schema of one entry, an object that forbids unknown keys
 * @throws GatewayError `config.adapter-schema` when the schema is broken
 */
export function loadRules(
  file: string,
  key: string,
  rule: JsonSchema,
  { env, files = localFiles }: { readonly env: Environment; readonly files?: FileSystem },
): LoadedRules {
  const faults = createFaults();
  const root = createReader(env, files, faults, 0).read(file);
  const schema = z.strictObject({ [key]: z.array(objectFromJson(key, rule)) });
  const checked = root === undefined ? undefined : check(schema, root, faults);
  const found = faults.list();
  const rules = checked?.[key] as readonly Settings[] | undefined;
  return {
    ...(rules !== undefined && found.length === 0 && { rules }),
    faults: found,
    locate: (path) =>
      root === undefined
        ? { file, line: 1, column: 1, path: '' }
        : locationOf(descend(root, [key, ...path]).node.place),
  };
}
