import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import { type CoapEndpoint, createEndpoint } from '../../src/coap/index.ts';
import { openUdpClient, openUdpServer } from '../../src/transport/index.ts';

const open: CoapEndpoint[] = [];
afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.close();
});

test('a closed port ends a request with what the transport knows: coap.transport, ECONNREFUSED', async () => {
  const gone = await openUdpServer({ host: '127.0.0.1', port: 0 });
  const port = gone.localPort;
  await gone.close();
  const { transport, peer } = await openUdpClient({ host: '127.0.0.1', port });
  const endpoint = createEndpoint({
    transport,
    clock: systemClock,
    random: Math.random,
    handler: () => ({ code: '4.04' }),
    parameters: { ackTimeoutMs: 40, ackRandomFactor: 1, maxRetransmit: 1 },
  });
  open.push(endpoint);
  const failed = endpoint.request(peer, { method: 'GET', path: [], timeoutMs: 5000 });
  await expect(failed).rejects.toMatchObject({
    code: 'coap.transport',
    cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
  });
  expect(endpoint.statistics().transportErrors).toBeGreaterThan(0);
});
