import type { Cancel, Clock } from 'lwm2m-gateway/adapter';
import type { Channel } from './channel.ts';

/** When a line may be spoken on: it was silent for long enough, and nothing that came in meanwhile waits to be read. */
export interface Quiet {
  readonly isQuiet: boolean;
  /** The line is not quiet for so long from now. */
  keep(ms: number): void;
  /** Bytes came that nobody waits for: a late reply, another master, or a broken line. */
  disturbed(): void;
  /** Calls back once it is quiet, maybe at once; one waits at a time. */
  whenQuiet(step: () => void): void;
  /** The line is gone: who waits goes on, and sees for himself. */
  give(): void;
}

export interface QuietOptions {
  /** silence between frames */
  readonly interFrameMs: number;
  readonly channel: Pick<Channel, 'drain'>;
  readonly clock: Clock;
  /** It became quiet, and nobody waited for it. */
  readonly onQuiet: () => void;
}

/** A line that is never silent is spoken on all the same after this, so that somebody learns of it. */
const MOST_NOISE_MS = 1000;

export function createQuiet({ interFrameMs, channel, clock, onQuiet }: QuietOptions): Quiet {
  let isQuiet = false;
  let quietAt = 0;
  let noisySince: number | undefined;
  let waiting: (() => void) | undefined;
  let cancel: Cancel = () => {};

  function keep(ms: number): void {
    isQuiet = false;
    quietAt = Math.max(quietAt, clock.monotonic() + ms);
    cancel();
    // Above 19200 Bd a timer that is one ms late is late by half of the silence.
    cancel = clock.after(quietAt - clock.monotonic(), look, 'fine');
  }

  /** Bytes that came in meanwhile, and wait to be read, must not be taken for the answer to what is sent next. */
  function look(): void {
    const expected = quietAt;
    channel.drain(() => {
      if (quietAt === expected) give();
    });
  }

  function give(): void {
    cancel();
    isQuiet = true;
    noisySince = undefined;
    const step = waiting ?? onQuiet;
    waiting = undefined;
    step();
  }

  return {
    get isQuiet() {
      return isQuiet;
    },
    keep,
    give,
    disturbed() {
      noisySince ??= clock.monotonic();
      if (clock.monotonic() - noisySince < MOST_NOISE_MS) keep(interFrameMs);
    },
    whenQuiet(step) {
      waiting = step;
      if (isQuiet) give();
    },
  };
}
