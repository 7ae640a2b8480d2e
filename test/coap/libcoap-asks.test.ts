import { describe, expect, test } from 'vitest';
import { coapRequest, libcoapInstallLine } from '../peers/libcoap.ts';
import { isOnPath, run } from '../peers/process.ts';
import { BODIES, body, closeAfterEach, HOST, ourServer, text, until } from './ends.ts';

const CLIENT = 'coap-client-notls';

closeAfterEach();

describe.skipIf(!isOnPath(CLIENT))(`libcoap asks our server (${libcoapInstallLine})`, () => {
  const ask = async (port: number, path: string, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(CLIENT, ['-B', '10', ...args, `coap://${HOST}:${port}/${path}`], {
      deadlineMs: 15_000,
    });
    return stdout + stderr;
  };
  const uri = (port: number, path: string): string => `coap://${HOST}:${port}/${path}`;

  test('GET, and a path that is not there', async () => {
    const { port } = await ourServer();
    expect(await ask(port, 'clock', '-m', 'get')).toContain('tick 0');
    expect(await ask(port, 'nothing', '-m', 'get')).toContain('4.04');
  });

  test.each(BODIES)(
    'PUT in blocks of %i bytes, each with a token of its own, and GET of the same: %i bytes',
    async (blockSize, length) => {
      const { port, served } = await ourServer();
      const payload = body(length);
      const put = await coapRequest(uri(port, 'store'), { method: 'put', payload, blockSize });
      expect(put.code).toBe('2.04');
      const got = await coapRequest(uri(port, 'store'), { blockSize });
      expect(got.code).toBe('2.05');
      expect(got.payload.equals(Buffer.from(payload))).toBe(true);
      expect(served.map(({ method }) => method)).toEqual(['PUT', 'GET']);
    },
  );

  test.each([16, 256, 1024])('FETCH in blocks of %i bytes both ways', async (blockSize) => {
    const { port, served } = await ourServer();
    const payload = body(3000);
    const { payload: got } = await coapRequest(uri(port, 'echo'), {
      method: 'fetch',
      format: 60,
      payload,
      blockSize,
    });
    expect(text(got)).toBe(payload);
    expect(served.map(({ method, contentFormat }) => [method, contentFormat])).toEqual([['FETCH', 60]]);
  });

  test.each(['patch', 'ipatch'] as const)('%s', async (method) => {
    const { port, served } = await ourServer();
    const { code } = await coapRequest(uri(port, 'echo'), { method, payload: 'change' });
    expect(code).toBe('2.04');
    expect(served.map((request) => request.method.toLowerCase())).toEqual([method]);
  });

  test('a slow answer, separate from its acknowledgement', async () => {
    const { port } = await ourServer();
    expect(await ask(port, 'slow', '-m', 'get')).toContain('late');
  });

  test.each([16, 256, 1024])(
    'observes in blocks of %i bytes, with notifications of both kinds, also large ones, and says good-bye',
    async (blockSize) => {
      const { port, observations, ends } = await ourServer();
      const heard = ask(port, 'clock', '-m', 'get', '-s', '1', '-b', String(blockSize));
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
    },
  );

  test('loses a block, and sends it again: PUT arrives once and whole', async () => {
    const { port, served } = await ourServer();
    await ask(port, 'store', '-m', 'put', '-b', '1024', '-e', body(8000), '-l', '3');
    expect(served).toHaveLength(1);
    expect(text(served[0]?.payload ?? Buffer.alloc(0)) === body(8000)).toBe(true);
  });
});
