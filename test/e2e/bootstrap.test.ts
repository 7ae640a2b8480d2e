import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Attendance, attended } from '../support/attend.ts';
import { type Incoming, type Lockstep, startLockstep } from '../support/lockstep.ts';
import { SENSOR, sensors } from '../support/sensors.ts';
import { eventually, openSite, type RunningGateway, type Site } from '../support/site.ts';

/** A box that knows nothing but a Bootstrap-Server becomes one that is registered, and stays so. */

const SENML_JSON = 110;

let site: Site;
let bs: Lockstep;
let server: Lockstep;
let attendance: Attendance;
let gateway: RunningGateway;

beforeEach(async () => {
  site = await openSite();
  await site.write('profiles/sensor.yaml', SENSOR);
  bs = await startLockstep();
  site.onClose(() => bs.close());
  ({ server, attendance } = await attended(site));
});

afterEach(() => site.close());

const config = (upstream: string): string => `upstream: { endpoint: gw-1, ${upstream} }
${sensors('id: t, prefix: d01')}`;
const bootstrap = (more = ''): string =>
  `bootstrap: { uri: "coap://127.0.0.1:${bs.port}", pack: false${more} }`;

const records = (base: string, values: Record<string, unknown>) =>
  Object.entries(values).map(([n, value], index) => ({
    ...(index === 0 ? { bn: base } : {}),
    n,
    ...(typeof value === 'number'
      ? { v: value }
      : typeof value === 'boolean'
        ? { vb: value }
        : { vs: value }),
  }));

const security = (id: number, port: number) => [
  ...records(`/0/${id}/`, { '0': `coap://127.0.0.1:${port}`, '1': false, '2': 3, '10': id }),
  ...['3', '4', '5'].map((n) => ({ n, vd: '' })),
];
const account = (id: number, more: Record<string, unknown> = {}) =>
  records(`/1/${id}/`, { '0': id, '1': 300, '6': true, '7': 'U', ...more });

const write = (path: string, payload: unknown): Promise<Incoming> =>
  bs.ask('0.03', path, { payload: JSON.stringify(payload), contentFormat: SENML_JSON });

async function asked(withinMs?: number): Promise<Incoming> {
  const request = await bs.nextRequest(withinMs);
  expect(request).toMatchObject({ code: '0.02', path: 'bs', query: ['ep=gw-1', 'pct=112'] });
  bs.respond(request, '2.04');
  return request;
}

async function bootstrapped(): Promise<void> {
  await asked();
  expect((await write('/0', security(1, server.port))).code).toBe('2.04');
  expect((await write('/1', account(1))).code).toBe('2.04');
  expect((await bs.ask('0.02', '/bs')).code).toBe('2.04');
}

/** Says Finish, and waits until the box hears its servers again. */
async function finished(): Promise<void> {
  expect((await bs.ask('0.02', '/bs')).code).toBe('2.04');
  await eventually(() => gateway.status().bootstrap?.phase !== 'running');
}

describe('a box with nothing but a Bootstrap-Server', () => {
  beforeEach(async () => {
    gateway = await site.start(config(bootstrap()));
  });

  test('int-6 is told its server, registers there, and shows its devices', async () => {
    await bootstrapped();
    const register = await attendance.registered();
    expect(register.query).toEqual(expect.arrayContaining(['ep=gw-1', 'lt=300']));
    expect(register.payload.toString()).toContain('</25/0>');
    expect((await server.ask('0.01', '/d01/3303/0/5700', { accept: 0 })).payload.toString()).toBe('21.5');
    const at = Number((await server.ask('0.01', '/1/1/12', { accept: 0 })).payload.toString());
    expect(Math.abs(at - Date.now() / 1000)).toBeLessThan(60);
  });

  test('what it was told survives a restart, in a file that only its owner reads', async () => {
    await bootstrapped();
    await attendance.registered();
    expect((await server.ask('0.03', '/1/1/1', { payload: '600', contentFormat: 0 })).code).toBe('2.04');
    await gateway.stop();
    const file = join(site.folder, 'state/accounts.json');
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain(`127.0.0.1:${server.port}`);
    await site.start(config(bootstrap()));
    expect((await attendance.registered(2)).query).toContain('lt=600');
    await expect(bs.nextRequest(200)).rejects.toThrow('no request');
  });

  test('int-5 X35 a server can send it back to the Bootstrap-Server', async () => {
    await bootstrapped();
    await attendance.registered();
    expect((await server.ask('0.02', '/1/1/9')).code).toBe('2.04');
    await asked();
    // Until it is done no other server is heard; what it goes on asking is answered then (X35).
    const token = Buffer.from('unheard');
    const again = { token, messageId: 0x7777, accept: 0 };
    let isAnswered = false;
    const unheard = server.ask('0.01', '/1/1/1', again).then((answer) => {
      isAnswered = true;
      return answer;
    });
    expect((await write('/1', account(1, { '1': 77 }))).code).toBe('2.04');
    expect(isAnswered).toBe(false);
    expect((await bs.ask('0.02', '/bs')).code).toBe('2.04');
    await eventually(() => attendance.requests.some(({ query }) => query.includes('lt=77')));
    expect([isAnswered, server.notificationsWaiting(token)]).toEqual([false, 0]);
    void server.ask('0.01', '/1/1/1', again).catch(() => {});
    expect((await unheard).payload.toString()).toBe('77');
  });

  test('a server that a bootstrap takes away is left in good order', async () => {
    await bootstrapped();
    await attendance.registered();
    const { server: second, attendance: others } = await attended(site);
    await server.ask('0.02', '/1/1/9');
    await asked();
    await bs.ask('0.04', '/0');
    await bs.ask('0.04', '/1');
    await write('/0', security(2, second.port));
    await write('/1', account(2));
    expect((await bs.ask('0.02', '/bs')).code).toBe('2.04');
    expect((await others.registered()).query).toContain('ep=gw-1');
    expect(attendance.requests.at(-1)).toMatchObject({ code: '0.04', path: 'rd/1' });
    await gateway.stop();
  });
});

test('int-7 X28 a server that rejects the box sends it to the Bootstrap-Server, and what that says holds', async () => {
  const strict = await startLockstep();
  gateway = await site.start(
    config(`servers: [ { uri: "coap://127.0.0.1:${strict.port}" } ], ${bootstrap()}`),
  );
  strict.respond(await strict.nextRequest(), '4.03');
  await asked();
  await bs.ask('0.04', '/0');
  await bs.ask('0.04', '/1');
  await write('/0', security(1, server.port));
  await write('/1', account(1));
  expect((await bs.ask('0.02', '/bs')).code).toBe('2.04');
  expect((await attendance.registered()).query).toContain('lt=300');
  strict.close();
});

test('other accounts in the files take the place of what a bootstrap has set', async () => {
  gateway = await site.start(config(bootstrap()));
  await bootstrapped();
  await attendance.registered();
  await gateway.stop();
  expect(existsSync(join(site.folder, 'state/accounts.json'))).toBe(true);
  const { server: second, attendance: others } = await attended(site);
  gateway = await site.start(
    config(`servers: [ { uri: "coap://127.0.0.1:${second.port}", shortServerId: 5 } ]`),
  );
  await others.registered();
  expect((await second.ask('0.01', '/1/4/0', { accept: 0 })).payload.toString()).toBe('5');
  await gateway.stop();
});

test('a damaged file of accounts is set aside, and the box asks the Bootstrap-Server again', async () => {
  await site.write('state/accounts.json', '{"schema":1,"factory":');
  gateway = await site.start(config(bootstrap()));
  expect(gateway.status().damagedFiles).toBe(1);
  expect(existsSync(join(site.folder, 'state/accounts.json.damaged'))).toBe(true);
  await bootstrapped();
  await attendance.registered();
});

describe('rights that a bootstrap sets (object 2)', () => {
  let second: Lockstep;
  let others: Attendance;

  beforeEach(async () => {
    ({ server: second, attendance: others } = await attended(site));
  });

  afterEach(() => gateway.stop());

  const control = (id: number, values: Record<string, number>) => records(`/2/${id}/`, values);
  const nobody = 65_535;

  /** C.14 of the test catalogue: who may do what with /1/1, /1/2 and /3/0. */
  async function bootstrappedWithRights(): Promise<void> {
    await asked();
    await write('/0', [...security(1, server.port), ...security(2, second.port)]);
    await write('/1', [...account(1), ...account(2)]);
    const rights = [
      ...control(0, { '0': 1, '1': 1, '2/1': 15, '3': 1 }),
      ...control(1, { '0': 1, '1': 2, '2/2': 15, '3': 2 }),
      ...control(2, { '0': 3, '1': 0, '2/1': 15, '2/2': 1, '3': nobody }),
    ];
    expect((await write('/2', rights)).code).toBe('2.04');
    expect((await bs.ask('0.02', '/bs')).code).toBe('2.04');
    await attendance.registered();
    await others.registered();
  }

  const codes = (of: Lockstep, ...paths: string[]): Promise<string[]> =>
    Promise.all(paths.map(async (path) => (await of.ask('0.01', path)).code));

  async function expectRights(): Promise<void> {
    expect(await codes(server, '/1/1', '/1/2', '/3/0', '/4/0')).toEqual(['2.05', '4.01', '2.05', '4.01']);
    expect(await codes(second, '/1/1', '/1/2', '/3/0', '/4/0')).toEqual(['4.01', '2.05', '2.05', '4.01']);
    expect((await second.ask('0.02', '/3/0/5')).code).toBe('4.01');
    // Devices behind a prefix are nobody's to withhold (Gateway TS 1.1 GW-09).
    expect(await codes(second, '/d01/3303/0/5700')).toEqual(['2.05']);
  }

  test('hold, nothing is allowed beyond them, and they survive a restart (OMA Core 1.2 8.2)', async () => {
    gateway = await site.start(config(bootstrap()));
    await bootstrappedWithRights();
    await expectRights();
    await gateway.stop();
    gateway = await site.start(config(bootstrap()));
    await Promise.all([attendance.registered(2), others.registered(2)]);
    await expectRights();
  });

  test('can be read, listed and taken away by the next bootstrap, and with them what they held back', async () => {
    gateway = await site.start(config(bootstrap()));
    await bootstrappedWithRights();
    await server.ask('0.02', '/1/1/9');
    await asked();
    const list = await bs.ask('0.01', '', { accept: 40 });
    expect(list.payload.toString()).toContain('</2/0>,</2/1>,</2/2>');
    expect((await bs.ask('0.01', '/2/2', { accept: SENML_JSON })).payload.toString()).toContain('"2/1"');
    expect((await bs.ask('0.04', '/2')).code).toBe('2.02');
    await finished();
    expect(await codes(second, '/4/0')).toEqual(['2.05']);
  });

  test('of a bootstrap that fails never come into force', async () => {
    gateway = await site.start(config(bootstrap()));
    await bootstrappedWithRights();
    await server.ask('0.02', '/1/1/9');
    await asked();
    await write('/2', control(2, { '0': 3, '1': 0, '2/2': 15, '3': nobody }));
    await write('/2', control(7, { '0': 4, '1': 0, '2/9': 15, '3': nobody }));
    const refused = await bs.ask('0.02', '/bs');
    expect([refused.code, refused.payload.toString()]).toEqual(['4.06', '/2/7/2/9: there is no server 9']);
    await gateway.stop();
    gateway = await site.start(config(bootstrap()));
    await Promise.all([attendance.registered(2), others.registered(2)]);
    await expectRights();
  });

  test('give a server that the files name no more than these say', async () => {
    gateway = await site.start(
      config(
        `servers: [ { uri: "coap://127.0.0.1:${server.port}", shortServerId: 1, access: read } ], ${bootstrap()}`,
      ),
    );
    await attendance.registered();
    await server.ask('0.02', '/1/0/9');
    await asked();
    await write('/2', control(0, { '0': 3, '1': 0, '2/0': 15, '2/1': 15, '3': nobody }));
    await finished();
    expect(await codes(server, '/3/0', '/4/0')).toEqual(['2.05', '2.05']);
    expect((await server.ask('0.02', '/3/0/5')).code).toBe('4.01');
  });
});

describe('objects that servers store in', () => {
  const stored = (): string => config(`storedObjects: [16], ${bootstrap()}`);
  const portfolio = (id: number, text: string) => records(`/16/${id}/`, { '0/0': text });

  test('are written, listed and deleted by a bootstrap as accounts are', async () => {
    gateway = await site.start(stored());
    await asked();
    await write('/0', security(1, server.port));
    await write('/1', account(1));
    expect((await write('/16', [...portfolio(0, 'a'), ...portfolio(7, 'b')])).code).toBe('2.04');
    expect((await bs.ask('0.02', '/bs')).code).toBe('2.04');
    expect((await attendance.registered()).payload.toString()).toContain('</16/0>,</16/7>');
    expect((await server.ask('0.03', '/16/7/0/0', { payload: 'c', contentFormat: 0 })).code).toBe('2.04');
    await server.ask('0.02', '/1/1/9');
    await asked();
    const list = await bs.ask('0.01', '/16', { accept: 40 });
    expect(list.payload.toString()).toBe('</>;lwm2m=1.2,</16/0>,</16/7>');
    expect((await bs.ask('0.04', '/16/0')).code).toBe('2.02');
    await finished();
    expect((await server.ask('0.01', '/16/0')).code).toBe('4.04');
    expect((await server.ask('0.01', '/16/7/0/0', { accept: 0 })).payload.toString()).toBe('c');
  });

  test('what servers keep there outlasts other accounts in the files', async () => {
    gateway = await site.start(stored());
    await bootstrapped();
    await attendance.registered();
    const payload = Buffer.from('8300410061', 'hex');
    expect((await server.ask('0.02', '/16', { contentFormat: 11542, payload })).code).toBe('2.01');
    await gateway.stop();
    gateway = await site.start(
      config(
        `storedObjects: [16], servers: [ { uri: "coap://127.0.0.1:${server.port}", shortServerId: 1 } ]`,
      ),
    );
    await attendance.registered(2);
    expect((await server.ask('0.01', '/16/0/0/0', { accept: 0 })).payload.toString()).toBe('a');
  });
});
