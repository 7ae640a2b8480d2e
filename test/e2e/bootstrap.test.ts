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
    // Until it is done no other server is served (X35).
    expect((await server.ask('0.01', '/1/1/1')).code).toBe('5.03');
    expect((await write('/1', account(1, { '1': 77 }))).code).toBe('2.04');
    expect((await bs.ask('0.02', '/bs')).code).toBe('2.04');
    await eventually(() => attendance.requests.some(({ query }) => query.includes('lt=77')));
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

test('a damaged file of accounts is told, and nothing is started', async () => {
  await site.write('state/accounts.json', '{"schema":1,"factory":');
  await expect(site.start(config(bootstrap()))).rejects.toMatchObject({ code: 'store.unreadable' });
});
