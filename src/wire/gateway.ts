import { isDeepStrictEqual } from 'node:util';
import {
  type Clock,
  createTimers,
  GatewayError,
  type Logger,
  overheard,
  type Timers,
} from '../base/index.ts';
import type { BootstrapStatus, SendResult, Session, SessionStatus } from '../client/index.ts';
import { parsePath } from '../model/index.ts';
import type { FirmwareUpdate } from '../objects/index.ts';
import { VERSION } from '../version.ts';
import { createClients } from './clients.ts';
import { addDeviceFirmware, addOwnFirmware } from './firmware.ts';
import { createFleet, type Member } from './fleet.ts';
import type { MemoryStatistics } from './memory.ts';
import { createOwnObjects } from './own.ts';
import type { Plan } from './plan.ts';

export interface GatewayPorts {
  readonly clock: Clock;
  readonly log: Logger;
  random(): number;
  /** The server executed Reboot (3/0/4): the process should end and be started again. */
  readonly restart: () => void;
  /** Hears the secrets of DTLS and TLS, a line of an SSLKEYLOGFILE each time. For debugging only. */
  readonly keyLog?: (line: string) => void;
}

/** What the running gateway shows of itself. */
export interface GatewayStatus {
  readonly version: string;
  readonly startedAt: string;
  readonly servers: readonly SessionStatus[];
  /** State files that were damaged when they were read, and were set aside. */
  readonly damagedFiles: number;
  /** Absent: there is no Bootstrap-Server. */
  readonly bootstrap: BootstrapStatus | undefined;
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
  /** What was kept of devices over the last restart. */
  readonly memory: MemoryStatistics;
}

/** What a new configuration did to a running gateway. */
export interface Reloaded {
  /** Ids of devices, as the configuration names them. A device that changed stands in both. */
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  /** Settings that changed and are only followed after a restart. */
  readonly needRestart: readonly string[];
}

/** What came of a Send to one server. */
export interface Sent {
  readonly server: number;
  readonly endpoint: string;
  readonly result: SendResult;
}

/** A gateway that runs. */
export interface Gateway {
  /**
   * Reads the field and registers with the servers.
   * @throws GatewayError `store.*` when identities cannot be kept, `gateway.prefix-taken`, `gateway.bad-identities`
   */
  start(): Promise<void>;
  /**
   * Follows another configuration; only what changed restarts. Calls are done in order.
   * @throws as `start`; nothing has changed then
   */
  reload(plan: Plan): Promise<Reloaded>;
  /**
   * Sends an Update to a server, or to all, as Registration Update Trigger does (1/x/8); one that is not registered is
   * tried at once.
   * @returns the Short Server IDs of those told
   * @throws GatewayError `wire.unknown-server`
   */
  update(server?: number): readonly number[];
  /**
   * Tells servers what these paths hold, unasked (Send).
   * @param paths with prefix where they are of a device
   * @throws GatewayError `wire.unknown-server`, `model.bad-path`
   */
  send(paths: readonly string[], server?: number): Promise<readonly Sent[]>;
  /**
   * Leaves servers alone until told otherwise, or goes on with them.
   * @returns the Short Server IDs of those concerned
   * @throws GatewayError `wire.unknown-server`
   */
  setOffline(isOffline: boolean, server?: number): readonly number[];
  /** De-registers, then releases everything; settles within a few seconds whatever the world does. */
  stop(): Promise<void>;
  status(): GatewayStatus;
  /** Hears registrations come and go. */
  onSession(listener: (status: SessionStatus) => void): void;
}

/** Pace of polls and of notification periods. */
const TIMER_RESOLUTION_MS = 5;

/** Settings that name the gateway or its place: with another value it would be another gateway. */
function restartNeeds(before: Plan, after: Plan): string[] {
  const fixed = ({ config }: Plan): Readonly<Record<string, unknown>> => ({
    'upstream.endpoint': config.upstream.endpoint,
    'upstream.storedObjects': config.upstream.storedObjects,
    stateDirectory: config.stateDirectory,
    log: config.log,
    box: config.box,
  });
  const [old, now] = [fixed(before), fixed(after)];
  return Object.keys(now).filter((name) => !isDeepStrictEqual(old[name], now[name]));
}

/** What may change is taken from the new plan, what may not from the old one. */
function followable(before: Plan, after: Plan): Plan {
  const { stateDirectory, log, box, upstream } = before.config;
  const { endpoint, storedObjects } = upstream;
  return {
    ...after,
    config: {
      ...after.config,
      stateDirectory,
      log,
      box,
      upstream: { ...after.config.upstream, endpoint, storedObjects },
    },
  };
}

const idsOf = (sessions: readonly Session[]): number[] => [
  ...new Set(sessions.map(({ status }) => status.server)),
];

/** Builds a gateway from its plan. */
export function createGateway(plan: Plan, ports: GatewayPorts): Gateway {
  const { clock, random, restart } = ports;
  const timers: Timers = createTimers(clock, TIMER_RESOLUTION_MS);
  const startedAt = new Date(clock.now()).toISOString();
  const listeners: ((status: SessionStatus) => void)[] = [];
  const own = createOwnObjects(plan.config.upstream.endpoint, plan.config.box, plan.storedObjects, {
    clock,
    timers,
    restart,
    forget: () => clients.forget(),
  });
  const log = overheard(ports.log, (level, facts, message) =>
    own.record({ at: clock.now(), level, message, facts }),
  );
  let current = plan;
  let started: string[] = [];
  let stopped: string[] = [];
  /** Calls of start, reload and stop, one after the other. */
  let turn: Promise<unknown> = Promise.resolve();

  const firmware = new Map<Member | 'own', FirmwareUpdate>();
  const { box, stateDirectory } = plan.config;
  let damagedFiles = 0;
  const damaged = (): void => {
    damagedFiles++;
  };
  const firmwarePorts = { clock, timers, log, random, damaged };
  if (box.firmware !== undefined) {
    const folder = `${stateDirectory}/firmware/own`;
    firmware.set('own', addOwnFirmware(own.tree, box.firmware, folder, VERSION, firmwarePorts));
  }

  const fleet = createFleet(
    { stateDirectory, clock, timers, log, random, damaged },
    {
      came(member) {
        started.push(member.planned.config.id);
        const update = addDeviceFirmware(member, stateDirectory, firmwarePorts);
        if (update !== undefined) firmware.set(member, update);
        clients.came(member);
        own.came(member);
      },
      went(member) {
        stopped.push(member.planned.config.id);
        firmware.get(member)?.stop();
        firmware.delete(member);
        clients.went(member);
        own.went(member);
      },
    },
  );
  const clients = createClients(own.tree, {
    stateDirectory,
    stored: plan.storedObjects,
    traffic: own.traffic,
    damaged,
    clock,
    timers,
    log,
    random,
    keyLog: ports.keyLog,
    onStatus(status) {
      log.info({ ...status }, 'registration');
      for (const listener of listeners) listener(status);
    },
  });

  const follow = async (next: Plan): Promise<void> => {
    await fleet.follow(next);
    current = next;
    await clients.follow(next.config.upstream, fleet.members);
  };

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  };

  const sessionsOf = (server: number | undefined): readonly Session[] => {
    const found = clients.sessions.filter(({ status }) => server === undefined || status.server === server);
    if (found.length > 0 || server === undefined) return found;
    const known = idsOf(clients.sessions).join(', ');
    throw new GatewayError('wire.unknown-server', `no server ${server}; there are ${known}`);
  };

  return {
    start: () => inTurn(() => follow(plan)),
    reload: (next) =>
      inTurn(async () => {
        started = [];
        stopped = [];
        const needRestart = restartNeeds(current, next);
        await follow(followable(current, next));
        return { started, stopped, needRestart };
      }),
    update(server) {
      const told = sessionsOf(server);
      for (const session of told) session.trigger();
      return idsOf(told);
    },
    async send(texts, server) {
      const paths = texts.map(parsePath);
      return Promise.all(
        sessionsOf(server).map(async (session) => {
          const { server: told, endpoint } = session.status;
          return { server: told, endpoint, result: await session.send(paths) };
        }),
      );
    },
    setOffline(isOffline, server) {
      const told = sessionsOf(server);
      for (const session of told) session.setOffline(isOffline, 'ordered');
      return idsOf(told);
    },
    stop: () =>
      inTurn(async () => {
        await clients.stop();
        for (const update of firmware.values()) update.stop();
        await fleet.stop();
        timers.stop();
      }),
    status: () => ({
      version: VERSION,
      startedAt,
      servers: clients.sessions.map((session) => session.status),
      damagedFiles,
      bootstrap: clients.bootstrap,
      devices: fleet.members.map(({ planned: { config }, device, identity }) => ({
        id: device.id,
        location: config.location,
        deviceId: identity.deviceId,
        prefix: identity.prefix,
        state: device.health.state,
        skippedCycles: device.skippedCycles,
      })),
      connections: [...fleet.connections].map(([id, adapter]) => ({ id, statistics: adapter.statistics() })),
      memory: { ...fleet.memory },
    }),
    onSession(listener) {
      listeners.push(listener);
    },
  };
}
