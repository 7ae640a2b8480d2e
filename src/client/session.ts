import type { Backoff, Cancel, Clock, Logger, Timers } from '../base/index.ts';
import type { Entry, Path, Release } from '../model/index.ts';
import { SERVER_RESOURCES } from '../objects/index.ts';
import { createAccess } from './access.ts';
import { createAttributeStore } from './attribute-store.ts';
import type { BacklogLimits } from './backlog.ts';
import type { Answer, Mounts, Refusing, Service, Uplink } from './contract.ts';
import { objectLinks } from './discover.ts';
import { createMemoryJournal, type Journal } from './journal.ts';
import type { Context } from './locate.ts';
import { perform } from './operations.ts';
import { createRegistrar, type Registrant, type Silence } from './registrar.ts';
import type { RegistrationState } from './registration.ts';
import { BACKLOG_LIMITS, createReporting } from './reporting.ts';
import type { SendOptions, SendResult } from './sending.ts';
import { createService } from './service.ts';
import { createSettings } from './settings.ts';

/** One LwM2M server that a client registers with. */
export interface Account extends Registrant {
  readonly shortServerId: number;
  /** The instance of object 1 that describes the server, in the client's own trees. */
  readonly serverInstance: number;
  /** When to try again, as long as the Server object does not say it. */
  readonly retry: Backoff;
}

/** Keeps a small JSON document over restarts. */
export interface Keeper {
  /** Undefined when nothing was kept. */
  load(): unknown;
  /** @param current asked for the document when the time has come to write it */
  save(current: () => unknown): void;
}

export interface SessionPorts {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly timers: Timers;
  readonly log: Logger;
  random(): number;
  /**
   * Opens the way to the server; may reject, e.g. when its name does not resolve.
   * @param attempt how many times in a row the server was not reached before
   */
  openUplink(service: Service, log: Logger, attempt: number): Promise<Uplink>;
  /** Where notifications wait that the server could not be told; absent: in memory. */
  readonly journal?: Journal;
  readonly backlog?: BacklogLimits;
  /** Keeps the attributes that the server has written. */
  readonly attributes?: Keeper;
}

/** What a session shows of itself. */
export interface SessionStatus {
  readonly server: number;
  readonly endpoint: string;
  readonly phase: RegistrationState['phase'];
  /** By the rules of the Server object this server cannot be registered with; it is tried on all the same. */
  readonly hasFailed: boolean;
  readonly release: Release | undefined;
  readonly observations: number;
  /** Notifications that wait until the server can be told. */
  readonly stored: number;
  /** Stored notifications that had to make room for newer ones. */
  readonly lost: number;
  /** Why the last attempt failed, while it has not been made good. */
  readonly problem: string | undefined;
}

/** The life of one account: registered, kept registered, served. */
export interface Session {
  start(): void;
  /** De-registers and closes; settles within `deadlineMs` whatever the server does. */
  stop(deadlineMs: number): Promise<void>;
  /** Registration Update Trigger for this account. */
  trigger(): void;
  /** Leaves the server alone for its Disable Timeout (1/x/4, 1/x/5), from after the answer to what asks for it. */
  disable(): void;
  /** Says nothing to the server, and answers that it has to wait, until nobody wants it so any more. */
  setOffline(isOffline: boolean, why: Silence): void;
  /** Tells the server what these paths hold now, or these entries, without being asked. */
  send(what: readonly Path[] | readonly Entry[], options?: SendOptions): Promise<SendResult>;
  onStatus(listener: (status: SessionStatus) => void): void;
  readonly status: SessionStatus;
}

const NO_CONNECTION: Answer = { status: 'unreachable', message: 'no connection' };

/** What of the Server object rules notifications and Send. */
const REPORTING_SETTINGS = [
  SERVER_RESOURCES.defaultPmin,
  SERVER_RESOURCES.defaultPmax,
  SERVER_RESOURCES.storing,
  SERVER_RESOURCES.muteSend,
  SERVER_RESOURCES.notificationMode,
];

/** Puts together what an account is made of: its registration, what it serves, and what it tells. */
export function createSession(account: Account, mounts: Mounts, ports: SessionPorts): Session {
  const { timers, clock } = ports;
  const log = ports.log.child({ server: account.shortServerId, endpoint: account.endpoint });
  const attributes = createAttributeStore(
    () => ports.attributes?.save(attributes.export),
    ({ prefix, ids }, removed) =>
      mounts
        .trees(prefix)
        .find((tree) => tree.exists(ids))
        ?.watch(ids, { changed() {}, removed }),
  );
  attributes.import(ports.attributes?.load());
  const access = createAccess(mounts.trees(''), account.shortServerId);
  const settings = createSettings(mounts, account.serverInstance, account.retry);
  const watches: Cancel[] = [];
  const listeners: ((status: SessionStatus) => void)[] = [];

  const release = (): Release => registrar.release ?? account.release;
  const isServing = (): boolean => registrar.isRegistered && !registrar.isOffline;
  const doubted = (): void => registrar.send({ type: 'unreached' });

  const context = (): Context => ({
    mounts,
    attributes,
    access,
    caller: { server: account.shortServerId },
    release: release(),
  });

  const reporting = createReporting({
    timers,
    journal: ports.journal ?? createMemoryJournal(),
    limits: ports.backlog ?? BACKLOG_LIMITS,
    retry: account.retry,
    monotonic: () => clock.monotonic(),
    now: () => clock.now(),
    random: ports.random,
    context,
    setting: settings.value,
    send: async (entries, contentFormat) => registrar.uplink?.send(entries, contentFormat) ?? NO_CONNECTION,
    doubted,
  });
  const { observations, sending } = reporting;
  access.onChange(() => observations.revoke());

  const service = createService({
    reporting,
    context,
    isServing,
    release,
    doubted,
    isRegistered: () => registrar.isRegistered,
  });

  const registrar = createRegistrar(account, {
    clock,
    timers,
    log,
    random: ports.random,
    settings,
    reporting,
    openUplink: (attempt) => ports.openUplink(service, log, attempt),
    objects: (as) => objectLinks(mounts.trees(''), as),
    onPhase() {
      for (const listener of listeners) listener(status());
    },
  });

  const status = (): SessionStatus => {
    const { state } = registrar;
    return {
      server: account.shortServerId,
      endpoint: account.endpoint,
      phase: state.phase,
      hasFailed: state.phase === 'waiting' && state.hasFailed,
      release: registrar.release,
      observations: observations.size,
      stored: reporting.stored,
      lost: reporting.lost,
      problem: registrar.problem,
    };
  };

  const structureChanged = (): void => {
    registrar.soon({ type: 'changed', what: 'objects' });
    observations.lookAgain();
    attributes.prune(({ prefix, ids }) => mounts.trees(prefix).some((tree) => tree.exists(ids)));
  };

  /** What is sent: entries as they are given, and for paths what stands there now. */
  const gather = async (what: readonly Path[] | readonly Entry[]): Promise<readonly Entry[] | Refusing> => {
    const entries: Entry[] = [];
    for (const one of what) {
      if ('path' in one) {
        entries.push(one);
        continue;
      }
      const result = await perform({ kind: 'read', path: one }, context());
      if (result.status !== 'content') return result as Refusing;
      entries.push(...result.entries);
    }
    return entries;
  };

  return {
    start() {
      for (const tree of mounts.trees('')) watches.push(tree.onStructure(structureChanged));
      watches.push(
        settings.watch(SERVER_RESOURCES.lifetime, () =>
          registrar.soon({ type: 'changed', what: 'lifetime' }),
        ),
        ...REPORTING_SETTINGS.map((resource) => settings.watch(resource, reporting.settingsChanged)),
      );
      observations.recall();
      registrar.send({ type: 'start' });
    },
    async stop(deadlineMs) {
      for (const cancel of watches.splice(0)) cancel();
      await registrar.stop(deadlineMs);
      reporting.stop();
      access.stop();
      attributes.stop();
      await registrar.close();
    },
    trigger: () => registrar.soon({ type: 'triggered' }),
    disable: () => registrar.soon({ type: 'disabled', ms: settings.disabledMs }),
    setOffline: registrar.setOffline,
    async send(what, options) {
      if (!isServing() && !(options?.deferMs ?? 0))
        return { status: 'unavailable', message: 'not registered' };
      const entries = await gather(what);
      return 'status' in entries ? entries : sending.send(entries, options);
    },
    onStatus(listener) {
      listeners.push(listener);
    },
    get status() {
      return status();
    },
  };
}
