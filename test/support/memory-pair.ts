import type { Clock } from '../../src/base/index.ts';
import type { DatagramReceiver, DatagramTransport, Peer } from '../../src/transport/index.ts';

const deafReceiver: DatagramReceiver = { onMessage() {}, onError() {} };

/** How bad the way between two ends is. All probabilities are 0..1 and per datagram. */
export interface MemoryFaults {
  /** ms from one end to the other, default 1 */
  readonly delayMs?: number;
  readonly loss?: number;
  readonly duplication?: number;
  /** chance of being held back by a random part of `reorderMs` */
  readonly reordering?: number;
  /** default 50 */
  readonly reorderMs?: number;
}

export interface MemoryOptions extends MemoryFaults {
  readonly clock: Clock;
  /** 0 <= x < 1 */
  readonly random: () => number;
}

/** One end of the pair, and whom it talks to. */
export interface MemoryEnd {
  readonly transport: DatagramTransport;
  readonly peer: Peer;
}

/** Two transports joined in memory by a way that loses, doubles and reorders as asked. */
export function createMemoryPair(options: MemoryOptions): readonly [MemoryEnd, MemoryEnd] {
  const left = createEnd();
  const right = createEnd();
  const leftPeer: Peer = { key: 'memory:left', address: 'left', port: 0 };
  const rightPeer: Peer = { key: 'memory:right', address: 'right', port: 0 };
  return [
    { transport: left.transport((bytes) => carry(options, bytes, right, leftPeer)), peer: rightPeer },
    { transport: right.transport((bytes) => carry(options, bytes, left, rightPeer)), peer: leftPeer },
  ];
}

interface End {
  receiver: DatagramReceiver;
  transport(put: (bytes: Uint8Array) => void): DatagramTransport;
}

function createEnd(): End {
  let isClosed = false;
  const end: End = {
    receiver: deafReceiver,
    transport: (put) => ({
      localPort: 0,
      receive(next) {
        if (!isClosed) end.receiver = next;
      },
      send(bytes) {
        if (!isClosed) put(bytes);
      },
      async close() {
        isClosed = true;
        end.receiver = deafReceiver;
      },
    }),
  };
  return end;
}

/** When each copy of a datagram arrives, in ms from now; none if it gets lost. @param random 0 <= x < 1 */
export function arrivals(faults: MemoryFaults, random: () => number): number[] {
  const { delayMs = 1, loss = 0, duplication = 0, reordering = 0, reorderMs = 50 } = faults;
  const copies = random() < loss ? 0 : random() < duplication ? 2 : 1;
  return Array.from({ length: copies }, () => delayMs + (random() < reordering ? random() * reorderMs : 0));
}

function carry(options: MemoryOptions, bytes: Uint8Array, to: End, from: Peer): void {
  for (const delayMs of arrivals(options, options.random))
    options.clock.after(delayMs, () => to.receiver.onMessage(Buffer.from(bytes), from));
}
