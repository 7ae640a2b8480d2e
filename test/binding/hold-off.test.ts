import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTimers, silentLogger } from '../../src/base/index.ts';
import { openCoapUplink, type Resumption } from '../../src/binding/index.ts';
import type { Service } from '../../src/client/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** A server that wants to be left alone for a while, e.g. to be restarted (RFC 8323 5.5). */

const CSM = '00e1';
const release = (holdOffS: string): string =>
  `${(holdOffS.length / 2 + 1).toString(16)}0e44${holdOffS.length / 2}${holdOffS}`;

let server: Server;
let connected: Socket[];

beforeEach(async () => {
  connected = [];
  server = createServer((socket) => {
    connected.push(socket);
    socket.on('error', () => {});
    socket.resume();
    socket.write(Buffer.from(CSM, 'hex'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  for (const socket of connected) socket.destroy();
  server.close();
});

const turns = async (isSo: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 1000 && !isSo(); turn++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(isSo()).toBe(true);
};

test.each([
  ['for a minute', '3c', 60_000],
  ['for half a year, which is too long for a box that nobody drives out to', 'ffffff', 3_600_000],
])('%s is not connected with before', async (_, holdOffS, ms) => {
  const clock = createFakeClock();
  const resumption: Resumption = {};
  const { port } = server.address() as { port: number };
  let losses = 0;
  const service = {
    lost() {
      losses++;
    },
  } as Service;
  const open = () =>
    openCoapUplink({ scheme: 'coap+tcp', host: '127.0.0.1', port, attempt: 0, resumption }, service, {
      clock,
      timers: createTimers(clock, 5),
      log: silentLogger,
      random: Math.random,
    });
  const first = await open();
  await turns(() => connected.length === 1);
  connected[0]?.end(Buffer.from(release(holdOffS), 'hex'));
  await turns(() => losses === 1);
  await first.close();
  const second = open();
  await clock.advance(ms - 100);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(connected).toHaveLength(1);
  await clock.advance(200);
  await (await second).close();
  expect(connected).toHaveLength(2);
});
