import { type AdapterHost, type Backoff, backoffDelay, type Cancel } from 'lwm2m-gateway/adapter';

/** `resting`: not open, and nobody wants it to be; `waiting`: the last attempt failed, another will follow. */
export type ChannelState = 'resting' | 'connecting' | 'open' | 'waiting' | 'closed';

/** What a medium tells while it is open, in this order: once, any number of times, once. */
export interface PipeEvents {
  onOpen(): void;
  onData(chunk: Buffer): void;
  onClose(reason: string): void;
}

/** A medium that was opened once: a socket, a serial port. */
export interface Pipe {
  write(bytes: Buffer): void;
  /** Calls back when what has come in so far was heard, or dropped. */
  drain(done: () => void): void;
  /** Lets go of the medium; resolves when another may take it. */
  close(): Promise<void>;
}

/** Opens the medium anew. */
export type Dial = (events: PipeEvents) => Pipe;

export interface ChannelEvents {
  /** Bytes may be sent. */
  onOpen(): void;
  onData(chunk: Buffer): void;
  /** The medium, or the attempt to open it, is gone; `again` unless it was closed on purpose. */
  onDown(reason: string, again: boolean): void;
}

/** A medium that comes back by itself. */
export interface Channel {
  readonly state: ChannelState;
  /** While waiting: ms until the next attempt. */
  readonly retryInMs: number;
  /** Opens if it rests. */
  open(): void;
  write(bytes: Buffer): void;
  /** Calls back when what has come in so far was heard, or dropped; not at all when the medium is lost meanwhile. */
  drain(done: () => void): void;
  /** Somebody there does the job: the back-off begins anew. */
  proven(): void;
  /** Drops the medium, and tries again after the back-off. */
  reset(reason: string): void;
  /** Drops the medium until {@link open}. */
  rest(): void;
  close(): Promise<void>;
}

const BACKOFF: Backoff = { firstMs: 500, factor: 2, mostMs: 30_000, jitter: 0.5 };
const CONNECT_TIMEOUT_MS = 5000;

/** @param settleMs what the device needs between the opening and the first request */
export function createChannel(
  dial: Dial,
  settleMs: number,
  host: AdapterHost,
  events: ChannelEvents,
): Channel {
  let state: ChannelState = 'resting';
  let pipe: Pipe | undefined;
  /** names the pipe whose events count */
  let generation = 0;
  let cancelTimer: Cancel = () => {};
  /** attempts since somebody last did the job */
  let attempts = 0;
  let retryAt = 0;

  const later = (delayMs: number, task: () => void): void => {
    cancelTimer();
    cancelTimer = host.clock.after(delayMs, task);
  };

  const connect = (): void => {
    state = 'connecting';
    attempts++;
    const own = ++generation;
    later(CONNECT_TIMEOUT_MS, () => down('no connection within the time'));
    const whileMine =
      <T extends unknown[]>(task: (...args: T) => void) =>
      (...args: T): void => {
        if (own === generation) task(...args);
      };
    pipe = dial({
      onOpen: whileMine(() => later(settleMs, established)),
      onData: whileMine((chunk: Buffer) => {
        host.trace?.('received', chunk);
        events.onData(chunk);
      }),
      onClose: whileMine(down),
    });
  };

  const established = (): void => {
    cancelTimer();
    state = 'open';
    events.onOpen();
  };

  /** Lets go of the medium at once: from here on it is not heard any more. */
  const drop = (): Promise<void> => {
    cancelTimer();
    generation++;
    const own = pipe;
    pipe = undefined;
    return own?.close() ?? Promise.resolve();
  };

  function down(reason: string): void {
    void drop();
    const delayMs = backoffDelay(BACKOFF, attempts, host.random());
    state = 'waiting';
    retryAt = host.clock.monotonic() + delayMs;
    later(delayMs, connect);
    events.onDown(reason, true);
  }

  return {
    get state() {
      return state;
    },
    get retryInMs() {
      return state === 'waiting' ? Math.max(0, retryAt - host.clock.monotonic()) : 0;
    },
    open() {
      if (state === 'resting') connect();
    },
    write(bytes) {
      host.trace?.('sent', bytes);
      pipe?.write(bytes);
    },
    drain(done) {
      const own = generation;
      pipe?.drain(() => {
        if (own === generation) done();
      });
    },
    proven() {
      attempts = 0;
    },
    reset(reason) {
      if (state === 'open' || state === 'connecting') down(reason);
    },
    rest() {
      if (state !== 'open') return;
      void drop();
      state = 'resting';
      events.onDown('not needed', false);
    },
    async close() {
      if (state === 'closed') return;
      const dropped = drop();
      state = 'closed';
      events.onDown('closed', false);
      await dropped;
    },
  };
}
