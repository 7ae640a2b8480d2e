import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Attendance, attended } from '../support/attend.ts';
import type { Incoming, Lockstep } from '../support/lockstep.ts';
import { sensors } from '../support/sensors.ts';
import { eventually, openSite, type Site } from '../support/site.ts';

/**
 * Firmware of the gateway and of a device behind it, pushed in blocks and pulled over HTTP, with a server that shares no
 * code with the gateway.
 */

const TEXT = 0;
const OPAQUE = 42;
const TLV = 11542;
const BLOCK1 = 'Block1';

const SENSOR = `profile:
  id: test/sensor
  protocol: sim
  points: { t: { wave: constant, value: 21.5, unit: Cel }, fw: { wave: firmware, kind: text, poll: 100ms } }
  objects:
    - { object: 3303, resources: { 5700: t } }
    - { object: 3, resources: { 3: fw } }
`;

let site: Site;
let server: Lockstep;
let attendance: Attendance;
let installed: string;

beforeEach(async () => {
  site = await openSite();
  await site.write('profiles/sensor.yaml', SENSOR);
  ({ server, attendance } = await attended(site));
  installed = join(site.folder, 'installed');
});

afterEach(() => site.close());

async function script(name: string, text: string): Promise<string> {
  const path = await site.write(name, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}

async function start(firmware: string): Promise<void> {
  await site.start(`upstream:
  endpoint: gw
  servers: [ { uri: "coap://127.0.0.1:${server.port}", lifetime: 1h } ]
box: { firmware: ${firmware} }
${sensors('id: a, prefix: d01, firmware: "1.0"', 'id: b, prefix: d02')}`);
  await attendance.registered();
}

const installTo = async (more = ''): Promise<string> =>
  `{ install: ["${await script('install', `cat "$2" > "$1"; ${more}`)}", "${installed}"], spareBytes: 0 }`;

const read = async (path: string): Promise<string> =>
  (await server.ask('0.01', path, { accept: TEXT })).payload.toString();
const update = async (path = ''): Promise<string> =>
  `${await read(`${path}/5/0/3`)}/${await read(`${path}/5/0/5`)}`;

/** Pushes in blocks of 1024 bytes, as servers do (RFC 7959 2.5). @returns the last answer */
async function push(bytes: Buffer, path = ''): Promise<Incoming> {
  const count = Math.max(1, Math.ceil(bytes.length / 1024));
  for (let number = 0; ; number++) {
    const isLast = number === count - 1;
    const value = number * 16 + (isLast ? 0 : 8) + 6;
    const block =
      value < 256
        ? [value]
        : value < 65_536
          ? [value >> 8, value & 255]
          : [value >> 16, (value >> 8) & 255, value & 255];
    const answer = await server.ask('0.03', `${path}/5/0/0`, {
      payload: bytes.subarray(number * 1024, (number + 1) * 1024),
      contentFormat: OPAQUE,
      options: [{ name: BLOCK1, value: Buffer.from(block) }],
    });
    if (isLast || answer.code !== '2.31') return answer;
  }
}

const PACKAGE = Buffer.alloc(100_000, 'firmware ');

describe('the firmware of the gateway', () => {
  test('int-751 int-755 int-760 int-770 pushed in blocks, installed by the command with the very bytes, and told', async () => {
    await start(await installTo());
    expect(await update()).toBe('0/0');
    expect(
      (await server.ask('0.01', '/5/0', { accept: TLV })).payload.includes(Buffer.from([0xc1, 3, 0])),
    ).toBe(true);
    const observed = await server.ask('0.01', '/5/0/3', { accept: TEXT, observe: 0 });
    expect((await push(PACKAGE)).code).toBe('2.04');
    expect(await update()).toBe('2/0');
    await eventually(async () => (await server.nextNotification(observed.token)).payload.toString() === '2');
    expect((await server.ask('0.02', '/5/0/2')).code).toBe('2.04');
    await eventually(async () => (await update()) === '0/1');
    expect(readFileSync(installed).equals(PACKAGE)).toBe(true);
  });

  test('int-772 Update without a package is refused', async () => {
    await start(await installTo());
    expect((await server.ask('0.02', '/5/0/2')).code).toBe('4.05');
    expect((await server.ask('0.02', '/5/0/10')).code).toBe('4.05');
    expect(existsSync(installed)).toBe(false);
  });

  test.each([
    ['int-776', 5, '0/5'],
    ['int-777', 6, '0/6'],
    ['int-779', 1, '2/8'],
  ])('%s the installer ends with %i: state and result %s', async (_, code, expected) => {
    await start(await installTo(`exit ${code}`));
    await push(PACKAGE);
    expect((await server.ask('0.02', '/5/0/2')).code).toBe('2.04');
    await eventually(async () => (await update()) === expected);
  });

  test('int-773 int-774 a package that is too large leaves nothing, and result 2', async () => {
    await start((await installTo()).replace('spareBytes', 'mostBytes: 50000, spareBytes'));
    expect((await push(PACKAGE)).code).toBe('4.13');
    await eventually(async () => ['0/2', '0/4'].includes(await update()));
    expect(existsSync(join(site.folder, 'state/firmware/own/package'))).toBe(false);
    await push(PACKAGE.subarray(0, 40_000));
    expect(await update()).toBe('2/0');
  });

  test('int-755 a zero byte or an empty URI throws the package away', async () => {
    await start(await installTo());
    for (const reset of [
      () => push(Buffer.from([0])),
      () => server.ask('0.03', '/5/0/1', { payload: '', contentFormat: TEXT }),
    ]) {
      await push(PACKAGE);
      expect(await update()).toBe('2/0');
      expect((await push(PACKAGE)).code).toBe('4.00');
      expect((await reset()).code).toBe('2.04');
      expect(await update()).toBe('0/0');
    }
  });

  test('int-756 int-771 pulled over HTTP', async () => {
    const web = createServer((request, response) => {
      if (request.url === '/fw.bin') response.end(PACKAGE);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    site.onClose(async () => void web.close());
    const base = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
    await start(await installTo());
    const pull = (uri: string) => server.ask('0.03', '/5/0/1', { payload: uri, contentFormat: TEXT });
    expect((await pull(`${base}/fw.bin`)).code).toBe('2.04');
    await eventually(async () => (await update()) === '2/0');
    expect(await read('/5/0/1')).toBe(`${base}/fw.bin`);
    expect((await server.ask('0.02', '/5/0/10')).code).toBe('2.04');
    expect(await update()).toBe('0/10');
    // int-778, int-780
    expect((await pull(`${base}/other`)).code).toBe('2.04');
    await eventually(async () => (await update()) === '0/7');
    expect((await pull('ftp://127.0.0.1/fw')).code).toBe('4.00');
    expect(await update()).toBe('0/9');
    expect((await pull('http://127.0.0.1:1/fw')).code).toBe('2.04');
    await eventually(async () => (await update()) === '0/4');
  });
});

describe('the firmware of a device behind the gateway', () => {
  beforeEach(async () => {
    await start(await installTo());
    await eventually(async () => (await read('/d01/3/0/3')) === '1.0');
  });

  const packageOf = (head: string): Buffer => Buffer.concat([Buffer.from(head), PACKAGE]);

  test('is there where the adapter can change it, and nowhere else', async () => {
    expect(await read('/25/0/3')).toContain('</5/0>');
    expect(await read('/25/1/3')).not.toContain('</5/0>');
    expect((await server.ask('0.01', '/d02/5/0')).code).toBe('4.04');
  });

  test('goes to the adapter, and shows in the Device object of the device', async () => {
    expect((await push(packageOf('lwm2m-gateway-sim 2.0\n'), '/d01')).code).toBe('2.04');
    expect(await update('/d01')).toBe('2/0');
    expect(await update()).toBe('0/0');
    expect((await server.ask('0.02', '/d01/5/0/2')).code).toBe('2.04');
    await eventually(async () => (await update('/d01')) === '0/1');
    await eventually(async () => (await read('/d01/3/0/3')) === '2.0');
    expect(existsSync(installed)).toBe(false);
  });

  test('of another type is refused by the adapter, and the device goes on as it was', async () => {
    await push(PACKAGE, '/d01');
    await server.ask('0.02', '/d01/5/0/2');
    await eventually(async () => (await update('/d01')) === '0/6');
    expect(await read('/d01/3/0/3')).toBe('1.0');
  });
});
