import { createServer, type Socket } from 'node:net';
import type { FieldValue } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import {
  LIBMODBUS_HOLDS as HOLDS,
  libmodbusAvailable,
  libmodbusInstallLine,
  libmodbusMaster,
  startLibmodbusRtu,
  startLibmodbusTcp,
} from '../peers/libmodbus.ts';
import { socatAvailable, socatInstallLine, startLine, startPort } from '../support/line.ts';
import { startRelay } from '../support/relay.ts';
import { devicePlan, outcomeOf } from './support/plans.ts';

const host = createTestHost();
const UNIT = 7;
const SERIAL = { baud: 19_200 };

const rw = { access: 'rw' } as const;
const PLAN = devicePlan(
  {
    first: { table: 'input', addr: 0, type: 'uint16' },
    pair: { table: 'input', addr: 10, type: 'uint32' },
    last: { table: 'input', addr: 199, type: 'uint16' },
    beyond: { table: 'input', addr: 200, type: 'uint16' },
    odd: { table: 'discrete', addr: 3 },
    word: { table: 'holding', addr: 5, type: 'uint16', ...rw },
    limit: {
      table: 'holding',
      addr: 20,
      type: 'float32',
      order: 'CDAB',
      ...rw,
      write: { verify: 'readback' },
    },
    both: { table: 'holding', addr: 30, type: 'uint32', ...rw, write: { fc: 23, verify: 'readback' } },
    bit: { table: 'holding', addr: 40, bit: 2, ...rw },
    relay: { table: 'coil', addr: 8, ...rw },
    relays: { table: 'coil', addr: 9, ...rw, write: { fc: 15 } },
  },
  { settings: { unit: UNIT }, requestTimeoutMs: 1000 },
);

/** Reads everything, and writes with every function. */
async function tryAll(type: string, settings: Readonly<Record<string, unknown>>): Promise<void> {
  const adapter = modbus.open({ id: 'c', type, settings }, host);
  try {
    adapter.start();
    const device = adapter.attach(PLAN);
    const read = async (points: string[]): Promise<unknown[]> =>
      (await device.read(points, { priority: 'poll', deadlineMs: 5000 })).map(outcomeOf);
    const pair = HOLDS.input(10) * 0x10000 + HOLDS.input(11);
    expect(await read(['first', 'pair', 'last', 'beyond', 'odd', 'word'])).toEqual([
      HOLDS.input(0),
      pair,
      HOLDS.input(199),
      'rejected',
      HOLDS.discrete(3),
      HOLDS.holding(5),
    ]);
    const operations: { point: string; value: FieldValue }[] = [
      { point: 'word', value: 65_535 },
      { point: 'limit', value: 21.5 },
      { point: 'both', value: 70_000 },
      { point: 'bit', value: true },
      { point: 'relay', value: true },
      { point: 'relays', value: false },
    ];
    expect(await device.write(operations, { deadlineMs: 5000 })).toEqual(
      operations.map(({ point }) => ({ point, status: 'done' })),
    );
    expect(await read(operations.map(({ point }) => point))).toEqual(operations.map(({ value }) => value));
    expect(adapter.statistics()).toMatchObject({ timeouts: 0, malformed: 0, lateReplies: 0, strayBytes: 0 });
  } finally {
    await adapter.close();
  }
}

describe.skipIf(!libmodbusAvailable())(`libmodbus as a slave (${libmodbusInstallLine})`, () => {
  test('Modbus TCP: is read to its last address and no further, and written with every function', async () => {
    const slave = await startLibmodbusTcp();
    onTestFinished(() => slave.stop());
    await tryAll('modbus-tcp', { host: '127.0.0.1', port: slave.port });
  });

  test.skipIf(!socatAvailable())(`RTU on a serial line: the same (${socatInstallLine})`, async () => {
    const line = await startLine();
    onTestFinished(() => line.close());
    const slave = await startLibmodbusRtu(line.device, UNIT);
    onTestFinished(() => slave.stop());
    await tryAll('modbus-rtu', { port: line.master, serial: SERIAL });
  });
});

/** Between a master and a slave that both call: bytes of the slave come late as long as `lateMs` says. */
async function startMeeting(): Promise<{ readonly port: number; lateMs: number; close(): void }> {
  const sockets: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      // A master that doubts its connection comes again.
      const [slave] = sockets;
      const master = sockets.at(-1);
      const isAnswer = socket === slave;
      setTimeout(() => (isAnswer ? master : slave)?.write(chunk), isAnswer ? meeting.lateMs : 0);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  const meeting = {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    lateMs: 0,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return meeting;
}

test.skipIf(!libmodbusAvailable() || !socatAvailable())(
  `pitfall 1: a device that is silent when asked to repeat a number, as libmodbus is, is believed after the window (${libmodbusInstallLine}; ${socatInstallLine})`,
  async () => {
    const meeting = await startMeeting();
    onTestFinished(() => meeting.close());
    const line = await startPort(meeting.port);
    onTestFinished(() => line.close());
    const slave = await startLibmodbusRtu(line.path, UNIT);
    onTestFinished(() => slave.stop());
    const settings = {
      host: '127.0.0.1',
      port: meeting.port,
      localEcho: false,
      timing: { lateReplyWindow: '2s' },
    };
    const adapter = modbus.open({ id: 'c', type: 'modbus-rtu-tcp', settings }, host);
    onTestFinished(() => adapter.close());
    adapter.start();
    const device = adapter.attach({ ...PLAN, requestTimeoutMs: 150 });
    const read = async (point: string): Promise<unknown> =>
      outcomeOf((await device.read([point], { priority: 'poll', deadlineMs: 2000 }))[0]);
    expect(await read('first')).toBe(HOLDS.input(0));
    meeting.lateMs = 200;
    expect(await read('first')).toBe('timeout');
    meeting.lateMs = 0;
    // Its answer is on the way, and fits the next question.
    const outcomes: unknown[] = [];
    for (let turn = 0; turn < 60 && outcomes.at(-1) !== HOLDS.input(199); turn++) {
      outcomes.push(await read('last'));
      await new Promise((later) => setTimeout(later, 50));
    }
    const last = outcomes.pop();
    expect(last).toBe(HOLDS.input(199));
    for (const outcome of outcomes) expect(['timeout', 'malformed', 'disconnected']).toContain(outcome);
    expect(await read('first')).toBe(HOLDS.input(0));
  },
);

const SIMULATED = devicePlan(
  {
    volts: { table: 'input', addr: 0, type: 'float32' },
    mode: { table: 'holding', addr: 8, type: 'uint16', ...rw },
    bits: { table: 'holding', addr: 9, type: 'uint16', ...rw },
    many: { table: 'holding', addr: 20, type: 'uint64', ...rw },
    relay: { table: 'coil', addr: 2, ...rw },
    state: { table: 'discrete', addr: 4 },
  },
  { settings: { unit: UNIT }, protocol: { addressing: 'pdu0', unreadable: [[100, 120]] } },
);

describe.skipIf(!libmodbusAvailable())(`libmodbus as a master (${libmodbusInstallLine})`, () => {
  /** What it finds in our simulation, with every function that it has. */
  async function tryMaster(
    type: string,
    settings: Readonly<Record<string, unknown>>,
    at?: string,
  ): Promise<void> {
    const field = await modbus.simulate?.([SIMULATED], host, { type, settings });
    if (field === undefined) throw new Error('no simulation');
    onTestFinished(() => field.close());
    field.set('meter', 'volts', 229.5);
    field.set('meter', 'state', true);
    field.set('meter', 'bits', 0b1100);
    const where = at ?? Number(field.connection.port);
    expect(
      await libmodbusMaster(where, UNIT, [
        'input 0 2',
        'discrete 3 3',
        'set 8 7',
        'setbit 2 1',
        'coils 1 3',
        'many 20 4 1',
        'mask 9 4 2',
        'holding 8 2',
        'holding 119 2',
        'set 50 1',
      ]),
    ).toEqual([
      '17253 32768',
      '0 1 0',
      'done',
      'done',
      '0 1 0',
      'done',
      'done',
      '7 6',
      'refused: Illegal data address',
      'refused: Illegal data address',
    ]);
    expect(['mode', 'relay', 'many', 'bits'].map((point) => field.get('meter', point))).toEqual([
      7,
      true,
      0x0001_0002_0003_0004,
      6,
    ]);
  }

  test('reads and writes our simulation over TCP', () => tryMaster('modbus-tcp', {}));

  test.skipIf(!socatAvailable())(`and on a serial line (${socatInstallLine})`, async () => {
    const line = await startLine();
    onTestFinished(() => line.close());
    await tryMaster('modbus-rtu', { port: line.device, serial: SERIAL }, line.master);
  });

  test.skipIf(!socatAvailable())(
    `and on a line of 19200 Bd whose bytes take their time (${socatInstallLine})`,
    async () => {
      const field = await modbus.simulate?.([SIMULATED], host, { type: 'modbus-rtu-tcp' });
      if (field === undefined) throw new Error('no simulation');
      onTestFinished(() => field.close());
      field.set('meter', 'volts', 229.5);
      const relay = await startRelay(Number(field.connection.port), { characterMs: 11_000 / 19_200 });
      onTestFinished(() => relay.close());
      const port = await startPort(relay.port);
      onTestFinished(() => port.close());
      expect(await libmodbusMaster(port.path, UNIT, ['input 0 2', 'set 8 7', 'holding 8 1'])).toEqual([
        '17253 32768',
        'done',
        '7',
      ]);
    },
  );
});
