import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger, systemClock } from '../../src/base/index.ts';
import { openCoapUplink } from '../../src/binding/index.ts';
import type { Service } from '../../src/client/index.ts';
import { createEndpoint } from '../../src/coap/index.ts';
import { openUdpServer } from '../../src/transport/index.ts';

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const it of open.splice(0).reverse()) await it.close();
});

const service: Service = {
  isRegistered: true,
  release: '1.2',
  resource: () => undefined,
  check: () => undefined,
  perform: async () => ({ status: 'not-found' }),
  observe: async () => ({ status: 'not-found' }),
  observeComposite: async () => ({ status: 'not-found' }),
  cancel() {},
  openSink: () => undefined,
  lost() {},
  moved() {},
};

/** A server that takes every registration, and the port that each message came from. */
async function createServer(host: string) {
  const ports: number[] = [];
  const transport = await openUdpServer({ host, port: 0 });
  const endpoint = createEndpoint({
    transport,
    clock: systemClock,
    random: Math.random,
    handler: ({ peer, path }) => {
      ports.push(peer.port);
      return path.length === 1 ? { code: '2.01', location: ['rd', '7'] } : { code: '2.04' };
    },
  });
  open.push(endpoint);
  return { port: transport.localPort, ports };
}

async function openUplink(host: string, port: number, localPort?: number) {
  const timers = createTimers(systemClock, 20);
  const uplink = await openCoapUplink(
    { host, port, attempt: 0, ...(localPort !== undefined && { localPort }) },
    service,
    { clock: systemClock, timers, log: silentLogger, random: Math.random },
  );
  open.push(uplink);
  return uplink;
}

const registration = {
  endpoint: 'gw',
  release: '1.2',
  queueMode: false,
  lifetimeS: 60,
  objects: '</3/0>',
} as const;

/** A port that nobody has. */
async function freePort(host: string): Promise<number> {
  const transport = await openUdpServer({ host, port: 0 });
  await transport.close();
  return transport.localPort;
}

describe.each([
  ['IPv4', '127.0.0.1', true],
  ['IPv6 (needs the address ::1)', '::1', hasIPv6],
])('the port here, over %s', (_, host, isThere) => {
  test.skipIf(!isThere)('is the same for all of a registration (OMA Transport 1.2 6.1)', async () => {
    const { port, ports } = await createServer(host);
    const uplink = await openUplink(host, port);
    expect(await uplink.register(registration)).toEqual({ status: 'registered', location: ['rd', '7'] });
    for (let update = 0; update < 3; update++)
      expect(await uplink.update(['rd', '7'], {})).toEqual({ status: 'ok' });
    await uplink.deregister(['rd', '7']);
    expect([ports.length, new Set(ports).size]).toEqual([5, 1]);
  });

  test.skipIf(!isThere)('is the one that is configured, also when opened again at once', async () => {
    const { port, ports } = await createServer(host);
    const localPort = await freePort(host);
    for (let time = 0; time < 3; time++) {
      const uplink = await openUplink(host, port, localPort);
      await uplink.register(registration);
      await uplink.close();
    }
    expect(ports).toEqual([localPort, localPort, localPort]);
  });
});
