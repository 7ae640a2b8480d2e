import type { z } from 'zod';
import { check } from './check.ts';
import type { BoxConfig, GatewayConfig, ProfileConfig } from './config.ts';
import { joinConnections, readConnection } from './connection.ts';
import { readDevices, type Surroundings } from './device.ts';
import { defaults } from './device-schema.ts';
import { createFaults, type Fault, type Faults, type Location, type Note } from './fault.ts';
import { includedFile, mainFile } from './file-schema.ts';
import { type FileSystem, localFiles } from './files.ts';
import { locate, type Origin, type Sources } from './locate.ts';
import { childOf, itemsOf, type Node, textAt } from './node.ts';
import { type AdapterKeys, createVocabulary, type Vocabulary } from './protocol.ts';
import type { Environment } from './scalar.ts';
import {
  createReader,
  leftOut,
  type Reader,
  readIncluded,
  readObjectFiles,
  readProfiles,
} from './sources.ts';
import { toUpstream } from './upstream.ts';

/** What a configuration is read with. */
export interface LoadEnvironment {
  /** by protocol name */
  readonly adapters: ReadonlyMap<string, AdapterKeys>;
  /** for `${env:NAME}` */
  readonly env: Environment;
  /** Default: the files of this computer. */
  readonly files?: FileSystem;
  /** For the dates of certificates, in ms. Default: now. */
  readonly nowMs?: number;
}

export interface Loaded {
  /** There exactly when there are no faults. */
  readonly config?: GatewayConfig;
  readonly faults: readonly Fault[];
  /** What may stand there and may yet not work, in the order of the servers. */
  readonly notes: readonly Note[];
  /**
   * Where in the files `path` is written, or as much of it as is there. Steps are keys as in the file; `settings`,
   * `address` and `protocol` may stand before the keys of the protocol, as in the plans that adapters get.
   */
  locate(origin: Origin, path: readonly (string | number)[]): Location;
}

/**
 * Reads a configuration with all the files it refers to. Every fault of every file comes at once; nothing is thrown
 * for what stands in them.
 * @throws GatewayError `config.adapter-schema` when an adapter is broken
 */
export function loadConfig(
  file: string,
  { adapters, env, files = localFiles, nowMs = Date.now() }: LoadEnvironment,
): Loaded {
  const faults = createFaults();
  const vocabulary = createVocabulary(adapters);
  const reader = createReader(env, files, faults, nowMs);
  const main = reader.read(file);
  if (main === undefined)
    return { faults: faults.list(), notes: [], locate: () => ({ file, line: 1, column: 1, path: '' }) };
  const { sources, config, notes } = readAll(main, reader, vocabulary, faults);
  const found = faults.list();
  return {
    ...(config !== undefined && found.length === 0 && { config: deepFreeze(config) }),
    faults: found,
    notes,
    locate: (origin, path) => locate(sources, origin, path),
  };
}

interface Outcome {
  readonly sources: Sources;
  readonly config?: GatewayConfig;
  readonly notes: readonly Note[];
}

function readAll(main: Node, reader: Reader, vocabulary: Vocabulary, faults: Faults): Outcome {
  const checked = check(mainFile, main, faults);
  const included = readIncluded(main, reader);
  for (const file of included) check(includedFile, file, faults);
  const profiles = readProfiles(main, reader, vocabulary, faults);
  const connections = joinConnections([main, ...included], faults);
  const media = [...connections].map(([id, node]) => readConnection(id, node, vocabulary, faults));
  const around: Surroundings = {
    vocabulary,
    defaults: checked?.defaults ?? defaults.parse({}),
    profiles,
    profileHint: leftOut(main),
    connections: new Map([...connections].map(([id, node]) => [id, textAt(node, 'type')])),
    isComplete: reader.isComplete,
  };
  const nodes = [main, ...included].flatMap((file) => itemsOf(childOf(file, 'devices')));
  const devices = readDevices(nodes, around, faults);
  const sources = { main, connections, profiles, devices };
  const objectFiles = readObjectFiles(main, reader);
  const notes: Note[] = [];
  if (checked === undefined) return { sources, notes };
  const config: GatewayConfig = {
    upstream: toUpstream(checked.upstream, childOf(main, 'upstream') ?? main, reader, faults, notes),
    box: toBox(checked.box),
    connections: media.flatMap((connection) => connection ?? []),
    profiles: usedProfiles(sources),
    availableProfiles: [...profiles.values()].flatMap(({ profile }) => profile ?? []),
    devices: devices.map(({ device }) => device),
    objectFiles,
    stateDirectory: checked.state.path,
    log: checked.log,
  };
  return { sources, config, notes };
}

function toBox({ firmware, ...rest }: z.output<typeof mainFile>['box']): BoxConfig {
  if (firmware === undefined) return rest;
  const { timeout, ...of } = firmware;
  return { ...rest, firmware: { ...of, timeoutS: timeout } };
}

function usedProfiles({ devices, profiles }: Sources): ProfileConfig[] {
  const ids = new Set(devices.map(({ device }) => device.profile.id));
  return [...ids].flatMap((id) => profiles.get(id)?.profile ?? []);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
