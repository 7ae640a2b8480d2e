import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Simulation } from '../../src/adapter/index.ts';
import { silentLogger, systemClock } from '../../src/base/index.ts';
import { formatFor } from '../../src/codec/index.ts';
import { startUpstream } from '../../src/demo/index.ts';
import { formatPath, omaRegistry, parsePath } from '../../src/model/index.ts';
import {
  type CoapRd,
  type CoapRdRegistration,
  type CoapRequest,
  coapClient,
  coapRequest,
  libcoapAvailable,
  libcoapInstallLine,
  startCoapRd,
} from '../peers/libcoap.ts';
import { ENDPOINT, IMPORTED, METERS, meterConfig, setReadings, shownBy } from '../support/meters.ts';
import { eventually, openSite, type RunningGateway, type Site } from '../support/site.ts';

/** The whole gateway with libcoap as its server: what stands on the wire, read by a CoAP stack that is not ours. */

const SENML_JSON = 110;
const SENML_CBOR = 112;
const TLV = 11542;
const LWM2M_CBOR = 11544;
const CBOR = 60;
const LINK_FORMAT = 40;
const TEXT = 0;

const [METER] = METERS;

/** Names and values of a SenML pack. */
function recordsOf(text: string): Record<string, unknown> {
  let base = '';
  const records = JSON.parse(text) as { bn?: string; n?: string; v?: number; vs?: string; vb?: boolean }[];
  return Object.fromEntries(
    records.map(({ bn, n = '', v, vs, vb }) => {
      base = bn ?? base;
      return [base + n, v ?? vs ?? vb];
    }),
  );
}

describe.skipIf(!libcoapAvailable())(`libcoap (else: ${libcoapInstallLine})`, () => {
  let rd: CoapRd;
  let site: Site;
  let fleet: Site;
  let simulation: Simulation;
  let gateway: RunningGateway;
  let registration: CoapRdRegistration;
  let prefix: string;

  const uri = (path: string): string => `coap://127.0.0.1:${registration.port}${path}`;
  const ask = (path: string, request: CoapRequest = {}) =>
    coapRequest(uri(path), { ...request, localPort: rd.port });
  const server = (): string => `{ uri: "coap://127.0.0.1:${rd.port}", lifetime: 1h }`;

  beforeAll(async () => {
    rd = await startCoapRd();
    site = await openSite();
    simulation = await site.simulate(meterConfig({ servers: [server()] }));
    setReadings(simulation);
    gateway = await site.start(meterConfig({ servers: [server()], field: simulation.connection }));
    registration = await rd.registration(ENDPOINT, 5000);
    prefix = gateway.status().devices[0]?.prefix ?? '';
  });
  afterAll(async () => {
    // A De-register would end it by a fault of its own, and the gateway would wait for an answer.
    await rd?.stop();
    await Promise.all([site?.close(), fleet?.close()]);
  });

  test('G-01 Register of LwM2M 1.2 names the devices in Object 25 and nothing of them', () => {
    expect(registration.query).toEqual({ ep: ENDPOINT, lt: '3600', lwm2m: '1.2', b: 'U' });
    expect(registration.links).toBe(
      '</1/0>,</3/0>,</4/0>,</7/0>,</20>;ver=2.1,</20/0>,</25>;ver=2.0,</25/0>,</25/1>',
    );
  });

  test('G-23 a value behind the prefix as text', async () => {
    const { code, payload } = await ask(`/${prefix}/10242/0/34`);
    expect([code, payload.toString()]).toEqual(['2.05', '0.6015']);
  });

  test('G-20 an instance in SenML JSON, every name with the prefix', async () => {
    const { code, payload } = await ask(`/${prefix}/10242/0`, { accept: SENML_JSON });
    const shown = { 0: 'Eastron', 1: 'SDM630-Modbus V2', ...shownBy(simulation, METER) };
    const expected = Object.entries(shown).map(([id, value]) => [`/${prefix}/10242/0/${id}`, value]);
    const records = recordsOf(payload.toString());
    delete records[`/${prefix}/10242/0/${IMPORTED}`];
    expect([code, records]).toEqual(['2.05', Object.fromEntries(expected)]);
  });

  test('G-21 one resource in SenML CBOR, byte by byte', async () => {
    const { code, payload } = await ask(`/${prefix}/3331/0/5750`, { accept: SENML_CBOR });
    const text = (value: string): string =>
      Buffer.concat([Buffer.from([0x60 + value.length]), Buffer.from(value)]).toString('hex');
    const record = `a200${text(`/${prefix}/3331/0/5750`)}03${text('import')}`;
    expect([code, payload.toString('hex')]).toEqual(['2.05', `81${record}`]);
  });

  test('G-22 a value in TLV: the double that the resource holds, and no prefix', async () => {
    const { code, payload } = await ask(`/${prefix}/10242/0/34`, { accept: TLV });
    const double = Buffer.alloc(8);
    double.writeDoubleBE(0.6015);
    expect([code, payload.toString('hex')]).toEqual(['2.05', `c82208${double.toString('hex')}`]);
  });

  test('G-40 a write of the set point reaches the register', async () => {
    const { code } = await ask(`/${prefix}/3308/0/5900`, { method: 'put', format: TEXT, payload: '1800' });
    expect([code, simulation.get(METER, 'demandPeriod')]).toEqual(['2.04', 30]);
  });

  /** Paths and values that a payload has for its reader, in the order of the paths. */
  const said = (number: number, payload: Uint8Array, path: string): unknown => {
    const registry = omaRegistry();
    const entries = formatFor(number)?.decode(payload, {
      base: parsePath(path),
      now: systemClock.now(),
      resourceOf: ({ ids: [object = 0, , resource = 0] }) => registry.find(object)?.resources.get(resource),
    });
    return entries
      ?.map((entry) => [formatPath(entry.path), entry.type, entry.value])
      .sort(([a], [b]) => (`${a}` < `${b}` ? -1 : 1));
  };

  test('an instance says the same in every format (-A)', async () => {
    const path = `/${prefix}/10242/0`;
    const read = async (accept: number) => said(accept, (await ask(path, { accept })).payload, path);
    const inTlv = await read(TLV);
    expect(inTlv).toHaveLength(Object.keys(shownBy(simulation, METER)).length + 2);
    for (const accept of [SENML_JSON, SENML_CBOR, LWM2M_CBOR]) expect(await read(accept)).toEqual(inTlv);
  });

  test('so does one value (-A)', async () => {
    const path = `/${prefix}/10242/0/34`;
    for (const accept of [TEXT, CBOR, SENML_JSON, SENML_CBOR, TLV, LWM2M_CBOR]) {
      const { code, payload } = await ask(path, { accept });
      expect([code, said(accept, payload, path)]).toEqual(['2.05', [[path, 'float', 0.6015]]]);
    }
  });

  test('a write says the same in every format (-t)', async () => {
    const path = parsePath('/1/0/2');
    // In the order of the numbers: the last one gives the default pmin its value back.
    const seconds = {
      [TEXT]: 5,
      [CBOR]: 4,
      [SENML_JSON]: 3,
      [SENML_CBOR]: 2,
      [TLV]: 1,
      [LWM2M_CBOR]: 0,
    };
    for (const [number, value] of Object.entries(seconds)) {
      const format = Number(number);
      const payload = formatFor(format)?.encode([{ path, type: 'integer', value }], { base: path }) ?? '';
      const { code } = await ask('/1/0/2', { method: 'put', format, payload });
      const read = await ask('/1/0/2', { accept: TEXT });
      expect([format, code, read.payload.toString()]).toEqual([format, '2.04', `${value}`]);
    }
  });

  test('G-48 Discover of an object behind the prefix: links without it', async () => {
    const { code, payload } = await ask(`/${prefix}/3308`, { accept: LINK_FORMAT });
    expect([code, payload.toString()]).toEqual([
      '2.05',
      '</3308>;ver=1.1,</3308/0>,</3308/0/5518>,</3308/0/5701>,</3308/0/5750>,</3308/0/5900>,</3308/0/6050>',
    ]);
  });

  test('G-28 a prefix of nobody is 4.04', async () => {
    expect((await ask('/nobody/3/0')).code).toBe('4.04');
  });

  test('G-62 an observation behind the prefix hears of each change, and of its end', async () => {
    const values = [601.5, 700.25, 0.5, -12.75];
    let step = 0;
    const moving = setInterval(() => {
      if (++step < values.length) simulation.set(METER, 'p', values[step] ?? 0);
    }, 500);
    const path = uri(`/${prefix}/10242/0/34`);
    const { stdout } = await coapClient([
      '-a',
      '127.0.0.1',
      '-p',
      `${rd.port}`,
      '-s',
      '2',
      '-B',
      '3',
      '-w',
      path,
    ]);
    clearInterval(moving);
    const lines = stdout.trim().split('\n');
    expect(lines).toEqual(values.map((watts) => String(watts / 1000)));
    expect(gateway.status().servers[0]?.observations).toBe(0);
  });

  describe('200 devices (G-14)', () => {
    const COUNT = 200;
    const ids = Array.from({ length: COUNT }, (_, at) => `sensor-${String(at + 1).padStart(3, '0')}`);
    let from: number;
    let to: number;

    beforeAll(async () => {
      fleet = await openSite();
      await fleet.write('profiles/sensor.yaml', PROFILE);
      // `coap-rd` cannot take a Register in blocks. This server can, and leaves its port to `coap-client`.
      const upstream = await startUpstream({ clock: systemClock, log: silentLogger });
      await fleet.start(`upstream: { endpoint: fleet, servers: [ { uri: "coap://127.0.0.1:${upstream.port}" } ] }
profilePaths: [ profiles ]
connections: { made-up: { type: sim } }
devices:
  - generate: { count: ${COUNT}, id: "sensor-{n:03}", deviceId: "sensor-{n:03}", ahead: "{n}s" }
    profile: test/sensor
    connection: made-up
`);
      const client = await eventually(() => upstream.clients.get('fleet'));
      expect(client.objects.length).toBe(COUNT + 7);
      [from, to] = [upstream.port, client.peer.port];
      await upstream.close();
    });
    const read = async (path: string, ...options: string[]): Promise<Record<string, unknown>> => {
      const args = ['-a', '127.0.0.1', '-p', `${from}`, '-A', `${SENML_JSON}`, ...options];
      const { stdout } = await coapClient([...args, `coap://127.0.0.1:${to}${path}`]);
      return recordsOf(stdout);
    };

    test.each([
      ['blocks of 1024 bytes', []],
      ['blocks of 64 bytes', ['-b', '64']],
    ])('/25 in %s has each device once, and each prefix leads to its device', async (_, options) => {
      const records = await read('/25', ...options);
      expect(ids.map((_, at) => records[`/25/${at}/0`])).toEqual(ids);
      const prefixes = ids.map((_, at) => records[`/25/${at}/1`]);
      expect(new Set(prefixes).size).toBe(COUNT);
      expect(Object.keys(records).length).toBe(3 * COUNT);
      const last = await read(`/${prefixes.at(-1)}/3303/0`);
      expect(Object.keys(last)).toContain(`/${prefixes.at(-1)}/3303/0/5700`);
    });
  });
});

const PROFILE = `profile:
  id: test/sensor
  protocol: sim
  points: { t: { wave: sine, low: 10, high: 30, unit: Cel } }
  objects: [ { object: 3303, resources: { 5700: t, 5701: "Cel" } } ]
`;
