import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import type { CapturedFrame } from '../../src/adapter/index.ts';
import { captureHead, captureLine, parseCapture } from '../../src/cli/capture.ts';
import { read } from '../../src/cli/read.ts';
import { replay } from '../../src/cli/replay.ts';
import { type SniffCommand, sniff } from '../../src/cli/sniff.ts';
import { devicePlan } from '../adapters/support/plans.ts';
import { socatAvailable, socatInstallLine, startPort } from '../support/line.ts';
import { startRelay } from '../support/relay.ts';
import { eventually } from '../support/site.ts';
import { type Heard, listen } from './output.ts';

/** What was heard in the field is a test on a desk. */

const own = { device: 'unit: 1', profiles: [], adapter: [] };
const ending: (() => Promise<unknown>)[] = [];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capture-'));
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  await rm(folder, { recursive: true });
});

describe('a capture', () => {
  test('is written and read again', () => {
    const frame = fc.record<CapturedFrame>({
      at: fc.integer({ min: 0, max: 1e7 }),
      kind: fc.constantFrom('request', 'answer', 'noise'),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.array(frame), (frames) => {
        const inOrder = [...frames].sort((a, b) => a.at - b.at);
        const text = [captureHead('modbus-rtu', new Date(0)), ...inOrder.map(captureLine)].join('\n');
        expect(parseCapture('x', text)).toEqual({ type: 'modbus-rtu', frames: inOrder });
      }),
    );
  });

  const head = '# lwm2m-gateway capture 1 modbus-tcp 2026-11-21T08:00:00.000Z';
  test('may have notes, and lines without anything', () => {
    expect(parseCapture('x', `${head}\r\n\r\n# here it went wrong\r\n1.5 > 01 02\r\n`).frames).toEqual([
      { at: 1500, kind: 'request', bytes: Buffer.from([1, 2]) },
    ]);
  });

  test.each<[string, string]>([
    ['', '1:1: a capture begins with'],
    ['0.1 > 01', '1:1: a capture begins with'],
    ['# lwm2m-gateway capture 2 modbus-tcp', '1:1: a capture begins with'],
    [`${head}\n0.1 > 01\nabc`, '3:1: a line is seconds'],
    [`${head}\n0.1 = 01`, '2:5: a line is seconds'],
    [`${head}\n0.1 > 01 0g`, '2:10: a line is seconds'],
    [`${head}\n0.1 > `, '2:7: a line is seconds'],
    [`${head}\n0.2 > 01\n0.1 < 01`, '3:1: this was before'],
  ])('that makes no sense is told with line and column: %j', (text, expected) => {
    expect(() => parseCapture('x', text)).toThrow(`x:${expected}`);
  });
});

/** A command that runs until the test ends it. */
function started(command: (out: Heard, until: AbortSignal) => Promise<number>) {
  const out = listen();
  const end = new AbortController();
  const running = command(out, end.signal);
  const stop = (): Promise<number> => {
    end.abort();
    return running;
  };
  ending.push(stop);
  return { out, stop };
}

async function sniffing(options: Partial<SniffCommand> & { connection: string }) {
  const command = started((out, until) => sniff({ ...own, size: 16, ...options }, out, until));
  await eventually(() => command.out.printed().includes('listens at'));
  return { ...command, port: Number(/port: (\d+)/.exec(command.out.printed())?.[1]) };
}

async function replaying(file: string, more = {}) {
  const command = started((out, until) => replay(file, { ...own, ...more }, out, until));
  await eventually(() => command.out.printed().includes('answers at'));
  return { ...command, port: Number(/port: (\d+)/.exec(command.out.printed())?.[1]) };
}

const METER = devicePlan({
  v: { table: 'input', addr: 0, type: 'float32' },
  p: { table: 'input', addr: 12, type: 'float32' },
  ei: { table: 'input', addr: 72, type: 'float32' },
});

/** A meter of the type sdm120 on a loopback port. */
async function meter(type: string, faults: Readonly<Record<string, unknown>>[] = []): Promise<number> {
  const field = await modbus.simulate?.([METER], createTestHost(), { type, faults });
  if (field === undefined) throw new Error('no simulation');
  ending.push(() => field.close());
  for (const [point, value] of Object.entries({ v: 231.5, p: 1150, ei: 4711.25 }))
    field.set('meter', point, value);
  return Number(field.connection.port);
}

const at = (type: string, port: number, more = ''): string =>
  `type: ${type}, host: 127.0.0.1, port: ${port}${more}`;

/** What reading a point of an sdm120 says, without the bytes. */
async function reading(connection: string, ...points: string[]): Promise<string[]> {
  const out = listen();
  await read(points, { ...own, connection, profile: 'eastron/sdm120' }, out);
  return out
    .printed()
    .split('\n')
    .filter((line) => !/^[-<]/.test(line));
}

const VALUES = ['v = 231.5 V (raw 231.5)', 'ei = 4711.25 kWh (raw 4711.25)'];

describe.each(['modbus-tcp', 'modbus-rtu-tcp', 'modbus-ascii-tcp'])('%s', (type) => {
  test('sniff is a relay that shows and writes down what it passes on; replay answers as the field did', async () => {
    const file = join(folder, 'meter.capture');
    const target = await meter(type, [{ do: 'late', delay: '60ms', times: 1 }]);
    const heard = await sniffing({ connection: at(type, target), write: file });
    expect(await reading(at(type, heard.port), 'v', 'ei')).toEqual(VALUES);
    expect(await heard.stop()).toBe(0);
    expect(heard.out.printed()).toMatch(/^\d\.\d{3} > .* {2}read input 0, \d+ of unit 1$/m);
    expect(heard.out.printed()).toMatch(/^\d\.\d{3} < .* {2}unit 1 holds 4367 8000.*, after [6-9]\d ms$/m);
    expect(heard.out.printed()).toMatch(
      /^(\d) requests, \1 answers, 0 times bytes that are no frame \(0\)$/m,
    );

    const again = await replaying(file);
    const before = performance.now();
    expect(await reading(at(type, again.port), 'v', 'ei')).toEqual(VALUES);
    expect(performance.now() - before).toBeGreaterThan(60);
    // Not asked in the field, but known from what was.
    expect(await reading(at(type, again.port), 'v')).toEqual(VALUES.slice(0, 1));
    expect(await reading(at(type, again.port), 'ee')).toEqual(['ee: rejected']);
    await again.stop();
    expect(again.out.printed()).toMatch(/requests \d+, captured \d, derived \d+, silent 0$/);
  });
});

test('what goes wrong in the field goes wrong again, and what comes of it can be held fast', async () => {
  const file = join(folder, 'meter.capture');
  const expected = join(folder, 'expected.txt');
  const target = await meter('modbus-rtu-tcp', [
    { do: 'garble', byte: 4, times: 1 },
    { do: 'exception', code: 6, times: 1 },
  ]);
  const heard = await sniffing({ connection: at('modbus-rtu-tcp', target), write: file });
  await reading(at('modbus-rtu-tcp', heard.port));
  await reading(at('modbus-rtu-tcp', heard.port));
  await heard.stop();
  expect(heard.out.printed()).toMatch(/bytes that are no frame$/m);
  const regression = async (): Promise<[number, Heard]> => {
    const out = listen();
    return [await replay(file, { ...own, profile: 'eastron/sdm120', expect: expected }, out), out];
  };
  expect((await regression())[0]).toBe(0);
  expect(await readFile(expected, 'utf8')).toContain('malformed');
  const [code, same] = await regression();
  expect([code, same.printed()]).toEqual([0, `as in ${expected}`]);
  await writeFile(expected, (await readFile(expected, 'utf8')).replace('v: malformed', 'v = 1 V (raw 1)'));
  const [failed, other] = await regression();
  expect(failed).toBe(1);
  expect(other.complained()).toBe(`${expected}:1:1: v: malformed, in place of v = 1 V (raw 1)`);
});

test.skipIf(!socatAvailable())(
  `sniff listens to a serial line without a word (${socatInstallLine})`,
  async () => {
    const taps = new Set<Socket>();
    const tap = createServer((socket) => {
      taps.add(socket);
      socket.on('data', () => expect.unreachable('the listener has spoken'));
      socket.on('error', () => {});
    });
    await new Promise<void>((listening) => tap.listen(0, '127.0.0.1', listening));
    const address = tap.address();
    const tapped = await startPort(typeof address === 'object' ? (address?.port ?? 0) : 0);
    ending.push(async () => {
      await tapped.close();
      tap.close();
    });
    const relay = await startRelay(await meter('modbus-rtu-tcp'), {
      characterMs: 11_000 / 9600,
      tap: (chunk) => {
        for (const socket of taps) socket.write(chunk);
      },
    });
    ending.push(() => relay.close());
    const line = await startPort(relay.port);
    ending.push(() => line.close());

    const file = join(folder, 'line.capture');
    const keys = (port: string): string => `type: modbus-rtu, port: ${port}, serial: { baud: 9600 }`;
    const heard = await sniffing({ connection: keys(tapped.path), write: file });
    await eventually(() => taps.size === 1);
    expect(await reading(keys(line.path), 'v', 'ei')).toEqual(VALUES);
    for (const socket of taps) socket.write(Buffer.from([0xff, 0, 0xff]));
    await eventually(() => heard.out.printed().includes('3 bytes that are no frame'));
    await heard.stop();
    expect(heard.out.printed()).toMatch(
      /^(\d) requests, \1 answers, 1 times bytes that are no frame \(3\)$/m,
    );

    const again = await replaying(file);
    expect(await reading(at('modbus-rtu-tcp', again.port), 'v', 'ei')).toEqual(VALUES);
  },
);

test('a capture has an end', async () => {
  const file = join(folder, 'x.capture');
  const nobody = createServer((socket) => socket.on('data', () => {}).on('error', () => {}));
  await new Promise<void>((listening) => nobody.listen(0, '127.0.0.1', listening));
  ending.push(async () => nobody.close());
  const address = nobody.address();
  const target = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const heard = await sniffing({ connection: at('modbus-tcp', target), write: file, size: 1 });
  const master = connect(heard.port, '127.0.0.1');
  master.on('error', () => {});
  ending.push(async () => master.destroy());
  const frame = Buffer.from('000000000006010300000001', 'hex');
  master.write(Buffer.concat(Array.from({ length: 30_000 }, () => frame)));
  await eventually(() => heard.out.complained() === `${file} is full: 1 MiB`);
  await eventually(() => heard.out.printed().endsWith('bytes that are no frame (0)'));
  const { size } = await stat(file);
  expect(size).toBeGreaterThan(1024 * 1000);
  expect(size).toBeLessThanOrEqual(1024 * 1024);
});

test('none is written over', async () => {
  const file = join(folder, 'x.capture');
  await writeFile(file, 'of yesterday');
  const options = { ...own, connection: at('modbus-tcp', 1), write: file, size: 1 };
  await expect(sniff(options, listen())).rejects.toThrow('EEXIST');
  expect(await readFile(file, 'utf8')).toBe('of yesterday');
});

test('nobody can listen to UDP, or replay what is of nobody', async () => {
  await expect(sniff({ ...own, connection: at('modbus-udp', 1), size: 1 }, listen())).rejects.toThrow(
    'nobody can listen',
  );
  const file = join(folder, 'x.capture');
  await writeFile(file, captureHead('telex', new Date()));
  const out = listen();
  expect(await replay(file, own, out)).toBe(1);
  expect(out.complained()).toBe('nobody can replay a capture of telex');
  await expect(replay(join(folder, 'none'), own, out)).rejects.toThrow('ENOENT');
});
