import { checkBounds } from './parameters.ts';

/** How we treat connections (RFC 8323). */
export interface StreamParameters {
  /** The largest message that we take, in bytes, first byte to last; at least 1152 (RFC 8323 5.3.1). */
  readonly maxMessageBytes: number;
  /** How long a peer may take to say what it can, after the connection is open. */
  readonly csmTimeoutMs: number;
  /** After so long a silence the peer is asked whether it is there; 0: never. */
  readonly heartbeatMs: number;
  /** How long it may take to answer that. */
  readonly pongTimeoutMs: number;
  /** How long what is under way may go on after the peer has released the connection. */
  readonly releaseMs: number;
}

const DEFAULT_STREAM_PARAMETERS: StreamParameters = {
  maxMessageBytes: 64 << 10,
  csmTimeoutMs: 10_000,
  heartbeatMs: 120_000,
  pongTimeoutMs: 30_000,
  releaseMs: 5000,
};

/** The least that a peer takes before it has said anything (RFC 8323 5.3.1). */
export const BASE_MESSAGE_BYTES = 1152;
const LARGEST_MESSAGE_BYTES = 64 << 20;

const BOUNDS: Readonly<Record<keyof StreamParameters, (value: number) => boolean>> = {
  maxMessageBytes: (value) =>
    Number.isInteger(value) && value >= BASE_MESSAGE_BYTES && value <= LARGEST_MESSAGE_BYTES,
  csmTimeoutMs: (value) => value > 0,
  heartbeatMs: (value) => value >= 0,
  pongTimeoutMs: (value) => value > 0,
  releaseMs: (value) => value >= 0,
};

/**
 * The defaults, with what is given instead of them.
 * @throws GatewayError `coap.bad-parameter`
 */
export function completeStreamParameters(given: Partial<StreamParameters>): StreamParameters {
  const parameters = { ...DEFAULT_STREAM_PARAMETERS, ...given };
  checkBounds(parameters, BOUNDS);
  return parameters;
}
