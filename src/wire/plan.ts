import type { AdapterModule } from '../adapter/index.ts';
import type {
  ConnectionConfig,
  DeviceConfig,
  GatewayConfig,
  Origin,
  ProfileConfig,
} from '../config/index.ts';
import { type CompiledDevice, compileDevice, type Nameable } from '../gateway/index.ts';
import { type ObjectDefinition, type OwnObject, type Registry, readOwnObjects } from '../model/index.ts';

/** A device of the configuration, made ready to run. */
export interface PlannedDevice {
  readonly config: DeviceConfig;
  readonly connection: ConnectionConfig;
  readonly adapter: AdapterModule;
  readonly compiled: CompiledDevice;
}

/** Something in the configuration that makes no sense, told by its place; a message without one names the place itself. */
export interface SenseFault {
  readonly place?: { readonly origin: Origin; readonly path: readonly (string | number)[] };
  readonly message: string;
}

/** Everything that can be known of a gateway before it is started. */
export interface Plan {
  readonly config: GatewayConfig;
  readonly devices: readonly PlannedDevice[];
  /** What the devices are called, in their order. */
  readonly nameable: readonly Nameable[];
  /** Objects in which servers may keep what they like. */
  readonly storedObjects: readonly ObjectDefinition[];
  /** Object definitions that the configuration brings. */
  readonly ownObjects: readonly OwnObject[];
  readonly faults: readonly SenseFault[];
}

type Adapters = ReadonlyMap<string, AdapterModule>;

/**
 * A device without a Device ID gets one that is unique as long as the gateway's own name is (RFC 9039 5: what follows
 * `_` tells parts of a thing apart).
 */
function nameableOf({ id, deviceId, prefix }: DeviceConfig, endpoint: string): Nameable {
  return { deviceId: deviceId ?? `${endpoint}_${id}`, ...(prefix === undefined ? {} : { prefix }) };
}

/** Objects that are about the gateway, its servers or its network, and mean more than what they hold. */
const BEHAVING: ReadonlySet<number> = new Set([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 20, 21, 23, 24, 25, 26,
]);

/** `ep=` and the name are one query option of at most 255 bytes (RFC 7252 5.10). */
const LONGEST_NAME = 252;

/** What keeps the names of devices from being endpoint names beside the gateway's own. */
function nameFaults({ upstream, devices }: GatewayConfig, nameable: readonly Nameable[]): SenseFault[] {
  return nameable.flatMap(({ deviceId }, index) => {
    const message =
      deviceId === upstream.endpoint
        ? 'this is the endpoint name of the gateway itself'
        : Buffer.byteLength(deviceId) > LONGEST_NAME
          ? `a Device ID has at most ${LONGEST_NAME} bytes; without one it is the endpoint and the id`
          : undefined;
    if (message === undefined) return [];
    const origin: Origin = { kind: 'device', id: devices[index]?.id ?? '' };
    return [{ place: { origin, path: ['deviceId'] }, message }];
  });
}

/** Compiles devices that are alike but for their names and settings once: of thousands most are. */
function createCompiler(
  registry: Registry,
): (device: DeviceConfig, original: ProfileConfig) => CompiledDevice {
  const byProfile = new Map<ProfileConfig, Map<string, CompiledDevice>>();
  return (device, original) => {
    const { id, settings, profile, pollMs, staleAfter, timeouts } = device;
    const alike = byProfile.get(profile) ?? new Map<string, CompiledDevice>();
    byProfile.set(profile, alike);
    const rest = JSON.stringify([pollMs, staleAfter, timeouts]);
    const compiled = alike.get(rest) ?? compileDevice(device, original, registry);
    alike.set(rest, compiled);
    return { ...compiled, plan: { ...compiled.plan, id, settings } };
  };
}

/**
 * Makes the configuration ready to run and finds what is wrong with its sense: objects, units, mandatory resources,
 * limits of the field protocol. Pure: opens nothing.
 */
export function planGateway(config: GatewayConfig, adapters: Adapters): Plan {
  const connections = new Map(config.connections.map((connection) => [connection.id, connection]));
  const own = readOwnObjects(config.objectFiles);
  const compile = createCompiler(own.registry);
  const faults: SenseFault[] = own.faults.map((message) => ({ message }));
  const devices = config.devices.flatMap((device): PlannedDevice[] => {
    const connection = connections.get(device.connection);
    const adapter = connection === undefined ? undefined : adapters.get(connection.protocol);
    if (connection === undefined || adapter === undefined) return [];
    const { profile } = device;
    const original = config.profiles.find(({ id }) => id === profile.id) ?? profile;
    const compiled = compile(device, original);
    const ofDevice: Origin = { kind: 'device', id: device.id };
    const ofProfile: Origin = { kind: 'profile', id: profile.id };
    for (const { origin, path, message } of compiled.faults) {
      faults.push({ place: { origin: origin === 'device' ? ofDevice : ofProfile, path }, message });
    }
    if (compiled.faults.length === 0) {
      for (const { path, message } of adapter.check(compiled.plan, connection)) {
        faults.push({ place: { origin: path[0] === 'settings' ? ofDevice : ofProfile, path }, message });
      }
    }
    return [{ config: device, connection, adapter, compiled }];
  });
  const nameable = devices.map(({ config: device }) => nameableOf(device, config.upstream.endpoint));
  faults.push(...nameFaults(config, nameable));
  const storedObjects = config.upstream.storedObjects.flatMap((id, index): ObjectDefinition[] => {
    const definition = BEHAVING.has(id) ? undefined : own.registry.find(id);
    if (definition !== undefined) return [definition];
    const message = BEHAVING.has(id) ? 'this object is more than a store' : 'nobody has defined this object';
    faults.push({ place: { origin: { kind: 'upstream' }, path: ['storedObjects', index] }, message });
    return [];
  });
  return { config, devices, nameable, storedObjects, ownObjects: own.objects, faults };
}
