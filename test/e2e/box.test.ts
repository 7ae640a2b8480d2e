import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Attendance, attended } from '../support/attend.ts';
import { startProcess } from '../support/command.ts';
import { type Lockstep, startLockstep } from '../support/lockstep.ts';
import { completed, eventually, openSite, type Site } from '../support/site.ts';

/** What the gateway's own objects show of the box, and do to it. */

const SENML_JSON = 110;

let site: Site;
let server: Lockstep;
let attendance: Attendance;

beforeEach(async () => {
  site = await openSite();
  ({ server, attendance } = await attended(site));
});

afterEach(() => site.close());

const config = (box: string): string => `upstream:
  endpoint: gw
  servers: [ { uri: "coap://127.0.0.1:${server.port}", lifetime: 1h } ]
box: ${box}
`;

async function script(name: string, text: string): Promise<string> {
  const path = await site.write(name, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}

const read = async (path: string): Promise<Record<string, unknown>> => {
  const { payload } = await server.ask('0.01', path, { accept: SENML_JSON });
  const records = JSON.parse(payload.toString()) as { n: string; v?: unknown; vs?: unknown }[];
  return Object.fromEntries(records.map(({ n, v, vs }) => [n, v ?? vs]));
};

test('int-701 int-710 int-801 int-810 its network and its place can be read and observed', async () => {
  await site.start(config('{ location: { latitude: 48.2, longitude: 16.37 } }'));
  await attendance.registered();
  expect(await read('/6/0')).toMatchObject({ '0': 48.2, '1': 16.37 });
  expect(await read('/4/0')).toHaveProperty('0');
  for (const path of ['/4/0', '/6/0']) {
    expect((await server.ask('0.03', `${path}?pmin=1&pmax=1`)).code).toBe('2.04');
    const first = await server.ask('0.01', path, { accept: SENML_JSON, observe: 0 });
    expect((await server.nextNotification(first.token)).payload).toEqual(first.payload);
  }
});

test('int-901 int-905 int-910 counts what goes to its servers and comes from them, from Start to Stop', async () => {
  await site.start(config('{}'));
  expect((await attendance.registered()).payload.toString()).toContain('</7/0>');
  await server.ask('0.01', '/3/0', { accept: SENML_JSON });
  expect(await read('/7/0')).toEqual({ '2': 0, '3': 0, '4': 0, '5': 0, '8': 0 });
  expect((await server.ask('0.03', '/7/0/8', { contentFormat: 0, payload: '-1' })).code).toBe('4.00');
  expect((await server.ask('0.03', '/7/0/8', { contentFormat: 0, payload: '3600' })).code).toBe('2.04');
  const before = server.received.length;
  expect((await server.ask('0.02', '/7/0/6')).code).toBe('2.04');
  for (let count = 0; count < 20; count++) await server.ask('0.01', '/3/0', { accept: SENML_JSON });
  // With headers of UDP and IPv4.
  const sizes = server.received.slice(before).map(({ length }) => length + 28);
  expect((await server.ask('0.02', '/7/0/7')).code).toBe('2.04');
  await server.ask('0.01', '/3/0', { accept: SENML_JSON });
  const counted = await read('/7/0');
  expect(counted['2']).toBe(Math.floor(sizes.reduce((sum, size) => sum + size, 0) / 1024));
  expect(counted['4']).toBe(Math.max(...sizes));
  expect(counted['5']).toBeLessThan(Math.max(...sizes));
  expect(await read('/7/0')).toEqual(counted);
  await server.ask('0.03', '/7/0?pmin=1&pmax=1');
  const observed = await server.ask('0.01', '/7/0', { accept: SENML_JSON, observe: 0 });
  expect((await server.nextNotification(observed.token)).payload).toEqual(observed.payload);
});

test('int-241 Reboot runs the command of the box, after the answer', async () => {
  const mark = join(site.folder, 'rebooted');
  await site.start(config(`{ reboot: ["${await script('reboot', 'touch "$1"')}", "${mark}"] }`));
  await attendance.registered();
  expect((await server.ask('0.02', '/3/0/4')).code).toBe('2.04');
  await eventually(() => existsSync(mark));
});

test('int-652 the clock is set by the command of the box, and by nobody without one', async () => {
  const mark = join(site.folder, 'time');
  await site.start(config(`{ setTime: ["${await script('set', 'echo "$2" > "$1"')}", "${mark}"] }`));
  await attendance.registered();
  const write = (path: string, payload: string) => server.ask('0.03', path, { payload, contentFormat: 0 });
  expect((await write('/3/0/13', '1700000000')).code).toBe('2.04');
  expect(readFileSync(mark, 'utf8')).toBe('1700000000\n');
  expect((await write('/3/0/15', 'Europe/Paris')).code).toBe('4.05');
  expect((await server.ask('0.01', '/3/0/14', { accept: 0 })).payload.toString()).toMatch(/^[+-]\d\d:\d\d$/);
});

test('int-2001 what goes wrong is in the Event Log', async () => {
  const strict = await startLockstep();
  await site.start(
    config('{}').replace('servers: [', `servers: [ { uri: "coap://127.0.0.1:${strict.port}" },`),
  );
  await attendance.registered();
  strict.respond(await strict.nextRequest(), '4.03');
  await eventually(async () => {
    const { payload } = await server.ask('0.01', '/20/0/4014', { accept: 42 });
    return payload.toString().includes('"message":"registration failed"');
  });
  strict.close();
});

test('Factory Reset forgets what a server has set, and starts anew', async () => {
  const child = await startProcess(await site.write('gateway.yaml', completed(config('{}'), site.folder)));
  expect((await attendance.registered()).query).toContain('lt=3600');
  await server.ask('0.03', '/1/0/1', { payload: '600', contentFormat: 0 });
  const accounts = join(site.folder, 'state/accounts.json');
  await eventually(() => existsSync(accounts) && readFileSync(accounts, 'utf8').includes('600'));
  expect((await server.ask('0.02', '/3/0/5')).code).toBe('2.04');
  expect((await child.exited).code).toBe(75);
  const again = await startProcess(join(site.folder, 'gateway.yaml'));
  expect((await attendance.registered(2)).query).toContain('lt=3600');
  again.kill('SIGTERM');
  await again.exited;
});
