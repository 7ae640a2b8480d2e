import type { Cancel, Timers } from '../base/index.ts';
import { begin, isDue, type Reporting, sampleAt, told, unsaid, type Watched, wakeAt } from './decide.ts';
import type { Rules } from './rules.ts';

/**
 * One observed path: most observations have one, those of Observe-Composite several. Carries what is remembered of it,
 * which is the reporter's business.
 */
export interface Part extends Reporting {
  /** The rules in force now (own or inherited attributes, and the server's defaults). */
  rules(): Rules;
  /** The current value when the path leads to one number or boolean. */
  value(): Watched;
  /** Has the field asked for what is older than `maxAgeMs`; news come as a change. */
  sample(maxAgeMs: number): void;
}

/** What is observed, and whom to tell. */
export interface Subject {
  readonly parts: readonly Part[];
  /** Says what there is to say of all parts. False: no value can be shown now, so nothing was said. */
  notify(): boolean;
}

export interface ReporterPorts {
  readonly timers: Timers;
  monotonic(): number;
}

/**
 * Watches the clock for one observation that has just been answered for the first time. Each part has its own periods
 * and conditions; the first that is due has all of them told, which begins the periods of all anew (OMA Core 1.2.2
 * 6.4.4). A class, since there may be tens of thousands.
 */
export class Reporter {
  readonly #subject: Subject;
  readonly #ports: ReporterPorts;
  #wake: Cancel | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #isSilent = false;
  #isStopped = false;

  constructor(subject: Subject, ports: ReporterPorts) {
    this.#subject = subject;
    this.#ports = ports;
    const now = ports.monotonic();
    for (const part of subject.parts) begin(part, part.value(), now);
    this.#look(-1);
  }

  /** A part changed. */
  changed(part: number): void {
    this.#isSilent = false;
    this.#look(part);
  }

  /** Attributes changed: waiting times are worked out anew. */
  reconsider(): void {
    this.#look(-1);
  }

  /** Tells the current state whatever the rules say, as the server has missed one. */
  retell(): void {
    if (this.#isStopped) return;
    this.#tell(this.#ports.monotonic());
    this.#arm();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
    this.#wake = undefined;
  }

  /** @param changed which part changed, -1: none */
  #look(changed: number): void {
    if (this.#isStopped) return;
    const { parts } = this.#subject;
    const now = this.#ports.monotonic();
    let due = false;
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index];
      if (part === undefined) continue;
      if (isDue(part, index === changed, part.value(), part.rules(), now)) due = true;
    }
    if (due && !this.#isSilent) this.#tell(now);
    this.#sample(now);
    this.#arm();
  }

  /** Asks the field for what was not looked at for epmax. Comes last: the answer may be a change at once. */
  #sample(now: number): void {
    const { parts } = this.#subject;
    for (const part of parts) {
      if (now < sampleAt(part, part.rules())) continue;
      part.askedAt = now;
      // What a poll has brought since is new enough.
      part.sample(part.rules().epmaxMs / 2);
    }
  }

  #tell(now: number): void {
    const { parts } = this.#subject;
    // Without a value there is nothing to wait for but one.
    this.#isSilent = !this.#subject.notify();
    for (const part of parts) {
      if (this.#isSilent) unsaid(part);
      else told(part, part.value(), now);
    }
  }

  #nextLook(): number {
    const { parts } = this.#subject;
    const nextOf = this.#isSilent ? sampleAt : wakeAt;
    let next = Number.POSITIVE_INFINITY;
    for (const part of parts) next = Math.min(next, nextOf(part, part.rules()));
    return next;
  }

  /** A timer that is set and comes earlier stays: it costs less to wake once for nothing than to set another. */
  #arm(): void {
    const at = this.#nextLook();
    if (this.#isStopped || at >= this.#armedFor) return;
    this.#wake?.();
    this.#armedFor = at;
    this.#wake = this.#ports.timers.after(at - this.#ports.monotonic(), () => this.#onWake());
  }

  #onWake(): void {
    this.#wake = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    this.#look(-1);
  }
}
