import {
  type Backoff,
  type Cancel,
  type Clock,
  isGatewayError,
  type Logger,
  messageOf,
  type Timers,
} from '../base/index.ts';
import type { Entry, Path, Release, Value } from '../model/index.ts';
import { GATEWAY_OBJECT, SERVER_RESOURCES } from '../objects/index.ts';
import { createAccess } from './access.ts';
import { createAttributeStore } from './attribute-store.ts';
import type { BacklogLimits } from './backlog.ts';
import type { Alert, Answer, Mounts, Operation, Refusing, Service, Uplink } from './contract.ts';
import { objectLinks } from './discover.ts';
import { createMemoryJournal, type Journal } from './journal.ts';
import { type Context, isRefusing, locate } from './locate.ts';
import { checkOperation, perform } from './operations.ts';
import {
  type RegistrationAction,
  type RegistrationEvent,
  type RegistrationRules,
  type RegistrationState,
  type Said,
  step,
  updateDelay,
} from './registration.ts';
import { BACKLOG_LIMITS, createReporting } from './reporting.ts';
import type { Retry } from './retry.ts';
import type { SendOptions, SendResult } from './sending.ts';

/** One LwM2M server that a client registers with. */
export interface Account {
  readonly endpoint: string;
  readonly shortServerId: number;
  /** The instance of object 1 that describes the server, in the client's own trees. */
  readonly serverInstance: number;
  /** The newest release to announce. */
  readonly release: Release;
  /** Whether the server is to hold its requests back until it hears of us (OMA Core 1.2.2 6.5). */
  readonly queueMode: boolean;
  /** When to try again, as long as the Server object does not say it. */
  readonly retry: Backoff;
  /** MAX_TRANSMIT_WAIT of the way to the server (RFC 7252 4.8.2), in ms. */
  readonly transmitWaitMs: number;
}

/** Keeps a small JSON document over restarts. */
export interface Keeper {
  /** Undefined when nothing was kept. */
  load(): unknown;
  save(document: unknown): void;
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
  /** Says nothing to the server, and answers that it has to wait, until told to go on. */
  setOffline(isOffline: boolean): void;
  /** Tells the server what these paths hold now, or these entries, without being asked. */
  send(what: readonly Path[] | readonly Entry[], options?: SendOptions): Promise<SendResult>;
  onStatus(listener: (status: SessionStatus) => void): void;
  readonly status: SessionStatus;
}

const RETRY_RESOURCES = [
  SERVER_RESOURCES.retryCount,
  SERVER_RESOURCES.retryTimer,
  SERVER_RESOURCES.sequenceDelay,
  SERVER_RESOURCES.sequenceRetryCount,
] as const;

const REFUSED_UNTIL_REGISTERED = {
  status: 'unavailable',
  message: 'not registered yet',
  retryAfterMs: 1000,
} as const;

/** Unless the Server object says otherwise (1/x/5). */
const DISABLED_S = 86_400;

const NO_CONNECTION: Answer = { status: 'unreachable', message: 'no connection' };

/** What of the Server object rules notifications and Send. */
const REPORTING_SETTINGS = [
  SERVER_RESOURCES.defaultPmin,
  SERVER_RESOURCES.defaultPmax,
  SERVER_RESOURCES.storing,
  SERVER_RESOURCES.muteSend,
  SERVER_RESOURCES.notificationMode,
];

function pathsOf(operation: Operation): readonly Path[] {
  if (operation.kind === 'read-composite') return operation.paths;
  return operation.kind === 'read' ? [operation.path] : [];
}

function problemOf(answer: Answer): string | undefined {
  if (answer.status === 'refused') return `the server answered ${answer.code}`;
  if (answer.status === 'unreachable') return answer.message;
  return answer.status === 'unsupported-release' ? 'the server supports no release of ours' : undefined;
}

/** What an error says about the way to a server, with the alert of a failed handshake in its data. */
function unreachable(error: unknown): Answer {
  const alert = isGatewayError(error) ? (error.data?.alert as Alert | undefined) : undefined;
  return { status: 'unreachable', message: messageOf(error), ...(alert !== undefined && { alert }) };
}

export function createSession(account: Account, mounts: Mounts, ports: SessionPorts): Session {
  const { timers, clock } = ports;
  const log = ports.log.child({ server: account.shortServerId, endpoint: account.endpoint });
  const attributes = createAttributeStore(
    () => ports.attributes?.save(attributes.export()),
    ({ prefix, ids }, removed) =>
      mounts
        .trees(prefix)
        .find((tree) => tree.exists(ids))
        ?.watch(ids, { changed() {}, removed }),
  );
  attributes.import(ports.attributes?.load());
  const access = createAccess(mounts.trees(''), account.shortServerId);
  const watches: Cancel[] = [];
  const listeners: ((status: SessionStatus) => void)[] = [];
  let state: RegistrationState = { phase: 'idle' };
  let uplink: Uplink | undefined;
  let waiting: Cancel | undefined;
  let lastSaidAt = 0;
  let unreached = 0;
  let problem: string | undefined;
  let ended: (() => void) | undefined;
  let isOffline = false;
  /** A wait was over while nothing could be said. */
  let isOverdue = false;
  const planned = new Map<string, Cancel>();

  const setting = (resource: number): Value | undefined => {
    const ids = [1, account.serverInstance, resource];
    return mounts
      .trees('')
      .find((tree) => tree.exists(ids))
      ?.peek(ids);
  };
  const seconds = (resource: number): number | undefined => {
    const value = setting(resource);
    return typeof value === 'number' ? value : undefined;
  };
  /** Resources 17 to 20 of the Server object, once any of them is there. */
  const retry = (): Retry => {
    const [attempts, timerS, sequenceDelayS, sequences] = RETRY_RESOURCES.map(seconds);
    if ([attempts, timerS, sequenceDelayS, sequences].every((value) => value === undefined))
      return account.retry;
    return {
      attempts: attempts ?? 5,
      timerMs: (timerS ?? 60) * 1000,
      sequenceDelayMs: (sequenceDelayS ?? 86_400) * 1000,
      sequences: sequences ?? 1,
    };
  };
  const rules = (): RegistrationRules => ({ release: account.release, retry: retry(), random: ports.random });
  const lifetimeS = (): number => seconds(SERVER_RESOURCES.lifetime) ?? 86_400;

  const release = (): Release | undefined => ('release' in state ? state.release : undefined);
  const isRegistered = (): boolean => state.phase === 'registered' || state.phase === 'updating';
  const isServing = (): boolean => isRegistered() && !isOffline;

  const context = (): Context => ({
    mounts,
    attributes,
    access,
    caller: { server: account.shortServerId },
    release: release() ?? account.release,
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
    setting,
    send: async (entries, contentFormat) =>
      uplink === undefined ? NO_CONNECTION : uplink.send(entries, contentFormat),
    doubted: () => send({ type: 'unreached' }),
  });
  const { observations, sending } = reporting;
  access.onChange(() => observations.revoke());

  /** A server that has seen Object 25 knows the prefixes. */
  const wasShown = ({ prefix, ids }: Path): void => {
    if (prefix === '' && ids[0] === GATEWAY_OBJECT) sending.knowsDevices();
  };

  const service: Service = {
    get isRegistered() {
      return isRegistered();
    },
    get release() {
      return release() ?? account.release;
    },
    resource(path) {
      const tree = locate(mounts, path);
      return isRefusing(tree) ? undefined : tree.resource(path.ids);
    },
    async perform(operation) {
      if (!isServing()) return REFUSED_UNTIL_REGISTERED;
      reporting.heard();
      const result = await perform(operation, context());
      if (operation.kind === 'write-attributes' && result.status === 'changed') observations.reconsider();
      if (result.status === 'content') for (const path of pathsOf(operation)) wasShown(path);
      return result;
    },
    check(kind, path) {
      return isServing() ? checkOperation(kind, path, context()) : REFUSED_UNTIL_REGISTERED;
    },
    openSink(path, size) {
      const tree = locate(mounts, path);
      const sink = isRefusing(tree) ? undefined : tree.sink(path.ids, size, context().caller);
      return sink === undefined ? undefined : (service.check('write', path) ?? sink);
    },
    async observe(path, query, sink) {
      if (!isServing()) return REFUSED_UNTIL_REGISTERED;
      reporting.heard();
      const result = await observations.observe(path, query, sink);
      if (result.status === 'content') wasShown(path);
      return result;
    },
    async observeComposite(paths, query, sink) {
      if (!isServing()) return REFUSED_UNTIL_REGISTERED;
      reporting.heard();
      const result = await observations.observeComposite(paths, query, sink);
      if (result.status === 'content') for (const path of paths) wasShown(path);
      return result;
    },
    cancel: (path) => observations.cancel(path),
    lost() {
      // What is observed goes on being stored, until a new registration makes the server observe again.
      reporting.suspend();
      send({ type: 'unreached' });
    },
    moved: () => send({ type: 'unreached' }),
  };

  const status = (): SessionStatus => ({
    server: account.shortServerId,
    endpoint: account.endpoint,
    phase: state.phase,
    hasFailed: state.phase === 'waiting' && state.hasFailed,
    release: release(),
    observations: observations.size,
    stored: reporting.stored,
    lost: reporting.lost,
    problem,
  });

  const closeUplink = async (): Promise<void> => {
    const open = uplink;
    uplink = undefined;
    await open?.close();
  };

  const register = async (as: Release): Promise<Answer> => {
    // A new registration wipes the server's observations (OMA Core 1.2 6.2.1).
    reporting.suspend();
    uplink?.dropObservations();
    try {
      uplink ??= await ports.openUplink(service, log, unreached);
    } catch (error) {
      return unreachable(error);
    }
    // Stopped while the name was resolved: nobody would close it later.
    if (state.phase !== 'registering') {
      await closeUplink();
      return { status: 'unreachable', message: 'stopped' };
    }
    lastSaidAt = clock.monotonic();
    const answer = await uplink.register({
      endpoint: account.endpoint,
      release: as,
      queueMode: account.queueMode,
      lifetimeS: lifetimeS(),
      objects: objectLinks(mounts.trees(''), as),
    });
    unreached = answer.status === 'unreachable' ? unreached + 1 : 0;
    // The next attempt takes another address of the name, and the socket may be what is broken.
    if (unreached > 0) await closeUplink();
    return answer;
  };

  const update = async (action: RegistrationAction & { type: 'update' }): Promise<Answer> => {
    if (uplink === undefined) return NO_CONNECTION;
    lastSaidAt = clock.monotonic();
    const { changes, location } = action;
    return uplink.update(location, {
      ...(changes.lifetime ? { lifetimeS: lifetimeS() } : {}),
      ...(changes.objects ? { objects: objectLinks(mounts.trees(''), service.release) } : {}),
    });
  };

  const deregister = async (location: readonly string[]): Promise<Answer> =>
    uplink === undefined ? { status: 'ok' } : uplink.deregister(location);

  /** The last alert of the server, until it has taken a registration (1/x/11). */
  const showAlert = (answer: Answer): void => {
    const alert =
      answer.status === 'unreachable' && answer.alert?.from === 'server' ? answer.alert : undefined;
    if (alert === undefined && answer.status !== 'registered') return;
    const ids = [1, account.serverInstance];
    const values = new Map([[SERVER_RESOURCES.alertCode, alert?.code]]);
    mounts
      .trees('')
      .find((tree) => tree.exists(ids))
      ?.assign(ids, values);
  };

  const answered = (to: Said, answer: Answer): void => {
    if (state.phase === 'stopped') return;
    if (to !== 'deregister') {
      problem = problemOf(answer);
      if (problem !== undefined) log.warn({ problem }, 'registration failed');
      showAlert(answer);
    }
    send({ type: 'answer', to, answer });
    if (!isRegistered()) return;
    // Stored notifications come after the answer, never before it (digest 9.9).
    if (to === 'register') reporting.registered();
    else if (answer.status === 'ok') reporting.reached();
    if (isOffline) reporting.pause();
  };

  const waitFor = (ms: number): void => {
    waiting?.();
    waiting = timers.after(ms, () => send({ type: 'due' }));
  };

  const act = (action: RegistrationAction): void => {
    switch (action.type) {
      case 'register':
        void register(action.release).then((answer) => answered('register', answer));
        return;
      case 'update':
        void update(action).then((answer) => answered('update', answer));
        return;
      case 'deregister':
        // Nothing is said after it (digest 7.3), and what is observed ends with the registration.
        reporting.end();
        void deregister(action.location).then((answer) => answered('deregister', answer));
        return;
      case 'wait':
        waitFor(action.ms);
        return;
      case 'wait-for-update': {
        const delay = updateDelay(lifetimeS(), account.transmitWaitMs);
        if (delay !== undefined) waitFor(Math.max(0, lastSaidAt + delay - clock.monotonic()));
        return;
      }
      case 'rest':
        waiting?.();
        isOverdue = false;
        void closeUplink();
        waitFor(action.ms);
        return;
      case 'end':
        ended?.();
    }
  };

  const send = (event: RegistrationEvent): void => {
    if (isOffline && event.type !== 'stop' && event.type !== 'answer') {
      if (event.type === 'due') isOverdue = true;
      return;
    }
    const before = state.phase;
    const [next, action] = step(state, event, rules());
    state = next;
    if (action !== undefined) act(action);
    if (state.phase !== before) for (const listener of listeners) listener(status());
  };

  /**
   * What an operation causes towards the same server goes out after its answer (digest 8.4, 8.6), and what several
   * changes cause goes out once.
   */
  const soon = (event: RegistrationEvent & { type: 'triggered' | 'changed' | 'disabled' }): void => {
    const key = event.type === 'changed' ? event.what : event.type;
    if (planned.has(key)) return;
    planned.set(
      key,
      timers.after(0, () => {
        planned.delete(key);
        send(event);
      }),
    );
  };

  const structureChanged = (): void => {
    soon({ type: 'changed', what: 'objects' });
    observations.lookAgain();
    attributes.prune(({ prefix, ids }) => mounts.trees(prefix).some((tree) => tree.exists(ids)));
  };

  const watchServerObject = (resource: number, changed: () => void): void => {
    const ids = [1, account.serverInstance, resource];
    for (const tree of mounts.trees('')) {
      const watch = tree.watch(ids, { changed, removed() {} });
      if (watch !== undefined) watches.push(() => watch.stop());
    }
  };

  return {
    start() {
      for (const tree of mounts.trees('')) watches.push(tree.onStructure(structureChanged));
      watchServerObject(SERVER_RESOURCES.lifetime, () => soon({ type: 'changed', what: 'lifetime' }));
      for (const resource of REPORTING_SETTINGS) watchServerObject(resource, reporting.settingsChanged);
      observations.recall();
      send({ type: 'start' });
    },
    async stop(deadlineMs) {
      for (const cancel of [...watches.splice(0), ...planned.values()]) cancel();
      waiting?.();
      await new Promise<void>((resolve) => {
        const giveUp = timers.after(deadlineMs, resolve);
        ended = () => {
          giveUp();
          resolve();
        };
        send({ type: 'stop' });
      });
      reporting.stop();
      access.stop();
      attributes.stop();
      await closeUplink();
    },
    trigger: () => soon({ type: 'triggered' }),
    disable: () =>
      soon({ type: 'disabled', ms: (seconds(SERVER_RESOURCES.disableTimeout) ?? DISABLED_S) * 1000 }),
    setOffline(offline) {
      if (offline === isOffline) return;
      isOffline = offline;
      if (offline) reporting.pause();
      // What fell due or changed meanwhile is made good at once, and shows whether the server still knows us.
      else send({ type: state.phase === 'disabled' && isOverdue ? 'due' : 'resumed' });
      isOverdue = false;
    },
    async send(what, options) {
      if (!isServing() && !(options?.deferMs ?? 0))
        return { status: 'unavailable', message: 'not registered' };
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
      return sending.send(entries, options);
    },
    onStatus(listener) {
      listeners.push(listener);
    },
    get status() {
      return status();
    },
  };
}
