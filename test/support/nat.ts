import { createSocket, type Socket } from 'node:dgram';

/** A NAT between a client and a server over UDP, on 127.0.0.1. */
export interface Nat {
  /** where the server seems to be */
  readonly port: number;
  /** ClientHellos that went through: a handshake has two when the server asks for a cookie. */
  readonly hellos: number;
  /** Forgets the client: what it sends comes from another port from now on, and nothing reaches it before. */
  rebind(): void;
  close(): Promise<void>;
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** of a DTLS record */
const HEADER = 13;

const isHello = (datagram: Buffer): boolean =>
  datagram[0] === HANDSHAKE && datagram.readUInt16BE(3) === 0 && datagram[HEADER] === CLIENT_HELLO;

export async function startNat(serverPort: number): Promise<Nat> {
  const inside = createSocket('udp4');
  let outside: Socket | undefined;
  let client = 0;
  let hellos = 0;

  const forget = (): void => {
    outside?.close();
    outside = undefined;
  };
  const open = (clientPort: number): Socket => {
    const socket = createSocket('udp4');
    socket.on('message', (datagram) => inside.send(datagram, clientPort, '127.0.0.1'));
    return socket;
  };
  inside.on('message', (datagram, { port }) => {
    if (isHello(datagram)) hellos++;
    // A mapping is of one port inside.
    if (port !== client) forget();
    client = port;
    outside ??= open(port);
    outside.send(datagram, serverPort, '127.0.0.1');
  });
  await new Promise<void>((listening) => inside.bind(0, '127.0.0.1', listening));
  return {
    port: inside.address().port,
    get hellos() {
      return hellos;
    },
    rebind: forget,
    close() {
      forget();
      return new Promise((closed) => inside.close(closed));
    },
  };
}
