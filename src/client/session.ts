import { type Backoff, type Cancel, type Logger, messageOf, type Timers } from '../base/index.ts';
import type { Release } from '../model/index.ts';
import { SERVER_RESOURCES } from '../objects/index.ts';
import { createAttributeStore } from './attribute-store.ts';
import type { Answer, Mounts, Service, Uplink } from './contract.ts';
import { objectLinks } from './discover.ts';
import { createObservations, type ReportingDefaults } from './observations.ts';
import { type Context, checkOperation, isRefusing, locate, perform } from './operations.ts';
import {
  type RegistrationAction,
  type RegistrationEvent,
  type RegistrationRules,
  type RegistrationState,
  type Said,
  step,
  updateDelay,
} from './registration.ts';
import type { Retry } from './retry.ts';

/** One LwM2M server that a client registers with. */
export interface Account {
  readonly endpoint: string;
  readonly shortServerId: number;
  /** The instance of object 1 that describes the server, in the client's own trees. */
  readonly serverInstance: number;
  /** The newest release to announce. */
  readonly release: Release;
  /** When to try again, as long as the Server object does not say it. */
  readonly retry: Backoff;
  /** MAX_TRANSMIT_WAIT of the way to the server (RFC 7252 4.8.2), in ms. */
  readonly transmitWaitMs: number;
}

export interface SessionPorts {
  readonly clock: { monotonic(): number };
  readonly timers: Timers;
  readonly log: Logger;
  random(): number;
  /**
   * Opens the way to the server; may reject, e.g. when its name does not resolve.
   * @param attempt how many times in a row the server was not reached before
   */
  openUplink(service: Service, log: Logger, attempt: number): Promise<Uplink>;
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
  /** Leaves the server alone for so long, from after the answer to what asks for it (1/x/4). */
  disable(ms: number): void;
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

function problemOf(answer: Answer): string | undefined {
  if (answer.status === 'refused') return `the server answered ${answer.code}`;
  if (answer.status === 'unreachable') return answer.message;
  return answer.status === 'unsupported-release' ? 'the server supports no release of ours' : undefined;
}

export function createSession(account: Account, mounts: Mounts, ports: SessionPorts): Session {
  const { timers, clock } = ports;
  const log = ports.log.child({ server: account.shortServerId, endpoint: account.endpoint });
  const attributes = createAttributeStore();
  const watches: Cancel[] = [];
  const listeners: ((status: SessionStatus) => void)[] = [];
  let state: RegistrationState = { phase: 'idle' };
  let uplink: Uplink | undefined;
  let waiting: Cancel | undefined;
  let lastSaidAt = 0;
  let unreached = 0;
  let problem: string | undefined;
  let ended: (() => void) | undefined;
  const planned = new Map<string, Cancel>();

  const serverValue = (resource: number): number | undefined => {
    const ids = [1, account.serverInstance, resource];
    const value = mounts
      .trees('')
      .find((tree) => tree.exists(ids))
      ?.peek(ids);
    return typeof value === 'number' ? value : undefined;
  };
  /** Resources 17 to 20 of the Server object, once any of them is there. */
  const retry = (): Retry => {
    const [attempts, timerS, sequenceDelayS, sequences] = RETRY_RESOURCES.map(serverValue);
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
  const lifetimeS = (): number => serverValue(SERVER_RESOURCES.lifetime) ?? 86_400;

  const release = (): Release | undefined => ('release' in state ? state.release : undefined);
  const isRegistered = (): boolean => state.phase === 'registered' || state.phase === 'updating';

  const context = (): Context => ({
    mounts,
    attributes,
    caller: { server: account.shortServerId },
    release: release() ?? account.release,
  });

  const defaults = (): ReportingDefaults => {
    const pmin = serverValue(SERVER_RESOURCES.defaultPmin);
    const pmax = serverValue(SERVER_RESOURCES.defaultPmax);
    const isConfirmable = serverValue(SERVER_RESOURCES.notificationMode) === 1;
    return {
      ...(pmin === undefined ? {} : { pmin }),
      ...(pmax === undefined ? {} : { pmax }),
      ...(isConfirmable ? { con: 1 } : {}),
    };
  };

  const observations = createObservations({ timers, monotonic: () => clock.monotonic(), context, defaults });

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
      if (!isRegistered()) return REFUSED_UNTIL_REGISTERED;
      const result = await perform(operation, context());
      if (operation.kind === 'write-attributes' && result.status === 'changed') observations.reconsider();
      return result;
    },
    lost: () => send({ type: 'lost' }),
    check(kind, path) {
      return isRegistered() ? checkOperation(kind, path, context()) : REFUSED_UNTIL_REGISTERED;
    },
    async observe(path, query, sink) {
      return isRegistered() ? observations.observe(path, query, sink) : REFUSED_UNTIL_REGISTERED;
    },
  };

  const status = (): SessionStatus => ({
    server: account.shortServerId,
    endpoint: account.endpoint,
    phase: state.phase,
    hasFailed: state.phase === 'waiting' && state.hasFailed,
    release: release(),
    observations: observations.size,
    problem,
  });

  const closeUplink = async (): Promise<void> => {
    const open = uplink;
    uplink = undefined;
    await open?.close();
  };

  const dropObservations = (): void => {
    observations.dropAll();
    uplink?.dropObservations();
  };

  const register = async (as: Release): Promise<Answer> => {
    // A new registration wipes the server's observations (OMA Core 1.2 6.2.1).
    dropObservations();
    try {
      uplink ??= await ports.openUplink(service, log, unreached);
    } catch (error) {
      return { status: 'unreachable', message: messageOf(error) };
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
      lifetimeS: lifetimeS(),
      objects: objectLinks(mounts.trees(''), as),
    });
    unreached = answer.status === 'unreachable' ? unreached + 1 : 0;
    // The next attempt takes another address of the name, and the socket may be what is broken.
    if (unreached > 0) await closeUplink();
    return answer;
  };

  const update = async (action: RegistrationAction & { type: 'update' }): Promise<Answer> => {
    if (uplink === undefined) return { status: 'unreachable', message: 'no connection' };
    lastSaidAt = clock.monotonic();
    const { changes, location } = action;
    return uplink.update(location, {
      ...(changes.lifetime ? { lifetimeS: lifetimeS() } : {}),
      ...(changes.objects ? { objects: objectLinks(mounts.trees(''), service.release) } : {}),
    });
  };

  const deregister = async (location: readonly string[]): Promise<Answer> =>
    uplink === undefined ? { status: 'ok' } : uplink.deregister(location);

  const answered = (to: Said, answer: Answer): void => {
    if (state.phase === 'stopped') return;
    if (to !== 'deregister') {
      problem = problemOf(answer);
      if (problem !== undefined) log.warn({ problem }, 'registration failed');
    }
    send({ type: 'answer', to, answer });
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
        dropObservations();
        void closeUplink();
        waitFor(action.ms);
        return;
      case 'end':
        ended?.();
    }
  };

  const send = (event: RegistrationEvent): void => {
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

  const watchServerObject = (resource: number, changed: () => void): void => {
    const ids = [1, account.serverInstance, resource];
    for (const tree of mounts.trees('')) {
      const cancel = tree.watch(ids, { changed, removed() {} });
      if (cancel !== undefined) watches.push(cancel);
    }
  };

  return {
    start() {
      for (const tree of mounts.trees('')) {
        watches.push(tree.onStructure(() => soon({ type: 'changed', what: 'objects' })));
      }
      watchServerObject(SERVER_RESOURCES.lifetime, () => soon({ type: 'changed', what: 'lifetime' }));
      watchServerObject(SERVER_RESOURCES.defaultPmin, () => observations.reconsider());
      watchServerObject(SERVER_RESOURCES.defaultPmax, () => observations.reconsider());
      watchServerObject(SERVER_RESOURCES.notificationMode, () => observations.reconsider());
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
      dropObservations();
      await closeUplink();
    },
    trigger: () => soon({ type: 'triggered' }),
    disable: (ms) => soon({ type: 'disabled', ms }),
    onStatus(listener) {
      listeners.push(listener);
    },
    get status() {
      return status();
    },
  };
}
