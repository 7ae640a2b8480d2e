import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ObjectDefinition, omaRegistry } from '../../src/model/index.ts';
import {
  type LeshanEvents,
  type LeshanNode,
  type LeshanOptions,
  type LeshanServer,
  leshanAvailable,
  leshanInstallLine,
  startLeshan,
} from '../peers/leshan.ts';
import { SENSOR, sensors } from '../support/sensors.ts';
import { openSite, type RunningGateway, type Site } from '../support/site.ts';

/** What Leshan can do with the gateway's own objects beyond reading them, and how it takes its comings and goings. */

const ENDPOINT = 'urn:dev:ops:gateway-1';
const PORTFOLIO = 16;

const definitions = (
  [
    [1, '1.2'],
    [3, '1.2'],
    [PORTFOLIO, '1.0'],
    [25, '2.0'],
  ] as const
).map(([id, version]): ObjectDefinition => {
  const found = omaRegistry().find(id, version);
  if (found === undefined) throw new Error(`no object ${id}`);
  return found;
});

const whole = (id: number, value: number): LeshanNode => ({
  kind: 'singleResource',
  id,
  type: 'INTEGER',
  value: String(value),
});
const identities = (instance: number, values: Record<string, string>): LeshanNode => ({
  kind: 'instance',
  id: instance,
  resources: [{ kind: 'multiResource', id: 0, type: 'STRING', values }],
});

describe.skipIf(!leshanAvailable())(`Leshan (else: ${leshanInstallLine})`, () => {
  let leshan: LeshanServer;
  let site: Site;
  let gateway: RunningGateway;
  let events: LeshanEvents;

  const begin = async (options: LeshanOptions, server: string): Promise<void> => {
    leshan = await startLeshan({ objects: definitions, ...options });
    events = await leshan.events();
    site = await openSite();
    await site.write('profiles/sensor.yaml', SENSOR);
    gateway = await site.start(`upstream:
  endpoint: "${ENDPOINT}"
  storedObjects: [ ${PORTFOLIO} ]
  servers: [ { uri: "coap://127.0.0.1:${leshan.coapPort}", ${server} } ]
${sensors('id: t, prefix: d01')}`);
    await events.next('REGISTRATION', 15_000);
  };
  const end = async (): Promise<void> => {
    await site?.close();
    await leshan?.stop();
  };
  const client = async () => (await leshan.clients()).find(({ endpoint }) => endpoint === ENDPOINT);

  describe('operations', () => {
    beforeAll(() => begin({}, 'lifetime: 5m, send: true'));
    afterAll(end);

    test.each(['SENML_JSON', 'SENML_CBOR'] as const)(
      'Read-Composite with %s gives what there is, and nothing for the rest',
      async (format) => {
        const paths = ['/3/0/0', '/1/0/1', '/3/0/99'];
        const { code, content } = await leshan.readComposite(ENDPOINT, paths, { format });
        expect(code).toBe('2.05');
        expect(content).toMatchObject({ '/3/0/0': { value: 'lwm2m-gateway' }, '/1/0/1': { value: '300' } });
        expect(content?.['/3/0/99'] ?? null).toBeNull();
      },
    );

    test('Write-Composite changes all, or nothing', async () => {
      const code = async (nodes: Record<string, LeshanNode>) =>
        (await leshan.writeComposite(ENDPOINT, nodes)).code;
      const lifetime = async () => (await leshan.read(ENDPOINT, '/1/0/1')).content;
      expect(await code({ '/1/0/1': whole(1, 400), '/1/0/5': whole(5, 77) })).toBe('2.04');
      await events.next('UPDATED', 3000, ({ registration }) => registration.lifetime === 400);
      expect(await code({ '/1/0/1': whole(1, 500), '/1/0/0': whole(0, 9) })).toBe('4.05');
      expect(await lifetime()).toMatchObject({ value: '400' });
    });

    test('Observe-Composite tells all of its paths when one of them changes', async () => {
      const paths = ['/1/0/5', '/3/0/0'];
      const first = await leshan.observeComposite(ENDPOINT, paths, { format: 'SENML_CBOR' });
      expect(first.code).toBe('2.05');
      expect((await leshan.write(ENDPOINT, '/1/0/5', whole(5, 78))).code).toBe('2.04');
      const told = await events.next('NOTIFICATION', 3000, ({ kind }) => kind === 'composite');
      expect(told).toMatchObject({
        ep: ENDPOINT,
        content: { '/1/0/5': { value: '78' }, '/3/0/0': { value: 'lwm2m-gateway' } },
      });
    });

    test('Create makes an instance that an Update announces, Write changes it, Delete takes it away', async () => {
      const made = await leshan.create(ENDPOINT, PORTFOLIO, identities(3, { 0: 'host', 2: 'vendor' }));
      expect(made.code).toBe('2.01');
      const { registration } = await events.next('UPDATED', 3000);
      expect(registration.instances).toContain(`/${PORTFOLIO}/3`);
      const read = async () => (await leshan.read(ENDPOINT, `/${PORTFOLIO}/3/0`, { format: 'TLV' })).content;
      expect(await read()).toMatchObject({ values: { 0: 'host', 2: 'vendor' } });
      const replaced = await leshan.write(ENDPOINT, `/${PORTFOLIO}/3`, identities(3, { 1: 'other' }));
      expect(replaced.code).toBe('2.04');
      expect(await read()).toMatchObject({ values: { 1: 'other' } });
      expect((await leshan.create(ENDPOINT, PORTFOLIO, identities(3, { 0: 'again' }))).code).toBe('4.00');
      expect((await leshan.delete(ENDPOINT, `/${PORTFOLIO}/3`)).code).toBe('2.02');
      const after = await events.next('UPDATED', 3000);
      expect(after.registration.instances).not.toContain(`/${PORTFOLIO}/3`);
    });

    test('Send brings values that were not asked for, with their time', async () => {
      const sent = await gateway.send(['/3/0/0', '/1/0/1']);
      expect(sent).toMatchObject([{ result: { status: 'sent' } }]);
      const { history } = await events.next('SEND', 3000);
      expect(history.flatMap(({ content }) => Object.keys(content)).sort()).toEqual(['/1/0/1', '/3/0/0']);
    });

    test('Disable (1/x/4) is a farewell, and a return after the time that the server has set', async () => {
      expect((await leshan.write(ENDPOINT, '/1/0/5', whole(5, 1))).code).toBe('2.04');
      expect((await leshan.execute(ENDPOINT, '/1/0/4')).code).toBe('2.04');
      expect(await events.next('DEREGISTRATION', 3000)).toMatchObject({ endpoint: ENDPOINT, expired: false });
      expect(await client()).toBeUndefined();
      expect((await events.next('REGISTRATION', 5000)).endpoint).toBe(ENDPOINT);
    });
  });

  describe('presence', () => {
    afterEach(end);

    test('queue mode: Leshan knows it from Register, holds back, and asks again after the next Update', async () => {
      await begin({ awakeMs: 300 }, 'lifetime: 5m, queueMode: true');
      expect(await client()).toMatchObject({ queueMode: true });
      const read = async () => (await leshan.read(ENDPOINT, '/1/0/1')).code;
      await events.next('SLEEPING', 3000);
      await expect(read()).rejects.toThrow(/sleep/i);
      gateway.update();
      await events.next('AWAKE', 3000);
      expect(await read()).toBe('2.05');
    });

    test('a lifetime that ran out while nothing could be said is made good with a new registration', async () => {
      await begin({ cleanS: 1 }, 'lifetime: 5m');
      const { registrationId } = (await client()) ?? {};
      expect((await leshan.write(ENDPOINT, '/1/0/1', whole(1, 1))).code).toBe('2.04');
      await events.next('UPDATED', 3000, ({ registration }) => registration.lifetime === 1);
      gateway.setOffline(true);
      expect(await events.next('DEREGISTRATION', 8000)).toMatchObject({ endpoint: ENDPOINT, expired: true });
      gateway.setOffline(false);
      const anew = await events.next('REGISTRATION', 5000);
      expect(anew.registrationId).not.toBe(registrationId);
      expect((await leshan.read(ENDPOINT, '/25')).code).toBe('2.05');
    });
  });
});
