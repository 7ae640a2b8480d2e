import { expect, test } from 'vitest';
import { createFakeClock } from './fake-clock.ts';
import { createMemoryPair } from './memory-pair.ts';

/** Chance that gives these values in turn, then 0.5. */
const chances =
  (...values: number[]): (() => number) =>
  () =>
    values.shift() ?? 0.5;

function listen(options: Partial<Parameters<typeof createMemoryPair>[0]> = {}) {
  const clock = createFakeClock();
  const [left, right] = createMemoryPair({ clock, random: chances(), ...options });
  const heard: string[] = [];
  right.transport.receive({
    onMessage: (bytes, peer) => heard.push(`${peer.key} ${Buffer.from(bytes).toString()}`),
    onError() {},
  });
  const say = (text: string): void => left.transport.send(Buffer.from(text), left.peer);
  return { clock, left, right, heard, say };
}

test('a datagram arrives at the other end after the delay, from whom the other end talks to', async () => {
  const { clock, heard, say, right } = listen({ delayMs: 10 });
  say('a');
  await clock.advance(9);
  expect(heard).toEqual([]);
  await clock.advance(1);
  expect(heard).toEqual([`${right.peer.key} a`]);
});

test('datagrams are lost, doubled and held back as chance says', async () => {
  const lost = [0.1];
  const twice = [0.9, 0.1, 0.9, 0.1, 0.5];
  const late = [0.9, 0.9, 0.1, 0.9];
  const random = chances(...lost, ...twice, ...late, 0.9, 0.9, 0.9);
  const { clock, heard, say } = listen({
    random,
    loss: 0.2,
    duplication: 0.2,
    reordering: 0.2,
    reorderMs: 100,
  });
  for (const text of ['lost', 'twice', 'late', 'last']) say(text);
  await clock.advance(1000);
  expect(heard.map((line) => line.split(' ')[1])).toEqual(['twice', 'last', 'twice', 'late']);
});

test('the receiver may keep the bytes', async () => {
  const { clock, heard, left } = listen();
  const bytes = Buffer.from('a');
  left.transport.send(bytes, left.peer);
  bytes.write('b');
  await clock.advance(1);
  expect(heard[0]).toContain('b');
});

test('a closed end neither sends nor hears', async () => {
  const { clock, heard, say, right } = listen();
  say('a');
  await right.transport.close();
  await clock.advance(10);
  expect(heard).toEqual([]);
  const other = listen();
  await other.left.transport.close();
  other.say('a');
  await other.clock.advance(10);
  expect(other.heard).toEqual([]);
});
