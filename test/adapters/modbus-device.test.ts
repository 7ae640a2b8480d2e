import type { AttachedDevice, DevicePlan, FieldValue, Sample } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import { compileDevice } from '../../adapters/modbus/points.ts';
import { devicePlan, outcomeOf, type PointKeys } from './support/plans.ts';
import { frame, type RogueRequest, registerValue, startRogueServer } from './support/rogue-server.ts';

const host = createTestHost();

function open(settings: Readonly<Record<string, unknown>>) {
  const adapter = modbus.open({ id: 'c', type: 'modbus-tcp', settings }, host);
  onTestFinished(() => adapter.close());
  adapter.start();
  return adapter;
}

async function onRogue(plan: DevicePlan, behave: (request: RogueRequest) => void) {
  const server = await startRogueServer(behave);
  onTestFinished(() => server.close());
  const adapter = open({ host: '127.0.0.1', port: server.port });
  const asked = (): string[] => server.requests.map(({ address, count }) => `${address}+${count}`);
  return { server, adapter, device: adapter.attach(plan), asked };
}

const poll = (
  device: AttachedDevice,
  points: readonly string[],
  deadlineMs = 2000,
): Promise<readonly Sample[]> => device.read(points, { priority: 'poll', deadlineMs });

/** `r0`...: one register each. */
function registers(count: number, step = 1): Record<string, PointKeys> {
  const point = (index: number): [string, PointKeys] => [
    `r${index}`,
    { table: 'holding', addr: index * step, type: 'uint16' },
  ];
  return Object.fromEntries(Array.from({ length: count }, (_, index) => point(index)));
}

/** Refuses every read that touches one of the addresses. */
const refusing =
  (addresses: readonly number[], code = 2) =>
  (request: RogueRequest): void => {
    const isBad = addresses.some((a) => a >= request.address && a < request.address + request.count);
    request.socket.write(isBad ? request.exception(code) : request.good());
  };

describe('a device that refuses a part of a request', () => {
  test('pitfall 13: only the point that it does not have goes without a value, in the same read, and the next plan knows', async () => {
    const plan = devicePlan(registers(8));
    const points = [...plan.points.keys()];
    const { device, asked } = await onRogue(plan, refusing([5]));
    const expected = points.map((_, index) => (index === 5 ? 'rejected' : registerValue(1, index)));
    expect((await poll(device, points)).map(outcomeOf)).toEqual(expected);
    expect(asked()).toEqual(['0+8', '0+4', '4+4', '4+2', '4+1', '5+1', '6+2']);
    const before = asked().length;
    expect((await poll(device, points)).map(outcomeOf)).toEqual(expected);
    expect(asked().slice(before)).toEqual(['0+5', '5+1', '6+2']);
  });

  test('a hole between points is not touched again', async () => {
    const plan = devicePlan(registers(4, 10));
    const points = [...plan.points.keys()];
    const { device, asked } = await onRogue(plan, refusing([15], 3));
    const expected = points.map((_, index) => registerValue(1, index * 10));
    expect((await poll(device, points)).map(outcomeOf)).toEqual(expected);
    const before = asked().length;
    expect((await poll(device, points)).map(outcomeOf)).toEqual(expected);
    expect(asked().slice(before)).toEqual(['0+11', '20+11']);
  });

  test('pitfall 13: a device that takes shorter requests than its profile says is read in shorter ones (telegraf #16873, telegraf #18871, eg4_web_monitor #254)', async () => {
    const plan = devicePlan(registers(100));
    const points = [...plan.points.keys()];
    const { device, asked } = await onRogue(plan, (request) =>
      request.socket.write(request.count > 30 ? request.exception(3) : request.good()),
    );
    const expected = points.map((_, index) => registerValue(1, index));
    expect((await poll(device, points)).map(outcomeOf)).toEqual(expected);
    const before = asked().length;
    await poll(device, points);
    expect(asked().slice(before)).toEqual(['0+25', '25+25', '50+25', '75+25']);
  });

  test('a device that refuses everything, as while it starts, teaches nothing', async () => {
    let isStarting = true;
    const plan = devicePlan(registers(4));
    const points = [...plan.points.keys()];
    const { device, asked } = await onRogue(plan, (request) =>
      request.socket.write(isStarting ? request.exception(2) : request.good()),
    );
    expect((await poll(device, points)).map(outcomeOf)).toEqual(Array(4).fill('rejected'));
    isStarting = false;
    const before = asked().length;
    expect((await poll(device, points)).map(outcomeOf)).toEqual([1000, 1001, 1002, 1003]);
    expect(asked().slice(before)).toEqual(['0+4']);
  });

  test('other exceptions are not taken for a matter of addresses', async () => {
    const plan = devicePlan(registers(4));
    const { device, asked } = await onRogue(plan, ({ exception, socket }) => socket.write(exception(4)));
    expect((await poll(device, ['r0', 'r1'])).map(outcomeOf)).toEqual(['rejected', 'rejected']);
    expect(asked()).toEqual(['0+2']);
    expect(device.state).toEqual({ reachable: true });
  });
});

describe('exceptions that are no refusal (Modbus Application Protocol 1.1b3 section 7)', () => {
  test.each([5, 6])('pitfall 15: %i: a busy device is asked again later', async (code) => {
    const { device, server } = await onRogue(devicePlan(registers(1)), (request) =>
      request.socket.write(request.number < 3 ? request.exception(code) : request.good()),
    );
    const before = performance.now();
    expect((await poll(device, ['r0'])).map(outcomeOf)).toEqual([1000]);
    expect(performance.now() - before).toBeGreaterThan(280);
    expect(server.requests).toHaveLength(3);
  });

  test('a device that stays busy is busy at the deadline', async () => {
    const { device } = await onRogue(devicePlan(registers(1)), ({ exception, socket }) =>
      socket.write(exception(6)),
    );
    expect((await poll(device, ['r0'], 400)).map(outcomeOf)).toEqual(['busy']);
  });

  test.each([10, 11])(
    'pitfall 15: %i: the unit is silent and the connection is fine (node-red-contrib-modbus #536)',
    async (code) => {
      const { adapter, device, server } = await onRogue(devicePlan(registers(40, 100)), (request) =>
        request.socket.write(request.unit === 1 ? request.exception(code) : request.good()),
      );
      const other = adapter.attach(devicePlan(registers(1), { id: 'other', settings: { unit: 2 } }));
      const samples = await poll(device, ['r0', 'r10', 'r20']);
      expect(samples.map(outcomeOf)).toEqual(['timeout', 'timeout', 'timeout']);
      expect(device.state).toEqual({ reachable: false, cause: 'timeout' });
      expect((await poll(other, ['r0'])).map(outcomeOf)).toEqual([2000]);
      expect(other.state).toEqual({ reachable: true });
      // A silent unit is not asked for the rest of a read.
      expect(server.requests.filter(({ unit }) => unit === 1)).toHaveLength(1);
      expect(server.connections).toBe(1);
    },
  );
});

describe('reads', () => {
  test('the same list of points needs one plan and one request a cycle; a point asked twice is read once', async () => {
    const { device, asked } = await onRogue(devicePlan(registers(20, 3)), ({ good, socket }) =>
      socket.write(good()),
    );
    const points = ['r3', 'r0', 'r3'];
    const samples = await poll(device, points);
    expect(samples.map((sample) => [sample.point, outcomeOf(sample)])).toEqual([
      ['r3', 1009],
      ['r0', 1000],
      ['r3', 1009],
    ]);
    expect(asked()).toEqual(['0+10']);
  });

  test('a point that can only be written is not read', async () => {
    const plan = devicePlan({ reset: { table: 'coil', addr: 1, access: 'w' } });
    const { device, asked } = await onRogue(plan, () => {});
    expect((await poll(device, ['reset'])).map(outcomeOf)).toEqual(['forbidden']);
    expect(asked()).toEqual([]);
  });

  test('a sample has the time of the reply and a pattern for "no value" has no value', async () => {
    const plan = devicePlan({
      ok: { table: 'input', addr: 1, type: 'int16' },
      none: { table: 'input', addr: 2, type: 'int16', nan: [1002] },
    });
    const { device } = await onRogue(plan, ({ good, socket }) => setTimeout(() => socket.write(good()), 50));
    const before = Date.now();
    const [ok, none] = await poll(device, ['ok', 'none']);
    expect(ok).toMatchObject({ point: 'ok', value: 1001, quality: 4 });
    expect(ok?.at).toBeGreaterThanOrEqual(before + 45);
    expect(none).toMatchObject({ point: 'none', cause: 'not-available' });
  });
});

describe('a block that never gets an answer', () => {
  const plan = devicePlan(registers(3, 1000), { requestTimeoutMs: 50 });
  const points = [...plan.points.keys()];

  test('does not keep the others from being read', async () => {
    const { device } = await onRogue(plan, ({ address, good, socket }) => {
      if (address !== 0) socket.write(good());
    });
    expect((await poll(device, points)).map(outcomeOf)).toEqual(['timeout', 'timeout', 'timeout']);
    expect((await poll(device, points)).map(outcomeOf)).toEqual(['timeout', 2000, 3000]);
  });

  test('nor does one that the deadline cuts off: the next read begins with it', async () => {
    let isSlow = true;
    const { device, asked } = await onRogue(plan, ({ address, good, socket }) => {
      if (address !== 2000 || !isSlow) socket.write(good());
    });
    expect((await poll(device, points)).map(outcomeOf)).toEqual([1000, 2000, 'timeout']);
    isSlow = false;
    expect((await poll(device, points)).map(outcomeOf)).toEqual([1000, 2000, 3000]);
    expect(asked().slice(3)).toEqual(['2000+1', '0+1', '1000+1']);
  });
});

describe('writes', () => {
  const plan = devicePlan({
    one: { table: 'holding', addr: 1, type: 'int16', access: 'rw' },
    one16: { table: 'holding', addr: 2, type: 'int16', access: 'rw', write: { fc: 16 } },
    real: { table: 'holding', addr: 4, type: 'float32', order: 'CDAB', access: 'rw' },
    name: { table: 'holding', addr: 10, type: 'string', length: 4, access: 'rw' },
    coil: { table: 'coil', addr: 1, access: 'rw' },
    coil15: { table: 'coil', addr: 2, access: 'rw', write: { fc: 15 } },
    checked: {
      table: 'holding',
      addr: 20,
      type: 'float32',
      access: 'rw',
      write: { verify: 'readback', tolerance: 0.5 },
    },
    blind: { table: 'holding', addr: 30, type: 'int16', access: 'rw', write: { verify: 'none' } },
    fixed: { table: 'input', addr: 1, type: 'int16' },
  });
  const write = async (device: AttachedDevice, ...operations: [string, FieldValue][]): Promise<unknown[]> => {
    const results = await device.write(
      operations.map(([point, value]) => ({ point, value })),
      { deadlineMs: 700 },
    );
    return results.map((result) => (result.status === 'done' ? 'done' : [result.cause, result.message]));
  };

  test('every type reaches the device, each value in one request', async () => {
    const simulation = await modbus.simulate?.([plan], host);
    if (simulation === undefined) throw new Error('no simulation');
    onTestFinished(() => simulation.close());
    const heard: unknown[] = [];
    simulation.onWrite(({ point, value }) => heard.push([point, value]));
    const adapter = open(simulation.connection);
    const device = adapter.attach(plan);
    const operations: [string, FieldValue][] = [
      ['one', -5],
      ['one16', 300],
      ['real', 230.1],
      ['name', 'Zähler1'],
      ['coil', true],
      ['coil15', true],
      ['checked', 1.5],
    ];
    expect(await write(device, ...operations)).toEqual(operations.map(() => 'done'));
    expect(heard).toEqual(operations);
    for (const [point, value] of operations) expect(simulation.get('meter', point)).toBe(value);
    expect(adapter.statistics().requests).toBe(operations.length + 1);
  });

  test('one value that does not fit or must not be written keeps all of them from being sent', async () => {
    const { device, asked } = await onRogue(plan, () => {});
    expect(await write(device, ['one', 1], ['one16', 40_000], ['fixed', 1], ['ghost', 1])).toEqual([
      ['forbidden', expect.stringContaining('another value')],
      ['forbidden', '40000 does not fit into int16'],
      ['forbidden', 'point fixed can only be read'],
      ['rejected', expect.stringContaining('no point ghost')],
    ]);
    expect(asked()).toEqual([]);
  });

  test('after a write that failed the later ones are not sent', async () => {
    const { device, asked } = await onRogue(plan, ({ exception, socket }) => socket.write(exception(3)));
    expect(await write(device, ['one', 1], ['coil', true])).toEqual([
      ['rejected', 'not confirmed: illegal data value'],
      ['forbidden', expect.stringContaining('another value')],
    ]);
    expect(asked()).toHaveLength(1);
  });

  test('a value read back differs: not verified; within the tolerance: done', async () => {
    const { device } = await onRogue(plan, ({ good, socket }) => socket.write(good()));
    // 0x03fc03fd, which this device always shows there
    const shown = Buffer.from('03fc03fd', 'hex').readFloatBE(0);
    expect(await write(device, ['checked', 7])).toEqual([
      ['not-verified', expect.stringContaining('but the device shows')],
    ]);
    expect(await write(device, ['checked', shown + 0.25])).toEqual(['done']);
  });

  test('a whole number beyond 2^53 is not verified by its neighbour', async () => {
    const counter = devicePlan({
      preset: { table: 'holding', addr: 0, type: 'int64', access: 'rw', write: { verify: 'readback' } },
    });
    const { device } = await onRogue(counter, (request) => {
      const answer = request.good();
      if (request.function === 3) answer.writeBigInt64BE(2n ** 60n + 1n, 9);
      request.socket.write(answer);
    });
    expect(await write(device, ['preset', 2n ** 60n])).toEqual([
      ['not-verified', expect.stringContaining(`${2n ** 60n + 1n}`)],
    ]);
    expect(await write(device, ['preset', 2n ** 60n + 1n])).toEqual(['done']);
  });

  test('what needs no verification is not called done because the connection was closed', async () => {
    const { adapter, device, server } = await onRogue(plan, () => void adapter.close());
    expect(await write(device, ['blind', 1])).toEqual([['closed', expect.anything()]]);
    expect(server.requests).toHaveLength(1);
  });

  test('a write without answer is not sent again, since it may have been done', async () => {
    const impatient = devicePlan(
      Object.fromEntries([['one', { table: 'holding', addr: 1, type: 'int16', access: 'rw' }]]),
      {
        retries: 3,
        requestTimeoutMs: 100,
      },
    );
    const { device, server } = await onRogue(impatient, () => {});
    expect(await write(device, ['one', 1])).toEqual([
      ['timeout', expect.stringContaining('may or may not have done it')],
    ]);
    expect(server.requests).toHaveLength(1);
  });

  test('a late acknowledgement of another value is not believed', async () => {
    let late: Buffer | undefined;
    const { device } = await onRogue(plan, (request) => {
      if (late === undefined) late = request.good();
      else {
        request.socket.write(late);
        request.socket.write(request.exception(4));
      }
    });
    expect(await write(device, ['one', 1])).toEqual([['timeout', expect.anything()]]);
    expect(await write(device, ['one', 2])).toEqual([['rejected', 'not confirmed: device failure']]);
  });

  test('a device that restarts instead of answering has done what needs no verification', async () => {
    const { device } = await onRogue(plan, ({ socket }) => socket.resetAndDestroy());
    expect(await write(device, ['blind', 1])).toEqual(['done']);
    expect(await write(device, ['blind', 1])).toEqual([['disconnected', expect.anything()]]);
  });

  test('a busy device is asked again, and one that works on it is not asked twice', async () => {
    const { device, server } = await onRogue(plan, (request) =>
      request.socket.write(request.number === 1 ? request.exception(6) : request.exception(5)),
    );
    expect(await write(device, ['one', 1])).toEqual([['busy', expect.stringContaining('accepted')]]);
    expect(server.requests).toHaveLength(2);
  });
});

describe('bits of a register, and writing with reading', () => {
  const bit = { table: 'holding', addr: 7, type: 'bool', access: 'rw' } as const;
  const plan = devicePlan({
    masked: { ...bit, bit: 3 },
    swapped: { ...bit, bit: 0, order: 'BADC' },
    changed: { ...bit, bit: 9, write: { fc: 6, verify: 'readback' } },
    whole: { table: 'holding', addr: 7, type: 'uint16', access: 'rw' },
    both: { table: 'holding', addr: 20, type: 'int32', access: 'rw', write: { fc: 23, verify: 'readback' } },
  });
  async function field() {
    const simulation = await modbus.simulate?.([plan], host);
    if (simulation === undefined) throw new Error('no simulation');
    onTestFinished(() => simulation.close());
    const device = open(simulation.connection).attach(plan);
    const write = async (point: string, value: FieldValue) =>
      (await device.write([{ point, value }], { deadlineMs: 2000 }))[0];
    return { simulation, device, write };
  }

  test('a bit is written by a mask, and the other fifteen stay (Application Protocol 1.1b3 section 6.16)', async () => {
    const { simulation, write } = await field();
    simulation.set('meter', 'whole', 0xf0f0);
    expect((await write('masked', true))?.status).toBe('done');
    expect(simulation.get('meter', 'whole')).toBe(0xf0f8);
    expect((await write('swapped', true))?.status).toBe('done');
    expect(simulation.get('meter', 'whole')).toBe(0xf1f8);
    expect((await write('masked', false))?.status).toBe('done');
    expect(simulation.get('meter', 'whole')).toBe(0xf1f0);
  });

  test('or read, changed and written for a device without masks; a second change meanwhile is refused', async () => {
    const { simulation, device, write } = await field();
    simulation.set('meter', 'whole', 0x0001);
    const [first, second] = await Promise.all([write('changed', true), write('changed', false)]);
    expect(first?.status).toBe('done');
    expect(second).toMatchObject({ status: 'failed', cause: 'busy' });
    expect(simulation.get('meter', 'whole')).toBe(0x0201);
    expect((await poll(device, ['changed'])).map(outcomeOf)).toEqual([true]);
  });

  test('written and read back in one request (section 6.17)', async () => {
    const { simulation, write } = await field();
    expect((await write('both', -70_000))?.status).toBe('done');
    expect(simulation.get('meter', 'both')).toBe(-70_000);
  });

  test('with too little time left for an answer a write is not sent', async () => {
    const { device, server } = await onRogue(
      devicePlan({ r0: { ...bit, type: 'uint16' }, slow: { table: 'holding', addr: 1, type: 'uint16' } }),
      ({ good, socket }) => setTimeout(() => socket.write(good()), 250),
    );
    await poll(device, ['slow']);
    void poll(device, ['slow']);
    const [result] = await device.write([{ point: 'r0', value: 1 }], { deadlineMs: 300 });
    expect(result).toMatchObject({ status: 'failed', cause: 'overloaded' });
    expect(server.requests.map((request) => request.function)).not.toContain(6);
  });
});

test('a device that refuses everything costs its divisions once a minute, not in every cycle', async () => {
  const plan = devicePlan(registers(64));
  const points = [...plan.points.keys()];
  const { device, asked } = await onRogue(plan, ({ exception, socket }) => socket.write(exception(2)));
  await poll(device, points);
  const first = asked().length;
  expect(first).toBeLessThanOrEqual(2 * 64);
  for (let cycle = 0; cycle < 5; cycle++) await poll(device, points);
  expect(asked().length - first).toBe(5);
});

describe('scale factors in registers (SunSpec)', () => {
  const sf = (addr: number) => ({ table: 'holding', addr, type: 'int16', nan: 'std' }) as const;
  const plan = devicePlan({
    amps: { table: 'holding', addr: 2, type: 'uint16', nan: 'std', scaleFrom: 'ampsScale' },
    ampsScale: sf(6),
    energy: { table: 'holding', addr: 94, type: 'uint64', scaleFrom: 'energyScale' },
    energyScale: sf(98),
    plain: { table: 'holding', addr: 4, type: 'uint16' },
  });

  test('come with their values in one request, asked for or not, and scale exactly in decimal', async () => {
    const simulation = await modbus.simulate?.([plan], host);
    if (simulation === undefined) throw new Error('no simulation');
    onTestFinished(() => simulation.close());
    simulation.set('meter', 'ampsScale', -1);
    simulation.set('meter', 'energyScale', 3);
    simulation.set('meter', 'amps', 123_4.7);
    simulation.set('meter', 'energy', 1_234_567_000);
    const device = open(simulation.connection).attach(plan);
    expect((await poll(device, ['amps', 'plain', 'energy'])).map(outcomeOf)).toEqual([
      1234.7, 0, 1_234_567_000,
    ]);
    // Another scale, and the value with it: never one with that of before.
    simulation.set('meter', 'ampsScale', -2);
    expect((await poll(device, ['amps'])).map(outcomeOf)).toEqual([123.47]);
    simulation.set('meter', 'ampsScale', 11);
    expect((await poll(device, ['amps'])).map(outcomeOf)).toEqual(['not-available']);
  });

  test('a value and its scale are never planned apart, whatever batching says', () => {
    const compiled = compileDevice({ ...plan, protocol: { addressing: 'pdu0', batching: 'off' } });
    expect(compiled.fields.get('amps')?.group).toBe(compiled.fields.get('ampsScale')?.group);
    expect(compiled.fields.get('plain')?.group).toBeUndefined();
  });

  test.each([
    ['amps', 'volts', 'watts'],
    ['watts', 'amps', 'volts'],
  ])('a group that a value is in stays together with its scale: %s, %s, %s', (...order) => {
    const points: Record<string, PointKeys> = {
      amps: { ...sf(0), scaleFrom: 'scale' },
      volts: { ...sf(1), scaleFrom: 'scale', group: 'g' },
      watts: { ...sf(2), group: 'g' },
    };
    const inOrder = Object.fromEntries(order.map((id) => [id, points[id] ?? {}]));
    const { fields } = compileDevice(devicePlan({ ...inOrder, scale: sf(3) }));
    expect([...fields.values()].map(({ group }) => group)).toEqual(['g', 'g', 'g', 'g']);
    expect(fields.get('amps')?.factor).toBe(fields.get('scale'));
  });

  test.each<[string, Record<string, PointKeys>, string]>([
    ['too far apart for one request', { a: { ...sf(0), scaleFrom: 's' }, s: sf(200) }, 'spans 201'],
    ['a scale that is not there', { a: { ...sf(0), scaleFrom: 's' } }, 'no readable point s'],
    [
      'a scale with a scale',
      { a: { ...sf(0), scaleFrom: 's' }, s: { ...sf(1), scaleFrom: 'a' } },
      'has a scale itself',
    ],
    [
      'a point that is written',
      { a: { ...sf(0), access: 'rw', scaleFrom: 's' }, s: sf(1) },
      'can only be read',
    ],
  ])('%s is a fault of the plan', (_name, points, fault) => {
    expect(compileDevice(devicePlan(points)).faults[0]?.message).toContain(fault);
  });
});

test('pitfall 29: what the device holds already is not written once more, where the profile says so', async () => {
  const onlyChanges = { access: 'rw', write: { onlyChanges: true } } as const;
  const plan = devicePlan({
    limit: { table: 'holding', addr: 0, type: 'float32', ...onlyChanges },
    bit: { table: 'holding', addr: 2, type: 'bool', bit: 3, ...onlyChanges },
    other: { table: 'holding', addr: 2, type: 'bool', bit: 4, ...onlyChanges },
    coil: { table: 'coil', addr: 0, ...onlyChanges },
    plain: { table: 'holding', addr: 3, type: 'uint16', access: 'rw' },
  });
  const simulation = await modbus.simulate?.([plan], host);
  if (simulation === undefined) throw new Error('no simulation');
  onTestFinished(() => simulation.close());
  const written: string[] = [];
  simulation.onWrite(({ point }) => written.push(point));
  const device = open(simulation.connection).attach(plan);
  const write = async (values: Record<string, FieldValue>) => {
    written.length = 0;
    const operations = Object.entries(values).map(([point, value]) => ({ point, value }));
    const results = await device.write(operations, { deadlineMs: 2000 });
    expect(results.map(({ status }) => status)).toEqual(operations.map(() => 'done'));
    return [...new Set(written)];
  };
  const values = { limit: 1.5, coil: true, plain: 7 };
  expect(await write(values)).toEqual(['limit', 'coil', 'plain']);
  expect(await write(values)).toEqual(['plain']);
  expect(await write({ ...values, limit: 1.25 })).toEqual(['limit', 'plain']);
  expect(await write({ bit: true })).toContain('bit');
  expect(await write({ bit: true, other: false })).toEqual([]);
  expect(await write({ bit: false })).toContain('bit');
  expect(
    compileDevice(devicePlan({ p: { table: 'coil', addr: 0, ...onlyChanges, access: 'w' } })).faults,
  ).toEqual([
    { path: ['points', 'p', 'write', 'onlyChanges'], message: 'what cannot be read cannot be compared' },
  ]);
});

test('a device that holds the bus writes, and nobody is asked in between (field rules 3.6)', async () => {
  const points: Record<string, PointKeys> = {
    relay: { table: 'holding', addr: 7, type: 'uint16', access: 'rw', write: { verify: 'readback' } },
  };
  const { adapter, device, server } = await onRogue(devicePlan(points), ({ socket, ...request }) => {
    // Readback has to show what was written.
    const shown = request.function === 3 && request.address === 7 ? Buffer.from([1, 3, 2, 0, 9]) : undefined;
    socket.write(shown === undefined ? request.good() : frame(request.transaction, shown));
  });
  const other = adapter.attach(devicePlan(registers(1), { id: 'other', settings: { unit: 2 } }));
  const hold = await device.hold?.({ deadlineMs: 500, mostMs: 5000 });
  const polled = poll(other, ['r0']);
  const operations = [{ point: 'relay', value: 9 }];
  expect(await hold?.write(operations, { deadlineMs: 1000 })).toEqual([{ point: 'relay', status: 'done' }]);
  await hold?.write(operations, { deadlineMs: 1000 });
  hold?.release();
  expect((await polled).map(outcomeOf)).toEqual([2000]);
  expect(server.requests.map(({ unit, function: code }) => `${unit}:${code}`)).toEqual([
    '1:6',
    '1:3',
    '1:6',
    '1:3',
    '2:3',
  ]);
});
