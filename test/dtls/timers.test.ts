import { expect, test } from 'vitest';
import { DEFAULT_TIMERS } from '../../src/dtls/index.ts';
import { createScene } from './network.ts';
import { scene } from './scenes.ts';

/** A client whom nobody hears, and when it sends. */
function unheard(options: Parameters<typeof createScene>[0] = {}) {
  const sentAt: number[] = [];
  const made = createScene({ ...options, way: () => sentAt.push(made.clock.monotonic()) });
  made.client.start();
  return { ...made, sentAt };
}

test('the wait is 9 s, doubles up to a minute, and ends after two (RFC 6347 4.2.4.1, RFC 7925 11)', async () => {
  const { clock, sentAt, told } = unheard();
  await clock.advance(DEFAULT_TIMERS.totalMs - 1);
  expect(sentAt).toEqual([0, 9000, 27_000, 63_000]);
  expect(told.ended).toEqual([]);
  await clock.advance(1);
  expect(told.ended).toMatchObject([{ code: 'dtls.timeout' }]);
  expect(clock.pending).toBe(0);
});

test('other times can be set', async () => {
  const { clock, sentAt } = unheard({ timers: { firstMs: 100, mostMs: 150, totalMs: 500 } });
  await clock.advance(1000);
  expect(sentAt).toEqual([0, 100, 250, 400]);
});

test('smaller datagrams are tried when large ones are not answered (RFC 6347 4.1.1.1)', async () => {
  const made = createScene(
    scene('certificate', {
      timers: { firstMs: 1000, mostMs: 60_000, totalMs: 60_000 },
      // A way that is too narrow for what we send at first.
      way: (datagram, pass, direction) => {
        if (direction === 'down' || datagram.length <= 300) pass(datagram);
      },
    }),
  );
  made.client.start();
  made.settle();
  expect(made.client.isOpen).toBe(false);
  for (let time = 0; time < 60; time++) {
    await made.clock.advance(500);
    made.settle();
  }
  expect(made.client.isOpen).toBe(true);
});

test('what made no sense is named when the time is up', async () => {
  const { client, clock, told } = unheard();
  // A ServerHello cut short, as a broken server would send it.
  client.receive(Buffer.from('16fefd0000000000000001000e020000020000000000000002fefd', 'hex'));
  await clock.advance(DEFAULT_TIMERS.totalMs);
  expect(told.ended[0]?.message).toMatch(/discarded at last: cut short/);
});
