import { connect, type Socket } from 'node:net';
import { type AdapterHost, type Backoff, backoffDelay, type Cancel } from 'lwm2m-gateway/adapter';

/** `resting`: not connected, and nobody wants to be; `waiting`: the last attempt failed, another will follow. */
export type TcpState = 'resting' | 'connecting' | 'open' | 'waiting' | 'closed';

export interface TcpEvents {
  /** Bytes may be sent. */
  onOpen(): void;
  onData(chunk: Buffer): void;
  /** The connection, or the attempt, is over; `again` unless it was closed on purpose. */
  onDown(reason: string, again: boolean): void;
}

/** One TCP connection that comes back by itself. */
export interface TcpConnection {
  readonly state: TcpState;
  /** While waiting: ms until the next attempt. */
  readonly retryInMs: number;
  /** Connects if it rests. */
  open(): void;
  write(bytes: Buffer): void;
  /** The peer does its job: the back-off begins anew. */
  proven(): void;
  /** Drops the connection, and tries again after the back-off. */
  reset(reason: string): void;
  /** Drops the connection until {@link open}. */
  rest(): void;
  close(): Promise<void>;
}

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  /** what the device needs between the connection and the first request */
  readonly connectDelayMs: number;
}

const BACKOFF: Backoff = { firstMs: 500, factor: 2, mostMs: 30_000, jitter: 0.5 };
const CONNECT_TIMEOUT_MS = 5000;
const KEEP_ALIVE_MS = 30_000;

export function createTcpConnection(
  options: TcpOptions,
  host: AdapterHost,
  events: TcpEvents,
): TcpConnection {
  let state: TcpState = 'resting';
  let socket: Socket | undefined;
  let cancelTimer: Cancel = () => {};
  /** attempts since the peer last did its job */
  let attempts = 0;
  let retryAt = 0;

  const later = (delayMs: number, task: () => void): void => {
    cancelTimer();
    cancelTimer = host.clock.after(delayMs, task);
  };

  const dial = (): void => {
    state = 'connecting';
    attempts++;
    const own = connect({ host: options.host, port: options.port, noDelay: true });
    socket = own;
    own.setKeepAlive(true, KEEP_ALIVE_MS);
    let reason = 'closed by the device';
    own.on('connect', () => later(options.connectDelayMs, established));
    own.on('data', (chunk) => events.onData(chunk));
    own.on('error', (error) => {
      reason = error.message;
    });
    // A half-closed connection is of no use: the device will never answer again.
    own.on('end', () => own.destroy());
    own.on('close', () => {
      if (own === socket) down(reason);
    });
    later(CONNECT_TIMEOUT_MS, () => down('no connection within the time'));
  };

  const established = (): void => {
    cancelTimer();
    state = 'open';
    events.onOpen();
  };

  /** Lets go of the socket at once: from here on it is not heard any more. */
  const drop = (): void => {
    cancelTimer();
    const own = socket;
    socket = undefined;
    own?.destroy();
  };

  const down = (reason: string): void => {
    drop();
    const delayMs = backoffDelay(BACKOFF, attempts, host.random());
    state = 'waiting';
    retryAt = host.clock.monotonic() + delayMs;
    later(delayMs, dial);
    events.onDown(reason, true);
  };

  return {
    get state() {
      return state;
    },
    get retryInMs() {
      return state === 'waiting' ? Math.max(0, retryAt - host.clock.monotonic()) : 0;
    },
    open() {
      if (state === 'resting') dial();
    },
    write(bytes) {
      socket?.write(bytes);
    },
    proven() {
      attempts = 0;
    },
    reset(reason) {
      if (state === 'open' || state === 'connecting') down(reason);
    },
    rest() {
      if (state !== 'open') return;
      drop();
      state = 'resting';
      events.onDown('not needed', false);
    },
    async close() {
      if (state === 'closed') return;
      const own = socket;
      drop();
      state = 'closed';
      events.onDown('closed', false);
      if (own !== undefined && !own.closed)
        await new Promise<void>((done) => own.once('close', () => done()));
    },
  };
}
