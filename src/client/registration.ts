import { olderRelease, type Release } from '../model/index.ts';
import type { Answer } from './contract.ts';
import { nextAttempt, type Retry } from './retry.ts';

/**
 * The registration of one account as a pure machine (OMA Core 1.2 6.2): (state, event, chance) to (state, action).
 * `session.ts` performs the actions and brings the events.
 */
export type RegistrationState =
  | { readonly phase: 'idle' }
  | {
      readonly phase: 'registering';
      readonly release: Release;
      readonly attempt: number;
      readonly unsaid: Changes;
      /** Told to stop meanwhile: what the server accepts now is taken back at once. */
      readonly isLeaving: boolean;
    }
  | {
      readonly phase: 'waiting';
      readonly release: Release;
      readonly attempt: number;
      /** By the rules of the Server object this server cannot be registered with. */
      readonly hasFailed: boolean;
    }
  | (Registered & { readonly phase: 'registered' | 'updating' })
  /** `restMs`: the server has disabled us; undefined: for good */
  | { readonly phase: 'deregistering'; readonly restMs: number | undefined }
  | { readonly phase: 'disabled' }
  | { readonly phase: 'stopped' };

interface Registered {
  readonly release: Release;
  readonly location: readonly string[];
  /** What changed since the server last heard it. */
  readonly unsaid: Changes;
}

/** What an Update has to say. */
export interface Changes {
  readonly objects: boolean;
  readonly lifetime: boolean;
  /** An Update is owed even when nothing changed. */
  readonly anyway: boolean;
}

export type RegistrationEvent =
  | { readonly type: 'start' }
  /** of the action of that name; answers to anything else come too late */
  | { readonly type: 'answer'; readonly to: Said; readonly answer: Answer }
  /** a wait or the time between Updates is over */
  | { readonly type: 'due' }
  | { readonly type: 'changed'; readonly what: 'objects' | 'lifetime' }
  /** the server executed Registration Update Trigger (1/x/8) */
  | { readonly type: 'triggered' }
  /** nothing could be said for a while, also not what has changed */
  | { readonly type: 'resumed' }
  /** the server executed Disable (1/x/4) */
  | { readonly type: 'disabled'; readonly ms: number }
  /** the server did not acknowledge a notification: an Update shows whether it is there and still knows us */
  | { readonly type: 'unreached' }
  | { readonly type: 'stop' };

export type Said = 'register' | 'update' | 'deregister';

export type RegistrationAction =
  | { readonly type: 'register'; readonly release: Release }
  | { readonly type: 'update'; readonly location: readonly string[]; readonly changes: Changes }
  | { readonly type: 'deregister'; readonly location: readonly string[] }
  | { readonly type: 'wait'; readonly ms: number }
  /** the server knows us until the lifetime ends; come back in time */
  | { readonly type: 'wait-for-update' }
  /** hang up, and be silent for so long */
  | { readonly type: 'rest'; readonly ms: number }
  | { readonly type: 'end' };

export type Step = readonly [RegistrationState, RegistrationAction | undefined];

const NOTHING: Changes = { objects: false, lifetime: false, anyway: false };

/** However short the lifetime is, a server is not asked more often than this. */
const SHORTEST_UPDATE_MS = 1000;

/**
 * How long after Register or Update was sent the next Update is due, in ms; undefined: never (lifetime 0).
 * @param transmitWaitMs MAX_TRANSMIT_WAIT (RFC 7252 4.8.2): an Update sent this long before the end of the lifetime
 *   survives all its retransmissions
 */
export function updateDelay(lifetimeS: number, transmitWaitMs: number): number | undefined {
  if (lifetimeS === 0) return undefined;
  const lifetimeMs = lifetimeS * 1000;
  const delay = lifetimeMs >= 2 * transmitWaitMs ? lifetimeMs - transmitWaitMs : lifetimeMs / 2;
  return Math.max(SHORTEST_UPDATE_MS, delay);
}

/** The newest release to announce, how to wait between attempts, and chance. */
export interface RegistrationRules {
  readonly release: Release;
  readonly retry: Retry;
  /** 0 <= random() < 1 */
  random(): number;
}

const hasNews = ({ objects, lifetime, anyway }: Changes): boolean => objects || lifetime || anyway;

const ANYWAY: ReadonlySet<RegistrationEvent['type']> = new Set(['due', 'triggered', 'resumed', 'unreached']);

function isChange(event: RegistrationEvent, what: 'objects' | 'lifetime'): boolean {
  return event.type === 'changed' && event.what === what;
}

function withNews(unsaid: Changes, event: RegistrationEvent): Changes {
  return {
    objects: unsaid.objects || event.type === 'resumed' || isChange(event, 'objects'),
    lifetime: unsaid.lifetime || event.type === 'resumed' || isChange(event, 'lifetime'),
    anyway: unsaid.anyway || ANYWAY.has(event.type),
  };
}

function register(release: Release, attempt: number): Step {
  return [
    { phase: 'registering', release, attempt, unsaid: NOTHING, isLeaving: false },
    { type: 'register', release },
  ];
}

function update(state: Registered): Step {
  return [
    { ...state, phase: 'updating', unsaid: NOTHING },
    { type: 'update', location: state.location, changes: state.unsaid },
  ];
}

function deregister(location: readonly string[], restMs?: number): Step {
  return [
    { phase: 'deregistering', restMs },
    { type: 'deregister', location },
  ];
}

const END: Step = [{ phase: 'stopped' }, { type: 'end' }];

function settle(state: Registered): Step {
  return hasNews(state.unsaid)
    ? update(state)
    : [{ ...state, phase: 'registered' }, { type: 'wait-for-update' }];
}

/** Codes whose Max-Age says when to come back (digest 7.6); of other refusals it says nothing. */
const BUSY: ReadonlySet<string> = new Set(['4.29', '5.03']);

/** A busy server is not believed when it asks for more. */
const LONGEST_PATIENCE_MS = 600_000;

/** The patience that a busy server asks for. */
function askedFor(answer: Answer): number | undefined {
  if (answer.status !== 'refused' || !BUSY.has(answer.code)) return undefined;
  return Math.min(answer.retryAfterMs ?? 0, LONGEST_PATIENCE_MS);
}

/** Alerts after which these credentials will not do, whoever sent them (OMA Transport 1.2 5.2.10). */
const HOPELESS: ReadonlySet<number> = new Set([42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115]);

/** The server knows what it says: the same question will get the same answer (digest 7.6). */
function isRejection(answer: Answer): boolean {
  if (answer.status === 'unsupported-release') return true;
  if (answer.status === 'unreachable') return answer.alert !== undefined && HOPELESS.has(answer.alert.code);
  return answer.status === 'refused' && answer.code.startsWith('4.') && !BUSY.has(answer.code);
}

function onRegisterAnswer(
  state: RegistrationState & { readonly phase: 'registering' },
  answer: Answer,
  rules: RegistrationRules,
): Step {
  if (answer.status === 'registered') {
    if (state.isLeaving) return deregister(answer.location);
    return settle({ release: state.release, location: answer.location, unsaid: state.unsaid });
  }
  if (state.isLeaving) return END;
  const older = answer.status === 'unsupported-release' ? olderRelease(state.release) : undefined;
  // An older release is no retry: the server was reached and said what it wants (OMA Core 1.2 6.2.1).
  if (older !== undefined) return register(older, state.attempt);
  const { ms, hasFailed } = nextAttempt(rules.retry, state.attempt, rules.random());
  const next: RegistrationState = {
    phase: 'waiting',
    // After a refusal of every release the next attempt begins with the newest again.
    release: rules.release,
    attempt: state.attempt + 1,
    hasFailed: hasFailed || isRejection(answer),
  };
  return [next, { type: 'wait', ms: Math.max(ms, askedFor(answer) ?? 0) }];
}

function onUpdateAnswer(state: Registered, answer: Answer, rules: RegistrationRules): Step {
  if (answer.status === 'ok') return settle(state);
  const asked = askedFor(answer);
  // A busy server still knows us (digest 7.2); whatever else is wrong, a new registration mends it.
  if (asked === undefined) return register(rules.release, 1);
  const ms = Math.max(asked, nextAttempt(rules.retry, 1, rules.random()).ms);
  return [
    { ...state, phase: 'registered', unsaid: { objects: true, lifetime: true, anyway: true } },
    { type: 'wait', ms },
  ];
}

/** One step of the machine; events that mean nothing in a phase change nothing. */
export function step(state: RegistrationState, event: RegistrationEvent, rules: RegistrationRules): Step {
  switch (state.phase) {
    case 'idle':
      if (event.type === 'stop') return END;
      return event.type === 'start' ? register(rules.release, 1) : [state, undefined];
    case 'waiting':
      if (event.type === 'stop') return END;
      return event.type === 'due' || event.type === 'triggered' || event.type === 'resumed'
        ? register(state.release, state.attempt)
        : [state, undefined];
    case 'disabled':
      if (event.type === 'stop') return END;
      return event.type === 'due' ? register(rules.release, 1) : [state, undefined];
    case 'registering':
      if (event.type === 'stop') return [{ ...state, isLeaving: true }, undefined];
      if (event.type !== 'answer') return [{ ...state, unsaid: withNews(state.unsaid, event) }, undefined];
      return event.to === 'register' ? onRegisterAnswer(state, event.answer, rules) : [state, undefined];
    case 'registered':
    case 'updating':
      return whileRegistered(state, event, rules);
    case 'deregistering':
      if (event.type === 'stop') return [{ ...state, restMs: undefined }, undefined];
      if (event.type !== 'answer' || event.to !== 'deregister') return [state, undefined];
      return state.restMs === undefined ? END : [{ phase: 'disabled' }, { type: 'rest', ms: state.restMs }];
    case 'stopped':
      return [state, undefined];
  }
}

function whileRegistered(
  state: Registered & { readonly phase: 'registered' | 'updating' },
  event: RegistrationEvent,
  rules: RegistrationRules,
): Step {
  if (event.type === 'stop') return deregister(state.location);
  if (event.type === 'disabled') return deregister(state.location, event.ms);
  if (event.type === 'answer') {
    const isDue = state.phase === 'updating' && event.to === 'update';
    return isDue ? onUpdateAnswer(state, event.answer, rules) : [state, undefined];
  }
  // The Update under way will show it.
  if (event.type === 'unreached' && state.phase === 'updating') return [state, undefined];
  const next = { ...state, unsaid: withNews(state.unsaid, event) };
  return state.phase === 'registered' && hasNews(next.unsaid) ? update(next) : [next, undefined];
}
