import type { Socket } from 'node:net';
import { type Cancel, type Clock, GatewayError } from '../base/index.ts';
import { type Connection, type ConnectionReceiver, deafConnection } from './stream.ts';
import type { Traffic } from './traffic.ts';
import type { Peer } from './transport.ts';

interface ConnectionLimits {
  /** bytes that wait to be sent before there counts as no room */
  readonly roomBytes: number;
  /** bytes that may wait at most: a peer that reads nothing is cut off */
  readonly mostWaitingBytes: number;
  /** ms that a peer has to take what waits, when the connection ends */
  readonly endMs: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  roomBytes: 64 << 10,
  mostWaitingBytes: 8 << 20,
  endMs: 1000,
};

/** How long a connection is silent before the kernel asks whether the other side is still there. */
const KEEP_ALIVE_MS = 60_000;

/** A socket, TCP or TLS, as a connection. Belongs to it from now on. */
export function createSocketConnection(
  socket: Socket,
  peer: Peer,
  clock: Clock,
  limits: ConnectionLimits = CONNECTION_LIMITS,
  traffic?: Traffic,
): Connection {
  let receiver: ConnectionReceiver = deafConnection;
  let failure: Error | undefined;
  let isCorked = false;
  let stopTimer: Cancel | undefined;

  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.pause();
  socket.on('data', (bytes) => {
    traffic?.received(bytes.length);
    receiver.onBytes(bytes);
  });
  socket.on('drain', () => receiver.onRoom());
  socket.on('error', (error) => {
    failure ??= error;
  });
  socket.on('close', () => {
    stopTimer?.();
    receiver.onClosed(failure);
    receiver = deafConnection;
  });

  const destroy = (error?: Error): void => {
    failure ??= error;
    socket.destroy();
  };

  const uncork = (): void => {
    isCorked = false;
    socket.uncork();
  };

  return {
    peer,
    receive(next) {
      receiver = next;
      // It may have been closed before anybody listened.
      if (socket.closed) process.nextTick(() => next.onClosed(failure));
      else socket.resume();
    },
    write(bytes) {
      if (!socket.writable) return true;
      // What is written in one turn goes out with one call of the kernel.
      if (!isCorked) {
        isCorked = true;
        socket.cork();
        process.nextTick(uncork);
      }
      traffic?.sent(bytes.length);
      socket.write(bytes);
      if (socket.writableLength > limits.mostWaitingBytes)
        destroy(new GatewayError('transport.not-taken', `${peer.key} does not take what it is sent`));
      return socket.writableLength < limits.roomBytes;
    },
    pause(isPaused) {
      if (isPaused) socket.pause();
      else socket.resume();
    },
    end() {
      if (socket.destroyed || stopTimer !== undefined) return;
      stopTimer = clock.after(limits.endMs, () => socket.destroy());
      // What still arrives must be read, or the other side's end is never seen.
      socket.resume();
      socket.end();
    },
    destroy,
  };
}
