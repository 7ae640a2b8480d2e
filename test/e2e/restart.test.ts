import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Attendance, attend } from '../support/attend.ts';
import { type Lockstep, startLockstep } from '../support/lockstep.ts';
import { eventually, openSite, type RunningGateway, type Site } from '../support/site.ts';

/** What the field side knows over a restart: nothing wrong gets through because the gateway has just started. */

const METER = `profile:
  id: test/meter
  protocol: modbus
  modbus: { addressing: pdu0 }
  points:
    e: { table: holding, addr: 1, type: uint32, unit: Wh, kind: counter }
    p: { table: holding, addr: 10, type: uint16, unit: W }
  objects:
    - { object: 3331, resources: { 5700: { from: e, unit: Wh } } }
    - { object: 3305, version: "1.0", resources: { 5800: p } }
`;

const [ENERGY, POWER] = ['3331/0/5700', '3305/0/5800'];

let site: Site;
let server: Lockstep;
let attendance: Attendance;
let starts: number;

beforeEach(async () => {
  site = await openSite();
  await site.write('profiles/meter.yaml', METER);
  server = await startLockstep();
  attendance = attend(server);
  starts = 0;
});
afterEach(async () => {
  await site.close();
  await attendance.stop();
  server.close();
});

const config = (port: number): string => `upstream:
  endpoint: gw
  servers: [ { uri: "coap://127.0.0.1:${server.port}", lifetime: 1h } ]
profilePaths: [ profiles ]
connections: { hall: { type: modbus-tcp, host: 127.0.0.1, port: ${port} } }
devices: [ { id: m, deviceId: sn-m, prefix: m, profile: test/meter, connection: hall, unit: 1, poll: 100ms } ]
`;

const read = async (path: string): Promise<string> => {
  const { code, payload } = await server.ask('0.01', `/m/${path}`, { accept: 0 });
  return code === '2.05' ? payload.toString() : code;
};

/** Starts, and waits until the first poll has come. */
async function start(port: number, power: string): Promise<RunningGateway> {
  const gateway = await site.start(config(port));
  await attendance.registered(++starts);
  await eventually(async () => (await read(POWER)) === power);
  return gateway;
}

test('a counter that went back while the gateway was down is not shown; one that went on is (pitfall 12)', async () => {
  const field = await site.simulate(config(502));
  const port = Number(field.connection.port);
  field.set('m', 'p', 1000);
  field.set('m', 'e', 5000);
  await (await start(port, '1000')).stop();

  field.set('m', 'p', 2000);
  field.set('m', 'e', 3);
  const gateway = await start(port, '2000');
  expect(gateway.status().memory).toMatchObject({ restored: 1, outdated: 0 });
  expect(await read(ENERGY)).toBe('5.02');
  field.set('m', 'e', 5001);
  await eventually(async () => (await read(ENERGY)) === '5001');
  await gateway.stop();

  // A broken file costs what was in it, is counted, and is whole again by the next stop.
  await writeFile(`${site.folder}/state/field.json`, '{"schema":1,');
  field.set('m', 'p', 3000);
  field.set('m', 'e', 4);
  const healed = await start(port, '3000');
  expect(healed.status()).toMatchObject({ memory: { restored: 0 }, damagedFiles: 1 });
  expect(await read(ENERGY)).toBe('4');
  await healed.stop();

  // Another profile is another meter.
  await site.write('profiles/meter.yaml', METER.replace('addr: 1,', 'addr: 3,'));
  field.set('m', 'p', 4000);
  const other = await start(port, '4000');
  expect(other.status().memory).toMatchObject({ restored: 0, outdated: 1 });
  expect(await read(ENERGY)).toBe('0');
});
