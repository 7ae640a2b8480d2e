import type { Cancel, Timers } from '../base/index.ts';
import type { Attributes } from '../model/index.ts';
import { decide, type Reporting, reportingSince, unsaid, type Watched } from './decide.ts';

/** What is observed, and whom to tell. */
export interface Subject {
  /** The attributes in force now (own or inherited ones, and the server's defaults). */
  attributes(): Attributes;
  /** The current value when one number or boolean is observed. */
  value(): Watched;
  /** Says what there is to say. False: no value can be shown now, so nothing was said. */
  notify(): boolean;
}

/** One running observation. */
export interface Reporter {
  /** The observed part changed. */
  changed(): void;
  /** Attributes changed: waiting times are worked out anew. */
  reconsider(): void;
  stop(): void;
}

/** Watches the clock for one observation that has just been answered for the first time. */
export function createReporter(
  subject: Subject,
  world: { readonly timers: Timers; monotonic(): number },
): Reporter {
  let state: Reporting = reportingSince(subject.value(), world.monotonic());
  let wake: Cancel | undefined;
  let wakeAt: number | undefined;
  let isStopped = false;

  const evaluate = (changed: boolean): void => {
    const now = world.monotonic();
    const decided = decide(state, changed, subject.value(), subject.attributes(), now);
    const decision = decided.notify && !subject.notify() ? unsaid(state) : decided;
    state = decision.state;
    if (isStopped || decision.wakeAt === wakeAt) return;
    wake?.();
    wakeAt = decision.wakeAt;
    wake = wakeAt === undefined ? undefined : world.timers.after(wakeAt - now, onWake);
  };
  const onWake = (): void => {
    wakeAt = undefined;
    wake = undefined;
    evaluate(false);
  };

  const reporter: Reporter = {
    changed: () => evaluate(true),
    reconsider: () => evaluate(false),
    stop() {
      isStopped = true;
      wake?.();
    },
  };
  // Without a pmax there is nothing to wait for yet, so an idle observation costs no timer.
  evaluate(false);
  return reporter;
}
