import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import type { FieldOptions } from '../../src/cli/field.ts';
import { probe, scan } from '../../src/cli/find.ts';
import { keysText } from '../../src/cli/output.ts';
import { read, write } from '../../src/cli/read.ts';
import { simulate } from '../../src/cli/simulate.ts';
import { devicePlan } from '../adapters/support/plans.ts';
import {
  type PymodbusServer,
  pymodbusAvailable,
  pymodbusInstallLine,
  startPymodbus,
} from '../peers/modbus.ts';
import { startRawMeter } from '../profiles/raw-meter.ts';
import { socatAvailable, socatInstallLine, startLine } from '../support/line.ts';
import { eventually } from '../support/site.ts';
import { type Heard, listen } from './output.ts';

/** The commands of a person at the box, on real sockets. */

const options = (port: number, more: Partial<FieldOptions> = {}): FieldOptions => ({
  connection: `type: modbus-tcp, host: 127.0.0.1, port: ${port}`,
  device: 'unit: 1',
  profiles: [],
  adapter: [],
  ...more,
});

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

/** A simulated device of a profile, and what the command says. */
async function simulated(profile: string, ...set: string[]): Promise<{ port: number; out: Heard }> {
  const out = listen();
  const end = new AbortController();
  const running = simulate(profile, { device: 'unit: 1', set, profiles: [], adapter: [] }, out, end.signal);
  ending.push(() => {
    end.abort();
    return running;
  });
  await eventually(() => out.printed().includes('answers at'));
  return { port: Number(/port: (\d+)/.exec(out.printed())?.[1]), out };
}

test('keys are shown as they are written, those of serial lines too', () => {
  expect(keysText({ port: '/dev/ttyS0', serial: { baud: 9600 } })).toBe(
    '{ port: /dev/ttyS0, serial: { baud: 9600 } }',
  );
});

describe('simulate', () => {
  test('is a device of any profile, with values in the unit of its points', async () => {
    const { port } = await simulated('abb/b23', 'ei=4711.25', 'pf=-0.5');
    const out = listen();
    expect(await read(['ei', 'pf', 'v1', 'f'], options(port, { profile: 'abb/b23' }), out)).toBe(0);
    expect(out.printed()).toMatch(/^ei = 4711\.25 kWh \(raw 471125\)$/m);
    expect(out.printed()).toMatch(/^pf = -0\.5 \(raw -500\)$/m);
    expect(out.printed()).toMatch(/^v1 = 230 V \(raw 2300\)$/m);
    expect(out.printed()).toMatch(/^f = 50 Hz \(raw 5000\)$/m);
  });

  test('tells what a master writes', async () => {
    const { port, out } = await simulated('eastron/sdm630-v2');
    const heard = listen();
    expect(await write('demandPeriod', '15', options(port, { profile: 'eastron/sdm630-v2' }), heard)).toBe(0);
    expect(out.printed()).toMatch(/^written: demandPeriod = 15 min$/m);
    expect(heard.printed()).toMatch(/^-> .* 01 10 00 02 00 02 04 41 70 00 00$/m);
    expect(heard.printed()).toMatch(/^demandPeriod = 15$/m);
  });

  /** What a fault script in a file comes to. */
  async function scripted(text: string): Promise<{ file: string; out: Heard; running: Promise<number> }> {
    const folder = await mkdtemp(join(tmpdir(), 'faults-'));
    const file = join(folder, 'faults.yaml');
    await writeFile(file, text);
    const out = listen();
    const end = new AbortController();
    const given = { device: 'unit: 1', profiles: [], adapter: [], set: ['v1=231'], faults: file };
    const running = simulate('abb/b23', given, out, end.signal);
    ending.push(async () => {
      end.abort();
      await running;
      await rm(folder, { recursive: true });
    });
    return { file, out, running };
  }

  test('answers as badly as a fault script says', async () => {
    const { out } = await scripted('faults:\n  - { do: exception, code: 4, times: 1 }\n  - { do: drip }\n');
    await eventually(() => out.printed().includes('answers at'));
    const port = Number(/port: (\d+)/.exec(out.printed())?.[1]);
    const read1 = listen();
    expect(await read(['v1'], options(port, { profile: 'abb/b23' }), read1)).toBe(1);
    expect(read1.printed()).toMatch(/^v1: rejected$/m);
    const read2 = listen();
    expect(await read(['v1'], options(port, { profile: 'abb/b23' }), read2)).toBe(0);
    expect(read2.printed()).toMatch(/^v1 = 231 V /m);
  });

  test('a fault script that makes no sense is told with line and column, all of it at once', async () => {
    const { file, out, running } = await scripted(`faults:
  - { do: lat, delay: 1s }
  - { do: late, delay: 5 }
  - { every: 2 }
  - { do: drop, adress: 7 }
`);
    expect(await running).toBe(2);
    expect(
      out
        .complained()
        .split('\n')
        .map((line) => line.slice(file.length + 1, file.length + 70)),
    ).toEqual([
      expect.stringContaining("2:11 faults[0].do: 'lat' is not allowed (did you mean 'late'?)"),
      expect.stringContaining('3:24 faults[1].delay: 5 is not allowed'),
      expect.stringContaining("4:5 faults[2]: 'do' is missing"),
      expect.stringContaining("5:17 faults[3].adress: unknown key 'adress' (did you mean 'addr"),
    ]);
  });

  test('nor one whose rules say what cannot be', async () => {
    const { file, out, running } = await scripted(
      'faults: [{ do: drop, delay: 1s }, { do: late, from: 2s, to: 1s }]',
    );
    expect(await running).toBe(2);
    expect(out.complained()).toBe(`${file}:1:29 faults[0].delay: delay says nothing about drop
${file}:1:61 faults[1].to: nothing lies between 2s and 1s`);
  });

  test.each([
    ['v9=1', /no v9; it has v1, v2/],
    ['v1=high', /v1: "high" is no number/],
    ['v1=0.12345', /v1: 1\.2345 does not fit into uint32/],
  ])('refuses --set %s', async (assignment, expected) => {
    const out = listen();
    const given = { device: 'unit: 1', profiles: [], adapter: [] };
    expect(await simulate('abb/b23', { ...given, set: [assignment] }, out)).toBe(1);
    expect(out.complained()).toMatch(expected);
  });
});

describe('read', () => {
  test('shows the bytes on the wire, and what they mean', async () => {
    const { port } = await simulated('eastron/sdm120', 'v=229.5');
    const out = listen();
    expect(await read(['{ table: input, addr: 0, type: float32, unit: V }'], options(port), out)).toBe(0);
    expect(out.printed().split('\n')).toEqual([
      '-> 00 01 00 00 00 06 01 04 00 00 00 02',
      '<- 00 01 00 00 00 07 01 04 04 43 65 80 00',
      'p1 = 229.5 V (raw 229.5)',
    ]);
  });

  test('reads every point of the profile when none is named', async () => {
    const { port } = await simulated('orno/or-we-504');
    const out = listen();
    expect(await read([], options(port, { profile: 'orno/or-we-504' }), out)).toBe(0);
    expect(out.printed().match(/^\w+ = /gm)).toHaveLength(9);
  });

  test('says why there is no value, with exit code 1', async () => {
    const { port } = await simulated('orno/or-we-504');
    const out = listen();
    expect(
      await read(
        ['table: input, addr: 0, type: uint16'],
        options(port, { device: 'unit: 9, timeouts: { request: 100ms, retries: 0 }' }),
        out,
      ),
    ).toBe(1);
    expect(out.printed()).toMatch(/^p1: timeout$/m);
  });

  test.each([
    [
      'a key that is none',
      ['tabel: input, addr: 0'],
      {},
      /points\.p1\.tabel: unknown key 'tabel' \(did you mean 'table'\?\)/,
    ],
    [
      'an unknown profile',
      ['v1'],
      { profile: 'abb/b32' },
      /unknown profile 'abb\/b32' \(did you mean 'abb\/b23'\?\)(?!.*own\/points)/,
    ],
    [
      'a profile whose name is cut short',
      ['v1'],
      { profile: 'eastron/sdm630' },
      /unknown profile 'eastron\/sdm630' \(did you mean 'eastron\/sdm630-v2'\?\)/,
    ],
    [
      'an unknown connection',
      ['table: input, addr: 0, type: int16'],
      { connection: 'type: modbus-tpc' },
      /^command line:\d+:\d+ connections\.field\.type: unknown type 'modbus-tpc'/,
    ],
  ])('tells %s as a configuration would', async (_, points, more, expected) => {
    await expect(read(points, options(1, more), listen())).rejects.toThrow(expected);
  });

  test('tells a point that the profile does not have', async () => {
    const out = listen();
    expect(await read(['v7'], options(1, { profile: 'eastron/sdm120' }), out)).toBe(1);
    expect(out.complained()).toBe(
      'profile eastron/sdm120 has no v7; it has v, i, p, s, q, pf, f, ei, ee, ri, re',
    );
  });
});

describe('write', () => {
  test.each([
    ['demandPeriod', '7', 'only 0, 5, 8, 10, 15, 20, 30, 60 min'],
    ['demandPeriod', 'long', '"long" is no number'],
    ['v1', '230', 'the profile lets nobody write v1'],
  ])('keeps to the guards of the profile: %s = %s', async (point, value, expected) => {
    const out = listen();
    expect(await write(point, value, options(1, { profile: 'eastron/sdm630-v2' }), out)).toBe(1);
    expect(out.complained()).toContain(expected);
    expect(out.printed()).toBe('');
  });

  test('says what the device refuses', async () => {
    const { port } = await simulated('eastron/sdm120');
    const out = listen();
    expect(await write('table: holding, addr: 4, type: uint16', '7', options(port), out)).toBe(1);
    expect(out.printed()).toMatch(/^p1: rejected, .*illegal data address/m);
  });
});

describe('scan', () => {
  test('finds the units that answer among those that are silent', async () => {
    const plans = [3, 7, 8].map((unit) =>
      devicePlan(
        { v: { table: 'holding', addr: 0, type: 'uint16' } },
        { id: `m${unit}`, settings: { unit } },
      ),
    );
    const simulation = await modbus.simulate?.(plans, createTestHost());
    ending.push(async () => simulation?.close());
    const out = listen();
    const range = { from: 1, to: 10, timeout: 50 };
    expect(await scan(range, options(Number(simulation?.connection.port)), out)).toBe(0);
    expect(
      out
        .printed()
        .split('\n')
        .map((line) => line.split('  ')[0]),
    ).toEqual(['{ unit: 3 }', '{ unit: 7 }', '{ unit: 8 }']);
  });

  test('says that there is no connection', async () => {
    await expect(scan({ timeout: 50 }, options(1), listen())).rejects.toThrow('no connection');
  });

  test('tells the models of a SunSpec device', async () => {
    // "SunS", then models 1 (66 registers) and 103 (50 registers), then the end
    const meter = await startRawMeter({
      holding: { 40000: ['5375', '6E53', '0001', '0042'], 40070: ['0067', '0032'], 40122: ['FFFF', '0000'] },
    });
    ending.push(() => meter.close());
    const out = listen();
    expect(await scan({ from: 1, to: 1, timeout: 200 }, options(meter.port), out)).toBe(0);
    expect(out.printed()).toMatch(/^\{ unit: 1 \} {2}SunSpec from 40000, models 1 at 40002, 103 at 40070$/m);
  });
});

describe.skipIf(!pymodbusAvailable())(`a pymodbus server (${pymodbusInstallLine})`, () => {
  let server: PymodbusServer;
  beforeAll(async () => {
    server = await startPymodbus({
      unit: 5,
      holding: { 10: 7 },
      input: { 0: { type: 'float32', value: 229.5 }, 2: [0x0000, 0x4365] },
    });
  });
  afterAll(() => server.stop());

  test('pitfall 6: is probed: what its registers say in each order', async () => {
    const out = listen();
    const points = ['table: input, addr: 0, type: float32', 'table: input, addr: 90, type: uint16'];
    expect(await probe(points, options(server.port, { device: 'unit: 5' }), out)).toBe(0);
    expect(out.printed().split('\n')).toEqual([
      'modbus-tcp: unit 5: holding register 0 refuses (illegal data address)',
      'p1: input 0 holds 4365 8000',
      expect.stringMatching(/^p1: float32 in ABCD 229\.5, CDAB -\d/),
      'p2: input 90 refuses (illegal data address)',
    ]);
  });

  test('is read and written', async () => {
    const given = options(server.port, { device: 'unit: 5' });
    const written = listen();
    expect(
      await write('table: holding, addr: 10, type: uint16, scale: 0.1, unit: A', '4.2', given, written),
    ).toBe(0);
    const out = listen();
    expect(await read(['table: holding, addr: 10, type: uint16'], given, out)).toBe(0);
    expect(out.printed()).toMatch(/^p1 = 42 \(raw 42\)$/m);
  });
});

describe('a device on another medium', () => {
  const own = { profiles: [], adapter: [], set: [] };
  const started = async (connection: string, out: Heard): Promise<void> => {
    const end = new AbortController();
    const running = simulate('eastron/sdm120', { ...own, device: 'unit: 3', connection }, out, end.signal);
    ending.push(() => {
      end.abort();
      return running;
    });
    await eventually(() => out.printed().includes('answers at'));
  };

  test('pitfall 17: is found when it speaks RTU on a socket that was taken for Modbus TCP (evcc #14984, evcc #2227, node-red-contrib-modbus #332)', async () => {
    const plan = devicePlan({ v: { table: 'holding', addr: 0, type: 'float32' } }, { settings: { unit: 3 } });
    const simulation = await modbus.simulate?.([plan], createTestHost(), { type: 'modbus-rtu-tcp' });
    ending.push(async () => simulation?.close());
    const out = listen();
    const given = options(Number(simulation?.connection.port), {
      device: 'unit: 3, timeouts: { request: 200ms }',
    });
    expect(await probe(['table: holding, addr: 0, type: uint16'], given, out)).toBe(0);
    expect(out.printed().split('\n')).toEqual([
      'modbus-tcp: unit 3: holding register 0 no answer',
      'modbus-rtu-tcp: unit 3: holding register 0 holds 0000',
      'p1: holding 0 holds 0000',
    ]);
  });

  test.skipIf(!socatAvailable())(
    `is simulated, read and found on a serial line (${socatInstallLine})`,
    async () => {
      const line = await startLine();
      ending.push(() => line.close());
      const keys = (port: string): string => `type: modbus-rtu, port: ${port}, serial: { baud: 9600 }`;
      await started(keys(line.device), listen());
      const given = { ...own, device: 'unit: 3', connection: keys(line.master) };
      const out = listen();
      expect(await read(['v'], { ...given, profile: 'eastron/sdm120' }, out)).toBe(0);
      expect(out.printed()).toMatch(/^-> 03 04 00 00 00 02 70 29$/m);
      expect(out.printed()).toMatch(/^v = 230 V \(raw 230\)$/m);
      const found = listen();
      expect(await scan({ from: 2, to: 4, timeout: 100 }, given, found)).toBe(0);
      expect(found.printed()).toBe('{ unit: 3 }  holding register 0 holds 0000');
    },
  );
});
