import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Attendance, attended } from '../support/attend.ts';
import { command, startProcess } from '../support/command.ts';
import type { Incoming, Lockstep } from '../support/lockstep.ts';
import { sensors } from '../support/sensors.ts';
import { completed, eventually, openSite, type RunningGateway, type Site } from '../support/site.ts';

/** A gateway follows its configuration while it runs, and only what changed restarts. */

const SENML_JSON = 110;

/** Counts up with each poll, so that a value tells whether polling went on. */
const SENSOR = `profile:
  id: test/sensor
  protocol: sim
  points: { t: { wave: sine, low: 10, high: 30, period: 10s, unit: Cel } }
  objects: [ { object: 3303, resources: { 5700: t, 5701: "Cel" } } ]
`;

const METER = `profile:
  id: test/meter
  protocol: modbus
  modbus: { addressing: pdu0 }
  points: { t: { table: holding, addr: 1, type: uint16, unit: Cel } }
  objects: [ { object: 3303, resources: { 5700: t, 5701: "Cel" } } ]
`;

let site: Site;
let server: Lockstep;
let attendance: Attendance;

beforeEach(async () => {
  site = await openSite();
  await site.write('profiles/sensor.yaml', SENSOR);
  await site.write('profiles/meter.yaml', METER);
  ({ server, attendance } = await attended(site));
});

afterEach(() => site.close());

const serverAt = ({ port }: Lockstep, more = ''): string =>
  `{ uri: "coap://127.0.0.1:${port}", lifetime: 1h${more} }`;

function config(devices: readonly string[], servers = [serverAt(server)]): string {
  const lines = devices.map((device) => {
    const [, id = '', more = ''] = /^(\S+) ?(.*)$/.exec(device) ?? [];
    return `id: ${id}, deviceId: sn-${id}, prefix: p${id}, poll: 100ms${more}`;
  });
  return `upstream:
  endpoint: gw
  servers: [ ${servers.join(', ')} ]
${sensors(...lines)}`;
}

const objectsOf = ({ payload }: Incoming): string => payload.toString();
const observe = (path: string): Promise<Incoming> =>
  server.ask('0.01', path, { accept: SENML_JSON, observe: 0 });

describe('a reload', () => {
  let gateway: RunningGateway;
  beforeEach(async () => {
    gateway = await site.start(config(['a', 'b']));
    await attendance.registered();
    await eventually(async () => (await server.ask('0.01', '/pb/3303/0/5700')).code === '2.05');
  });

  test('takes a device away and brings another: Update with the full list, /25 tells, observers of the one that is gone hear 4.04, the others nothing (X52, GW-02)', async () => {
    const ofA = await observe('/pa/3303/0');
    const ofB = await observe('/pb/3303/0');
    const ofAll = await observe('/25');
    const done = await gateway.reload(await site.plan(config(['b', 'c'])));
    expect(done).toEqual({ started: ['c'], stopped: ['a'], needRestart: [] });

    const update = await eventually(() => attendance.requests.findLast(({ path }) => path === 'rd/1'));
    expect(objectsOf(update)).toContain('</25/1>,</25/2>');
    expect(objectsOf(update)).not.toContain('</25/0>');
    const last = await eventually(async () => {
      const told = await server.nextNotification(ofA.token);
      return told.code === '4.04' ? told : undefined;
    });
    expect(last.observe).toBeUndefined();
    await eventually(async () => objectsOf(await server.nextNotification(ofAll.token)).includes('sn-c'));
    expect((await server.nextNotification(ofB.token)).code).toBe('2.05');
    expect((await server.ask('0.01', '/pa/3303/0')).code).toBe('4.04');
    expect(attendance.requests.filter(({ path }) => path === 'rd')).toHaveLength(1);
  });

  test('of the same configuration touches nothing', async () => {
    const ofA = await observe('/pa/3303/0');
    const before = attendance.requests.length;
    expect(await gateway.reload(await site.plan(config(['a', 'b'])))).toEqual({
      started: [],
      stopped: [],
      needRestart: [],
    });
    expect((await server.nextNotification(ofA.token)).code).toBe('2.05');
    expect(attendance.requests).toHaveLength(before);
  });

  test('with another setting of one device restarts this one only, with its prefix', async () => {
    const ofB = await observe('/pb/3303/0');
    const done = await gateway.reload(await site.plan(config(['a ,location: "roof"', 'b'])));
    expect(done).toMatchObject({ started: ['a'], stopped: ['a'] });
    await eventually(async () => (await server.ask('0.01', '/pa/3303/0/5700')).code === '2.05');
    expect((await server.nextNotification(ofB.token)).code).toBe('2.05');
  });

  test('that restarts a device leaves a composite observation what it is: it tells again once the device is back (OMA Core 1.2.2 6.3.8)', async () => {
    const composite = await server.ask('0.05', '/', {
      contentFormat: SENML_JSON,
      accept: SENML_JSON,
      observe: 0,
      payload: '[{"n":"/pa/3303/0/5700"}]',
    });
    expect(objectsOf(composite)).toContain('5700');
    await gateway.reload(await site.plan(config(['a ,location: "roof"', 'b'])));
    while (server.notificationsWaiting(composite.token) > 0) await server.nextNotification(composite.token);
    for (let told = 0; told < 3; ) {
      if (objectsOf(await server.nextNotification(composite.token)).includes('5700')) told++;
    }
  });

  test('with other settings of a connection restarts its devices only', async () => {
    const withMeter = (port: number): string =>
      `${config(['a', 'b'])}  - { id: m, profile: test/meter, connection: hall, unit: 1 }\n`.replace(
        'connections: {',
        `connections: { hall: { type: modbus-tcp, host: "127.0.0.1", port: ${port} },`,
      );
    await gateway.reload(await site.plan(withMeter(1)));
    const done = await gateway.reload(await site.plan(withMeter(2)));
    expect(done).toMatchObject({ started: ['m'], stopped: ['m'] });
  });

  test('brings a server and takes one away, and the third goes on', async () => {
    const { server: second, attendance: others } = await attended(site);
    await gateway.reload(await site.plan(config(['a', 'b'], [serverAt(server), serverAt(second)])));
    expect((await others.registered()).query).toContain('ep=gw');
    await gateway.reload(await site.plan(config(['a', 'b'], [serverAt(second, ', shortServerId: 2')])));
    expect(attendance.requests.at(-1)).toMatchObject({ code: '0.04', path: 'rd/1' });
    expect((await second.ask('0.01', '/1/1/0')).payload.toString()).toBe('2');
    expect(others.requests.filter(({ path }) => path === 'rd')).toHaveLength(1);
    await gateway.stop();
  });

  test('with another endpoint name goes on under the old one, and says that it needs a restart', async () => {
    const renamed = config(['a', 'b']).replace('endpoint: gw', 'endpoint: other');
    expect(await gateway.reload(await site.plan(renamed))).toEqual({
      started: [],
      stopped: [],
      needRestart: ['upstream.endpoint'],
    });
  });

  test('that claims the prefix of another device is refused, and nothing changes', async () => {
    const before = gateway.status().devices;
    const stolen = config(['c', 'b']).replace('prefix: pc', 'prefix: pa');
    await expect(gateway.reload(await site.plan(stolen))).rejects.toMatchObject({
      code: 'gateway.prefix-taken',
    });
    expect(gateway.status().devices).toEqual(before);
  });
});

describe('the program as a process', () => {
  test('int-306 int-307 follows its file at `reload` and SIGHUP, and takes the orders update, offline, online and send', async () => {
    const file = await site.write('gateway.yaml', completed(config(['a']), site.folder));
    const state = ['--state', `${site.folder}/state`];
    const child = await startProcess(file);
    await attendance.registered();

    await site.write('gateway.yaml', completed(config(['a', 'b']), site.folder));
    expect(await command('reload', ...state)).toMatchObject({ code: 0, stdout: 'started: b\n' });
    await eventually(() => attendance.requests.some((request) => objectsOf(request).includes('</25/1>')));

    await site.write('gateway.yaml', `${completed(config(['a', 'c']), site.folder)}\nnonsense: 1\n`);
    const refused = await command('reload', ...state);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/nothing was changed\n.*gateway\.yaml:\d+:\d+ nonsense: unknown key/);
    expect((await command('devices', ...state)).stdout).toMatch(/^a +\/pa .*\nb +\/pb /);

    await site.write('gateway.yaml', completed(config(['b']), site.folder));
    child.kill('SIGHUP');
    await eventually(async () => (await command('devices', ...state)).stdout.startsWith('b '));

    const before = attendance.requests.length;
    expect(await command('update', ...state, '--server', '1')).toMatchObject({
      code: 0,
      stdout: 'told: server 1\n',
    });
    await eventually(() => attendance.requests.length > before);
    expect((await command('update', ...state, '--server', '7')).stderr).toContain('no server 7; there are 1');
    const away = await command('offline', ...state);
    expect(away).toMatchObject({ code: 0, stdout: 'told: server 1\n' });
    expect((await server.ask('0.01', '/3/0/0')).code).toBe('5.03');
    expect(await command('online', ...state)).toMatchObject({ code: 0 });
    await eventually(async () => (await server.ask('0.01', '/3/0/0')).code === '2.05');
    const muted = await command('send', '/3/0/0', ...state);
    expect(muted).toMatchObject({ code: 1, stdout: 'server 1  gw  muted\n' });
    expect((await server.ask('0.03', '/1/0/23', { payload: '0', contentFormat: 0 })).code).toBe('2.04');
    expect(await command('send', '/3/0/0', ...state)).toMatchObject({
      code: 0,
      stdout: 'server 1  gw  sent\n',
    });
    expect(attendance.requests.at(-1)).toMatchObject({ path: 'dp', contentFormat: 112 });
    expect((await command('send', '/no path/', ...state)).stderr).toContain('model.bad-path');
    child.kill('SIGTERM');
    expect((await child.exited).code).toBe(0);
  });
});
