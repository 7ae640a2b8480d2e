/** A large body there and back, between libcoap and us, in blocks of all sizes that matter. */
import { systemClock } from '../../src/base/index.ts';
import { createEndpoint } from '../../src/coap/index.ts';
import { openUdpClient, openUdpServer } from '../../src/transport/index.ts';
import { coapRequest, coapServer } from '../peers/libcoap.ts';
import { freeUdpPort } from '../peers/process.ts';

export interface BlockCounts {
  readonly bytes: number;
  /** ms of a PUT, and of the GET of the same, by who asks and the size of the blocks */
  readonly [putAndGet: `${'libcoap asks' | 'we ask'}, ${number}: ms`]: number;
  /** {@link BLOCK_FAULTS} from here on */
  readonly wrongBodies: number;
}

/** What must not be. */
export const BLOCK_FAULTS = ['wrongBodies'] as const;

const HOST = '127.0.0.1';
const BLOCK_SIZES = [16, 256, 1024];
const PATIENCE_S = 120;

function anyBody(length: number): Buffer {
  let text = '';
  for (let at = 0; text.length < length; at++) text += `${at.toString(36)}.`;
  return Buffer.from(text.slice(0, length));
}

/** @returns what libcoap gets back after it has put the body */
async function libcoapAsks(body: Uint8Array, blockSize: number): Promise<Uint8Array> {
  let stored: Uint8Array = new Uint8Array(0);
  const transport = await openUdpServer({ host: HOST, port: 0 });
  const endpoint = createEndpoint({
    transport,
    clock: systemClock,
    random: Math.random,
    handler({ method, payload }) {
      if (method === 'GET') return { code: '2.05', payload: stored };
      stored = payload;
      return { code: '2.04' };
    },
  });
  const uri = `coap://${HOST}:${transport.localPort}/store`;
  try {
    await coapRequest(uri, { method: 'put', payload: body, blockSize, waitS: PATIENCE_S });
    return (await coapRequest(uri, { blockSize, waitS: PATIENCE_S })).payload;
  } finally {
    await endpoint.close();
  }
}

/** @returns what we get back after we have put the body */
async function weAsk(body: Uint8Array, blockSize: number): Promise<Uint8Array> {
  const port = await freeUdpPort();
  const server = await coapServer(port);
  const { transport, peer } = await openUdpClient({ host: HOST, port });
  const endpoint = createEndpoint({
    transport,
    clock: systemClock,
    random: Math.random,
    handler: () => ({ code: '4.04' }),
    parameters: { blockSize },
  });
  const path = ['example_data'];
  try {
    await endpoint.request(peer, { method: 'PUT', path, contentFormat: 42, payload: body });
    return (await endpoint.request(peer, { method: 'GET', path })).payload;
  } finally {
    await endpoint.close();
    await server.stop();
  }
}

export async function transferBlocks(bytes: number): Promise<BlockCounts> {
  const body = anyBody(bytes);
  const times: Record<string, number> = {};
  let wrongBodies = 0;
  for (const [who, putAndGet] of Object.entries({ 'libcoap asks': libcoapAsks, 'we ask': weAsk })) {
    for (const blockSize of BLOCK_SIZES) {
      const started = performance.now();
      if (!body.equals(await putAndGet(body, blockSize))) wrongBodies++;
      times[`${who}, ${blockSize}: ms`] = performance.now() - started;
    }
  }
  return { bytes, ...times, wrongBodies };
}
