import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Aiocoap, aiocoapAvailable, aiocoapInstallLine, startAiocoap } from '../peers/aiocoap.ts';
import { freeUdpPort, isOnPath, type Running, run, start } from '../peers/process.ts';
import { body, closeAfterEach, HOST, ourClient, ourServer, text, until } from './ends.ts';
import { testLibcoapServer } from './libcoap-server.ts';

/** libcoap over TCP and TLS, aiocoap over TCP, each in both roles (RFC 8323). */

const CLIENT = 'coap-client-openssl';
const SERVER = 'coap-server-openssl';
const INSTALL = 'apt-get install libcoap3-bin';
const KEY = 'a shared secret!';
const IDENTITY = 'gateway';
const MEGABYTE = body(1 << 20);

closeAfterEach();

const CARRIERS = [
  { scheme: 'coap+tcp', here: { carrier: 'tcp' }, there: { carrier: 'tcp' }, args: [] },
  {
    scheme: 'coaps+tcp',
    here: {
      carrier: 'tcp',
      security: { keyOf: (name: string) => (name === IDENTITY ? Buffer.from(KEY) : undefined) },
    },
    there: { carrier: 'tcp', security: { psk: { identity: IDENTITY, key: Buffer.from(KEY) } } },
    args: ['-k', KEY, '-u', IDENTITY],
  },
] as const;

const [TCP] = CARRIERS;

describe.skipIf(!isOnPath(CLIENT)).each(CARRIERS)(
  `libcoap asks our server over $scheme (else: ${INSTALL})`,
  ({ scheme, here, args }) => {
    const folder = mkdtempSync(join(tmpdir(), 'coap-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    async function asked() {
      const server = await ourServer({}, here);
      const ask = async (path: string, ...more: string[]): Promise<string> => {
        const uri = `${scheme}://${HOST}:${server.port}/${path}`;
        const { stdout, stderr } = await run(CLIENT, ['-B', '10', ...args, ...more, uri], {
          deadlineMs: 15_000,
        });
        return stdout + stderr;
      };
      return { ...server, ask };
    }

    test('GET, a slow one, and a path that is not there', async () => {
      const { ask } = await asked();
      expect(await ask('clock', '-m', 'get')).toContain('tick 0');
      expect(await ask('slow', '-m', 'get')).toContain('late');
      expect(await ask('nothing', '-m', 'get')).toContain('4.04');
    });

    test('PUT of 1 MB, and GET of the same', async () => {
      const { ask, served } = await asked();
      const file = join(folder, 'megabyte');
      writeFileSync(file, MEGABYTE);
      await ask('store', '-m', 'put', '-f', file);
      expect((await ask('store', '-m', 'get')).trim() === MEGABYTE).toBe(true);
      expect(served.map(({ method, payload }) => [method, payload.length])).toEqual([
        ['PUT', MEGABYTE.length],
        ['GET', 0],
      ]);
    });

    test('FETCH with a payload', async () => {
      const { ask, served } = await asked();
      expect(await ask('echo', '-m', 'fetch', '-t', '60', '-e', 'which')).toContain('which');
      expect(served.map(({ method, contentFormat }) => [method, contentFormat])).toEqual([['FETCH', 60]]);
    });

    test('observes, also what is large, and says good-bye', async () => {
      const { ask, observations, ends, endpoint } = await asked();
      const heard = ask('clock', '-m', 'get', '-s', '1');
      await until(() => observations.length > 0);
      for (const payload of ['tick 1 ', 'tick 2 ', body(3000)]) {
        observations[0]?.notify({ code: '2.05', payload: Buffer.from(payload) }, { confirmable: true });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(await heard).toContain(`tick 0 tick 1 tick 2 ${body(3000)}`);
      await until(() => ends.length > 0 && endpoint.statistics().peers === 0);
      expect(ends).toEqual(['deregistered']);
    });
  },
);

describe.skipIf(!isOnPath(SERVER)).each(CARRIERS)(
  `our client asks libcoap over $scheme (else: ${INSTALL})`,
  ({ scheme, there }) => {
    let server: Running;
    let port: number;
    beforeAll(async () => {
      const base = await freeUdpPort();
      const args = ['-v', '7', '-A', HOST, '-p', `${base}`, '-d', '10', '-k', KEY, '-h', 'hint'];
      server = await start(SERVER, args, { ready: /created TLS/, deadlineMs: 10_000 });
      port = scheme === 'coap+tcp' ? base : base + 1;
    });
    afterAll(() => server.stop());

    testLibcoapServer(() => ourClient(port, {}, there));

    test('PUT of 1 MB, and GET of the same', async () => {
      const { endpoint, peer } = await ourClient(port, {}, there);
      const path = ['example_data'];
      const payload = Buffer.from(MEGABYTE);
      const put = await endpoint.request(peer, { method: 'PUT', path, contentFormat: 42, payload });
      expect(put.code).toMatch(/^2\.0[14]$/);
      const got = await endpoint.request(peer, { method: 'GET', path });
      expect(text(got.payload) === MEGABYTE).toBe(true);
    });
  },
);

describe.skipIf(!aiocoapAvailable())(`aiocoap over coap+tcp (${aiocoapInstallLine})`, () => {
  let aiocoap: Aiocoap;
  beforeAll(async () => {
    aiocoap = await startAiocoap();
  });
  afterAll(() => aiocoap.stop());

  test('asks our server: GET, PUT and GET of 1 MB, and observes', async () => {
    const { port, served, observations } = await ourServer({}, TCP.here);
    const uri = (path: string): string => `coap+tcp://${HOST}:${port}/${path}`;
    expect(await aiocoap.request({ uri: uri('slow') })).toEqual({ code: '2.05', payload: 'late' });
    const put = await aiocoap.request({ uri: uri('store'), method: 'PUT', payload: MEGABYTE });
    expect(put.code).toBe('2.04');
    expect((await aiocoap.request({ uri: uri('store') })).payload === MEGABYTE).toBe(true);
    expect(served.map(({ method }) => method)).toEqual(['GET', 'PUT', 'GET']);
    expect((await aiocoap.observe({ uri: uri('clock') })).payload).toBe('tick 0 ');
    observations[0]?.notify({ code: '2.05', payload: Buffer.from('one') }, { confirmable: false });
    expect(await aiocoap.notifications(1)).toEqual(['one']);
  });

  test('is asked by our client: ping, PUT and GET of 1 MB, and observed', async () => {
    const { endpoint, peer } = await ourClient(aiocoap.port, {}, TCP.there);
    const path = ['store'];
    await endpoint.ping(peer);
    const put = await endpoint.request(peer, { method: 'PUT', path, payload: Buffer.from(MEGABYTE) });
    expect(put.code).toBe('2.04');
    const { payload } = await endpoint.request(peer, { method: 'GET', path });
    expect(text(payload) === MEGABYTE).toBe(true);
    // Observed, it answers in one message however large that is.
    await endpoint.request(peer, { method: 'PUT', path, payload: Buffer.from('first') });
    const heard: string[] = [];
    const observation = await endpoint.observe(peer, { method: 'GET', path }, (state) =>
      heard.push(text(state.payload)),
    );
    await endpoint.request(peer, { method: 'PUT', path, payload: Buffer.from('next') });
    await until(() => heard.includes('next'));
    await observation.cancel();
  });
});
