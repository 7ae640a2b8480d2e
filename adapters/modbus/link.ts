import type { Cancel, FieldCause } from 'lwm2m-gateway/adapter';
import type { ChannelState } from './channel.ts';
import type { Request } from './pdu.ts';

/** What became of one request. */
export type Outcome =
  /** what a read brought, registers or bits; nothing after a write */
  | { readonly status: 'done'; readonly data: Buffer; readonly tookMs: number }
  | { readonly status: 'exception'; readonly code: number }
  | {
      readonly status: 'failed';
      readonly cause: Extract<FieldCause, 'timeout' | 'disconnected' | 'malformed' | 'overloaded' | 'closed'>;
      /** whether the device may have got it */
      readonly sent: boolean;
      readonly retryAfterMs?: number;
    };

/** The function that every outcome of a request ends in. */
export type Done = (outcome: Outcome) => void;

/** `up`: connected, or would be if somebody wanted it; `down`: broken, and waiting to try again. */
export type LinkState = 'connecting' | 'up' | 'down' | 'closed';

export interface LinkStatistics {
  requests: number;
  responses: number;
  exceptions: number;
  timeouts: number;
  malformed: number;
  /** replies that came after their request had been given up */
  lateReplies: number;
  /** bytes that nobody waited for, beyond late replies: noise, or another master */
  strayBytes: number;
  connects: number;
  connectFailures: number;
  disconnects: number;
  bytesSent: number;
  bytesReceived: number;
}

export function createLinkStatistics(): LinkStatistics {
  return {
    requests: 0,
    responses: 0,
    exceptions: 0,
    timeouts: 0,
    malformed: 0,
    lateReplies: 0,
    strayBytes: 0,
    connects: 0,
    connectFailures: 0,
    disconnects: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };
}

/** How long a request may take, in ms. */
export interface Patience {
  /** the device, to begin its answer */
  readonly answerMs: number;
  /** everything, whatever happens */
  readonly mostMs: number;
}

/** What a link shows of the state of its channel. */
export function linkState(channel: ChannelState, wasOpen: boolean): LinkState {
  switch (channel) {
    case 'closed':
      return 'closed';
    case 'waiting':
      return 'down';
    case 'connecting':
      return 'connecting';
    case 'resting':
      return wasOpen ? 'up' : 'connecting';
    case 'open':
      return 'up';
  }
}

/**
 * A medium that carries requests and brings each its own reply or none. It sends nothing by itself, repeats nothing
 * and queues nothing; whoever uses it sends when it is ready.
 */
export interface Link {
  readonly state: LinkState;
  /** True when a request may be sent now. */
  readonly ready: boolean;
  /** While down: ms until the next attempt. */
  readonly retryInMs: number;
  readonly statistics: Readonly<LinkStatistics>;
  /** Begins to connect, and keeps trying. */
  start(): void;
  /** Somebody waits to send: a link that rests connects again. */
  want(): void;
  /** Sends now; only when ready. `done` is called once, in time. */
  send(unit: number, request: Request, patience: Patience, done: Done): void;
  /** Hears when {@link ready} or {@link state} may have changed. */
  onChange(listener: () => void): Cancel;
  close(): Promise<void>;
}
