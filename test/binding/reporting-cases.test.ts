import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, createTimers, silentLogger, type Timers } from '../../src/base/index.ts';
import { openCoapUplink } from '../../src/binding/index.ts';
import { createSession, type Session } from '../../src/client/index.ts';
import { type ObjectDefinition, omaRegistry, parsePath } from '../../src/model/index.ts';
import { gatewayDeviceInstance, gatewayInstance } from '../../src/objects/index.ts';
import { createTree, type Tree } from '../../src/tree/index.ts';
import { accountInstance } from '../support/account.ts';
import { attend } from '../support/attend.ts';
import { type Incoming, type Lockstep, startLockstep } from '../support/lockstep.ts';

/**
 * Information reporting on the wire, by the numbers of the OMA test specification: a session with its real socket
 * against a server that shares no code with it. Its clock goes fifty times as fast as ours.
 */

const SENML_JSON = 110;
const SENML_CBOR = 112;
const SPEED = 50;

const hurried: Clock = {
  now: () => 1_700_000_000_000 + performance.now() * SPEED,
  monotonic: () => performance.now() * SPEED,
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs / SPEED);
    return () => clearTimeout(timer);
  },
};

function definition(object: number, version?: string): ObjectDefinition {
  const found = omaRegistry().find(object, version);
  if (found === undefined) throw new Error(`no object ${object}`);
  return found;
}

let timers: Timers;
let server: Lockstep;
let attendance: ReturnType<typeof attend>;
let session: Session;
let own: Tree;
let a: Tree;
let b: Tree;

function sensor(tree: Tree, instance: number): void {
  tree.addInstance({
    definition: definition(3303),
    instance,
    resources: [
      { id: 5700, value: 20 },
      { id: 5701, value: 'Cel' },
    ],
  });
}

beforeEach(async () => {
  timers = createTimers(hurried, 50);
  own = createTree({ clock: hurried });
  a = createTree({ clock: hurried });
  b = createTree({ clock: hurried });
  own.addInstance(
    accountInstance(
      { shortServerId: 1, lifetimeS: 86_400, notificationMode: 'non', muteSend: false },
      () => session,
    ),
  );
  own.addInstance(
    gatewayDeviceInstance(definition(3), { manufacturer: 'gateway' }, { clock: hurried, restart() {} }),
  );
  sensor(a, 0);
  a.addInstance({ definition: definition(3306), instance: 0, resources: [{ id: 5850, value: false }] });
  sensor(b, 0);
  const devices = new Map([
    ['d01', a],
    ['d02', b],
  ]);
  for (const [index, prefix] of [...devices.keys()].entries()) {
    const end = { deviceId: `urn:dev:os:32473-${prefix}`, prefix, objects: () => '</3303/0>' };
    own.addInstance(gatewayInstance(definition(25, '2.0'), index, end));
  }
  server = await startLockstep();
  attendance = attend(server);
  session = createSession(
    {
      endpoint: 'gw-1',
      shortServerId: 1,
      serverInstance: 0,
      queueMode: false,
      release: '1.2',
      retry: { firstMs: 2500, factor: 1, mostMs: 2500, jitter: 0 },
      transmitWaitMs: 93_000,
    },
    {
      trees: (prefix) => {
        const device = devices.get(prefix);
        return prefix === '' ? [own] : device === undefined || !device.exists([3303]) ? [] : [device];
      },
    },
    {
      clock: hurried,
      timers,
      log: silentLogger,
      random: Math.random,
      openUplink: (service) =>
        openCoapUplink(
          {
            host: '127.0.0.1',
            port: server.port,
            attempt: 0,
            transmission: { ackTimeoutMs: 15_000, ackRandomFactor: 1, maxRetransmit: 1 },
          },
          service,
          { clock: hurried, timers, log: silentLogger, random: Math.random },
        ),
    },
  );
  session.start();
  await until(() => session.status.phase === 'registered');
});

afterEach(async () => {
  server.acknowledge = true;
  await session.stop(100);
  await attendance.stop();
  timers.stop();
  server.close();
});

async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1500 && !isSo(); turn++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(isSo()).toBe(true);
}

const seconds = (count: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, (count * 1000) / SPEED));

/** Seconds of the session's clock that something takes. */
async function timed<T>(wait: () => Promise<T>): Promise<[T, number]> {
  const from = hurried.monotonic();
  const result = await wait();
  return [result, (hurried.monotonic() - from) / 1000];
}

const text = ({ payload }: Incoming): string => payload.toString();
const set = (tree: Tree, value: number | boolean, object = 3303): void => {
  const resource = object === 3303 ? 5700 : 5850;
  tree.update([{ ids: [object, 0, resource], value, at: hurried.now(), quality: 4 }]);
};
const observe = (path: string, accept?: number): Promise<Incoming> =>
  server.ask('0.01', path, accept === undefined ? { observe: 0 } : { observe: 0, accept });
const attach = async (path: string): Promise<string> => (await server.ask('0.03', path)).code;
const write = (path: string, value: string): Promise<Incoming> =>
  server.ask('0.03', path, { payload: value, contentFormat: 0 });
const next = ({ token }: Incoming): Promise<Incoming> => server.nextNotification(token);
const waiting = ({ token }: Incoming): number => server.notificationsWaiting(token);

/** A request body that names paths, in SenML JSON. */
const naming = (...paths: string[]) => ({
  payload: JSON.stringify(paths.map((n) => ({ n }))),
  contentFormat: SENML_JSON,
});
const fetch = (paths: string[], observed: 0 | 1, more: { token?: Buffer; query?: string } = {}) =>
  server.ask('0.05', more.query ?? '', {
    ...naming(...paths),
    observe: observed,
    ...(more.token === undefined ? {} : { token: more.token }),
  });

/** Name and value of each record, in the order of the names. */
function records(message: Incoming): string[] {
  let base = '';
  const pack = JSON.parse(text(message)) as {
    bn?: string;
    n?: string;
    v?: unknown;
    vs?: unknown;
    vb?: unknown;
  }[];
  return pack
    .map(({ bn, n, v, vs, vb }) => {
      base = bn ?? base;
      return `${base}${n ?? ''}=${v ?? vs ?? vb}`;
    })
    .sort();
}

const VALUE = '/d01/3303/0/5700';
/** What timers and sockets of a busy machine may add, in seconds of the session's clock. */
const SLACK_S = 4;

describe('single observations', () => {
  test('int-301 notifications come within the windows of pmin and pmax', async () => {
    expect(await attach(`${VALUE}?pmin=5&pmax=15`)).toBe('2.04');
    const first = await observe(VALUE);
    const [silent, late] = await timed(() => next(first));
    expect([text(silent), late > 14 && late < 15 + SLACK_S]).toEqual(['20', true]);
    set(a, 21);
    const [changed, soon] = await timed(() => next(first));
    expect([text(changed), soon > 4 && soon < 5 + SLACK_S]).toEqual(['21', true]);
  });

  test('int-302 a reset ends one observation, the other goes on', async () => {
    const [one, two] = [await observe(VALUE), await observe('/d02/3303/0/5700')];
    set(a, 21);
    const { messageId } = await next(one);
    server.sendRaw(Buffer.from([0x70, 0, messageId >> 8, messageId & 255]));
    await until(() => session.status.observations === 1);
    set(b, 22);
    expect(text(await next(two))).toBe('22');
  });

  test('int-303 Observe=1 on an instance ends what is observed below it', async () => {
    await observe(VALUE);
    await observe('/d01/3303/0/5701');
    const stays = await observe('/d02/3303/0/5700');
    const answer = await server.ask('0.01', '/d01/3303/0', { observe: 1 });
    expect([answer.code, answer.observe, session.status.observations]).toEqual(['2.05', undefined, 1]);
    set(b, 22);
    expect(text(await next(stays))).toBe('22');
  });

  test('int-312 attributes in the request are honoured', async () => {
    const first = await observe(`${VALUE}?pmin=5&pmax=15`);
    const [, late] = await timed(() => next(first));
    expect(late > 14 && late < 15 + SLACK_S).toBe(true);
  });

  test('int-313 attributes in the request stand in place of attached ones', async () => {
    await attach(`${VALUE}?pmax=60`);
    const first = await observe(`${VALUE}?pmax=10`);
    const [, late] = await timed(() => next(first));
    expect(late).toBeLessThan(10 + SLACK_S);
  });

  test('X14 a pmax below pmin is accepted and ignored', async () => {
    expect(await attach(`${VALUE}?pmin=20&pmax=5`)).toBe('2.04');
    const first = await observe(VALUE);
    await seconds(15);
    expect(waiting(first)).toBe(0);
  });

  test('X22 two changes within pmin are one notification at its end', async () => {
    await attach(`${VALUE}?pmin=10`);
    const first = await observe(VALUE);
    set(a, 21);
    set(a, 22);
    const [told, late] = await timed(() => next(first));
    expect([text(told), late > 8]).toEqual(['22', true]);
    await seconds(12);
    expect(waiting(first)).toBe(0);
  });

  test('X26 an instance that is deleted ends its observation with 4.04', async () => {
    const first = await observe(VALUE);
    a.removeInstance(3303, 0);
    const last = await next(first);
    expect([last.code, last.observe]).toEqual(['4.04', undefined]);
  });

  test('X53 edge=1 tells the rising edge only', async () => {
    set(a, true, 3306);
    const first = await observe('/d01/3306/0/5850?edge=1');
    set(a, false, 3306);
    await seconds(2);
    set(a, true, 3306);
    expect(text(await next(first))).toBe('1');
    await seconds(2);
    expect(waiting(first)).toBe(0);
  });

  test('X54 gt is crossed in both directions', async () => {
    const first = await observe(`${VALUE}?gt=25`);
    const told: string[] = [];
    for (const value of [24, 26, 30, 24]) {
      set(a, value);
      await seconds(2);
      while (waiting(first) > 0) told.push(text(await next(first)));
    }
    expect(told).toEqual(['26', '24']);
  });

  test('X55 a threshold of a resource does not hold for its instance', async () => {
    await attach(`${VALUE}?gt=100`);
    const first = await observe('/d01/3303/0', SENML_JSON);
    set(a, 21);
    expect(records(await next(first))).toContain(`${VALUE}=21`);
  });

  test('X56 pmin equal to pmax is periodic', async () => {
    const first = await observe(`${VALUE}?pmin=5&pmax=5`);
    const times: number[] = [];
    for (let round = 0; round < 3; round++) times.push((await timed(() => next(first)))[1]);
    for (const time of times) expect(Math.abs(time - 5)).toBeLessThan(SLACK_S);
  });
});

describe('Observe-Composite', () => {
  test('int-304, int-305 all paths are told by the periods of each, until Observe=1 with the same list', async () => {
    await attach('/1/0/1?pmin=30&pmax=45');
    const paths = ['/1/0/1', '/3/0/16', VALUE];
    const first = await fetch(paths, 0);
    expect([first.code, first.contentFormat, records(first)]).toEqual([
      '2.05',
      SENML_JSON,
      ['/1/0/1=86400', `/3/0/16=UT`, `${VALUE}=20`],
    ]);
    const [told, late] = await timed(() => next(first));
    expect([records(told).length, late > 43 && late < 45 + SLACK_S]).toEqual([3, true]);
    const last = await fetch(paths, 1, { token: first.token });
    expect([last.code, last.observe, records(last).length]).toEqual(['2.05', undefined, 3]);
    set(a, 30);
    await seconds(2);
    expect([waiting(first), session.status.observations]).toEqual([0, 0]);
  });

  test('int-308, int-309 an instance that comes is included, one that goes is not', async () => {
    const first = await fetch(['/d01/3303/0/5700', '/d01/3303/1/5700'], 0);
    sensor(a, 1);
    expect(records(await next(first))).toEqual([`${VALUE}=20`, '/d01/3303/1/5700=20']);
    a.removeInstance(3303, 1);
    expect(records(await next(first))).toEqual([`${VALUE}=20`]);
  });

  test('int-310 pmax that is attached to an object later holds', async () => {
    const first = await fetch(['/3/0/16'], 0);
    await attach('/3?pmax=5');
    const [, late] = await timed(() => next(first));
    expect(late).toBeLessThan(5 + SLACK_S);
  });

  test('G-89, G-90 one message over the gateway and its devices, and without one that is removed', async () => {
    const first = await fetch(['/3/0/0', VALUE, '/d02/3303/0/5700'], 0);
    set(a, 21);
    const all = ['/3/0/0=gateway', `${VALUE}=21`, '/d02/3303/0/5700=20'];
    expect(records(await next(first))).toEqual(all);
    b.clear();
    own.removeInstance(25, 1);
    expect(records(await next(first))).toEqual(all.slice(0, 2));
  });

  test('X57 con=1 in the request makes it confirmable', async () => {
    const first = await fetch([VALUE], 0, { query: '?con=1' });
    set(a, 21);
    expect((await next(first)).confirmable).toBe(true);
  });

  test.each([
    ['?gt=5', '4.00'],
    ['?foo=1', '4.00'],
  ])('attributes %s are %s', async (query, code) => {
    expect((await fetch([VALUE], 0, { query })).code).toBe(code);
  });

  test('another format than a list of names is 4.15, a broken one 4.00, an Accept for one value 4.06', async () => {
    const ask = (contentFormat: number, payload: string, accept?: number): Promise<Incoming> =>
      server.ask('0.05', '', {
        contentFormat,
        payload,
        observe: 0,
        ...(accept === undefined ? {} : { accept }),
      });
    expect((await ask(0, VALUE)).code).toBe('4.15');
    expect((await ask(SENML_JSON, '[{')).code).toBe('4.00');
    expect((await ask(SENML_JSON, `[{"n":"${VALUE}"}]`, 0)).code).toBe('4.06');
  });
});

describe('a server that does not acknowledge', () => {
  const updates = (): number => attendance.requests.filter(({ path }) => path === 'rd/1').length;

  test('X23, X24 is sent an Update, then what it has missed with its times, by the same observation', async () => {
    await write('/1/0/26', '1');
    const first = await observe(VALUE, SENML_JSON);
    server.acknowledge = false;
    set(a, 21);
    await next(first);
    for (const value of [22, 23]) set(a, value);
    await until(() => updates() === 1);
    server.acknowledge = true;
    await until(() => session.status.stored === 0);
    let told = await next(first);
    while (records(told).length < 3) told = await next(first);
    expect(records(told)).toEqual([21, 22, 23].map((value) => `${VALUE}=${value}`));
    expect(text(told)).toMatch(/"bt":17\d{8}.*"t":/);
    expect(session.status.observations).toBe(1);
  });

  test('X24, G-69 offline, of five changes the two newest are told, of each path', async () => {
    await attach(`${VALUE}?hqmax=2`);
    await attach('/d02/3303/0/5700?hqmax=2');
    const [one, two] = [await observe(VALUE, SENML_CBOR), await observe('/d02/3303/0/5700')];
    session.setOffline(true, 'ordered');
    for (const value of [21, 22, 23, 24, 25]) {
      set(a, value);
      set(b, value + 10);
    }
    await seconds(5);
    expect([waiting(one), waiting(two)]).toEqual([0, 0]);
    session.setOffline(false, 'ordered');
    const history = await next(one);
    const bytes = history.payload.toString('hex');
    // Two records; 24 and 25 as half-precision floats.
    expect([bytes.slice(0, 2), bytes.includes('02f94e00'), bytes.includes('02f94e40')]).toEqual([
      '82',
      true,
      true,
    ]);
    expect([text(await next(two)), text(await next(two))]).toEqual(['34', '35']);
  });

  test('X25 without storing is told the current value only', async () => {
    await write('/1/0/6', '0');
    const first = await observe(VALUE);
    session.setOffline(true, 'ordered');
    for (const value of [21, 22, 23]) set(a, value);
    session.setOffline(false, 'ordered');
    expect(text(await next(first))).toBe('23');
    await seconds(2);
    expect(waiting(first)).toBe(0);
  });

  test('X58, G-70 that has forgotten us is told nothing, until it observes again', async () => {
    const first = await observe(VALUE, SENML_JSON);
    session.setOffline(true, 'ordered');
    set(a, 21);
    const { requests } = attendance;
    await attendance.stop();
    session.setOffline(false, 'ordered');
    const update = await server.nextRequest();
    server.respond(update, '4.04');
    attendance = attend(server);
    await until(
      () => requests.length > 0 && session.status.phase === 'registered' && session.status.observations === 0,
    );
    set(a, 22);
    await seconds(2);
    expect(waiting(first)).toBe(0);
    const again = await observe(VALUE, SENML_JSON);
    expect(records(again)).toEqual([`${VALUE}=22`]);
    expect(records(await next(again))).toEqual([`${VALUE}=21`]);
  });
});

describe('Send', () => {
  const sends = (): Incoming[] => attendance.requests.filter(({ path }) => path === 'dp');
  const send = (paths: string[], contentFormat = SENML_JSON, deferMs = 0) =>
    session.send(paths.map(parsePath), { contentFormat, deferMs });
  const readGateway = async (): Promise<void> => {
    await server.ask('0.01', '/25', { accept: SENML_JSON });
    await seconds(2);
  };

  test('int-306, int-311 posts what is registered to /dp', async () => {
    expect(await send(['/1/0/1', '/3/0/16'])).toEqual({ status: 'sent' });
    const [message] = sends();
    expect([message?.code, message?.contentFormat, message?.confirmable]).toEqual(['0.02', SENML_JSON, true]);
    expect(message === undefined ? [] : records(message)).toEqual(['/1/0/1=86400', '/3/0/16=UT']);
  });

  test('int-307, X48, G-93 nothing is sent while Send is muted', async () => {
    expect((await send(['/1/0/1'])).status).toBe('sent');
    await write('/1/0/23', '1');
    expect((await send(['/1/0/1'])).status).toBe('muted');
    await write('/1/0/23', '0');
    expect((await send(['/1/0/1'])).status).toBe('sent');
    expect(sends().length).toBe(2);
  });

  test('G-92 the gateway and two devices, byte by byte in LwM2M CBOR', async () => {
    await readGateway();
    await send(['/1/0/1', '/d01/3306/0/5850', '/d02/3303/0/5701'], 11544);
    const [message] = sends();
    expect([message?.contentFormat, message?.payload.toString('hex')]).toEqual([
      11544,
      'a3830100011a000151808463643031190cea001916daf48463643032190ce70019164563' + '43656c',
    ]);
  });

  test('G-94 what has a prefix is withheld until /25 was read', async () => {
    const result = send([VALUE], SENML_JSON, 600_000);
    await seconds(3);
    expect(sends()).toEqual([]);
    await readGateway();
    expect(await result).toEqual({ status: 'sent' });
    expect(sends().map(records)).toEqual([[`${VALUE}=20`]]);
  });
});
