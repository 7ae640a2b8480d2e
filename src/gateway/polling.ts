import { createHash } from 'node:crypto';
import type { AttachedDevice, FieldCause, PointId, Priority, Sample } from '../adapter/index.ts';
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
  stop(): void;
}

/** A place in the interval that a device keeps, 0..1, so that devices do not all poll at once. */
function phaseOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt32BE(0) / 2 ** 32;
}

/** Starts to read a device. */
export function startPolling(device: AttachedDevice, options: PollingOptions, ports: PollingPorts): Polling {
  const { clock, timers } = ports;
  const phase = phaseOf(options.id);
  const waits = new Map<Poll, Cancel>();
  const busy = new Set<Poll>();
  const onDemand = new Map<string, Promise<void>>();
  let health = UNKNOWN_HEALTH;
  let probe: { readonly cancel: Cancel; readonly at: number } | undefined;
  let skipped = 0;
  let isStopped = false;

  /** An adapter that breaks its contract by rejecting counts as a device that answers nonsense. */
  const ask = (
    points: readonly PointId[],
    priority: Priority,
    deadlineMs: number,
  ): Promise<readonly Sample[]> =>
    device.read(points, { priority, deadlineMs }).catch((error: unknown) => {
      ports.log.error({ device: options.id, problem: messageOf(error) }, 'the adapter failed');
      return points.map((point) => ({ point, cause: 'malformed', at: clock.now() }));
    });

  const judge = (samples: readonly Sample[]): void => {
    const before = health.state;
    const verdict: 'alive' | FieldCause | undefined = verdictOf(samples);
    health = afterCycle(health, verdict, options.health);
    if (health.state === 'offline' && verdict !== undefined) goOffline();
    else if (before === 'offline' && health.state === 'online') comeBack();
    if (health.state !== before) ports.onHealth(health);
  };

  const take = (samples: readonly Sample[]): void => {
    if (isStopped) return;
    judge(samples);
    ports.onSamples(samples);
  };

  const goOffline = (): void => {
    for (const cancel of waits.values()) cancel();
    waits.clear();
    probe?.cancel();
    const delay = probeDelay(health, options.health);
    probe = { cancel: timers.after(delay, probeNow), at: clock.monotonic() + delay };
  };

  const comeBack = (): void => {
    probe?.cancel();
    probe = undefined;
    for (const poll of options.polls) cycle(poll);
  };

  /** The cheapest question: one point of the first poll. */
  const probeNow = (): void => {
    if (isStopped || health.state !== 'offline') return;
    const [poll] = options.polls;
    const point = poll?.points[0];
    if (poll === undefined || point === undefined) return;
    void device.read([point], { priority: 'poll', deadlineMs: options.cycleDeadlineMs(poll) }).then(take);
  };

  /** Times that fit the phase, whenever the device was started, so that cycles keep their distance for good. */
  const untilNext = (intervalMs: number): number => {
    const now = clock.monotonic();
    const offset = phase * intervalMs;
    const wait = (Math.floor((now - offset) / intervalMs) + 1) * intervalMs + offset - now;
    // Rounding must not bring back the moment that has just come.
    return wait < 1 ? wait + intervalMs : wait;
  };

  const plan = (poll: Poll): void => {
    if (isStopped || health.state === 'offline' || !Number.isFinite(poll.intervalMs)) return;
    waits.get(poll)?.();
    waits.set(
      poll,
      timers.after(untilNext(poll.intervalMs), () => cycle(poll)),
    );
  };

  const cycle = (poll: Poll): void => {
    plan(poll);
    if (busy.has(poll)) {
      skipped++;
      return;
    }
    busy.add(poll);
    void ask(poll.points, 'poll', options.cycleDeadlineMs(poll)).then((samples) => {
      busy.delete(poll);
      take(samples);
      // What is read once is asked again until it has come.
      const isMissing = !Number.isFinite(poll.intervalMs) && samples.some((sample) => 'cause' in sample);
      if (isMissing && !isStopped && health.state !== 'offline') {
        waits.get(poll)?.();
        waits.set(
          poll,
          timers.after(probeDelay(UNKNOWN_HEALTH, options.health), () => cycle(poll)),
        );
      }
    });
  };

  const cancelState = device.onState((state) => {
    // The way to the device is open again: waiting out the back-off would only lose time.
    if (state.reachable && health.state === 'offline') probeNow();
  });
  const cancelSamples = device.onSamples(take);

  for (const poll of options.polls) cycle(poll);

  return {
    get health() {
      return health;
    },
    get skipped() {
      return skipped;
    },
    get retryAfterMs() {
      return health.state === 'offline' && probe !== undefined
        ? Math.max(0, probe.at - clock.monotonic())
        : undefined;
    },
    readNow(points, deadlineMs) {
      if (health.state === 'offline' || isStopped) return Promise.resolve();
      const key = points.join('\n');
      const running = onDemand.get(key);
      if (running !== undefined) return running;
      const read = ask(points, 'demand', deadlineMs).then((samples) => {
        onDemand.delete(key);
        take(samples);
      });
      onDemand.set(key, read);
      return read;
    },
    stop() {
      isStopped = true;
      cancelState();
      cancelSamples();
      for (const cancel of waits.values()) cancel();
      waits.clear();
      probe?.cancel();
    },
  };
}
