import { type AdapterHost, type Cancel, createSignal } from 'lwm2m-gateway/adapter';
import { createChannel, type Dial } from './channel.ts';
import { createLinkStatistics, type Done, type Link, linkState, type Outcome } from './link.ts';
import { createMbapReader, mbapFrame } from './mbap.ts';
import { decodeReply, encodeRequest, type Request } from './pdu.ts';
import { createSilenceWatch } from './silence.ts';
import { createUpkeep } from './upkeep.ts';

export interface MbapLinkOptions {
  readonly dial: Dial;
  /** what the device needs between the connection and the first request */
  readonly connectDelayMs: number;
  readonly maxInFlight: number;
  /** least time between a reply and the next request */
  readonly pauseMs: number;
  /**
   * How long to wait for a late reply before the next request. Some gateways give a late reply the number of the newest
   * request; 0 trusts the numbers.
   */
  readonly lateReplyWindowMs: number;
  /** the connection is closed when it was not needed for so long; Infinity: never */
  readonly idleCloseMs: number;
  /** Each frame comes in a datagram of its own, and any may be lost or doubled. */
  readonly isDatagram: boolean;
}

/** Requests that were given up or answered, whose further replies are known as such. */
const REMEMBERED = 64;

interface Pending {
  readonly transaction: number;
  readonly unit: number;
  readonly request: Request;
  readonly sentAt: number;
  readonly done: Done;
  cancelTimer: Cancel;
}

/**
 * Modbus TCP and UDP. A reply belongs to a request by its transaction, and must fit it in unit, function, length and
 * echo; after anything else a stream is not trusted any further and the connection begins anew. The reply to a request
 * that was given up is dropped, however well it would fit the next one.
 */
export function createMbapLink(options: MbapLinkOptions, host: AdapterHost): Link {
  const { clock } = host;
  const statistics = createLinkStatistics();
  const changes = createSignal<void>();
  /** One or few: a map that is filled and emptied for each request costs more. */
  const pending: Pending[] = [];
  const bygone = new Set<number>();
  /** replies found in the chunk that is being read */
  const answered: [Pending, Outcome][] = [];
  const silence = createSilenceWatch();
  const upkeep = createUpkeep(statistics, host.log);
  const reader = createMbapReader(hearFrame);
  const channel = createChannel(options.dial, options.connectDelayMs, host, { onOpen, onData, onDown });
  let lastTransaction = 0;
  let isPaused = false;
  let lastUsed = 0;
  let cancelPause: Cancel = () => {};
  let cancelRest: Cancel = () => {};

  function onOpen(): void {
    upkeep.opened();
    lastUsed = clock.monotonic();
    restWhenIdle();
    changes.emit();
  }

  function onData(chunk: Buffer): void {
    statistics.bytesReceived += chunk.length;
    const fault = reader.push(chunk);
    if (fault !== undefined) distrust(fault);
    if (options.isDatagram) reader.clear();
    // Only now may the next request go out: bytes that are here already cannot be the answer to it.
    for (const [one, outcome] of answered.splice(0)) settle(one, outcome);
  }

  function onDown(reason: string, again: boolean): void {
    upkeep.down(reason, again);
    reader.clear();
    bygone.clear();
    silence.clear();
    cancelRest();
    resume();
    const lost = takePending();
    changes.emit();
    const cause = channel.state === 'closed' ? 'closed' : 'disconnected';
    for (const one of lost) one.done({ status: 'failed', cause, sent: true });
  }

  /** What cannot be was said. A stream goes before anybody may send on it again; a datagram is one of many. */
  function distrust(reason: string): void {
    statistics.malformed++;
    if (options.isDatagram) return;
    const deceived = takePending();
    channel.reset(`malformed reply: ${reason}`);
    for (const one of deceived) one.done({ status: 'failed', cause: 'malformed', sent: true });
  }

  function hearFrame(transaction: number, body: Buffer): boolean {
    const one = pendingOf(transaction);
    if (one === undefined) return hearBygone(transaction);
    const reply = decodeReply(one.unit, one.request, body);
    if (reply.status === 'malformed') {
      distrust(reply.reason);
      return options.isDatagram;
    }
    silence.heard(one.unit);
    channel.proven();
    upkeep.proven();
    statistics.responses++;
    if (reply.status === 'exception') statistics.exceptions++;
    stopWaiting(one);
    // The network may double a datagram.
    if (options.isDatagram) remember(transaction);
    const tookMs = clock.monotonic() - one.sentAt;
    answered.push([one, reply.status === 'done' ? { ...reply, tookMs } : reply]);
    return true;
  }

  function hearBygone(transaction: number): boolean {
    if (!bygone.delete(transaction)) {
      distrust(`transaction ${transaction} does not wait for one`);
      return options.isDatagram;
    }
    statistics.lateReplies++;
    silence.heard();
    if (isPaused && pending.length === 0) resume();
    return true;
  }

  function giveUp(one: Pending): void {
    statistics.timeouts++;
    remember(one.transaction);
    // Nobody may send on a connection that is about to go.
    stopWaiting(one);
    if (silence.missed(one.unit)) channel.reset('no answer to several requests');
    settle(one, { status: 'failed', cause: 'timeout', sent: true });
  }

  function remember(transaction: number): void {
    bygone.add(transaction);
    if (bygone.size <= REMEMBERED) return;
    for (const oldest of bygone) {
      bygone.delete(oldest);
      return;
    }
  }

  function settle(one: Pending, outcome: Outcome): void {
    stopWaiting(one);
    one.cancelTimer();
    lastUsed = clock.monotonic();
    pause(Math.max(options.pauseMs, outcome.status === 'failed' ? options.lateReplyWindowMs : 0));
    one.done(outcome);
  }

  function pendingOf(transaction: number): Pending | undefined {
    for (const one of pending) if (one.transaction === transaction) return one;
    return undefined;
  }

  function stopWaiting(one: Pending): void {
    const at = pending.indexOf(one);
    if (at >= 0) pending.splice(at, 1);
  }

  function takePending(): readonly Pending[] {
    const taken = pending.splice(0);
    for (const one of taken) one.cancelTimer();
    return taken;
  }

  function pause(ms: number): void {
    if (ms <= 0 || channel.state !== 'open') return;
    isPaused = true;
    cancelPause();
    cancelPause = clock.after(ms, resume);
  }

  function resume(): void {
    cancelPause();
    if (!isPaused) return;
    isPaused = false;
    changes.emit();
  }

  /** One timer per idle time, not per request: it looks when the connection was last used. */
  function restWhenIdle(): void {
    if (options.idleCloseMs === Number.POSITIVE_INFINITY) return;
    const idleMs = pending.length > 0 || isPaused ? 0 : clock.monotonic() - lastUsed;
    if (idleMs >= options.idleCloseMs) channel.rest();
    else cancelRest = clock.after(Math.ceil(options.idleCloseMs - idleMs), restWhenIdle);
  }

  function nextTransaction(): number {
    do lastTransaction = (lastTransaction + 1) & 0xffff;
    while (pendingOf(lastTransaction) !== undefined || bygone.has(lastTransaction));
    return lastTransaction;
  }

  return {
    statistics,
    get state() {
      return linkState(channel.state, statistics.connects > 0);
    },
    get ready() {
      return channel.state === 'open' && !isPaused && pending.length < options.maxInFlight;
    },
    get retryInMs() {
      return channel.retryInMs;
    },
    start: () => channel.open(),
    want: () => channel.open(),
    send(unit, request, { answerMs, mostMs }, done) {
      const transaction = nextTransaction();
      const sentAt = clock.monotonic();
      const one: Pending = { transaction, unit, request, sentAt, done, cancelTimer: () => {} };
      one.cancelTimer = clock.after(Math.min(answerMs, mostMs), () => giveUp(one));
      pending.push(one);
      const frame = mbapFrame(transaction, encodeRequest(unit, request));
      statistics.requests++;
      statistics.bytesSent += frame.length;
      channel.write(frame);
    },
    onChange: (listener) => changes.subscribe(listener),
    close: () => channel.close(),
  };
}
