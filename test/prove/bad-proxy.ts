import { createSocket, type Socket } from 'node:dgram';
import { openUdpClient } from '../../src/transport/index.ts';
import { arrivals, type MemoryEnd, type MemoryFaults } from '../support/memory-pair.ts';
import type { Way } from './transfers.ts';

const HOST = '127.0.0.1';

/** Two connected sockets, and between them one that passes on what it does not lose, twice or late where it should. */
export interface BadProxy {
  readonly way: Way;
  close(): Promise<void>;
}

function bound(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, HOST, () => resolve(socket));
  });
}

/** @param random 0 <= x < 1 */
export async function openBadProxy(faults: MemoryFaults, random: () => number): Promise<BadProxy> {
  const sides = [await bound(), await bound()] as const;
  const ends: readonly MemoryEnd[] = await Promise.all(
    sides.map((side) => openUdpClient({ host: HOST, port: side.address().port })),
  );
  const [left, right] = ends;
  if (left === undefined || right === undefined) throw new Error('a way has two ends');
  const late = new Set<NodeJS.Timeout>();

  const pass = (from: Socket, to: Socket, end: MemoryEnd): void => {
    from.on('message', (bytes) => {
      for (const delayMs of arrivals(faults, random)) {
        const timer = setTimeout(() => {
          late.delete(timer);
          to.send(bytes, end.transport.localPort, HOST);
        }, delayMs);
        late.add(timer);
      }
    });
    // A port that is closed already is no fault of the way.
    from.on('error', () => {});
  };
  pass(sides[0], sides[1], right);
  pass(sides[1], sides[0], left);

  return {
    way: [left, right],
    async close() {
      for (const timer of late) clearTimeout(timer);
      await Promise.all(sides.map((side) => new Promise<void>((closed) => side.close(() => closed()))));
    },
  };
}
