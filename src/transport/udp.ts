import type { Socket } from 'node:dgram';
import { GatewayError, type Logger, messageOf, silentLogger } from '../base/index.ts';
import { createPeerBook, placeName } from './peer-book.ts';
import { openToAny, type ServerPlace } from './resolve.ts';
import { datagramHeaders, type Traffic } from './traffic.ts';
import { type DatagramReceiver, type DatagramTransport, deafReceiver, type Peer } from './transport.ts';
import { bindSocket, connectSocket } from './udp-socket.ts';

export interface UdpClientOptions extends ServerPlace {
  /** 0 or absent: any */
  readonly localPort?: number;
  readonly localAddress?: string;
}

export interface UdpServerOptions {
  /** an address of this machine; absent: all of them, IPv6 and IPv4 */
  readonly host?: string;
  /** 0: any */
  readonly port: number;
  /** peers remembered at the same time, default 10,000 */
  readonly mostPeers?: number;
  readonly log?: Logger;
}

const MOST_PEERS = 10_000;
/** Room for bursts of many peers, in bytes; the kernel may give less. */
const SERVER_RECEIVE_BUFFER = 1 << 20;

/**
 * A connected socket to one peer: datagrams of strangers never arrive, and a refused port is seen. The name is
 * resolved once, here, and its addresses are tried in their order. Our own address is fixed with it: after a change
 * of network, or of the peer's address, open a new one.
 * @throws GatewayError `transport.unresolved`, `transport.unopened`
 */
export async function openUdpClient(
  options: UdpClientOptions,
): Promise<{ readonly transport: DatagramTransport; readonly peer: Peer }> {
  const { port, localPort = 0, localAddress, traffic } = options;
  return openToAny(options, async (address) => {
    const socket = await connectSocket(address, port, localPort, localAddress);
    const peer: Peer = { key: placeName(address, port), address, port };
    return { transport: createTransport(socket, toOnePeer(peer), traffic), peer };
  });
}

/**
 * A socket that anybody may send to.
 * @throws GatewayError `transport.unopened`
 */
export async function openUdpServer(options: UdpServerOptions): Promise<DatagramTransport> {
  const { host, port, mostPeers = MOST_PEERS, log = silentLogger } = options;
  const socket = await bindServer(host, port);
  const bound = socket.address();
  log.debug({ address: bound.address, port: bound.port }, 'UDP socket bound');
  return createTransport(socket, toManyPeers(bound.family === 'IPv6', mostPeers));
}

async function bindServer(host: string | undefined, port: number): Promise<Socket> {
  let cause: unknown;
  for (const address of host === undefined ? ['::', '0.0.0.0'] : [host]) {
    try {
      return await bindSocket(address, port, SERVER_RECEIVE_BUFFER);
    } catch (error) {
      cause = error;
    }
  }
  throw new GatewayError('transport.unopened', `no UDP socket on port ${port}: ${messageOf(cause)}`, {
    cause,
  });
}

/** What tells a connected socket from an open one. */
interface Addressing {
  from(address: string, port: number): Peer;
  /** Whom an error of the socket is about, if that is known. */
  blamed(error: Error): Peer | undefined;
  send(socket: Socket, bytes: Uint8Array, peer: Peer, onSent: (error: Error | null) => void): void;
}

function toOnePeer(connected: Peer): Addressing {
  return {
    from: () => connected,
    blamed: () => connected,
    send(socket, bytes, peer, onSent) {
      if (peer.key === connected.key) socket.send(bytes, onSent);
      else
        onSent(new GatewayError('transport.stranger', `connected to ${connected.key}, not to ${peer.key}`));
    },
  };
}

function toManyPeers(isIPv6: boolean, mostPeers: number): Addressing {
  const book = createPeerBook(mostPeers);
  return {
    from: book.peer,
    blamed(error) {
      const { address, port } = error as { address?: unknown; port?: unknown };
      return typeof address === 'string' && typeof port === 'number' ? book.peer(address, port) : undefined;
    },
    send(socket, bytes, { address, port }, onSent) {
      // An IPv6 socket reaches IPv4 peers by their mapped address (RFC 4291 2.5.5.2).
      socket.send(bytes, port, isIPv6 && !address.includes(':') ? `::ffff:${address}` : address, onSent);
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}

function createTransport(socket: Socket, addressing: Addressing, traffic?: Traffic): DatagramTransport {
  const { port: localPort, family } = socket.address();
  const headers = datagramHeaders(family);
  let receiver: DatagramReceiver = deafReceiver;
  let closing: Promise<void> | undefined;

  const onError = (error: Error): void => receiver.onError(error, addressing.blamed(error));
  // One function for all datagrams; without one, Node hides the errors of a send that fails at once.
  const onSent = (error: Error | null): void => {
    if (error !== null) onError(error);
  };
  socket.on('error', onError);
  socket.on('message', (bytes, { address, port }) => {
    traffic?.received(bytes.length + headers);
    receiver.onMessage(bytes, addressing.from(address, port));
  });

  return {
    localPort,
    receive(next) {
      if (closing === undefined) receiver = next;
    },
    send(bytes, peer) {
      if (closing !== undefined) return;
      traffic?.sent(bytes.length + headers);
      try {
        addressing.send(socket, bytes, peer, onSent);
      } catch (error) {
        // Node throws for what it sees itself, such as port 0, which any stranger can put into a datagram.
        receiver.onError(asError(error), peer);
      }
    },
    close() {
      receiver = deafReceiver;
      closing ??= new Promise((resolve) => socket.close(resolve));
      return closing;
    },
  };
}
