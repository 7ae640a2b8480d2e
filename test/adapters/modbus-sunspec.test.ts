import type { AttachedDevice, DevicePlan } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import type { Outcome } from '../../adapters/modbus/link.ts';
import type { ReadRequest } from '../../adapters/modbus/pdu.ts';
import { compileDevice } from '../../adapters/modbus/points.ts';
import { modelOf, readChain } from '../../adapters/modbus/sunspec.ts';
import { devicePlan, outcomeOf, type PointKeys } from './support/plans.ts';
import { type RegisterServer, startRegisterServer } from './support/register-server.ts';

/** Models of SunSpec devices, found at run time (SunSpec Device Information Model 1.1 section 6). */

type Words = readonly (readonly [number, number])[];

const SUNS: readonly number[] = [0x5375, 0x6e53];
const END: readonly number[] = [0xffff, 0];

/** A model whose registers hold `first`, `first` + 1 and so on. */
const model = (id: number, length: number, first: number): number[] => [
  id,
  length,
  ...Array.from({ length }, (_, index) => first + index),
];

function at(base: number, ...parts: readonly (readonly number[])[]): Words {
  return parts.flat().map((word, index) => [base + index, word] as const);
}

const POINTS: Record<string, PointKeys> = {
  current: { table: 'holding', addr: 2, type: 'uint16' },
  voltage: { table: 'holding', addr: 4, type: 'uint16' },
  serial: { table: 'holding', model: 1, addr: 2, type: 'uint16' },
};
const PROTOCOL = { addressing: 'pdu0', sunspec: { model: 203 } };
const meterPlan = (more: Partial<DevicePlan> = {}): DevicePlan =>
  devicePlan(POINTS, { protocol: PROTOCOL, ...more });

const COMMON = model(1, 66, 1000);
const METER = model(203, 20, 2000);
const DEVICE: Words = at(40_000, SUNS, COMMON, METER, END);

async function open(words: Words, plan = meterPlan(), clock = createTestHost().clock) {
  const server = await startRegisterServer(words);
  onTestFinished(() => server.close());
  const adapter = modbus.open(
    { id: 'c', type: 'modbus-tcp', settings: { host: '127.0.0.1', port: server.port } },
    { ...createTestHost(), clock },
  );
  onTestFinished(() => adapter.close());
  adapter.start();
  return { server, device: adapter.attach(plan) };
}

const ALL = Object.keys(POINTS);
async function read(device: AttachedDevice, points: readonly string[] = ALL): Promise<unknown[]> {
  return (await device.read(points, { priority: 'poll', deadlineMs: 3000 })).map(outcomeOf);
}
const asked = ({ requests }: RegisterServer): string[] =>
  requests.map(({ address, count }) => `${address}+${count}`);

function change(server: RegisterServer, words: Words): void {
  server.words.clear();
  for (const [address, word] of words) server.words.set(address, word);
}

describe('a device that says where its models are', () => {
  test.each([40_000, 50_000, 0])('is found at %i, and read there', async (base) => {
    const { device } = await open(at(base, SUNS, COMMON, METER, END));
    expect(await read(device)).toEqual([2000, 2002, 1000]);
  });

  test('is looked at once, and each value comes with the header of its model', async () => {
    const { server, device } = await open(DEVICE);
    await read(device);
    expect(asked(server)).toEqual(['40000+2', '40002+2', '40070+2', '40092+2', '40002+73']);
    const before = server.requests.length;
    await read(device);
    expect(asked(server).slice(before)).toEqual(['40002+73']);
  });

  test('that does not answer is looked for again, and has no values before', async () => {
    const { server, device } = await open(DEVICE);
    server.isSilent = true;
    expect(await read(device)).toEqual(['timeout', 'timeout', 'timeout']);
    server.isSilent = false;
    expect(await read(device)).toEqual([2000, 2002, 1000]);
  });

  test('lacks a model: its points are refused, the others are read, and it is looked at again later', async () => {
    const { clock } = createTestHost();
    let laterMs = 0;
    const shifted = { ...clock, monotonic: () => clock.monotonic() + laterMs };
    const { server, device } = await open(at(40_000, SUNS, METER, END), meterPlan(), shifted);
    expect(await read(device)).toEqual([2000, 2002, 'rejected']);
    const before = server.requests.length;
    await read(device);
    expect(asked(server).slice(before)).toEqual(['40002+5']);
    change(server, DEVICE);
    laterMs = 60_000;
    expect(await read(device)).toEqual([2000, 2002, 1000]);
  });

  test('is no SunSpec device: nothing is read of it', async () => {
    const { device } = await open(at(0, model(203, 20, 5000)));
    expect(await read(device)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  test.each([
    ['with its models in other places', at(40_000, SUNS, COMMON, model(202, 30, 9), METER, END)],
    ['at another base', at(50_000, SUNS, COMMON, METER, END)],
    ['with a longer model', at(40_000, SUNS, COMMON, model(203, 30, 2000), END)],
  ])('and is swapped for one %s is found anew, without a wrong value between', async (_, other) => {
    const { server, device } = await open(DEVICE);
    await read(device);
    change(server, other);
    for (const value of await read(device, ['current', 'voltage']))
      expect(['not-available', 'rejected', 2000, 2002]).toContain(value);
    expect(await read(device)).toEqual([2000, 2002, 1000]);
  });

  test('with three meters of one model: each is a device, with the Common Model before its own', async () => {
    const meters = [1, 2, 3].flatMap((n) => [model(1, 66, 1000 * n), model(203, 20, 2000 * n)]);
    const words = at(40_000, SUNS, ...meters, END);
    const nth = async (n: number): Promise<unknown[]> =>
      read((await open(words, meterPlan({ settings: { unit: 1, nth: n } }))).device);
    expect(await nth(2)).toEqual([4000, 4002, 2000]);
    expect(await nth(3)).toEqual([6000, 6002, 3000]);
    expect(await nth(4)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  test('with several meters of one model is looked at again when it was away: their headers are the same', async () => {
    const meters = [1, 2].map((n) => [...model(1, 66, 1000 * n), ...model(203, 20, 2000 * n)]);
    const plan = meterPlan({ settings: { unit: 1, nth: 2 }, requestTimeoutMs: 100 });
    const { server, device } = await open(at(40_000, SUNS, ...meters, END), plan);
    expect(await read(device)).toEqual([4000, 4002, 2000]);
    server.isSilent = true;
    await read(device);
    server.isSilent = false;
    // A device of another kind has joined before them, so that each stands where the next one stood.
    change(server, at(40_000, SUNS, model(1, 66, 7000), model(160, 20, 8000), ...meters, END));
    expect(await read(device)).toEqual([4000, 4002, 2000]);
  });

  test('can be simulated', async () => {
    const simulation = await modbus.simulate?.([meterPlan()], createTestHost());
    if (simulation === undefined) throw new Error('no simulation');
    onTestFinished(() => simulation.close());
    simulation.set('meter', 'current', 17);
    simulation.set('meter', 'serial', 4711);
    const adapter = modbus.open(
      { id: 'c', type: 'modbus-tcp', settings: simulation.connection },
      createTestHost(),
    );
    onTestFinished(() => adapter.close());
    adapter.start();
    expect(await read(adapter.attach(meterPlan()))).toEqual([17, 0, 4711]);
    expect(simulation.get('meter', 'current')).toBe(17);
  });
});

describe('a chain of models', () => {
  async function chainOf(words: Words, mostReads = 100) {
    const held = new Map(words);
    let reads = 0;
    const ask = async ({ address, count }: ReadRequest): Promise<Outcome> => {
      if (++reads > mostReads) throw new Error('reads for ever');
      const found = Array.from({ length: count }, (_, index) => held.get(address + index));
      if (found.includes(undefined)) return { status: 'exception', code: 2 };
      const data = Buffer.alloc(2 * count);
      for (const [index, word] of found.entries()) data.writeUInt16BE(word ?? 0, 2 * index);
      return { status: 'done', data, tookMs: 1 };
    };
    return readChain(ask as Parameters<typeof readChain>[0]);
  }
  const ids = async (words: Words): Promise<unknown> => {
    const chain = await chainOf(words);
    return chain.status === 'found' ? chain.models.map(({ id }) => id) : chain.status;
  };

  test('ends at the end model, at a refusal, and where a header leads nowhere', async () => {
    expect(await ids(DEVICE)).toEqual([1, 203]);
    expect(await ids(at(40_000, SUNS, COMMON, METER))).toEqual([1, 203]);
    expect(await ids(at(40_000, SUNS, COMMON, [160, 0xfff0]))).toEqual([1]);
    expect(await ids(at(40_000, SUNS, COMMON, [0, 5]))).toEqual([1]);
    expect(await ids(at(40_000, SUNS, COMMON, [7, 0]))).toEqual([1]);
    expect(await ids(at(40_000, [0x5375, 0x6e54], COMMON))).toBe('none');
  });

  test('that never ends is followed for 64 models', async () => {
    const endless = Array.from({ length: 500 }, () => [9, 1, 0]);
    expect(await ids(at(40_000, SUNS, ...endless))).toHaveLength(64);
  });

  test('of which a part was not answered counts as not known', async () => {
    const silent: Outcome = { status: 'failed', cause: 'timeout', sent: true };
    const ask = async ({ address }: ReadRequest) =>
      address === 40_000
        ? { status: 'done' as const, data: Buffer.from('SunS'), tookMs: 1 }
        : (silent as Exclude<Outcome, { status: 'done' }>);
    expect(await readChain(ask)).toEqual({ status: 'stopped', answer: silent });
  });

  test('a model that stands behind the chosen one counts when none does before it', () => {
    const models = [
      { id: 203, address: 2, length: 5 },
      { id: 1, address: 9, length: 5 },
    ];
    expect(modelOf(models, { main: 203, nth: 1 }, 1)?.address).toBe(9);
  });

  test.each([
    ['behind a logger, is that of its device', [1, 103, 122, 1, 103, 122], 2, 5],
    ['behind a logger, is not that of the device before', [1, 103, 122, 1, 103], 2, undefined],
    ['nor that of the device behind', [1, 103, 1, 103, 122], 1, undefined],
    ['of one of several in a device, is not that of another', [1, 103, 122, 103, 160], 2, undefined],
    ['of one of several in a device, is its own', [1, 103, 122, 103, 122], 2, 4],
    ['before several in a device, is of all', [1, 122, 103, 103], 2, 1],
  ] as const)('a model beside the chosen one %s', (_, ids, nth, index) => {
    const models = ids.map((id, at) => ({ id, address: 2 + 10 * at, length: 8 }));
    expect(modelOf(models, { main: 103, nth }, 122)).toBe(index === undefined ? undefined : models[index]);
  });
});

describe('a plan with SunSpec models', () => {
  const faults = (more: Partial<DevicePlan>, points = POINTS): unknown =>
    compileDevice(devicePlan(points, { protocol: PROTOCOL, ...more })).faults.map(({ path, message }) => [
      path.join('.'),
      message,
    ]);

  test('is faultless, and in vain are base, marker, other notations and tables', () => {
    expect(faults({})).toEqual([]);
    expect(faults({ settings: { unit: 1, base: 40_000 } })).toEqual([
      ['settings.base', 'a SunSpec device says by itself where its models are'],
    ]);
    expect(faults({ protocol: { ...PROTOCOL, addressing: 'one-based' } })).toEqual([
      ['protocol.addressing', 'SunSpec points count from 0, as pdu0 does'],
    ]);
    expect(faults({}, { p: { table: 'input', addr: 2, type: 'uint16' } })).toEqual([
      ['points.p.table', 'SunSpec models are holding registers'],
    ]);
    expect(faults({ protocol: { addressing: 'pdu0' } })).toEqual([
      ['points.serial.model', "only a profile with 'sunspec' has models"],
    ]);
    expect(faults({ protocol: { addressing: 'pdu0' }, settings: { unit: 1, nth: 2 } }, {})).toEqual([
      ['settings.nth', 'only SunSpec models can be there several times'],
    ]);
  });

  test('tells its places by model, since only the device knows the addresses', () => {
    expect(modbus.places?.(meterPlan()).get('serial')).toBe('SunSpec model 1 + 2');
    expect(modbus.places?.(meterPlan()).get('current')).toBe('SunSpec model 203 + 2');
  });

  test('a point that no request reads together with its header is a fault', () => {
    expect(faults({}, { far: { table: 'holding', addr: 125, type: 'uint16' } })).toEqual([
      ['points.far.addr', 'takes 126 of table holding, where one request may read 125'],
    ]);
  });
});
