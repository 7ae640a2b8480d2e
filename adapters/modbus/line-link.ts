import { type AdapterHost, type Cancel, createSignal } from 'lwm2m-gateway/adapter';
import { createChannel, type Dial } from './channel.ts';
import { answerLength, type BodyLength, type Framing, findFrame } from './framing.ts';
import {
  createLinkStatistics,
  type Done,
  type Link,
  linkState,
  type Outcome,
  type Patience,
} from './link.ts';
import { decodeReply, encodeRequest, isWrite, type Reply, type Request, replyBytes } from './pdu.ts';
import { createSilenceWatch } from './silence.ts';
import { createUpkeep } from './upkeep.ts';

export interface LineLinkOptions {
  readonly dial: Dial;
  readonly framing: Framing;
  /** what a device or converter needs after the opening */
  readonly connectDelayMs: number;
  /** 0 where the medium is no serial line of ours */
  readonly characterMs: number;
  /** silence before a request, also after bytes that were for nobody */
  readonly interFrameMs: number;
  /** more silence after an answer, for devices that are slow to listen again */
  readonly turnaroundMs: number;
  /** how long the devices work on a broadcast */
  readonly broadcastMs: number;
  /** how long after a request was given up its reply may still come, where nothing else tells */
  readonly lateReplyWindowMs: number;
  /** silence that ends a frame of which not enough came */
  readonly gapMs: number;
  /** The adapter repeats what it sends. Absent: found out by the first read. */
  readonly localEcho?: boolean | undefined;
  /** A connection may be dead without anybody noticing. */
  readonly canBeHalfOpen: boolean;
}

/** Requests to it reach every unit, and none answers (Modbus over Serial Line 1.02 section 2.1). */
export const BROADCAST = 0;

/** The longest frame has 256 bytes, 513 in ASCII: what is longer is no answer. */
const MOST_BYTES = 2048;
const NOTHING = Buffer.alloc(0);

/** A line that is never silent is spoken on all the same after this, so that somebody learns of it. */
const MOST_NOISE_MS = 1000;

/** What is being asked now. */
interface Exchange {
  readonly unit: number;
  readonly request: Request;
  readonly frame: Buffer;
  readonly answer: BodyLength;
  readonly sentAt: number;
  readonly done: Done;
  /** what came and is not understood yet */
  bytes: Buffer;
  /** something came that is no answer */
  isDisturbed: boolean;
  hasEchoed: boolean;
  cancelDeadline: Cancel;
  cancelGap: Cancel;
}

/**
 * RTU and ASCII, on a serial line or in a stream: one request at a time, and nothing in a reply tells to which request
 * it belongs. So a unit that left a request unanswered is not believed again until it has repeated a number that was
 * never sent before (diagnostics 8/0), or refused to: a device answers in order, thus whatever it owed has come by
 * then. Where it is silent to that, it is believed after {@link LineLinkOptions.lateReplyWindowMs}.
 */
export function createLineLink(options: LineLinkOptions, host: AdapterHost): Link {
  const { clock } = host;
  const { framing } = options;
  const statistics = createLinkStatistics();
  const changes = createSignal<void>();
  const silence = createSilenceWatch();
  const upkeep = createUpkeep(statistics, host.log);
  const channel = createChannel(options.dial, options.connectDelayMs, host, { onOpen, onData, onDown });
  /** until when a late reply of a unit is to be feared, unless it shows that it owes none */
  const indebted = new Map<number, number>();
  let exchange: Exchange | undefined;
  /** A request and what goes before it occupy the line. */
  let isTaken = false;
  let isSilent = false;
  let silentAt = 0;
  /** The next step of what occupies the line. */
  let nextStep: (() => void) | undefined;
  let noisySince: number | undefined;
  let cancelSilence: Cancel = () => {};
  let hasEcho = options.localEcho;
  let token = 0;

  const now = (): number => clock.monotonic();

  function onOpen(): void {
    upkeep.opened();
    keepSilent(options.interFrameMs);
    changes.emit();
  }

  function onDown(reason: string, again: boolean): void {
    upkeep.down(reason, again);
    silence.clear();
    hasEcho = options.localEcho;
    const lost = exchange;
    if (lost !== undefined) {
      end(lost, {
        status: 'failed',
        cause: channel.state === 'closed' ? 'closed' : 'disconnected',
        sent: true,
      });
    }
    becomeSilent();
    changes.emit();
  }

  function onData(chunk: Buffer): void {
    statistics.bytesReceived += chunk.length;
    if (exchange === undefined) hearNoise(chunk);
    else hear(exchange, chunk);
  }

  /** Nobody waits: a late reply, another master, or a broken line. The next request waits until it is over. */
  function hearNoise(chunk: Buffer): void {
    statistics.strayBytes += chunk.length;
    noisySince ??= now();
    if (now() - noisySince < MOST_NOISE_MS) keepSilent(options.interFrameMs);
  }

  function hear(one: Exchange, chunk: Buffer): void {
    one.cancelGap();
    one.bytes = one.bytes.length === 0 ? chunk : Buffer.concat([one.bytes, chunk]);
    stripEcho(one);
    const reply = findReply(one);
    if (reply !== undefined) accept(one, reply);
    else if (one.bytes.length > MOST_BYTES) giveUp(one);
    else if (one.bytes.length > 0) one.cancelGap = clock.after(options.gapMs, () => breakOff(one));
  }

  /** No more came: a broken answer ends the wait, anything else is forgotten. */
  function breakOff(one: Exchange): void {
    one.isDisturbed = true;
    if (one.answer(framing.head(one.bytes)) !== undefined) {
      giveUp(one);
      return;
    }
    statistics.strayBytes += one.bytes.length;
    one.bytes = NOTHING;
  }

  /** Our own frame is not an answer, though that to a single write looks the same. */
  function stripEcho(one: Exchange): void {
    if (one.hasEchoed || (hasEcho !== true && looksLikeReply(one.request))) return;
    const at = one.bytes.indexOf(one.frame);
    if (at < 0) return;
    if (hasEcho !== true) host.log.warn({}, 'the adapter repeats what is sent: set localEcho: true');
    hasEcho = true;
    one.hasEchoed = true;
    one.bytes = one.bytes.subarray(at + one.frame.length);
  }

  function findReply(one: Exchange): Exclude<Reply, { status: 'malformed' }> | undefined {
    if (hasEcho === true && !one.hasEchoed && looksLikeReply(one.request)) return undefined;
    for (let from = 0; ; ) {
      const found = findFrame(framing, one.bytes, from, one.answer);
      if (found === undefined) return undefined;
      const reply = decodeReply(one.unit, one.request, found.body);
      if (reply.status !== 'malformed') {
        statistics.strayBytes += found.from;
        return reply;
      }
      // Sound, but of another request.
      statistics.lateReplies++;
      from = found.end;
    }
  }

  function accept(one: Exchange, reply: Exclude<Reply, { status: 'malformed' }>): void {
    if (!one.hasEchoed) hasEcho = false;
    silence.heard(one.unit);
    channel.proven();
    upkeep.proven();
    statistics.responses++;
    if (reply.status === 'exception') statistics.exceptions++;
    end(one, reply.status === 'done' ? { ...reply, tookMs: now() - one.sentAt } : reply);
  }

  /** No answer, or none that can be read: the right one may still be on its way. */
  function giveUp(one: Exchange): void {
    const cause = one.isDisturbed || one.bytes.length > 0 ? 'malformed' : 'timeout';
    if (cause === 'malformed') {
      statistics.malformed++;
      silence.heard();
    } else statistics.timeouts++;
    indebted.set(one.unit, now() + options.lateReplyWindowMs);
    const isDead = cause === 'timeout' && silence.missed(one.unit) && options.canBeHalfOpen;
    if (isDead) channel.reset('no answer to several requests');
    end(one, { status: 'failed', cause, sent: true });
  }

  function end(one: Exchange, outcome: Outcome): void {
    if (exchange !== one) return;
    one.cancelGap();
    one.cancelDeadline();
    exchange = undefined;
    keepSilent(options.interFrameMs + options.turnaroundMs);
    one.done(outcome);
  }

  function keepSilent(ms: number): void {
    isSilent = false;
    silentAt = Math.max(silentAt, now() + ms);
    cancelSilence();
    cancelSilence = clock.after(Math.ceil(silentAt - now()), checkSilence);
  }

  /** Bytes that came in meanwhile, and wait to be read, must not be taken for the answer to what is sent next. */
  function checkSilence(): void {
    const expected = silentAt;
    channel.drain(() => {
      if (silentAt === expected) becomeSilent();
    });
  }

  function becomeSilent(): void {
    cancelSilence();
    isSilent = true;
    noisySince = undefined;
    const step = nextStep;
    nextStep = undefined;
    if (step !== undefined) step();
    else if (!isTaken) changes.emit();
  }

  function whenSilent(step: () => void): void {
    nextStep = step;
    if (isSilent) becomeSilent();
  }

  function transmit(unit: number, request: Request, { answerMs, mostMs }: Patience, done: Done): void {
    const frame = framing.frame(encodeRequest(unit, request));
    const replyFrameBytes = framing.frameBytes(replyBytes(request));
    const wireMs = (frame.length + replyFrameBytes) * options.characterMs;
    const one: Exchange = {
      unit,
      request,
      frame,
      answer: answerLength(unit, request),
      sentAt: now(),
      done,
      bytes: NOTHING,
      isDisturbed: false,
      hasEchoed: false,
      cancelDeadline: () => {},
      cancelGap: () => {},
    };
    one.cancelDeadline = clock.after(Math.min(answerMs + wireMs, mostMs), () => giveUp(one));
    exchange = one;
    statistics.requests++;
    statistics.bytesSent += frame.length;
    channel.write(frame);
  }

  /** Nobody answers: the line is free again when the devices have had their time. */
  function broadcast(request: Request, { mostMs }: Patience, done: Done): void {
    const frame = framing.frame(encodeRequest(BROADCAST, request));
    statistics.requests++;
    statistics.bytesSent += frame.length;
    channel.write(frame);
    const ms = frame.length * options.characterMs + options.broadcastMs;
    keepSilent(ms);
    clock.after(Math.min(ms, mostMs), () => done({ status: 'done', data: NOTHING, tookMs: ms }));
  }

  /** What has to be asked before the request, so that its answer can be believed. */
  function preliminaries(unit: number, request: Request): readonly Request[] {
    const first: Request[] = [];
    const isFeared = (indebted.get(unit) ?? 0) > now();
    if (!isFeared) indebted.delete(unit);
    // An acknowledgement of a single write cannot be told from an echo: a read can.
    if (hasEcho === undefined && (isFeared || looksLikeReply(request))) {
      const address = isWrite(request) ? request.address : 0;
      first.push({ function: isBitWrite(request) ? 1 : 3, address, count: 1 });
    }
    if (isFeared) first.push({ function: 8, token: nextToken() });
    return first;
  }

  function nextToken(): number {
    token = (token + 1) & 0xffff;
    return token;
  }

  /** Asks one after the other; only the outcome of the last one counts, unless one before it gets no answer. */
  function inTurn(unit: number, requests: readonly Request[], patience: Patience, done: Done): void {
    const [request, ...rest] = requests;
    const beganAt = now();
    if (request === undefined) return;
    transmit(unit, request, patience, (outcome) => {
      if (rest.length === 0) {
        done(outcome);
        return;
      }
      if (outcome.status === 'failed') {
        done({ ...outcome, sent: false });
        return;
      }
      if (request.function === 8) indebted.delete(unit);
      whenSilent(() => {
        const mostMs = patience.mostMs - (now() - beganAt);
        if (mostMs <= 0) done({ status: 'failed', cause: 'timeout', sent: false });
        else if (channel.state !== 'open') done({ status: 'failed', cause: 'disconnected', sent: false });
        else inTurn(unit, rest, { ...patience, mostMs }, done);
      });
    });
  }

  return {
    statistics,
    get state() {
      return linkState(channel.state, statistics.connects > 0);
    },
    get ready() {
      return channel.state === 'open' && !isTaken && isSilent;
    },
    get retryInMs() {
      return channel.retryInMs;
    },
    start: () => channel.open(),
    want: () => channel.open(),
    send(unit, request, patience, done) {
      isTaken = true;
      const release: Done = (outcome) => {
        isTaken = false;
        done(outcome);
      };
      if (unit === BROADCAST) broadcast(request, patience, release);
      else inTurn(unit, [...preliminaries(unit, request), request], patience, release);
    },
    onChange: (listener) => changes.subscribe(listener),
    close: () => channel.close(),
  };
}

/** Writes of one value, and diagnostics, are acknowledged by a copy of the request. */
function looksLikeReply(request: Request): boolean {
  const code = request.function;
  return code === 5 || code === 6 || code === 8 || code === 22;
}

function isBitWrite(request: Request): boolean {
  return request.function === 5 || request.function === 15;
}
