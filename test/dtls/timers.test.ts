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

/** Records of a datagram: content type, epoch, record number, and of a plain handshake message its number. */
function recordsIn(datagram: Buffer): { type: number; epoch: number; number: number; message?: number }[] {
  const found = [];
  for (let at = 0; at < datagram.length; at += 13 + datagram.readUInt16BE(at + 11)) {
    const [type, epoch] = [datagram.readUInt8(at), datagram.readUInt16BE(at + 3)];
    const message = type === 22 && epoch === 0 ? { message: datagram.readUInt16BE(at + 17) } : {};
    found.push({ type, epoch, number: datagram.readUIntBE(at + 5, 6), ...message });
  }
  return found;
}

test('a flight is repeated whole: same messages and epochs, new record numbers (RFC 6347 4.1, 4.2.4)', async () => {
  const { client, clock, up, settle } = createScene({
    way: (datagram, pass, direction) => {
      // What is protected, and what comes with it, gets lost.
      if (direction === 'down' || datagram.readUInt8(13) === 1) pass(datagram);
    },
  });
  client.start();
  settle();
  await clock.advance(9000 + 18_000);
  const sent = up.filter((datagram) => datagram.readUInt8(13) !== 1).map(recordsIn);
  expect(sent).toHaveLength(3);
  const withoutNumbers = sent.map((records) => records.map(({ number, ...rest }) => rest));
  // ClientKeyExchange, ChangeCipherSpec (RFC 6347 4.2.5), Finished
  expect(withoutNumbers[0]).toEqual([
    { type: 22, epoch: 0, message: 2 },
    { type: 20, epoch: 0 },
    { type: 22, epoch: 1 },
  ]);
  expect(withoutNumbers[1]).toEqual(withoutNumbers[0]);
  expect(withoutNumbers[2]).toEqual(withoutNumbers[0]);
  const numbers = sent.flat().map(({ epoch, number }) => `${epoch} ${number}`);
  expect(new Set(numbers).size).toBe(numbers.length); // no nonce twice (RFC 5288 3)
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

test('a hello stays in one piece: servers that keep no state cannot put it together (RFC 6347 4.2.1)', async () => {
  const serverName = `${'a-long-name.'.repeat(16)}example.org`;
  const { clock, up } = unheard(scene('certificate', { serverName }));
  await clock.advance(DEFAULT_TIMERS.totalMs);
  expect(up.map(({ length }) => length)).toEqual(Array(4).fill(up[0]?.length));
  expect(up[0]?.length).toBeGreaterThan(256);
});

test('what made no sense is named when the time is up', async () => {
  const { client, clock, told } = unheard();
  // A ServerHello cut short, as a broken server would send it.
  client.receive(Buffer.from('16fefd0000000000000001000e020000020000000000000002fefd', 'hex'));
  await clock.advance(DEFAULT_TIMERS.totalMs);
  expect(told.ended[0]?.message).toMatch(/discarded at last: cut short/);
});
