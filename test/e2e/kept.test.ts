import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Attendance, attend } from '../support/attend.ts';
import { type Incoming, type Lockstep, startLockstep } from '../support/lockstep.ts';
import { eventually, openSite, type RunningGateway, type Site } from '../support/site.ts';

/** What servers make and write in the gateway outlives it, with who may do what (objects 2, 16, 19; README: Keeping). */

const TEXT = 0;
const TLV = 11542;

/** 16/x/0/0 = "a"; 19/x/0/0 = 00 ff */
const PORTFOLIO = Buffer.from('8300410061', 'hex');
const BINARY = Buffer.from('8400420000ff', 'hex');

let site: Site;
let one: Lockstep;
let two: Lockstep;
let attendances: Attendance[];
let gateway: RunningGateway;

beforeEach(async () => {
  site = await openSite();
  [one, two] = await Promise.all([startLockstep(), startLockstep()]);
  attendances = [attend(one), attend(two)];
});

afterEach(async () => {
  await site.close();
  await Promise.all(attendances.map((attendance) => attendance.stop()));
  one.close();
  two.close();
});

const config = (second = ', access: full'): string => `upstream:
  endpoint: gw
  storedObjects: [16, 19]
  servers:
    - { uri: "coap://127.0.0.1:${one.port}" }
    ${second === '' ? '' : `- { uri: "coap://127.0.0.1:${two.port}"${second} }`}
`;

let starts = 0;
beforeEach(() => {
  starts = 0;
});

async function start(text = config(), at: Site = site): Promise<RunningGateway> {
  gateway = await at.start(text);
  starts++;
  const members = gateway.status().servers.length;
  await Promise.all(attendances.slice(0, members).map((attendance) => attendance.registered(starts)));
  await eventually(() => gateway.status().servers.every(({ phase }) => phase === 'registered'));
  return gateway;
}

async function restart(text = config()): Promise<void> {
  await gateway.stop();
  await start(text);
}

const get = (server: Lockstep, path: string): Promise<Incoming> => server.ask('0.01', path, { accept: TEXT });
const text = async (server: Lockstep, path: string): Promise<string> =>
  (await get(server, path)).payload.toString();
const create = async (server: Lockstep, path: string, payload: Buffer): Promise<string> => {
  const created = await server.ask('0.02', path, { contentFormat: TLV, payload });
  expect(created.code).toBe('2.01');
  return `/${created.location}`;
};
const put = async (server: Lockstep, path: string, payload: string): Promise<string> =>
  (await server.ask('0.03', path, { contentFormat: TEXT, payload })).code;

/** The instance of object 2 that is about an instance. */
async function controlOf(path: string): Promise<string> {
  const [, object, instance] = path.split('/');
  const read = await one.ask('0.01', '/2', { accept: 110 });
  const records = JSON.parse(read.payload.toString()) as { bn?: string; n: string; v?: number }[];
  let base = '';
  const values = new Map<string, number | undefined>();
  for (const { bn = base, n, v } of records) {
    base = bn;
    values.set(`${bn}${n}`, v);
  }
  const found = [...values].find(
    ([name, value]) =>
      name.endsWith('/0') &&
      name.split('/').length === 4 &&
      value === Number(object) &&
      values.get(name.replace(/0$/, '1')) === Number(instance),
  );
  if (found === undefined) throw new Error(`no control of ${path} in ${read.payload}`);
  return found[0].replace(/\/0$/, '');
}

/** Server 1 makes 16/0, which it lets server 2 read, and 19/0, which it keeps to itself. */
async function fill(): Promise<void> {
  await start();
  expect(await create(one, '/16', PORTFOLIO)).toBe('/16/0');
  expect(await create(one, '/19', BINARY)).toBe('/19/0');
  expect(await put(one, `${await controlOf('/16/0')}/2/2`, '1')).toBe('2.04');
  expect(await put(one, '/16/0/0/5', 'later')).toBe('2.04');
}

async function expectFilled(): Promise<void> {
  expect(await text(two, '/16/0/0/0')).toBe('a');
  expect(await text(two, '/16/0/0/5')).toBe('later');
  expect(await put(two, '/16/0/0/0', 'b')).toBe('4.01');
  expect((await two.ask('0.04', '/16/0')).code).toBe('4.01');
  expect((await get(two, '/19/0/0')).code).toBe('4.01');
  const data = await one.ask('0.01', '/19/0/0/0', { accept: 42 });
  expect(data.payload.toString('hex')).toBe('00ff');
  expect(await put(one, '/16/0/0/0', 'a')).toBe('2.04');
}

/** What is on the disk now. */
const saved = (): Promise<string> => readFile(stateOf(site), 'utf8').catch(() => '');

const stateOf = (at: Site): string => join(at.folder, 'state/accounts.json');

describe('a restart', () => {
  test('keeps what servers have made, whose it is, and whom they let use it', async () => {
    await fill();
    await restart();
    await expectFilled();
    expect((await stat(stateOf(site))).mode & 0o077).toBe(0);
  });

  test('does not bring back what was deleted, nor a right that was taken away', async () => {
    await fill();
    expect((await one.ask('0.04', '/19/0')).code).toBe('2.02');
    expect(await put(one, `${await controlOf('/16/0')}/2/2`, '0')).toBe('2.04');
    await restart();
    expect((await get(one, '/19/0/0')).code).toBe('4.04');
    expect((await get(two, '/16/0/0/0')).code).toBe('4.01');
    await expect(controlOf('/19/0')).rejects.toThrow('no control');
  });

  test('follows the files in what they say: other access, another object in which nothing is stored', async () => {
    await fill();
    await restart(config(', access: none').replace('[16, 19]', '[16]'));
    expect((await get(two, '/3/0/0')).code).toBe('4.01');
    expect(await text(two, '/16/0/0/0')).toBe('a');
    expect((await get(one, '/19/0/0')).code).toBe('4.04');
  });

  test('without a server that is no longer in the files: what it owns is another’s or gone', async () => {
    await start();
    await create(two, '/16', PORTFOLIO);
    await create(two, '/19', BINARY);
    await put(two, `${await controlOf('/16/0')}/2/1`, '3');
    await restart(config(''));
    expect(await put(one, '/16/0/0/0', 'mine')).toBe('2.04');
    expect((await get(one, '/19/0/0')).code).toBe('4.04');
  });
});

test('Factory Reset forgets it all (E.4: 5)', async () => {
  await fill();
  await eventually(async () => (await saved()).includes('later'));
  expect((await one.ask('0.02', '/3/0/5')).code).toBe('2.04');
  await eventually(async () => !(await saved()).includes('later'));
  await restart();
  expect((await get(one, '/16/0')).code).toBe('4.04');
  await expect(controlOf('/16/0')).rejects.toThrow('no control');
});

describe('a power cut', () => {
  test('a second after the answer costs nothing', async () => {
    await fill();
    await eventually(async () => (await saved()).includes('later'));
    const elsewhere = await openSite();
    await cp(join(site.folder, 'state'), join(elsewhere.folder, 'state'), { recursive: true });
    await gateway.stop();
    await start(config(), elsewhere);
    await expectFilled();
    await elsewhere.close();
  });

  test('a right that was taken away is gone from the disk at once', async () => {
    await fill();
    const control = await controlOf('/16/0');
    await eventually(async () => (await saved()).includes('later'));
    const before = await saved();
    expect(await put(one, `${control}/2/2`, '0')).toBe('2.04');
    await eventually(async () => (await saved()) !== before, 500);
  });
});

test('in endpoints representation each client keeps its own, without another copy of the credentials', async () => {
  await site.write(
    'profiles/sensor.yaml',
    `profile:
  id: test/sensor
  protocol: sim
  points: { t: { wave: constant, value: 21.5, unit: Cel } }
  objects: [ { object: 3303, resources: { 5700: t, 5701: "Cel" } } ]
`,
  );
  const device = `upstream: { endpoint: gw, representation: endpoints, servers: [ { uri: "coap://127.0.0.1:${one.port}" } ] }
profilePaths: [ profiles ]
connections: { made-up: { type: sim } }
devices: [ { id: t, profile: test/sensor, connection: made-up } ]
`;
  await start(device);
  expect(await put(one, '/1/0/1', '777')).toBe('2.04');
  await restart(device);
  expect((await attendances[0]?.registered(2))?.query).toContain('lt=777');
  const [folder = ''] = await readdir(join(site.folder, 'state/endpoints'));
  const kept = await readFile(join(site.folder, 'state/endpoints', folder, 'accounts.json'), 'utf8');
  expect(Object.keys(JSON.parse(kept).accounts)).toEqual(['1']);
});

describe('a damaged file', () => {
  test.each([
    ['cut off', (whole: string) => whole.slice(0, whole.length / 2)],
    ['of another version', (whole: string) => whole.replace('"schema": 1', '"schema": 99')],
    ['no object', () => 'null'],
    ['with rights that nobody understands', (whole: string) => whole.replace('"2": 1', '"2": "all"')],
  ])('%s is counted and set aside, and no right is wider than the files say', async (_, damage) => {
    await fill();
    await gateway.stop();
    const whole = await readFile(stateOf(site), 'utf8');
    await writeFile(stateOf(site), damage(whole));
    expect(damage(whole)).not.toBe(whole);
    await start(config(', access: read'));
    expect(gateway.status().damagedFiles).toBe(1);
    expect(await readFile(`${stateOf(site)}.damaged`, 'utf8')).toBe(damage(whole));
    expect((await get(one, '/16/0')).code).toBe('4.04');
    expect(await text(two, '/3/0/0')).toBe('lwm2m-gateway');
    expect((await two.ask('0.02', '/3/0/4')).code).toBe('4.01');
    expect((await two.ask('0.02', '/16', { contentFormat: TLV, payload: PORTFOLIO })).code).toBe('4.01');
    // What is made from now on is kept again.
    await create(one, '/16', PORTFOLIO);
    await restart(config(', access: read'));
    expect(gateway.status().damagedFiles).toBe(0);
    expect(await text(one, '/16/0/0/0')).toBe('a');
  });

  test('of attributes or of firmware is no reason either not to start', async () => {
    await site.write('state/server-1/attributes.json', '{"/3/0":');
    await site.write('state/firmware/own/state.json', '');
    await start(`${config('')}box: { firmware: { install: ["/bin/true"] } }\n`);
    expect(gateway.status().damagedFiles).toBe(2);
    expect(await text(one, '/5/0/3')).toBe('0');
  });
});
