/** What an endpoint has seen since it was made. */
export interface Counters {
  /** datagrams, or messages of streams */
  received: number;
  sent: number;
  /** datagrams that are no CoAP message; streams that broke off because they were none */
  malformed: number;
  /** messages that had been received before */
  duplicates: number;
  retransmissions: number;
  /** confirmable messages that nobody acknowledged */
  timeouts: number;
  resetsReceived: number;
  resetsSent: number;
  /** requests handed to the handler */
  requestsServed: number;
  /** requests answered without asking the handler, because of their options, method or number */
  requestsRefused: number;
  /** handlers that threw, rejected or took too long */
  handlerFailures: number;
  /** errors that the transport told; connections lost by one */
  transportErrors: number;
  /** messages with an id that had been used within its lifetime; a peer may take them for duplicates */
  messageIdsReused: number;
  /** times that a message had to wait, or was not sent, for want of an id */
  messageIdsExhausted: number;
  /** requests answered with 5.03, as too many others are in work */
  requestsTurnedAway: number;
  /** observations that there was no room for */
  observationsRefused: number;
  /** bodies in blocks that there was no room for */
  uploadsRefused: number;
  /** large answers that there was no room to keep: their later blocks are made anew, or refused */
  bodiesNotKept: number;
}

/** The same, and what it holds now. */
export interface CoapStatistics extends Readonly<Counters> {
  /** now: peers remembered; connections */
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
    requestsTurnedAway: 0,
    observationsRefused: 0,
    uploadsRefused: 0,
    bodiesNotKept: 0,
  };
}
