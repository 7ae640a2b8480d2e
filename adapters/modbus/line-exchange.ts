import type { Cancel, Clock, Logger } from 'lwm2m-gateway/adapter';
import { answerLength, type Framing, findFrame } from './framing.ts';
import type { LinkStatistics } from './link.ts';
import { decodeReply, type Reply, type Request } from './pdu.ts';

/** Whether the adapter repeats what it sends: known by the settings, by the first read, or not yet. */
export interface Echo {
  isThere: boolean | undefined;
}

/** What a line brings to the ear of whoever asks on it. */
export interface Ear {
  readonly framing: Framing;
  /** silence that ends a frame of which not enough came */
  readonly gapMs: number;
  readonly echo: Echo;
  readonly statistics: Pick<LinkStatistics, 'strayBytes' | 'lateReplies'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Question {
  readonly unit: number;
  readonly request: Request;
  /** as it was sent */
  readonly frame: Buffer;
  readonly mostMs: number;
}

export type SoundReply = Exclude<Reply, { status: 'malformed' }>;

/** `unanswered`: nothing came in time, or nothing that can be read; the right answer may still be on its way */
export type Heard = SoundReply | { readonly status: 'unanswered'; readonly cause: 'timeout' | 'malformed' };

/** One request that waits for its reply. */
export interface LineExchange {
  hear(chunk: Buffer): void;
  /** Nobody waits any more. */
  end(): void;
}

/** The longest frame has 256 bytes, 513 in ASCII: what is longer is no answer. */
const MOST_BYTES = 2048;
const NOTHING = Buffer.alloc(0);
const SECOND_LOOK_MS = 5;

/** Listens for the reply to what was just sent. @param settle is called once, unless {@link LineExchange.end} comes first */
export function listen(question: Question, ear: Ear, settle: (heard: Heard) => void): LineExchange {
  const { unit, request, frame } = question;
  const { framing, echo, statistics, clock } = ear;
  const answer = answerLength(unit, request);
  const mayBeEcho = looksLikeReply(request);
  /** what came and is not understood yet */
  let bytes: Buffer = NOTHING;
  /** Something came that is no answer. */
  let isDisturbed = false;
  let hasEchoed = false;
  let cancelGap: Cancel = () => {};
  const cancelDeadline = clock.after(question.mostMs, giveUp);

  function end(): void {
    cancelGap();
    cancelDeadline();
  }

  function finish(heard: Heard): void {
    end();
    settle(heard);
  }

  function giveUp(): void {
    const isBroken = isDisturbed || bytes.length > 0;
    finish({ status: 'unanswered', cause: isBroken ? 'malformed' : 'timeout' });
  }

  /** Where the process was kept from running, timers fall due before what has come meanwhile is read. */
  function lookAgain(): void {
    cancelGap = clock.after(SECOND_LOOK_MS, breakOff);
  }

  /** No more came: a broken answer ends the wait, anything else is forgotten. */
  function breakOff(): void {
    isDisturbed = true;
    if (answer(framing.head(bytes)) !== undefined) {
      giveUp();
      return;
    }
    statistics.strayBytes += bytes.length;
    bytes = NOTHING;
  }

  /** Our own frame is not an answer, though that to a single write looks the same. */
  function stripEcho(): void {
    if (hasEchoed || (echo.isThere !== true && mayBeEcho)) return;
    const at = bytes.indexOf(frame);
    if (at < 0) return;
    if (echo.isThere !== true) ear.log.warn({}, 'the adapter repeats what is sent: set localEcho: true');
    echo.isThere = true;
    hasEchoed = true;
    bytes = bytes.subarray(at + frame.length);
  }

  function findReply(): SoundReply | undefined {
    if (echo.isThere === true && !hasEchoed && mayBeEcho) return undefined;
    for (let from = 0; ; ) {
      const found = findFrame(framing, bytes, from, answer);
      if (found === undefined) return undefined;
      const reply = decodeReply(unit, request, found.body);
      if (reply.status !== 'malformed') {
        statistics.strayBytes += found.from;
        return reply;
      }
      // Sound, but of another request.
      statistics.lateReplies++;
      from = found.end;
    }
  }

  return {
    hear(chunk) {
      cancelGap();
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      stripEcho();
      const reply = findReply();
      if (reply !== undefined) {
        if (!hasEchoed) echo.isThere = false;
        finish(reply);
      } else if (bytes.length > MOST_BYTES) giveUp();
      else if (bytes.length > 0) cancelGap = clock.after(ear.gapMs, lookAgain);
    },
    end,
  };
}

/** Writes of one value, and diagnostics, are acknowledged by a copy of the request. */
export function looksLikeReply(request: Request): boolean {
  const code = request.function;
  return code === 5 || code === 6 || code === 8 || code === 22;
}
