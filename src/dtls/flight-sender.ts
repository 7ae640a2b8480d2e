import type { Cancel, Clock } from '../base/index.ts';
import { type Flight, packFlight } from './flight.ts';
import type { RecordLayer } from './records.ts';
import {
  beginWaiting,
  keepWaiting,
  mtuAfter,
  type RetransmissionTimers,
  type Waiting,
} from './retransmission.ts';

/** Sends a flight, and sends it again until it is answered (RFC 6347 4.2.4). */
export interface FlightSender {
  /** Sendings again, for whatever reason. */
  readonly repeated: number;
  /** Takes the place of the flight before, which was answered. */
  begin(flight: Flight): void;
  /** The server repeats its flight, so it has not got ours: sends that again, but not as often as anybody likes. */
  answerRepetition(): void;
  /** The handshake is complete: keeps the last flight, if it was ours, for {@link answerRepetition}. */
  settle(): void;
  /** Forgets the flight. */
  stop(): void;
}

export interface FlightSenderOptions {
  readonly clock: Clock;
  readonly timers: RetransmissionTimers;
  readonly mtu: number;
  readonly records: Pick<RecordLayer, 'write' | 'overhead'>;
  transmit(datagram: Buffer): void;
  /** The time is up. */
  gaveUp(): void;
  /** Sending again failed. */
  failed(error: unknown): void;
}

/** Repetitions of the last flight of a handshake, which no timer limits. */
const MOST_LAST_FLIGHTS = 8;

export function createFlightSender(options: FlightSenderOptions): FlightSender {
  const { clock, timers } = options;
  let startedAt: number | undefined;
  const spentMs = (): number => {
    startedAt ??= clock.monotonic();
    return clock.monotonic() - startedAt;
  };
  let flight: Flight | undefined;
  let waiting: Waiting | undefined;
  let disarm: Cancel = () => {};
  let repeated = 0;
  /** Answers to repetitions of the server that are still given. */
  let answersLeft = 0;

  const transmit = (): void => {
    if (flight === undefined) return;
    const mtu = flight.kind === 'hello' ? options.mtu : mtuAfter(options.mtu, waiting?.repeats ?? 0);
    for (const datagram of packFlight(flight, mtu, options.records)) options.transmit(datagram);
  };

  const repeat = (): void => {
    repeated++;
    try {
      transmit();
    } catch (error) {
      options.failed(error);
    }
  };

  const arm = (next: Waiting): void => {
    waiting = next;
    answersLeft = 1; // until the timer fires: nobody must make us send faster
    disarm = clock.after(next.delayMs, expire);
  };

  const expire = (): void => {
    const next = waiting && keepWaiting(timers, waiting, spentMs());
    if (next === 'given-up') options.gaveUp();
    else if (next !== undefined) {
      arm(next);
      repeat();
    }
  };

  return {
    get repeated() {
      return repeated;
    },
    begin(next) {
      disarm();
      flight = next;
      waiting = undefined;
      if (next.kind === 'last') answersLeft = MOST_LAST_FLIGHTS;
      else arm(beginWaiting(timers, spentMs()));
      transmit();
    },
    answerRepetition() {
      if (flight === undefined || answersLeft === 0) return;
      answersLeft--;
      repeat();
    },
    settle() {
      disarm();
      waiting = undefined;
      if (flight?.kind !== 'last') flight = undefined;
    },
    stop() {
      disarm();
      waiting = undefined;
      flight = undefined;
    },
  };
}
