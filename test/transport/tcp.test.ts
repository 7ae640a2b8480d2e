import { connect as connectSocket, createServer, type Server } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { isGatewayError, messageOf } from '../../src/base/index.ts';
import {
  type Connection,
  openTcpClient,
  openTcpServer,
  type StreamTransport,
  type TcpClientOptions,
  type TcpServerOptions,
  type TlsClientSecurity,
  type TlsServerSecurity,
} from '../../src/transport/index.ts';
import { createPki, pkiAvailable, pkiInstallLine } from '../support/pki.ts';

const HOST = '127.0.0.1';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const it of open.splice(0).reverse()) await it.close();
});

/** What becomes of a connection. */
function hearing(connection: Connection) {
  let text = '';
  let length = 0;
  let closed: { error: Error | undefined } | undefined;
  let rooms = 0;
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const go of waiting.splice(0)) go();
  };
  connection.receive({
    onBytes(bytes) {
      length += bytes.length;
      if (length < 10_000) text += Buffer.from(bytes).toString();
      wake();
    },
    onRoom() {
      rooms++;
      wake();
    },
    onClosed(error) {
      closed = { error };
      wake();
    },
  });
  return {
    connection,
    get text() {
      return text;
    },
    get length() {
      return length;
    },
    get closed() {
      return closed;
    },
    get rooms() {
      return rooms;
    },
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) await new Promise<void>((go) => waiting.push(go));
    },
  };
}

type Hearing = ReturnType<typeof hearing>;

async function serve(options: Partial<TcpServerOptions> = {}) {
  const transport = await openTcpServer({ host: HOST, port: 0, ...options });
  open.push(transport);
  const taken: Hearing[] = [];
  const waiting: (() => void)[] = [];
  transport.accept((connection) => {
    taken.push(hearing(connection));
    for (const go of waiting.splice(0)) go();
  });
  return {
    transport,
    port: transport.localPort,
    taken,
    async next(count = 1): Promise<Hearing> {
      for (;;) {
        const found = taken[count - 1];
        if (found !== undefined) return found;
        await new Promise<void>((go) => waiting.push(go));
      }
    },
  };
}

async function connect(port: number, options: Partial<TcpClientOptions> = {}) {
  const { transport, peer } = await openTcpClient({ host: HOST, port, ...options });
  open.push(transport);
  return { transport, peer, ...own(transport) };
}

function own(transport: StreamTransport): { hearing: Hearing } {
  let found: Hearing | undefined;
  transport.accept((connection) => {
    found = hearing(connection);
  });
  if (found === undefined) throw new Error('a client has one connection');
  return { hearing: found };
}

const whyNot = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'open',
    (error) => (isGatewayError(error) ? error.code : messageOf(error)),
  );

describe('TCP', () => {
  test('carries bytes both ways, in order', async () => {
    const { port, next } = await serve();
    const client = await connect(port);
    for (const word of ['one ', 'two ', 'three']) client.hearing.connection.write(Buffer.from(word));
    const there = await next();
    await there.until(() => there.text === 'one two three');
    there.connection.write(Buffer.from('answer'));
    await client.hearing.until(() => client.hearing.text === 'answer');
    expect(client.peer).toEqual({ key: `${HOST}:${port}#1`, address: HOST, port });
    expect(there.connection.peer.address).toBe(HOST);
  });

  test('every connection has a key of its own, also of the same peer', async () => {
    const { port, next } = await serve();
    await connect(port);
    await connect(port);
    const keys = [(await next(1)).connection.peer.key, (await next(2)).connection.peer.key];
    expect(new Set(keys).size).toBe(2);
  });

  test('what is written before the end arrives before it', async () => {
    const { port, next } = await serve();
    const client = await connect(port);
    client.hearing.connection.write(Buffer.alloc(300_000));
    await client.transport.close();
    const there = await next();
    await there.until(() => there.closed !== undefined);
    expect([there.length, there.closed]).toEqual([300_000, { error: undefined }]);
  });

  test('a peer that reads nothing is waited for, and cut off beyond a limit', async () => {
    const { port, next } = await serve();
    const { hearing: here } = await connect(port);
    const there = await next();
    there.connection.pause(true);
    while (here.connection.write(Buffer.alloc(64 << 10)));
    there.connection.pause(false);
    await here.until(() => here.rooms > 0);
    there.connection.pause(true);
    for (let megabyte = 0; megabyte < 40; megabyte++) here.connection.write(Buffer.alloc(1 << 20));
    await here.until(() => here.closed !== undefined);
    expect(isGatewayError(here.closed?.error, 'transport.not-taken')).toBe(true);
  });

  test('as many connections as are allowed, and no more', async () => {
    const { port, taken, next } = await serve({ mostConnections: 1 });
    await connect(port);
    await next();
    const { hearing: second } = await connect(port);
    await second.until(() => second.closed !== undefined);
    expect(taken).toHaveLength(1);
  });

  test('nobody there: an error in time, after all addresses, each time another first', async () => {
    const { port } = await serve();
    const lookup = async () => ['127.0.0.2', HOST];
    for (const attempt of [0, 1, 2]) {
      const { peer } = await connect(port, { host: 'meter.test', lookup, attempt });
      expect(peer.address).toBe(HOST);
    }
    expect(await whyNot(connect(1))).toBe('transport.unopened');
    expect(await whyNot(connect(1, { host: 'meter.test', lookup: async () => [] }))).toBe(
      'transport.unresolved',
    );
  });

  test('a server that accepts and does not shake hands is given up in time', async () => {
    const silent: Server = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, HOST, resolve));
    open.push(silent);
    const { port } = silent.address() as { port: number };
    const security = { psk: { identity: 'a', key: Buffer.alloc(16) } };
    expect(await whyNot(connect(port, { security, connectTimeoutMs: 50 }))).toBe('transport.unopened');
  });

  test('closing the server ends its connections, also of peers that do not close', async () => {
    const { port, transport, next } = await serve();
    const { hearing: here } = await connect(port);
    await next();
    await transport.close();
    await here.until(() => here.closed !== undefined);
    expect(await whyNot(connect(port))).toBe('transport.unopened');
  });
});

describe('TLS with a shared key', () => {
  const key = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  const keyOf = (identity: string) => (identity === 'gateway' ? key : undefined);
  const psk = (identity: string, secret: Uint8Array): TlsClientSecurity => ({
    psk: { identity, key: secret },
  });

  test('carries bytes', async () => {
    const { port, next } = await serve({ security: { keyOf } });
    const { hearing: here } = await connect(port, { security: psk('gateway', key) });
    here.connection.write(Buffer.from('secret'));
    const there = await next();
    await there.until(() => there.text === 'secret');
  });

  test('a handshake that is done after the server was closed is too late, and holds nothing up', async () => {
    const { port, transport, taken, next } = await serve({ security: { keyOf } });
    const socket = connectSocket({ port, host: HOST });
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.on('error', () => {});
    // The server has taken the socket below when it takes another one after it.
    await connect(port, { security: psk('gateway', key) });
    await next();
    const closing = transport.close();
    const late = connectTls({
      socket,
      ciphers: 'PSK-AES128-GCM-SHA256',
      maxVersion: 'TLSv1.2',
      pskCallback: () => ({ identity: 'gateway', psk: key }),
      checkServerIdentity: () => undefined,
    });
    late.on('error', () => {});
    await closing;
    expect(taken).toHaveLength(1);
  });

  test.each([
    ['another key', psk('gateway', Buffer.alloc(16))],
    ['an unknown identity', psk('stranger', key)],
  ])('with %s there is no connection', async (_, security) => {
    const { port, taken } = await serve({ security: { keyOf } });
    expect(await whyNot(connect(port, { security }))).toBe('transport.unopened');
    expect(taken).toHaveLength(0);
  });
});

describe.skipIf(!pkiAvailable)(`TLS with certificates (else: ${pkiInstallLine})`, () => {
  const pki = pkiAvailable ? createPki() : undefined;
  const { ca = '', server, client, stranger } = pki ?? {};
  const server_: TlsServerSecurity = { ...server };

  test.each([
    ['by address', { ca }],
    ['by name', { ca, serverName: 'localhost' }],
  ])('a server is known %s', async (_, security) => {
    const { port, next } = await serve({ security: server_ });
    const { hearing: here } = await connect(port, { security });
    here.connection.write(Buffer.from('hello'));
    const there = await next();
    await there.until(() => there.text === 'hello');
  });

  test.each([
    ['of another authority', {}, server_],
    ['with another name', { ca, serverName: 'other.example' }, server_],
    ['that it signed itself', { ca }, { ...stranger }],
    ['instead of the shared key', { psk: { identity: 'a', key: Buffer.alloc(16) } }, server_],
  ])('a server with a certificate %s is refused', async (_, security, own) => {
    const { port } = await serve({ security: own });
    expect(await whyNot(connect(port, { security }))).toBe('transport.unopened');
  });

  test('a client shows its own where that is wanted, and is refused without', async () => {
    const { port, next, taken } = await serve({ security: { ...server_, ca, requiresCertificate: true } });
    await connect(port, { security: { ca, ...client } });
    await next();
    for (const security of [{ ca }, { ca, ...stranger }]) {
      // With TLS 1.3 the client learns of it only after its own handshake is done.
      const opened = await openTcpClient({ host: HOST, port, security }).catch(() => undefined);
      if (opened === undefined) continue;
      open.push(opened.transport);
      const { hearing: here } = own(opened.transport);
      await here.until(() => here.closed !== undefined);
      expect(here.length).toBe(0);
    }
    expect(taken).toHaveLength(1);
  });
});
