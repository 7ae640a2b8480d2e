import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger, systemClock, type Timers } from '../../src/base/index.ts';
import { openBootstrapUplink } from '../../src/binding/index.ts';
import {
  type Bootstrap,
  type Bootstrapped,
  type BootstrapTask,
  type Configuration,
  EMPTY,
  instancesOf,
  merge,
  readAccounts,
  startBootstrap,
} from '../../src/client/index.ts';
import { type ObjectDefinition, omaRegistry } from '../../src/model/index.ts';
import type { ResourceValue } from '../../src/tree/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { type Incoming, type Lockstep, startLockstep } from '../support/lockstep.ts';

/**
 * Bootstrap on the wire, against a Bootstrap-Server that shares no code with the gateway: the cases of the ETS
 * (`int-`), those of its negative tests (`X`), and those of the Gateway enabler (`G-`).
 */

const SENML_JSON = 110;
const SENML_CBOR = 112;
const TLV = 11542;
const LINK_FORMAT = 40;

const NO_KEY = Buffer.alloc(0);

function definition(object: number): ObjectDefinition {
  const found = omaRegistry().find(object);
  if (found === undefined) throw new Error(`no object ${object}`);
  return found;
}

function put(
  onto: Configuration,
  object: number,
  instance: number,
  values: Record<number, ResourceValue>,
): Configuration {
  return merge(
    onto,
    object,
    instance,
    new Map(Object.entries(values).map(([id, value]) => [Number(id), value])),
  );
}

/** C.13: only the account of the Bootstrap-Server, as /0/1. */
const factory = (): Configuration =>
  put(EMPTY, 0, 1, { 0: `coap://127.0.0.1:${server.port}`, 1: true, 2: 3, 3: NO_KEY, 4: NO_KEY, 5: NO_KEY });

const SECURITY = JSON.stringify([
  { bn: '/0/0/', n: '0', vs: 'coap://s.example:5683' },
  { n: '1', vb: false },
  { n: '2', v: 3 },
  { n: '3', vd: '' },
  { n: '4', vd: '' },
  { n: '5', vd: '' },
  { n: '10', v: 1 },
]);
const SERVER = JSON.stringify([
  { bn: '/1/0/', n: '0', v: 1 },
  { n: '1', v: 86400 },
  { n: '6', vb: false },
  { n: '7', vs: 'U' },
]);

let server: Lockstep;
let clock: FakeClock;
let patience: Timers;
let real: Timers;
let bootstrap: Bootstrap;
let outcome: Promise<Bootstrapped>;

beforeEach(async () => {
  server = await startLockstep();
  real = createTimers(systemClock, 5);
  clock = createFakeClock();
  patience = createTimers(clock, 5);
});

afterEach(async () => {
  bootstrap.stop();
  await outcome;
  await clock.advance(20_000);
  real.stop();
  server.close();
});

/** Hold-off and silence run on the fake clock, the sockets on the real one. */
function begin(task: Partial<BootstrapTask> = {}): void {
  const configuration = task.configuration ?? factory();
  const { bootstrap: account } = readAccounts(configuration);
  if (account === undefined) throw new Error('no Bootstrap-Server');
  bootstrap = startBootstrap(
    { endpoint: 'gw-1', account, configuration, triesPack: false, holdsOff: false, ...task },
    {
      timers: patience,
      log: silentLogger,
      release: '1.2',
      configurable: new Map([0, 1, 2].map((object) => [object, definition(object)])),
      fixed: () => [
        { definition: definition(3), instances: [0] },
        { definition: { ...definition(25), version: '2.0' }, instances: [0, 1] },
      ],
      openUplink: ({ uri }, service) =>
        openBootstrapUplink({ ...uri, attempt: 0 }, service, {
          clock: systemClock,
          timers: real,
          log: silentLogger,
          random: Math.random,
        }),
    },
  );
  outcome = bootstrap.outcome;
}

async function requested(task: Partial<BootstrapTask> = {}): Promise<Incoming> {
  begin(task);
  const request = await server.nextRequest();
  server.respond(request, '2.04');
  return request;
}

const write = (path: string, payload: string | Buffer, contentFormat = SENML_JSON): Promise<Incoming> =>
  server.ask('0.03', path, { payload, contentFormat });
const discover = async (path = ''): Promise<string> =>
  (await server.ask('0.01', path, { accept: LINK_FORMAT })).payload.toString();
const finish = (): Promise<Incoming> => server.ask('0.02', '/bs');

async function configured(): Promise<Configuration> {
  const result = await outcome;
  if (result.status !== 'done') throw new Error(result.message);
  return result.configuration;
}

describe('client-initiated bootstrap', () => {
  test('int-0 int-1 request, writes, Discover, Finish: the account is there', async () => {
    const request = await requested();
    expect(request).toMatchObject({ code: '0.02', path: 'bs', query: ['ep=gw-1', `pct=${SENML_CBOR}`] });
    expect(request.payload).toHaveLength(0);
    expect((await write('/0', SECURITY)).code).toBe('2.04');
    expect((await write('/1', SERVER)).code).toBe('2.04');
    expect(await discover()).toBe(
      '</>;lwm2m=1.2,</0/0>;ssid=1;uri="coap://s.example:5683",</0/1>,</1/0>;ssid=1,</2>,</3/0>,</25>;ver=2.0,</25/0>,</25/1>',
    );
    expect((await finish()).code).toBe('2.04');
    const { servers, bootstrap: own } = readAccounts(await configured());
    expect(servers).toMatchObject([{ shortServerId: 1, security: { uri: { host: 's.example' } } }]);
    expect(own?.security.instance).toBe(1);
  });

  test('int-2 an account with certificates is taken as it is; the handshake is shown by the tests of DTLS', async () => {
    await requested();
    const key = (text: string): string => Buffer.from(text).toString('base64url');
    const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
    const certificates = JSON.stringify([
      { bn: '/0/0/', n: '0', vs: 'coaps://s.example:5684' },
      { n: '1', vb: false },
      { n: '2', v: 2 },
      { n: '3', vd: key('client certificate') },
      { n: '4', vd: key('server certificate') },
      { n: '5', vd: key('private key') },
      { n: '10', v: 1 },
    ]);
    expect((await write('/0', certificates)).code).toBe('2.04');
    expect((await write('/1', SERVER)).code).toBe('2.04');
    expect((await finish()).code).toBe('2.04');
    const [account] = readAccounts(await configured()).servers;
    expect(account?.security.credentials).toMatchObject({
      mode: 'certificate',
      identity: bytes('client certificate'),
      serverPublicKey: bytes('server certificate'),
      secretKey: bytes('private key'),
    });
  });

  test('int-4 X33 Delete leaves the account of the Bootstrap-Server and Device; reads see the new state', async () => {
    await requested({ configuration: put(factory(), 1, 0, { 0: 1, 1: 60, 6: true, 7: 'U' }) });
    expect((await server.ask('0.01', '/1', { accept: TLV })).payload.toString('hex')).toBe(
      '08000cc10001c1013cc10601c10755',
    );
    expect((await server.ask('0.04', '/1')).code).toBe('2.02');
    expect((await server.ask('0.01', '/1', { accept: TLV })).payload).toHaveLength(0);
    expect((await server.ask('0.01', '/1/0')).code).toBe('4.04');
    await write('/0', SECURITY);
    expect((await server.ask('0.04', '/0')).code).toBe('2.02');
    expect(await discover('/0')).toBe('</>;lwm2m=1.2,</0/1>');
    await write('/1', SERVER);
    expect((await server.ask('0.04', '')).code).toBe('2.02');
    expect(await discover()).toBe('</>;lwm2m=1.2,</0/1>,</1>,</2>,</3/0>,</25>;ver=2.0,</25/0>,</25/1>');
    expect((await server.ask('0.04', '/0/7')).code).toBe('2.02');
  });

  test('what stays may not be deleted by its own path (OMA Core 1.2.2 6.1.7.5)', async () => {
    await requested();
    expect((await server.ask('0.04', '/0/1')).code).toBe('4.00');
    expect((await server.ask('0.04', '/3/0')).code).toBe('4.00');
    expect((await server.ask('0.04', '/3')).code).toBe('2.02');
    expect((await server.ask('0.04', '/1/0/1')).code).toBe('4.05');
  });

  test('int-8 writes object 2 and reads 1 and 2 back', async () => {
    await requested();
    await write('/0', SECURITY);
    await write('/1', SERVER);
    const rights = [
      { bn: '/2/0/', n: '0', v: 3 },
      { n: '1', v: 0 },
      { n: '2/0', v: 31 },
      { n: '3', v: 65535 },
    ];
    expect((await write('/2', JSON.stringify(rights))).code).toBe('2.04');
    const read = await server.ask('0.01', '/2', { accept: SENML_JSON });
    expect(JSON.parse(read.payload.toString())).toEqual([
      { bn: '/2/0/', n: '0', v: 3 },
      { n: '1', v: 0 },
      { n: '2/0', v: 31 },
      { n: '3', v: 65535 },
    ]);
    expect((await server.ask('0.01', '/1')).code).toBe('2.05');
    expect((await finish()).code).toBe('2.04');
    expect(
      instancesOf(await configured(), 2)
        .get(0)
        ?.get(2),
    ).toEqual(new Map([[0, 31]]));
  });

  test('int-9 X31 Finish without a complete account is 4.06, and can be mended', async () => {
    await requested();
    expect((await write('/1/0/5', '86400', 0)).code).toBe('2.04');
    const refused = await finish();
    expect(refused.code).toBe('4.06');
    expect(refused.payload.toString()).toContain('/1/0/0 is missing');
    await write('/0', SECURITY);
    await write('/1', SERVER);
    expect((await finish()).code).toBe('2.04');
    expect(
      instancesOf(await configured(), 1)
        .get(0)
        ?.get(5),
    ).toBe(86400);
  });

  test('X32 without Finish for 247 s it has failed, and nothing is changed; each command counts anew', async () => {
    await requested();
    await write('/0', SECURITY);
    await clock.advance(246_000);
    await write('/1', SERVER);
    await clock.advance(246_000);
    expect((await discover('/1')).length).toBeGreaterThan(0);
    await clock.advance(247_100);
    expect(await outcome).toMatchObject({ status: 'failed' });
  });

  test('a refused request has failed', async () => {
    begin();
    server.respond(await server.nextRequest(), '4.00');
    expect(await outcome).toEqual({ status: 'failed', message: 'the Bootstrap-Server answered 4.00' });
  });

  test('the hold-off time is waited for, unless a server asked for the bootstrap (E.1: 11)', async () => {
    const patientFactory = put(factory(), 0, 1, { 11: 20 });
    begin({ configuration: patientFactory, holdsOff: true });
    await clock.advance(19_900);
    await expect(server.nextRequest(100)).rejects.toThrow('no request');
    await clock.advance(200);
    expect((await server.nextRequest()).path).toBe('bs');
  });
});

describe('what a Bootstrap-Server may not do', () => {
  test.each([
    ['X34 read of another object', '0.01', '/3', {}, '4.05'],
    ['X34 read of object 0', '0.01', '/0', { accept: SENML_CBOR }, '4.05'],
    ['read of a resource', '0.01', '/1/0/1', {}, '4.05'],
    ['an unknown object', '0.03', '/9999', { payload: '[]', contentFormat: SENML_JSON }, '4.04'],
    ['Discover of an unknown object', '0.01', '/9999', { accept: LINK_FORMAT }, '4.04'],
    [
      'an object that no bootstrap configures',
      '0.03',
      '/25/0/1',
      { payload: 'd1', contentFormat: 0 },
      '4.05',
    ],
    ['a write to the root', '0.03', '', { payload: SERVER, contentFormat: SENML_JSON }, '4.05'],
    ['a write without a format', '0.03', '/1', { payload: SERVER }, '4.15'],
    ['a format that nobody knows', '0.03', '/1', { payload: SERVER, contentFormat: 9999 }, '4.15'],
    ['a payload that is none', '0.03', '/1', { payload: '[{', contentFormat: SENML_JSON }, '4.00'],
    ['a value of another type', '0.03', '/1/0/1', { payload: 'soon', contentFormat: 0 }, '4.00'],
    ['a value out of range', '0.03', '/1/0/26', { payload: '7', contentFormat: 0 }, '4.00'],
    ['an object without instances', '0.03', '/1', { payload: '[]', contentFormat: SENML_JSON }, '4.00'],
    [
      'a resource that the object does not have',
      '0.03',
      '/1/0/999',
      { payload: '7', contentFormat: 0 },
      '4.04',
    ],
    ['Create', '0.02', '/1', { payload: SERVER, contentFormat: SENML_JSON }, '4.05'],
    ['Execute', '0.02', '/1/0/8', {}, '4.05'],
    ['composite reads', '0.05', '', { payload: '[{"n":"/1"}]', contentFormat: SENML_JSON }, '4.05'],
    ['Write-Attributes', '0.03', '/1/0?pmin=1', {}, '4.05'],
    ['G-104 read of a device', '0.01', '/d01/3303/0', {}, '4.05'],
    ['G-104 write to a device', '0.03', '/d01/3303/0', { payload: '[]', contentFormat: SENML_JSON }, '4.05'],
    ['G-104 delete of a device', '0.04', '/d01/3303/0', {}, '4.05'],
  ])('%s: %s %s', async (_, code, path, more, expected) => {
    await requested();
    expect((await server.ask(code, path, more)).code).toBe(expected);
  });

  test('a write with one bad value changes nothing', async () => {
    await requested();
    const bad = JSON.stringify([
      { bn: '/1/0/', n: '0', v: 1 },
      { n: '1', vs: 'soon' },
    ]);
    expect((await write('/1', bad)).code).toBe('4.00');
    expect(await discover('/1')).toBe('</>;lwm2m=1.2,</1>');
  });

  test('optional resources that are unknown are left out, all else is written (OMA Core 1.2.2 6.1.7.4)', async () => {
    await requested();
    await write('/1', SERVER.replace(']', ',{"n":"4711","v":1}]'));
    const read = await server.ask('0.01', '/1/0', { accept: SENML_JSON });
    expect(read.payload.toString()).not.toContain('4711');
    expect(read.payload.toString()).toContain('86400');
  });

  test('commands before the request are refused', async () => {
    begin({ triesPack: true });
    await server.nextRequest();
    expect((await write('/1', SERVER)).code).toBe('4.05');
  });
});

describe('the Bootstrap-Pack of 1.2', () => {
  const pack = JSON.stringify([...JSON.parse(SECURITY), ...JSON.parse(SERVER)]);

  async function offered(): Promise<Incoming> {
    begin({ triesPack: true, configuration: put(factory(), 2, 0, { 0: 3, 1: 0, 3: 65535 }) });
    return server.nextRequest();
  }

  test('int-12 X37 is asked for first and applied without Finish; objects that are not in it stay', async () => {
    const request = await offered();
    expect(request).toMatchObject({ code: '0.01', path: 'bspack', query: ['ep=gw-1'] });
    server.respond(request, '2.05', { contentFormat: SENML_JSON, payload: pack });
    const configuration = await configured();
    expect(readAccounts(configuration)).toMatchObject({ servers: [{ shortServerId: 1 }], faults: [] });
    expect(instancesOf(configuration, 0).has(1)).toBe(true);
    expect(instancesOf(configuration, 2).has(0)).toBe(true);
  });

  test.each([
    ['X36 is not offered', '5.01', {}],
    ['cannot be read', '2.05', { contentFormat: SENML_JSON, payload: '[{' }],
    ['has no server account', '2.05', { contentFormat: SENML_JSON, payload: SERVER }],
    [
      'G-107 contains a device',
      '2.05',
      { contentFormat: SENML_JSON, payload: pack.replace(']', ',{"bn":"","n":"/d01/3303/0/5700","v":1}]') },
    ],
  ])('when it %s, the classic request follows', async (_, code, more) => {
    server.respond(await offered(), code, more);
    const next = await server.nextRequest();
    expect(next).toMatchObject({ code: '0.02', path: 'bs' });
    server.respond(next, '2.04');
    expect(await discover('/1')).toBe('</>;lwm2m=1.2,</1>');
  });
});

test('G-105 G-106 Discover and Delete of everything neither show nor touch devices', async () => {
  await requested();
  expect(await discover()).not.toContain('d01');
  expect((await server.ask('0.04', '')).code).toBe('2.02');
  expect(await discover('/25')).toBe('</>;lwm2m=1.2,</25>;ver=2.0,</25/0>,</25/1>');
});
