import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/** A socket bound to an address of this machine. */
export function bindSocket(address: string, port: number, receiveBufferSize?: number): Promise<Socket> {
  return opening(address, receiveBufferSize, (socket, done) => socket.bind({ port, address }, done));
}

/** A socket connected to `address`, sending from `localPort` (0: any) of `localAddress` (absent: as the route says). */
export function connectSocket(
  address: string,
  port: number,
  localPort: number,
  localAddress: string | undefined,
): Promise<Socket> {
  return opening(address, undefined, (socket, done) => {
    const local = {
      port: localPort,
      exclusive: true,
      ...(localAddress !== undefined && { address: localAddress }),
    };
    socket.bind(local, () => socket.connect(port, address, done));
  });
}

function opening(
  address: string,
  receiveBufferSize: number | undefined,
  open: (socket: Socket, done: (error?: Error) => void) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const family = isIPv6(address) ? 6 : 4;
    const socket = createSocket({
      type: `udp${family}`,
      // All addresses are literal here: a lookup per datagram would only cost a turn of the event loop.
      lookup: (literal, _options, done) => done(null, literal, family),
      ...(receiveBufferSize !== undefined && { recvBufferSize: receiveBufferSize }),
    });
    const fail = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    open(socket, (error) => {
      if (error !== undefined && error !== null) return fail(error);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
