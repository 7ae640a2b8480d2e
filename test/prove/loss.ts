import { systemClock } from '../../src/base/index.ts';
import { seededRandom } from '../coap/random.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryPair } from '../support/memory-pair.ts';
import { openBadProxy } from './bad-proxy.ts';
import { BAD_WAY, type TransferCounts, transferAll } from './transfers.ts';

const LANES = 2;
/** A datagram may be as late as the second transmission of its message. */
const MEMORY_LATE_MS = 3000;
const STEP_MS = 5000;
/** All times of RFC 7252 4.8 forty times as short, so that real sockets come to an end. */
const SHORT = { ackTimeoutMs: 50, piggybackMs: 15, maxLatencyMs: 10_000, nstart: LANES };
const SOCKET_LATE_MS = 75;

/** In memory, with the parameters of RFC 7252 and a clock that needs no time. */
export async function loseInMemory(transfers: number, seed: number): Promise<TransferCounts> {
  const clock = createFakeClock();
  const random = seededRandom(seed);
  const way = createMemoryPair({ clock, random, ...BAD_WAY, reorderMs: MEMORY_LATE_MS });
  let counts: TransferCounts | undefined;
  const all = transferAll({
    ways: [way],
    transfers,
    lanes: LANES,
    clock,
    random,
    parameters: { nstart: LANES },
  }).then((result) => {
    counts = result;
  });
  while (counts === undefined) await clock.advance(STEP_MS);
  await all;
  await clock.advance(2 * MEMORY_LATE_MS);
  return { ...counts, timersLeft: clock.pending };
}

/** Through lossy proxies with real sockets, so many at the same time. */
export async function loseOnSockets(
  transfers: number,
  proxies: number,
  seed: number,
): Promise<TransferCounts> {
  const random = seededRandom(seed);
  const faults = { ...BAD_WAY, reorderMs: SOCKET_LATE_MS };
  const open = await Promise.all(Array.from({ length: proxies }, () => openBadProxy(faults, random)));
  try {
    return await transferAll({
      ways: open.map(({ way }) => way),
      transfers,
      lanes: LANES,
      clock: systemClock,
      random,
      parameters: SHORT,
    });
  } finally {
    await Promise.all(open.map((proxy) => proxy.close()));
  }
}
