import { connect } from 'node:net';
import type { Dial } from './channel.ts';

const KEEP_ALIVE_MS = 30_000;

/** A TCP connection to a device or gateway. */
export function tcpDial(host: string, port: number): Dial {
  return ({ onOpen, onData, onClose }) => {
    const socket = connect({ host, port, noDelay: true });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    let reason = 'closed by the device';
    socket.on('connect', onOpen);
    socket.on('data', onData);
    socket.on('error', (error) => {
      reason = error.message;
    });
    // A half-closed connection is of no use: the device will never answer again.
    socket.on('end', () => socket.destroy());
    socket.on('close', () => onClose(reason));
    return {
      write: (bytes) => socket.write(bytes),
      // Sockets are read before that.
      drain: (done) => setImmediate(done),
      close: () =>
        new Promise((closed) => {
          if (socket.closed) closed();
          else socket.once('close', () => closed());
          socket.destroy();
        }),
    };
  };
}
