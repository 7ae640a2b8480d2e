import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  frame,
  type RogueRequest,
  type RogueServer,
  startRogueServer,
} from '../adapters/support/rogue-server.ts';
import { type Attendance, attend } from '../support/attend.ts';
import { type Incoming, type Lockstep, startLockstep } from '../support/lockstep.ts';
import { eventually, openSite, type Site } from '../support/site.ts';

/**
 * Raw access (objects 10374 and 10375) through the whole gateway: what a server may do with the registers of a device,
 * and what it is told when it may not. The meter is simulated, or misbehaves.
 */

const SENML_JSON = 110;

const PROFILE = `profile:
  id: test/raw
  protocol: modbus
  modbus:
    addressing: pdu0
    unreadable: [[300, 400]]
    limits: { maxRegisters: 20 }
  points:
    a: { table: holding, addr: 0, type: uint16, kind: state }
    setPoint: { table: holding, addr: 10, type: uint16, kind: state, unit: W, access: rw, write: { max: 100 } }
    more: { table: holding, addr: 11, type: uint16, kind: state, access: rw }
    valve: { table: coil, addr: 5, access: rw, kind: state }
    sensor: { table: input, addr: 7, type: uint16 }
  objects:
    - { object: 3308, resources: { 5900: { from: setPoint, unit: W }, 5701: "W" } }
    - { object: 3300, resources: { 5700: a } }
    - { object: 3306, resources: { 5850: valve } }
`;

let site: Site;
let server: Lockstep;
let attendance: Attendance;

beforeEach(async () => {
  site = await openSite();
  await site.write('profiles/raw.yaml', PROFILE);
  server = await startLockstep();
  attendance = attend(server);
});

afterEach(async () => {
  await site.close();
  await attendance.stop();
  server.close();
});

const config = (rawAccess: string, port: number): string => `upstream:
  endpoint: gw
  servers: [ { uri: "coap://127.0.0.1:${server.port}", lifetime: 1h } ]
profilePaths: [ profiles ]
defaults: { poll: 30s, timeouts: { request: 300ms, retries: 0 }, quarantine: { after: 1, backoff: [60s] } }
connections: { line: { type: modbus-tcp, host: 127.0.0.1, port: ${port} } }
devices: [ { id: meter, prefix: m, profile: test/raw, connection: line, unit: 9${rawAccess} } ]
`;

const raw = (keys: string): string => `, rawAccess: { ${keys} }`;
const OPEN = raw('mode: read-write, write: { holding: [[10, 11], [500, 600]], coil: [[5, 5]] }, pause: 10ms');

async function start(rawAccess: string) {
  const meter = await site.simulate(config(rawAccess, 502));
  for (const [point, value] of [
    ['a', 4711],
    ['setPoint', 50],
    ['more', 2],
    ['sensor', 65_535],
  ] as const)
    meter.set('meter', point, value);
  await site.start(config(rawAccess, Number(meter.connection.port)));
  await attendance.registered();
  return meter;
}

interface Cluster {
  readonly table?: number;
  readonly address: number;
  readonly count?: number;
  readonly unit?: number;
  readonly values?: readonly number[];
}

const json = (records: readonly object[]): { contentFormat: number; payload: string } => ({
  contentFormat: SENML_JSON,
  payload: JSON.stringify(records),
});

function create({ table = 3, address, count, unit = 9, values = [] }: Cluster): Promise<Incoming> {
  const [first, ...others] = [
    { n: '0', vlo: '10374:0' },
    { n: '1', v: table },
    { n: '2', v: unit },
    { n: '3', v: address },
    ...(count === undefined ? [] : [{ n: '4', v: count }]),
    ...values.map((v, index) => ({ n: `5/${index}`, v })),
  ];
  return server.ask('0.02', '/m/10375', json([{ bn: '/m/10375/0/', ...first }, ...others]));
}

async function read(path: string): Promise<unknown> {
  const { code, payload } = await server.ask('0.01', path, { accept: SENML_JSON });
  if (code !== '2.05') return code;
  const records = JSON.parse(payload.toString()) as { v?: number; vb?: boolean; vs?: string; vlo?: string }[];
  return records.map(({ v, vb, vs, vlo }) => v ?? vb ?? vs ?? vlo);
}

async function write(path: string, records: readonly object[], method = '0.03'): Promise<string> {
  const { code, payload } = await server.ask(method, path, json(records));
  return `${code} ${payload}`.trim();
}

describe('raw access to a device (OMA objects 10374 and 10375)', () => {
  test('is off unless the configuration gives it', async () => {
    await start('');
    expect(await read('/m/10374/0')).toBe('4.04');
    expect(await read('/m/10375')).toBe('4.04');
    expect((await create({ address: 0 })).code).toBe('4.04');
  });

  test('shows how the device is reached, which no server may change', async () => {
    const meter = await start(raw('mode: read'));
    expect(await read('/m/10374/0/0')).toEqual([`127.0.0.1:${meter.connection.port}`]);
    expect(await read('/m/10374/0/1')).toEqual([0]);
    expect(await read('/m/10374/0/8')).toEqual([2]);
    expect(await write('/m/10374/0/0', [{ n: '/m/10374/0/0', vs: '10.0.0.1:502' }])).toMatch(/^4\.05/);
    expect(await write('/m/10374/0/2', [{ n: '/m/10374/0/2', vb: false }])).toMatch(/^4\.05/);
  });

  test('a cluster that a server makes reads what the registers hold, in one request', async () => {
    await start(raw('mode: read'));
    const { code, location } = await create({ address: 10, count: 2 });
    expect([code, location]).toEqual(['2.01', 'm/10375/0']);
    expect(await read('/m/10375/0/5')).toEqual([50, 2]);
    expect(await read('/m/10375/0/5/1')).toEqual([2]);
    expect(await read('/m/10375/0')).toEqual(['10374:0', 3, 9, 10, 2, 50, 2]);
  });

  test.each([
    ['input registers', 4, 7, [65_535]],
    ['coils, as 0 and 1', 1, 5, [0, 0]],
    ['a quantity of 1 where none is given', 3, 0, [4711]],
  ] as const)('%s', async (_, table, address, values) => {
    await start(raw('mode: read'));
    const count = values.length === 1 ? {} : { count: values.length };
    expect((await create({ table, address, ...count })).code).toBe('2.01');
    expect(await read('/m/10375/0/5')).toEqual(values);
  });

  test('a cluster that is moved reads other registers', async () => {
    await start(raw('mode: read'));
    await create({ address: 0 });
    expect(await read('/m/10375/0/5')).toEqual([4711]);
    const moved = [
      { bn: '/m/10375/0/', n: '3', v: 10 },
      { n: '4', v: 2 },
    ];
    expect(await write('/m/10375/0', moved, '0.02')).toBe('2.04');
    expect(await read('/m/10375/0/5')).toEqual([50, 2]);
    expect((await server.ask('0.04', '/m/10375/0')).code).toBe('2.02');
    expect(await read('/m/10375/0/5')).toBe('4.04');
  });

  test.each([
    ['another unit', { address: 0, unit: 8 }, /unit 9/],
    ['registers that the profile fences off', { address: 299, count: 2 }, /must not be read/],
    ['more than the device reads in one request', { address: 0, count: 21 }, /at most 20/],
    ['more than there are', { address: 65_535, count: 2 }, /last address/],
    ['values, before the cluster is there', { address: 0, values: [1] }, /first/],
  ])('refuses a cluster of %s with 4.00', async (_, cluster, message) => {
    await start(raw('mode: read'));
    const { code, payload } = await create(cluster);
    expect(code).toBe('4.00');
    expect(payload.toString()).toMatch(message);
    expect(await read('/m/10375')).toEqual([]);
  });

  test('a list of ranges opens these and no others', async () => {
    await start(raw('mode: read, read: { holding: [[0, 9], [10, 10]] }'));
    expect((await create({ address: 9, count: 2 })).code).toBe('2.01');
    expect((await create({ address: 10, count: 2 })).code).toBe('4.00');
    expect((await create({ table: 4, address: 7 })).code).toBe('4.00');
  });

  test('a server makes no more clusters than a box bears', async () => {
    await start(raw('mode: read'));
    for (let made = 0; made < 16; made++) {
      const { code } = await server.ask(
        '0.02',
        '/m/10375',
        json([
          { bn: `/m/10375/${made}/`, n: '0', vlo: '10374:0' },
          { n: '1', v: 3 },
          { n: '2', v: 9 },
          { n: '3', v: made },
        ]),
      );
      expect(code).toBe('2.01');
    }
    const { code, payload } = await server.ask(
      '0.02',
      '/m/10375',
      json([
        { bn: '/m/10375/16/', n: '0', vlo: '10374:0' },
        { n: '1', v: 3 },
        { n: '2', v: 9 },
        { n: '3', v: 1 },
      ]),
    );
    expect(`${code} ${payload}`).toMatch(/^4\.00.*16 clusters/);
  });
});

describe('writing registers (10375 resource 5)', () => {
  test('goes to the device, and the points of these registers are read again', async () => {
    const meter = await start(OPEN);
    await create({ address: 10, count: 2 });
    expect(await eventually(async () => (await read('/m/3308/0/5900')) !== '5.03')).toBe(true);
    expect(await write('/m/10375/0/5/0', [{ n: '/m/10375/0/5/0', v: 60 }])).toBe('2.04');
    expect(meter.get('meter', 'setPoint')).toBe(60);
    expect(await read('/m/3308/0/5900')).toEqual([60]);
    expect(await read('/m/10375/0/5')).toEqual([60, 2]);
    const both = [
      { bn: '/m/10375/0/5/', n: '0', v: 70 },
      { n: '1', v: 3 },
    ];
    expect(await write('/m/10375/0/5', both)).toBe('2.04');
    expect([meter.get('meter', 'setPoint'), meter.get('meter', 'more')]).toEqual([70, 3]);
  });

  test('a coil', async () => {
    const meter = await start(OPEN);
    await create({ table: 1, address: 5 });
    expect(await write('/m/10375/0/5/0', [{ n: '/m/10375/0/5/0', v: 1 }])).toBe('2.04');
    expect(meter.get('meter', 'valve')).toBe(true);
    expect(await write('/m/10375/0/5/0', [{ n: '/m/10375/0/5/0', v: 2 }])).toMatch(/^4\.00/);
  });

  test.each([
    ['where the mode is read', raw('mode: read'), 3, 10, /^4\.05.*not open to be written/],
    ['outside of the ranges', OPEN, 3, 0, /^4\.05.*not open to be written/],
    ['input registers', OPEN, 4, 7, /^4\.05.*can only be read/],
  ])('is refused %s, and nothing is sent', async (_, rawAccess, table, address, answer) => {
    const meter = await start(rawAccess);
    const heard: unknown[] = [];
    meter.onWrite((event) => heard.push(event));
    await create({ table, address });
    expect(await write('/m/10375/0/5/0', [{ n: '/m/10375/0/5/0', v: 1 }])).toMatch(answer);
    expect(heard).toEqual([]);
  });

  test('that would change which resource instances there are is refused with 4.00', async () => {
    await start(OPEN);
    await create({ address: 10, count: 2 });
    expect(await write('/m/10375/0/5', [{ n: '/m/10375/0/5/0', v: 1 }])).toMatch(/^4\.00/);
    expect(await write('/m/10375/0/5/2', [{ n: '/m/10375/0/5/2', v: 1 }])).toMatch(/^4\.0[04]/);
  });

  test('what the device refuses is 5.02, and says why', async () => {
    await start(OPEN);
    await create({ address: 500 });
    expect(await write('/m/10375/0/5/0', [{ n: '/m/10375/0/5/0', v: 1 }])).toMatch(
      /^5\.02.*illegal data address/,
    );
  });
});

describe('raw access to a device that misbehaves', () => {
  let meter: RogueServer;
  afterEach(() => meter.close());

  const good = (request: RogueRequest): void => {
    const { function: code, transaction, unit } = request;
    request.socket.write(code === 1 ? frame(transaction, [unit, code, 1, 0]) : request.good());
  };

  test('silence is 5.04, and no value from before is shown', async () => {
    let isSilent = false;
    meter = await startRogueServer((request) => {
      if (!isSilent || request.address !== 40) good(request);
    });
    await site.start(config(OPEN, meter.port));
    await attendance.registered();
    await create({ address: 40 });
    expect(await read('/m/10375/0/5')).toEqual([9040]);
    isSilent = true;
    await eventually(async () => (await read('/m/10375/0/5')) === '5.04');
  });

  test('a write whose answer is lost is 5.04 with the doubt told, and is not sent twice', async () => {
    meter = await startRogueServer((request) => {
      if (request.function !== 6) good(request);
    });
    await site.start(config(OPEN, meter.port));
    await attendance.registered();
    await create({ address: 500 });
    expect(await write('/m/10375/0/5/0', [{ n: '/m/10375/0/5/0', v: 1 }])).toMatch(/^5\.04.*may or may not/);
    expect(meter.requests.filter((request) => request.function === 6)).toHaveLength(1);
  });

  test('a device in quarantine is not asked: 5.03', async () => {
    meter = await startRogueServer((request) => {
      if (request.function === 6) good(request);
    });
    await site.start(config(OPEN, meter.port));
    await attendance.registered();
    await create({ address: 500 });
    await eventually(async () => (await read('/m/10375/0/5')) === '5.03');
    const before = meter.requests.length;
    expect(await write('/m/10375/0/5/0', [{ n: '/m/10375/0/5/0', v: 1 }])).toMatch(/^5\.03/);
    expect(meter.requests.length).toBe(before);
  });
});

test('in endpoints representation a cluster is whose it was when it is moved, and another’s who makes it after a restart (OMA Core 1.2 8.1)', async () => {
  const other = await startLockstep();
  const others = attend(other);
  site.onClose(async () => {
    await others.stop();
    other.close();
  });
  const meter = await site.simulate(config(OPEN, 502));
  meter.set('meter', 'a', 4711);
  const text = config(OPEN, Number(meter.connection.port)).replace(
    /servers: .*/,
    `representation: endpoints
  servers: [ { uri: "coap://127.0.0.1:${server.port}" }, { uri: "coap://127.0.0.1:${other.port}" } ]`,
  );
  const start = async (n: number) => {
    const gateway = await site.start(text);
    await Promise.all([attendance.registered(n), others.registered(n)]);
    await eventually(() => gateway.status().servers.every(({ phase }) => phase === 'registered'));
    return gateway;
  };
  const make = async (by: Lockstep): Promise<string> => {
    const records = [
      { bn: '/10375/0/', n: '0', vlo: '10374:0' },
      { n: '1', v: 3 },
      { n: '2', v: 9 },
      { n: '3', v: 0 },
    ];
    return (await by.ask('0.02', '/10375', json(records))).code;
  };
  const values = async (by: Lockstep): Promise<string> =>
    (await by.ask('0.01', '/10375/0/5', { accept: SENML_JSON })).code;

  const gateway = await start(1);
  expect(await make(server)).toBe('2.01');
  expect([await values(server), await values(other)]).toEqual(['2.05', '4.01']);
  expect(await write('/10375/0', [{ n: '/10375/0/3', v: 10 }], '0.02')).toBe('2.04');
  expect([await values(server), await values(other)]).toEqual(['2.05', '4.01']);
  await gateway.stop();
  await start(2);
  expect(await make(other)).toBe('2.01');
  expect([await values(server), await values(other)]).toEqual(['4.01', '2.05']);
});

describe('the key rawAccess of a device', () => {
  test.each([
    ['mode: read-write', /mode.*|read-write needs 'write'/],
    ['mode: read, write: { holding: [[1, 2]] }', /nothing is written with mode 'read'/],
    ['mode: read, read: { holding: [[5, 2]] }', /5 to 2 is no range/],
    ['mode: read, read: { registers: [[5, 2]] }', /registers/],
    ['mode: sometimes', /mode/],
    ['mode: read-write, write: { input: [[1, 2]] }', /input/],
  ])('%s is a fault with its place', async (keys, message) => {
    await expect(site.plan(config(raw(keys), 502))).rejects.toThrow(message);
    await expect(site.plan(config(raw(keys), 502))).rejects.toThrow(/gateway\.yaml:7:\d+/);
  });
});
