import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger, systemClock, type Timers } from '../../src/base/index.ts';
import { openCoapUplink } from '../../src/binding/index.ts';
import { createSession, type Session } from '../../src/client/index.ts';
import { type Ids, type ObjectDefinition, omaRegistry } from '../../src/model/index.ts';
import { gatewayDeviceInstance, gatewayInstance } from '../../src/objects/index.ts';
import { createTree, DONE, type InstanceChange, type Outcome, type Tree } from '../../src/tree/index.ts';
import { accountInstance } from '../support/account.ts';
import { type Incoming, type Lockstep, startLockstep } from '../support/lockstep.ts';

/**
 * The conformance cases of the Gateway enabler, on the wire: a session with its real socket against a server that
 * shares no code with it. Payloads are compared as bytes, or as text where a format is text.
 */

const TLV = 11542;
const SENML_JSON = 110;
const SENML_CBOR = 112;
const LINK_FORMAT = 40;
const TEXT = 0;

function definition(object: number, version?: string): ObjectDefinition {
  const found = omaRegistry().find(object, version);
  if (found === undefined) throw new Error(`no object ${object}`);
  return found;
}

const clock = systemClock;
let timers: Timers;
let server: Lockstep;
let session: Session;
let own: Tree;
let a: Tree;
let b: Tree;
let executed: number;
let written: InstanceChange[];
let fieldAnswers: () => Promise<void>;

function sensor(tree: Tree, instance: number): void {
  tree.addInstance({
    definition: definition(3303),
    instance,
    resources: [
      { id: 5700, value: 22.5 },
      { id: 5701, value: 'Cel' },
      {
        id: 5605,
        execute: (): Outcome => {
          executed++;
          return DONE;
        },
      },
      { id: 5750, value: 'hall' },
    ],
  });
}

function announce(instance: number, deviceId: string, prefix: string, objects: () => string): void {
  own.addInstance(gatewayInstance(definition(25, '2.0'), instance, { deviceId, prefix, objects }));
}

beforeEach(async () => {
  timers = createTimers(clock, 5);
  executed = 0;
  written = [];
  fieldAnswers = async () => {};
  own = createTree({ clock });
  a = createTree({ clock });
  b = createTree({ clock, refresh: () => fieldAnswers() });
  const settings = { shortServerId: 1, lifetimeS: 300, notificationMode: 'non' } as const;
  own.addInstance(accountInstance(settings, () => session));
  own.addInstance(gatewayDeviceInstance(definition(3), { manufacturer: 'gateway' }, { clock, restart() {} }));
  sensor(a, 0);
  sensor(a, 1);
  a.addInstance({
    definition: definition(3),
    instance: 0,
    resources: [
      { id: 0, value: 'meter maker' },
      {
        id: 6,
        value: new Map([
          [0, 1],
          [1, 6],
        ]),
      },
    ],
  });
  b.addInstance({
    definition: definition(3306),
    instance: 0,
    resources: [{ id: 5850, value: false }],
    write: (change) => {
      written.push(change);
      return DONE;
    },
  });
  b.addInstance({
    definition: definition(3303),
    instance: 0,
    resources: [{ id: 5700, field: { maxAgeMs: 1000, staleAfterMs: 3000 } }],
  });
  announce(0, 'urn:dev:os:32473-101', 'd01', () => '</3>;ver=1.2,</3/0>,</3303>;ver=1.1,</3303/0>,</3303/1>');
  announce(1, 'urn:dev:os:32473-102', 'd02', () => '</3306/0>');

  server = await startLockstep();
  const devices = new Map([
    ['d01', a],
    ['d02', b],
  ]);
  session = createSession(
    {
      endpoint: 'gw-1',
      shortServerId: 1,
      serverInstance: 0,
      release: '1.2',
      queueMode: false,
      retry: { firstMs: 50, factor: 1, mostMs: 50, jitter: 0 },
      transmitWaitMs: 93_000,
    },
    {
      trees: (prefix) => {
        const device = devices.get(prefix);
        return prefix === ''
          ? [own]
          : device === undefined || (!device.exists([3303]) && !device.exists([3306]))
            ? []
            : [device];
      },
    },
    {
      clock,
      timers,
      log: silentLogger,
      random: Math.random,
      openUplink: (service) =>
        openCoapUplink({ host: '127.0.0.1', port: server.port, attempt: 0 }, service, {
          clock,
          timers,
          log: silentLogger,
          random: Math.random,
        }),
    },
  );
});

afterEach(async () => {
  const stopped = session.stop(100);
  const farewell = await server.nextRequest(300).catch(() => undefined);
  if (farewell !== undefined) server.respond(farewell, '2.02');
  await stopped;
  timers.stop();
  server.close();
});

async function registered(): Promise<Incoming> {
  session.start();
  const request = await server.register();
  await until(() => session.status.phase === 'registered');
  return request;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !isSo(); turn++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(isSo()).toBe(true);
}

const text = (message: Incoming): string => message.payload.toString();
const get = (path: string, accept?: number): Promise<Incoming> =>
  server.ask('0.01', path, accept === undefined ? {} : { accept });

describe('registration and Object 25', () => {
  test('G-01 the Register lists Object 25 with its version and an instance per device, and nothing of the devices', async () => {
    const { path, query, contentFormat, payload } = await registered();
    expect({ path, query, contentFormat }).toEqual({
      path: 'rd',
      query: ['ep=gw-1', 'lt=300', 'lwm2m=1.2', 'b=U'],
      contentFormat: LINK_FORMAT,
    });
    expect(payload.toString()).toBe('</1/0>,</3/0>,</25>;ver=2.0,</25/0>,</25/1>');
  });

  test('G-03 4.12 brings a second Register for 1.1 with the same links of Object 25', async () => {
    session.start();
    const first = await server.nextRequest();
    server.respond(first, '4.12');
    const second = await server.register();
    expect(second.query).toContain('lwm2m=1.1');
    expect(text(second)).toBe('</1/0>,</3/0>,</25>;ver=2.0,</25/0>,</25/1>');
  });

  test('G-04 the resources of /25/0 as text', async () => {
    await registered();
    expect(text(await get('/25/0/0', TEXT))).toBe('urn:dev:os:32473-101');
    expect(text(await get('/25/0/1', TEXT))).toBe('d01');
    expect(text(await get('/25/0/3', TEXT))).toBe('</3>;ver=1.2,</3/0>,</3303>;ver=1.1,</3303/0>,</3303/1>');
  });

  test('G-05 a read without Accept is answered in a format that a 1.1 server reads', async () => {
    await registered();
    const answer = await get('/25');
    expect([answer.code, answer.contentFormat]).toEqual(['2.05', SENML_CBOR]);
    const names = JSON.parse(text(await get('/25', SENML_JSON))) as { bn?: string; n?: string }[];
    let base = '';
    const paths = names.map(({ bn, n = '' }) => {
      base = bn ?? base;
      return base + n;
    });
    expect(paths).toEqual(['/25/0/0', '/25/0/1', '/25/0/3', '/25/1/0', '/25/1/1', '/25/1/3']);
  });

  test.each([11544, SENML_CBOR, SENML_JSON, TLV])('G-06 /25 in format %i', async (format) => {
    await registered();
    const answer = await get('/25', format);
    expect([answer.code, answer.contentFormat]).toEqual(['2.05', format]);
    expect(answer.payload.includes('</3306/0>')).toBe(true);
  });

  test('G-07, G-08 nothing of Object 25 can be written, created or deleted', async () => {
    await registered();
    expect((await server.ask('0.03', '/25/0/1', { contentFormat: TEXT, payload: 'x' })).code).toBe('4.05');
    expect(
      (await server.ask('0.02', '/25', { contentFormat: SENML_CBOR, payload: Buffer.from('80', 'hex') }))
        .code,
    ).toBe('4.05');
    expect((await server.ask('0.04', '/25/0')).code).toBe('4.05');
    expect(text(await get('/25/0/1', TEXT))).toBe('d01');
  });

  test('G-09 Discover of /25', async () => {
    await registered();
    expect(text(await get('/25', LINK_FORMAT))).toBe(
      '</25>;ver=2.0,</25/0>,</25/0/0>,</25/0/1>,</25/0/3>,</25/1>,</25/1/0>,</25/1/1>,</25/1/3>',
    );
  });

  test('G-10, G-12 devices that come and go are told by Update with the whole list, and to observers of /25', async () => {
    await registered();
    const observed = await server.ask('0.01', '/25', { observe: 0, accept: SENML_JSON });
    announce(2, 'urn:dev:os:32473-103', 'd03', () => '</3/0>');
    const update = await server.nextRequest(1000);
    expect([update.path, text(update)]).toEqual([
      'rd/1',
      '</1/0>,</3/0>,</25>;ver=2.0,</25/0>,</25/1>,</25/2>',
    ]);
    server.respond(update, '2.04');
    expect(text(await server.nextNotification(observed.token))).toContain('d03');
    own.removeInstance(25, 2);
    const second = await server.nextRequest(1000);
    expect(text(second)).toBe('</1/0>,</3/0>,</25>;ver=2.0,</25/0>,</25/1>');
    server.respond(second, '2.04');
    expect(text(await server.nextNotification(observed.token))).not.toContain('d03');
  });
});

describe('addressing behind a prefix', () => {
  const names = (message: Incoming): string[] => {
    let base = '';
    return (JSON.parse(text(message)) as { bn?: string; n?: string }[]).map(({ bn, n = '' }) => {
      base = bn ?? base;
      return base + n;
    });
  };

  test('G-20, G-24 names in SenML carry the prefix', async () => {
    await registered();
    expect(names(await get('/d01/3303/0', SENML_JSON))).toEqual([
      '/d01/3303/0/5700',
      '/d01/3303/0/5701',
      '/d01/3303/0/5750',
    ]);
    expect(names(await get('/d01/3303', SENML_JSON)).every((name) => /^\/d01\/3303\/[01]\//.test(name))).toBe(
      true,
    );
  });

  test('G-21 SenML CBOR and LwM2M CBOR of one resource, byte by byte', async () => {
    await registered();
    const senml = await get('/d01/3303/0/5701', SENML_CBOR);
    expect(senml.payload.toString('hex')).toBe('81a200702f6430312f333330332f302f35373031036343656c');
    const cbor = await get('/d01/3303/0/5701', 11544);
    expect(cbor.payload.toString('hex')).toBe('a18463643031190ce7001916456343656c');
  });

  test('G-22 TLV carries no prefix', async () => {
    await registered();
    const answer = await get('/d01/3303/0', TLV);
    expect(answer.payload.includes('d01')).toBe(false);
    expect(answer.payload.toString('hex')).toBe('e4164441b40000e3164543656ce4167668616c6c');
  });

  test('G-23, G-25, G-27, X51 single values, a resource instance, and the gateway beside its device', async () => {
    await registered();
    expect(text(await get('/d01/3303/0/5700', TEXT))).toBe('22.5');
    expect(text(await get('/d01/3/0/6/1', TEXT))).toBe('6');
    expect(text(await get('/3/0/0', TEXT))).toBe('gateway');
    expect(text(await get('/d01/3/0/0', TEXT))).toBe('meter maker');
  });

  test.each([
    ['/3303/0', '4.04', 'G-26'],
    ['/d09/3/0', '4.04', 'G-28'],
    ['/D01/3/0', '4.04', 'G-29'],
    ['/d01/9999', '4.04', 'G-31'],
    ['/d01/3303/9', '4.04', 'G-31'],
    ['/d01/3303/0/1', '4.04', 'G-31'],
    ['/d01', '4.05', 'G-32'],
    ['/d01/0/0', '4.01', 'G-33'],
    ['/d01/21/0', '4.01', 'G-33'],
    ['/d01/3303/0/5700/0/1', '4.05', 'too many segments'],
    ['/d01/03/0', '4.05', 'a leading zero'],
    ['/', '4.05', 'the root'],
  ])('%s is answered %s (%s)', async (path, code) => {
    await registered();
    expect((await get(path)).code).toBe(code);
  });

  test('G-34 an Accept that nobody knows is 4.06, and so is one that cannot say it', async () => {
    await registered();
    expect((await get('/d01/3303/0', 65_000)).code).toBe('4.06');
    expect((await get('/d01/3303/0', TEXT)).code).toBe('4.06');
    expect((await get('/d01/3303/0/5700', 42)).code).toBe('4.06');
  });
});

describe('writing, executing, discovering', () => {
  test('G-40 a write changes the named device only', async () => {
    await registered();
    expect(
      (await server.ask('0.03', '/d01/3303/0/5750', { contentFormat: TEXT, payload: 'attic' })).code,
    ).toBe('2.04');
    expect([a.peek([3303, 0, 5750]), a.peek([3303, 1, 5750])]).toEqual(['attic', 'hall']);
  });

  test('G-41 a write in LwM2M CBOR with the prefix in its key reaches the field', async () => {
    await registered();
    const payload = Buffer.from('a18463643032190cea001916daf5', 'hex');
    expect((await server.ask('0.03', '/d02/3306/0/5850', { contentFormat: 11544, payload })).code).toBe(
      '2.04',
    );
    expect(written.map(({ values }) => [...values])).toEqual([[[5850, true]]]);
  });

  test('G-42, G-43 names of another device are refused, names without a prefix are taken as this one', async () => {
    await registered();
    const put = (name: string): Promise<Incoming> =>
      server.ask('0.02', '/d02/3306/0', {
        contentFormat: SENML_JSON,
        payload: JSON.stringify([{ n: name, vb: true }]),
      });
    expect((await put('/d01/3306/0/5850')).code).toBe('4.00');
    expect(written).toEqual([]);
    expect((await put('/3306/0/5850')).code).toBe('2.04');
    expect(written.length).toBe(1);
  });

  test('G-44, G-30 a device that is gone is not found', async () => {
    await registered();
    b.clear();
    expect((await server.ask('0.03', '/d02/3306/0/5850', { contentFormat: TEXT, payload: '1' })).code).toBe(
      '4.04',
    );
    expect((await get('/d02/3306/0')).code).toBe('4.04');
  });

  test('G-45 a read-only resource is 4.05; a bad value, a bad format 4.00 and 4.15', async () => {
    await registered();
    const put = (path: string, contentFormat: number, payload: string): Promise<Incoming> =>
      server.ask('0.03', path, { contentFormat, payload });
    expect((await put('/d01/3303/0/5700', TEXT, '1')).code).toBe('4.05');
    expect((await put('/d02/3306/0/5850', TEXT, 'yes')).code).toBe('4.00');
    expect((await put('/d02/3306/0/5850', 9999, '1')).code).toBe('4.15');
    expect((await put('/d02/3306/0', TEXT, '1')).code).toBe('4.00');
    expect(written).toEqual([]);
  });

  test('G-46 X19 Execute, and a retransmission of it runs once', async () => {
    await registered();
    const token = Buffer.from('5e01', 'hex');
    const twice = { token, messageId: 77 };
    expect((await server.ask('0.02', '/d01/3303/0/5605', twice)).code).toBe('2.04');
    expect((await server.ask('0.02', '/d01/3303/0/5605', twice)).code).toBe('2.04');
    expect(executed).toBe(1);
    expect(
      (await server.ask('0.02', '/d01/3303/0/5605', { contentFormat: TEXT, payload: "0='now'" })).code,
    ).toBe('2.04');
    expect(executed).toBe(2);
    expect((await server.ask('0.02', '/d01/3303/0/5605', { payload: '5' })).code).toBe('2.04');
  });

  test('G-47 POST on an instance or on something that is no executable runs nothing', async () => {
    await registered();
    expect((await server.ask('0.02', '/d01/3303/0')).code).toBe('4.05');
    expect((await server.ask('0.02', '/d01/3303/0/5700')).code).toBe('4.05');
    expect((await server.ask('0.02', '/d01/3303/0/5605', { contentFormat: 42, payload: 'x' })).code).toBe(
      '4.15',
    );
    expect(executed).toBe(0);
  });

  test('G-48 Discover behind a prefix shows links without it', async () => {
    await registered();
    const answer = await get('/d01/3303', LINK_FORMAT);
    expect([answer.code, answer.contentFormat]).toEqual(['2.05', LINK_FORMAT]);
    expect(text(answer)).toBe(
      '</3303>;ver=1.1,</3303/0>,</3303/0/5605>,</3303/0/5700>,</3303/0/5701>,</3303/0/5750>,' +
        '</3303/1>,</3303/1/5605>,</3303/1/5700>,</3303/1/5701>,</3303/1/5750>',
    );
    expect(text(await get('/d01/3303?depth=0', LINK_FORMAT))).toBe('</3303>;ver=1.1');
  });
});

describe('creating and deleting behind a prefix', () => {
  const create = Buffer.from('a18363643031190ce719ffffa11916766663656c6c6172', 'hex');

  test('G-50 what a device lets be made is told by Object 25, and not by an Update', async () => {
    await registered();
    expect((await server.ask('0.02', '/d01/3303', { contentFormat: 11544, payload: create })).code).toBe(
      '4.05',
    );
    a.addObject(definition(3303), {
      create: ({ instance, values }) => ({
        definition: definition(3303),
        instance,
        resources: [{ id: 5700, value: 1 }, ...[...values].map(([id, value]) => ({ id, value }))],
      }),
      remove: () => undefined,
    });
    const answer = await server.ask('0.02', '/d01/3303', { contentFormat: 11544, payload: create });
    expect([answer.code, answer.location]).toEqual(['2.01', 'd01/3303/2']);
    expect(text(await get('/d01/3303/2/5750', TEXT))).toBe('cellar');
    await expect(server.nextRequest(60)).rejects.toThrow('no request');
  });

  test('G-51, G-52 a deleted instance ends its observations; one that is there is not made again', async () => {
    await registered();
    a.addObject(definition(3303), { create: () => ({ status: 'failed' }), remove: () => undefined });
    const observed = await server.ask('0.01', '/d01/3303/1/5700', { observe: 0 });
    expect((await server.ask('0.04', '/d01/3303/1')).code).toBe('2.02');
    expect((await server.nextNotification(observed.token)).code).toBe('4.04');
    expect(text(await get('/d01/3303?depth=1', LINK_FORMAT))).toBe('</3303>;ver=1.1,</3303/0>');
    const again = Buffer.from('a18463643031190ce700191676636869', 'hex');
    expect((await server.ask('0.02', '/d01/3303', { contentFormat: 11544, payload: again })).code).toBe(
      '4.00',
    );
    expect((await server.ask('0.04', '/d01/3/0')).code).toBe('4.05');
  });
});

describe('composites over the gateway and its devices', () => {
  const hex = (bytes: string): Buffer => Buffer.from(bytes, 'hex');
  const fetch = (path: string, contentFormat: number, payload: string | Buffer, accept: number) =>
    server.ask('0.05', path, { contentFormat, payload, accept });
  const ipatch = (contentFormat: number, payload: string | Buffer, path = '/'): Promise<Incoming> =>
    server.ask('0.07', path, { contentFormat, payload });
  const named = (...paths: string[]): string => JSON.stringify(paths.map((n) => ({ n })));
  /** `/d01/3303/0/5700` and `/3/0/0` */
  const list = hex('82a100702f6430312f333330332f302f35373030a100662f332f302f30');
  const answer = hex('82a200702f6430312f333330332f302f3537303002f94da0a200662f332f302f30036767617465776179');

  test.each([
    ['G-80', SENML_CBOR],
    ['G-82', 322],
  ])('%s a path of a device and one of the gateway, listed in format %i', async (_id, format) => {
    await registered();
    const got = await fetch('/', format, list, SENML_CBOR);
    expect([got.code, got.contentFormat, got.payload.toString('hex')]).toEqual([
      '2.05',
      SENML_CBOR,
      answer.toString('hex'),
    ]);
  });

  test('G-81 devices in LwM2M CBOR', async () => {
    await registered();
    const got = await fetch('/', SENML_CBOR, list, 11544);
    const decoded = got.payload.toString('hex');
    // The prefix is the first step of its key; what is of the gateway has none.
    expect(decoded).toContain('8463643031190ce700191644f94da0');
    expect(decoded).toContain('8303000067' + '67617465776179');
  });

  test('G-83, G-84 a slash too many is forgiven, what nobody has is left out', async () => {
    await registered();
    const typo = '[{"bn":"/d01/3/0/","n":"/0"}]';
    expect(text(await fetch('/', 320, typo, SENML_JSON))).toBe('[{"n":"/d01/3/0/0","vs":"meter maker"}]');
    const got = await fetch('/', 320, named('/d09/3/0/0', '/3/0/0'), SENML_JSON);
    expect([got.code, text(got)]).toEqual(['2.05', '[{"n":"/3/0/0","vs":"gateway"}]']);
  });

  test('G-85, G-86 with a prefix as path it is about that device, and an object is no path for it', async () => {
    await registered();
    for (const name of ['/d01/3/0/0', '/3/0/0'])
      expect(text(await fetch('/d01', 320, named(name), SENML_JSON))).toBe(
        '[{"n":"/d01/3/0/0","vs":"meter maker"}]',
      );
    expect((await fetch('/d01', 320, named('/d02/3306/0'), SENML_JSON)).code).toBe('4.00');
    expect((await fetch('/d09', 320, named('/3/0/0'), SENML_JSON)).code).toBe('4.04');
    expect((await fetch('/d01/3', 320, named('/d01/3/0'), SENML_JSON)).code).toBe('4.05');
    expect((await ipatch(SENML_JSON, '[]', '/d01/3')).code).toBe('4.05');
  });

  test('a device that does not answer is left out, and asked once for all that is named', async () => {
    await registered();
    let asked = 0;
    fieldAnswers = async () => {
      asked++;
      b.update([{ ids: [3303, 0, 5700], refused: { status: 'timeout' }, quality: 1 }]);
    };
    const got = await fetch(
      '/',
      320,
      named('/d02/3303/0/5700', '/d02/3303', '/d02/3306/0', '/3/0/0'),
      SENML_JSON,
    );
    expect(got.code).toBe('2.05');
    expect(JSON.parse(text(got))).toEqual([
      { n: '/d02/3306/0/5850', vb: false },
      { n: '/3/0/0', vs: 'gateway' },
    ]);
    expect(asked).toBe(1);
  });

  test('G-87 a write over two devices', async () => {
    await registered();
    const both = hex(
      '82a200702f6430312f333330332f302f35373530036663656c6c6172a200702f6430322f333330362f302f3538353004f4',
    );
    expect((await ipatch(SENML_CBOR, both)).code).toBe('2.04');
    expect(a.peek([3303, 0, 5750])).toBe('cellar');
    expect(written.map(({ values }) => [...values])).toEqual([[[5850, false]]]);
  });

  test.each([
    ['an unknown prefix', '{"n":"/d09/3306/0/5850","vb":true}', '4.04'],
    ['a read-only resource', '{"n":"/d01/3303/1/5700","v":1}', '4.05'],
    ['a value of another type', '{"n":"/d01/3303/1/5750","v":1}', '4.00'],
  ])('G-88 %s in it, and nothing is written anywhere', async (_name, record, code) => {
    await registered();
    const payload = `[{"n":"/d02/3306/0/5850","vb":true},{"n":"/d01/3303/0/5750","vs":"attic"},${record}]`;
    expect((await ipatch(SENML_JSON, payload)).code).toBe(code);
    expect([written, a.peek([3303, 0, 5750])]).toEqual([[], 'hall']);
  });

  test('G-88 a device that is known to be offline refuses before another one is written', async () => {
    await registered();
    a.addInstance({
      definition: definition(3306),
      instance: 0,
      resources: [{ id: 5850, value: false }],
      check: () => ({ status: 'unavailable', retryAfterMs: 5000 }),
    });
    const payload = '[{"n":"/d02/3306/0/5850","vb":true},{"n":"/d01/3306/0/5850","vb":true}]';
    const got = await ipatch(SENML_JSON, payload);
    expect([got.code, got.maxAge, written]).toEqual(['5.03', 5, []]);
  });

  test('a write that the field refuses half way stops there, says so, and changes nothing of the gateway', async () => {
    await registered();
    a.addInstance({
      definition: definition(3306),
      instance: 0,
      resources: [{ id: 5850, value: false }],
      write: async () => ({ status: 'timeout', message: 'no answer' }),
    });
    const payload =
      '[{"n":"/1/0/1","v":61},{"n":"/d02/3306/0/5850","vb":true},{"n":"/d01/3306/0/5850","vb":true}]';
    const got = await ipatch(SENML_JSON, payload);
    expect([got.code, text(got)]).toEqual(['5.04', '/d01/3306/0: no answer; done before: /d02/3306/0']);
    expect(own.peek([1, 0, 1])).toBe(300);
  });
});

describe('attributes, observing, notifying', () => {
  const set = (tree: Tree, ids: Ids, value: number): void =>
    tree.update([{ ids, value, at: clock.now(), quality: 4 }]);

  test('G-60, G-61 attributes belong to the path and to nothing else', async () => {
    await registered();
    expect((await server.ask('0.03', '/d01/3303/0/5700?pmin=1&pmax=5')).code).toBe('2.04');
    expect(text(await get('/d01/3303/0/5700', LINK_FORMAT))).toBe('</3303/0/5700>;pmin=1;pmax=5');
    expect(text(await get('/d01/3303/1/5700', LINK_FORMAT))).toBe('</3303/1/5700>');
    expect((await server.ask('0.03', '/d01?pmin=1')).code).toBe('4.05');
    expect((await server.ask('0.03', '/d01/3303/0/5700?gt=1&lt=2')).code).toBe('4.00');
  });

  test('G-62 a change in the field comes as a notification with the same token', async () => {
    await registered();
    const first = await server.ask('0.01', '/d01/3303/0/5700', { observe: 0, accept: SENML_JSON });
    expect([first.code, first.observe !== undefined]).toEqual(['2.05', true]);
    set(a, [3303, 0, 5700], 23);
    const notification = await server.nextNotification(first.token);
    expect(text(notification)).toMatch(/^\[\{.*"\/d01\/3303\/0\/5700".*"v":23\}\]$/);
    expect(notification.observe ?? 0).toBeGreaterThan(first.observe ?? 0);
    expect(notification.contentFormat).toBe(SENML_JSON);
  });

  test('G-63, G-65 observations are apart: a reset ends one, Observe=1 the other', async () => {
    await registered();
    const one = await server.ask('0.01', '/d01/3303/0/5700', { observe: 0, token: Buffer.from('01', 'hex') });
    const two = await server.ask('0.01', '/d01/3303/1/5700', { observe: 0, token: Buffer.from('02', 'hex') });
    set(a, [3303, 0, 5700], 24);
    const { messageId } = await server.nextNotification(one.token);
    server.sendRaw(Buffer.from([0x70, 0, messageId >> 8, messageId & 255]));
    await until(() => session.status.observations === 1);
    set(a, [3303, 1, 5700], 25);
    expect(text(await server.nextNotification(two.token))).toBe('25');
    const last = await server.ask('0.01', '/d01/3303/1/5700', { observe: 1, token: two.token });
    expect([last.code, text(last), last.observe]).toEqual(['2.05', '25', undefined]);
    expect(session.status.observations).toBe(0);
  });

  test('G-64 con=1 in the request makes notifications confirmable, and stays out of Discover', async () => {
    await registered();
    const first = await server.ask('0.01', '/d01/3303/0?pmin=0&pmax=60&con=1', { observe: 0, accept: TLV });
    set(a, [3303, 0, 5700], 26);
    const notification = await server.nextNotification(first.token);
    expect(notification.confirmable).toBe(true);
    expect(text(await get('/d01/3303/0?depth=0', LINK_FORMAT))).toBe('</3303/0>');
  });

  test('G-68 a removed device ends each of its observations with one 4.04, and no other', async () => {
    await registered();
    const gone = await server.ask('0.01', '/d01/3303/0/5700', { observe: 0 });
    const stays = await server.ask('0.01', '/3/0/0', { observe: 0 });
    a.clear();
    const last = await server.nextNotification(gone.token);
    expect([last.code, last.observe, last.confirmable]).toEqual(['4.04', undefined, true]);
    expect(session.status.observations).toBe(1);
    expect(server.notificationsWaiting(stays.token)).toBe(0);
  });
});

describe('a device that does not answer', () => {
  const value: Ids = [3303, 0, 5700];

  test('G-100 without a value the answer is 5.03 with the time to wait', async () => {
    await registered();
    fieldAnswers = async () =>
      b.update([{ ids: value, refused: { status: 'unavailable', retryAfterMs: 12_000 }, quality: 1 }]);
    const answer = await get('/d02/3303/0/5700');
    expect([answer.code, answer.maxAge]).toEqual(['5.03', 12]);
  });

  test('G-101 a field that is silent is acknowledged within 2 s and answered 5.04 separately', async () => {
    await registered();
    fieldAnswers = () =>
      new Promise((resolve) => {
        setTimeout(() => {
          b.update([{ ids: value, refused: { status: 'timeout' }, quality: 1 }]);
          resolve();
        }, 1500);
      });
    const answer = await get('/d02/3303/0/5700');
    expect([answer.code, answer.emptyAck, answer.acknowledgement, answer.confirmable]).toEqual([
      '5.04',
      true,
      false,
      true,
    ]);
  });

  test('G-102 a value that is old but not stale is shown with its time', async () => {
    await registered();
    b.update([{ ids: value, value: 21, at: 1_700_000_000_000, quality: 4 }]);
    const answer = await get('/d02/3303/0/5700', SENML_JSON);
    expect(JSON.parse(text(answer))).toEqual([expect.objectContaining({ v: 21 })]);
    expect(text(answer)).toContain('1700000000');
  });
});

describe('what a server may do to itself', () => {
  test('a request before the registration stands is told to wait', async () => {
    session.start();
    const register = await server.nextRequest();
    expect((await get('/3/0/0')).code).toBe('5.03');
    server.respond(register, '4.03');
  });

  test('X1 an unknown critical option is 4.02, an unknown elective one is ignored (RFC 7252 5.4.1)', async () => {
    await registered();
    const withOption = (name: string): Promise<Incoming> =>
      server.ask('0.01', '/3/0/0', { options: [{ name, value: Buffer.from('x') }] });
    expect((await withOption('65001')).code).toBe('4.02');
    expect((await withOption('65000')).code).toBe('2.05');
  });

  test('G-36 Bootstrap-Finish from a server that is no Bootstrap-Server goes nowhere', async () => {
    await registered();
    expect((await server.ask('0.02', '/bs')).code).toBe('4.05');
    expect((await server.ask('0.02', '/d01/bs')).code).toBe('4.05');
  });

  test('X20 X21 blocks that do not follow each other are 4.08, and nothing is written', async () => {
    await registered();
    const block = (number: number, more: boolean, payload: string): Promise<Incoming> =>
      server.ask('0.03', '/d01/3303/0/5750', {
        payload,
        contentFormat: TEXT,
        options: [{ name: 'Block1', value: Buffer.from([number * 16 + (more ? 8 : 0)]) }],
      });
    expect((await block(1, false, 'attic')).code).toBe('4.08');
    expect((await block(0, true, 'first transfer..')).code).toBe('2.31');
    expect((await block(0, true, 'second transfer.')).code).toBe('2.31');
    expect((await block(2, false, 'end')).code).toBe('4.08');
    expect(text(await get('/d01/3303/0/5750', TEXT))).toBe('hall');
  });

  test('De-register names the location (G-110)', async () => {
    await registered();
    const stopped = session.stop(1000);
    const farewell = await server.nextRequest();
    expect([farewell.code, farewell.path]).toEqual(['0.04', 'rd/1']);
    server.respond(farewell, '2.02');
    await stopped;
  });
});
