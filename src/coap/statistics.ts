/** What an endpoint has seen since it was made, and what it holds now. */
export interface CoapStatistics {
  /** datagrams */
  readonly received: number;
  readonly sent: number;
  /** datagrams that are no CoAP message */
  readonly malformed: number;
  /** messages that had been received before */
  readonly duplicates: number;
  readonly retransmissions: number;
  /** confirmable messages that nobody acknowledged */
  readonly timeouts: number;
  readonly resetsReceived: number;
  readonly resetsSent: number;
  /** requests handed to the handler */
  readonly requestsServed: number;
  /** requests answered without asking the handler, because of their options, method or number */
  readonly requestsRefused: number;
  /** handlers that threw, rejected or took too long */
  readonly handlerFailures: number;
  /** errors that the transport told */
  readonly transportErrors: number;
  /** messages with an id that had been used within its lifetime; a peer may take them for duplicates */
  readonly messageIdsReused: number;
  /** times that a message had to wait, or was not sent, for want of an id */
  readonly messageIdsExhausted: number;

  /** now: peers remembered */
  readonly peers: number;
  /** now: confirmable messages that wait for acknowledgement or for NSTART */
  readonly outstanding: number;
  /** now: our requests that wait for a response, and the observations we asked for */
  readonly expected: number;
  /** now: requests that handlers work on */
  readonly requestsInWork: number;
  /** now: bodies that arrive in blocks */
  readonly uploads: number;
  /** now: large answers kept for being fetched */
  readonly keptBodies: number;
  /** now: observations of peers here */
  readonly observations: number;
}

/** The counters that only grow. */
export interface Counters {
  received: number;
  sent: number;
  malformed: number;
  duplicates: number;
  retransmissions: number;
  timeouts: number;
  resetsReceived: number;
  resetsSent: number;
  requestsServed: number;
  requestsRefused: number;
  handlerFailures: number;
  transportErrors: number;
  messageIdsReused: number;
  messageIdsExhausted: number;
}

export function createCounters(): Counters {
  return {
    received: 0,
    sent: 0,
    malformed: 0,
    duplicates: 0,
    retransmissions: 0,
    timeouts: 0,
    resetsReceived: 0,
    resetsSent: 0,
    requestsServed: 0,
    requestsRefused: 0,
    handlerFailures: 0,
    transportErrors: 0,
    messageIdsReused: 0,
    messageIdsExhausted: 0,
  };
}
