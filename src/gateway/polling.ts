import { createHash } from 'node:crypto';
import type { AttachedDevice, PointId, Priority, Sample } from '../adapter/index.ts';
import { type Cancel, type Clock, type Logger, messageOf, type Timers } from '../base/index.ts';
import {
  afterCycle,
  type Health,
  type HealthRules,
  probeDelay,
  UNKNOWN_HEALTH,
  verdictOf,
} from './health.ts';

/** Points that are read together, at one interval. Infinity: once, and again after the device was away. */
export interface Poll {
  readonly points: readonly PointId[];
  readonly intervalMs: number;
}

export interface PollingOptions {
  /** Names the device, to spread devices over the interval. */
  readonly id: string;
  readonly polls: readonly Poll[];
  readonly health: HealthRules;
  /** How long one cycle may take, beyond which it counts as failed. */
  readonly cycleDeadlineMs: (poll: Poll) => number;
}

export interface PollingPorts {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly timers: Timers;
  readonly log: Pick<Logger, 'error'>;
  /** What came of a cycle; failed samples included. */
  onSamples(samples: readonly Sample[]): void;
  onHealth(health: Health): void;
}

/** Keeps one device read. */
export interface Polling {
  readonly health: Health;
  /** Cycles left out because the one before still ran. */
  readonly skipped: number;
  /** When an offline device is asked next, in ms from now; undefined while it is not offline. */
  readonly retryAfterMs: number | undefined;
  /**
   * Reads these points now, beside the cycles; a read of the same points that is under way is shared. An offline
   * device is not asked: its probe is on its way.
   */
  readNow(points: readonly PointId[], deadlineMs: number): Promise<void>;
  /** The device was written to: what is being read of these points now must not be believed any more. */
  invalidate(points: readonly PointId[]): void;
  stop(): void;
}

const PROBE_DEADLINE_MS = 10_000;

/** A place in the interval that a device keeps, 0..1, so that devices do not all poll at once. */
function phaseOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt32BE(0) / 2 ** 32;
}

/** Devices whose turns are so close take them together: a processor that wakes up less often has less to do. */
const TURN_MS = 100;
/** Turns that an interval has at least. */
const LEAST_TURNS = 10;
/** So much earlier, a turn is not moved to the next tick of the timers by rounding. */
const ROUNDING_MS = 0.001;

/** How long until the next time that fits the phase, so that cycles keep their distance whenever they began. */
function untilNext(now: number, intervalMs: number, phase: number): number {
  const turnMs = Math.min(TURN_MS, intervalMs / LEAST_TURNS);
  const offset = Math.floor((phase * intervalMs) / turnMs) * turnMs;
  const wait = (Math.floor((now - offset) / intervalMs) + 1) * intervalMs + offset - now;
  // Rounding must not bring back the moment that has just come.
  return (wait < 1 ? wait + intervalMs : wait) - ROUNDING_MS;
}

/**
 * Samples that one read brought in several requests get one time, that of the first: they belong together, and servers
 * take values of several times apart. Times of the device itself, from before the read, stay.
 */
function atOneTime(samples: readonly Sample[], began: number): readonly Sample[] {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const { at } of samples) {
    if (at < began) continue;
    first = Math.min(first, at);
    last = Math.max(last, at);
  }
  if (first >= last) return samples;
  return samples.map((sample) => (sample.at > first ? { ...sample, at: first } : sample));
}

/** A poll and where it stands. */
interface Round {
  readonly poll: Poll;
  isRunning: boolean;
  cancelWait: Cancel;
}

/** Starts to read a device. */
export function startPolling(device: AttachedDevice, options: PollingOptions, ports: PollingPorts): Polling {
  const { clock, timers } = ports;
  const phase = phaseOf(options.id);
  const allPoints = options.polls.flatMap(({ points }) => points);
  /** A device without polls cannot be probed, so it is never given up: each request is its own probe. */
  const rules: HealthRules =
    allPoints.length > 0 ? options.health : { ...options.health, after: Number.POSITIVE_INFINITY };
  const rounds = options.polls.map((poll): Round => ({ poll, isRunning: false, cancelWait() {} }));
  const onDemand = new Map<string, Promise<void>>();
  /** Points that have had a value. */
  const answered = new Set<PointId>();
  /** Reads begun so far; and by point, how many had begun when it was written last. */
  let begun = 0;
  const outdated = new Map<PointId, number>();
  let health = UNKNOWN_HEALTH;
  let probe: { readonly cancel: Cancel; readonly at: number } | undefined;
  let skipped = 0;
  let isStopped = false;

  const isOffline = (): boolean => health.state === 'offline';

  const complain = (error: unknown): void =>
    ports.log.error({ device: options.id, problem: messageOf(error) }, 'reading the device failed');

  /** An adapter that breaks its contract by rejecting counts as a device that answers nonsense. */
  const ask = async (
    points: readonly PointId[],
    priority: Priority,
    deadlineMs: number,
  ): Promise<readonly Sample[]> => {
    const number = ++begun;
    const began = clock.now();
    let samples: readonly Sample[];
    try {
      samples = await device.read(points, { priority, deadlineMs });
    } catch (error) {
      complain(error);
      samples = points.map((point) => ({ point, cause: 'malformed', at: clock.now() }));
    }
    const together = atOneTime(samples, began);
    // What was read before a write says nothing about the time after it.
    return outdated.size === 0
      ? together
      : together.filter(({ point }) => number > (outdated.get(point) ?? 0));
  };

  const judge = (samples: readonly Sample[]): void => {
    const before = health.state;
    health = afterCycle(health, verdictOf(samples), rules);
    if (health.state === before) return;
    if (isOffline()) goOffline();
    else if (before === 'offline') comeBack();
    ports.onHealth(health);
  };

  const take = (samples: readonly Sample[]): void => {
    if (isStopped) return;
    if (answered.size < allPoints.length)
      for (const sample of samples) if (!('cause' in sample)) answered.add(sample.point);
    judge(samples);
    ports.onSamples(samples);
  };

  const goOffline = (): void => {
    for (const { cancelWait } of rounds) cancelWait();
    planProbe();
  };

  const comeBack = (): void => {
    probe?.cancel();
    probe = undefined;
    for (const round of rounds) cycle(round);
  };

  const planProbe = (): void => {
    probe?.cancel();
    const delay = probeDelay(health, rules);
    probe = { cancel: timers.after(delay, probeNow), at: clock.monotonic() + delay };
  };

  /** The cheapest question: one point, another one each time, as a device may never answer for some of its points. */
  const probeNow = (): void => {
    const proven = allPoints.filter((point) => answered.has(point));
    const candidates = proven.length > 0 ? proven : allPoints;
    const point = candidates[health.failures % candidates.length];
    if (isStopped || point === undefined) return;
    void ask([point], 'poll', PROBE_DEADLINE_MS)
      .then((samples) => {
        // The value is not passed on: the whole device is read at once when it is back.
        if (!isStopped && isOffline()) judge(samples);
      })
      .catch(complain)
      .finally(() => {
        // Whatever came of it, an offline device is asked again.
        if (!isStopped && isOffline()) planProbe();
      });
  };

  const wait = (round: Round, delayMs: number, task: () => void): void => {
    round.cancelWait();
    round.cancelWait = timers.after(delayMs, task);
  };

  const isPeriodic = ({ intervalMs }: Poll): boolean => Number.isFinite(intervalMs);

  const cycle = (round: Round): void => {
    const { poll } = round;
    if (isPeriodic(poll)) {
      wait(round, untilNext(clock.monotonic(), poll.intervalMs, phase), () => cycle(round));
    }
    if (round.isRunning) {
      skipped++;
      return;
    }
    void runCycle(round).catch(complain);
  };

  const runCycle = async (round: Round): Promise<void> => {
    const { poll } = round;
    let samples: readonly Sample[];
    round.isRunning = true;
    try {
      samples = await ask(poll.points, 'poll', options.cycleDeadlineMs(poll));
    } finally {
      round.isRunning = false;
    }
    take(samples);
    if (!isPeriodic(poll)) askAgain(round, samples, 0);
  };

  /** What is read once is asked again until it has come, less and less often. */
  const askAgain = (round: Round, samples: readonly Sample[], tries: number): void => {
    const points = samples.flatMap((sample) => ('cause' in sample ? [sample.point] : []));
    if (points.length === 0 || isStopped || isOffline()) return;
    wait(round, probeDelay({ ...UNKNOWN_HEALTH, probes: tries }, rules), () => {
      void ask(points, 'poll', options.cycleDeadlineMs(round.poll))
        .then((more) => {
          take(more);
          askAgain(round, more, tries + 1);
        })
        .catch(complain);
    });
  };

  const cancelState = device.onState((state) => {
    // The way to the device is open again: waiting out the back-off would only lose time.
    if (state.reachable && isOffline()) probeNow();
  });
  const cancelSamples = device.onSamples(take);

  for (const round of rounds) cycle(round);

  return {
    get health() {
      return health;
    },
    get skipped() {
      return skipped;
    },
    get retryAfterMs() {
      return isOffline() && probe !== undefined ? Math.max(0, probe.at - clock.monotonic()) : undefined;
    },
    readNow(points, deadlineMs) {
      if (isOffline() || isStopped) return Promise.resolve();
      const key = points.join('\n');
      const running = onDemand.get(key);
      if (running !== undefined) return running;
      const read = ask(points, 'demand', deadlineMs)
        .finally(() => {
          if (onDemand.get(key) === read) onDemand.delete(key);
        })
        .then(take)
        .catch(complain);
      onDemand.set(key, read);
      return read;
    },
    invalidate(points) {
      for (const point of points) outdated.set(point, begun);
      // Who asks from now on must not share a read that began before.
      onDemand.clear();
    },
    stop() {
      isStopped = true;
      cancelState();
      cancelSamples();
      for (const { cancelWait } of rounds) cancelWait();
      probe?.cancel();
    },
  };
}
