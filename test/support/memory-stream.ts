import type { Clock } from '../../src/base/index.ts';
import {
  type Connection,
  type ConnectionReceiver,
  deafConnection,
  type StreamTransport,
} from '../../src/transport/stream.ts';
import type { Peer } from '../../src/transport/transport.ts';

export interface MemoryStreamOptions {
  readonly clock: Clock;
  /** ms from one end to the other, default 1 */
  readonly delayMs?: number;
  /** How many of the bytes that wait come in one piece, at least 1; default: all that were written at once. */
  readonly pieceOf?: (waiting: number) => number;
  /** bytes on their way before there is no room, default 64 KiB */
  readonly roomBytes?: number;
}

/** One end of the pair, and whom it talks to. */
export interface MemoryStreamEnd {
  readonly transport: StreamTransport;
  readonly peer: Peer;
  readonly connection: Connection;
}

/** A connection in memory, cut into pieces as asked. For tests. */
export function createMemoryStreams(
  options: MemoryStreamOptions,
): readonly [left: MemoryStreamEnd, right: MemoryStreamEnd] {
  const left = createHalf({ key: 'memory:right', address: 'right', port: 0 }, options);
  const right = createHalf({ key: 'memory:left', address: 'left', port: 0 }, options);
  left.other = right;
  right.other = left;
  return [endOf(left), endOf(right)];
}

interface Half {
  readonly connection: Connection;
  other: Half | undefined;
  arrive(bytes: Uint8Array): void;
  taken(count: number): void;
  over(error: Error | undefined): void;
}

function endOf({ connection }: Half): MemoryStreamEnd {
  return {
    connection,
    peer: connection.peer,
    transport: {
      localPort: 0,
      accept: (listener) => listener(connection),
      async close() {
        connection.end();
      },
    },
  };
}

function createHalf(
  peer: Peer,
  { clock, delayMs = 1, pieceOf, roomBytes = 64 << 10 }: MemoryStreamOptions,
): Half {
  let receiver: ConnectionReceiver = deafConnection;
  const arrived: Uint8Array[] = [];
  let isPaused = true;
  let isOver = false;
  let onItsWay = 0;
  let wantsRoom = false;

  const later = (task: () => void): void => {
    clock.after(delayMs, task);
  };

  const flush = (): void => {
    while (!isPaused && !isOver) {
      const bytes = arrived.shift();
      if (bytes === undefined) return;
      const size = Math.min(bytes.length, Math.max(1, pieceOf?.(bytes.length) ?? bytes.length));
      if (size < bytes.length) arrived.unshift(bytes.subarray(size));
      half.other?.taken(size);
      receiver.onBytes(Buffer.from(bytes.subarray(0, size)));
    }
  };

  const over = (error?: Error): void => {
    if (isOver) return;
    isOver = true;
    receiver.onClosed(error);
    receiver = deafConnection;
  };

  const close = (error?: Error): void => {
    if (isOver) return;
    later(() => half.other?.over(undefined));
    over(error);
  };

  const half: Half = {
    other: undefined,
    arrive(bytes) {
      if (isOver) return;
      arrived.push(bytes);
      flush();
    },
    taken(count) {
      onItsWay -= count;
      if (!wantsRoom || onItsWay >= roomBytes) return;
      wantsRoom = false;
      receiver.onRoom();
    },
    over,
    connection: {
      peer,
      receive(next) {
        receiver = next;
        later(() => {
          if (isOver) next.onClosed(undefined);
          isPaused = false;
          flush();
        });
      },
      write(bytes) {
        if (isOver) return true;
        onItsWay += bytes.length;
        later(() => half.other?.arrive(bytes));
        wantsRoom = onItsWay >= roomBytes;
        return !wantsRoom;
      },
      pause(next) {
        isPaused = next;
        flush();
      },
      end: () => close(),
      destroy: close,
    },
  };
  return half;
}
