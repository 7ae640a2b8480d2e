import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger, systemClock } from '../../src/base/index.ts';
import { openCoapUplink } from '../../src/binding/index.ts';
import type { Service } from '../../src/client/index.ts';
import { type Incoming, type Lockstep, startLockstep } from '../support/lockstep.ts';
import { SENSOR, sensors } from '../support/sensors.ts';
import { openSite, type RunningGateway, type Site } from '../support/site.ts';

/**
 * Registration as the OMA test catalogue asks for it (ETS for LwM2M 1.1 and 1.2, `int-N`), and beyond it (`X`): the
 * whole gateway against a server that shares no code with it. Lifetimes are shorter than in the catalogue. int-106 is
 * in `streams.test.ts`; int-110 and int-111 (profile ids) are not done.
 */

const ENDPOINT = 'gw-1';
const TEXT = 0;
const LINK_FORMAT = 40;

let site: Site;
let server: Lockstep;
let gateway: RunningGateway;

beforeEach(async () => {
  site = await openSite();
  await site.write('profiles/sensor.yaml', SENSOR);
  server = await startLockstep();
});

afterEach(async () => {
  const closing = site.close();
  // The farewell, where there is one.
  const farewell = await server.nextRequest(300).catch(() => undefined);
  if (farewell !== undefined) server.respond(farewell, '2.02');
  await closing;
  server.close();
});

const start = async (...servers: readonly string[]): Promise<void> => {
  gateway = await site.start(`upstream: { endpoint: ${ENDPOINT}, servers: [ ${servers.join(', ')} ] }
${sensors('id: t, prefix: d01')}`);
};
const account = (more = '', { port }: Lockstep = server): string =>
  `{ uri: "coap://127.0.0.1:${port}"${more} }`;

/** Everything that a request says of itself. */
const said = ({ code, path, query, contentFormat, payload }: Incoming) => ({
  code,
  path,
  query,
  contentFormat,
  payload: payload.toString(),
});
const EMPTY_UPDATE = { code: '0.02', path: 'rd/1', query: [], contentFormat: undefined, payload: '' };

async function nextUpdate(withinMs?: number): Promise<ReturnType<typeof said>> {
  const update = await server.nextRequest(withinMs);
  server.respond(update, '2.04');
  return said(update);
}
const writeLifetime = async (value: number): Promise<void> => {
  const answer = await server.ask('0.03', '/1/0/1', { payload: String(value), contentFormat: TEXT });
  expect(answer.code).toBe('2.04');
};
const execute = async (path: string): Promise<void> => {
  expect((await server.ask('0.02', path)).code).toBe('2.04');
};

describe('registration', () => {
  test('int-101 Register says who, for how long, in which release, how, and what there is', async () => {
    await start(account(', lifetime: 60s'));
    const register = await server.register();
    expect(said(register)).toEqual({
      code: '0.02',
      path: 'rd',
      query: [`ep=${ENDPOINT}`, 'lt=60', 'lwm2m=1.2', 'b=U'],
      contentFormat: LINK_FORMAT,
      payload: expect.stringMatching(/^<\/1\/0>,<\/3\/0>.*<\/25>;ver=2\.0,<\/25\/0>$/),
    });
    expect(register.payload.toString()).not.toMatch(/<\/(0|21)[/>]/);
    // Uri-Path, Content-Format and the first Uri-Query, after header and token of 8 bytes.
    const bytes = server.received[0] ?? Buffer.alloc(0);
    expect(bytes.subarray(12, 25).toString('hex')).toBe(
      `b27264112837${Buffer.from('ep=gw-1').toString('hex')}`,
    );
  });

  test('int-102 a new lifetime is told at once; what follows within it says nothing', async () => {
    await start(account());
    await server.register();
    await writeLifetime(2);
    expect(await nextUpdate(500)).toEqual({ ...EMPTY_UPDATE, query: ['lt=2'] });
    expect(await nextUpdate(1900)).toEqual(EMPTY_UPDATE);
  });

  test('int-103, X49 Disable is answered, then a De-register; after the time of 1/x/5 comes a Register', async () => {
    await start(account());
    await server.register();
    await server.ask('0.03', '/1/0/5', { payload: '1', contentFormat: TEXT });
    await execute('/1/0/4');
    const farewell = await server.nextRequest(500);
    expect([farewell.code, farewell.path]).toEqual(['0.04', 'rd/1']);
    server.respond(farewell, '2.02');
    await expect(server.nextRequest(800)).rejects.toThrow('no request');
    expect((await server.register(1000)).query).toContain(`ep=${ENDPOINT}`);
  });

  test('int-104 Registration Update Trigger is answered, then an Update without parameters', async () => {
    await start(account());
    await server.register();
    await execute('/1/0/8');
    expect(await nextUpdate(500)).toEqual(EMPTY_UPDATE);
  });

  test('int-105 4.04 to an Update is answered with a new Register', async () => {
    await start(account());
    await server.register();
    gateway.update();
    server.respond(await server.nextRequest(500), '4.04');
    const anew = await server.register(1000);
    expect(said(anew)).toMatchObject({ code: '0.02', path: 'rd' });
    expect(anew.query).toContain(`ep=${ENDPOINT}`);
  });

  test('int-107 a longer lifetime is told at once, too', async () => {
    await start(account(', lifetime: 60s'));
    await server.register();
    await writeLifetime(120);
    expect(await nextUpdate(500)).toEqual({ ...EMPTY_UPDATE, query: ['lt=120'] });
  });

  test.each([
    ['1.2', ['b=U', 'Q']],
    ['1.1', ['b=U', 'Q']],
    ['1.0', ['b=UQ']],
  ])('int-108 queue mode in the words of %s', async (release, words) => {
    await start(account(`, queueMode: true, release: "${release}"`));
    expect((await server.register()).query.slice(3)).toEqual(words);
  });

  test('int-109 what a server has held back is answered after the next Update', async () => {
    await start(account(', queueMode: true, lifetime: 10s'));
    await server.register();
    await writeLifetime(2);
    await nextUpdate(500);
    await nextUpdate(1900);
    expect((await server.ask('0.01', '/d01/3303/0/5700', { accept: TEXT })).payload.toString()).toBe('21.5');
  });

  test('X27 4.12 to one release after the other: 1.2, 1.1, 1.0', async () => {
    await start(account());
    const first = await server.nextRequest();
    server.respond(first, '4.12');
    const second = await server.nextRequest();
    server.respond(second, '4.12');
    const third = await server.register();
    const release = ({ query }: Incoming) => query.find((one) => one.startsWith('lwm2m='));
    expect([first, second, third].map(release)).toEqual(['lwm2m=1.2', 'lwm2m=1.1', 'lwm2m=1.0']);
    expect((await server.ask('0.01', '/1/0/1')).payload.toString()).toBe('86400');
  });

  test('X30 a server that blocks and cannot be reached keeps those after it from being tried', async () => {
    const silent = await startLockstep();
    const impatient = 'transmission: { ackTimeout: 100ms, maxRetransmit: 0 }';
    const once = 'retryCount: 1, retryTimer: 1h, sequenceDelay: 1h, sequenceRetryCount: 1';
    const first = (blocks: boolean): string =>
      account(`, ${impatient}, registration: { priority: 1, failureBlock: ${blocks}, ${once} }`, silent);
    const second = account(', registration: { priority: 2 }');
    await start(first(true), second);
    await silent.nextRequest();
    await expect(server.nextRequest(600)).rejects.toThrow('no request');
    await gateway.stop();
    await start(first(false), second);
    await silent.nextRequest();
    expect((await server.register(2000)).path).toBe('rd');
    silent.close();
  });

  test('X43 a location of three segments is used whole', async () => {
    await start(account());
    const register = await server.nextRequest();
    const options = ['a', 'b c', '5a3f'].map((one) => ({ name: 'Location-Path', value: Buffer.from(one) }));
    server.respond(register, '2.01', { options });
    await expect(server.nextRequest(50)).rejects.toThrow('no request');
    gateway.update();
    const update = await server.nextRequest(500);
    server.respond(update, '2.04');
    expect(update.path).toBe('a/b c/5a3f');
  });

  test('X44 the path of a server URI stands before rd and dp, and in no Update', async () => {
    const timers = createTimers(systemClock, 5);
    const ports = { clock: systemClock, timers, log: silentLogger, random: Math.random };
    const service = { release: '1.2', isRegistered: true } as Service;
    const address = { host: '127.0.0.1', port: server.port, path: ['x'], attempt: 0 };
    const uplink = await openCoapUplink(address, service, ports);
    const options = ['rd', '7'].map((one) => ({ name: 'Location-Path', value: Buffer.from(one) }));
    const asked = async (code: string, more = {}): Promise<string> => {
      const request = await server.nextRequest();
      server.respond(request, code, more);
      return `${request.code} ${request.path}`;
    };
    const registration = {
      endpoint: ENDPOINT,
      release: '1.2',
      queueMode: false,
      lifetimeS: 60,
      objects: '',
    } as const;
    const registered = uplink.register(registration);
    expect(await asked('2.01', { options })).toBe('0.02 x/rd');
    expect(await registered).toEqual({ status: 'registered', location: ['rd', '7'] });
    void uplink.update(['rd', '7'], {});
    expect(await asked('2.04')).toBe('0.02 rd/7');
    const path = { prefix: '', ids: [1, 0, 1] };
    void uplink.send([{ path, type: 'integer', value: 60 }], 112);
    expect(await asked('2.04')).toBe('0.02 x/dp');
    await uplink.close();
    timers.stop();
  });
});
