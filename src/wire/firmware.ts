import type { FirmwareResult } from '../adapter/index.ts';
import { type Clock, messageOf, type Timers } from '../base/index.ts';
import type { CommandConfig, FirmwareConfig } from '../config/index.ts';
import {
  coapFetch,
  type Fetch,
  httpFetch,
  openStaging,
  PROTOCOLS,
  reachOf,
  runCommand,
  type StagingFault,
} from '../firmware/index.ts';
import {
  createFirmwareUpdate,
  type DownloadFailure,
  type FirmwareUpdate,
  type InstallFailure,
  readRememberedFirmware,
} from '../objects/index.ts';
import { openStateFile } from '../store/index.ts';
import type { Tree } from '../tree/index.ts';
import { definitionOf } from './definitions.ts';
import type { Member } from './fleet.ts';
import { type DamageReport, loadMended } from './mended.ts';

export interface FirmwareWirePorts extends DamageReport {
  readonly clock: Clock;
  readonly timers: Timers;
  random(): number;
}

/** Whose firmware it is, where its package lies, and who installs it. */
interface FirmwareSetup {
  readonly tree: Tree;
  readonly folder: string;
  /** installed now */
  readonly version: string;
  readonly mostBytes: number;
  readonly spareBytes: number;
  verify(file: string): Promise<DownloadFailure | undefined>;
  install(file: string): Promise<InstallFailure | undefined>;
}

const FIRMWARE_OBJECT = 5;

/** A disk that fails is as bad as one that is full: the server is to try another time. */
const FAILURES: Readonly<Record<StagingFault, DownloadFailure>> = {
  'no-space': 'no-space',
  failed: 'no-space',
};

const orFailure = (fault: StagingFault | undefined): DownloadFailure | undefined =>
  fault === undefined ? undefined : FAILURES[fault];

/** Adds Object 5 to a tree. */
function addFirmware(setup: FirmwareSetup, ports: FirmwareWirePorts): FirmwareUpdate {
  const { tree, folder, mostBytes, spareBytes } = setup;
  const { clock, timers, log } = ports;
  const staging = openStaging(`${folder}/package`, { mostBytes, spareBytes });
  const file = openStateFile(`${folder}/state.json`);
  const fetches: Readonly<Record<keyof typeof PROTOCOLS, Fetch>> = {
    coap: coapFetch({ mostBytes }, ports),
    http: httpFetch(),
    https: httpFetch(),
  };
  const update = createFirmwareUpdate(
    definitionOf(FIRMWARE_OBJECT),
    setup.version,
    loadMended(file, readRememberedFirmware, undefined, ports),
    {
      log,
      timers,
      clock,
      mostBytes,
      begin(size) {
        const writer = staging.begin(size);
        return {
          write: async (chunk) => orFailure(await writer.write(chunk)),
          finish: async () => orFailure(await writer.finish()),
          abort: () => writer.abort(),
        };
      },
      get hasPackage() {
        return staging.exists;
      },
      discard: () => staging.discard(),
      reach: (uri) => reachOf(uri, new Set(Object.keys(PROTOCOLS))),
      async fetch(uri, take, signal) {
        const scheme = new URL(uri).protocol.slice(0, -1) as keyof typeof PROTOCOLS;
        const fetched = await fetches[scheme](uri, take, signal);
        if (fetched.status !== 'lost') return undefined;
        log.warn({ problem: fetched.message }, 'the firmware could not be fetched');
        return fetched.why;
      },
      verify: () => setup.verify(staging.path),
      install: () => setup.install(staging.path),
      protocols: Object.values(PROTOCOLS),
      remember: (remembered) =>
        void file.save(remembered).catch((error: unknown) => {
          log.error({ problem: messageOf(error) }, 'the state of the firmware update could not be saved');
        }),
      changed: (resources) => tree.touch(...resources.map((resource) => [FIRMWARE_OBJECT, 0, resource])),
    },
  );
  tree.addInstance(update.setup);
  return update;
}

/** What the exit codes of the commands mean (see the configuration). */
const EXITS: ReadonlyMap<number, 'integrity' | 'package-type'> = new Map([
  [5, 'integrity'],
  [6, 'package-type'],
]);

/** Object 5 of the gateway: the commands of the configuration look at the package and install it. */
export function addOwnFirmware(
  tree: Tree,
  { install, verify, timeoutS, ...limits }: FirmwareConfig,
  folder: string,
  version: string,
  ports: FirmwareWirePorts,
): FirmwareUpdate {
  const run = async <Failure>(command: CommandConfig, file: string, otherwise: Failure) => {
    const { code, lastWords } = await runCommand(command, [file], timeoutS * 1000);
    if (code === 0) return undefined;
    ports.log.warn({ command: command[0], code, lastWords }, 'a firmware command failed');
    return EXITS.get(code ?? -1) ?? otherwise;
  };
  return addFirmware(
    {
      tree,
      folder,
      version,
      ...limits,
      verify: async (file) => (verify === undefined ? undefined : run(verify, file, 'integrity' as const)),
      install: (file) => run(install, file, 'failed' as const),
    },
    ports,
  );
}

/** What a device may be sent, and how long it may take. */
const DEVICE_LIMITS = { mostBytes: 64 * 1024 * 1024, spareBytes: 64 * 1024 * 1024 };
const DEVICE_MS = 60 * 60_000;

/** Object 5 of a device whose adapter can change its firmware; undefined for any other. */
export function addDeviceFirmware(
  { device, identity }: Member,
  stateDirectory: string,
  ports: FirmwareWirePorts,
): FirmwareUpdate | undefined {
  const { updateFirmware, tree } = device;
  if (updateFirmware === undefined) return undefined;
  const log = ports.log.child({ device: device.id });
  const install = async (file: string): Promise<InstallFailure | undefined> => {
    const result: FirmwareResult = await updateFirmware({ file }, { deadlineMs: DEVICE_MS });
    if (result.status === 'done') return undefined;
    log.warn({ problem: result.message }, 'the firmware was not installed');
    return result.cause;
  };
  return addFirmware(
    {
      tree,
      folder: `${stateDirectory}/firmware/${identity.prefix}`,
      // An update of a device that was cut by a restart has to be made again: nobody saw how it ended.
      version: '',
      ...DEVICE_LIMITS,
      verify: async () => undefined,
      install,
    },
    { ...ports, log },
  );
}
