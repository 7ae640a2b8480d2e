import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import type { DatagramTransport, Peer } from '../../src/transport/index.ts';
import { openUdpClient, openUdpServer } from '../../src/transport/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const it of open.splice(0)) await it.close();
});

interface Heard {
  readonly text: string;
  readonly peer: Peer;
}

/** What arrives at a transport, one by one. */
function hearing(transport: DatagramTransport) {
  open.push(transport);
  const heard: Heard[] = [];
  const errors: { error: NodeJS.ErrnoException; peer: Peer | undefined }[] = [];
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const go of waiting.splice(0)) go();
  };
  transport.receive({
    onMessage(bytes, peer) {
      heard.push({ text: Buffer.from(bytes).toString(), peer });
      wake();
    },
    onError(error, peer) {
      errors.push({ error, peer });
      wake();
    },
  });
  const next = async <T>(from: T[]): Promise<T> => {
    for (;;) {
      const first = from.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return { heard, hear: () => next(heard), hearError: () => next(errors) };
}

const server = (host: string | undefined = '127.0.0.1') =>
  openUdpServer({ port: 0, ...(host !== undefined && { host }) });

async function rawSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  open.push(socket);
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('a UDP client', () => {
  test('talks to a server and back; the server knows it by address and port', async () => {
    const far = await server();
    const { hear } = hearing(far);
    const near = await openUdpClient({ host: '127.0.0.1', port: far.localPort });
    const own = hearing(near.transport);
    near.transport.send(bytes('a'), near.peer);
    const { text, peer } = await hear();
    expect({ text, ...peer }).toEqual({
      text: 'a',
      key: `127.0.0.1:${near.transport.localPort}`,
      address: '127.0.0.1',
      port: near.transport.localPort,
    });
    far.send(bytes('b'), peer);
    expect(await own.hear()).toEqual({ text: 'b', peer: near.peer });
    near.transport.send(bytes('c'), near.peer);
    expect((await hear()).peer).toBe(peer);
  });

  test('hears nothing from strangers', async () => {
    const far = await server();
    const { hear } = hearing(far);
    const near = await openUdpClient({ host: '127.0.0.1', port: far.localPort });
    const own = hearing(near.transport);
    const stranger = await rawSocket();
    await new Promise((sent) => stranger.send('evil', near.transport.localPort, '127.0.0.1', sent));
    near.transport.send(bytes('a'), near.peer);
    far.send(bytes('good'), (await hear()).peer);
    expect((await own.hear()).text).toBe('good');
    expect(own.heard).toEqual([]);
  });

  test('sees a refused port as an error about its peer, and goes on', async () => {
    const gone = await server();
    const port = gone.localPort;
    await gone.close();
    const near = await openUdpClient({ host: '127.0.0.1', port });
    const own = hearing(near.transport);
    near.transport.send(bytes('a'), near.peer);
    const { error, peer } = await own.hearError();
    expect([error.code, peer]).toEqual(['ECONNREFUSED', near.peer]);
    const back = await openUdpServer({ host: '127.0.0.1', port });
    const { hear } = hearing(back);
    near.transport.send(bytes('b'), near.peer);
    near.transport.send(bytes('b'), near.peer);
    expect((await hear()).text).toBe('b');
  });

  test('reports what cannot be sent: too large, or to somebody else', async () => {
    const far = await server();
    open.push(far);
    const near = await openUdpClient({ host: '127.0.0.1', port: far.localPort });
    const own = hearing(near.transport);
    near.transport.send(new Uint8Array(70_000), near.peer);
    expect((await own.hearError()).error.code).toBe('EMSGSIZE');
    near.transport.send(bytes('a'), { key: '192.0.2.1:1', address: '192.0.2.1', port: 1 });
    expect((await own.hearError()).error.code).toBe('transport.stranger');
  });

  test('resolves names itself, and tries the addresses in their order', async () => {
    const far = await server();
    const { hear } = hearing(far);
    const near = await openUdpClient({
      host: 'meter.example',
      port: far.localPort,
      localAddress: '127.0.0.1',
      // No socket bound to 127.0.0.1 reaches the first one.
      lookup: async () => ['2001:db8::1', '127.0.0.1'],
    });
    hearing(near.transport);
    expect(near.peer.address).toBe('127.0.0.1');
    near.transport.send(bytes('a'), near.peer);
    expect((await hear()).text).toBe('a');
  });

  test.each([
    ['no address', async () => []],
    ['a fault', async () => Promise.reject(new Error('ENOTFOUND'))],
  ])('a name with %s is an error', async (_, lookup) => {
    await expect(openUdpClient({ host: 'nowhere.example', port: 1, lookup })).rejects.toMatchObject({
      code: 'transport.unresolved',
    });
  });

  test('a lookup that never ends has a deadline', async () => {
    const clock = createFakeClock();
    const opening = openUdpClient({
      host: 'slow.example',
      port: 1,
      clock,
      lookup: () => new Promise(() => {}),
    });
    const outcome = expect(opening).rejects.toMatchObject({ code: 'transport.unresolved' });
    await clock.advance(10_000);
    await outcome;
  });

  test('sends from the port that is asked for; one that is taken is an error', async () => {
    const far = await server();
    const { hear } = hearing(far);
    const free = await server();
    const localPort = free.localPort;
    await free.close();
    const near = await openUdpClient({ host: '127.0.0.1', port: far.localPort, localPort });
    hearing(near.transport);
    near.transport.send(bytes('a'), near.peer);
    expect((await hear()).peer.port).toBe(localPort);
    await expect(openUdpClient({ host: '127.0.0.1', port: 1, localPort })).rejects.toMatchObject({
      code: 'transport.unopened',
    });
  });

  test('closing twice, and sending afterwards, does nothing', async () => {
    const far = await server();
    open.push(far);
    const near = await openUdpClient({ host: '127.0.0.1', port: far.localPort });
    const [first, second] = [near.transport.close(), near.transport.close()];
    await Promise.all([first, second]);
    near.transport.send(bytes('a'), near.peer);
  });
});

describe('a UDP server', () => {
  test('a taken port is an error', async () => {
    const far = await server();
    open.push(far);
    await expect(openUdpServer({ host: '127.0.0.1', port: far.localPort })).rejects.toMatchObject({
      code: 'transport.unopened',
    });
  });

  test('remembers as many peers as it may, and knows the others again', async () => {
    const far = await openUdpServer({ host: '127.0.0.1', port: 0, mostPeers: 2 });
    const { hear } = hearing(far);
    const seen: Peer[] = [];
    const sockets = [await rawSocket(), await rawSocket(), await rawSocket()];
    for (const socket of [...sockets, ...sockets]) {
      socket.send('a', far.localPort, '127.0.0.1');
      seen.push((await hear()).peer);
    }
    expect(seen[3]).not.toBe(seen[0]);
    expect(seen[3]).toEqual(seen[0]);
  });

  test('what cannot be sent at all, such as to port 0, is told and not thrown', async () => {
    const transport = await openUdpServer({ host: '127.0.0.1', port: 0 });
    const { hearError } = hearing(transport);
    const peer: Peer = { key: '127.0.0.1:0', address: '127.0.0.1', port: 0 };
    transport.send(bytes('a'), peer);
    expect(await hearError()).toMatchObject({ error: { code: 'ERR_SOCKET_BAD_PORT' }, peer });
  });

  test.skipIf(!hasIPv6)(
    'without a host it hears IPv6 and IPv4, and IPv4 peers have IPv4 names (RFC 4291 2.5.5.2)',
    async () => {
      const far = await openUdpServer({ port: 0 });
      const { hear } = hearing(far);
      for (const [host, key] of [
        ['127.0.0.1', '127.0.0.1:'],
        ['::1', '[::1]:'],
      ] as const) {
        const near = await openUdpClient({ host, port: far.localPort });
        const own = hearing(near.transport);
        near.transport.send(bytes('a'), near.peer);
        const { peer } = await hear();
        expect(peer.key).toBe(key + near.transport.localPort);
        far.send(bytes('b'), peer);
        expect((await own.hear()).text).toBe('b');
      }
    },
  );
});

test('a name is asked again for each opening, so that a server that has moved is found', async () => {
  const answers = [['127.0.0.1'], ['127.0.0.2']];
  const used: string[] = [];
  const lookup = async (): Promise<string[]> => answers.shift() ?? [];
  for (const attempt of [0, 0]) {
    const { transport, peer } = await openUdpClient({ host: 'server.example', port: 5683, lookup, attempt });
    used.push(peer.address);
    await transport.close();
  }
  expect(used).toEqual(['127.0.0.1', '127.0.0.2']);
});

test('an address that no socket can be connected to is passed over, whichever the attempt begins with', async () => {
  // Over the loopback alone nothing leads there: the socket is bound to 127.0.0.1, the address is IPv6.
  const lookup = async (): Promise<string[]> => ['127.0.0.1', '2001:db8::1'];
  const { transport, peer } = await openUdpClient({
    host: 'server.example',
    port: 5683,
    localAddress: '127.0.0.1',
    lookup,
    attempt: 1,
  });
  open.push(transport);
  expect(peer.address).toBe('127.0.0.1');
  await expect(
    openUdpClient({
      host: 'server.example',
      port: 5683,
      localAddress: '127.0.0.1',
      lookup: async () => ['2001:db8::1', '2001:db8::2'],
    }),
  ).rejects.toMatchObject({ code: 'transport.unopened' });
});

test('the socket outlives errors: same port, and it goes on when the peer is back (ICMP is a hint only)', async () => {
  const gone = await server();
  const port = gone.localPort;
  await gone.close();
  const near = await openUdpClient({ host: '127.0.0.1', port });
  const own = hearing(near.transport);
  for (let round = 0; round < 3; round++) {
    near.transport.send(bytes('a'), near.peer);
    expect((await own.hearError()).error.code).toBe('ECONNREFUSED');
  }
  const back = await openUdpServer({ host: '127.0.0.1', port });
  const { hear } = hearing(back);
  near.transport.send(bytes('b'), near.peer);
  near.transport.send(bytes('b'), near.peer);
  expect((await hear()).peer.port).toBe(near.transport.localPort);
});

test('each attempt begins with another address of the name', async () => {
  const lookup = async (): Promise<string[]> => ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
  const used: string[] = [];
  for (const attempt of [0, 1, 2, 3]) {
    const { transport, peer } = await openUdpClient({ host: 'server.example', port: 5683, lookup, attempt });
    used.push(peer.address);
    await transport.close();
  }
  expect(used).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.1']);
});
