import { z } from 'zod';
import { GatewayError } from '../base/index.ts';
import type { Settings } from './config.ts';
import * as deviceKeys from './device-schema.ts';
import { asSchema, type JsonSchema } from './expected.ts';
import { pointName } from './kinds.ts';
import * as profileKeys from './profile-schema.ts';

/**
 * Schemas of the keys that belong to a field protocol, as an adapter brings them: JSON Schemas (draft 2020-12) of
 * objects that forbid unknown keys.
 */
export interface AdapterKeys {
  /** by connection type, without the key `type` */
  readonly connections: Readonly<Record<string, JsonSchema>>;
  readonly profile: JsonSchema;
  readonly device: JsonSchema;
  /** Keys of a device that tell it apart from others of its profile on its connection. Absent: the required ones. */
  readonly address?: readonly string[];
  readonly point: JsonSchema;
  readonly write: JsonSchema;
}

export type CheckedPoint = z.output<typeof profileKeys.point> & {
  readonly write?: z.output<typeof profileKeys.write>;
};
export type CheckedProfile = z.output<typeof profileKeys.profile> & {
  readonly points: Readonly<Record<string, CheckedPoint>>;
};
export type CheckedDevice = z.output<typeof deviceKeys.device>;

/** What one protocol adds to the vocabulary: the keys of the core and its own in one, so that they are checked together. */
export interface Protocol {
  readonly name: string;
  readonly connections: ReadonlyMap<string, z.ZodObject>;
  /** the section of a profile that is named like the protocol */
  readonly section: z.ZodObject;
  readonly point: z.ZodObject;
  readonly profile: z.ZodType<CheckedProfile> & z.ZodObject;
  readonly device: z.ZodType<CheckedDevice> & z.ZodObject;
  /** The keys that tell a device apart from others of its profile on its connection. */
  readonly addressKeys: readonly string[];
  /** The protocol's own part of something that was checked. */
  settingsOf(part: 'profile' | 'device' | 'point' | 'write', value: object): Settings;
  connectionSettings(type: string, value: object): Settings;
}

/** The vocabulary with all protocols. */
export interface Vocabulary {
  readonly protocols: ReadonlyMap<string, Protocol>;
  /** the protocol of a connection type */
  readonly types: ReadonlyMap<string, Protocol>;
}

/** @throws GatewayError `config.adapter-schema` when an adapter brings schemas that cannot be joined */
export function createVocabulary(adapters: ReadonlyMap<string, AdapterKeys>): Vocabulary {
  const protocols = new Map<string, Protocol>();
  const types = new Map<string, Protocol>();
  for (const [name, keys] of adapters) {
    const protocol = createProtocol(name, keys);
    protocols.set(name, protocol);
    for (const type of protocol.connections.keys()) {
      if (types.has(type)) throw broken(name, `the connection type ${type} belongs to another adapter`);
      types.set(type, protocol);
    }
  }
  return { protocols, types };
}

function broken(protocol: string, what: string, cause?: unknown): GatewayError {
  return new GatewayError('config.adapter-schema', `schemas of the adapter ${protocol}: ${what}`, {
    cause,
    data: { protocol },
  });
}

function createProtocol(name: string, keys: AdapterKeys): Protocol {
  const write = joined(name, profileKeys.write, keys.write).meta(WRITE);
  const point = joined(name, profileKeys.point, keys.point).extend({ write: z.exactOptional(write) });
  const section = joined(name, z.strictObject({}), keys.profile).meta({
    description: `What the protocol ${name} has to know of the device.`,
  });
  const profile = profileKeys.profile.extend({
    protocol: z.literal(name).meta(PROTOCOL),
    [name]: section.prefault({}),
    points: z
      .record(
        pointName,
        point.superRefine((one, context) => profileKeys.pointRules(one as unknown as CheckedPoint, context)),
      )
      .meta(POINTS),
  });
  const connections = Object.entries(keys.connections).map(
    ([type, own]) => [type, joined(name, z.strictObject({ type: z.literal(type).meta(TYPE) }), own)] as const,
  );
  return {
    name,
    connections: new Map(connections),
    section,
    point,
    // The compiler cannot know the keys of the adapter; without them these are the types of the core.
    profile: profile as unknown as Protocol['profile'],
    device: joined(name, deviceKeys.device, keys.device) as unknown as Protocol['device'],
    addressKeys:
      keys.address ?? (Array.isArray(keys.device.required) ? keys.device.required.map(String) : []),
    settingsOf: (part, value) => ownPart(keys[part], value),
    connectionSettings: (type, value) => ownPart(keys.connections[type] ?? {}, value),
  };
}

const PROTOCOL = {
  description: 'The field protocol, and the name of the section with its settings.',
};
const TYPE = { description: 'The kind of medium and the protocol on it.' };
const WRITE = { description: 'What may be written, and how.' };
const POINTS = {
  title: 'a map from names to points',
  description: 'The values of the device by name: where they stand and what they mean.',
};

/** The keys of the core and those of the adapter in one object. */
function joined(protocol: string, base: z.ZodObject, own: JsonSchema): z.ZodObject {
  const object = objectFromJson(protocol, own);
  const twice = Object.keys(object.shape).filter((key) => key in base.shape);
  if (twice.length > 0) throw broken(protocol, `the keys ${twice.join(', ')} belong to the gateway`);
  return z.strictObject({ ...base.shape, ...object.shape });
}

/** @throws GatewayError `config.adapter-schema` */
export function objectFromJson(protocol: string, own: JsonSchema): z.ZodObject {
  let schema: z.ZodType;
  try {
    schema = z.fromJSONSchema(own as z.core.JSONSchema.JSONSchema);
  } catch (cause) {
    throw broken(protocol, 'not supported', cause);
  }
  if (schema instanceof z.ZodObject) return schema;
  throw broken(protocol, 'each must describe an object');
}

/** The values of the keys that `schema` names. */
function ownPart(schema: JsonSchema, value: object): Settings {
  const own = asSchema(schema.properties);
  return Object.fromEntries(Object.entries(value).filter(([key]) => Object.hasOwn(own, key)));
}
