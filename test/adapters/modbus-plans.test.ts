import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import modbus from '../../adapters/modbus/index.ts';
import { compileDevice } from '../../adapters/modbus/points.ts';
import { devicePlan, type PointKeys } from './support/plans.ts';

const TCP = { type: 'modbus-tcp', settings: { host: 'h' } };

/** Each fault as `path: message`. */
function faultsOf(points: Record<string, PointKeys>, protocol: Record<string, unknown> = {}): string[] {
  const plan = devicePlan(points, { protocol: { addressing: 'pdu0', ...protocol } });
  return modbus.check(plan, TCP).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const faultOf = (keys: PointKeys, protocol: Record<string, unknown> = {}): string | undefined =>
  faultsOf({ p: keys }, protocol)[0];

describe('schemas', () => {
  const accepts = (schema: object, value: unknown): boolean =>
    z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value).success;
  const { connections, profile, device, point, write } = modbus.schemas;
  const tcp = connections['modbus-tcp'] ?? {};

  test.each<[string, object, unknown]>([
    ['a connection', tcp, { host: '10.0.0.1' }],
    [
      'a connection in full',
      tcp,
      {
        host: 'plc',
        port: 1502,
        timing: { connectDelay: '1.5s', pause: '20ms' },
        maxInFlight: 4,
        idleClose: 'after-cycle',
      },
    ],
    ['an idle time', tcp, { host: 'plc', idleClose: '5m' }],
    [
      'a profile',
      profile,
      {
        addressing: 'pdu0',
        order: 'CDAB',
        limits: { maxRegisters: 80, maxBits: 0 },
        batching: { maxGap: 10 },
        unreadable: [[0x18e, 0x1fff]],
      },
    ],
    ['a device', device, { unit: 255 }],
    ['a point', point, { table: 'input', addr: 0, type: 'float32', nan: [0x7fc00000, '0xFFFFFFFFFFFFFFFF'] }],
    ['a write', write, { fc: 16, verify: 'readback', settle: '300ms', tolerance: 0.1 }],
  ])('%s is accepted', (_, schema, value) => {
    expect(accepts(schema, value)).toBe(true);
  });

  test.each<[string, object, unknown]>([
    ['a connection without host', tcp, {}],
    ['an unknown key', tcp, { host: 'h', hots: 1 }],
    ['an unknown key deeper down', tcp, { host: 'h', timing: { puase: '1s' } }],
    ['a duration without unit', tcp, { host: 'h', idleClose: '5' }],
    ['a port', tcp, { host: 'h', port: 70_000 }],
    ['pitfall 5: a profile that does not say how it counts', profile, { order: 'ABCD' }],
    [
      'more registers than a request may read',
      profile,
      { addressing: 'pdu0', limits: { maxRegisters: 126 } },
    ],
    ['half a range', profile, { addressing: 'pdu0', unreadable: [[1]] }],
    ['a unit', device, { unit: 256 }],
    ['a type', point, { table: 'input', addr: 0, type: 'int24' }],
    ['a bit', point, { table: 'input', addr: 0, type: 'bool', bit: 16 }],
    ['a function', write, { fc: 7 }],
  ])('%s is refused', (_, schema, value) => {
    expect(accepts(schema, value)).toBe(false);
  });
});

describe('check finds what a schema cannot', () => {
  test.each<[string, PointKeys, Record<string, unknown>, string]>([
    ['no type', { table: 'input', addr: 0 }, {}, 'points.p.type: a register says nothing without a type'],
    [
      'a coil of another type',
      { table: 'coil', addr: 0, type: 'int16' },
      {},
      'points.p.type: table coil holds bits',
    ],
    [
      'a text without length',
      { table: 'input', addr: 0, type: 'string' },
      {},
      'points.p.length: string needs',
    ],
    [
      'a length of its own',
      { table: 'input', addr: 0, type: 'int16', length: 2 },
      {},
      'points.p.length: int16 has',
    ],
    [
      'a bit of a number',
      { table: 'input', addr: 0, type: 'int16', bit: 1 },
      {},
      'points.p.bit: only a bool',
    ],
    [
      'a pattern too long',
      { table: 'input', addr: 0, type: 'int16', nan: [0x10000] },
      {},
      'points.p.nan: a pattern',
    ],
    [
      'a pattern that a number cannot hold exactly',
      { table: 'input', addr: 0, type: 'int64', nan: [2 ** 63] },
      {},
      'points.p.nan: a pattern beyond 2^53 has to be a text',
    ],
    [
      'longer than a request may read',
      { table: 'input', addr: 0, type: 'string', length: 20 },
      { limits: { maxRegisters: 10 } },
      'points.p.addr: takes 20 of table input, where one request may read 10',
    ],
    [
      'no such table',
      { table: 'coil', addr: 0 },
      { limits: { maxBits: 0 } },
      'points.p.addr: takes 1 of table coil',
    ],
    ['beyond the end', { table: 'input', addr: 65_535, type: 'int32' }, {}, 'points.p.addr: goes beyond'],
    [
      'no address 0',
      { table: 'input', addr: 0, type: 'int16' },
      { addressing: 'one-based' },
      'points.p.addr: 0 is no',
    ],
    [
      'pitfall 5: another table than the digit says',
      { table: 'input', addr: 40_001, type: 'int16' },
      { addressing: 'modicon' },
      'points.p.addr: 40001 is no modicon address of table input',
    ],
    [
      'a write to what can only be read',
      { table: 'input', addr: 0, type: 'int16', access: 'rw' },
      {},
      'points.p.table: table input can only be read',
    ],
    [
      'a function that writes one of two registers',
      { table: 'holding', addr: 0, type: 'int32', access: 'rw', write: { fc: 6 } },
      {},
      'points.p.write.fc: function 6 cannot write 2 of table holding',
    ],
    [
      'a write to one bit of a register as to a coil',
      { table: 'holding', addr: 0, type: 'bool', bit: 3, access: 'rw', write: { fc: 5 } },
      {},
      'points.p.write.fc: function 5 cannot write 1 of table holding',
    ],
    [
      'a read back of what cannot be read',
      { table: 'coil', addr: 0, access: 'w', write: { verify: 'readback' } },
      {},
      'points.p.write.verify: what cannot be read',
    ],
    [
      'a range that runs backwards',
      { table: 'coil', addr: 0 },
      { unreadable: [[9, 3]] },
      'protocol.unreadable.0: 9 to 3 is no range',
    ],
  ])('%s', (_, keys, protocol, fault) => {
    expect(faultOf(keys, protocol)).toContain(fault);
  });

  test('a marker that unreadable addresses keep from its value', () => {
    const value = { table: 'holding', addr: 20, type: 'int16' };
    const unreadable = [[9, 11]];
    expect(faultsOf({ p: { ...value, marker: { addr: 10, is: 1 } } }, { unreadable: [[12, 14]] })).toEqual([
      'points.p.marker: its request goes across unreadable addresses',
    ]);
    const marker = { table: 'holding', addr: 0, is: 1 };
    expect(faultsOf({ p: value }, { unreadable, marker })).toEqual([
      'points.p.marker: its request goes across unreadable addresses',
    ]);
    expect(faultsOf({ p: value, q: { ...value, addr: 10 } }, { unreadable })).toEqual([]);
  });

  test('unreadable addresses are those of the profile, wherever the device begins', () => {
    const compile = (base: number) =>
      compileDevice(
        devicePlan(
          {},
          { settings: { unit: 1, base }, protocol: { addressing: 'pdu0', unreadable: [[9, 11]] } },
        ),
      );
    expect(compile(100).rules.unreadable.holding).toEqual([[109, 111]]);
    expect(compile(65_530).faults.map(({ message }) => message)).toContain(
      '9 to 11 is no range of addresses',
    );
  });

  const grouped = (addr: number, table = 'input'): PointKeys => ({ table, addr, type: 'int16', group: 'g' });

  test('a group that cannot come from one request', () => {
    const faults = (a: PointKeys, b: PointKeys, protocol = {}): string[] => faultsOf({ a, b }, protocol);
    expect(faults(grouped(0), grouped(125))).toEqual([
      'points.a.group: group g spans 126, where one request may read 125',
    ]);
    expect(faults(grouped(0), grouped(1, 'holding'))).toEqual([
      'points.a.group: group g is spread over several tables',
    ]);
    expect(faults(grouped(0), grouped(4), { unreadable: [[2, 3]] })).toEqual([
      'points.a.group: group g goes across unreadable addresses',
    ]);
    expect(faults(grouped(0), grouped(124))).toEqual([]);
  });

  test('pitfall 5: in every notation the same register is the same address on the wire', () => {
    const notations: [string, number][] = [
      ['pdu0', 0x6b],
      ['one-based', 0x6c],
      ['modicon', 40_108],
      ['modicon', 400_108],
    ];
    for (const [addressing, addr] of notations) {
      expect(faultOf({ table: 'holding', addr, type: 'int16' }, { addressing })).toBeUndefined();
      const plan = devicePlan({ p: { table: 'holding', addr, type: 'int16' } }, { protocol: { addressing } });
      expect(compileDevice(plan).fields.get('p')?.address).toBe(0x6b);
    }
  });
});

describe('load', () => {
  test('tells requests, time and share of the medium, by the plans that will be read', () => {
    const points = Object.fromEntries(
      [0, 2, 4, 200].map((addr) => [`p${addr}`, { table: 'input', addr, type: 'float32' }]),
    );
    const device = devicePlan(points);
    const polls = [
      { points: ['p0', 'p2', 'p4', 'p200'], intervalMs: 10_000 },
      { points: ['p0'], intervalMs: 1000 },
    ];
    const { requestsPerSecond, utilisation, lines } = modbus.load(TCP, [{ device, polls }]);
    expect(requestsPerSecond).toBeCloseTo(0.2 + 1);
    expect(utilisation).toBeCloseTo(0.001 + 0.005, 3);
    expect(lines).toEqual([
      'a request takes 0.0 ms and 0.02 ms per register, the device 5 ms (assumed)',
      'meter: 4 points in 2 requests, 10 ms every 10 s = 0.10 %',
      'meter: 1 points in 1 requests, 5 ms every 1 s = 0.50 %',
    ]);
  });

  test('a pause between requests is part of their cost', () => {
    const device = devicePlan({ p: { table: 'input', addr: 0, type: 'int16' } });
    const connection = { type: 'modbus-tcp', settings: { host: 'h', timing: { pause: '95ms' } } };
    const plans = [{ device, polls: [{ points: ['p'], intervalMs: 1000 }] }];
    expect(modbus.load(connection, plans).utilisation).toBeCloseTo(0.1, 3);
  });
});
