import type { AdapterHost, AdapterModule } from '../adapter/index.ts';
import { GatewayError, silentLogger, systemClock, systemRandom } from '../base/index.ts';
import { formatFault, loadConfig, localFiles } from '../config/index.ts';
import { loadAdapters } from '../gateway/index.ts';
import { type PlannedDevice, planGateway } from '../wire/index.ts';
import { formatSenseFault, loadPlan } from './load.ts';

/** What every command has that speaks with the field itself, without a running gateway. */
export interface FieldOptions {
  /** A configuration; `device` then is the id of one of its devices. */
  readonly config?: string;
  /** Keys of a connection, as a configuration has them: `type: modbus-tcp, host: 192.0.2.15`. */
  readonly connection?: string;
  /** Keys of a device: `unit: 1`. */
  readonly device: string;
  /** The id of a profile. */
  readonly profile?: string;
  /** Folders with more profiles. */
  readonly profiles: readonly string[];
  /** npm packages with more field protocols. */
  readonly adapter: readonly string[];
}

/** What adapters get from a command: nothing is logged, and the bytes may be shown. */
export function fieldHost(trace?: AdapterHost['trace']): AdapterHost {
  const host = { clock: systemClock, log: silentLogger, random: systemRandom };
  return trace === undefined ? host : { ...host, trace };
}

/** The names of files that exist only here; faults name them. */
const COMMAND_LINE = 'command line';
const OWN_PROFILES = 'command line profiles';
const OWN_POINTS = 'own/points';

const withoutBraces = (keys: string): string => keys.trim().replace(/^\{([\s\S]*)\}$/, '$1');

/** The adapter that has the connection type which `keys` name; when there is none, one that lets the fault be about that. */
function adapterOf(keys: string, adapters: ReadonlyMap<string, AdapterModule>): AdapterModule | undefined {
  const type = /(?:^|[\s,{])type:\s*["']?([\w-]+)/.exec(keys)?.[1] ?? '';
  const all = [...adapters.values()];
  return (
    all.find(({ schemas }) => Object.hasOwn(schemas.connections, type)) ??
    all.find(({ tools }) => tools !== undefined)
  );
}

/** A profile with points that were given by their keys. */
function pointsProfile(points: Readonly<Record<string, string>>, adapter: AdapterModule | undefined): string {
  const { name = 'modbus', tools } = adapter ?? {};
  const written = Object.entries(points).map(([id, keys]) => `${id}: { ${withoutBraces(keys)} }`);
  return `profile:
  id: ${OWN_POINTS}
  protocol: ${name}
  ${name}: ${JSON.stringify(tools?.plainProfile ?? {})}
  points: { ${written.join(', ')} }
`;
}

function configText({ connection = '', device, profile, profiles }: FieldOptions): string {
  const folders = [OWN_PROFILES, ...profiles, 'builtin'].map((folder) => JSON.stringify(folder));
  return `upstream: { endpoint: box, servers: [{ uri: "coap://127.0.0.1" }] }
profilePaths: [${folders.join(', ')}]
connections: { field: { ${withoutBraces(connection)} } }
devices: [{ id: device, connection: field, profile: ${profile ?? OWN_POINTS}, ${withoutBraces(device)} }]
`;
}

/**
 * The device that the options speak of, checked as a configuration is.
 * @param points keys of points by name, for a device without a profile
 * @throws GatewayError `cli.bad-field` with every fault on its line
 */
export async function planField(
  options: FieldOptions,
  points: Readonly<Record<string, string>> = {},
): Promise<PlannedDevice> {
  if (options.config !== undefined) return configuredDevice(options.config, options);
  if (options.connection === undefined)
    throw new GatewayError('cli.bad-field', 'give --connection, or --config with --device');
  const adapters = await loadAdapters(options.adapter);
  const ownFiles = options.profile === undefined ? [{ name: 'points.yaml', isFolder: false }] : [];
  const texts = new Map([
    [COMMAND_LINE, configText(options)],
    [`${OWN_PROFILES}/points.yaml`, pointsProfile(points, adapterOf(options.connection, adapters))],
  ]);
  const { config, faults, locate } = loadConfig(COMMAND_LINE, {
    adapters: new Map([...adapters].map(([name, { schemas }]) => [name, schemas])),
    env: process.env,
    files: {
      read: (path) => {
        const text = texts.get(path);
        return text === undefined ? localFiles.read(path) : new TextEncoder().encode(text);
      },
      list: (path) => (path === OWN_PROFILES ? ownFiles : localFiles.list(path)),
    },
  });
  const plan = config === undefined ? undefined : planGateway(config, adapters);
  const lines = plan?.faults.map((fault) => formatSenseFault(fault, locate)) ?? faults.map(formatFault);
  const [device] = plan?.devices ?? [];
  if (device === undefined || lines.length > 0) throw new GatewayError('cli.bad-field', lines.join('\n'));
  return device;
}

async function configuredDevice(file: string, { device, adapter }: FieldOptions): Promise<PlannedDevice> {
  const { plan, faults } = await loadPlan(file, adapter);
  if (plan === undefined) throw new GatewayError('cli.bad-field', faults.join('\n'));
  const found = plan.devices.find(({ config }) => config.id === device);
  if (found !== undefined) return found;
  const ids = plan.devices.map(({ config }) => config.id);
  throw new GatewayError(
    'cli.bad-field',
    `${file} has no device ${JSON.stringify(device)}, but ${ids.join(', ')}`,
  );
}
