import { type Attributes, type Entry, formatPath, type Path } from '../model/index.ts';
import { Reporter, type ReporterPorts, type Subject } from '../observe/index.ts';
import type { Backlog, Moment } from './backlog.ts';
import type { Fate, Refusing, Relation, Sink } from './contract.ts';
import { type About, keyOf } from './moment.ts';
import { outermost, Target, type TargetOwner, type TargetPorts } from './target.ts';

/** What an observation needs of the account that it belongs to. */
export interface ObservationPorts extends TargetPorts, ReporterPorts {
  readonly backlog: Backlog;
  /** What is in force at a path. @param own attributes of the observation itself, in place of attached ones */
  attributesOf(path: Path, isComposite: boolean, own: Attributes | undefined): Attributes;
  /** The server can be told something now. */
  isReachable(): boolean;
  /** Notifications are kept while it cannot (resource 6 of the Server object). */
  isStoring(): boolean;
  /** Nothing was heard of the server for so long that the next notification should be acknowledged. */
  wantsProof(): boolean;
  /** The server did not acknowledge a notification. */
  unreached(): void;
  /** Of observations with the same paths, one stores. */
  isKeeper(observation: Observation): boolean;
  /** Something is stored that the server can be told now. */
  hasStored(observation: Observation): void;
  over(observation: Observation): void;
}

/** What one notification with history carries at most, unless a single moment is more. */
const ENTRIES_PER_NOTIFICATION = 64;

/** Moments remembered behind a notification that is not acknowledged. */
const MOST_IN_FLIGHT = 256;

const NO_QUERY: readonly string[] = [];
const NOTHING: readonly (readonly Entry[])[] = [];

const NOT_FOUND: Refusing = { status: 'not-found' };

/** The values at several moments as one list, each value at a time once. */
export function merged(moments: readonly Moment[]): readonly Entry[] {
  const seen = new Set<string>();
  return moments.flatMap(({ entries }) =>
    entries.filter(({ path, at }) => seen.size < seen.add(`${formatPath(path)} ${at}`).size),
  );
}

/** As many moments as fit, at least one. */
function fitting(moments: readonly Moment[]): readonly Moment[] {
  let entries = 0;
  const most = moments.findIndex((moment) => {
    entries += moment.entries.length;
    return entries > ENTRIES_PER_NOTIFICATION;
  });
  return most < 0 ? moments : moments.slice(0, Math.max(1, most));
}

/**
 * One observation of one server. While the server cannot be told, what would have been told is stored, if it wants
 * that. Without a sink the server has forgotten that it observes, and storing is all that goes on.
 */
export class Observation implements Subject, TargetOwner, Relation {
  readonly isComposite: boolean;
  readonly query: readonly string[];
  readonly key: string;
  readonly parts: readonly Target[];
  readonly #own: Attributes | undefined;
  readonly #ports: ObservationPorts;
  readonly #shown: readonly Target[];
  readonly #reporter: Reporter;
  #sink: Sink | undefined;
  #isTelling = false;
  /** What is on its way and not acknowledged, and what came since. */
  #inFlight: readonly (readonly Entry[])[] = NOTHING;
  /** The server does not know the current state, and it is not stored either. */
  #hasMissed = false;
  #isOver = false;
  #whenDelivered: ((fate: Fate) => void) | undefined;

  /** @param own attributes of the observation itself, in place of attached ones */
  constructor(about: About, own: Attributes | undefined, sink: Sink | undefined, ports: ObservationPorts) {
    this.isComposite = about.isComposite;
    this.query = about.query.length === 0 ? NO_QUERY : about.query;
    this.key = keyOf(about);
    this.#own = own;
    this.#sink = sink;
    this.#ports = ports;
    this.parts = about.paths.map((path, index) => new Target(path, index, this, ports));
    this.#shown = outermost(this.parts);
    for (const target of this.parts) target.attach();
    this.#reporter = new Reporter(this, ports);
  }

  /** Made when it is asked for: there may be tens of thousands. */
  get about(): About {
    const { isComposite, query } = this;
    return { paths: this.parts.map(({ path }) => path), isComposite, query };
  }

  get sink(): Sink | undefined {
    return this.#sink;
  }

  /** Attributes or defaults changed. */
  reconsider(): void {
    this.#reporter.reconsider();
  }

  /** Instances have come: what was missing may be there. */
  lookAgain(): void {
    for (const target of this.parts) {
      // What the first one finds is told, and that may be the end of it.
      if (!this.#isOver) target.lookAgain();
    }
  }

  attributesOf(path: Path): Attributes {
    return this.#ports.attributesOf(path, this.isComposite, this.#own);
  }

  changed(index: number): void {
    this.#reporter.changed(index);
  }

  /** A single path that is gone ends its observation; a composite goes on without, until it is back. */
  removed(index: number): void {
    if (this.#isOver) return;
    if (this.isComposite) {
      this.parts[index]?.attach();
      this.#reporter.changed(index);
      return;
    }
    const sink = this.#sink;
    this.stop();
    sink?.end(NOT_FOUND);
  }

  /** What can be shown now. A composite shows what there is, and need not be more than nothing. */
  read(): readonly Entry[] | Refusing {
    let refusing: Refusing | undefined = this.isComposite ? undefined : NOT_FOUND;
    const entries: Entry[] = [];
    for (const target of this.#shown) {
      const result = target.read();
      if (result === undefined) continue;
      if (result.status !== 'content') refusing = result;
      else if (!this.isComposite) return result.entries;
      else entries.push(...result.entries);
    }
    return entries.length === 0 && refusing !== undefined ? refusing : entries;
  }

  /** The server has forgotten that it observes. From now on only what would have been told is stored, if it wants that. */
  suspend(): void {
    this.#sink = undefined;
    this.#keepInFlight();
    this.#delivered('ended');
    if (this.#most() === 0) this.stop();
  }

  /** The server can be told again: what was stored, or the state that it has missed. */
  resume(): void {
    if (this.#ports.isKeeper(this) && this.#ports.backlog.has(this.key)) this.#ports.hasStored(this);
    else if (this.#hasMissed) this.#reporter.retell();
  }

  /**
   * Tells the oldest of what is stored.
   * @param done called once, at the latest when the observation ends
   */
  deliver(done: (fate: Fate) => void): void {
    const sink = this.#sink;
    const { backlog } = this.#ports;
    const stored = backlog.oldest(this.key, sink?.carriesTime ? ENTRIES_PER_NOTIFICATION : 1);
    if (sink === undefined || stored.length === 0) {
      done('ended');
      return;
    }
    const moments = fitting(stored);
    this.#whenDelivered = done;
    sink.notify(merged(moments), {
      confirmable: true,
      isHistory: sink.carriesTime,
      settled: (fate) => {
        if (fate === 'told') backlog.remove(moments);
        if (fate === 'unreached') this.#ports.unreached();
        this.#delivered(fate);
      },
    });
  }

  /** Without its sink it is not the server's any more. */
  release(sink: Sink, isUnwanted: boolean): void {
    if (this.#sink === sink && this.stop() && isUnwanted) this.#ports.backlog.discard(this.key);
  }

  /** @returns false if it was over already */
  stop(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#keepInFlight();
    this.#reporter.stop();
    for (const target of this.parts) target.detach();
    this.#ports.over(this);
    this.#delivered('ended');
    return true;
  }

  /** Once for each delivery, also when its fate is never known. */
  #delivered(fate: Fate): void {
    const done = this.#whenDelivered;
    this.#whenDelivered = undefined;
    done?.(fate);
  }

  #isConfirmable(): boolean {
    // One part that asks for it is enough (OMA Core 1.2.2 7.3.2, con).
    return this.parts.some(({ attributes }) => attributes.con === 1) || this.#ports.wantsProof();
  }

  /** How many moments are stored at most, 0: none (OMA Core 1.2.2 7.3.2, hqmax). */
  #most(): number {
    if (!this.#ports.isStoring() || !this.#ports.isKeeper(this)) return 0;
    const given = this.parts.flatMap(({ attributes }) => attributes.hqmax ?? []);
    return given.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...given);
  }

  /** Where parts have an hqmax, only those with more than 0 are stored. */
  #toStore(entries: readonly Entry[]): readonly Entry[] {
    if (this.parts.every(({ attributes }) => attributes.hqmax === undefined)) return entries;
    const wanted = this.parts.filter(({ attributes }) => (attributes.hqmax ?? 0) > 0);
    const isWanted = (path: Path): boolean => wanted.some((target) => target.covers(path));
    return entries.filter(({ path }) => isWanted(path));
  }

  /** Tells the current state, or stores it. */
  notify(): boolean {
    const entries = this.read();
    // A device without a value now is silent: an error would end the observation (RFC 7641 3.2).
    if ('status' in entries) return false;
    const sink = this.#sink;
    if (this.#isTelling) this.#follow(entries);
    else if (sink === undefined || !this.#ports.isReachable() || this.#isBehind()) this.#store(entries);
    else this.#tell(sink, entries);
    return true;
  }

  /** True if something older has to be told first. */
  #isBehind(): boolean {
    const { backlog } = this.#ports;
    return backlog.size > 0 && backlog.has(this.key) && this.#ports.isKeeper(this);
  }

  #tell(sink: Sink, entries: readonly Entry[]): void {
    this.#isTelling = true;
    this.#hasMissed = false;
    this.#inFlight = [entries];
    sink.notify(entries, {
      confirmable: this.#isConfirmable(),
      isHistory: false,
      settled: (fate) => this.#settled(fate),
    });
  }

  /** While a notification is not acknowledged, at most one: what follows is remembered in case it never is. */
  #follow(entries: readonly Entry[]): void {
    this.#hasMissed = true;
    const most = Math.min(Math.max(1, this.#most()), MOST_IN_FLIGHT);
    this.#inFlight = [...this.#inFlight, entries].slice(-most);
  }

  #settled(fate: Fate): void {
    if (!this.#isTelling) return;
    if (fate !== 'told') {
      if (fate === 'unreached') this.#ports.unreached();
      this.#keepInFlight();
      return;
    }
    this.#isTelling = false;
    this.#inFlight = NOTHING;
    // Of what came meanwhile the newest state is enough (RFC 7641 4.5.2).
    if (this.#hasMissed && !this.#isOver) this.#reporter.retell();
  }

  /** What was on its way has not arrived as far as we know, nor what came since. */
  #keepInFlight(): void {
    this.#isTelling = false;
    const inFlight = this.#inFlight;
    this.#inFlight = NOTHING;
    for (const entries of inFlight) this.#store(entries);
  }

  #store(entries: readonly Entry[]): void {
    const most = this.#most();
    if (most === 0) {
      this.#hasMissed = true;
      return;
    }
    this.#hasMissed = false;
    const wanted = this.#toStore(entries);
    // None of the parts that are stored has a value now.
    if (wanted.length === 0 && entries.length > 0) return;
    this.#ports.backlog.store(this.about, wanted, most);
    if (this.#sink !== undefined && this.#ports.isReachable()) this.#ports.hasStored(this);
  }
}
