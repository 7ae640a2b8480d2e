import { EventEmitter } from 'node:events';
import type { AttachedDevice } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import { rtuFraming } from '../../adapters/modbus/rtu.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { devicePlan, outcomeOf } from './support/plans.ts';

/** What the adapter does with a serial port, to the millisecond: the port is made up, and time is the test's. */

/** A port whose driver can hold bytes back. */
class FakePort extends EventEmitter {
  static last: FakePort;
  isOpen = false;
  readonly written: { readonly at: number; readonly bytes: Buffer }[] = [];
  /** came in, and nobody has been told yet */
  held: Buffer = Buffer.alloc(0);
  onWrite: (bytes: Buffer) => void = () => {};

  readonly options: Readonly<Record<string, unknown>>;

  constructor(options: Readonly<Record<string, unknown>>) {
    super();
    this.options = options;
    FakePort.last = this;
  }

  open(done: (error: Error | null) => void): void {
    this.isOpen = true;
    done(null);
  }

  write(bytes: Buffer): void {
    this.written.push({ at: clock.monotonic(), bytes });
    const { held } = this;
    this.held = Buffer.alloc(0);
    if (held.length > 0) this.emit('data', held);
    this.onWrite(bytes);
  }

  flush(done: () => void): void {
    this.held = Buffer.alloc(0);
    done();
  }

  close(done: () => void): void {
    this.isOpen = false;
    done();
  }
}

vi.mock('serialport', () => ({ SerialPort: FakePort }));

let clock: FakeClock;
beforeEach(() => {
  clock = createFakeClock();
});

/** The answer to a read: each register holds a hundred times its unit, and its address. */
function reply(request: Buffer): Buffer {
  const [unit = 0, code = 0, , address = 0, , count = 0] = request;
  const body = Buffer.from([unit, code, 2 * count, ...Buffer.alloc(2 * count)]);
  for (let index = 0; index < count; index++) body.writeUInt16BE(unit * 100 + address + index, 3 + 2 * index);
  return rtuFraming.frame(body);
}

const points = {
  a: { table: 'holding', addr: 1, type: 'uint16' },
  b: { table: 'holding', addr: 9, type: 'uint16' },
};

async function open(settings: Readonly<Record<string, unknown>> = {}, units = [1], type = 'modbus-rtu') {
  const keys = { port: '/dev/serial/by-id/x', serial: { baud: 9600 }, localEcho: false, ...settings };
  const adapter = modbus.open({ id: 'c', type, settings: keys }, { ...createTestHost(), clock });
  adapter.start();
  // The module with the native part is loaded when a port is wanted.
  await vi.waitFor(() => expect(FakePort.last?.isOpen).toBe(true));
  await clock.advance(100);
  const plans = units.map((unit) =>
    devicePlan(points, {
      id: `u${unit}`,
      settings: { unit },
      protocol: { addressing: 'pdu0', batching: 'off' },
    }),
  );
  return { adapter, port: FakePort.last, devices: plans.map((plan) => adapter.attach(plan)) };
}

const READ_MS = 2000;

/** Each device is asked for these points, all at the same time. */
async function readAll(devices: readonly AttachedDevice[], asked: string[]): Promise<unknown[][]> {
  const reads = devices.map((device) => device.read(asked, { priority: 'poll', deadlineMs: READ_MS }));
  for (let ms = 0; ms < READ_MS; ms++) await clock.advance(1);
  return (await Promise.all(reads)).map((samples) => samples.map(outcomeOf));
}

async function read(devices: readonly AttachedDevice[], asked: string[]): Promise<unknown[]> {
  return (await readAll(devices, asked)).flat();
}

/** Answers after so many ms. */
const answering = (port: FakePort, ms: number): void => {
  port.onWrite = (request) => {
    clock.after(ms, () => port.emit('data', reply(request)));
  };
};

test('pitfall 1: an answer given twice, whose second copy waits in the driver, is never taken for the next one', async () => {
  const { port, devices } = await open();
  port.onWrite = (request) => {
    clock.after(5, () => {
      port.emit('data', reply(request));
      port.held = reply(request);
    });
  };
  expect(await read(devices, ['a', 'b', 'a'])).toEqual([101, 109, 101]);
});

test('pitfall 1: a device that is silent to what it does not know is believed again after the window, however often it is asked meanwhile', async () => {
  const { port, devices } = await open({ timing: { lateReplyWindow: '3s' } });
  const [device] = devices;
  let isLost = true;
  port.onWrite = (request) => {
    if (!isLost && request[1] === 3) clock.after(5, () => port.emit('data', reply(request)));
  };
  const ask = async (): Promise<unknown> => {
    const done = device?.read(['a'], { priority: 'poll', deadlineMs: 1000 });
    await clock.advance(400);
    return outcomeOf((await done)?.[0]);
  };
  expect(await ask()).toBe('timeout');
  isLost = false;
  const outcomes: unknown[] = [];
  for (let turn = 0; turn < 20; turn++) outcomes.push(await ask());
  expect(outcomes.indexOf(101)).toBe(8);
  expect(new Set(outcomes.slice(8))).toEqual(new Set([101]));
  // What it does not know may disturb it: it had a second to get over that.
  const repeats = port.written.filter(({ bytes }) => bytes[1] === 8);
  const believed = port.written.findIndex(({ bytes }, index) => index > 0 && bytes[1] === 3);
  expect((port.written[believed]?.at ?? 0) - (repeats.at(-1)?.at ?? 0)).toBeGreaterThanOrEqual(1000);
});

test.each([
  ['3.5 characters at 9600 Bd', { serial: { baud: 9600 } }, 4.01],
  ['1.75 ms above 19200 Bd', { serial: { baud: 115_200 } }, 1.75],
  ['more where it is told so', { timing: { interFrame: '20ms' } }, 20],
  ['and the turnaround of the slave on top', { timing: { turnaround: '30ms' } }, 34.01],
  ['both', { timing: { interFrame: '20ms', turnaround: '30ms' } }, 50],
])(
  'pitfall 2: between an answer and the next request there is silence: %s',
  async (_name, settings, leastMs) => {
    const { port, devices } = await open(settings);
    answering(port, 10);
    expect(await read(devices, ['a', 'b'])).toEqual([101, 109]);
    const [first, second] = port.written.map(({ at }) => at);
    const silenceMs = (second ?? 0) - (first ?? 0) - 10;
    expect(silenceMs).toBeGreaterThanOrEqual(leastMs);
    expect(silenceMs).toBeLessThan(leastMs + 1);
  },
);

describe('the port', () => {
  test.each<[string, string, object, object]>([
    ['RTU is 8E1', 'modbus-rtu', { baud: 9600 }, { dataBits: 8, parity: 'even', stopBits: 1 }],
    ['ASCII is 7E1', 'modbus-ascii', { baud: 9600 }, { dataBits: 7, parity: 'even', stopBits: 1 }],
    [
      'what is set is what is opened',
      'modbus-rtu',
      { baud: 38_400, dataBits: 8, parity: 'none', stopBits: 2 },
      { baudRate: 38_400, dataBits: 8, parity: 'none', stopBits: 2 },
    ],
    [
      'pitfall 2: an adapter is told not to collect bytes',
      'modbus-rtu',
      { baud: 9600, lowLatency: true },
      { lowLatency: true },
    ],
    ['pitfall 18: it is ours alone', 'modbus-rtu', { baud: 9600 }, { lock: true }],
    ['pitfall 19: by the path that was given', 'modbus-rtu', { baud: 9600 }, { path: '/dev/serial/by-id/x' }],
  ])('pitfall 32: what terminals in pairs do not show: %s', async (_name, type, serial, expected) => {
    const { port } = await open({ serial }, [], type);
    expect(port.options).toMatchObject(expected);
  });
});

test.each([
  ['150ms unless told otherwise', {}, 150],
  ['as long as it is told', { timing: { broadcastDelay: '400ms' } }, 400],
])('pitfall 4: after a broadcast the devices have their time, %s', async (_name, settings, delayMs) => {
  const { adapter, port, devices } = await open(settings);
  answering(port, 10);
  const everybody = devicePlan(
    { mode: { table: 'holding', addr: 30, type: 'uint16', access: 'w', write: { verify: 'none' } } },
    { id: 'all', settings: { unit: 0 } },
  );
  const written = adapter.attach(everybody).write([{ point: 'mode', value: 7 }], { deadlineMs: 1000 });
  expect(await read(devices, ['a'])).toEqual([101]);
  expect(await written).toEqual([{ point: 'mode', status: 'done' }]);
  const [broadcast, next] = port.written;
  const frameMs = (8 * 11_000) / 9600;
  expect(broadcast?.bytes[0]).toBe(0);
  expect((next?.at ?? 0) - (broadcast?.at ?? 0)).toBeGreaterThanOrEqual(frameMs + delayMs - 1);
  expect((next?.at ?? 0) - (broadcast?.at ?? 0)).toBeLessThan(frameMs + delayMs + 10);
});

test('pitfall 18: bytes of another master are counted, and not talked into', async () => {
  const { adapter, port, devices } = await open();
  answering(port, 10);
  const foreign = rtuFraming.frame(Buffer.from([7, 3, 0, 0, 0, 1]));
  const began = clock.monotonic();
  for (const byte of foreign) {
    port.emit('data', Buffer.of(byte));
    clock.jump(1);
  }
  expect(await read(devices, ['a'])).toEqual([101]);
  expect(port.written[0]?.at).toBeGreaterThanOrEqual(began + foreign.length + 3);
  expect(adapter.statistics().strayBytes).toBe(foreign.length);
});

test('one request at a time, whatever the unit: 30 meters that are polled at once get their own values (node-modbus-serial #45, device-modbus-go #685, telegraf #8676, telegraf #9279, node-red-contrib-modbus #206, FUXA #1947, evcc #22005)', async () => {
  const units = Array.from({ length: 30 }, (_, index) => index + 1);
  const { port, devices } = await open({ serial: { baud: 115_200 } }, units);
  let isAsked = false;
  let overlaps = 0;
  port.onWrite = (request) => {
    if (isAsked) overlaps++;
    isAsked = true;
    clock.after(5, () => {
      isAsked = false;
      port.emit('data', reply(request));
    });
  };
  expect(await readAll(devices, ['a', 'b'])).toEqual(units.map((unit) => [100 * unit + 1, 100 * unit + 9]));
  expect(overlaps).toBe(0);
  expect(port.written).toHaveLength(2 * devices.length);
});
