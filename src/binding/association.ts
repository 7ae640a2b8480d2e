import { type Clock, isGatewayError, type Logger, messageOf, type Timers } from '../base/index.ts';
import type { Answer } from '../client/index.ts';
import {
  type CoapAnswer,
  type CoapRequestToSend,
  createEndpoint,
  type Handler,
  type TransmissionParameters,
  transmissionTimes,
} from '../coap/index.ts';
import { openUdpClient } from '../transport/index.ts';

/** Where a server is and how to talk to it. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** Segments before `rd`, `bs` and `dp`; mostly none. */
  readonly path?: readonly string[];
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

/** MAX_TRANSMIT_WAIT: how long a server has to answer, its acknowledgement included (RFC 7252 4.8.2). */
export function transmitWaitMs(transmission: ServerAddress['transmission'] = {}): number {
  return transmissionTimes(transmission).maxTransmitWaitMs;
}

/** What the server said instead of what was hoped for. */
export type Unwanted = Exclude<Answer, { status: 'registered' | 'ok' }>;

/** Client and server role on one connected socket, so that the server finds the client where it spoke from. */
export interface Association {
  /**
   * Asks the server. Never rejects; settles by its own deadline.
   * @param judge what a good answer means; undefined: it is none
   */
  ask<Outcome>(
    request: CoapRequestToSend,
    judge: (answer: CoapAnswer) => Outcome | undefined,
  ): Promise<Outcome | Unwanted>;
  /** Forgets all observations of the server without a word to it. */
  dropObservations(): void;
  close(): Promise<void>;
}

/** Retransmissions go on for a minute and a half; a person who watches wants to know earlier. */
const SILENCE_MS = 8000;

function refused(answer: CoapAnswer): Unwanted {
  if (answer.code === '4.12') return { status: 'unsupported-release' };
  return {
    status: 'refused',
    code: answer.code,
    ...(answer.maxAgeS === undefined ? {} : { retryAfterMs: answer.maxAgeS * 1000 }),
  };
}

/** Speaks CoAP over UDP with one server (OMA Transport 1.2 6.1). */
export async function openAssociation(
  address: ServerAddress,
  handler: Handler,
  ports: BindingPorts,
): Promise<Association> {
  const { transport, peer } = await openUdpClient({
    host: address.host,
    port: address.port,
    attempt: address.attempt,
    clock: ports.clock,
    log: ports.log,
    ...(address.localPort === undefined ? {} : { localPort: address.localPort }),
  });
  const endpoint = createEndpoint({
    transport,
    clock: ports.clock,
    timers: ports.timers,
    random: ports.random,
    log: ports.log,
    handler,
    ...(address.transmission === undefined ? {} : { parameters: address.transmission }),
  });
  return {
    async ask(request, judge) {
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
    },
    dropObservations: () => endpoint.dropObservations(peer),
    close: () => endpoint.close(),
  };
}
