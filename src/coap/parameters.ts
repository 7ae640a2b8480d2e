import { GatewayError } from '../base/index.ts';
import { szxOf } from './block.ts';
import type { MessageIdPolicy } from './message-ids.ts';

/** How patient and how polite we are on a network (RFC 7252 4.8). */
export interface TransmissionParameters {
  /** ACK_TIMEOUT */
  readonly ackTimeoutMs: number;
  /** ACK_RANDOM_FACTOR, at least 1 */
  readonly ackRandomFactor: number;
  /** MAX_RETRANSMIT */
  readonly maxRetransmit: number;
  /** NSTART: confirmable messages to one peer that wait for their acknowledgement at the same time */
  readonly nstart: number;
  /** MAX_LATENCY: the longest that a datagram may be on its way */
  readonly maxLatencyMs: number;
  /**
   * The longest that a handler may think before its request is acknowledged with an empty message; below ACK_TIMEOUT.
   * Default: a quarter of it, 500 ms at most.
   */
  readonly piggybackMs: number;
  /** Bytes of a block, 16 to 1024; larger bodies are transferred block by block (RFC 7959). */
  readonly blockSize: number;
  /** What to do when all message ids were used lately. */
  readonly messageIds: MessageIdPolicy;
}

const DEFAULT_PARAMETERS: Omit<TransmissionParameters, 'piggybackMs'> = {
  ackTimeoutMs: 2000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  nstart: 1,
  maxLatencyMs: 100_000,
  blockSize: 1024,
  messageIds: 'oldest',
};

/** Times that follow from the parameters (RFC 7252 4.8.2). */
export interface TransmissionTimes {
  /** From the first transmission of a confirmable message until its sender gives up, at most: 93 s by default. */
  readonly maxTransmitWaitMs: number;
  /** For so long the id of a confirmable message means that message: 247 s by default. */
  readonly exchangeLifetimeMs: number;
  /** The same for other messages: 145 s by default. */
  readonly nonLifetimeMs: number;
}

export function deriveTimes(parameters: TransmissionParameters): TransmissionTimes {
  const { ackTimeoutMs, ackRandomFactor, maxRetransmit, maxLatencyMs } = parameters;
  const maxTransmitSpanMs = ackTimeoutMs * (2 ** maxRetransmit - 1) * ackRandomFactor;
  const processingDelayMs = ackTimeoutMs;
  return {
    maxTransmitWaitMs: ackTimeoutMs * (2 ** (maxRetransmit + 1) - 1) * ackRandomFactor,
    exchangeLifetimeMs: maxTransmitSpanMs + 2 * maxLatencyMs + processingDelayMs,
    nonLifetimeMs: maxTransmitSpanMs + maxLatencyMs,
  };
}

const LONGEST_PIGGYBACK_MS = 500;

const BOUNDS: Readonly<
  Record<
    Exclude<keyof TransmissionParameters, 'messageIds'>,
    (value: number, all: TransmissionParameters) => boolean
  >
> = {
  ackTimeoutMs: (value) => value > 0,
  ackRandomFactor: (value) => value >= 1,
  maxRetransmit: (value) => Number.isInteger(value) && value >= 0 && value <= 20,
  nstart: (value) => Number.isInteger(value) && value >= 1 && value <= 1024,
  maxLatencyMs: (value) => value >= 0,
  // Later, and the peer would send its request again before it hears of us (RFC 7252 5.2.2).
  piggybackMs: (value, { ackTimeoutMs }) => value >= 0 && value < ackTimeoutMs,
  blockSize: (value) => szxOf(value) !== undefined,
};

/**
 * The defaults, with what is given instead of them.
 * @throws GatewayError `coap.bad-parameter`
 */
export function completeParameters(given: Partial<TransmissionParameters>): TransmissionParameters {
  const { ackTimeoutMs = DEFAULT_PARAMETERS.ackTimeoutMs } = given;
  const piggybackMs = Math.min(LONGEST_PIGGYBACK_MS, ackTimeoutMs / 4);
  const parameters = { ...DEFAULT_PARAMETERS, piggybackMs, ...given };
  checkBounds(parameters, BOUNDS);
  return parameters;
}

type Bounds<P, Name extends keyof P> = Readonly<Record<Name, (value: number, parameters: P) => boolean>>;

/** @throws GatewayError `coap.bad-parameter` */
export function checkBounds<P extends Readonly<Record<Name, number>>, Name extends keyof P & string>(
  parameters: P,
  bounds: Bounds<P, Name>,
): void {
  for (const name of Object.keys(bounds) as Name[]) {
    const value: number = parameters[name];
    if (!Number.isFinite(value) || !bounds[name](value, parameters))
      throw new GatewayError('coap.bad-parameter', `${name} cannot be ${value}`, { data: { name, value } });
  }
}

/**
 * The times of an endpoint that is given these parameters.
 * @throws GatewayError `coap.bad-parameter`
 */
export function transmissionTimes(given: Partial<TransmissionParameters>): TransmissionTimes {
  return deriveTimes(completeParameters(given));
}

/** What one endpoint takes upon itself at most. */
export interface EndpointLimits {
  /** peers whose messages are remembered */
  readonly peers: number;
  /**
   * messages of one peer remembered for recognising duplicates, and as many requests that change something; twice as
   * many at most
   */
  readonly messagesPerPeer: number;
  /** our own requests to one peer that wait for NSTART; over a stream, those that wait for their answer, too */
  readonly queuedRequests: number;
  /** requests that handlers work on, or whose separate response is not acknowledged, at the same time */
  readonly requestsInWork: number;
  readonly requestsInWorkPerPeer: number;
  /** ms that a handler may take; then the answer is 5.04 */
  readonly handlerMs: number;
  /** bytes of a body that arrives in blocks */
  readonly bodyBytes: number;
  /** bodies that arrive in blocks */
  readonly uploads: number;
  readonly uploadsPerPeer: number;
  /** ms that all blocks of a body may take together: who sends one now and then does not keep its place for ever */
  readonly uploadMs: number;
  /** large answers kept for being fetched block by block */
  readonly keptBodies: number;
  readonly keptBodiesPerPeer: number;
  readonly observations: number;
  readonly observationsPerPeer: number;
}

export const DEFAULT_LIMITS: EndpointLimits = {
  peers: 10_000,
  messagesPerPeer: 256,
  queuedRequests: 256,
  requestsInWork: 1024,
  requestsInWorkPerPeer: 256,
  handlerMs: 60_000,
  bodyBytes: 4 << 20,
  uploads: 32,
  uploadsPerPeer: 4,
  uploadMs: 24 * 3600 * 1000,
  keptBodies: 128,
  keptBodiesPerPeer: 64,
  observations: 20_000,
  observationsPerPeer: 20_000,
};
