import { beforeEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger } from '../../src/base/index.ts';
import {
  type Answer,
  createSession,
  type Mounts,
  type Operation,
  type Refusing,
  type Registration,
  type Service,
  type Session,
  type Sink,
  type Uplink,
} from '../../src/client/index.ts';
import { type Entry, omaRegistry, parsePath } from '../../src/model/index.ts';
import { GATEWAY_VERSION, gatewayInstance } from '../../src/objects/index.ts';
import { createTree, DONE, type Tree } from '../../src/tree/index.ts';
import { accountInstance } from '../support/account.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

function definition(object: number, version?: string) {
  const found = omaRegistry().find(object, version);
  if (found === undefined) throw new Error(`no object ${object}`);
  return found;
}

/** A server that answers as told, and remembers what it heard. */
interface FakeServer {
  readonly heard: string[];
  answers: Answer[];
  service: Service | undefined;
}

function fakeUplink(server: FakeServer): Uplink {
  const answer = (): Answer => server.answers.shift() ?? { status: 'ok' };
  return {
    register: async ({ release, lifetimeS, objects }: Registration) => {
      server.heard.push(`register ${release} lt=${lifetimeS} ${objects}`);
      return server.answers.shift() ?? { status: 'registered', location: ['rd', '1'] };
    },
    update: async (location, { lifetimeS, objects }) => {
      server.heard.push(`update /${location.join('/')} ${lifetimeS ?? ''} ${objects ?? ''}`.trim());
      return answer();
    },
    deregister: async (location) => {
      server.heard.push(`deregister /${location.join('/')}`);
      return answer();
    },
    send: async () => answer(),
    dropObservations() {},
    close: async () => {},
  };
}

/** Hears notifications, each of which arrives at once. */
function sink(hear: (entries: readonly Entry[], confirmable: boolean) => void): Sink {
  return {
    carriesTime: false,
    variant: '',
    notify(entries, { confirmable, settled }) {
      hear(entries, confirmable);
      settled('told');
    },
    end() {},
    drop() {},
  };
}

let clock: FakeClock;
let own: Tree;
let device: Tree;
let server: FakeServer;
let session: Session;

/** Settles when the way to the server is open. */
let opening: Promise<void>;

function open(shortServerId = 1, serverObject = 0): { server: FakeServer; session: Session } {
  const fake: FakeServer = { heard: [], answers: [], service: undefined };
  const mounts: Mounts = { trees: (prefix) => (prefix === '' ? [own] : prefix === 'd01' ? [device] : []) };
  const opened = createSession(
    {
      endpoint: 'gw-1',
      shortServerId,
      serverInstance: serverObject,
      release: '1.2',
      queueMode: false,
      retry: { firstMs: 1000, factor: 2, mostMs: 60_000, jitter: 0 },
      transmitWaitMs: 93_000,
    },
    mounts,
    {
      clock,
      timers: createTimers(clock, 10),
      log: silentLogger,
      random: () => 0,
      openUplink: async (service) => {
        await opening;
        fake.service = service;
        return fakeUplink(fake);
      },
    },
  );
  return { server: fake, session: opened };
}

beforeEach(() => {
  clock = createFakeClock();
  opening = Promise.resolve();
  own = createTree({ clock });
  device = createTree({ clock });
  const settings = { lifetimeS: 86_400, notificationMode: 'non' } as const;
  for (const id of [1, 2])
    own.addInstance(accountInstance({ shortServerId: id, ...settings }, () => session, id - 1));
  own.addObject(definition(25, GATEWAY_VERSION));
  device.addInstance({
    definition: definition(3303),
    instance: 0,
    resources: [
      { id: 5700, value: 20 },
      { id: 5701, value: 'Cel' },
    ],
  });
  ({ server, session } = open());
});

async function started(): Promise<Service> {
  session.start();
  await clock.advance(0);
  if (server.service === undefined) throw new Error('no uplink was opened');
  return server.service;
}

const perform = async (kind: Operation['kind'], path: string, more: object = {}): Promise<unknown> =>
  (await started()).perform({ kind, path: parsePath(path), ...more } as Operation);

const set = (value: number): void =>
  device.update([{ ids: [3303, 0, 5700], value, at: clock.now(), quality: 4 }]);

describe('keeping a registration', () => {
  test('Object 25 is announced with its version even without devices, and no device object ever (G-01, G-02)', async () => {
    session.start();
    await clock.advance(0);
    expect(server.heard).toEqual(['register 1.2 lt=86400 </1/0>,</1/1>,</25>;ver=2.0']);
  });

  test('versions are worked out anew for an older release (G-03)', async () => {
    server.answers = [{ status: 'unsupported-release' }];
    session.start();
    await clock.advance(0);
    expect(server.heard[1]).toBe('register 1.1 lt=86400 </1/0>,</1/1>,</25>;ver=2.0');
  });

  test('the alert that a server ended a handshake with shows in 1/x/11 until it takes a registration (5.2.10)', async () => {
    const unreachable = { status: 'unreachable', message: 'handshake failed' } as const;
    server.answers = [
      { ...unreachable, alert: { code: 40, from: 'server' } },
      { ...unreachable, alert: { code: 48, from: 'us' } },
    ];
    const shown: unknown[] = [];
    session.start();
    for (const ms of [0, 1000, 2000]) {
      await clock.advance(ms);
      shown.push(own.peek([1, 0, 11]));
    }
    expect(shown).toEqual([40, 40, undefined]);
  });

  test('after a resumption an Update tells where we are, and nothing is registered anew (RFC 7925 9)', async () => {
    (await started()).moved();
    await clock.advance(10);
    expect(server.heard.slice(1)).toEqual(['update /rd/1']);
  });

  test('a device that appears is announced at once with the complete list (G-10)', async () => {
    await started();
    const end = { deviceId: 'urn:dev:os:32473-101', prefix: 'd01', objects: () => '</3303/0>' };
    own.addInstance(gatewayInstance(definition(25, GATEWAY_VERSION), 0, end));
    await clock.advance(10);
    expect(server.heard.slice(1)).toEqual(['update /rd/1  </1/0>,</1/1>,</25>;ver=2.0,</25/0>']);
  });

  test('a new lifetime is told at once and rules from then on', async () => {
    const service = await started();
    const path = parsePath('/1/0/1');
    const entries: Entry[] = [{ path, type: 'integer', value: 60 }];
    await service.perform({ kind: 'write', path, mode: 'replace', entries });
    await clock.advance(31_000);
    expect(server.heard.slice(1)).toEqual(['update /rd/1 60', 'update /rd/1']);
  });

  test('the Registration Update Trigger of the server is an Update without parameters (int-104)', async () => {
    await perform('execute', '/1/0/8', { argument: '' });
    expect(server.heard.length).toBe(1);
    await clock.advance(10);
    expect(server.heard.at(-1)).toBe('update /rd/1');
  });

  test('X29 attempts that nobody answers are 60, 120, 240 and 480 s apart, and then a sequence rests', async () => {
    own.assign(
      [1, 0],
      new Map([
        [17, 5],
        [18, 60],
        [19, 3600],
        [20, 2],
      ]),
    );
    const gone: Answer = { status: 'unreachable', message: 'silence' };
    server.answers = Array.from({ length: 7 }, () => gone);
    session.start();
    await clock.advance(0);
    const at: number[] = [];
    for (let second = 0; second < 4600; second++) {
      while (at.length < server.heard.length) at.push(second);
      await clock.advance(1000);
    }
    expect(at.slice(1).map((time, index) => time - (at[index] ?? 0))).toEqual([60, 120, 240, 480, 3600, 60]);
  });

  test('a server that forgot us is registered with again, and its observations are gone (G-70)', async () => {
    const service = await started();
    const notified: unknown[] = [];
    await service.observe(
      parsePath('/d01/3303/0/5700'),
      [],
      sink((e) => notified.push(e)),
    );
    server.answers = [{ status: 'refused', code: '4.04' }];
    session.trigger();
    await clock.advance(10);
    expect(server.heard.at(-1)).toMatch(/^register 1.2/);
    set(25);
    expect(notified).toEqual([]);
    expect(session.status.observations).toBe(0);
  });

  test.each([
    ['its rest is over', 200_000, 1],
    ['its rest goes on', 50_000, 0],
  ])(
    'Disable ends after its time, also when %s by the end of a time of silence',
    async (_, ms, registrations) => {
      const service = await started();
      own.assign([1, 0], new Map([[5, 100]]));
      await service.perform({ kind: 'execute', path: parsePath('/1/0/4'), argument: '' });
      await clock.advance(1000);
      session.setOffline(true, 'ordered');
      await clock.advance(ms);
      session.setOffline(false, 'ordered');
      await clock.advance(10);
      const heard = server.heard.slice(1).map((text) => text.slice(0, 10));
      expect(heard).toEqual(['deregister', ...Array(registrations).fill('register 1')]);
      await clock.advance(100_000);
      expect(session.status.phase).toBe('registered');
    },
  );

  test('a session that begins in a time of silence registers when it is over', async () => {
    session.setOffline(true, 'ordered');
    session.start();
    await clock.advance(1000);
    expect(server.heard).toEqual([]);
    session.setOffline(false, 'ordered');
    await clock.advance(10);
    expect(session.status.phase).toBe('registered');
  });

  test('a bootstrap that ends does not end the silence that somebody has ordered', async () => {
    await started();
    session.setOffline(true, 'ordered');
    session.setOffline(true, 'bootstrap');
    session.setOffline(false, 'bootstrap');
    session.trigger();
    await clock.advance(10);
    expect(server.heard).toHaveLength(1);
    session.setOffline(false, 'ordered');
    await clock.advance(10);
    expect(server.heard).toHaveLength(2);
  });

  test('stopped before the way to the server is open, it says nothing once it is: another may be registered by then', async () => {
    let open = (): void => {};
    opening = new Promise((resolve) => {
      open = resolve;
    });
    session.start();
    const stopped = session.stop(2000);
    await clock.advance(2100);
    await stopped;
    open();
    await clock.advance(10);
    expect(server.heard).toEqual([]);
  });

  test('stopping de-registers, and does not wait for a server that is silent', async () => {
    await started();
    let stopped = false;
    const never = new Promise<Answer>(() => {});
    server.answers = [never as unknown as Answer];
    void session.stop(2000).then(() => {
      stopped = true;
    });
    await clock.advance(0);
    expect(server.heard.at(-1)).toBe('deregister /rd/1');
    await clock.advance(2100);
    expect(stopped).toBe(true);
  });
});

describe('serving requests', () => {
  test('before the registration stands, requests are told to wait', async () => {
    server.answers = [{ status: 'refused', code: '4.03' }];
    expect(await perform('read', '/d01/3303/0/5700')).toMatchObject({ status: 'unavailable' });
  });

  test.each([
    ['read', '/d01/3303/0/5700', 'content'],
    ['read', '/3303/0', 'not-found'],
    ['read', '/d09/3303/0', 'not-found'],
    ['read', '/D01/3303/0', 'not-found'],
    ['read', '/d01/9999', 'not-found'],
    ['read', '/d01/3303/9', 'not-found'],
    ['read', '/d01/3303/0/1', 'not-found'],
    ['read', '/d01', 'not-allowed'],
    ['discover', '/d01', 'not-allowed'],
    ['read', '/d01/0/0', 'unauthorized'],
    ['read', '/0', 'unauthorized'],
    ['write-attributes', '/21', 'unauthorized'],
    ['discover', '/d01/3303/0/5700/0', 'not-allowed'],
    ['execute', '/d01/3303/0/5700', 'not-allowed'],
    ['execute', '/d01/3303/0', 'not-allowed'],
    ['create', '/25', 'not-allowed'],
    ['delete', '/25/0', 'not-found'],
    ['create', '/9999', 'not-found'],
  ] as const)('%s %s is %s (G-26 to G-33)', async (kind, path, status) => {
    expect(await perform(kind, path, { query: [], argument: '' })).toMatchObject({ status });
  });

  test.each(['', '5', "0='x'", "2='10.3',5"])(
    '%j is a list of arguments (OMA Core 1.2 6.3.5)',
    async (argument) => {
      expect(await perform('execute', '/1/0/8', { argument })).toEqual({ status: 'changed' });
    },
  );

  test.each(['0=1', '0,0', 'a', "0='x", "0='x',0='y'", ','])('%j is none (X17)', async (argument) => {
    expect(await perform('execute', '/1/0/8', { argument })).toMatchObject({ status: 'bad-request' });
  });

  test('Discover shows links without the prefix, and only the asking server its attributes (G-48, G-49, G-60)', async () => {
    const service = await started();
    const path = parsePath('/d01/3303/0/5700');
    await service.perform({ kind: 'write-attributes', path, query: ['pmin=1', 'pmax=5'] });
    const links = async (asked: Service, at: string): Promise<unknown> => {
      const result = await asked.perform({ kind: 'discover', path: parsePath(at) });
      return 'links' in result ? result.links : result.status;
    };
    expect(await links(service, '/d01/3303')).toBe(
      '</3303>;ver=1.1,</3303/0>,</3303/0/5700>;pmin=1;pmax=5,</3303/0/5701>',
    );
    const other = open(2, 1);
    other.session.start();
    await clock.advance(0);
    if (other.server.service === undefined) throw new Error('no second server');
    expect(await links(other.server.service, '/d01/3303/0/5700')).toBe('</3303/0/5700>');
  });

  test.each([
    [['gt=5', 'lt=10'], 'bad-request'],
    [['lt=1', 'gt=6', 'st=3'], 'bad-request'],
    [['pmin=1.9'], 'bad-request'],
    [['foo=2'], 'bad-request'],
    [['pmin=1', 'pmin=2'], 'bad-request'],
    [['edge=1'], 'bad-request'],
    [['pmin=20', 'pmax=10'], 'changed'],
    [['pmin'], 'changed'],
    [['gt=-40.5'], 'changed'],
    [[], 'changed'],
  ])('attributes %j are %s (X10 to X16)', async (query, status) => {
    expect(await perform('write-attributes', '/d01/3303/0/5700', { query })).toMatchObject({ status });
  });
});

describe('observing', () => {
  /** Values and confirmability of what is told about a path. */
  async function observe(path: string, query: string[] = []) {
    const service = await started();
    const told: [unknown, boolean][] = [];
    const ends: Refusing[] = [];
    const result = await service.observe(parsePath(path), query, {
      ...sink((entries, confirmable) => told.push([entries.map(({ value }) => value), confirmable])),
      end: (refusing) => ends.push(refusing),
    });
    return { service, told, ends, result };
  }

  test('a change in the field is told with the prefix in its path (G-62)', async () => {
    const { told, result } = await observe('/d01/3303/0/5700');
    expect(result).toMatchObject({ status: 'content', entries: [{ path: { prefix: 'd01' }, value: 20 }] });
    set(22.5);
    expect(told).toEqual([[[22.5], false]]);
  });

  test('attached attributes rule, also when they come later', async () => {
    const { service, told } = await observe('/d01/3303/0/5700');
    await service.perform({ kind: 'write-attributes', path: parsePath('/d01/3303'), query: ['pmin=10'] });
    set(21);
    set(22);
    expect(told).toEqual([]);
    await clock.advance(10_100);
    expect(told).toEqual([[[22], false]]);
  });

  test('attributes of the request stand in place of attached ones (G-64)', async () => {
    const { service, told } = await observe('/d01/3303/0', ['pmin=0', 'con=1']);
    await service.perform({ kind: 'write-attributes', path: parsePath('/d01/3303/0'), query: ['pmin=60'] });
    set(21);
    expect(told).toEqual([[[21, 'Cel'], true]]);
  });

  test('the defaults of the Server object apply where nothing else does', async () => {
    const { service, told } = await observe('/d01/3303/0/5700');
    const path = parsePath('/1/0/3');
    await service.perform({
      kind: 'write',
      path,
      mode: 'replace',
      entries: [{ path, type: 'integer', value: 30 }],
    });
    await clock.advance(61_000);
    expect(told).toEqual([
      [[20], false],
      [[20], false],
    ]);
  });

  test('a device that is removed ends its observations with one 4.04 each, and no others (G-68)', async () => {
    const gone = await observe('/d01/3303/0/5700');
    const whole = await observe('/d01/3303');
    const stays = await observe('/25');
    device.clear();
    expect([gone.ends, whole.ends, stays.ends]).toEqual([
      [{ status: 'not-found' }],
      [{ status: 'not-found' }],
      [],
    ]);
  });

  test('devices that come and go are told on /25 (G-10, G-12)', async () => {
    const { told } = await observe('/25');
    const end = { deviceId: 'urn:dev:os:1', prefix: 'd01', objects: () => '</3303/0>' };
    own.addInstance(gatewayInstance(definition(25, GATEWAY_VERSION), 0, end));
    own.removeInstance(25, 0);
    expect(told.map(([values]) => values)).toEqual([['urn:dev:os:1', 'd01', '</3303/0>'], []]);
  });

  test('what cannot be read is not observed', async () => {
    expect((await observe('/d01/3303/0/9')).result).toMatchObject({ status: 'not-found' });
    expect((await observe('/d01/3303/0/5700', ['nonsense'])).result).toMatchObject({ status: 'bad-request' });
    expect(session.status.observations).toBe(0);
  });
});

test('an executed resource gets its argument and its caller', async () => {
  const calls: unknown[] = [];
  device.addInstance({
    definition: definition(3303),
    instance: 1,
    resources: [
      {
        id: 5605,
        execute: (argument, caller) => {
          calls.push([argument, caller]);
          return DONE;
        },
      },
    ],
  });
  await perform('execute', '/d01/3303/1/5605', { argument: '5' });
  expect(calls).toEqual([['5', { server: 1 }]]);
});
