import { expect, test } from 'vitest';
import { createEndpoint, type ServerObservation } from '../../src/coap/index.ts';
import { openTcpClient, openTcpServer, openUdpClient, openUdpServer } from '../../src/transport/index.ts';

/** What somebody else would write who wants CoAP and no LwM2M: two doors, and nothing else of ours. */

const at = { host: '127.0.0.1', port: 0 };
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const notFound = () => ({ code: '4.04' }) as const;

test.each([
  ['UDP', openUdpServer, openUdpClient],
  ['TCP', openTcpServer, openTcpClient],
] as const)(
  'over %s: a server with a resource to observe, and a client that reads and observes it',
  async (_, openServer, openClient) => {
    const observers = new Set<ServerObservation>();
    let celsius = 20;
    const state = () => ({ code: '2.05', contentFormat: 0, payload: Buffer.from(`${celsius}`) }) as const;

    const carrier = await openServer(at);
    const server = createEndpoint({
      transport: carrier,
      handler({ method, path }) {
        if (path.join('/') !== 'room/temperature') return notFound();
        if (method !== 'GET') return { code: '4.05' };
        return {
          ...state(),
          onObserve(observation) {
            observers.add(observation);
            observation.owner = { ended: () => void observers.delete(observation) };
          },
        };
      },
    });

    const { transport, peer } = await openClient({ ...at, port: carrier.localPort });
    const client = createEndpoint({ transport, handler: notFound });

    const answer = await client.request(peer, { method: 'GET', path: ['room', 'temperature'] });
    expect([answer.code, answer.contentFormat, text(answer.payload)]).toEqual(['2.05', 0, '20']);
    expect((await client.request(peer, { method: 'GET', path: ['cellar'] })).code).toBe('4.04');

    let hear = (_: string): void => {};
    const heard = new Promise<string>((resolve) => {
      hear = resolve;
    });
    const observation = await client.observe(
      peer,
      { method: 'GET', path: ['room', 'temperature'] },
      ({ payload }) => hear(text(payload)),
    );
    celsius = 21;
    for (const observer of observers) observer.notify(state(), { confirmable: true });
    expect(await heard).toBe('21');
    await observation.cancel();
    expect(observers.size).toBe(0);

    await client.close();
    await server.close();
  },
);
