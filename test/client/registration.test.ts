import { describe, expect, test } from 'vitest';
import type { Answer } from '../../src/client/index.ts';
import {
  type RegistrationEvent,
  type RegistrationRules,
  type RegistrationState,
  type Said,
  step,
  updateDelay,
} from '../../src/client/registration.ts';

const RULES: RegistrationRules = {
  release: '1.2',
  retry: { firstMs: 1000, factor: 2, mostMs: 60_000, jitter: 0 },
  random: () => 0,
};

/** Plays events; returns every action by its type and what matters of it. */
function play(events: readonly RegistrationEvent[], rules = RULES): string[] {
  let state: RegistrationState = { phase: 'idle' };
  const actions: string[] = [];
  for (const event of events) {
    const [next, action] = step(state, event, rules);
    state = next;
    if (action === undefined) continue;
    const detail =
      action.type === 'register'
        ? ` ${action.release}`
        : action.type === 'wait' || action.type === 'rest'
          ? ` ${action.ms}`
          : action.type === 'update'
            ? ` ${Object.entries(action.changes)
                .filter(([, news]) => news)
                .map(([what]) => what)}`
            : '';
    actions.push(action.type + detail);
  }
  return actions;
}

const answer = (given: Answer, to: Said = 'register'): RegistrationEvent => ({
  type: 'answer',
  to,
  answer: given,
});
const START: RegistrationEvent = { type: 'start' };
const REGISTERED = answer({ status: 'registered', location: ['rd', '1'] });
const OK = answer({ status: 'ok' }, 'update');
const DUE: RegistrationEvent = { type: 'due' };
const OBJECTS: RegistrationEvent = { type: 'changed', what: 'objects' };
const LIFETIME: RegistrationEvent = { type: 'changed', what: 'lifetime' };

describe('the registration of an account (OMA Core 1.2 6.2)', () => {
  test('4.12 goes down one release at a time, at once', () => {
    const older = answer({ status: 'unsupported-release' });
    expect(play([START, older, older, REGISTERED])).toEqual([
      'register 1.2',
      'register 1.1',
      'register 1.0',
      'wait-for-update',
    ]);
  });

  test('a server that supports no release at all is asked again later, newest first', () => {
    const older = answer({ status: 'unsupported-release' });
    expect(play([START, older, older, older, DUE])).toEqual([
      'register 1.2',
      'register 1.1',
      'register 1.0',
      'wait 1000',
      'register 1.2',
    ]);
  });

  test('failures are retried with growing waits', () => {
    const lost = answer({ status: 'unreachable', message: 'refused' });
    expect(play([START, lost, DUE, lost, DUE, lost])).toEqual([
      'register 1.2',
      'wait 1000',
      'register 1.2',
      'wait 2000',
      'register 1.2',
      'wait 4000',
    ]);
  });

  test('a server that asks for patience gets it', () => {
    expect(play([START, answer({ status: 'refused', code: '5.03', retryAfterMs: 30_000 })])).toEqual([
      'register 1.2',
      'wait 30000',
    ]);
  });

  test('a change of the object list is told at once, changes during an Update together after it', () => {
    expect(play([START, REGISTERED, OBJECTS, OBJECTS, LIFETIME, OK, OK])).toEqual([
      'register 1.2',
      'wait-for-update',
      'update objects',
      'update objects,lifetime',
      'wait-for-update',
    ]);
  });

  test('what changes while Register is on its way is told after it', () => {
    expect(play([START, OBJECTS, REGISTERED])).toEqual(['register 1.2', 'update objects']);
  });

  test('the time between Updates over, an empty Update keeps the registration alive', () => {
    expect(play([START, REGISTERED, DUE])).toEqual(['register 1.2', 'wait-for-update', 'update anyway']);
  });

  test('a server that has forgotten us is registered with anew', () => {
    const forgotten = answer({ status: 'refused', code: '4.04' }, 'update');
    expect(play([START, REGISTERED, DUE, forgotten])).toEqual([
      'register 1.2',
      'wait-for-update',
      'update anyway',
      'register 1.2',
    ]);
  });

  test('a registered client de-registers when it stops, another one just ends', () => {
    expect(play([START, REGISTERED, { type: 'stop' }, answer({ status: 'ok' }, 'deregister')])).toEqual([
      'register 1.2',
      'wait-for-update',
      'deregister',
      'end',
    ]);
    expect(play([{ type: 'stop' }])).toEqual(['end']);
  });

  test('stopping while Register is on its way takes back what the server accepts', () => {
    const stop: RegistrationEvent = { type: 'stop' };
    expect(play([START, stop, REGISTERED])).toEqual(['register 1.2', 'deregister']);
    expect(play([START, stop, answer({ status: 'refused', code: '4.03' })])).toEqual(['register 1.2', 'end']);
  });

  test('an Update that is answered after De-register was sent is not taken for its answer', () => {
    const events: RegistrationEvent[] = [START, REGISTERED, DUE, { type: 'stop' }, OK];
    expect(play(events).slice(2)).toEqual(['update anyway', 'deregister']);
    expect(play([...events, answer({ status: 'ok' }, 'deregister')]).at(-1)).toBe('end');
  });

  test('a notification that nobody acknowledges brings an Update, as the server may still know us', () => {
    const gone = answer({ status: 'unreachable', message: 'silence' }, 'update');
    expect(play([START, REGISTERED, { type: 'unreached' }]).at(-1)).toBe('update anyway');
    // The Update that is under way shows it too.
    expect(play([START, REGISTERED, DUE, { type: 'unreached' }, OK]).at(-1)).toBe('wait-for-update');
    expect(play([START, REGISTERED, { type: 'unreached' }, gone]).at(-1)).toBe('register 1.2');
  });

  test('a busy server keeps the registration, and is asked again with all there is to say', () => {
    const busy = answer({ status: 'refused', code: '5.03', retryAfterMs: 5000 }, 'update');
    expect(play([START, REGISTERED, DUE, busy, DUE]).slice(2)).toEqual([
      'update anyway',
      'wait 5000',
      'update objects,lifetime,anyway',
    ]);
  });

  test('X49 Disable de-registers, rests for its time, and registers anew (digest 7.8)', () => {
    const disabled: RegistrationEvent = { type: 'disabled', ms: 10_000 };
    const gone = answer({ status: 'ok' }, 'deregister');
    expect(play([START, REGISTERED, disabled, gone, OBJECTS, { type: 'triggered' }, DUE]).slice(2)).toEqual([
      'deregister',
      'rest 10000',
      'register 1.2',
    ]);
    expect(play([START, REGISTERED, disabled, gone, { type: 'stop' }]).at(-1)).toBe('end');
    expect(play([START, REGISTERED, disabled, { type: 'stop' }, gone]).slice(2)).toEqual([
      'deregister',
      'end',
    ]);
  });

  test.each([
    ['4.03', 2 ** 32, 'wait 1000'],
    ['5.03', 2 ** 32, 'wait 600000'],
  ])('%s with Max-Age %i asks for %s', (code, retryAfterMs, wait) => {
    expect(play([START, answer({ status: 'refused', code, retryAfterMs })]).at(-1)).toBe(wait);
  });
});

test.each([
  [86_400, 86_307_000],
  [186, 93_000],
  [60, 30_000],
  [1, 1000],
  [0, undefined],
])('a lifetime of %i s is renewed after %s ms', (lifetimeS, delay) => {
  expect(updateDelay(lifetimeS, 93_000)).toBe(delay);
});

describe('attempts in a row (resources 17 to 20 of the Server object)', () => {
  const lost = answer({ status: 'unreachable', message: 'refused' });
  const attempts = (count: number): RegistrationEvent[] =>
    Array.from({ length: count }, () => [lost, DUE]).flat();
  const waits = (count: number, retry: RegistrationRules['retry']): string[] =>
    play([START, ...attempts(count)], { ...RULES, retry }).filter((action) => action.startsWith('wait'));
  const SCHEDULE = { attempts: 5, timerMs: 60_000, sequenceDelayMs: 3_600_000, sequences: 2 };

  test('X29 double within a sequence, and rest between two', () => {
    expect(waits(7, SCHEDULE)).toEqual(
      [60, 120, 240, 480, 3600, 60, 120].map((seconds) => `wait ${seconds * 1000}`),
    );
  });

  test('after the last sequence a box goes on trying, once a day at the least', () => {
    const never = { ...SCHEDULE, sequenceDelayMs: 4_294_967_295_000, sequences: 1 };
    expect(waits(6, never).slice(4)).toEqual(['wait 86400000', 'wait 60000']);
  });

  const hasFailed = (events: readonly RegistrationEvent[], retry: RegistrationRules['retry']): boolean => {
    let state: RegistrationState = { phase: 'idle' };
    for (const event of events) [state] = step(state, event, { ...RULES, retry });
    return state.phase === 'waiting' && state.hasFailed;
  };

  test.each([
    [9, SCHEDULE, false],
    [10, SCHEDULE, true],
    [4, RULES.retry, false],
    [5, RULES.retry, true],
  ])('%i of %j: failed is %s', (count, retry, expected) => {
    expect(hasFailed([START, ...attempts(count - 1), lost], retry)).toBe(expected);
  });

  test('X28 a rejection has failed at once; a busy server has not', () => {
    expect(hasFailed([START, answer({ status: 'refused', code: '4.03' })], SCHEDULE)).toBe(true);
    expect(hasFailed([START, answer({ status: 'refused', code: '4.29' })], SCHEDULE)).toBe(false);
    expect(hasFailed([START, answer({ status: 'refused', code: '5.00' })], SCHEDULE)).toBe(false);
  });

  test.each([
    [115, 'server', true],
    [48, 'us', true],
    [40, 'server', false],
    [20, 'server', false],
  ] as const)(
    'alert %i of the %s: trying again is of no use is %s (OMA Transport 1.2 5.2.10)',
    (code, from, failed) => {
      const alert = { code, from };
      const refused = answer({ status: 'unreachable', message: 'handshake failed', alert });
      expect(hasFailed([START, refused], SCHEDULE)).toBe(failed);
    },
  );
});
