import { afterEach } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import {
  type CoapEndpoint,
  type CoapRequest,
  type CoapResponse,
  createEndpoint,
  type EndpointOptions,
  type ServerObservation,
} from '../../src/coap/index.ts';
import {
  openTcpClient,
  openTcpServer,
  openUdpClient,
  openUdpServer,
  type Peer,
  type TlsClientSecurity,
  type TlsServerSecurity,
} from '../../src/transport/index.ts';

/** Our ends on real sockets, for peers that we did not write. */

export const HOST = '127.0.0.1';
const MEBIBYTE = 2 ** 20;

/** Block size and body of a transfer. A mebibyte in blocks of 16 bytes is for `npm run prove -- blocks`. */
export const BODIES = [
  [16, 32 * 1024],
  [256, MEBIBYTE],
  [1024, MEBIBYTE],
] as const;

/** Letters in an order that tells where they belong. */
export const body = (length: number): string => {
  let text = '';
  for (let at = 0; text.length < length; at++) text += `${at.toString(36)}.`;
  return text.slice(0, length);
};
export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Until it is so; the deadline is that of the test. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const open: { close(): Promise<void> }[] = [];

/** Closes after each test what {@link ourServer} and {@link ourClient} have opened in it. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const endpoint of open.splice(0)) await endpoint.close();
  });
}

/** What carries a test; absent: UDP. */
export interface Streams<Security> {
  readonly carrier: 'tcp';
  /** TLS instead of plain TCP */
  readonly security?: Security;
}

export interface OurServer {
  readonly endpoint: CoapEndpoint;
  readonly port: number;
  readonly served: CoapRequest[];
  readonly observations: ServerObservation[];
  /** why they ended */
  readonly ends: string[];
}

/**
 * Serves /large (20 kB), /echo (what was sent), /method (by which method, and what), /store (what was put last; FETCH
 * of "from,to" is a part of it), /slow (0.7 s), and /clock to observe.
 */
export async function ourServer(
  parameters: EndpointOptions['parameters'] = {},
  streams?: Streams<TlsServerSecurity>,
): Promise<OurServer> {
  const served: CoapRequest[] = [];
  const observations: ServerObservation[] = [];
  const ends: string[] = [];
  let stored: Uint8Array = Buffer.alloc(0);
  const onObserve = (observation: ServerObservation): void => {
    observations.push(observation);
    observation.owner = { ended: (reason) => void ends.push(reason) };
  };
  const answers: Readonly<Record<string, (request: CoapRequest) => CoapResponse | Promise<CoapResponse>>> = {
    large: () => ({ code: '2.05', contentFormat: 0, payload: Buffer.from(body(20_000)) }),
    echo: ({ method, payload }) => ({ code: method === 'FETCH' ? '2.05' : '2.04', payload }),
    method: ({ method, payload }) => ({
      code: method === 'FETCH' ? '2.05' : '2.04',
      payload: Buffer.from(`${method} ${text(payload)}`),
    }),
    store: ({ method, payload }) => {
      if (method === 'GET') return { code: '2.05', contentFormat: 42, payload: stored };
      if (method === 'FETCH')
        return { code: '2.05', payload: stored.subarray(...text(payload).split(',').map(Number)) };
      stored = payload;
      return { code: '2.04' };
    },
    slow: () =>
      new Promise((resolve) =>
        setTimeout(() => resolve({ code: '2.05', payload: Buffer.from('late') }), 700),
      ),
    clock: () => ({ code: '2.05', payload: Buffer.from('tick 0 '), onObserve }),
  };
  const at = { host: HOST, port: 0 };
  const transport = await (streams === undefined ? openUdpServer(at) : openTcpServer({ ...at, ...streams }));
  const endpoint = createEndpoint({
    transport,
    clock: systemClock,
    random: Math.random,
    parameters,
    handler: (request) => {
      served.push(request);
      return answers[request.path[0] ?? '']?.(request) ?? { code: '4.04' };
    },
  });
  open.push(endpoint);
  return { endpoint, served, observations, ends, port: transport.localPort };
}

export async function ourClient(
  port: number,
  parameters: EndpointOptions['parameters'] = {},
  streams?: Streams<TlsClientSecurity>,
): Promise<{ endpoint: CoapEndpoint; peer: Peer }> {
  const at = { host: HOST, port };
  const { transport, peer } = await (streams === undefined
    ? openUdpClient(at)
    : openTcpClient({ ...at, ...streams }));
  const endpoint = createEndpoint({
    transport,
    clock: systemClock,
    random: Math.random,
    handler: () => ({ code: '4.04' }),
    // What comes while a peer starts gets lost.
    parameters: { ackTimeoutMs: 200, ...parameters },
  });
  open.push(endpoint);
  return { endpoint, peer };
}
