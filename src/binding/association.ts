import {
  type Clock,
  GatewayError,
  isGatewayError,
  type Logger,
  messageOf,
  type Timers,
} from '../base/index.ts';
import type { Answer } from '../client/index.ts';
import {
  type CoapAnswer,
  type CoapRequestToSend,
  createEndpoint,
  type EndpointOptions,
  type TransmissionParameters,
  transmissionTimes,
} from '../coap/index.ts';
import { isSecure, type Scheme } from '../model/index.ts';
import { openTcpClient, openUdpClient, type TlsClientSecurity } from '../transport/index.ts';

/** What carries CoAP, by the letter that LwM2M has for it (OMA Core 1.2 6.2.1). */
export type BindingMode = 'U' | 'T';

const BINDINGS: Readonly<Record<Scheme, BindingMode>> = {
  coap: 'U',
  coaps: 'U',
  'coap+tcp': 'T',
  'coaps+tcp': 'T',
};

export function bindingOf(scheme: Scheme): BindingMode {
  return BINDINGS[scheme];
}

/** Where a server is and how to talk to it. */
export interface ServerAddress {
  /** absent: coap */
  readonly scheme?: Scheme;
  /** What coaps+tcp proves who is who with. */
  readonly security?: TlsClientSecurity;
  readonly host: string;
  readonly port: number;
  /** Segments before `rd`, `bs` and `dp`; mostly none. */
  readonly path?: readonly string[];
  /** How many times in a row the server was not reached before: another of its addresses is taken each time. */
  readonly attempt: number;
  /** Of UDP; 0 or absent: any. */
  readonly localPort?: number;
  readonly transmission?: Partial<TransmissionParameters>;
  /** Of TCP and TLS: the silence after which a sign of life is asked for. */
  readonly heartbeatMs?: number;
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

/** Client and server role on one socket or connection, so that the server finds the client where it spoke from. */
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

/** All that a server may observe at once: two resources of a device each for as many devices as Object 25 can name. */
const OBSERVATIONS = 2 ** 17;

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

function openTransport(address: ServerAddress, { clock, log }: BindingPorts) {
  const { scheme = 'coap', host, port, attempt, localPort, security } = address;
  const common = { host, port, attempt, clock, log };
  // Rather no connection than one that everybody can read.
  if (isSecure(scheme) && (security === undefined || scheme === 'coaps'))
    throw new GatewayError('binding.insecure', `${scheme} cannot be secured`);
  return bindingOf(scheme) === 'T'
    ? openTcpClient({ ...common, ...(security !== undefined && { security }) })
    : openUdpClient({ ...common, ...(localPort !== undefined && { localPort }) });
}

/** What is served to the server. */
export type Serving = Pick<EndpointOptions, 'handler' | 'openBody'>;

/**
 * Speaks CoAP with one server (OMA Transport 1.2 6.1, 6.2).
 * @param onLost hears that the connection is over; of no use afterwards
 */
export async function openAssociation(
  address: ServerAddress,
  serving: Serving,
  ports: BindingPorts,
  onLost: () => void = () => {},
): Promise<Association> {
  const { transport, peer } = await openTransport(address, ports);
  const endpoint = createEndpoint({
    transport,
    clock: ports.clock,
    timers: ports.timers,
    random: ports.random,
    log: ports.log,
    ...serving,
    onLost,
    limits: { observations: OBSERVATIONS, observationsPerPeer: OBSERVATIONS },
    ...(address.transmission === undefined ? {} : { parameters: address.transmission }),
    ...(address.heartbeatMs === undefined ? {} : { stream: { heartbeatMs: address.heartbeatMs } }),
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
