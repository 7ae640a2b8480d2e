import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, connect as tlsConnect } from 'node:tls';
import {
  type Clock,
  GatewayError,
  type Logger,
  messageOf,
  silentLogger,
  systemClock,
} from '../base/index.ts';
import { placeName, plainAddress } from './peer-book.ts';
import { openToAny, type ServerPlace } from './resolve.ts';
import { CONNECTION_LIMITS, createSocketConnection } from './socket-connection.ts';
import type { Connection, StreamTransport } from './stream.ts';
import {
  clientOptions,
  judgePeer,
  serverOptions,
  type TlsClientSecurity,
  type TlsServerSecurity,
} from './tls.ts';
import type { Peer } from './transport.ts';

export interface TcpClientOptions extends ServerPlace {
  /** TLS; absent: plain TCP */
  readonly security?: TlsClientSecurity;
  /** Hears the secrets of TLS, a line of an SSLKEYLOGFILE each time. For debugging only. */
  readonly keyLog?: (line: string) => void;
  /** for each address, handshake of TLS included; default 10 s */
  readonly connectTimeoutMs?: number;
}

export interface TcpServerOptions {
  /** an address of this machine; absent: all of them, IPv6 and IPv4 */
  readonly host?: string;
  /** 0: any */
  readonly port: number;
  /** TLS; absent: plain TCP */
  readonly security?: TlsServerSecurity;
  /** at the same time, default 1000; what comes beyond is closed at once */
  readonly mostConnections?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
}

const CONNECT_TIMEOUT_MS = 10_000;
const MOST_CONNECTIONS = 1000;

/**
 * One connection to a server. Its addresses are tried in their order, each within the deadline.
 * @throws GatewayError `transport.unresolved`, `transport.unopened`
 */
export async function openTcpClient(
  options: TcpClientOptions,
): Promise<{ readonly transport: StreamTransport; readonly peer: Peer }> {
  return openToAny(options, async (address) => {
    const { socket, connection } = await connect(address, options);
    return { transport: createClientTransport(connection, socket), peer: connection.peer };
  });
}

/** @param count tells connections of one transport apart */
function peerOf(raw: string, port: number, count: number): Peer {
  const address = plainAddress(raw);
  return { key: `${placeName(address, port)}#${count}`, address, port };
}

interface Connected {
  readonly socket: Socket;
  readonly connection: Connection;
}

function connect(address: string, options: TcpClientOptions): Promise<Connected> {
  const {
    host,
    port,
    security,
    keyLog,
    clock = systemClock,
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
  } = options;
  return new Promise((resolve, reject) => {
    const to = { host: address, port };
    const socket =
      security === undefined ? netConnect(to) : tlsConnect({ ...clientOptions(security, host), ...to });
    if (keyLog !== undefined) socket.on('keylog', (line: Buffer) => keyLog(line.toString().trimEnd()));
    const fail = (error: Error): void => {
      cancel();
      socket.destroy();
      reject(error);
    };
    const onClose = (): void => fail(new Error('closed before it was open'));
    const cancel = clock.after(connectTimeoutMs, () =>
      fail(new Error(`not open within ${connectTimeoutMs} ms`)),
    );
    socket.on('error', fail);
    socket.on('close', onClose);
    socket.once(security === undefined ? 'connect' : 'secureConnect', () => {
      cancel();
      try {
        if (socket instanceof TLSSocket) judgePeer(security, socket);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(messageOf(error)));
        return;
      }
      // Before anything else can happen to the socket.
      const connection = createSocketConnection(
        socket,
        peerOf(address, port, 1),
        clock,
        CONNECTION_LIMITS,
        options.traffic,
      );
      socket.off('error', fail);
      socket.off('close', onClose);
      resolve({ socket, connection });
    });
  });
}

function createClientTransport(connection: Connection, socket: Socket): StreamTransport {
  let closing: Promise<void> | undefined;
  return {
    localPort: socket.localPort ?? 0,
    accept: (listener) => listener(connection),
    close() {
      closing ??= new Promise((resolve) => {
        if (socket.closed) resolve();
        else socket.once('close', () => resolve());
        connection.end();
      });
      return closing;
    },
  };
}

/**
 * Takes connections of anybody, as many as are allowed.
 * @throws GatewayError `transport.unopened`
 */
export async function openTcpServer(options: TcpServerOptions): Promise<StreamTransport> {
  const { security, clock = systemClock, log = silentLogger } = options;
  const connections = new Set<Connection>();
  /** below the connections, and those whose handshake is not done */
  const sockets = new Set<Socket>();
  let listener: ((connection: Connection) => void) | undefined;
  let closing: Promise<void> | undefined;
  let count = 0;

  const take = (socket: Socket): void => {
    // The handshake was done too late.
    if (closing !== undefined) {
      socket.destroy();
      return;
    }
    const connection = createSocketConnection(
      socket,
      peerOf(socket.remoteAddress ?? '', socket.remotePort ?? 0, ++count),
      clock,
    );
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
    listener?.(connection);
  };
  const server =
    security === undefined
      ? createServer({ pauseOnConnect: true }, take)
      : createTlsServer({ ...serverOptions(security), handshakeTimeout: CONNECT_TIMEOUT_MS }, take);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.maxConnections = options.mostConnections ?? MOST_CONNECTIONS;
  // A connection that fails before it is ours, above all in the handshake, is no matter of the server.
  server.on('tlsClientError', (error: Error) => log.debug({ error: error.message }, 'no handshake'));
  await listen(server, options);
  server.on('error', (error) => log.warn({ error: error.message }, 'a server socket reports an error'));
  const bound = server.address();

  return {
    localPort: typeof bound === 'object' && bound !== null ? bound.port : 0,
    accept(next) {
      listener = next;
      for (const connection of connections) next(connection);
    },
    close() {
      closing ??= new Promise((resolve) => {
        // Whoever has not come to an end by then has no connection yet.
        const cancel = clock.after(CONNECTION_LIMITS.endMs, () => {
          for (const socket of sockets) socket.destroy();
        });
        server.close(() => {
          cancel();
          resolve();
        });
        for (const connection of connections) connection.end();
      });
      return closing;
    },
  };
}

function listen(server: Server, { host, port }: TcpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new GatewayError('transport.unopened', `no server on port ${port}: ${messageOf(cause)}`, { cause }),
      ),
    );
    server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });
}
