import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LeshanServer, leshanAvailable, leshanInstallLine, startLeshan } from '../peers/leshan.ts';
import {
  type LeshanBootstrapServer,
  leshanBootstrapAvailable,
  leshanBootstrapInstallLine,
  startLeshanBootstrap,
} from '../peers/leshan-bs.ts';
import { SENSOR, sensors } from '../support/sensors.ts';
import { eventually, openSite, type RunningGateway, type Site } from '../support/site.ts';

/** A box that knows nothing but Leshan's Bootstrap-Server becomes a client of Leshan's LwM2M server. */

const isAvailable = leshanAvailable() && leshanBootstrapAvailable();
const installLine = `${leshanInstallLine}; ${leshanBootstrapInstallLine}`;
const ENDPOINT = 'urn:dev:ops:gateway-1';

describe.skipIf(!isAvailable)(`Leshan's Bootstrap-Server (else: ${installLine})`, () => {
  let leshan: LeshanServer;
  let bootstrapServer: LeshanBootstrapServer;
  let site: Site;
  let gateway: RunningGateway;

  const config = (): string => `upstream:
  endpoint: "${ENDPOINT}"
  bootstrap: { uri: "coap://127.0.0.1:${bootstrapServer.port}" }
${sensors('id: t, prefix: d01')}`;
  const client = () => eventually(async () => (await leshan.clients())[0], 15_000);
  const begun = (): number => bootstrapServer.output().split(`begun ${ENDPOINT}`).length - 1;

  beforeAll(async () => {
    leshan = await startLeshan();
    bootstrapServer = await startLeshanBootstrap({
      endpoint: ENDPOINT,
      servers: [{ id: 7, uri: `coap://127.0.0.1:${leshan.coapPort}`, lifetime: 240 }],
      delete: ['/0', '/1'],
    });
    site = await openSite();
    await site.write('profiles/sensor.yaml', SENSOR);
    gateway = await site.start(config());
  }, 60_000);

  afterAll(async () => {
    await site?.close();
    await bootstrapServer?.stop();
    await leshan?.stop();
  });

  test('it discovers, deletes, writes and finishes, each with success, after refusing a Bootstrap-Pack', async () => {
    await bootstrapServer.waitFor(new RegExp(`^finished ${ENDPOINT}$`, 'm'), 15_000);
    const lines = bootstrapServer.output().split('\n');
    expect(lines.filter((line) => /^(failed|ended|unknown|refused)/.test(line))).toEqual([]);
    expect(lines.filter((line) => line.startsWith('done'))).toEqual([
      'done BootstrapDiscoverRequest / CONTENT(205)',
      'done BootstrapDeleteRequest /0 DELETED(202)',
      'done BootstrapDeleteRequest /1 DELETED(202)',
      'done BootstrapWriteRequest /0/0 CHANGED(204)',
      'done BootstrapWriteRequest /1/7 CHANGED(204)',
      'done BootstrapFinishRequest null CHANGED(204)',
    ]);
  });

  test('it then registers with the LwM2M server that it was told', async () => {
    expect(await client()).toMatchObject({ endpoint: ENDPOINT, lifetime: 240, lwM2mVersion: '1.1' });
    expect(gateway.status().servers).toMatchObject([{ server: 7, phase: 'registered', release: '1.1' }]);
    expect((await leshan.read(ENDPOINT, '/1/7/1', { format: 'TLV' })).code).toBe('2.05');
  });

  test('Execute of Bootstrap-Request Trigger (1/x/9) brings another bootstrap, and it stays registered', async () => {
    expect(begun()).toBe(1);
    expect((await leshan.execute(ENDPOINT, '/1/7/9')).code).toBe('2.04');
    await eventually(() => begun() === 2, 15_000);
    await eventually(() => bootstrapServer.output().split('finished').length === 3, 15_000);
    expect((await client()).endpoint).toBe(ENDPOINT);
    await eventually(async () => (await leshan.read(ENDPOINT, '/1/7/1')).code === '2.05');
  });

  test('what it was told outlives a restart without another bootstrap', async () => {
    await gateway.stop();
    await eventually(async () => (await leshan.clients()).length === 0);
    gateway = await site.start(config());
    expect((await client()).lifetime).toBe(240);
    expect(begun()).toBe(2);
  });
});
