import { type AdapterHost, createSignal } from 'lwm2m-gateway/adapter';
import { createChannel, type Dial } from './channel.ts';
import { createDebts } from './debts.ts';
import type { Framing } from './framing.ts';
import { type Echo, type Heard, type LineExchange, listen } from './line-exchange.ts';
import {
  createLinkStatistics,
  type Done,
  type Link,
  linkState,
  type Outcome,
  type Patience,
} from './link.ts';
import { encodeRequest, type Request, replyBytes } from './pdu.ts';
import { createQuiet } from './quiet.ts';
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

const NOTHING = Buffer.alloc(0);
const UNASKED = { status: 'failed', cause: 'timeout', sent: false } as const;

/** What is being asked now. */
interface Asking {
  readonly unit: number;
  readonly request: Request;
  readonly sentAt: number;
  readonly done: Done;
  readonly exchange: LineExchange;
}

/**
 * RTU and ASCII, on a serial line or in a stream: one request at a time, and nothing in a reply tells to which request
 * it belongs. So a unit that left a request unanswered is not believed again until it has repeated a number that was
 * never sent before (diagnostics 8/0), or refused to: a device answers in order, thus whatever it owed has come by
 * then. Where it was never heard to, it is believed after {@link LineLinkOptions.lateReplyWindowMs}.
 */
export function createLineLink(options: LineLinkOptions, host: AdapterHost): Link {
  const { clock } = host;
  const { framing, gapMs, interFrameMs } = options;
  const statistics = createLinkStatistics();
  const changes = createSignal<void>();
  const silence = createSilenceWatch();
  const upkeep = createUpkeep(statistics, host.log);
  const channel = createChannel(options.dial, options.connectDelayMs, host, { onOpen, onData, onDown });
  const quiet = createQuiet({ interFrameMs, channel, clock, onQuiet });
  const echo: Echo = { isThere: options.localEcho };
  const debts = createDebts(options.lateReplyWindowMs, echo, clock);
  const ear = { framing, gapMs, echo, statistics, clock, log: host.log };
  let asking: Asking | undefined;
  /** A request and what goes before it occupy the line. */
  let isTaken = false;

  function onOpen(): void {
    upkeep.opened();
    quiet.keep(interFrameMs);
    changes.emit();
  }

  function onDown(reason: string, again: boolean): void {
    upkeep.down(reason, again);
    silence.clear();
    echo.isThere = options.localEcho;
    const cause = channel.state === 'closed' ? 'closed' : 'disconnected';
    if (asking !== undefined) {
      // A converter may bring the answer into the next connection.
      debts.owes(asking.unit, asking.request);
      end(asking, { status: 'failed', cause, sent: true });
    }
    quiet.give();
    changes.emit();
  }

  function onData(chunk: Buffer): void {
    statistics.bytesReceived += chunk.length;
    if (asking !== undefined) {
      asking.exchange.hear(chunk);
      return;
    }
    statistics.strayBytes += chunk.length;
    quiet.disturbed();
  }

  function onQuiet(): void {
    if (!isTaken) changes.emit();
  }

  function take(one: Asking, heard: Heard): void {
    if (heard.status === 'unanswered') {
      giveUp(one, heard.cause);
      return;
    }
    silence.heard(one.unit);
    channel.proven();
    upkeep.proven();
    statistics.responses++;
    if (heard.status === 'exception') statistics.exceptions++;
    end(one, heard.status === 'done' ? { ...heard, tookMs: clock.monotonic() - one.sentAt } : heard);
  }

  function giveUp(one: Asking, cause: 'timeout' | 'malformed'): void {
    debts.owes(one.unit, one.request);
    if (cause === 'malformed') {
      statistics.malformed++;
      silence.heard();
    } else {
      statistics.timeouts++;
      const isDead = silence.missed(one.unit) && options.canBeHalfOpen;
      if (isDead) channel.reset('no answer to several requests');
    }
    end(one, { status: 'failed', cause, sent: true });
  }

  function end(one: Asking, outcome: Outcome): void {
    if (asking !== one) return;
    one.exchange.end();
    asking = undefined;
    quiet.keep(interFrameMs + options.turnaroundMs);
    one.done(outcome);
  }

  function transmit(unit: number, request: Request, { answerMs, mostMs }: Patience, done: Done): void {
    const frame = framing.frame(encodeRequest(unit, request));
    const wireMs = (frame.length + framing.frameBytes(replyBytes(request))) * options.characterMs;
    const question = { unit, request, frame, mostMs: Math.min(answerMs + wireMs, mostMs) };
    const exchange = listen(question, ear, (heard) => take(one, heard));
    const one: Asking = { unit, request, sentAt: clock.monotonic(), done, exchange };
    asking = one;
    write(frame);
  }

  function write(frame: Buffer): void {
    statistics.requests++;
    statistics.bytesSent += frame.length;
    channel.write(frame);
  }

  /** Nobody answers: the line is free again when the devices have had their time. */
  function broadcast(request: Request, { mostMs }: Patience, done: Done): void {
    const frame = framing.frame(encodeRequest(BROADCAST, request));
    write(frame);
    const ms = frame.length * options.characterMs + options.broadcastMs;
    quiet.keep(ms);
    clock.after(Math.min(ms, mostMs), () => done({ status: 'done', data: NOTHING, tookMs: ms }));
  }

  /** Asks one after the other; only the outcome of the last one counts, unless one before it gets no answer. */
  function inTurn(unit: number, requests: readonly Request[], patience: Patience, done: Done): void {
    const [request, ...rest] = requests;
    const beganAt = clock.monotonic();
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
      debts.answered(unit, request, outcome.status === 'exception');
      quiet.whenQuiet(() => {
        const mostMs = patience.mostMs - (clock.monotonic() - beganAt);
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
      return channel.state === 'open' && !isTaken && quiet.isQuiet;
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
      const waitMs = debts.waitMs(unit);
      if (unit === BROADCAST) broadcast(request, patience, release);
      else if (waitMs > 0) clock.after(0, () => release({ ...UNASKED, retryAfterMs: Math.ceil(waitMs) }));
      else inTurn(unit, [...debts.preliminaries(unit, request), request], patience, release);
    },
    onChange: (listener) => changes.subscribe(listener),
    close: () => channel.close(),
  };
}
