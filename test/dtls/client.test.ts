import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type DtlsClient,
  type DtlsClientOptions,
  type Engine,
  openDtlsClient,
} from '../../src/dtls/index.ts';
import type { ReplayState } from '../../src/dtls/replay.ts';
import { decodeConnection, encodeConnection } from '../../src/dtls/session.ts';
import { PSK } from './network.ts';
import { createTestServer, type ServerSession, type TestServer, type TestServerOptions } from './server.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const it of open.splice(0).reverse()) await it.close();
});

interface Served {
  readonly port: number;
  readonly socket: Socket;
  readonly heard: string[];
  readonly alerts: string[];
  /** the one of the latest client */
  server(): TestServer;
}

interface ServeOptions extends Partial<TestServerOptions> {
  /** What the server says in the datagram of its Finished. */
  readonly saysAtOnce?: string;
}

/** A server for one client after the other, wherever a client with a connection id comes from. */
async function serve({ saysAtOnce, ...options }: ServeOptions = {}): Promise<Served> {
  const socket = createSocket('udp4');
  const heard: string[] = [];
  const alerts: string[] = [];
  let from = { port: 0, address: '' };
  let server: TestServer | undefined;
  const start = (): TestServer =>
    createTestServer({
      ...options,
      send(datagram) {
        const isFinished = datagram.readUInt8(0) === 20 && saysAtOnce !== undefined;
        const more = isFinished ? server?.record(23, 1, Buffer.from(saysAtOnce)) : undefined;
        socket.send([datagram, more ?? Buffer.alloc(0)], from.port, from.address);
      },
      received: (bytes) => heard.push(bytes.toString()),
      alerted: (level, code) => alerts.push(`${level} ${code}`),
    });
  socket.on('message', (datagram, { port, address }) => {
    const isHello =
      datagram.readUInt8(0) === 22 && datagram.readUIntBE(17, 2) === 0 && datagram.readUInt8(13) === 1;
    if (port !== from.port && isHello) server = start();
    from = { port, address };
    server ??= start();
    server.receive(datagram);
  });
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  open.push({ close: () => new Promise<void>((done) => socket.close(() => done())) });
  return {
    port: socket.address().port,
    socket,
    heard,
    alerts,
    server() {
      if (server === undefined) throw new Error('nobody came');
      return server;
    },
  };
}

async function connect(port: number, options: Partial<DtlsClientOptions> = {}): Promise<DtlsClient> {
  const client = await openDtlsClient({
    credentials: PSK,
    udp: { host: '127.0.0.1', port },
    timers: { firstMs: 100, mostMs: 200, totalMs: 600 },
    ...options,
  });
  open.push(client.transport);
  return client;
}

/** What arrives, one by one. */
function hearing({ transport }: DtlsClient) {
  const texts: string[] = [];
  const errors: Error[] = [];
  let wake = (): void => {};
  transport.receive({
    onMessage(bytes) {
      texts.push(Buffer.from(bytes).toString());
      wake();
    },
    onError(error) {
      errors.push(error);
      wake();
    },
  });
  const next = async <T>(from: T[]): Promise<T> => {
    for (;;) {
      const first = from.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { hear: () => next(texts), hearError: () => next(errors) };
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

test('it is a transport: datagrams go both ways, as they are', async () => {
  const served = await serve();
  const client = await connect(served.port);
  const { hear } = hearing(client);
  client.transport.send(Buffer.from('reading'), client.peer);
  await until(() => served.heard.length > 0);
  expect(served.heard).toEqual(['reading']);
  served.server().write(Buffer.from('thanks'));
  expect(await hear()).toBe('thanks');
  expect(client.transport.localPort).toBeGreaterThan(0);
  expect(client.peer).toMatchObject({ address: '127.0.0.1', port: served.port });
  expect(client.counters.forged).toBe(0);
});

test('what the server says at once is heard, though nobody could listen yet', async () => {
  const served = await serve({ saysAtOnce: 'welcome' });
  const { hear } = hearing(await connect(served.port));
  expect(await hear()).toBe('welcome');
});

test('every association has a peer of its own (RFC 7252 9.1.1)', async () => {
  const served = await serve();
  const [one, two] = [await connect(served.port), await connect(served.port)];
  expect(one.peer.key).not.toBe(two.peer.key);
});

test('what cannot be sent is told, not thrown', async () => {
  const served = await serve();
  const client = await connect(served.port);
  const { hearError } = hearing(client);
  client.transport.send(Buffer.from('x'), { ...client.peer, key: 'somebody else' });
  expect(await hearError()).toMatchObject({ code: 'dtls.stranger' });
  client.transport.send(Buffer.alloc(20_000), client.peer);
  expect(await hearError()).toMatchObject({ code: 'dtls.too-large' });
});

test('close tells the server, and nothing is heard or sent afterwards', async () => {
  const served = await serve();
  const client = await connect(served.port);
  await client.transport.close();
  await client.transport.close();
  await until(() => served.alerts.length > 0);
  expect(served.alerts).toEqual(['1 0']);
  expect(await client.ended).toBeUndefined();
  client.transport.send(Buffer.from('x'), client.peer);
});

test('the end by the server is told, and sending reports it', async () => {
  const served = await serve();
  const client = await connect(served.port);
  const { hearError } = hearing(client);
  const { remote } = { remote: served.server().record(21, 1, Buffer.of(1, 0)) };
  served.socket.send(remote, client.transport.localPort, '127.0.0.1');
  expect(await client.ended).toMatchObject({ code: 'dtls.closed' });
  client.transport.send(Buffer.from('x'), client.peer);
  expect(await hearError()).toMatchObject({ code: 'dtls.closed' });
});

test('nobody there: it gives up in time, and says what the network said', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  const { port } = socket.address();
  await new Promise<void>((done) => socket.close(() => done()));
  await expect(connect(port)).rejects.toMatchObject({
    code: 'dtls.timeout',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('datagrams from another address are not looked at, nor answered there (RFC 9146 6)', async () => {
  const served = await serve();
  const client = await connect(served.port);
  const stranger = await serve();
  const { hear } = hearing(client);
  // A genuine record, from where the server is not.
  const elsewhere = served.server().record(23, 1, Buffer.from('from elsewhere'));
  await new Promise((done) => stranger.socket.send(elsewhere, client.transport.localPort, '127.0.0.1', done));
  served.server().write(Buffer.from('from the server'));
  expect(await hear()).toBe('from the server');
  client.transport.send(Buffer.from('to the server'), client.peer);
  await until(() => served.heard.length > 0);
  expect(stranger.heard).toEqual([]);
});

test('a server that is silent: it gives up in time', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  open.push(socket);
  await expect(connect(socket.address().port)).rejects.toMatchObject({ code: 'dtls.timeout' });
});

test('a handshake can be given up', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  open.push(socket);
  const abort = new AbortController();
  const opening = connect(socket.address().port, { signal: abort.signal });
  socket.once('message', () => abort.abort());
  await expect(opening).rejects.toMatchObject({ code: 'dtls.closed' });
  await expect(connect(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'dtls.closed' });
});

test('options that make no sense are refused before a socket is opened', async () => {
  await expect(connect(1, { mtu: 1 })).rejects.toMatchObject({ code: 'dtls.bad-options' });
});

describe('with a connection id of the server (RFC 9146)', () => {
  const options = { cid: Buffer.from('id of us') };

  test('it goes on from another port', async () => {
    const served = await serve(options);
    const client = await connect(served.port);
    const { hear } = hearing(client);
    const before = client.transport.localPort;
    expect(await client.rebind()).toBe(true);
    expect(client.transport.localPort).not.toBe(before);
    client.transport.send(Buffer.from('from elsewhere'), client.peer);
    await until(() => served.heard.length > 0);
    served.server().write(Buffer.from('found'));
    expect(await hear()).toBe('found');
  });

  test('it goes on after a planned restart, without a handshake', async () => {
    const served = await serve(options);
    const first = await connect(served.port);
    const connection = await first.suspend();
    expect(await first.ended).toBeUndefined();
    expect(served.alerts).toEqual([]);
    if (connection === undefined) throw new Error('nothing saved');
    const hellos = served.server().seen.clientHellos;
    const second = await connect(served.port, { connection });
    expect(second.details).toMatchObject({ isRestored: true, hasPeerCid: true });
    second.transport.send(Buffer.from('back again'), second.peer);
    await until(() => served.heard.length > 0);
    expect(served.heard).toEqual(['back again']);
    expect(served.server().seen.clientHellos).toBe(hellos);
    // It can be saved again, and numbers go on.
    expect(await second.suspend()).toBeDefined();
  });

  test.each<readonly [string, Partial<DtlsClientOptions>]>([
    ['another key', { credentials: { ...PSK, key: Buffer.from('other') } }],
    ['another identity', { credentials: { ...PSK, identity: Buffer.from('other') } }],
    ['another server', { serverName: 'other.example.org' }],
    ['other suites', { suites: ['TLS_PSK_WITH_AES_128_CCM'] }],
    ['no connection ids any more', { connectionId: false }],
  ])('what was saved is not used with %s', async (_name, change) => {
    const served = await serve({ ...options, ...('credentials' in change && { psk: Buffer.from('key') }) });
    const connection = await (await connect(served.port)).suspend();
    const second = connect(served.port, { ...(connection && { connection }), ...change });
    const outcome = await second.then(
      ({ details }) => details.isRestored,
      () => false,
    );
    expect(outcome).toBe(false);
  });

  test('what was damaged is passed over', async () => {
    const served = await serve(options);
    const connection = await (await connect(served.port)).suspend();
    for (const damaged of [
      Buffer.alloc(0),
      Buffer.from('rubbish'),
      connection?.subarray(0, -1),
      connection?.fill(9, 1, 3),
    ]) {
      const client = await connect(served.port, { ...(damaged && { connection: damaged }) });
      expect(client.details.isRestored).toBe(false);
      await client.transport.close();
    }
  });
});

test('without a connection id it cannot go on elsewhere', async () => {
  const served = await serve();
  const client = await connect(served.port);
  expect(await client.rebind()).toBe(false);
  expect(await client.suspend()).toBeUndefined();
});

test('a session makes the next handshake short', async () => {
  const sessions = new Map<string, ServerSession>();
  const served = await serve({ resumes: 'ticket', sessions });
  const first = await connect(served.port);
  const session = first.session();
  await first.transport.close();
  const second = await connect(served.port, { ...(session && { session }) });
  expect(second.details.isResumed).toBe(true);
});

test('another engine can be plugged in', async () => {
  const said: string[] = [];
  const engine: Engine = (_options, user) => ({
    counters: { repeated: 0, discarded: 0, malformed: 0, forged: 0, replayed: 0 },
    isOpen: true,
    start: () =>
      user.opened({
        suite: 'TLS_PSK_WITH_AES_128_CCM_8',
        isResumed: false,
        isRestored: false,
        isExtendedMasterSecret: true,
        isEncryptThenMac: false,
        hasPeerCid: false,
        serverCertificate: undefined,
      }),
    receive: (datagram) => user.received(Buffer.from(datagram)),
    send: (bytes) => {
      said.push(Buffer.from(bytes).toString());
    },
    close: () => user.ended(undefined),
    session: () => undefined,
    suspend: () => undefined,
  });
  const client = await connect(9, { engine });
  client.transport.send(Buffer.from('in the clear'), client.peer);
  expect(said).toEqual(['in the clear']);
});

test('a new socket is closed again when the association ended before it was there', async () => {
  const served = await serve({ cid: Buffer.from('cid') });
  const client = await connect(served.port);
  const rebinding = client.rebind();
  await client.transport.close();
  expect(await rebinding).toBe(false);
});

test.each<readonly [string, ReplayState]>([
  ['before the first', { top: -1, low: 0, high: 0 }],
  ['of the first', { top: 0, low: 1, high: 0 }],
  ['of the last that there can be', { top: 2 ** 48 - 1, low: 0xffffffff, high: 0xffffffff }],
])('a connection is saved with the number %s', async (_name, replay) => {
  const served = await serve({ cid: Buffer.from('cid') });
  const saved = decodeConnection((await (await connect(served.port)).suspend()) ?? Buffer.alloc(0));
  if (saved === undefined) throw new Error('nothing saved');
  const again = decodeConnection(encodeConnection({ ...saved, records: { ...saved.records, replay } }));
  expect(again?.records.replay).toEqual(replay);
});

test('what was forged before a restart counts after it (RFC 9147 4.5.3)', async () => {
  const served = await serve({ cid: Buffer.from('cid') });
  const saved = decodeConnection((await (await connect(served.port)).suspend()) ?? Buffer.alloc(0));
  if (saved === undefined) throw new Error('nothing saved');
  const records = { ...saved.records, forgeries: saved.records.suite.cipher.mostForgeries };
  const client = await connect(served.port, { connection: encodeConnection({ ...saved, records }) });
  const forged = Buffer.concat([Buffer.from('17fefd000100000000ffff0020', 'hex'), Buffer.alloc(32)]);
  served.socket.send(forged, client.transport.localPort, '127.0.0.1');
  expect(await client.ended).toMatchObject({ code: 'dtls.exhausted' });
});

test('a key that has protected all that it bears ends the association (RFC 9147 4.5.3)', async () => {
  const served = await serve({ cid: Buffer.from('cid') });
  const saved = decodeConnection((await (await connect(served.port)).suspend()) ?? Buffer.alloc(0));
  if (saved === undefined) throw new Error('nothing saved');
  const records = { ...saved.records, nextSequence: saved.records.suite.cipher.mostRecords };
  const client = await connect(served.port, { connection: encodeConnection({ ...saved, records }) });
  const { hearError } = hearing(client);
  client.transport.send(Buffer.from('one too many'), client.peer);
  expect(await hearError()).toMatchObject({ code: 'dtls.exhausted' });
  expect(await client.ended).toMatchObject({ code: 'dtls.exhausted' });
  expect(served.heard).toEqual([]);
});
