import { type Cancel, type Clock, type Logger, messageOf, type Timers } from '../base/index.ts';
import type { Connection } from '../transport/index.ts';
import { EMPTY_CODE, isRequest, isResponse } from './code.ts';
import { createFrameReader, encodeFrame, type FrameFault } from './frame.ts';
import type { Message, MessageToSend } from './message.ts';
import { readUint } from './option.ts';
import {
  abort,
  csm,
  describe,
  isKnownSignal,
  isSignal,
  ping,
  pong,
  RELEASE,
  readSignal,
  SignalCode,
} from './signal.ts';
import type { Counters } from './statistics.ts';
import { BASE_MESSAGE_BYTES, type StreamParameters } from './stream-parameters.ts';

export interface ChannelOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stream: StreamParameters;
  readonly counters: Counters;
  readonly log: Logger;
}

/** What a channel tells. */
export interface ChannelUser {
  /** A request or a response, after the peer's CSM. */
  onMessage(message: Message): void;
  /** More can be sent: the peer's CSM is there, or the connection has room again. */
  onOpen(): void;
  /** The peer wants to be left, perhaps for some time: what is under way may be finished, nothing is begun (RFC 8323 5.5). */
  onRelease(holdOffS: number | undefined): void;
  /** The connection is over, once. */
  onOver(error: Error | undefined): void;
}

/** Messages over one connection, and what is said about the connection itself (RFC 8323 3.3, 5). */
export interface Channel {
  readonly connection: Connection;
  /** Whether messages can be sent: the peer's CSM has come, and the connection has room. */
  readonly isOpen: boolean;
  /** Whether the peer's CSM has come. */
  readonly isReady: boolean;
  /** The largest message that the peer takes, in bytes. */
  readonly maxMessageSize: number;
  /** Whether the peer takes several blocks in one message, as we do (RFC 8323 6). */
  readonly takesBert: boolean;
  put(bytes: Uint8Array): void;
  /** Asks whether the peer is there. @returns how to stop waiting for that */
  ping(onPong: () => void): Cancel;
  /** Says good-bye, and sends what waits. */
  release(): void;
  /** Closes when what waits is sent. */
  end(): void;
}

const PING_TOKEN_LENGTH = 4;
const LARGEST_PING = 0xffffffff;

const FAULTS: Readonly<Record<FrameFault, string>> = {
  malformed: 'this is no message',
  'too-large': 'this message is larger than announced',
};

/** Begins at once: sends our CSM, without waiting for the peer's. */
export function createChannel(connection: Connection, options: ChannelOptions, user: ChannelUser): Channel {
  const { clock, timers, stream, counters } = options;
  const log = options.log.child({ peer: connection.peer.key });
  const reader = createFrameReader(stream.maxMessageBytes);
  let maxMessageSize = BASE_MESSAGE_BYTES;
  let isBlockWise = false;
  let isReady = false;
  let hasRoom = true;
  let isPaused = false;
  /** a response has come, and whoever waited for it has had no turn yet */
  let isAfterResponse = false;
  let held: Message | undefined;
  /** nothing more is read: we have ended it */
  let isEnded = false;
  let heardAt = clock.monotonic();
  const pings = new Map<number, () => void>();
  let lastPing = 0;

  const put = (bytes: Uint8Array): void => {
    counters.sent++;
    if (!connection.write(bytes)) hasRoom = false;
  };
  const say = (message: MessageToSend): void => put(encodeFrame(message));

  const end = (): void => {
    isEnded = true;
    connection.end();
  };

  const giveUp = (reason: string, badOption?: number): void => {
    log.warn({ problem: reason }, 'a connection is aborted');
    say(abort(reason, badOption));
    end();
  };

  const onCsm = (size: number | undefined, announcesBlocks: boolean): void => {
    maxMessageSize = size ?? maxMessageSize;
    isBlockWise ||= announcesBlocks;
    if (isReady) return;
    isReady = true;
    stopTimer();
    watch();
    user.onOpen();
  };

  const onPong = ({ token }: Message): void => {
    // libcoap leaves out the token: then it is the oldest that is answered.
    const [oldest] = pings.keys();
    const number = token.length === 0 ? oldest : readUint(token);
    const answered = pings.get(number ?? 0);
    pings.delete(number ?? 0);
    answered?.();
  };

  const onSignal = (message: Message): void => {
    const { code } = message;
    // A code that nobody has defined is nothing to act on.
    if (!isKnownSignal(code)) return;
    const signal = readSignal(code, message.options);
    if (typeof signal === 'number') giveUp(`option ${signal} is critical and unknown`, signal);
    else if (code === SignalCode.csm) onCsm(signal.maxMessageSize, signal.isBlockWise);
    else if (code === SignalCode.ping) say(pong(message));
    else if (code === SignalCode.pong) onPong(message);
    else {
      log.info({ said: describe(message) }, 'the peer ends the connection');
      if (code === SignalCode.release) user.onRelease(signal.holdOffS);
      else end();
    }
  };

  const onMessage = (message: Message): void => {
    const { code } = message;
    counters.received++;
    if (code === EMPTY_CODE) return;
    // The first message is a CSM (RFC 8323 5.3); a peer that does not want us may say so at once.
    if (!isReady && code !== SignalCode.csm && code !== SignalCode.abort) giveUp('there was no CSM');
    else if (isSignal(code)) onSignal(message);
    else {
      isAfterResponse ||= isResponse(code);
      user.onMessage(message);
    }
  };

  /** A peer that takes nothing is not listened to, either: what it asks for would wait here. */
  const read = (): void => {
    while (hasRoom && !isEnded && held === undefined) {
      const message = reader.next();
      if (message === undefined) break;
      if (typeof message === 'string') {
        counters.malformed++;
        giveUp(FAULTS[message]);
      } else if (isAfterResponse && isRequest(message.code)) hold(message);
      else onMessage(message);
    }
    listen(hasRoom && held === undefined);
  };

  const listen = (isListening: boolean): void => {
    if (isPaused !== isListening || isEnded) return;
    isPaused = !isListening;
    connection.pause(isPaused);
  };

  /**
   * A request right behind a response may be a consequence of it: whoever waited for the response goes on first, as if
   * they had come one by one.
   */
  const hold = (request: Message): void => {
    held = request;
    isAfterResponse = false;
    clock.after(0, () => {
      held = undefined;
      if (isEnded) return;
      guarded(() => {
        onMessage(request);
        read();
      });
    });
  };

  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      // The last fence: no bytes may end the process.
      log.error({ problem: messageOf(error) }, 'a message could not be handled');
      connection.destroy();
    }
  };

  /** One timer, however much is said: silence is looked at when it could be long enough. */
  const watch = (): void => {
    if (stream.heartbeatMs === 0) return;
    const silentMs = clock.monotonic() - heardAt;
    if (silentMs >= stream.heartbeatMs + stream.pongTimeoutMs) {
      connection.destroy(new Error('the peer does not answer a ping'));
      return;
    }
    const isSilent = silentMs >= stream.heartbeatMs;
    if (isSilent) say(ping(Buffer.alloc(0)));
    const untilMs = stream.heartbeatMs + (isSilent ? stream.pongTimeoutMs : 0);
    stopTimer = timers.after(untilMs - silentMs, watch);
  };

  let stopTimer: Cancel = timers.after(stream.csmTimeoutMs, () => giveUp('there was no CSM in time'));
  say(csm(stream.maxMessageBytes));
  connection.receive({
    onBytes(bytes) {
      if (isEnded) return;
      heardAt = clock.monotonic();
      isAfterResponse = false;
      reader.push(bytes);
      guarded(read);
    },
    onRoom() {
      if (isEnded) return;
      hasRoom = true;
      guarded(() => {
        if (isReady) user.onOpen();
        read();
      });
    },
    onClosed(error) {
      stopTimer();
      isEnded = true;
      if (error !== undefined) counters.transportErrors++;
      user.onOver(error);
    },
  });

  return {
    connection,
    get isOpen() {
      return isReady && hasRoom && !isEnded;
    },
    get isReady() {
      return isReady;
    },
    get maxMessageSize() {
      return maxMessageSize;
    },
    get takesBert() {
      return (
        isBlockWise && maxMessageSize > BASE_MESSAGE_BYTES && stream.maxMessageBytes > BASE_MESSAGE_BYTES
      );
    },
    put,
    ping(onAnswered) {
      lastPing = lastPing >= LARGEST_PING ? 0 : lastPing + 1;
      const number = lastPing;
      const token = Buffer.alloc(PING_TOKEN_LENGTH);
      token.writeUInt32BE(number);
      pings.set(number, onAnswered);
      say(ping(token));
      return () => pings.delete(number);
    },
    release() {
      if (isEnded) return;
      say(RELEASE);
      end();
    },
    end,
  };
}
