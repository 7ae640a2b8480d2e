import { beforeEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger } from '../../src/base/index.ts';
import {
  type Answer,
  createSession,
  type Fate,
  type Journal,
  type ObserveResult,
  type SendResult,
  type Service,
  type Session,
  type SessionPorts,
  type Sink,
} from '../../src/client/index.ts';
import {
  type Entry,
  formatPath,
  type ObjectDefinition,
  omaRegistry,
  parsePath,
} from '../../src/model/index.ts';
import { GATEWAY_VERSION, gatewayInstance } from '../../src/objects/index.ts';
import { createTree, type Tree } from '../../src/tree/index.ts';
import { accountInstance } from '../support/account.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

/** What a server hears of its gateway while it comes and goes. */

function definition(object: number, version?: string): ObjectDefinition {
  const found = omaRegistry().find(object, version);
  if (found === undefined) throw new Error(`no object ${object}`);
  return found;
}

/** Remembers like a disk, over sessions. */
function createDisk(): Journal & { readonly kept: Map<number, string> } {
  const kept = new Map<number, string>();
  let last = 0;
  return {
    kept,
    read: () => [...kept].map(([id, text]) => ({ id, document: JSON.parse(text) })),
    append(document) {
      kept.set(++last, JSON.stringify(document));
      return last;
    },
    drop: (id) => void kept.delete(id),
  };
}

const START = 1_700_000_000_000;
let clock: FakeClock;
let own: Tree;
let device: Tree;
let session: Session;
let service: Service;
let disk: ReturnType<typeof createDisk>;
/** Whether datagrams arrive; whether the server still knows what it has heard before. */
let isLinkUp: boolean;
let isKnown: boolean;
let heard: string[];
let sent: string[];
let sendAnswers: Answer[];

const GONE: Answer = { status: 'unreachable', message: 'silence' };
const OK: Answer = { status: 'ok' };
/** How long a confirmable message takes to be given up. */
const PATIENCE_MS = 45_000;

/** Values with the second of their time, as `path=value@second`. */
const shown = (entries: readonly Entry[]): string[] =>
  entries.map(({ path, value, at }) => {
    const time = at === undefined ? '' : `@${(at - START) / 1000}`;
    return `${formatPath(path)}=${value}${time}`;
  });

function open(ports: Partial<SessionPorts> = {}, storing = true, mute: 'absent' | boolean = false): void {
  own = createTree({ clock });
  const settings = { shortServerId: 1, lifetimeS: 86_400, notificationMode: 'con', storing } as const;
  own.addInstance(
    accountInstance(mute === 'absent' ? settings : { ...settings, muteSend: mute }, () => session),
  );
  const end = { deviceId: 'urn:dev:os:32473-101', prefix: 'd01', objects: () => '</3303/0>' };
  own.addInstance(gatewayInstance(definition(25, GATEWAY_VERSION), 0, end));
  session = createSession(
    {
      endpoint: 'gw-1',
      shortServerId: 1,
      serverInstance: 0,
      queueMode: false,
      release: '1.2',
      retry: { firstMs: 1000, factor: 2, mostMs: 60_000, jitter: 0 },
      transmitWaitMs: 93_000,
    },
    { trees: (prefix) => (prefix === '' ? [own] : prefix === 'd01' ? [device] : []) },
    {
      clock,
      timers: createTimers(clock, 10),
      log: silentLogger,
      random: () => 0,
      journal: disk,
      openUplink: async (opened) => {
        service = opened;
        return {
          register: async () => {
            heard.push('register');
            isKnown = isLinkUp;
            return isLinkUp ? { status: 'registered', location: ['rd', '1'] } : GONE;
          },
          update: async () => {
            heard.push('update');
            if (!isLinkUp) return GONE;
            return isKnown ? OK : { status: 'refused', code: '4.04' };
          },
          deregister: async () => OK,
          send: async (entries) => {
            if (!isLinkUp) return GONE;
            const answer = sendAnswers.shift() ?? OK;
            sent.push(`${answer.status === 'refused' ? answer.code : 'ok'} ${shown(entries).join(' ')}`);
            return answer;
          },
          dropObservations() {},
          close: async () => {},
        };
      },
      ...ports,
    },
  );
}

beforeEach(async () => {
  clock = createFakeClock(START);
  device = createTree({ clock });
  device.addInstance({
    definition: definition(3303),
    instance: 0,
    resources: [
      { id: 5700, value: 20 },
      { id: 5701, value: 'Cel' },
    ],
  });
  disk = createDisk();
  isLinkUp = true;
  isKnown = true;
  heard = [];
  sent = [];
  sendAnswers = [];
  open();
  session.start();
  await clock.advance(0);
});

/** Takes notifications as a server on the other end of the link does. */
function hearing(told: string[], carriesTime = true): Sink {
  const after = (fate: Fate, ms: number, settled: (fate: Fate) => void): void => {
    clock.after(ms, () => settled(fate));
  };
  return {
    carriesTime,
    variant: 'any',
    notify(entries, { confirmable, settled }) {
      if (isLinkUp) told.push(shown(entries).join(' '));
      if (!confirmable) settled('told');
      else if (isLinkUp) after('told', 1, settled);
      else after('unreached', PATIENCE_MS, settled);
    },
    end: ({ status }) => told.push(status),
    drop: () => told.push('dropped'),
  };
}

const VALUE = '/d01/3303/0/5700';

async function observe(path = VALUE, query: string[] = [], carriesTime = true) {
  const told: string[] = [];
  const result = await service.observe(parsePath(path), query, hearing(told, carriesTime));
  return { told, result };
}

async function observeComposite(paths: string[], query: string[] = []) {
  const told: string[] = [];
  const result = await service.observeComposite(paths.map(parsePath), query, hearing(told));
  return { told, result };
}

const first = (result: ObserveResult): unknown =>
  'entries' in result ? shown(result.entries) : result.status;

async function set(value: number, object = 3303): Promise<void> {
  device.update([{ ids: [object, 0, 5700], value, at: clock.now(), quality: 4 }]);
  await clock.advance(1000);
}

async function write(path: string, value: boolean | number): Promise<void> {
  const at = parsePath(path);
  const type = typeof value === 'boolean' ? 'boolean' : 'integer';
  await service.perform({ kind: 'write', path: at, mode: 'replace', entries: [{ path: at, type, value }] });
  await clock.advance(10);
}

const attach = (path: string, ...query: string[]) =>
  service.perform({ kind: 'write-attributes', path: parsePath(path), query });

/** The whole way through a link that breaks under a notification, until the server is registered with again. */
const wait = (): Promise<void> => clock.advance(10 * 60_000);

describe('a server that cannot be reached', () => {
  test('X23 a notification that nobody acknowledges brings an Update, and the observation stays', async () => {
    const { told } = await observe();
    isLinkUp = false;
    await set(21);
    await clock.advance(PATIENCE_MS - 2000);
    isLinkUp = true;
    await clock.advance(5000);
    expect(heard).toEqual(['register', 'update']);
    expect(told).toEqual([`${VALUE}=21@0`]);
    await set(22);
    expect(told.length).toBe(2);
  });

  test('X24 what changes while the gateway is offline is told in its order with its times, after the Update', async () => {
    const { told } = await observe();
    session.setOffline(true, 'ordered');
    for (const value of [21, 22, 23]) await set(value);
    expect([told, session.status.stored]).toEqual([[], 3]);
    session.setOffline(false, 'ordered');
    await clock.advance(100);
    expect(heard).toEqual(['register', 'update']);
    expect(told).toEqual([`${VALUE}=21@0 ${VALUE}=22@1 ${VALUE}=23@2`]);
    expect([session.status.stored, disk.kept.size]).toEqual([0, 0]);
  });

  test('X24 in a format without times each state is a notification of its own, one at a time', async () => {
    const { told } = await observe(VALUE, [], false);
    session.setOffline(true, 'ordered');
    for (const value of [21, 22, 23]) await set(value);
    session.setOffline(false, 'ordered');
    await clock.advance(100);
    expect(told).toEqual([`${VALUE}=21@0`, `${VALUE}=22@1`, `${VALUE}=23@2`]);
  });

  test('X25 without storing only the current value is told', async () => {
    open({}, false);
    session.start();
    await clock.advance(0);
    const { told } = await observe();
    session.setOffline(true, 'ordered');
    for (const value of [21, 22, 23]) await set(value);
    session.setOffline(false, 'ordered');
    await clock.advance(100);
    expect(told).toEqual([`${VALUE}=23@2`]);
  });

  test('G-69 of five changes the two newest are told when hqmax is 2', async () => {
    await attach(VALUE, 'hqmax=2');
    const { told } = await observe();
    session.setOffline(true, 'ordered');
    for (const value of [21, 22, 23, 24, 25]) await set(value);
    session.setOffline(false, 'ordered');
    await clock.advance(100);
    expect(told).toEqual([`${VALUE}=24@3 ${VALUE}=25@4`]);
  });

  test('hqmax=0 stores nothing, so that the current value is told', async () => {
    const { told } = await observe(VALUE, ['hqmax=0']);
    session.setOffline(true, 'ordered');
    for (const value of [21, 22]) await set(value);
    session.setOffline(false, 'ordered');
    await clock.advance(100);
    expect(told).toEqual([`${VALUE}=22@1`]);
  });

  test('nothing is lost that follows an unacknowledged notification', async () => {
    const { told } = await observe();
    isLinkUp = false;
    for (const value of [21, 22, 23]) await set(value);
    await clock.advance(PATIENCE_MS - 4000);
    isLinkUp = true;
    await clock.advance(5000);
    expect(told).toEqual([`${VALUE}=21@0 ${VALUE}=22@1 ${VALUE}=23@2`]);
  });

  test('of what follows an acknowledged one only the newest is told (RFC 7641 4.5.2)', async () => {
    const { told } = await observe();
    for (const value of [21, 22, 23]) {
      device.update([{ ids: [3303, 0, 5700], value, at: clock.now(), quality: 4 }]);
    }
    await clock.advance(100);
    expect(told).toEqual([`${VALUE}=21@0`, `${VALUE}=23@0`]);
  });

  test('what is told while older things wait keeps its place behind them', async () => {
    const { told } = await observe(VALUE, [], false);
    session.setOffline(true, 'ordered');
    for (const value of [21, 22]) await set(value);
    session.setOffline(false, 'ordered');
    await clock.advance(0);
    device.update([{ ids: [3303, 0, 5700], value: 30, at: clock.now(), quality: 4 }]);
    await clock.advance(100);
    expect(told.map((text) => text.split('@')[0])).toEqual([21, 22, 30].map((value) => `${VALUE}=${value}`));
  });
});

describe('a registration that is lost', () => {
  /** The server forgets everything while five values change. */
  async function forget(): Promise<void> {
    isLinkUp = false;
    for (const value of [21, 22, 23]) await set(value);
    await clock.advance(4 * 60_000);
    isKnown = false;
    for (const value of [24, 25]) await set(value);
    isLinkUp = true;
    await clock.advance(62_000);
    expect(heard.at(-1)).toBe('register');
    expect(session.status).toMatchObject({ phase: 'registered', observations: 0, stored: 5 });
  }

  const ALL = [21, 22, 23, 24, 25];
  const valuesIn = (texts: readonly string[]): number[] =>
    texts.flatMap((text) => [...text.matchAll(/5700=(\d+)@/g)].map(([, value]) => Number(value)));

  test('X58 drops observations, and none is told until the server observes again (G-70)', async () => {
    const { told } = await observe();
    await forget();
    await set(26);
    expect(told).toEqual([]);
  });

  test('what was stored follows the first answer when the server observes the same path again', async () => {
    await observe();
    await forget();
    const { told, result } = await observe();
    await clock.advance(100);
    expect(first(result)).toEqual([expect.stringContaining(`${VALUE}=25@`)]);
    expect(valuesIn(told)).toEqual(ALL);
    expect(session.status.stored).toBe(0);
    await wait();
    expect(sent).toEqual([]);
  });

  test('what was stored is sent when the server does not, once it knows the prefixes', async () => {
    await observe();
    await forget();
    await wait();
    expect(sent).toEqual([]);
    await service.perform({ kind: 'read', path: parsePath('/25') });
    await clock.advance(1000);
    expect(valuesIn(sent)).toEqual(ALL);
    expect([session.status.stored, disk.kept.size]).toEqual([0, 0]);
  });

  test('a server that muted Send hears nothing, and everything once it unmutes', async () => {
    await observe();
    await write('/1/0/23', true);
    await forget();
    await service.perform({ kind: 'read', path: parsePath('/25') });
    await wait();
    expect([sent, session.status.stored]).toEqual([[], 5]);
    await write('/1/0/23', false);
    expect(valuesIn(sent)).toEqual(ALL);
  });

  test('over a power cut, also what changes before the server is there again', async () => {
    await observe();
    isLinkUp = false;
    await set(21);
    await clock.advance(4 * 60_000);
    // No farewell: the box is without power.
    const kept = [...disk.kept];
    disk = createDisk();
    for (const [id, text] of kept) disk.kept.set(id, text);
    clock = createFakeClock(clock.now());
    open();
    session.start();
    await clock.advance(1000);
    await set(22);
    isLinkUp = true;
    await clock.advance(60_000);
    const { told } = await observe();
    await clock.advance(100);
    expect(valuesIn(told)).toEqual([21, 22]);
  });

  test('a box that is bounded loses the oldest, and counts them', async () => {
    open({ backlog: { moments: 3, bytes: 1e6 } });
    session.start();
    await clock.advance(0);
    const { told } = await observe();
    session.setOffline(true, 'ordered');
    for (const value of ALL) await set(value);
    session.setOffline(false, 'ordered');
    await clock.advance(100);
    expect([valuesIn(told), session.status.lost]).toEqual([[23, 24, 25], 2]);
  });
});

describe('Observe-Composite', () => {
  test('one message tells all paths of gateway and devices, whichever changed (G-89)', async () => {
    const { told, result } = await observeComposite(['/1/0/1', VALUE, '/d09/3/0/0']);
    expect(first(result)).toEqual(['/1/0/1=86400', `${VALUE}=20`]);
    await set(21);
    await write('/1/0/1', 600);
    expect(told).toEqual([`/1/0/1=86400 ${VALUE}=21@0`, `/1/0/1=600 ${VALUE}=21@0`]);
  });

  test('int-308, int-309 what comes is told with the rest, and what goes is left out', async () => {
    const setup = { definition: definition(3303), resources: [{ id: 5700, value: 1 }] };
    const { told } = await observeComposite([VALUE, '/d01/3303/7']);
    device.addInstance({ ...setup, instance: 7 });
    await clock.advance(100);
    device.removeInstance(3303, 7);
    await clock.advance(100);
    device.addInstance({ ...setup, instance: 7 });
    await clock.advance(100);
    const both = `${VALUE}=20 /d01/3303/7/5700=1`;
    expect(told).toEqual([both, `${VALUE}=20`, both]);
  });

  test('int-304 each path has its own periods, and each message begins all of them anew', async () => {
    await attach('/1/0/1', 'pmin=30', 'pmax=45');
    await attach(VALUE, 'pmin=5');
    const { told } = await observeComposite(['/1/0/1', VALUE]);
    await clock.advance(20_000);
    await set(21);
    expect(told.length).toBe(1);
    await clock.advance(43_000);
    expect(told.length).toBe(1);
    await clock.advance(2000);
    expect(told.length).toBe(2);
  });

  test('int-310 attributes that are attached later hold from then on', async () => {
    const { told } = await observeComposite(['/1/0/1', VALUE]);
    await attach('/1', 'pmax=5');
    await clock.advance(16_000);
    expect(told.length).toBe(3);
  });

  test('X57 con=1 at one path makes the message confirmable', async () => {
    await write('/1/0/26', 0);
    await attach(VALUE, 'con=1');
    const confirmable: boolean[] = [];
    const sink = hearing([]);
    await service.observeComposite([parsePath('/1/0/1'), parsePath(VALUE)], [], {
      ...sink,
      notify(entries, telling) {
        confirmable.push(telling.confirmable);
        sink.notify(entries, telling);
      },
    });
    await write('/1/0/1', 500);
    expect(confirmable).toEqual([true]);
  });

  test('thresholds belong to paths, not to the request', async () => {
    expect((await observeComposite([VALUE], ['gt=5'])).result.status).toBe('bad-request');
    await attach(VALUE, 'st=10', 'pmax=5');
    const { told } = await observeComposite([VALUE], ['pmin=1']);
    await set(21);
    await clock.advance(10_000);
    expect(told).toEqual([]);
    await set(31);
    await clock.advance(1000);
    expect(told.length).toBe(1);
  });

  test('what cannot be read now is left out, and told once it can', async () => {
    const field = { maxAgeMs: 1000, staleAfterMs: 60_000 };
    device.addInstance({ definition: definition(3304), instance: 0, resources: [{ id: 5700, field }] });
    const { told, result } = await observeComposite(['/d01/3304/0/5700']);
    expect(first(result)).toEqual([]);
    await set(40, 3304);
    expect(told).toEqual(['/d01/3304/0/5700=40@0']);
  });

  test('overlapping paths are told once', async () => {
    const { result } = await observeComposite(['/d01/3303', VALUE, '/d01/3303/0']);
    expect(first(result)).toEqual([`${VALUE}=20`, '/d01/3303/0/5701=Cel']);
  });
});

describe('observing one path', () => {
  test('int-303 Observe=1 above ends all below', async () => {
    const one = await observe();
    const other = await observe('/1/0/1');
    service.cancel(parsePath('/d01/3303/0'));
    await set(21);
    expect([one.told, other.told, session.status.observations]).toEqual([['dropped'], [], 1]);
  });

  test('the same wish again takes the place of the first, another one does not (digest 9.1)', async () => {
    const before = await observe();
    const again = await observe();
    const other = await observe(VALUE, ['pmin=1']);
    await set(21);
    await clock.advance(1000);
    expect([before.told, again.told.length, other.told.length]).toEqual([['dropped'], 1, 1]);
  });

  test('X55 a threshold below what is observed means nothing', async () => {
    await attach(VALUE, 'gt=100');
    const { told } = await observe('/d01/3303/0');
    await set(21);
    expect(told.length).toBe(1);
  });

  test('epmax has the field asked that often (OMA Core 1.2.2 7.3.2)', async () => {
    const asked: number[] = [];
    device = createTree({
      clock,
      refresh: async () => {
        asked.push(clock.monotonic() / 1000);
        device.update([{ ids: [3303, 0, 5700], value: asked.length, at: clock.now(), quality: 4 }]);
      },
    });
    const field = { maxAgeMs: 3600_000, staleAfterMs: 7200_000 };
    device.addInstance({ definition: definition(3303), instance: 0, resources: [{ id: 5700, field }] });
    const { told } = await observe(VALUE, ['epmax=10']);
    await clock.advance(31_000);
    expect(asked).toEqual([0, 10, 20, 30]);
    expect(told.length).toBe(3);
  });

  test('attached attributes survive a restart, and go with their instance', async () => {
    let kept: unknown;
    const attributes = {
      load: () => kept,
      save: (current: () => unknown) => (kept = JSON.parse(JSON.stringify(current()))),
    };
    open({ attributes });
    session.start();
    await clock.advance(0);
    await attach(VALUE, 'pmin=3', 'gt=9007199254740993');
    await attach('/d01/3303', 'pmax=60');
    open({ attributes });
    session.start();
    await clock.advance(0);
    const links = async (path: string): Promise<unknown> => {
      const result = await service.perform({ kind: 'discover', path: parsePath(path), depth: 0 });
      return 'links' in result ? result.links : result.status;
    };
    expect(await links(VALUE)).toBe('</3303/0/5700>;pmax=60;pmin=3;gt=9007199254740993');
  });
});

describe('Send (OMA Core 1.2.2 6.4.6)', () => {
  const send = (paths: string[], deferMs = 0): Promise<SendResult> =>
    session.send(paths.map(parsePath), { deferMs });

  /** What a promise has come to by now, if anything. */
  async function soon(result: Promise<SendResult>, ms = 1000): Promise<unknown> {
    let status: unknown = 'waits';
    void result.then((settled) => {
      status = settled.status;
    });
    await clock.advance(ms);
    return status;
  }

  const readGateway = async (): Promise<void> => {
    await service.perform({ kind: 'read', path: parsePath('/25') });
    await clock.advance(1000);
  };

  test('G-92 the gateway and its devices share a message', async () => {
    await readGateway();
    expect(await soon(send(['/1/0/1', VALUE]))).toBe('sent');
    expect(sent).toEqual([`ok /1/0/1=86400 ${VALUE}=20`]);
  });

  test.each(['absent', true] as const)('G-93, X48 Mute Send %s sends nothing', async (mute) => {
    open({}, true, mute);
    session.start();
    await clock.advance(0);
    expect(await soon(send(['/1/0/1']))).toBe('muted');
    expect(sent).toEqual([]);
  });

  test('G-94 what has a prefix waits until the server has read /25, and what has none does not', async () => {
    expect(await soon(send([VALUE]))).toBe('unavailable');
    const result = send(['/1/0/1', VALUE], 3600_000);
    expect(await soon(result)).toBe('waits');
    expect(sent).toEqual(['ok /1/0/1=86400']);
    await readGateway();
    expect(await soon(result)).toBe('sent');
    expect(sent).toEqual(['ok /1/0/1=86400', `ok ${VALUE}=20`]);
  });

  test.each(['4.00', '4.04'])(
    'G-94 after %s it is kept, and sent when /25 has been read anew',
    async (code) => {
      await readGateway();
      sendAnswers = [{ status: 'refused', code }];
      const result = send([VALUE], 3600_000);
      expect(await soon(result, 60_000)).toBe('waits');
      await readGateway();
      expect(await soon(result)).toBe('sent');
      expect(sent).toEqual([`${code} ${VALUE}=20`, `ok ${VALUE}=20`]);
    },
  );

  test('4.04 brings an Update, which shows whether the server knows us', async () => {
    sendAnswers = [{ status: 'refused', code: '4.04' }];
    isKnown = false;
    expect(await soon(send(['/1/0/1']))).toBe('refused');
    expect(heard).toEqual(['register', 'update', 'register']);
  });

  test('offline it fails at once, or waits in its order for as long as told', async () => {
    session.setOffline(true, 'ordered');
    expect(await soon(send(['/1/0/1']))).toBe('unavailable');
    const results = ['/1/0/1', '/1/0/0'].map((path) => send([path], 60_000));
    const late = send(['/1/0/7'], 5000);
    expect(await soon(late, 6000)).toBe('expired');
    session.setOffline(false, 'ordered');
    await clock.advance(100);
    expect(await Promise.all(results)).toEqual([{ status: 'sent' }, { status: 'sent' }]);
    expect(sent).toEqual(['ok /1/0/1=86400', 'ok /1/0/0=1']);
  });

  test('no path that cannot be read is sent, nor what no server may see', async () => {
    expect(await soon(send(['/1/0/1', '/d01/3303/9']))).toBe('not-found');
    expect(await soon(send(['/0/0/0']))).toBe('unauthorized');
    expect(sent).toEqual([]);
  });
});
