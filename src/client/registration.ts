import { type Backoff, backoffDelay } from '../base/index.ts';
import { olderRelease, type Release } from '../model/index.ts';
import type { Answer } from './contract.ts';

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
    }
  | { readonly phase: 'waiting'; readonly release: Release; readonly attempt: number }
  | (Registered & { readonly phase: 'registered' | 'updating' })
  | { readonly phase: 'deregistering' }
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
  | { readonly type: 'answer'; readonly answer: Answer }
  /** a wait or the time between Updates is over */
  | { readonly type: 'due' }
  | { readonly type: 'changed'; readonly what: 'objects' | 'lifetime' }
  /** the server executed Registration Update Trigger (1/x/8) */
  | { readonly type: 'triggered' }
  | { readonly type: 'stop' };

export type RegistrationAction =
  | { readonly type: 'register'; readonly release: Release }
  | { readonly type: 'update'; readonly location: readonly string[]; readonly changes: Changes }
  | { readonly type: 'deregister'; readonly location: readonly string[] }
  | { readonly type: 'wait'; readonly ms: number }
  /** the server knows us until the lifetime ends; come back in time */
  | { readonly type: 'wait-for-update' }
  | { readonly type: 'end' };

export type Step = readonly [RegistrationState, RegistrationAction | undefined];

const NOTHING: Changes = { objects: false, lifetime: false, anyway: false };

/** MAX_TRANSMIT_WAIT (RFC 7252 4.8.2): an Update sent this long before the end survives all retransmissions. */
const MAX_TRANSMIT_WAIT_MS = 93_000;

/** How long after Register or Update was sent the next Update is due, in ms; undefined: never (lifetime 0). */
export function updateDelay(lifetimeS: number): number | undefined {
  if (lifetimeS === 0) return undefined;
  const lifetimeMs = lifetimeS * 1000;
  return lifetimeMs >= 2 * MAX_TRANSMIT_WAIT_MS ? lifetimeMs - MAX_TRANSMIT_WAIT_MS : lifetimeMs / 2;
}

function withNews(unsaid: Changes, event: RegistrationEvent): Changes {
  return {
    objects: unsaid.objects || (event.type === 'changed' && event.what === 'objects'),
    lifetime: unsaid.lifetime || (event.type === 'changed' && event.what === 'lifetime'),
    anyway: unsaid.anyway || event.type === 'due' || event.type === 'triggered',
  };
}

const hasNews = ({ objects, lifetime, anyway }: Changes): boolean => objects || lifetime || anyway;

function register(release: Release, attempt: number): Step {
  return [
    { phase: 'registering', release, attempt, unsaid: NOTHING },
    { type: 'register', release },
  ];
}

function update(state: Registered): Step {
  return [
    { ...state, phase: 'updating', unsaid: NOTHING },
    { type: 'update', location: state.location, changes: state.unsaid },
  ];
}

function settle(state: Registered): Step {
  return hasNews(state.unsaid)
    ? update(state)
    : [{ ...state, phase: 'registered' }, { type: 'wait-for-update' }];
}

/** The newest release to announce, how to wait between attempts, and chance. */
export interface RegistrationRules {
  readonly release: Release;
  readonly retry: Backoff;
  /** 0 <= random() < 1 */
  random(): number;
}

function onRegisterAnswer(
  state: { readonly release: Release; readonly attempt: number; readonly unsaid: Changes },
  answer: Answer,
  rules: RegistrationRules,
): Step {
  if (answer.status === 'registered') {
    return settle({ release: state.release, location: answer.location, unsaid: state.unsaid });
  }
  const older = answer.status === 'unsupported-release' ? olderRelease(state.release) : undefined;
  // An older release is no retry: the server was reached and said what it wants (OMA Core 1.2 6.2.1).
  if (older !== undefined) return register(older, state.attempt);
  const asked = answer.status === 'refused' ? answer.retryAfterMs : undefined;
  const ms = Math.max(backoffDelay(rules.retry, state.attempt, rules.random()), asked ?? 0);
  return [
    // After a refusal of every release the next attempt begins with the newest again.
    { phase: 'waiting', release: rules.release, attempt: state.attempt + 1 },
    { type: 'wait', ms },
  ];
}

/** One step of the machine; events that mean nothing in a phase change nothing. */
export function step(state: RegistrationState, event: RegistrationEvent, rules: RegistrationRules): Step {
  if (event.type === 'stop') {
    const isKnown = state.phase === 'registered' || state.phase === 'updating';
    return isKnown
      ? [{ phase: 'deregistering' }, { type: 'deregister', location: state.location }]
      : [{ phase: 'stopped' }, { type: 'end' }];
  }
  switch (state.phase) {
    case 'idle':
      return event.type === 'start' ? register(rules.release, 1) : [state, undefined];
    case 'waiting':
      return event.type === 'due' || event.type === 'triggered'
        ? register(state.release, state.attempt)
        : [state, undefined];
    case 'registering':
      if (event.type === 'answer') return onRegisterAnswer(state, event.answer, rules);
      return [{ ...state, unsaid: withNews(state.unsaid, event) }, undefined];
    case 'registered':
    case 'updating':
      return whileRegistered(state, event, rules);
    case 'deregistering':
      return event.type === 'answer' ? [{ phase: 'stopped' }, { type: 'end' }] : [state, undefined];
    case 'stopped':
      return [state, undefined];
  }
}

function whileRegistered(
  state: Registered & { readonly phase: 'registered' | 'updating' },
  event: RegistrationEvent,
  rules: RegistrationRules,
): Step {
  if (event.type === 'answer') {
    if (state.phase !== 'updating') return [state, undefined];
    // Whatever is wrong with the registration, a new one mends it (OMA Core 1.2 6.2.2).
    return event.answer.status === 'ok' ? settle(state) : register(rules.release, 1);
  }
  const next = { ...state, unsaid: withNews(state.unsaid, event) };
  return state.phase === 'registered' && hasNews(next.unsaid) ? update(next) : [next, undefined];
}
