import { describe, expect, test } from 'vitest';
import type { AttachedDevice, FieldCause, FieldValue, Sample } from '../../src/adapter/index.ts';
import { createTimers, type Logger, overheard, silentLogger } from '../../src/base/index.ts';
import { type Device, startDevice } from '../../src/gateway/device.ts';
import type { ExecuteStep, ObjectMapping, PointSource } from '../../src/gateway/source.ts';
import type { Entry, Ids, Value } from '../../src/model/index.ts';
import type { Outcome } from '../../src/tree/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { compile, point } from './sources.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const CALLER = { server: 1 };

/** A meter with a set point, whose registers, speed and faults are in the hands of the test. */
interface Site {
  readonly clock: FakeClock;
  readonly device: Device;
  readonly registers: Map<string, FieldValue>;
  readonly written: (readonly [string, FieldValue])[];
  /** What became of a medium that was held, in order. */
  readonly holds: string[];
  fail: { read?: FieldCause; write?: FieldCause };
  /** ms that a read takes; the value is the one at its beginning */
  slowMs: number;
  read(path: string): Promise<unknown>;
  write(path: string, value: Value): Promise<Outcome>;
}

const POINTS: Readonly<Record<string, PointSource>> = {
  power: point({ unit: 'W' }),
  level: point({ unit: 'W', kind: 'state', access: 'rw', write: { settings: {}, rateLimitMs: MINUTE } }),
};

const OBJECTS: readonly ObjectMapping[] = [
  { object: 3305, resources: { 5800: { from: 'power' } } },
  {
    object: 3308,
    resources: { 5900: { from: 'level', unit: 'W' }, 5701: { value: 'W' }, 5750: { value: 'limit' } },
  },
];

function open(points = POINTS, objects = OBJECTS, log: Logger = silentLogger): Site {
  const clock = createFakeClock();
  const registers = new Map<string, FieldValue>([
    ['power', 100],
    ['level', 5],
  ]);
  const written: [string, FieldValue][] = [];
  const holds: string[] = [];
  const attached: AttachedDevice = {
    state: { reachable: true },
    read: (asked) => {
      const cause = site.fail.read;
      const samples = asked.map(
        (id): Sample =>
          cause === undefined
            ? { point: id, value: registers.get(id) ?? 0, at: clock.now(), quality: 4 }
            : { point: id, cause, at: clock.now() },
      );
      return new Promise((resolve) => clock.after(site.slowMs, () => resolve(samples)));
    },
    write: async (operations) =>
      operations.map(({ point: id, value }) => {
        const cause = site.fail.write;
        // A write that is not answered may have been done all the same.
        if (cause !== 'overloaded') {
          // The meter keeps halves only, of what is a number.
          registers.set(id, typeof value === 'number' ? Math.round(value * 2) / 2 : value);
          written.push([id, value]);
        }
        return cause === undefined
          ? { point: id, status: 'done' }
          : { point: id, status: 'failed', cause, message: `told to fail: ${cause}` };
      }),
    async hold() {
      holds.push('held');
      return {
        async write(operations, options) {
          holds.push(...operations.map(({ point: id }) => id));
          return attached.write(operations, options);
        },
        release: () => void holds.push('released'),
      };
    },
    onSamples: () => () => {},
    onState: () => () => {},
    detach() {},
  };
  const compiled = compile(points, objects);
  expect(compiled.faults).toEqual([]);
  const ids = (path: string): Ids => path.split('/').map(Number);
  const settle = async <T>(promise: T | Promise<T>): Promise<T> => {
    await clock.advance(site.slowMs + 10);
    return promise;
  };
  const site: Site = {
    clock,
    registers,
    written,
    holds,
    fail: {},
    slowMs: 0,
    device: undefined as unknown as Device,
    async read(path) {
      const result = await settle(site.device.tree.read(ids(path), ''));
      if (result.status !== 'content') return result.status;
      const values = result.entries.map(({ path: at, value }) => [at.ids.join('/'), value]);
      return values.length === 1 && values[0]?.[0] === path ? values[0][1] : Object.fromEntries(values);
    },
    write: (path, value) => {
      const entry: Entry = { path: { prefix: '', ids: ids(path) }, type: 'float', value };
      return settle(site.device.tree.write(ids(path), 'replace', [entry], CALLER));
    },
  };
  const device = startDevice(
    compiled,
    attached,
    { id: 'meter', manufacturer: 'ACME' },
    { after: 3, backoffMs: [10 * SECOND, MINUTE] },
    { clock, timers: createTimers(clock, 5), log },
  );
  return Object.assign(site, { device });
}

describe('writing to the field', () => {
  test('is shown as the device holds it, right after', async () => {
    const site = open();
    await site.clock.advance(SECOND);
    expect(await site.write('3308/0/5900', 7)).toEqual({ status: 'done' });
    expect(await site.read('3308/0/5900')).toBe(7);
    await site.clock.advance(MINUTE);
    expect(await site.write('3308/0/5900', 6.4)).toEqual({ status: 'done' });
    expect(await site.read('3308/0/5900')).toBe(6.5);
  });

  test.each(['timeout', 'not-verified'] as const)(
    'a write that ends in %s leaves no old value behind',
    async (cause) => {
      const site = open();
      await site.clock.advance(SECOND);
      site.fail = { write: cause };
      expect(await site.write('3308/0/5900', 30)).toMatchObject({
        status: cause === 'timeout' ? 'timeout' : 'bad-gateway',
      });
      expect(await site.read('3308/0/5900')).toBe(30);
      await site.clock.advance(2 * MINUTE);
      site.fail = { write: cause, read: 'timeout' };
      await site.write('3308/0/5900', 40);
      expect(await site.read('3308/0/5900')).toBe('timeout');
    },
  );

  test('a read that began before the write does not bring the old value back (foxess_modbus #542)', async () => {
    const site = open();
    await site.clock.advance(SECOND);
    const told: unknown[] = [];
    site.device.tree.watch([3308, 0, 5900], {
      changed: () => told.push(site.device.tree.peek([3308, 0, 5900])),
      removed() {},
    });
    site.slowMs = 3 * SECOND;
    // The next cycle is under way, with the old value, when the write is done.
    await site.clock.advance(MINUTE - 2 * SECOND);
    site.slowMs = 0;
    await site.write('3308/0/5900', 9);
    await site.clock.advance(10 * SECOND);
    expect(told).toEqual([9]);
  });

  test('pitfall 29: too soon after the last one is refused, but one that was never sent does not count', async () => {
    const site = open();
    await site.clock.advance(SECOND);
    site.fail = { write: 'overloaded' };
    expect(await site.write('3308/0/5900', 7)).toMatchObject({ status: 'unavailable' });
    site.fail = {};
    expect(await site.write('3308/0/5900', 7)).toEqual({ status: 'done' });
    const refused = await site.write('3308/0/5900', 8);
    expect(refused).toMatchObject({ status: 'unavailable', message: 'it was written only just now' });
    expect(site.written).toEqual([['level', 7]]);
  });

  test('what is a constant of the profile stays, whatever an instance is replaced with', async () => {
    const site = open();
    await site.clock.advance(SECOND);
    const entry: Entry = { path: { prefix: '', ids: [3308, 0, 5900] }, type: 'float', value: 8 };
    const replaced = site.device.tree.write([3308, 0], 'replace', [entry], CALLER);
    await site.clock.advance(SECOND);
    expect(await replaced).toEqual({ status: 'done' });
    expect(await site.read('3308/0')).toMatchObject({ '3308/0/5750': 'limit', '3308/0/5900': 8 });
  });
});

test('pitfall 12: another serial number is told, and is no reason to make another device of it', async () => {
  const told: unknown[] = [];
  const log = overheard(silentLogger, (level, facts, message) => told.push([level, message, facts]));
  const site = open(
    { serial: point({ poll: 1000 }) },
    [{ object: 3, resources: { 2: { from: 'serial', format: '%d' } } }],
    log,
  );
  await site.clock.advance(3 * SECOND);
  expect(await site.read('3/0/2')).toBe('0');
  site.fail.read = 'timeout';
  await site.clock.advance(3 * SECOND);
  site.fail = {};
  await site.clock.advance(MINUTE);
  const exchanged = (): unknown[] => told.filter((one) => JSON.stringify(one).includes('exchanged'));
  expect(exchanged()).toEqual([]);
  site.registers.set('serial', 4712);
  await site.clock.advance(3 * SECOND);
  expect(await site.read('3/0/2')).toBe('4712');
  expect(exchanged()).toEqual([
    [
      'warn',
      expect.stringContaining('another serial number'),
      expect.objectContaining({ before: '0', now: '4712' }),
    ],
  ]);
});

describe('a device that does not answer', () => {
  test('shows its last good values until they are stale, then says that it does not answer, never 0', async () => {
    const site = open();
    await site.clock.advance(SECOND);
    site.fail = { read: 'timeout' };
    await site.clock.advance(2 * MINUTE);
    expect(await site.read('3305/0/5800')).toBe(100);
    await site.clock.advance(2 * MINUTE);
    expect(await site.read('3305/0/5800')).toBe('unavailable');
    expect(await site.read('3305/0')).toBe('unavailable');
  });

  test('shows an error code in its Device object while it is away, and says when it will be asked again', async () => {
    const site = open();
    await site.clock.advance(SECOND);
    expect(await site.read('3/0/11/0')).toBe(0);
    site.fail = { read: 'timeout' };
    await site.clock.advance(10 * MINUTE);
    expect(site.device.health.state).toBe('offline');
    expect(await site.read('3/0/11/0')).toBe(8);
    const refused = await site.device.tree.read([3305, 0, 5800], '');
    expect(refused).toMatchObject({ status: 'unavailable', retryAfterMs: expect.any(Number) });
    site.fail = {};
    await site.clock.advance(2 * MINUTE);
    expect(await site.read('3305/0/5800')).toBe(100);
    expect(await site.read('3/0/11/0')).toBe(0);
  });

  test('cannot be written to, and is not written to later', async () => {
    const site = open();
    site.fail = { read: 'timeout' };
    await site.clock.advance(10 * MINUTE);
    expect(await site.write('3308/0/5900', 7)).toMatchObject({ status: 'unavailable' });
    site.fail = {};
    await site.clock.advance(10 * MINUTE);
    expect(site.written).toEqual([]);
  });
});

test('resource instances of one resource can be points and constants, each as fresh as its own point', async () => {
  const site = open({ power: point({ kind: 'state', map: { '100': 3 } }) }, [
    { object: 3, resources: { '6/0': { value: 1 }, '6/1': { from: 'power' }, '6/2': { value: 5 } } },
  ]);
  await site.clock.advance(SECOND);
  expect(await site.read('3/0/6')).toEqual({ '3/0/6/0': 1, '3/0/6/1': 3, '3/0/6/2': 5 });
  site.fail = { read: 'timeout' };
  await site.clock.advance(10 * MINUTE);
  expect(await site.read('3/0/6')).toEqual({ '3/0/6/0': 1, '3/0/6/2': 5 });
});

describe('what a server executes (OMA Core 1.2 6.3.5; field rules 3.6)', () => {
  const points = {
    power: point({ unit: 'W' }),
    relay: point({ kind: 'state', access: 'rw', map: { 0: false, 255: true } }),
    level: point({
      unit: 'W',
      kind: 'state',
      access: 'rw',
      write: { settings: {}, max: 10, rateLimitMs: MINUTE },
    }),
  };
  const objects = (...execute: ExecuteStep[]): ObjectMapping[] => [
    { object: 3305, resources: { 5800: { from: 'power' }, 5822: { execute } } },
  ];
  const pulse = objects({ write: { relay: true } }, { waitMs: 500 }, { write: { relay: false } });

  test('its steps are done in order, with their waits, by the meaning of the points', async () => {
    const { clock, device, written } = open(points, pulse);
    await clock.advance(SECOND);
    const done = device.tree.execute([3305, 0, 5822], '', CALLER);
    await clock.advance(499);
    expect(written).toEqual([['relay', 255]]);
    expect(await device.tree.execute([3305, 0, 5822], '', CALLER)).toMatchObject({ status: 'unavailable' });
    await clock.advance(200);
    expect(await done).toEqual({ status: 'done' });
    expect(written).toEqual([
      ['relay', 255],
      ['relay', 0],
    ]);
  });

  test('the first step that fails ends it, and says so; an argument is refused', async () => {
    const site = open(points, pulse);
    await site.clock.advance(SECOND);
    expect(await site.device.tree.execute([3305, 0, 5822], '0', CALLER)).toMatchObject({
      status: 'bad-request',
    });
    site.fail = { write: 'rejected' };
    const done = site.device.tree.execute([3305, 0, 5822], '', CALLER);
    await site.clock.advance(SECOND);
    expect(await done).toMatchObject({
      status: 'bad-gateway',
      message: expect.stringContaining('step 1 of 3'),
    });
  });

  const heldObjects = (execute: readonly ExecuteStep[]): ObjectMapping[] => [
    { object: 3305, resources: { 5800: { from: 'power' }, 5822: { execute, hold: true } } },
  ];

  test('with hold the medium is kept from the first step to the last, and given back whatever comes', async () => {
    const steps = [{ write: { relay: true } }, { waitMs: 500 }, { write: { relay: false } }];
    const site = open(points, heldObjects(steps));
    await site.clock.advance(SECOND);
    const done = site.device.tree.execute([3305, 0, 5822], '', CALLER);
    await site.clock.advance(SECOND);
    expect(await done).toEqual({ status: 'done' });
    expect(site.holds).toEqual(['held', 'relay', 'relay', 'released']);
    site.fail = { write: 'timeout' };
    const failed = site.device.tree.execute([3305, 0, 5822], '', CALLER);
    await site.clock.advance(SECOND);
    expect(await failed).toMatchObject({ status: 'timeout' });
    expect(site.holds.slice(4)).toEqual(['held', 'relay', 'released']);
  });

  test('nobody keeps the medium only to wait', () => {
    const { faults } = compile(points, heldObjects([{ waitMs: 3000 }, { waitMs: 2001 }]));
    expect(faults[0]?.message).toBe('with hold, nobody else is asked for 5001 ms; allowed are 5000');
  });

  test('a point is written twice within its own steps, but not executed again before its rate limit', async () => {
    const site = open(points, objects({ write: { level: 3 } }, { write: { level: 5 } }));
    await site.clock.advance(SECOND);
    const run = async () => {
      const outcome = site.device.tree.execute([3305, 0, 5822], '', CALLER);
      await site.clock.advance(SECOND);
      return (await outcome).status;
    };
    expect([await run(), await run()]).toEqual(['done', 'unavailable']);
  });

  test.each<[string, ExecuteStep[], string]>([
    ['a point that is not there', [{ write: { no: 1 } }], 'step 1: there is no point no'],
    ['a point that is only read', [{ write: { power: 1 } }], 'step 1: point power has access: r'],
    ['a value that its guards forbid', [{ write: { level: 11 } }], 'step 1: point level: 11 W is above'],
    [
      'a value without meaning',
      [{ waitMs: 1 }, { write: { relay: 'on' } }],
      'step 2: point relay: on is none of',
    ],
  ])('%s is a fault of the profile', (_name, steps, fault) => {
    const [first] = compile(points, objects(...steps)).faults;
    expect(first).toMatchObject({ path: ['objects', 0, 'resources', '5822', 'execute'] });
    expect(first?.message).toContain(fault);
  });

  test('only what the definition lets be executed has steps', () => {
    const [first] = compile(points, [
      { object: 3305, resources: { 5800: { execute: [{ waitMs: 1 }] } } },
    ]).faults;
    expect(first?.message).toContain('cannot be executed');
  });
});

test('opaque data go from and to the device as they are (object 19)', async () => {
  const bytes = Uint8Array.of(0, 0xff, 0x0a);
  const site = open(
    { data: point({ kind: 'text', access: 'rw', write: { settings: {}, rateLimitMs: 0 } }) },
    [{ object: 19, resources: { '0/0': { from: 'data' } } }],
  );
  site.registers.set('data', bytes);
  expect(await site.read('19/0/0/0')).toEqual(bytes);
  expect(await site.write('19/0/0/0', Uint8Array.of(1, 2))).toEqual({ status: 'done' });
  expect(site.written).toEqual([['data', Uint8Array.of(1, 2)]]);
  site.clock.advance(MINUTE);
  expect(await site.read('19/0/0/0')).toEqual(Uint8Array.of(1, 2));
});
