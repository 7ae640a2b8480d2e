import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Dial } from './channel.ts';

/** A UDP socket that hears one device only. Opened anew it has another port, which no late answer will find. */
export function udpDial(host: string, port: number): Dial {
  return ({ onOpen, onData, onClose }) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    let isClosed = false;
    socket.on('connect', onOpen);
    socket.on('message', onData);
    // The name cannot be resolved, or the other side says that nobody listens there.
    socket.on('error', (error) => onClose(error.message));
    socket.connect(port, host);
    return {
      write(bytes) {
        // What cannot be sent now is lost, as it could be on its way.
        if (!isClosed) socket.send(bytes, () => {});
      },
      drain: (done) => setImmediate(done),
      close: () =>
        new Promise((closed) => {
          isClosed = true;
          socket.close(() => closed());
        }),
    };
  };
}
