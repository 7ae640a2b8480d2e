import { connect, createServer, type Socket } from 'node:net';

/** A serial line as it is: bytes take their time, and things happen to them on the way. */
export interface RelayOptions {
  /** ms per character; 0: as fast as it goes */
  readonly characterMs?: number;
  /** The adapter repeats to the master what the master sends. */
  readonly echo?: boolean;
  /** How long after a request the device sees it, e.g. its turnaround. */
  readonly delayMs?: number;
  /** What becomes of bytes on their way to the master; an empty list drops them. */
  readonly toMaster?: (chunk: Buffer) => readonly Buffer[];
}

export interface Relay {
  readonly port: number;
  /** when bytes of the master were on the line, ms */
  readonly busyMs: number;
  close(): Promise<void>;
}

/** Bytes that go out in one piece: enough to spare timers, few enough to be in pieces. */
const PIECE = 16;

/** Sends bytes at the pace of a line, one direction. */
function createPace(
  characterMs: number,
  send: (bytes: Buffer) => void,
): (bytes: Buffer, delayMs: number) => void {
  let freeAt = 0;
  return (bytes, delayMs) => {
    let at = Math.max(performance.now() + delayMs, freeAt);
    for (let from = 0; from < bytes.length; from += PIECE) {
      const piece = bytes.subarray(from, from + PIECE);
      at += piece.length * characterMs;
      const wait = at - performance.now();
      if (wait <= 0) send(piece);
      else setTimeout(() => send(piece), Math.round(wait));
    }
    freeAt = at;
  };
}

/** Listens on 127.0.0.1, and passes bytes on to a simulation on `target`. */
export async function startRelay(target: number, options: RelayOptions = {}): Promise<Relay> {
  const { characterMs = 0, echo = false, delayMs = 0, toMaster = (chunk) => [chunk] } = options;
  const sockets = new Set<Socket>();
  let busyMs = 0;
  const server = createServer({ noDelay: true }, (master) => {
    const device = connect({ port: target, host: '127.0.0.1', noDelay: true });
    for (const socket of [master, device]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        master.destroy();
        device.destroy();
      });
    }
    const there = createPace(characterMs, (bytes) => device.write(bytes));
    const back = createPace(characterMs, (bytes) => master.write(bytes));
    master.on('data', (chunk) => {
      busyMs += chunk.length * characterMs;
      if (echo) back(chunk, 0);
      there(chunk, delayMs);
    });
    device.on('data', (chunk) => {
      busyMs += chunk.length * characterMs;
      for (const part of toMaster(chunk)) back(part, 0);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get busyMs() {
      return busyMs;
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
