import { isGatewayError, messageOf } from '../base/index.ts';
import { type Answer, type Credentials, OWN_OFFER } from '../client/index.ts';
import {
  type CoapAnswer,
  type CoapRequestToSend,
  createEndpoint,
  type EndpointOptions,
  type TransmissionParameters,
  transmissionTimes,
} from '../coap/index.ts';
import { isSecure, type Scheme, transportOf } from '../model/index.ts';
import {
  type DatagramTransport,
  openTcpClient,
  openUdpClient,
  type StreamTransport,
} from '../transport/index.ts';
import { alertOf, explained } from './handshake-fault.ts';
import { type BindingPorts, tellSilence } from './ports.ts';
import { type LinkEvents, openSecureLink, type Resumption, type SecureLink } from './secure-link.ts';
import { securityOf, tlsSecurity } from './security.ts';

/** Where a server is and how to talk to it. */
export interface ServerAddress {
  /** absent: coap */
  readonly scheme?: Scheme;
  /** What coaps and coaps+tcp prove who is who with. */
  readonly credentials?: Credentials;
  /** What the association before this one left, and where this one leaves the same. */
  readonly resumption?: Resumption;
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

/** MAX_TRANSMIT_WAIT: how long a server has to answer, its acknowledgement included (RFC 7252 4.8.2). */
export function transmitWaitMs(transmission: ServerAddress['transmission'] = {}): number {
  return transmissionTimes(transmission).maxTransmitWaitMs;
}

/** What the server said instead of what was hoped for. */
export type Unwanted = Exclude<Answer, { status: 'registered' | 'ok' }>;

/** Client and server role on one socket or connection, so that the server finds the client where it spoke from. */
export interface Association {
  /** Grows when a handshake makes a new association: what was registered over the old one is of the past. */
  readonly generation: number;
  /**
   * Asks the server. Never rejects; settles by its own deadline.
   * @param judge what a good answer means; undefined: it is none
   * @param since asks only if the generation is still this one
   */
  ask<Outcome>(
    request: CoapRequestToSend,
    judge: (answer: CoapAnswer) => Outcome | undefined,
    since?: number,
  ): Promise<Outcome | Unwanted>;
  /** Forgets all observations of the server without a word to it. */
  dropObservations(): void;
  close(): Promise<void>;
}

/** All that a server may observe at once: two resources of a device each for as many devices as Object 25 can name. */
const OBSERVATIONS = 2 ** 17;

const NEW_ASSOCIATION: Unwanted = {
  status: 'unreachable',
  message: 'the association with the server is new',
};

/** What a server has that says nothing of credentials. */
const NO_CREDENTIALS: Credentials = {
  mode: 'none',
  identity: new Uint8Array(),
  serverPublicKey: new Uint8Array(),
  secretKey: new Uint8Array(),
  matchingType: 0,
  sni: undefined,
  certificateUsage: 3,
  offer: OWN_OFFER,
};

/** A server that wants to be left alone is, but not for the half year that RFC 8323 5.5 can say: nobody drives out to a box. */
const LONGEST_HOLD_OFF_S = 3600;

/** Waits for as long as the server has asked for. */
async function holdOff({ resumption }: ServerAddress, { clock, timers, log }: BindingPorts): Promise<void> {
  const restMs = (resumption?.notBefore ?? 0) - clock.monotonic();
  if (resumption === undefined || restMs <= 0) return;
  resumption.notBefore = undefined;
  log.info({ restMs }, 'the server wants to be left alone for a while');
  await new Promise<void>((resolve) => timers.after(restMs, resolve));
}

/**
 * The part of MAX_TRANSMIT_WAIT after which it is time to look whether the server still knows the association: before
 * the last retransmission, which goes over the resumed one then.
 */
const DOUBT = 1 / 4;

function refused(answer: CoapAnswer): Unwanted {
  if (answer.code === '4.12') return { status: 'unsupported-release' };
  return {
    status: 'refused',
    code: answer.code,
    ...(answer.maxAgeS === undefined ? {} : { retryAfterMs: answer.maxAgeS * 1000 }),
  };
}

/** @param what stands before an error that has no code of ours */
function unreachable(error: unknown, what: string): Unwanted {
  const why = explained(error);
  const alert = alertOf(why);
  const message = isGatewayError(why) ? why.message : `${what}: ${messageOf(why)}`;
  return { status: 'unreachable', message, ...(alert !== undefined && { alert }) };
}

/**
 * How a connection ended.
 * @param isNew nothing was answered over TLS: with TLS 1.3 a server judges our certificate when for us the handshake is
 *   done (RFC 8446 4.4.2), and not every server says by an alert that it refuses
 */
function endOf(error: Error | undefined, isNew: boolean): Unwanted {
  if (error !== undefined) return unreachable(error, 'the connection is lost');
  const hint = isNew ? ' after the handshake; does it know who we are?' : '';
  return { status: 'unreachable', message: `the server closed the connection${hint}` };
}

/** What carries CoAP, and to whom. */
interface Link extends Pick<SecureLink, 'peer' | 'doubt'> {
  readonly transport: DatagramTransport | StreamTransport;
}

/** Rather no connection than one that everybody can read. */
async function openLink(address: ServerAddress, ports: BindingPorts, events?: LinkEvents): Promise<Link> {
  const { scheme = 'coap', host, port, attempt, localPort, credentials, resumption = {} } = address;
  const { clock, log, keyLog, traffic } = ports;
  const common = { host, port, attempt, clock, log, ...(traffic !== undefined && { traffic }) };
  const udp = { ...common, ...(localPort !== undefined && { localPort }) };
  const security = isSecure(scheme) ? securityOf(credentials ?? NO_CREDENTIALS, host) : undefined;
  if (transportOf(scheme) === 'U' && security !== undefined)
    return openSecureLink(
      { udp, security, resumption, ackTimeoutMs: address.transmission?.ackTimeoutMs },
      ports,
      events,
    );
  const { transport, peer } =
    transportOf(scheme) === 'U'
      ? await openUdpClient(udp)
      : await openTcpClient({
          ...common,
          ...(security !== undefined && { security: tlsSecurity(security, () => clock.now()) }),
          ...(keyLog !== undefined && { keyLog }),
        });
  return { transport, peer: async () => peer, doubt() {} };
}

/** What is served to the server. */
export type Serving = Pick<EndpointOptions, 'handler' | 'openBody'>;

/**
 * Speaks CoAP with one server (OMA Transport 1.2 6.1, 6.2).
 * @param events hears what becomes of the connection or association; without it, none follows the first
 * @throws GatewayError `binding.handshake`, `binding.bad-credentials`, `binding.insecure`, `transport.*`
 */
export async function openAssociation(
  address: ServerAddress,
  serving: Serving,
  ports: BindingPorts,
  events?: LinkEvents,
): Promise<Association> {
  await holdOff(address, ports);
  let generation = 0;
  let hasAnswered = false;
  /** Why there is no connection any more. */
  let over: Unwanted | undefined;
  /** Aborted when a new generation begins. */
  let current = new AbortController();
  const lost = (): void => {
    generation++;
    current.abort();
    current = new AbortController();
    endpoint.dropObservations();
    events?.lost();
  };
  const link = await openLink(address, ports, events && { lost, moved: events.moved }).catch(
    (error: unknown) => {
      throw explained(error);
    },
  );
  const endpoint = createEndpoint({
    transport: link.transport,
    clock: ports.clock,
    timers: ports.timers,
    random: ports.random,
    log: ports.log,
    isDeaf: ports.isDeaf,
    ...serving,
    onLost(_, holdOffS = 0, error) {
      over = endOf(error, isSecure(address.scheme ?? 'coap') && !hasAnswered);
      const { resumption } = address;
      if (holdOffS > 0 && resumption !== undefined)
        resumption.notBefore = ports.clock.monotonic() + Math.min(holdOffS, LONGEST_HOLD_OFF_S) * 1000;
      events?.lost();
    },
    limits: { observations: OBSERVATIONS, observationsPerPeer: OBSERVATIONS },
    ...(address.transmission === undefined ? {} : { parameters: address.transmission }),
    ...(address.heartbeatMs === undefined ? {} : { stream: { heartbeatMs: address.heartbeatMs } }),
  });
  const doubtMs = DOUBT * transmitWaitMs(address.transmission);
  return {
    get generation() {
      return generation;
    },
    async ask(request, judge, since) {
      const askedAt = ports.clock.monotonic();
      const noPatience = tellSilence(ports, `${address.host}:${address.port}`);
      const firstDoubt = ports.timers.after(doubtMs, () => link.doubt(askedAt, true));
      try {
        const peer = await link.peer();
        if (since !== undefined && since !== generation) return NEW_ASSOCIATION;
        const { signal } = current;
        const answer = await endpoint.request(peer, { ...request, signal });
        hasAnswered = true;
        return judge(answer) ?? refused(answer);
      } catch (error) {
        if (isGatewayError(error, 'coap.aborted')) return NEW_ASSOCIATION;
        if (isGatewayError(error, 'coap.timeout') || isGatewayError(error, 'coap.transport'))
          link.doubt(askedAt, false);
        return over ?? unreachable(error, 'unexpected');
      } finally {
        noPatience();
        firstDoubt();
      }
    },
    dropObservations: () => endpoint.dropObservations(),
    close: () => endpoint.close(),
  };
}
