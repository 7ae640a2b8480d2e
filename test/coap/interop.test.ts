import coap from 'coap';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import {
  type CoapAnswer,
  type CoapEndpoint,
  type CoapRequest,
  type CoapResponse,
  createEndpoint,
  type ServerObservation,
} from '../../src/coap/index.ts';
import { openUdpClient, openUdpServer, type Peer } from '../../src/transport/index.ts';
import { freeUdpPort, isOnPath, type Running, run, start } from '../peers/process.ts';

const HOST = '127.0.0.1';
const CLIENT = 'coap-client-notls';
const SERVER = 'coap-server-notls';
const INSTALL = 'apt-get install libcoap3-bin';

const body = (length: number): string =>
  'abcdefghijklmnopqrstuvwxyz'.repeat(length / 26 + 1).slice(0, length);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.close();
});

/** Our server: /large, /echo (what was sent, and by which method), /slow, /clock to observe. */
async function ourServer() {
  const served: CoapRequest[] = [];
  const observations: ServerObservation[] = [];
  const ends: string[] = [];
  const answers: Readonly<Record<string, (request: CoapRequest) => CoapResponse | Promise<CoapResponse>>> = {
    large: () => ({ code: '2.05', contentFormat: 0, payload: Buffer.from(body(20_000)) }),
    echo: ({ method, payload }) => ({ code: method === 'FETCH' ? '2.05' : '2.04', payload }),
    slow: () =>
      new Promise((resolve) =>
        setTimeout(() => resolve({ code: '2.05', payload: Buffer.from('late') }), 700),
      ),
    clock: () => ({
      code: '2.05',
      payload: Buffer.from('tick 0 '),
      onObserve: (observation) => {
        observations.push(observation);
        observation.onEnd = (reason) => ends.push(reason);
      },
    }),
  };
  const transport = await openUdpServer({ host: HOST, port: 0 });
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
  return { endpoint, served, observations, ends, port: transport.localPort };
}

async function ourClient(port: number): Promise<{ endpoint: CoapEndpoint; peer: Peer }> {
  const { transport, peer } = await openUdpClient({ host: HOST, port });
  const endpoint = createEndpoint({
    transport,
    clock: systemClock,
    random: Math.random,
    handler: () => ({ code: '4.04' }),
    // What comes while libcoap starts gets lost.
    parameters: { ackTimeoutMs: 200 },
  });
  open.push(endpoint);
  return { endpoint, peer };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe.skipIf(!isOnPath(CLIENT))(`libcoap asks our server (${INSTALL})`, () => {
  const ask = async (port: number, path: string, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(CLIENT, ['-B', '10', ...args, `coap://${HOST}:${port}/${path}`], {
      deadlineMs: 15_000,
    });
    return stdout + stderr;
  };

  test('GET, and a path that is not there', async () => {
    const { port } = await ourServer();
    expect(await ask(port, 'clock', '-m', 'get')).toContain('tick 0');
    expect(await ask(port, 'nothing', '-m', 'get')).toContain('4.04');
  });

  test.each([16, 256, 1024])('GET of 20 kB in blocks of %i bytes', async (size) => {
    const { port, served } = await ourServer();
    const got = await ask(port, 'large', '-m', 'get', '-b', String(size));
    expect(got.trim()).toBe(body(20_000));
    expect(served).toHaveLength(1);
  });

  test.each([64, 1024])('PUT of 20 kB in blocks of %i bytes, each with a token of its own', async (size) => {
    const { port, served } = await ourServer();
    await ask(port, 'echo', '-m', 'put', '-b', String(size), '-e', body(20_000));
    expect(served.map(({ payload }) => text(payload))).toEqual([body(20_000)]);
  });

  test('FETCH with a payload', async () => {
    const { port, served } = await ourServer();
    expect(await ask(port, 'echo', '-m', 'fetch', '-t', '60', '-e', 'which')).toContain('which');
    expect(served.map(({ method, contentFormat }) => [method, contentFormat])).toEqual([['FETCH', 60]]);
  });

  test('a slow answer, separate from its acknowledgement', async () => {
    const { port } = await ourServer();
    expect(await ask(port, 'slow', '-m', 'get')).toContain('late');
  });

  test('observes, with notifications of both kinds, also large ones, and says good-bye', async () => {
    const { port, observations, ends } = await ourServer();
    const heard = ask(port, 'clock', '-m', 'get', '-s', '1');
    await until(() => observations.length > 0);
    const [observation] = observations;
    observation?.notify({ code: '2.05', payload: Buffer.from('tick 1 ') }, { confirmable: true });
    await new Promise((resolve) => setTimeout(resolve, 100));
    observation?.notify({ code: '2.05', payload: Buffer.from('tick 2 ') }, { confirmable: false });
    await new Promise((resolve) => setTimeout(resolve, 100));
    observation?.notify({ code: '2.05', payload: Buffer.from(body(3000)) }, { confirmable: true });
    expect(await heard).toContain(`tick 0 tick 1 tick 2 ${body(3000)}`);
    await until(() => ends.length > 0);
    expect(ends).toEqual(['deregistered']);
  });
});

describe.skipIf(!isOnPath(SERVER))(`our client asks libcoap (${INSTALL})`, () => {
  let server: Running;
  let port: number;
  beforeAll(async () => {
    port = await freeUdpPort();
    server = await start(SERVER, ['-v', '7', '-A', HOST, '-p', String(port), '-d', '10'], {
      ready: /created UDP/,
      deadlineMs: 10_000,
    });
  });
  afterAll(() => server.stop());

  test('ping, GET, and a path that is not there', async () => {
    const { endpoint, peer } = await ourClient(port);
    await endpoint.ping(peer);
    const { code, contentFormat, payload } = await endpoint.request(peer, {
      method: 'GET',
      path: ['.well-known', 'core'],
    });
    expect([code, contentFormat]).toEqual(['2.05', 40]);
    expect(text(payload)).toContain('</time>');
    expect((await endpoint.request(peer, { method: 'GET', path: ['nothing'] })).code).toBe('4.04');
  });

  test('PUT of 20 kB, and GET of the same', async () => {
    const { endpoint, peer } = await ourClient(port);
    const path = ['example_data'];
    const put = await endpoint.request(peer, {
      method: 'PUT',
      path,
      contentFormat: 42,
      payload: Buffer.from(body(20_000)),
    });
    expect(put.code).toMatch(/^2\.0[14]$/);
    const { payload } = await endpoint.request(peer, { method: 'GET', path });
    expect(text(payload)).toBe(body(20_000));
  });

  test('a slow answer, separate from its acknowledgement', async () => {
    const { endpoint, peer } = await ourClient(port);
    const { code } = await endpoint.request(peer, { method: 'GET', path: ['async'], query: ['1'] });
    expect(code).toBe('2.05');
  });

  test('observes the clock, and stops', async () => {
    const { endpoint, peer } = await ourClient(port);
    const heard: CoapAnswer[] = [];
    const observation = await endpoint.observe(peer, { method: 'GET', path: ['time'] }, (notification) =>
      heard.push(notification),
    );
    expect(observation.isObserving).toBe(true);
    await until(() => heard.length >= 2);
    await observation.cancel();
    expect(endpoint.statistics().expected).toBe(0);
  });
});

describe('node-coap', () => {
  const theirs: { close(): unknown }[] = [];
  afterEach(() => {
    for (const it of theirs.splice(0)) it.close();
  });

  /** @returns code and payload of the answer */
  function ask(
    port: number,
    method: 'GET' | 'POST' | 'PUT',
    pathname: string,
    payload = '',
  ): Promise<string> {
    const agent = new coap.Agent({ type: 'udp4' });
    theirs.push(agent);
    return new Promise((resolve, reject) => {
      const request = agent.request({ hostname: HOST, port, method, pathname });
      request.on('response', (response) => resolve(`${response.code} ${response.payload.toString()}`));
      request.on('error', reject);
      request.end(Buffer.from(payload));
    });
  }

  test('asks our server: GET, PUT, POST, and a slow one', async () => {
    const { port } = await ourServer();
    expect(await ask(port, 'GET', '/clock')).toBe('2.05 tick 0 ');
    expect(await ask(port, 'PUT', '/echo', 'put')).toBe('2.04 put');
    expect(await ask(port, 'POST', '/echo', 'post')).toBe('2.04 post');
    expect(await ask(port, 'GET', '/slow')).toBe('2.05 late');
    expect(await ask(port, 'GET', '/nothing')).toBe('4.04 ');
  });

  test('observes at our server', async () => {
    const { port, observations } = await ourServer();
    const agent = new coap.Agent({ type: 'udp4' });
    theirs.push(agent);
    const heard: string[] = [];
    const request = agent.request({ hostname: HOST, port, method: 'GET', pathname: '/clock', observe: true });
    request.on('response', (response) => {
      response.on('data', (payload: Buffer) => heard.push(payload.toString()));
    });
    request.end();
    await until(() => observations.length > 0);
    const [observation] = observations;
    observation?.notify({ code: '2.05', payload: Buffer.from('one') }, { confirmable: true });
    await until(() => heard.includes('one'));
    observation?.notify({ code: '2.05', payload: Buffer.from('two') }, { confirmable: false });
    await until(() => heard.includes('two'));
    expect(heard).toEqual(['tick 0 ', 'one', 'two']);
  });

  test('is asked by our client, and observed', async () => {
    const port = await freeUdpPort();
    const server = coap.createServer({ type: 'udp4' });
    theirs.push(server);
    server.on('request', (request, response) => {
      if (request.headers.Observe === 0) {
        response.write('first');
        setTimeout(() => response.write('second'), 50);
      } else {
        response.code = request.method === 'GET' ? '2.05' : '2.04';
        response.end(`${request.method} ${request.url} ${request.payload.toString()}`);
      }
    });
    await new Promise<void>((resolve) => server.listen(port, HOST, () => resolve()));
    const { endpoint, peer } = await ourClient(port);
    for (const method of ['GET', 'PUT', 'POST'] as const) {
      const { code, payload } = await endpoint.request(peer, {
        method,
        path: ['a', 'b'],
        query: ['c=d'],
        payload: Buffer.from(method === 'GET' ? '' : 'sent'),
      });
      expect(`${code} ${text(payload)}`).toBe(
        method === 'GET' ? '2.05 GET /a/b?c=d ' : `2.04 ${method} /a/b?c=d sent`,
      );
    }
    const heard: string[] = [];
    const observation = await endpoint.observe(peer, { method: 'GET', path: ['a'] }, ({ payload }) =>
      heard.push(text(payload)),
    );
    expect(text(observation.answer.payload)).toBe('first');
    await until(() => heard.length > 0);
    expect(heard).toEqual(['second']);
  });
});
