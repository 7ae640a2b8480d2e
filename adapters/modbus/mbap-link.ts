import { type AdapterHost, type Cancel, createSignal } from 'lwm2m-gateway/adapter';
import { createLinkStatistics, type Link, type LinkState, type Outcome } from './link.ts';
import { createMbapReader, mbapFrame } from './mbap.ts';
import { CRC_BYTES, createPduCodec, type Request, withCrc } from './pdu.ts';
import { createTcpConnection, type TcpOptions, type TcpState } from './tcp.ts';

export interface MbapLinkOptions extends TcpOptions {
  readonly maxInFlight: number;
  /** least time between a reply and the next request */
  readonly pauseMs: number;
  /** the connection is closed when it was not needed for so long; Infinity: never */
  readonly idleCloseMs: number;
}

/**
 * Requests in a row without any answer after which the connection counts as dead, though TCP has not noticed. One unit
 * that never answers says nothing of a connection on which others do.
 */
const SILENT_REQUESTS = 3;

/** Given-up requests whose late replies are still known as such. */
const REMEMBERED_LATE = 64;

interface Pending {
  readonly transaction: number;
  readonly unit: number;
  readonly request: Request;
  readonly done: (outcome: Outcome) => void;
  cancelTimer: Cancel;
}

/**
 * Modbus TCP. A reply belongs to a request by its transaction, and must fit it in unit, function, length and echo;
 * after anything else the stream is not trusted any further and the connection begins anew. The reply to a request
 * that was given up is dropped, however well it would fit the next one.
 */
export function createMbapLink(options: MbapLinkOptions, host: AdapterHost): Link {
  const { clock } = host;
  const log = host.log.child({ host: options.host, port: options.port });
  const statistics = createLinkStatistics();
  const changes = createSignal<void>();
  const codec = createPduCodec();
  const pending = new Map<number, Pending>();
  const givenUp = new Set<number>();
  /** units that have answered on this connection */
  const answering = new Set<number>();
  /** replies found in the chunk that is being read */
  const answered: [Pending, Outcome][] = [];
  const reader = createMbapReader(hearFrame);
  const connection = createTcpConnection(options, host, { onOpen, onData, onDown });
  let lastTransaction = 0;
  let silentRequests = 0;
  let isPaused = false;
  let isConnected = false;
  /** since the connection broke and until a reply proves the next one */
  let isBroken = false;
  let lastUsed = 0;
  let cancelPause: Cancel = () => {};
  let cancelRest: Cancel = () => {};

  function onOpen(): void {
    statistics.connects++;
    isConnected = true;
    log.debug({}, 'connected');
    lastUsed = clock.monotonic();
    restWhenIdle();
    changes.emit();
  }

  function onData(chunk: Buffer): void {
    statistics.bytesReceived += chunk.length;
    const fault = reader.push(chunk);
    if (fault !== undefined) distrust(fault);
    // Only now may the next request go out: bytes that are here already cannot be the answer to it.
    for (const [one, outcome] of answered.splice(0)) settle(one, outcome);
  }

  function onDown(reason: string, again: boolean): void {
    if (again) noteBroken(reason);
    isConnected = false;
    reader.clear();
    givenUp.clear();
    answering.clear();
    silentRequests = 0;
    cancelRest();
    const lost = takePending();
    changes.emit();
    const cause = connection.state === 'closed' ? 'closed' : 'disconnected';
    for (const one of lost) one.done({ status: 'failed', cause, sent: true });
  }

  function noteBroken(reason: string): void {
    if (isConnected) statistics.disconnects++;
    else statistics.connectFailures++;
    if (isBroken) log.debug({ reason }, 'still no working connection');
    else log.warn({ reason }, 'connection lost');
    isBroken = true;
  }

  /** The stream has said what cannot be. The connection goes before anybody may send on it again. */
  function distrust(reason: string): void {
    statistics.malformed++;
    const deceived = takePending();
    connection.reset(`malformed reply: ${reason}`);
    for (const one of deceived) one.done({ status: 'failed', cause: 'malformed', sent: true });
  }

  function hearFrame(transaction: number, body: Buffer): boolean {
    const one = pending.get(transaction);
    if (one === undefined) return hearLate(transaction);
    const reply = codec.decode(one.unit, one.request, withCrc(body));
    if (reply.status === 'malformed') {
      distrust(reply.reason);
      return false;
    }
    trust(one.unit);
    statistics.responses++;
    if (reply.status === 'exception') statistics.exceptions++;
    pending.delete(transaction);
    answered.push([one, reply]);
    return true;
  }

  function hearLate(transaction: number): boolean {
    if (!givenUp.delete(transaction)) {
      distrust(`transaction ${transaction} does not wait for one`);
      return false;
    }
    statistics.lateReplies++;
    silentRequests = 0;
    return true;
  }

  function trust(unit: number): void {
    silentRequests = 0;
    answering.add(unit);
    connection.proven();
    if (!isBroken) return;
    isBroken = false;
    log.info({}, 'connection works again');
  }

  function giveUp(one: Pending): void {
    statistics.timeouts++;
    remember(one.transaction);
    if (answering.size === 0 || answering.has(one.unit)) silentRequests++;
    // Nobody may send on a connection that is about to go.
    pending.delete(one.transaction);
    if (silentRequests >= SILENT_REQUESTS) connection.reset(`no answer to ${silentRequests} requests`);
    settle(one, { status: 'failed', cause: 'timeout', sent: true });
  }

  function remember(transaction: number): void {
    givenUp.add(transaction);
    if (givenUp.size <= REMEMBERED_LATE) return;
    for (const oldest of givenUp) {
      givenUp.delete(oldest);
      return;
    }
  }

  function settle(one: Pending, outcome: Outcome): void {
    pending.delete(one.transaction);
    one.cancelTimer();
    lastUsed = clock.monotonic();
    if (options.pauseMs > 0) pause();
    one.done(outcome);
  }

  function takePending(): readonly Pending[] {
    const taken = [...pending.values()];
    pending.clear();
    for (const one of taken) one.cancelTimer();
    return taken;
  }

  function pause(): void {
    isPaused = true;
    cancelPause();
    cancelPause = clock.after(options.pauseMs, () => {
      isPaused = false;
      changes.emit();
    });
  }

  /** One timer per idle time, not per request: it looks when the connection was last used. */
  function restWhenIdle(): void {
    if (options.idleCloseMs === Number.POSITIVE_INFINITY) return;
    const idleMs = pending.size > 0 || isPaused ? 0 : clock.monotonic() - lastUsed;
    if (idleMs >= options.idleCloseMs) connection.rest();
    else cancelRest = clock.after(Math.ceil(options.idleCloseMs - idleMs), restWhenIdle);
  }

  function nextTransaction(): number {
    do lastTransaction = (lastTransaction + 1) & 0xffff;
    while (pending.has(lastTransaction) || givenUp.has(lastTransaction));
    return lastTransaction;
  }

  return {
    statistics,
    get state() {
      return stateOf(connection.state, statistics.connects > 0);
    },
    get ready() {
      return isConnected && !isPaused && pending.size < options.maxInFlight;
    },
    get retryInMs() {
      return connection.retryInMs;
    },
    start: () => connection.open(),
    want: () => connection.open(),
    send(unit, request, timeoutMs, done) {
      const transaction = nextTransaction();
      const one: Pending = { transaction, unit, request, done, cancelTimer: () => {} };
      one.cancelTimer = clock.after(timeoutMs, () => giveUp(one));
      pending.set(transaction, one);
      const frame = mbapFrame(transaction, codec.encode(unit, request).subarray(0, -CRC_BYTES));
      statistics.requests++;
      statistics.bytesSent += frame.length;
      connection.write(frame);
    },
    onChange: (listener) => changes.subscribe(listener),
    async close() {
      cancelPause();
      await connection.close();
    },
  };
}

function stateOf(connection: TcpState, wasConnected: boolean): LinkState {
  switch (connection) {
    case 'closed':
      return 'closed';
    case 'waiting':
      return 'down';
    case 'connecting':
      return 'connecting';
    case 'resting':
      return wasConnected ? 'up' : 'connecting';
    case 'open':
      return 'up';
  }
}
