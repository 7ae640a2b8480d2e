import { connect, createServer, type Socket } from 'node:net';

/** A serial line as it is: bytes take their time, and things happen to them on the way. */
export interface RelayOptions {
  /** ms per character; 0: as fast as it goes */
  readonly characterMs?: number;
  /** The adapter repeats to the master what the master sends. */
  readonly echo?: boolean;
  /** How long after a request the device begins its answer, at the earliest. */
  readonly turnaroundMs?: number;
  /** What becomes of bytes on their way to the master; an empty list drops them. */
  readonly toMaster?: (chunk: Buffer) => readonly Buffer[];
  /** Hears what is on the line, whoever says it. */
  readonly tap?: (chunk: Buffer) => void;
}

export interface Relay {
  readonly port: number;
  /** when bytes of the master were on the line, ms */
  readonly busyMs: number;
  close(): Promise<void>;
}

/** Bytes that go out in one piece: enough to spare timers, few enough to be in pieces. */
const PIECE = 16;

/** Below this a timer of the runtime may fire too late: what is left is waited turn by turn of the event loop. */
const FINE_MS = 1.5;
/** Timers are so late at most, mostly. */
const TIMER_LATE_MS = 0.5;

/** Sends bytes at the pace of a line, one direction; to a tenth of a ms, so that the line is no slower than it says. */
function createPace(
  characterMs: number,
  send: (bytes: Buffer) => void,
): { pass(bytes: Buffer, earliest: number): void; readonly freeAt: number } {
  const waiting: { readonly bytes: Buffer; readonly at: number }[] = [];
  let freeAt = 0;
  const sendDue = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const waitMs = next.at - performance.now();
      if (waitMs > FINE_MS) setTimeout(sendDue, waitMs - TIMER_LATE_MS);
      else if (waitMs > 0) setImmediate(sendDue);
      if (waitMs > 0) return;
      waiting.shift();
      send(next.bytes);
    }
  };
  return {
    get freeAt() {
      return freeAt;
    },
    pass(bytes, earliest) {
      const isIdle = waiting.length === 0;
      freeAt = Math.max(performance.now(), earliest, freeAt);
      for (let from = 0; from < bytes.length; from += PIECE) {
        const piece = bytes.subarray(from, from + PIECE);
        freeAt += piece.length * characterMs;
        waiting.push({ bytes: piece, at: freeAt });
      }
      if (isIdle) sendDue();
    },
  };
}

/** Listens on 127.0.0.1, and passes bytes on to a simulation on `target`. */
export async function startRelay(target: number, options: RelayOptions = {}): Promise<Relay> {
  const {
    characterMs = 0,
    echo = false,
    turnaroundMs = 0,
    toMaster = (chunk) => [chunk],
    tap = () => {},
  } = options;
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
    const there = createPace(characterMs, (bytes) => {
      tap(bytes);
      device.write(bytes);
    });
    const back = createPace(characterMs, (bytes) => {
      tap(bytes);
      master.write(bytes);
    });
    master.on('data', (chunk) => {
      busyMs += chunk.length * characterMs;
      if (echo) back.pass(chunk, 0);
      there.pass(chunk, 0);
    });
    device.on('data', (chunk) => {
      busyMs += chunk.length * characterMs;
      for (const part of toMaster(chunk)) back.pass(part, there.freeAt + turnaroundMs);
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
