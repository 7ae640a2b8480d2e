import type { Cancel, Timers } from '../base/index.ts';
import type { ObjectDefinition } from '../model/index.ts';
import { DONE, type InstanceChange, type InstanceSetup, type Outcome, type Refused } from '../tree/index.ts';

/** Object 7: what a client has sent and received over IP while a server wanted it counted (OMA Core 1.2.2 E.8). */
export interface ConnectivityStatistics {
  readonly setup: InstanceSetup;
  /** One message, in bytes. */
  sent(bytes: number): void;
  received(bytes: number): void;
}

export interface StatisticsPorts {
  readonly timers: Timers;
  /** Collection Period as it stands now, in s; 0 or absent: until Stop. */
  period(): unknown;
  /** These resources may have other values now. */
  changed(resources: readonly number[]): void;
}

const TX_DATA = 2;
const RX_DATA = 3;
const MAX_SIZE = 4;
const AVERAGE_SIZE = 5;
const START = 6;
const STOP = 7;
export const COLLECTION_PERIOD = 8;

const COUNTERS = [TX_DATA, RX_DATA, MAX_SIZE, AVERAGE_SIZE];

/** Whoever observes them is told this often at most: what tells it is counted too. */
const TELL_MS = 10_000;

const LONGEST_S = 2 ** 31 - 1;

function check({ values }: InstanceChange): Refused | undefined {
  const period = values.get(COLLECTION_PERIOD) ?? 0;
  const isPossible = typeof period === 'number' && period >= 0 && period <= LONGEST_S;
  return isPossible ? undefined : { status: 'bad-request', message: `seconds from 0 to ${LONGEST_S}` };
}

/** A box without a modem: no SMS is counted. */
export function createConnectivityStatistics(
  definition: ObjectDefinition,
  { timers, period, changed }: StatisticsPorts,
): ConnectivityStatistics {
  let isCollecting = false;
  let sentBytes = 0;
  let receivedBytes = 0;
  let messages = 0;
  let largest = 0;
  let cancelEnd: Cancel | undefined;
  let isTelling = false;

  const tell = (): void => {
    isTelling = false;
    changed(COUNTERS);
  };

  const count = (bytes: number): void => {
    messages++;
    if (bytes > largest) largest = bytes;
    if (isTelling) return;
    isTelling = true;
    timers.after(TELL_MS, tell);
  };

  const stop = (): Outcome => {
    cancelEnd?.();
    isCollecting = false;
    return DONE;
  };

  const start = (): Outcome => {
    stop();
    sentBytes = 0;
    receivedBytes = 0;
    messages = 0;
    largest = 0;
    isCollecting = true;
    const seconds = period();
    if (typeof seconds === 'number' && seconds > 0) cancelEnd = timers.after(seconds * 1000, stop);
    changed(COUNTERS);
    return DONE;
  };

  return {
    setup: {
      definition,
      instance: 0,
      resources: [
        { id: TX_DATA, compute: () => Math.floor(sentBytes / 1024) },
        { id: RX_DATA, compute: () => Math.floor(receivedBytes / 1024) },
        { id: MAX_SIZE, compute: () => largest },
        {
          id: AVERAGE_SIZE,
          compute: () => (messages === 0 ? 0 : Math.round((sentBytes + receivedBytes) / messages)),
        },
        { id: START, execute: start },
        { id: STOP, execute: stop },
        { id: COLLECTION_PERIOD, value: 0 },
      ],
      check,
    },
    sent(bytes) {
      if (!isCollecting) return;
      sentBytes += bytes;
      count(bytes);
    },
    received(bytes) {
      if (!isCollecting) return;
      receivedBytes += bytes;
      count(bytes);
    },
  };
}
