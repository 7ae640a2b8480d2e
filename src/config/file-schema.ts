import { z } from 'zod';
import { box } from './box-schema.ts';
import { defaults } from './device-schema.ts';
import { connectionName, oneOf, text } from './kinds.ts';
import { upstream } from './upstream-schema.ts';

const schemaVersion = z
  .literal(1)
  .prefault(1)
  .meta({ description: 'The version of this vocabulary. There is only 1.' });

/** The main file; connections and devices are checked one by one. */
export const mainFile = z.strictObject({
  schema: schemaVersion,
  include: z.array(text('devices.d/*.yaml')).max(100).prefault([]).meta({
    title: 'a list of files',
    description:
      'More files with connections and devices, seen from this one; * and ? stand for any text and any character.',
  }),
  profilePaths: z.array(text('/etc/lwm2m-gateway/profiles')).max(100).prefault(['builtin']).meta({
    title: 'a list of folders',
    description:
      'Folders with profiles; the first that has an id wins. builtin is the one that comes with the gateway.',
  }),
  objects: z.array(text('objects')).max(100).prefault([]).meta({
    title: 'a list of folders and files',
    description:
      'Folders with object definitions, and single ones (name.xml), in the XML of the OMA registry, seen from this file. They add to the registry; of the same object and version they hold.',
  }),
  upstream,
  box: box.prefault({}),
  defaults,
  state: z
    .strictObject({
      path: text('/var/lib/lwm2m-gateway')
        .prefault('/var/lib/lwm2m-gateway')
        .meta({ description: 'The folder for what must outlast a restart.' }),
    })
    .prefault({})
    .meta({ description: 'What the gateway remembers.' }),
  log: z
    .strictObject({
      level: oneOf('debug', 'info', 'warn', 'error', 'silent')
        .prefault('info')
        .meta({ description: 'The least important lines that are written.' }),
    })
    .prefault({})
    .meta({ description: 'What the gateway writes to standard error.' }),
  connections: z.record(connectionName, z.unknown()).prefault({}).meta({
    title: 'a map from names to connections',
    description: 'Field media by name, each with one queue.',
  }),
  devices: z
    .array(z.unknown())
    .prefault([])
    .meta({ title: 'a list of devices', description: 'The devices in the field.' }),
});

/** A file that `include` names. */
export const includedFile = mainFile.pick({ schema: true, connections: true, devices: true });

/** A file with one profile; the profile is checked by its protocol. */
export const profileFile = z.strictObject({
  schema: schemaVersion,
  profile: z.unknown().meta({ title: 'a map with id, protocol, points and objects' }),
});
