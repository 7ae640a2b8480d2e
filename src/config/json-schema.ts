import { z } from 'zod';
import { generate } from './device-schema.ts';
import type { JsonSchema } from './expected.ts';
import { mainFile, profileFile } from './file-schema.ts';
import { connectionName, pointName } from './kinds.ts';
import { type AdapterKeys, createVocabulary, type Protocol, type Vocabulary } from './protocol.ts';

/**
 * JSON Schemas of the main file and of a profile file, for editors: the same ones that faults speak from.
 * @throws GatewayError `config.adapter-schema`
 */
export function jsonSchema(adapters: ReadonlyMap<string, AdapterKeys>): {
  readonly gateway: JsonSchema;
  readonly profile: JsonSchema;
} {
  const vocabulary = createVocabulary(adapters);
  const protocols = [...vocabulary.protocols.values()];
  const gateway = mainFile.extend({
    connections: z
      .record(connectionName, eitherOf(connectionForms(vocabulary)))
      .prefault({})
      .meta(metaOf(mainFile.shape.connections)),
    devices: z
      .array(eitherOf(protocols.map(deviceForm)))
      .prefault([])
      .meta(metaOf(mainFile.shape.devices)),
  });
  const profile = profileFile.extend({
    profile: eitherOf(protocols.flatMap((protocol) => [protocol.profile, derivedForm(protocol)])).meta({
      description: 'What a kind of device is: its points, and the LwM2M objects that they become.',
    }),
  });
  return { gateway: toJson(gateway), profile: toJson(profile) };
}

/** What a schema is called and what it is for, when another one takes its place. */
function metaOf(schema: z.ZodType): { title?: string; description?: string } {
  const { title, description } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return { ...(title !== undefined && { title }), ...(description !== undefined && { description }) };
}

/** Draft 7 is what editors know best. */
function toJson(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' }) as JsonSchema;
}

function eitherOf(forms: readonly z.ZodType[]): z.ZodType {
  const [only] = forms;
  return forms.length === 1 && only !== undefined ? only : z.union(forms);
}

function connectionForms({ types }: Vocabulary): z.ZodType[] {
  return [...types].flatMap(([type, { connections }]) => connections.get(type) ?? []);
}

/** A device, with the keys that are gone when the others are checked: `generate` and `overrides`. */
function deviceForm({ name, device, section, point }: Protocol): z.ZodType {
  const { id, profile, connection, ...others } = device.shape;
  const templates = Object.entries({ id, ...others })
    .filter(([key]) => !PLAIN.includes(key))
    .map(
      ([key, schema]) => [key, z.exactOptional(z.union([z.string(), schema])).meta(metaOf(schema))] as const,
    );
  return z.strictObject({
    ...device.partial().shape,
    profile,
    connection,
    generate: z.exactOptional(z.strictObject({ ...generate.shape, ...Object.fromEntries(templates) })).meta({
      description:
        'Many devices that differ by a number: texts here may hold {n}, {n+10}, {n:02} (at least two digits).',
    }),
    overrides: z
      .exactOptional(
        z.strictObject({
          [name]: z.exactOptional(section.partial()).meta(metaOf(section)),
          points: z
            .exactOptional(z.record(z.string(), point.partial()))
            .meta({ description: 'Points of the profile by name, with the keys that differ.' }),
        }),
      )
      .meta({ description: 'What differs from the profile.' }),
  });
}

/** A profile that extends another: everything but the names may be inherited. */
function derivedForm({ name, profile, section, point }: Protocol): z.ZodType {
  const { id, extends: base, protocol, points, ...others } = profile.shape;
  return z.strictObject({
    id,
    extends: base.unwrap().meta(metaOf(base)),
    protocol: z.exactOptional(protocol).meta(metaOf(protocol)),
    ...others,
    [name]: z.exactOptional(section.partial()).meta(metaOf(section)),
    points: z.exactOptional(z.record(pointName, point.partial())).meta(metaOf(points)),
  });
}

/** Keys of a device that cannot be in `generate`: they are the same for all. */
const PLAIN = ['poll', 'staleAfter', 'timeouts', 'quarantine', 'generate', 'overrides'];
