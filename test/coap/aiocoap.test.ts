import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClientObservation } from '../../src/coap/index.ts';
import { type Aiocoap, aiocoapAvailable, aiocoapInstallLine, startAiocoap } from '../peers/aiocoap.ts';
import { body, closeAfterEach, HOST, ourClient, ourServer, text, until } from './ends.ts';

const LENGTH = 100_000;

closeAfterEach();

describe.skipIf(!aiocoapAvailable())(`aiocoap (${aiocoapInstallLine})`, () => {
  let aiocoap: Aiocoap;
  beforeAll(async () => {
    aiocoap = await startAiocoap();
  });
  afterAll(() => aiocoap.stop());

  describe('asks our server', () => {
    const uri = (port: number, path: string): string => `coap://${HOST}:${port}/${path}`;

    test('GET, a slow one, and a path that is not there', async () => {
      const { port } = await ourServer();
      expect(await aiocoap.request({ uri: uri(port, 'clock') })).toEqual({
        code: '2.05',
        payload: 'tick 0 ',
      });
      expect(await aiocoap.request({ uri: uri(port, 'slow') })).toEqual({ code: '2.05', payload: 'late' });
      expect((await aiocoap.request({ uri: uri(port, 'nothing') })).code).toBe('4.04');
    });

    test.each(['POST', 'FETCH', 'PATCH', 'iPATCH'] as const)('%s', async (method) => {
      const { port } = await ourServer();
      const request = { uri: uri(port, 'method'), method, payload: 'sent', format: 0 };
      const code = method === 'FETCH' ? '2.05' : '2.04';
      expect(await aiocoap.request(request)).toEqual({ code, payload: `${method} sent` });
    });

    test.each([
      [0, 10_000],
      [4, LENGTH],
      [6, LENGTH],
    ])('PUT in blocks of size exponent %i, and GET and FETCH of the same: %i bytes', async (szx, length) => {
      const { port, served } = await ourServer();
      const store = uri(port, 'store');
      const put = await aiocoap.request({ uri: store, method: 'PUT', payload: body(length), szx });
      expect(put.code).toBe('2.04');
      const got = await aiocoap.request({ uri: store, szx });
      expect(got.payload === body(length)).toBe(true);
      const payload = `10,${length - 10}`;
      const part = await aiocoap.request({ uri: store, method: 'FETCH', format: 0, payload, szx });
      expect(part.payload === body(length).slice(10, -10)).toBe(true);
      expect(served.map(({ method }) => method)).toEqual(['PUT', 'GET', 'FETCH']);
    });

    test('says that it wants no answer (RFC 7967)', async () => {
      const { port, served } = await ourServer();
      const request = { uri: uri(port, 'echo'), method: 'PUT', noResponse: 2, confirmable: false } as const;
      expect((await aiocoap.request({ ...request, waitS: 0.3 })).code).toBeNull();
      expect(served).toHaveLength(1);
      expect((await aiocoap.request({ ...request, uri: uri(port, 'nothing') })).code).toBe('4.04');
    });

    test('observes, also what is large, and is heard to go', async () => {
      const { port, observations, ends } = await ourServer();
      expect((await aiocoap.observe({ uri: uri(port, 'clock') })).payload).toBe('tick 0 ');
      const tell = (payload: string, confirmable: boolean): void =>
        observations[0]?.notify({ code: '2.05', payload: Buffer.from(payload) }, { confirmable });
      tell('one', true);
      expect(await aiocoap.notifications(1)).toEqual(['one']);
      tell('two', false);
      expect(await aiocoap.notifications(2)).toEqual(['one', 'two']);
      tell(body(5000), true);
      expect((await aiocoap.notifications(3))[2] === body(5000)).toBe(true);
      await aiocoap.cancel();
      // It finds out with the next notification that nobody listens, and resets the one after that.
      await until(() => {
        tell('three', true);
        return ends.length > 0;
      });
      expect(ends).toEqual(['reset']);
    });
  });

  describe('is asked by our client', () => {
    const path = ['store'];

    test('ping, a slow answer, and a path that is not there', async () => {
      const { endpoint, peer } = await ourClient(aiocoap.port);
      await endpoint.ping(peer);
      const slow = await endpoint.request(peer, { method: 'GET', path: ['slow'] });
      expect([slow.code, text(slow.payload)]).toEqual(['2.05', 'late']);
      expect((await endpoint.request(peer, { method: 'GET', path: ['nothing'] })).code).toBe('4.04');
    });

    test.each([
      [16, 10_000],
      [256, LENGTH],
      [1024, LENGTH],
    ])('PUT in blocks of %i bytes, and GET and FETCH of the same: %i bytes', async (blockSize, length) => {
      const { endpoint, peer } = await ourClient(aiocoap.port, { blockSize });
      const before = (await aiocoap.served()).length;
      const put = await endpoint.request(peer, { method: 'PUT', path, payload: Buffer.from(body(length)) });
      expect(put.code).toBe('2.04');
      const got = await endpoint.request(peer, { method: 'GET', path });
      expect([got.code, got.contentFormat]).toEqual(['2.05', 42]);
      expect(text(got.payload) === body(length)).toBe(true);
      const payload = Buffer.from(`10,${length - 10}`);
      const part = await endpoint.request(peer, { method: 'FETCH', path, contentFormat: 0, payload });
      expect(text(part.payload) === body(length).slice(10, -10)).toBe(true);
      expect((await aiocoap.served()).slice(before).map(([method]) => method)).toEqual([
        'PUT',
        'GET',
        'FETCH',
      ]);
    });

    test('PATCH and iPATCH, each done once', async () => {
      const { endpoint, peer } = await ourClient(aiocoap.port);
      await endpoint.request(peer, { method: 'PUT', path, payload: Buffer.from('0') });
      for (const method of ['PATCH', 'iPATCH'] as const) {
        const { code } = await endpoint.request(peer, { method, path, payload: Buffer.from(` ${method}`) });
        expect(code).toBe('2.04');
      }
      const { payload } = await endpoint.request(peer, { method: 'GET', path });
      expect(text(payload)).toBe('0 PATCH iPATCH');
    });

    test('says that it wants no answer (RFC 7967), and it is done', async () => {
      const { endpoint, peer } = await ourClient(aiocoap.port);
      await endpoint.request(peer, { method: 'PUT', path, payload: Buffer.from('before') });
      const silent = endpoint.request(peer, {
        method: 'PUT',
        path,
        payload: Buffer.from('silently'),
        options: [{ number: 258, value: 2 }],
        confirmable: false,
        timeoutMs: 300,
      });
      await expect(silent).rejects.toMatchObject({ code: 'coap.timeout' });
      const { payload } = await endpoint.request(peer, { method: 'GET', path });
      expect(text(payload)).toBe('silently');
    });

    test('is observed, also where it is large, and not any more', async () => {
      const { endpoint, peer } = await ourClient(aiocoap.port);
      const put = (payload: string) =>
        endpoint.request(peer, { method: 'PUT', path, payload: Buffer.from(payload) });
      await put('first');
      const heard: string[] = [];
      const observation: ClientObservation = await endpoint.observe(
        peer,
        { method: 'GET', path },
        ({ payload }) => heard.push(text(payload)),
      );
      expect([observation.isObserving, text(observation.answer.payload)]).toEqual([true, 'first']);
      for (const payload of ['second', body(5000)]) {
        await put(payload);
        await until(() => heard.at(-1) === payload);
      }
      await observation.cancel();
      await put('third');
      expect(heard).toHaveLength(2);
    });
  });
});
