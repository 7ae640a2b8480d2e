import {
  type Cancel,
  type Clock,
  isGatewayError,
  type Logger,
  messageOf,
  type Timers,
} from '../base/index.ts';
import type { Release } from '../model/index.ts';
import type { Alert, Answer, Uplink } from './contract.ts';
import {
  type RegistrationAction,
  type RegistrationEvent,
  type RegistrationState,
  type Said,
  step,
  updateDelay,
} from './registration.ts';
import type { Reporting } from './reporting.ts';
import type { Settings } from './settings.ts';

/** What about an account concerns its registration. */
export interface Registrant {
  readonly endpoint: string;
  /** The newest release to announce. */
  readonly release: Release;
  /** Whether the server is to hold its requests back until it hears of us (OMA Core 1.2.2 6.5). */
  readonly queueMode: boolean;
  /** MAX_TRANSMIT_WAIT of the way to the server (RFC 7252 4.8.2), in ms. */
  readonly transmitWaitMs: number;
}

export interface RegistrarPorts {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly timers: Timers;
  readonly log: Logger;
  random(): number;
  readonly settings: Settings;
  /** @param attempt how many times in a row the server was not reached before */
  openUplink(attempt: number): Promise<Uplink>;
  /** The object list in link format. */
  objects(release: Release): string;
  readonly reporting: Pick<Reporting, 'suspend' | 'registered' | 'reached' | 'pause' | 'end'>;
  /** The phase has changed. */
  onPhase(): void;
}

/** Events that an operation of the server, or a change of what it sees, causes. */
type Caused = RegistrationEvent & { readonly type: 'triggered' | 'changed' | 'disabled' };

/** Why nothing is said to a server: each ends for itself. */
export type Silence = 'ordered' | 'bootstrap';

/** Keeps an account registered: does what the machine of `registration.ts` decides. */
export interface Registrar {
  readonly state: RegistrationState;
  readonly isRegistered: boolean;
  /** Nothing is said to the server. */
  readonly isOffline: boolean;
  /** That the server has accepted, or is being asked to. */
  readonly release: Release | undefined;
  /** Why the last attempt failed, while it has not been made good. */
  readonly problem: string | undefined;
  readonly uplink: Uplink | undefined;
  send(event: RegistrationEvent): void;
  /** What several changes cause goes out once, and after the answer to what caused it (digest 8.4, 8.6). */
  soon(event: Caused): void;
  setOffline(isOffline: boolean, why: Silence): void;
  /** De-registers; settles within `deadlineMs` whatever the server does. */
  stop(deadlineMs: number): Promise<void>;
  /** Hangs up. */
  close(): Promise<void>;
}

const NO_CONNECTION: Answer = { status: 'unreachable', message: 'no connection' };

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

export function createRegistrar(registrant: Registrant, ports: RegistrarPorts): Registrar {
  const { clock, timers, settings, reporting, log } = ports;
  const planned = new Map<string, Cancel>();
  let state: RegistrationState = { phase: 'idle' };
  let uplink: Uplink | undefined;
  let waiting: Cancel | undefined;
  let lastSaidAt = 0;
  let unreached = 0;
  let problem: string | undefined;
  let ended: (() => void) | undefined;
  const silenced = new Set<Silence>();
  /** What came while nothing could be said, and nothing else will bring on again. */
  let missed: RegistrationEvent | undefined;

  const isRegistered = (): boolean => state.phase === 'registered' || state.phase === 'updating';
  const isOffline = (): boolean => silenced.size > 0;
  const isResting = (): boolean => state.phase === 'idle' || state.phase === 'disabled';
  const release = (): Release | undefined => ('release' in state ? state.release : undefined);

  const close = async (): Promise<void> => {
    const open = uplink;
    uplink = undefined;
    await open?.close();
  };

  const register = async (as: Release): Promise<Answer> => {
    // A new registration wipes the server's observations (OMA Core 1.2 6.2.1).
    reporting.suspend();
    uplink?.dropObservations();
    try {
      uplink ??= await ports.openUplink(unreached);
    } catch (error) {
      return unreachable(error);
    }
    // Stopped while the way was opened: nobody would close it later, and by then another may be registered in our place.
    if (state.phase !== 'registering' || state.isLeaving) {
      await close();
      return { status: 'unreachable', message: 'stopped' };
    }
    lastSaidAt = clock.monotonic();
    const { endpoint, queueMode } = registrant;
    const { lifetimeS } = settings;
    const answer = await uplink.register({
      endpoint,
      release: as,
      queueMode,
      lifetimeS,
      objects: ports.objects(as),
    });
    unreached = answer.status === 'unreachable' ? unreached + 1 : 0;
    // The next attempt takes another address of the name, and the socket may be what is broken.
    if (unreached > 0) await close();
    return answer;
  };

  const update = async ({ changes, location }: RegistrationAction & { type: 'update' }): Promise<Answer> => {
    if (uplink === undefined) return NO_CONNECTION;
    lastSaidAt = clock.monotonic();
    return uplink.update(location, {
      ...(changes.lifetime ? { lifetimeS: settings.lifetimeS } : {}),
      ...(changes.objects ? { objects: ports.objects(release() ?? registrant.release) } : {}),
    });
  };

  const deregister = async (location: readonly string[]): Promise<Answer> => {
    // Nothing is said after it (digest 7.3), and what is observed ends with the registration.
    reporting.end();
    return uplink === undefined ? { status: 'ok' } : uplink.deregister(location);
  };

  /** The last alert of the server, until it has taken a registration (1/x/11). */
  const showAlert = (answer: Answer): void => {
    const alert =
      answer.status === 'unreachable' && answer.alert?.from === 'server' ? answer.alert : undefined;
    if (alert !== undefined || answer.status === 'registered') settings.showAlert(alert?.code);
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
    if (isOffline()) reporting.pause();
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
        const delay = updateDelay(settings.lifetimeS, registrant.transmitWaitMs);
        if (delay !== undefined) waitFor(Math.max(0, lastSaidAt + delay - clock.monotonic()));
        return;
      }
      case 'rest':
        missed = undefined;
        void close();
        waitFor(action.ms);
        return;
      case 'end':
        ended?.();
    }
  };

  const send = (event: RegistrationEvent): void => {
    if (isOffline() && event.type !== 'stop' && event.type !== 'answer') {
      if (event.type === 'start' || event.type === 'due') missed = event;
      return;
    }
    const before = state.phase;
    const rules = { release: registrant.release, retry: settings.retry, random: ports.random };
    const [next, action] = step(state, event, rules);
    state = next;
    if (action !== undefined) act(action);
    if (state.phase !== before) ports.onPhase();
  };

  return {
    get state() {
      return state;
    },
    get isRegistered() {
      return isRegistered();
    },
    get isOffline() {
      return isOffline();
    },
    get release() {
      return release();
    },
    get problem() {
      return problem;
    },
    get uplink() {
      return uplink;
    },
    send,
    soon(event) {
      const key = event.type === 'changed' ? event.what : event.type;
      if (planned.has(key)) return;
      const sendPlanned = (): void => {
        planned.delete(key);
        send(event);
      };
      planned.set(key, timers.after(0, sendPlanned));
    },
    setOffline(offline, why) {
      const before = isOffline();
      if (offline) silenced.add(why);
      else silenced.delete(why);
      if (isOffline() === before) return;
      if (offline) reporting.pause();
      // What fell due or changed meanwhile is made good at once, and shows whether the server still knows us.
      else send(isResting() && missed !== undefined ? missed : { type: 'resumed' });
      missed = undefined;
    },
    async stop(deadlineMs) {
      for (const cancel of planned.values()) cancel();
      waiting?.();
      await new Promise<void>((resolve) => {
        const giveUp = timers.after(deadlineMs, resolve);
        ended = () => {
          giveUp();
          resolve();
        };
        send({ type: 'stop' });
      });
    },
    close,
  };
}
