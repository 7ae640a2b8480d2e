import { expect, test } from 'vitest';
import { createTimers, silentLogger } from '../../src/base/index.ts';
import { type Configuration, createClient, EMPTY, merge, type Session } from '../../src/client/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** Sessions that do nothing, as a client opens and closes them. */

const account = (of: Configuration, server: number, uri: string): Configuration =>
  merge(
    merge(
      of,
      0,
      server,
      new Map<number, string | number | boolean>([
        [0, uri],
        [1, false],
        [2, 3],
        [10, server],
      ]),
    ),
    1,
    server,
    new Map<number, string | number | boolean>([
      [0, server],
      [1, 60],
      [6, true],
      [7, 'U'],
    ]),
  );

function world() {
  const clock = createFakeClock();
  const open = new Set<string>();
  let most = 0;
  const client = createClient({
    clock,
    timers: createTimers(clock, 5),
    log: silentLogger,
    random: () => 0,
    openSession({ shortServerId, security: { uri } }) {
      open.add(`${shortServerId} ${uri.port}`);
      most = Math.max(most, open.size);
      const status = { server: shortServerId, phase: 'registered', hasFailed: false };
      return { start() {}, onStatus() {}, setOffline() {}, status } as unknown as Session;
    },
    async closeSession({ shortServerId, security: { uri } }) {
      await new Promise<void>((closed) => clock.after(2000, closed));
      open.delete(`${shortServerId} ${uri.port}`);
    },
    setting: () => undefined,
    configuration: () => EMPTY,
    async adopt() {},
    startBootstrap() {
      throw new Error('there is no Bootstrap-Server');
    },
    onStatus() {},
  });
  return { clock, client, open, most: () => most };
}

test('configurations that follow each other while sessions still say farewell leave one session for a server', async () => {
  const { clock, client, open, most } = world();
  await client.follow(account(EMPTY, 1, 'coap://localhost:1000'));
  const [second, third] = [2000, 3000].map((port) =>
    client.follow(account(EMPTY, 1, `coap://localhost:${port}`)),
  );
  await clock.advance(2000);
  await second;
  await clock.advance(2000);
  await third;
  expect([[...open], most(), client.sessions.length]).toEqual([['1 3000'], 1, 1]);
});
