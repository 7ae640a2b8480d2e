import coap from 'coap';
import { afterEach, describe, expect, test } from 'vitest';
import { freeUdpPort } from '../peers/process.ts';
import { body, closeAfterEach, HOST, ourClient, ourServer, text, until } from './ends.ts';

closeAfterEach();

describe('node-coap', () => {
  const theirs: { close(): unknown }[] = [];
  afterEach(() => {
    for (const it of theirs.splice(0)) it.close();
  });

  /** @param block1 sends the payload in blocks of 1024 bytes, all with one token. @returns code and payload */
  function ask(
    port: number,
    method: 'GET' | 'POST' | 'PUT' | 'FETCH' | 'PATCH' | 'iPATCH',
    pathname: string,
    payload = '',
    block1 = false,
  ): Promise<string> {
    const agent = new coap.Agent({ type: 'udp4' });
    theirs.push(agent);
    return new Promise((resolve, reject) => {
      const request = agent.request({ hostname: HOST, port, method, pathname });
      if (method === 'FETCH') request.setOption('Content-Format', 'text/plain');
      if (block1) request.setOption('Block1', Buffer.from([6]));
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

  test('asks our server: FETCH, PATCH, iPATCH', async () => {
    const { port } = await ourServer();
    expect(await ask(port, 'FETCH', '/method', 'which')).toBe('2.05 FETCH which');
    expect(await ask(port, 'PATCH', '/method', 'change')).toBe('2.04 PATCH change');
    expect(await ask(port, 'iPATCH', '/method', 'change')).toBe('2.04 iPATCH change');
  });

  test('asks our server: PUT in blocks with one token for all, and GET of the same', async () => {
    const { port, served } = await ourServer();
    expect(await ask(port, 'PUT', '/store', body(100_000), true)).toBe('2.04 ');
    expect((await ask(port, 'GET', '/store')) === `2.05 ${body(100_000)}`).toBe(true);
    expect(served).toHaveLength(2);
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
        if (request.url === '/large') return response.end(body(20_000));
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
    // Its server tells blocks apart by tokens, of which ours are new for each: reading is all that comes whole.
    const large = await endpoint.request(peer, { method: 'GET', path: ['large'] });
    expect(text(large.payload) === body(20_000)).toBe(true);
    const heard: string[] = [];
    const observation = await endpoint.observe(peer, { method: 'GET', path: ['a'] }, ({ payload }) =>
      heard.push(text(payload)),
    );
    expect(text(observation.answer.payload)).toBe('first');
    await until(() => heard.length > 0);
    expect(heard).toEqual(['second']);
  });
});
