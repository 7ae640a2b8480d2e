import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Simulation } from '../../src/adapter/index.ts';
import { type ObjectDefinition, omaRegistry } from '../../src/model/index.ts';
import {
  type LeshanEvents,
  type LeshanFormat,
  type LeshanNode,
  type LeshanServer,
  leshanAvailable,
  leshanInstallLine,
  startLeshan,
} from '../peers/leshan.ts';
import { ENDPOINT, IMPORTED, METERS, meterConfig, setReadings, shownBy } from '../support/meters.ts';
import { eventually, openSite, type RunningGateway, type Site } from '../support/site.ts';

/** The whole gateway with Leshan as its server: what an unmodified LwM2M 1.1 server can do with it. */

const [METER] = METERS;

/** What Leshan has to be told to know types: versions of 1 and 3 that it lacks, and objects beyond the core. */
const OBJECTS = [
  [1, '1.2'],
  [3, '1.2'],
  [25, '2.0'],
  [3308, '1.1'],
  [3331, '1.1'],
  [10242, '1.0'],
] as const;

const definitions = OBJECTS.map(([id, version]): ObjectDefinition => {
  const found = omaRegistry().find(id, version);
  if (found === undefined) throw new Error(`no object ${id}`);
  return found;
});

/** Formats that Leshan reads of a whole object or instance. */
const STRUCTURED = ['no Accept', 'TLV', 'JSON', 'SENML_JSON', 'SENML_CBOR'] as const;
/** And of a single resource. */
const SINGLE = [...STRUCTURED, 'TEXT', 'CBOR'] as const;

const accepting = (format: (typeof SINGLE)[number]): { readonly format?: LeshanFormat } =>
  format === 'no Accept' ? {} : { format };

/** Values by resource id. */
function resourcesOf(node: LeshanNode | undefined): Record<number, unknown> {
  if (node?.kind !== 'instance') throw new Error(`an instance, not ${JSON.stringify(node)}`);
  return Object.fromEntries(
    node.resources.map((one) => [one.id, 'value' in one ? one.value : 'values' in one ? one.values : one]),
  );
}

/** Of a meter, but for the counter that comes later. */
function measuredIn(node: LeshanNode | undefined): Record<number, unknown> {
  const measured = resourcesOf(node);
  delete measured[IMPORTED];
  return measured;
}

function instancesOf(node: LeshanNode | undefined): Record<number, Record<number, unknown>> {
  if (node?.kind !== 'obj') throw new Error(`an object, not ${JSON.stringify(node)}`);
  return Object.fromEntries(
    node.instances.map((one) => [one.kind === 'instance' ? one.id : -1, resourcesOf(one)]),
  );
}

function singleValue(node: LeshanNode | undefined): unknown {
  if (node?.kind !== 'singleResource') throw new Error(`a single resource, not ${JSON.stringify(node)}`);
  return node.value;
}

const whole = (id: number, value: number): LeshanNode => ({
  kind: 'singleResource',
  id,
  type: 'INTEGER',
  value: String(value),
});
const float = (id: number, value: number): LeshanNode => ({
  kind: 'singleResource',
  id,
  type: 'FLOAT',
  value,
});

describe.skipIf(!leshanAvailable())(`Leshan (else: ${leshanInstallLine})`, () => {
  let leshan: LeshanServer;
  let site: Site;
  let simulation: Simulation;
  let gateway: RunningGateway;
  let events: LeshanEvents;

  const startAgainst = async (representation: 'gateway' | 'endpoints'): Promise<void> => {
    const servers = [`{ uri: "coap://127.0.0.1:${leshan.coapPort}", lifetime: 5m }`];
    site = await openSite();
    simulation = await site.simulate(meterConfig({ servers }));
    setReadings(simulation);
    events = await leshan.events();
    const field = simulation.connection;
    // The total power of the second meter is read once, so that its time is not that of the others.
    const overrides = { 'meter-2': '{ points: { p: { poll: once } } }' };
    gateway = await site.start(meterConfig({ servers, representation, field, overrides }));
  };

  const clientOf = (endpoint: string) =>
    eventually(async () => (await leshan.clients()).find((client) => client.endpoint === endpoint));

  beforeAll(async () => {
    leshan = await startLeshan({ objects: definitions });
  });
  afterAll(() => leshan?.stop());

  describe('one client with prefixes', () => {
    beforeAll(() => startAgainst('gateway'));
    afterAll(() => site?.close());

    test('G-03 4.12 to 1.2 is answered with a Register of 1.1, with the devices of Object 25', async () => {
      const client = await clientOf(ENDPOINT);
      expect(client).toMatchObject({
        lwM2mVersion: '1.1',
        lifetime: 300,
        bindingMode: '[U]',
        queueMode: false,
      });
      expect(gateway.plan.config.upstream.servers[0]?.release).toBe('1.2');
      expect(client.objectLinks).toMatch(/<\/25>;ver=2\.0,<\/25\/0>,<\/25\/1>$/);
      expect(client.instances).toEqual(['/1/0', '/3/0', '/4/0', '/7/0', '/20/0', '/25/0', '/25/1']);
    });

    test.each(STRUCTURED)('G-05, G-06 /25 with %s has every device once', async (format) => {
      const { code, content } = await leshan.read(ENDPOINT, '/25', accepting(format));
      expect(code).toBe('2.05');
      const objects =
        '</3>;ver=1.2,</3/0>,</3308>;ver=1.1,</3308/0>,</3331>;ver=1.1,</3331/0>,</3331/1>,</10242/0>';
      expect(instancesOf(content)).toEqual(
        Object.fromEntries(
          gateway
            .status()
            .devices.map(({ deviceId, prefix }, at) => [at, { 0: deviceId, 1: prefix, 3: objects }]),
        ),
      );
    });

    test.each(SINGLE)('a single resource of the gateway with %s', async (format) => {
      const { code, content } = await leshan.read(ENDPOINT, '/1/0/1', accepting(format));
      expect([code, String(singleValue(content))]).toEqual(['2.05', '300']);
    });

    test('the Device object of the gateway itself', async () => {
      const { content } = await leshan.read(ENDPOINT, '/3/0', { format: 'TLV' });
      expect(resourcesOf(content)).toMatchObject({
        0: 'lwm2m-gateway',
        2: ENDPOINT,
        11: { 0: '0' },
        16: 'UT',
      });
    });

    test('Discover of /25', async () => {
      const { objectLinks } = await leshan.discover(ENDPOINT, '/25');
      expect(objectLinks).toBe(
        '</25>;ver=2.0,</25/0>,</25/0/0>,</25/0/1>,</25/0/3>,</25/1>,</25/1/0>,</25/1/1>,</25/1/3>',
      );
    });

    test('Execute of /1/0/8 brings an Update', async () => {
      expect((await leshan.execute(ENDPOINT, '/1/0/8')).code).toBe('2.04');
      const { registration } = await events.next('UPDATED', 3000);
      expect(registration.endpoint).toBe(ENDPOINT);
    });

    test('what cannot be written, executed, created or deleted is 4.05', async () => {
      const text: LeshanNode = { kind: 'singleResource', id: 1, type: 'STRING', value: 'x' };
      expect((await leshan.write(ENDPOINT, '/25/0/1', text)).code).toBe('4.05');
      expect((await leshan.execute(ENDPOINT, '/3/0/13')).code).toBe('4.05');
      expect((await leshan.delete(ENDPOINT, '/25/0')).code).toBe('4.05');
      expect((await leshan.create(ENDPOINT, 25, { kind: 'instance', id: 7, resources: [] })).code).toBe(
        '4.05',
      );
    });

    test('pmax brings a notification of a value that nothing announces', async () => {
      expect((await leshan.writeAttributes(ENDPOINT, '/3/0/13', 'pmin=0&pmax=1')).code).toBe('2.04');
      expect((await leshan.discover(ENDPOINT, '/3/0/13')).objectLinks).toContain('pmax=1');
      const first = await leshan.observe(ENDPOINT, '/3/0/13');
      const next = await events.next('NOTIFICATION', 3000);
      expect(next).toMatchObject({ ep: ENDPOINT, res: '/3/0/13', code: '2.05' });
      if (next.kind !== 'single') throw new Error('not a single resource');
      expect(Number(singleValue(next.content)) - Number(singleValue(first.content))).toBeOneOf([1000, 2000]);
      expect((await leshan.cancelObserve(ENDPOINT, '/3/0/13')).code).toBe('2.05');
      expect(gateway.status().servers[0]?.observations).toBe(0);
    });

    test('a lifetime that is written is told with an Update, and kept', async () => {
      expect((await leshan.write(ENDPOINT, '/1/0/1', whole(1, 2))).code).toBe('2.04');
      const { registration } = await events.next('UPDATED', 3000);
      expect(registration.lifetime).toBe(2);
      // The next one comes by itself, before the lifetime is over.
      await events.next('UPDATED', 2000);
    });

    test('a server that starts anew and knows nobody has the gateway back by itself', async () => {
      const { coapPort } = leshan;
      await leshan.stop();
      leshan = await startLeshan({ objects: definitions, coapPort });
      events = await leshan.events();
      const client = await eventually(async () => (await leshan.clients())[0], 15_000);
      expect(client).toMatchObject({ endpoint: ENDPOINT, lwM2mVersion: '1.1', lifetime: 2 });
      expect((await leshan.read(ENDPOINT, '/25')).code).toBe('2.05');
    });

    test('the end of the gateway is told', async () => {
      await gateway.stop();
      const gone = await events.next('DEREGISTRATION', 3000);
      expect(gone).toMatchObject({ endpoint: ENDPOINT, expired: false });
      expect(await leshan.clients()).toEqual([]);
    });
  });

  describe('one client per meter', () => {
    beforeAll(async () => {
      await startAgainst('endpoints');
      for (const meter of METERS) await clientOf(meter);
    });
    afterAll(() => site?.close());

    test('every meter is a client of its own, with its objects', async () => {
      const clients = await leshan.clients();
      expect(clients.map(({ endpoint }) => endpoint).sort()).toEqual([...METERS]);
      for (const client of clients) {
        expect(client.lwM2mVersion).toBe('1.1');
        expect(client.instances).toEqual(['/1/0', '/3/0', '/3308/0', '/3331/0', '/3331/1', '/10242/0']);
      }
      expect(new Set(clients.map(({ address }) => address)).size).toBe(METERS.length);
    });

    test.each(STRUCTURED)(
      '10242 with %s: each value of each meter in the unit of the registry',
      async (format) => {
        for (const meter of METERS) {
          const { code, content } = await leshan.read(meter, '/10242/0', accepting(format));
          expect(code).toBe('2.05');
          expect(resourcesOf(content)).toEqual({
            0: 'Eastron',
            1: 'SDM630-Modbus V2',
            ...shownBy(simulation, meter),
          });
        }
      },
    );

    test.each(SINGLE)('one resource with %s', async (format) => {
      const { code, content } = await leshan.read('meter-2', '/10242/0/34', accepting(format));
      expect([code, singleValue(content)]).toEqual(['2.05', 3.6015]);
    });

    test('an answer tells the time of its values in a form that Leshan takes: it refuses several', async () => {
      const before = Date.now();
      const { at = 0 } = await leshan.read(METER, '/10242/0', { format: 'SENML_JSON' });
      expect(at).toBeGreaterThan(before - 1000);
      expect(at).toBeLessThanOrEqual(Date.now());
      const mixed = await leshan.read('meter-2', '/10242/0', { format: 'SENML_JSON' });
      expect(mixed.code).toBe('2.05');
    });

    test('what a meter does not have is 4.04, and what cannot be said in a format 4.06', async () => {
      expect((await leshan.read(METER, '/10242/1')).code).toBe('4.04');
      expect((await leshan.read(METER, '/10242/0/12')).code).toBe('4.04');
      expect((await leshan.read(METER, '/10242/0', { format: 'TEXT' })).code).toBe('4.06');
    });

    test('a notification follows the meter, of a resource and of an instance', async () => {
      expect((await leshan.observe(METER, '/10242/0/34')).code).toBe('2.05');
      expect((await leshan.observe(METER, '/10242/0', { format: 'SENML_CBOR' })).code).toBe('2.05');
      simulation.set(METER, 'p', -812.25);
      const resource = await events.next('NOTIFICATION', 3000, ({ kind, ...one }) =>
        kind === 'single' && 'res' in one ? one.res === '/10242/0/34' : false,
      );
      expect(resource.kind === 'single' && singleValue(resource.content)).toBe(-0.812_25);
      simulation.set(METER, 'v2', 231.75);
      const instance = await events.next('NOTIFICATION', 3000, (one) =>
        one.kind === 'single' && one.res === '/10242/0' ? resourcesOf(one.content)[14] === 231.75 : false,
      );
      expect(instance.kind === 'single' && measuredIn(instance.content)).toEqual({
        0: 'Eastron',
        1: 'SDM630-Modbus V2',
        ...shownBy(simulation, METER),
      });
      expect((await leshan.cancelObserve(METER, '/10242/0/34')).code).toBe('2.05');
    });

    test('a notification is whole, though its values were read at different times', async () => {
      expect((await leshan.observe('meter-2', '/10242/0', { format: 'SENML_JSON' })).code).toBe('2.05');
      simulation.set('meter-2', 'v2', 233.25);
      const instance = await events.next('NOTIFICATION', 3000, ({ ep }) => ep === 'meter-2');
      expect(instance.kind === 'single' && measuredIn(instance.content)).toEqual({
        0: 'Eastron',
        1: 'SDM630-Modbus V2',
        ...shownBy(simulation, 'meter-2'),
      });
      expect((await leshan.cancelObserve('meter-2', '/10242/0')).code).toBe('2.05');
    });

    test('an observation that the server forgot ends at its next notification', async () => {
      const observations = (): number =>
        gateway.status().servers.find(({ endpoint }) => endpoint === METER)?.observations ?? -1;
      expect(observations()).toBe(1);
      await leshan.forgetObserve(METER, '/10242/0');
      simulation.set(METER, 'v3', 232.75);
      await eventually(() => observations() === 0);
    });

    test('pmin and pmax that are written pace notifications', async () => {
      expect((await leshan.writeAttributes('meter-2', '/10242/0/4', 'pmin=1&pmax=2')).code).toBe('2.04');
      await leshan.observe('meter-2', '/10242/0/4');
      const times = [performance.now()];
      let step = 0;
      const moving = setInterval(() => simulation.set('meter-2', 'v1', 229 + (++step % 8) / 4), 100);
      const heard = async (): Promise<void> => {
        await events.next('NOTIFICATION', 4000, (one) => one.ep === 'meter-2');
        times.push(performance.now());
      };
      await heard();
      await heard();
      clearInterval(moving);
      // What changed last may still wait for pmin; after that only pmax can bring one.
      await heard();
      await heard();
      const gaps = times.slice(1).map((time, at) => (time - (times[at] ?? 0)) / 1000);
      for (const gap of gaps) expect(gap).toBeGreaterThan(0.9);
      for (const gap of gaps) expect(gap).toBeLessThan(2.6);
      expect(gaps[0]).toBeLessThan(1.6);
      expect(gaps[3]).toBeGreaterThan(1.8);
      expect((await leshan.cancelObserve('meter-2', '/10242/0/4')).code).toBe('2.05');
    });

    test('a set point that the meter does not take is 4.00, and the register keeps its value', async () => {
      expect((await leshan.write(METER, '/3308/0/5900', float(5900, 700))).code).toBe('4.00');
      expect(simulation.get(METER, 'demandPeriod')).toBe(15);
    });

    test('a set point reaches the register, in the unit of the register', async () => {
      expect((await leshan.write(METER, '/3308/0/5900', float(5900, 1800))).code).toBe('2.04');
      expect(simulation.get(METER, 'demandPeriod')).toBe(30);
      expect(simulation.get('meter-2', 'demandPeriod')).toBe(15);
      expect(singleValue((await leshan.read(METER, '/3308/0/5900')).content)).toBe(1800);
      // The profile spares the memory of the meter.
      expect((await leshan.write(METER, '/3308/0/5900', float(5900, 900))).code).toBe('5.03');
      expect(simulation.get(METER, 'demandPeriod')).toBe(30);
    });

    test('a set point within a write of its instance', async () => {
      expect(
        (
          await leshan.write(
            'meter-2',
            '/3308/0',
            { kind: 'instance', id: 0, resources: [float(5900, 600)] },
            {
              format: 'SENML_JSON',
              replace: false,
            },
          )
        ).code,
      ).toBe('2.04');
      expect(simulation.get('meter-2', 'demandPeriod')).toBe(10);
    });

    test('energies of both directions, once a second reading has confirmed the first', async () => {
      await eventually(async () => (await leshan.read('meter-2', `/10242/0/${IMPORTED}`)).success, 15_000);
      const { content } = await leshan.read('meter-2', '/3331', { format: 'SENML_CBOR' });
      expect(instancesOf(content)).toMatchObject({
        0: { 5700: 13_345_500, 5701: 'Wh', 5750: 'import' },
        1: { 5700: 1_067_250, 5701: 'Wh', 5750: 'export' },
      });
      const { content: meter } = await leshan.read('meter-2', '/10242/0', { format: 'TLV' });
      expect(resourcesOf(meter)[IMPORTED]).toBe(13_345.5);
    });

    test('every meter says that it leaves', async () => {
      await gateway.stop();
      expect(await leshan.clients()).toEqual([]);
    });
  });
});
