import { type Clock, isGatewayError, type Logger, messageOf, type Timers } from '../base/index.ts';
import type { Answer, Registration, Service, Uplink } from '../client/index.ts';
import {
  type CoapAnswer,
  type CoapEndpoint,
  createEndpoint,
  type TransmissionParameters,
} from '../coap/index.ts';
import type { Release } from '../model/index.ts';
import { openUdpClient } from '../transport/index.ts';
import { LINK_FORMAT } from './dispatch.ts';
import { createRequestHandler } from './requests.ts';

/** Where a server is and how to talk to it. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** How many times in a row the server was not reached before: another of its addresses is taken each time. */
  readonly attempt: number;
  /** 0 or absent: any. */
  readonly localPort?: number;
  readonly transmission?: Partial<TransmissionParameters>;
}

export interface BindingPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  random(): number;
}

/** Retransmissions go on for a minute and a half; a person who watches wants to know earlier. */
const SILENCE_MS = 8000;

function refused(answer: CoapAnswer): Answer {
  if (answer.code === '4.12') return { status: 'unsupported-release' };
  return {
    status: 'refused',
    code: answer.code,
    ...(answer.maxAgeS === undefined ? {} : { retryAfterMs: answer.maxAgeS * 1000 }),
  };
}

/** `b` has carried queue mode in 1.0 only; U alone means the same in every release (OMA Core 1.2 6.2.1). */
function registerQuery({ endpoint, lifetimeS, release }: Registration): string[] {
  return [`ep=${endpoint}`, `lt=${lifetimeS}`, `lwm2m=${release satisfies Release}`, 'b=U'];
}

/**
 * LwM2M over CoAP and UDP towards one server: client and server role on one connected socket, so that the server
 * finds the client where it registered from (OMA Transport 1.2 6.1).
 */
export async function openCoapUplink(
  address: ServerAddress,
  service: Service,
  ports: BindingPorts,
): Promise<Uplink> {
  const { transport, peer } = await openUdpClient({
    host: address.host,
    port: address.port,
    attempt: address.attempt,
    clock: ports.clock,
    log: ports.log,
    ...(address.localPort === undefined ? {} : { localPort: address.localPort }),
  });
  const endpoint: CoapEndpoint = createEndpoint({
    transport,
    clock: ports.clock,
    timers: ports.timers,
    random: ports.random,
    log: ports.log,
    handler: createRequestHandler(service, ports.log),
    ...(address.transmission === undefined ? {} : { parameters: address.transmission }),
  });

  const ask = async (
    request: Parameters<CoapEndpoint['request']>[1],
    judge: (answer: CoapAnswer) => Answer | undefined,
  ): Promise<Answer> => {
    const server = `${address.host}:${address.port}`;
    const noPatience = ports.timers.after(SILENCE_MS, () =>
      ports.log.warn({ server }, 'the server has not answered yet'),
    );
    try {
      const answer = await endpoint.request(peer, request);
      return judge(answer) ?? refused(answer);
    } catch (error) {
      const why = isGatewayError(error) ? error.message : `unexpected: ${messageOf(error)}`;
      return { status: 'unreachable', message: why };
    } finally {
      noPatience();
    }
  };
  const okWhenSuccessful = (answer: CoapAnswer): Answer | undefined =>
    answer.code.startsWith('2.') ? { status: 'ok' } : undefined;

  return {
    register: (registration) =>
      ask(
        {
          method: 'POST',
          path: ['rd'],
          query: registerQuery(registration),
          contentFormat: LINK_FORMAT,
          payload: Buffer.from(registration.objects),
        },
        ({ code, location }) =>
          // Without a location there is nothing to update or to de-register.
          code === '2.01' && location.length > 0 ? { status: 'registered', location } : undefined,
      ),
    update: (location, { lifetimeS, objects }) =>
      ask(
        {
          method: 'POST',
          path: location,
          query: lifetimeS === undefined ? [] : [`lt=${lifetimeS}`],
          ...(objects === undefined ? {} : { contentFormat: LINK_FORMAT, payload: Buffer.from(objects) }),
        },
        okWhenSuccessful,
      ),
    deregister: (location) => ask({ method: 'DELETE', path: location }, okWhenSuccessful),
    dropObservations: () => endpoint.dropObservations(peer),
    close: () => endpoint.close(),
  };
}
