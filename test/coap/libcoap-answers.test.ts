import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coapServer, libcoapInstallLine, libcoapServerAvailable } from '../peers/libcoap.ts';
import { freeUdpPort, type Running } from '../peers/process.ts';
import { BODIES, body, closeAfterEach, ourClient, text, until } from './ends.ts';
import { testLibcoapServer } from './libcoap-server.ts';

closeAfterEach();

describe.skipIf(!libcoapServerAvailable())(`our client asks libcoap (${libcoapInstallLine})`, () => {
  let server: Running;
  let port: number;
  beforeAll(async () => {
    port = await freeUdpPort();
    server = await coapServer(port);
  });
  afterAll(() => server.stop());

  testLibcoapServer(() => ourClient(port));

  test.each(BODIES)('PUT in blocks of %i bytes, and GET of the same: %i bytes', async (blockSize, length) => {
    const { endpoint, peer } = await ourClient(port, { blockSize });
    const path = ['example_data'];
    const payload = Buffer.from(body(length));
    const put = await endpoint.request(peer, { method: 'PUT', path, contentFormat: 42, payload });
    expect(put.code).toMatch(/^2\.0[14]$/);
    const got = await endpoint.request(peer, { method: 'GET', path });
    expect(got.code).toBe('2.05');
    expect(payload.equals(got.payload)).toBe(true);
  });

  // Of a block that comes twice it makes a second PUT, so that reading is all that can be asked of it.
  test('GET in blocks of 16 bytes, when it loses a fifth of what it sends', async () => {
    const lossy = await freeUdpPort();
    const server = await coapServer(lossy, '-l', '20%');
    try {
      const read = async (port: number): Promise<string> => {
        const { endpoint, peer } = await ourClient(port, { blockSize: 16 });
        const request = { method: 'GET', path: ['.well-known', 'core'] } as const;
        return text((await endpoint.request(peer, request)).payload);
      };
      expect(await read(lossy)).toBe(await read(port));
    } finally {
      await server.stop();
    }
  });

  test('FETCH', async () => {
    const { endpoint, peer } = await ourClient(port);
    const request = { method: 'FETCH', path: ['time'], contentFormat: 0, payload: Buffer.from('?') } as const;
    const { code, payload } = await endpoint.request(peer, request);
    expect([code, text(payload)]).toEqual(['2.05', expect.stringMatching(/\d\d:\d\d:\d\d$/)]);
  });

  test.each([16, 256, 1024])('observes what is large, in blocks of %i bytes', async (blockSize) => {
    const { endpoint, peer } = await ourClient(port, { blockSize });
    const path = ['example_data'];
    const put = (payload: string) =>
      endpoint.request(peer, { method: 'PUT', path, contentFormat: 42, payload: Buffer.from(payload) });
    await put('small');
    const heard: string[] = [];
    const observation = await endpoint.observe(peer, { method: 'GET', path }, ({ payload }) =>
      heard.push(text(payload)),
    );
    expect(text(observation.answer.payload)).toBe('small');
    await put(body(3000));
    await until(() => heard.length > 0);
    expect(heard).toEqual([body(3000)]);
    await observation.cancel();
    expect(endpoint.statistics().expected).toBe(0);
  });

  test('a slow answer, separate from its acknowledgement', async () => {
    const { endpoint, peer } = await ourClient(port);
    const { code } = await endpoint.request(peer, { method: 'GET', path: ['async'], query: ['1'] });
    expect(code).toBe('2.05');
  });
});
