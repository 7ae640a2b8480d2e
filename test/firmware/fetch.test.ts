import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createTimers, silentLogger, systemClock } from '../../src/base/index.ts';
import { createEndpoint } from '../../src/coap/index.ts';
import { coapFetch, type Fetch, httpFetch, reachOf } from '../../src/firmware/index.ts';
import { openUdpServer } from '../../src/transport/index.ts';

/** Packages come over real sockets, whole or with the reason why not. */

const PACKAGE = Buffer.alloc(300_000, 'firmware ');
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function collect(fetch: Fetch, uri: string, most = Number.POSITIVE_INFINITY) {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const take = async (chunk: Uint8Array): Promise<boolean> => {
    length += chunk.length;
    chunks.push(Uint8Array.from(chunk));
    return length <= most;
  };
  const fetched = await fetch(uri, take, new AbortController().signal);
  return { fetched, bytes: Buffer.concat(chunks) };
}

const quick = httpFetch({ silenceMs: 300, resumptions: 2 });

test('HTTP: the whole package, in order', async () => {
  const base = await serve((_, response) => response.end(PACKAGE));
  const { fetched, bytes } = await collect(quick, `${base}/fw`);
  expect(fetched).toEqual({ status: 'whole' });
  expect(bytes.equals(PACKAGE)).toBe(true);
});

test('HTTP: a lost connection is gone on with where it broke', async () => {
  const ranges: (string | undefined)[] = [];
  const base = await serve((request, response) => {
    ranges.push(request.headers.range);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.setHeader('etag', '"v1"');
    response.setHeader('content-length', PACKAGE.length - from);
    response.statusCode = from === 0 ? 200 : 206;
    if (from > 0) response.end(PACKAGE.subarray(from));
    else response.write(PACKAGE.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
  });
  const { fetched, bytes } = await collect(quick, `${base}/fw`);
  expect(fetched).toEqual({ status: 'whole' });
  expect(bytes.equals(PACKAGE)).toBe(true);
  expect(ranges[0]).toBeUndefined();
  expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
});

test('HTTP: another package in the middle is no continuation', async () => {
  let asked = 0;
  const base = await serve((_, response) => {
    response.setHeader('content-length', PACKAGE.length);
    if (asked++ > 0) response.end(PACKAGE);
    else response.write(PACKAGE.subarray(0, 1000), () => setTimeout(() => response.destroy(), 20));
  });
  expect((await collect(quick, `${base}/fw`)).fetched).toMatchObject({
    status: 'lost',
    why: 'connection-lost',
  });
});

test.each([
  ['what is not there', 404, 'invalid-uri'],
  ['what is not for us', 403, 'invalid-uri'],
  ['a server that is broken', 500, 'connection-lost'],
])('HTTP: %s', async (_, status, why) => {
  const base = await serve((__, response) => {
    response.statusCode = status;
    response.end();
  });
  expect((await collect(quick, `${base}/fw`)).fetched).toMatchObject({ status: 'lost', why });
});

test('HTTP: a silent server, and none at all, are lost connections', async () => {
  const base = await serve(() => {});
  expect((await collect(quick, `${base}/fw`)).fetched).toMatchObject({ why: 'connection-lost' });
  expect((await collect(quick, 'http://127.0.0.1:1/fw')).fetched).toMatchObject({ why: 'connection-lost' });
});

test('HTTP: redirects are followed, not for ever, and not to another protocol', async () => {
  const base = await serve(({ url }, response) => {
    const targets: Record<string, string> = { '/a': '/fw', '/loop': '/loop', '/out': 'ftp://127.0.0.1/fw' };
    const target = targets[url ?? ''];
    if (target === undefined) response.end(PACKAGE);
    else response.writeHead(302, { location: target }).end();
  });
  expect((await collect(quick, `${base}/a`)).fetched).toEqual({ status: 'whole' });
  expect((await collect(quick, `${base}/loop`)).fetched).toMatchObject({ why: 'invalid-uri' });
  expect((await collect(quick, `${base}/out`)).fetched).toMatchObject({ why: 'invalid-uri' });
});

test('HTTP: who wants no more gets no more', async () => {
  const base = await serve((_, response) => response.end(PACKAGE));
  expect((await collect(quick, `${base}/fw`, 1000)).fetched).toEqual({ status: 'refused' });
});

test('an abort ends it', async () => {
  const base = await serve(() => {});
  const aborter = new AbortController();
  const fetched = httpFetch()(`${base}/fw`, async () => true, aborter.signal);
  aborter.abort();
  expect(await fetched).toMatchObject({ status: 'lost', message: 'cancelled' });
});

async function serveCoap(): Promise<string> {
  const timers = createTimers(systemClock, 5);
  const transport = await openUdpServer({ host: '127.0.0.1', port: 0 });
  const endpoint = createEndpoint({
    transport,
    clock: systemClock,
    timers,
    random: Math.random,
    handler: ({ path }) =>
      path.join('/') === 'fw/v 2' ? { code: '2.05', payload: PACKAGE } : { code: '4.04' },
  });
  closing.push(async () => {
    await endpoint.close();
    timers.stop();
  });
  return `coap://127.0.0.1:${transport.localPort}`;
}

const coap = coapFetch(
  { mostBytes: 1_000_000 },
  {
    clock: systemClock,
    log: silentLogger,
    random: Math.random,
    parameters: { ackTimeoutMs: 100, piggybackMs: 50, maxRetransmit: 1 },
  },
);

test('CoAP: the whole package in blocks (RFC 7959)', async () => {
  const { fetched, bytes } = await collect(coap, `${await serveCoap()}/fw/v%202`);
  expect(fetched).toEqual({ status: 'whole' });
  expect(bytes.equals(PACKAGE)).toBe(true);
});

test('CoAP: what is not there, nobody there, no such name, and no more wanted', async () => {
  const base = await serveCoap();
  expect((await collect(coap, `${base}/other`)).fetched).toMatchObject({ why: 'invalid-uri' });
  expect((await collect(coap, 'coap://127.0.0.1:9/fw')).fetched).toMatchObject({ why: 'connection-lost' });
  expect((await collect(coap, 'coap://no-such-name.invalid/fw')).fetched).toMatchObject({
    why: 'invalid-uri',
  });
  expect((await collect(coap, `${base}/fw/v%202`, 2000)).fetched).toEqual({ status: 'refused' });
});

test.each([
  ['coap://h/fw', 'fetchable'],
  ['https://h/fw', 'fetchable'],
  ['ftp://h/fw', 'unsupported'],
  ['not a uri', 'invalid'],
  ['coap:///fw', 'invalid'],
])('%s is %s', (uri, reach) => {
  expect(reachOf(uri, new Set(['coap', 'http', 'https']))).toBe(reach);
});
