import type { Adapter, AdapterModule, AttachedDevice } from './adapter/index.ts';
import { type Clock, createTimers, GatewayError, type Logger, type Timers } from './base/index.ts';
import { openCoapUplink } from './binding/index.ts';
import { createSession, type Mounts, type Session, type SessionStatus } from './client/index.ts';
import type { ConnectionConfig, DeviceConfig, GatewayConfig, Origin, ServerConfig } from './config/index.ts';
import {
  assignIdentities,
  type CompiledDevice,
  compileDevice,
  type Device,
  type Identity,
  type Nameable,
  readIdentities,
  startDevice,
  writeIdentities,
} from './gateway/index.ts';
import {
  formatLinks,
  type Link,
  type ObjectDefinition,
  type OwnObject,
  omaRegistry,
  readOwnObjects,
} from './model/index.ts';
import {
  GATEWAY_OBJECT,
  GATEWAY_VERSION,
  gatewayDeviceInstance,
  gatewayInstance,
  IOT_DEVICE_OBJECTS,
  serverInstance,
} from './objects/index.ts';
import { openStateFile } from './store/index.ts';
import { createTree, type Tree } from './tree/index.ts';
import { VERSION } from './version.ts';

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

/**
 * Makes the configuration ready to run and finds what is wrong with its sense: objects, units, mandatory resources,
 * limits of the field protocol. Pure: opens nothing.
 */
export function planGateway(config: GatewayConfig, adapters: Adapters): Plan {
  const connections = new Map(config.connections.map((connection) => [connection.id, connection]));
  const own = readOwnObjects(config.objectFiles);
  const faults: SenseFault[] = own.faults.map((message) => ({ message }));
  const devices = config.devices.flatMap((device): PlannedDevice[] => {
    const connection = connections.get(device.connection);
    const adapter = connection === undefined ? undefined : adapters.get(connection.protocol);
    if (connection === undefined || adapter === undefined) return [];
    const { profile } = device;
    const original = config.profiles.find(({ id }) => id === profile.id) ?? profile;
    const compiled = compileDevice(device, original, own.registry);
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
  return { config, devices, nameable, ownObjects: own.objects, faults };
}

export interface GatewayPorts {
  readonly clock: Clock;
  readonly log: Logger;
  random(): number;
  /** The server executed Reboot (3/0/4): the process should end and be started again. */
  readonly restart: () => void;
}

/** What the running gateway shows of itself. */
export interface GatewayStatus {
  readonly version: string;
  readonly startedAt: string;
  readonly servers: readonly SessionStatus[];
  readonly devices: readonly {
    readonly id: string;
    readonly location: string | undefined;
    readonly deviceId: string;
    readonly prefix: string;
    readonly state: string;
    readonly skippedCycles: number;
  }[];
  readonly connections: readonly {
    readonly id: string;
    readonly statistics: Readonly<Record<string, number>>;
  }[];
}

/** A gateway that runs. */
export interface Gateway {
  /** Reads the field and registers with the servers. */
  start(): void;
  /** De-registers, then releases everything; settles within a few seconds whatever the world does. */
  stop(): Promise<void>;
  status(): GatewayStatus;
  /** Hears registrations come and go. */
  onSession(listener: (status: SessionStatus) => void): void;
}

/** How long a server may take to answer De-register before the process ends anyway. */
const FAREWELL_MS = 2000;

/** The answer to Reboot goes out before the process ends. */
const RESTART_DELAY_MS = 200;

/** Registration attempts: soon at first, and not in step with other boxes. */
const RETRY = { firstMs: 5000, factor: 2, mostMs: 10 * 60_000, jitter: 0.3 };

/** MAX_TRANSMIT_WAIT of the way to a server, from its parameters (RFC 7252 4.8.2). */
function transmitWait({ transmission = {} }: ServerConfig): number {
  const { ackTimeoutMs = 2000, ackRandomFactor = 1.5, maxRetransmit = 4 } = transmission;
  return ackTimeoutMs * (2 ** (maxRetransmit + 1) - 1) * ackRandomFactor;
}

/** Pace of polls and of notification periods. */
const TIMER_RESOLUTION_MS = 5;

function definitionOf(object: number, version?: string): ObjectDefinition {
  const definition = omaRegistry().find(object, version);
  if (definition === undefined)
    throw new GatewayError('wire.no-definition', `no definition of object ${object}`);
  return definition;
}

/** Object 25, resource 3: objects and instances of a device, with every version that is not 1.0, without prefix. */
function deviceLinks(tree: Tree): string {
  const links = tree.objects().flatMap(({ definition, instances }): Link[] => {
    const target = `/${definition.id}`;
    const versioned = definition.version === '1.0' ? [] : [{ target, params: { ver: definition.version } }];
    return [...versioned, ...instances.map((instance) => ({ target: `${target}/${instance}`, params: {} }))];
  });
  return formatLinks(links);
}

/**
 * Builds a gateway from its plan. The only place that knows all rooms.
 * @throws GatewayError `store.*` when identities cannot be kept, `gateway.prefix-taken`, `gateway.bad-identities`
 */
export async function createGateway(plan: Plan, ports: GatewayPorts): Promise<Gateway> {
  const { config } = plan;
  const { clock, log } = ports;
  const timers: Timers = createTimers(clock, TIMER_RESOLUTION_MS);
  const startedAt = new Date(clock.now()).toISOString();

  const identities = await keepIdentities(plan);
  const adapters = openAdapters(plan, ports);
  const own = createTree({ clock });
  const listeners: ((status: SessionStatus) => void)[] = [];
  const sessions: Session[] = [];
  let devices: { readonly device: Device; readonly identity: Identity }[] = [];

  const openSession = (
    endpoint: string,
    server: ServerConfig,
    serverIndex: number,
    mounts: Mounts,
  ): Session => {
    const session = createSession(
      {
        endpoint,
        shortServerId: server.shortServerId,
        serverInstance: serverIndex,
        release: server.release,
        retry: RETRY,
        transmitWaitMs: transmitWait(server),
      },
      mounts,
      {
        clock,
        timers,
        log,
        random: ports.random,
        openUplink: (service, ownLog, attempt) =>
          openCoapUplink(
            {
              host: server.host,
              port: server.port,
              attempt,
              ...(server.localPort === undefined ? {} : { localPort: server.localPort }),
              ...(server.transmission === undefined ? {} : { transmission: server.transmission }),
            },
            service,
            { clock, timers, log: ownLog, random: ports.random },
          ),
      },
    );
    session.onStatus((status) => {
      log.info({ ...status }, 'registration');
      for (const listener of listeners) listener(status);
    });
    sessions.push(session);
    return session;
  };

  /** Object 1 for these servers, as a tree of its own; Registration Update Trigger reaches its session. */
  const addServers = (tree: Tree, servers: readonly ServerConfig[], opened: Map<number, Session>): void => {
    for (const [index, server] of servers.entries()) {
      const settings = {
        shortServerId: server.shortServerId,
        lifetimeS: server.lifetimeS,
        notificationMode: server.notificationMode,
        ...(server.minPeriodS === undefined ? {} : { pminS: server.minPeriodS }),
        ...(server.maxPeriodS === undefined ? {} : { pmaxS: server.maxPeriodS }),
      };
      const actions = { updateRegistration: (id: number) => opened.get(id)?.trigger() };
      tree.addInstance(serverInstance(definitionOf(1), index, settings, actions));
    }
  };

  /** One client that shows every device behind its prefix. */
  const openGatewayClient = (servers: readonly ServerConfig[]): void => {
    const byPrefix = new Map(devices.map(({ device, identity }) => [identity.prefix, [device.tree]]));
    const mounts: Mounts = { trees: (prefix) => (prefix === '' ? [own] : (byPrefix.get(prefix) ?? [])) };
    const opened = new Map<number, Session>();
    addServers(own, servers, opened);
    for (const [index, server] of servers.entries()) {
      opened.set(server.shortServerId, openSession(config.upstream.endpoint, server, index, mounts));
    }
  };

  /** One client per device, for servers that know nothing of Object 25. */
  const openEndpointClients = (servers: readonly ServerConfig[]): void => {
    for (const { device, identity } of devices) {
      const accounts = createTree({ clock });
      const mounts: Mounts = { trees: (prefix) => (prefix === '' ? [accounts, device.tree] : []) };
      const opened = new Map<number, Session>();
      addServers(accounts, servers, opened);
      for (const [index, server] of servers.entries()) {
        opened.set(server.shortServerId, openSession(identity.deviceId, server, index, mounts));
      }
    }
  };

  const announceDevices = (): void => {
    own.addInstance(
      gatewayDeviceInstance(
        definitionOf(3),
        {
          manufacturer: 'lwm2m-gateway',
          model: 'lwm2m-gateway',
          serialNumber: config.upstream.endpoint,
          firmwareVersion: VERSION,
        },
        { clock, restart: () => timers.after(RESTART_DELAY_MS, ports.restart) },
      ),
    );
    own.addObject(definitionOf(GATEWAY_OBJECT, GATEWAY_VERSION));
    for (const { device, identity } of devices) {
      const end = { ...identity, objects: () => deviceLinks(device.tree) };
      own.addInstance(gatewayInstance(definitionOf(GATEWAY_OBJECT, GATEWAY_VERSION), identity.instance, end));
      device.tree.onStructure(() => own.touch([GATEWAY_OBJECT, identity.instance, IOT_DEVICE_OBJECTS]));
    }
  };

  return {
    start() {
      for (const adapter of adapters.values()) adapter.start();
      devices = plan.devices.map((planned, index) => {
        const identity = identities[index];
        const adapter = adapters.get(planned.connection.id);
        if (identity === undefined || adapter === undefined)
          throw new RangeError(`no connection for ${planned.config.id}`);
        return {
          identity,
          device: bringUp(planned, adapter.attach(planned.compiled.plan), { clock, timers, log }),
        };
      });
      announceDevices();
      openGatewayClient(config.upstream.servers.filter(({ representation }) => representation === 'gateway'));
      openEndpointClients(
        config.upstream.servers.filter(({ representation }) => representation === 'endpoints'),
      );
      for (const session of sessions) session.start();
    },
    async stop() {
      await Promise.all(sessions.map((session) => session.stop(FAREWELL_MS)));
      for (const { device } of devices) device.stop();
      await Promise.all([...adapters.values()].map((adapter) => adapter.close()));
      timers.stop();
    },
    status: () => ({
      version: VERSION,
      startedAt,
      servers: sessions.map((session) => session.status),
      devices: devices.map(({ device, identity }, index) => ({
        id: device.id,
        location: config.devices[index]?.location,
        deviceId: identity.deviceId,
        prefix: identity.prefix,
        state: device.health.state,
        skippedCycles: device.skippedCycles,
      })),
      connections: [...adapters].map(([id, adapter]) => ({ id, statistics: adapter.statistics() })),
    }),
    onSession(listener) {
      listeners.push(listener);
    },
  };
}

/** Gives every device its identity, and remembers it before anybody hears of it. */
async function keepIdentities(plan: Plan): Promise<readonly Identity[]> {
  const state = openStateFile(`${plan.config.stateDirectory}/identities.json`);
  const remembered = readIdentities(state.load());
  const { identities, remember } = assignIdentities(plan.nameable, remembered);
  if (remember.length > remembered.length) await state.save(writeIdentities(remember));
  return identities;
}

function openAdapters({ devices, config }: Plan, { clock, log, random }: GatewayPorts): Map<string, Adapter> {
  const modules = new Map(devices.map(({ connection, adapter }) => [connection.id, adapter]));
  const opened = new Map<string, Adapter>();
  for (const connection of config.connections) {
    const adapter = modules.get(connection.id);
    // A connection without devices is not opened: there is nothing to ask there.
    if (adapter === undefined) continue;
    opened.set(connection.id, adapter.open(connection, { clock, log, random }));
  }
  return opened;
}

function bringUp(
  { config, compiled }: PlannedDevice,
  attached: AttachedDevice,
  ports: { readonly clock: Clock; readonly timers: Timers; readonly log: Logger },
): Device {
  const { manufacturer, model } = config.profile;
  return startDevice(
    compiled,
    attached,
    {
      id: config.id,
      ...(manufacturer === undefined ? {} : { manufacturer }),
      ...(model === undefined ? {} : { model }),
    },
    config.quarantine,
    ports,
  );
}
