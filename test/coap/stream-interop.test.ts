import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import {
  type CoapAnswer,
  type CoapRequest,
  type CoapResponse,
  createEndpoint,
  type ServerObservation,
} from '../../src/coap/index.ts';
import { openTcpClient, openTcpServer } from '../../src/transport/index.ts';
import { freeUdpPort, isOnPath, type Running, run, start } from '../peers/process.ts';
import { text } from './lockstep.ts';

/** libcoap over TCP and TLS, in both roles (RFC 8323). */

const HOST = '127.0.0.1';
const CLIENT = 'coap-client-openssl';
const SERVER = 'coap-server-openssl';
const INSTALL = 'apt-get install libcoap3-bin';
const KEY = 'a shared secret!';
const IDENTITY = 'gateway';

const body = (length: number): string =>
  'abcdefghijklmnopqrstuvwxyz'.repeat(length / 26 + 1).slice(0, length);
const MEGABYTE = body(1 << 20);

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.close();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const CARRIERS = [
  { scheme: 'coap+tcp', security: {}, args: [] },
  {
    scheme: 'coaps+tcp',
    security: { security: { keyOf: (name: string) => (name === IDENTITY ? Buffer.from(KEY) : undefined) } },
    args: ['-k', KEY, '-u', IDENTITY],
  },
] as const;

describe.skipIf(!isOnPath(CLIENT)).each(CARRIERS)(
  `libcoap asks our server over $scheme (else: ${INSTALL})`,
  ({ scheme, security, args }) => {
    const folder = mkdtempSync(join(tmpdir(), 'coap-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    async function ourServer() {
      const served: CoapRequest[] = [];
      const observations: ServerObservation[] = [];
      const ends: string[] = [];
      const answers: Readonly<Record<string, (request: CoapRequest) => CoapResponse>> = {
        large: () => ({ code: '2.05', contentFormat: 0, payload: Buffer.from(MEGABYTE) }),
        echo: ({ method, payload }) => ({ code: method === 'FETCH' ? '2.05' : '2.04', payload }),
        take: () => ({ code: '2.04' }),
        clock: () => ({
          code: '2.05',
          payload: Buffer.from('tick 0 '),
          onObserve: (observation) => {
            observations.push(observation);
            observation.onEnd = (reason) => ends.push(reason);
          },
        }),
      };
      const transport = await openTcpServer({ host: HOST, port: 0, ...security });
      const endpoint = createEndpoint({
        transport,
        clock: systemClock,
        random: Math.random,
        handler: (request) => {
          served.push(request);
          return answers[request.path[0] ?? '']?.(request) ?? { code: '4.04' };
        },
      });
      open.push(endpoint);
      const ask = async (path: string, ...more: string[]): Promise<string> => {
        const uri = `${scheme}://${HOST}:${transport.localPort}/${path}`;
        const { stdout, stderr } = await run(CLIENT, ['-B', '10', ...args, ...more, uri], {
          deadlineMs: 15_000,
        });
        return stdout + stderr;
      };
      return { endpoint, served, observations, ends, ask };
    }

    test('GET, and a path that is not there', async () => {
      const { ask } = await ourServer();
      expect(await ask('clock', '-m', 'get')).toContain('tick 0');
      expect(await ask('nothing', '-m', 'get')).toContain('4.04');
    });

    test('GET of 1 MB', async () => {
      const { ask, served } = await ourServer();
      expect((await ask('large', '-m', 'get')).trim()).toBe(MEGABYTE);
      expect(served).toHaveLength(1);
    });

    test('PUT of 1 MB', async () => {
      const { ask, served } = await ourServer();
      const file = join(folder, 'megabyte');
      writeFileSync(file, MEGABYTE);
      await ask('take', '-m', 'put', '-f', file);
      expect(served.map(({ payload }) => text(payload) === MEGABYTE)).toEqual([true]);
    });

    test('FETCH with a payload', async () => {
      const { ask, served } = await ourServer();
      expect(await ask('echo', '-m', 'fetch', '-t', '60', '-e', 'which')).toContain('which');
      expect(served.map(({ method, contentFormat }) => [method, contentFormat])).toEqual([['FETCH', 60]]);
    });

    test('observes, also what is large, and says good-bye', async () => {
      const { ask, observations, ends, endpoint } = await ourServer();
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
  ({ scheme }) => {
    let server: Running;
    let port: number;
    beforeAll(async () => {
      const base = await freeUdpPort();
      server = await start(
        SERVER,
        ['-v', '7', '-A', HOST, '-p', `${base}`, '-d', '10', '-k', KEY, '-h', 'hint'],
        {
          ready: /created TLS/,
          deadlineMs: 10_000,
        },
      );
      port = scheme === 'coap+tcp' ? base : base + 1;
    });
    afterAll(() => server.stop());

    async function ourClient() {
      const psk = { identity: IDENTITY, key: Buffer.from(KEY) };
      const { transport, peer } = await openTcpClient({
        host: HOST,
        port,
        ...(scheme === 'coaps+tcp' && { security: { psk } }),
      });
      const endpoint = createEndpoint({
        transport,
        clock: systemClock,
        random: Math.random,
        handler: () => ({ code: '4.04' }),
      });
      open.push(endpoint);
      return { endpoint, peer };
    }

    test('ping, GET, and a path that is not there', async () => {
      const { endpoint, peer } = await ourClient();
      await endpoint.ping(peer);
      const { code, contentFormat, payload } = await endpoint.request(peer, {
        method: 'GET',
        path: ['.well-known', 'core'],
      });
      expect([code, contentFormat]).toEqual(['2.05', 40]);
      expect(text(payload)).toContain('</time>');
      expect((await endpoint.request(peer, { method: 'GET', path: ['nothing'] })).code).toBe('4.04');
    });

    test('PUT of 1 MB, and GET of the same', async () => {
      const { endpoint, peer } = await ourClient();
      const path = ['example_data'];
      const put = await endpoint.request(peer, {
        method: 'PUT',
        path,
        contentFormat: 42,
        payload: Buffer.from(MEGABYTE),
      });
      expect(put.code).toMatch(/^2\.0[14]$/);
      const { payload } = await endpoint.request(peer, { method: 'GET', path });
      expect(text(payload) === MEGABYTE).toBe(true);
    });

    test('observes the clock, and stops', async () => {
      const { endpoint, peer } = await ourClient();
      const heard: CoapAnswer[] = [];
      const observation = await endpoint.observe(peer, { method: 'GET', path: ['time'] }, (state) =>
        heard.push(state),
      );
      expect(observation.isObserving).toBe(true);
      await until(() => heard.length >= 2);
      await observation.cancel();
      expect(endpoint.statistics().expected).toBe(0);
    });
  },
);
