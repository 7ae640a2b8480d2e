import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Attendance, attended } from '../support/attend.ts';
import { command, type Process, startProcess } from '../support/command.ts';
import type { Lockstep } from '../support/lockstep.ts';
import { meterConfig, setReadings } from '../support/meters.ts';
import { SENSOR, sensors } from '../support/sensors.ts';
import { completed, openSite, type RunningGateway, type Site } from '../support/site.ts';

/** A box over time: its devices come and go, it is restarted, killed, asked how it is, and has several servers. */

const SENML_JSON = 110;
const TEXT = 0;

let site: Site;
let server: Lockstep;
let attendance: Attendance;

beforeEach(async () => {
  site = await openSite();
  await site.write('profiles/sensor.yaml', SENSOR);
  ({ server, attendance } = await attended(site));
});

afterEach(() => site.close());

const config = (...ids: readonly string[]): string => `upstream:
  endpoint: gw
  servers: [ { uri: "coap://127.0.0.1:${server.port}", lifetime: 1h } ]
${sensors(...ids.map((id) => `id: ${id}, deviceId: sn-${id}`))}`;

describe('the identities of devices', () => {
  /** Instance of Object 25 and prefix by Device ID, as the server reads them. */
  async function announced(): Promise<Record<string, { instance: number; prefix: string }>> {
    const { payload } = await server.ask('0.01', '/25', { accept: SENML_JSON });
    const instances = new Map<number, Record<number, string>>();
    let name = '';
    for (const { bn, n = '', vs } of JSON.parse(payload.toString()) as {
      bn?: string;
      n?: string;
      vs: string;
    }[]) {
      name = bn ?? name;
      const [, , instance, resource] = `${name}${n}`.split('/').map(Number);
      const resources = instances.get(instance ?? -1) ?? {};
      instances.set(instance ?? -1, { ...resources, [resource ?? -1]: vs });
    }
    return Object.fromEntries(
      [...instances].map(([instance, { 0: deviceId = '', 1: prefix = '' }]) => [
        deviceId,
        { instance, prefix },
      ]),
    );
  }

  let starts = 0;
  let running: RunningGateway | undefined;
  async function restart(...ids: readonly string[]): ReturnType<typeof announced> {
    await running?.stop();
    running = await site.start(config(...ids));
    await attendance.registered(++starts);
    return announced();
  }
  beforeEach(() => {
    starts = 0;
    running = undefined;
  });

  const temperature = async (prefix: string | undefined): Promise<string> => {
    const { code, payload } = await server.ask('0.01', `/${prefix}/3303/0/5700`, { accept: TEXT });
    return code === '2.05' ? payload.toString() : code;
  };

  test('G-10, G-12, G-13 last over restarts with devices in another order, one gone and one new', async () => {
    const first = await restart('a', 'b', 'c');
    expect(Object.keys(first)).toEqual(['sn-a', 'sn-b', 'sn-c']);
    const second = await restart('c', 'd', 'a');
    expect(second).toEqual({
      'sn-a': first['sn-a'],
      'sn-c': first['sn-c'],
      'sn-d': { instance: 3, prefix: expect.any(String) },
    });
    expect((await attendance.registered(2)).payload.toString()).toBe(
      '</1/0>,</3/0>,</4/0>,</7/0>,</20>;ver=2.1,</20/0>,</25>;ver=2.0,</25/0>,</25/2>,</25/3>',
    );
    expect(await temperature(second['sn-d']?.prefix)).toBe('21.5');
    expect(await temperature(first['sn-b']?.prefix)).toBe('4.04');
    expect(Object.values(first).map(({ prefix }) => prefix)).not.toContain(second['sn-d']?.prefix);

    const third = await restart('b', 'd');
    expect(third).toEqual({ 'sn-b': first['sn-b'], 'sn-d': second['sn-d'] });
  });

  test('a box that lost its memory gives each device the same prefix again', async () => {
    const first = await restart('a', 'b');
    await running?.stop();
    await site.forget();
    const second = await restart('b', 'a');
    for (const id of ['sn-a', 'sn-b']) expect(second[id]?.prefix).toBe(first[id]?.prefix);
  });
});

test('two servers see the same meter, one behind a prefix and one as a client of its own', async () => {
  const { server: other, attendance: otherAttendance } = await attended(site);
  const servers = [
    `{ uri: "coap://127.0.0.1:${server.port}" }`,
    `{ uri: "coap://127.0.0.1:${other.port}", representation: endpoints }`,
  ];
  const meters = ['meter-1'];
  const simulation = await site.simulate(meterConfig({ servers, meters }));
  setReadings(simulation, meters);
  const gateway = await site.start(meterConfig({ servers, meters, field: simulation.connection }));
  const prefix = gateway.status().devices[0]?.prefix;
  expect((await attendance.registered()).payload.toString()).toBe(
    '</1/0>,</3/0>,</4/0>,</7/0>,</20>;ver=2.1,</20/0>,</25>;ver=2.0,</25/0>',
  );
  const { query, payload } = await otherAttendance.registered();
  expect(query).toContain('ep=meter-1');
  expect(payload.toString()).toBe(
    '</1/1>,</3/0>,</3308>;ver=1.1,</3308/0>,</3331>;ver=1.1,</3331/0>,</3331/1>,</10242/0>',
  );

  const behindPrefix = await server.ask('0.01', `/${prefix}/10242/0/34`, { observe: 0 });
  const ownClient = await other.ask('0.01', '/10242/0/34', { observe: 0 });
  expect([behindPrefix, ownClient].map((answer) => answer.payload.toString())).toEqual(['0.6015', '0.6015']);
  simulation.set('meter-1', 'p', 1250.5);
  const heard = [
    await server.nextNotification(behindPrefix.token),
    await other.nextNotification(ownClient.token),
  ];
  expect(heard.map((message) => message.payload.toString())).toEqual(['1.2505', '1.2505']);

  const write = await other.ask('0.03', '/3308/0/5900', { contentFormat: TEXT, payload: '3600' });
  expect([write.code, simulation.get('meter-1', 'demandPeriod')]).toEqual(['2.04', 60]);
  expect((await server.ask('0.01', `/${prefix}/3308/0/5900`)).payload.toString()).toBe('3600');
  // Each has its own accounts: the server of the gateway is none of the meter's business.
  expect((await other.ask('0.01', '/1')).code).toBe('2.05');
  expect((await other.ask('0.01', '/1/1/0', { accept: TEXT })).payload.toString()).toBe('2');
  expect((await server.ask('0.01', '/1/0/0', { accept: TEXT })).payload.toString()).toBe('1');

  await gateway.stop();
  expect(attendance.requests.map(({ code }) => code)).toEqual(['0.02', '0.04']);
  expect(otherAttendance.requests.map(({ code }) => code)).toEqual(['0.02', '0.04']);
});

describe('the program as a process', () => {
  const state = (): string => `${site.folder}/state`;

  async function start(): Promise<Process> {
    const file = await site.write('gateway.yaml', completed(config('a', 'b'), site.folder));
    const running = await startProcess(file);
    site.onClose(() => running.kill('SIGKILL'));
    return running;
  }

  test('says how it is while it runs, and at SIGTERM de-registers and ends with 0', async () => {
    expect((await command('health', '--state', state())).code).toBe(1);
    const running = await start();
    await attendance.registered();
    const [health, status, text] = await Promise.all([
      command('health', '--state', state()),
      command('status', '--state', state(), '--json'),
      command('status', '--state', state()),
    ]);
    expect([health.code, status.code, text.code]).toEqual([0, 0, 0]);
    expect(JSON.parse(status.stdout)).toMatchObject({
      servers: [{ server: 1, endpoint: 'gw', phase: 'registered', release: '1.2' }],
      devices: [
        { id: 'a', deviceId: 'sn-a', state: 'online' },
        { id: 'b', deviceId: 'sn-b', state: 'online' },
      ],
    });
    expect(text.stdout).toContain('sn-b');

    running.kill('SIGTERM');
    const { code, afterMs } = await running.exited;
    expect(code).toBe(0);
    expect(afterMs).toBeLessThan(2000);
    expect(attendance.requests.map(({ code, path }) => [code, path])).toEqual([
      ['0.02', 'rd'],
      ['0.04', 'rd/1'],
    ]);
    expect((await command('health', '--state', state())).code).toBe(1);
  });

  test('ends in time when the server does not answer any more', async () => {
    const running = await start();
    await attendance.registered();
    await attendance.stop();
    running.kill('SIGTERM');
    const { code, afterMs } = await running.exited;
    expect(code).toBe(0);
    expect(afterMs).toBeLessThan(3500);
  });

  test('ends with 75 after Reboot, so that it is started again', async () => {
    const running = await start();
    await attendance.registered();
    expect((await server.ask('0.02', '/3/0/4')).code).toBe('2.04');
    expect((await running.exited).code).toBe(75);
    expect(attendance.requests.at(-1)?.code).toBe('0.04');
  });

  test('starts cleanly after it was killed, with the same prefixes', async () => {
    const first = await start();
    await attendance.registered();
    const prefixes = async (): Promise<unknown[]> => {
      const { stdout } = await command('status', '--state', state(), '--json');
      return (JSON.parse(stdout) as { devices: { prefix: string }[] }).devices.map(({ prefix }) => prefix);
    };
    const before = await prefixes();
    first.kill('SIGKILL');
    expect((await first.exited).code).toBeNull();
    expect((await command('health', '--state', state())).code).toBe(1);
    const second = await start();
    await attendance.registered(2);
    expect(await prefixes()).toEqual(before);
    second.kill('SIGTERM');
    expect((await second.exited).code).toBe(0);
  });

  test('a second one with the same state is refused, and the first goes on', async () => {
    await start();
    await attendance.registered();
    const second = await command('run', `${site.folder}/gateway.yaml`);
    expect([second.code, second.stdout]).toEqual([1, '']);
    expect(second.stderr).toContain(state());
    expect((await command('health', '--state', state())).code).toBe(0);
    expect(attendance.requests.length).toBe(1);
  });

  test('a configuration with mistakes: each with its place, exit code 2, and nothing is started', async () => {
    const text = config('a', 'b')
      .replace('id: b,', 'id: a,')
      .replace('type: sim', 'type: sym')
      .replace('lifetime: 1h', 'lifetime: 1');
    const file = await site.write('gateway.yaml', completed(text, site.folder));
    const { code, stdout, stderr } = await command('run', file);
    expect([code, stdout]).toEqual([2, '']);
    const lines = stderr.trim().split('\n');
    expect(lines.length).toBe(4);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/gateway\.yaml:\d+:\d+ \S/);
    expect(lines.map((line) => Number(/yaml:(\d+):/.exec(line)?.[1]))).toEqual([3, 5, 8, Number.NaN]);
    expect(server.received).toEqual([]);
    expect(existsSync(state())).toBe(false);
  });
});
