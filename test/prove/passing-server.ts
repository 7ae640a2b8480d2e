import type { Clock } from '../../src/base/index.ts';
import type { Answer, ObserveResult, Service, Sink, Uplink } from '../../src/client/index.ts';
import { formatPath, type Path, parsePath, type Value } from '../../src/model/index.ts';

/** Counted over all servers. */
export interface Traffic {
  registrations: number;
  updates: number;
  deregistrations: number;
  notifications: number;
  /** notifications that got lost on the way */
  unheard: number;
  reads: number;
  sends: number;
}

/** What a server observes, as the server sees it. */
export interface Watched {
  readonly path: Path;
  readonly since: number;
  toldAt: number;
  /** The client has ended it, whether or not the server has heard of that. */
  hasEnded: boolean;
  stop: ((isUnwanted: boolean) => void) | undefined;
}

interface Registered {
  readonly location: string;
  lifetimeS: number;
  heardAt: number;
  readonly observations: Map<string, Watched>;
}

type Mood = 'fine' | 'busy' | 'refusing';

const LATENCY_MS = 50;
/** How long a client takes to give a message up. */
const PATIENCE_MS = 45_000;
const GONE: Answer = { status: 'unreachable', message: 'silence' };
const OK: Answer = { status: 'ok' };
const FORGOTTEN: Answer = { status: 'refused', code: '4.04' };
const MOODS: Readonly<Record<Exclude<Mood, 'fine'>, Answer>> = {
  busy: { status: 'refused', code: '5.03', retryAfterMs: 60_000 },
  refusing: { status: 'refused', code: '4.03' },
};

/** An LwM2M server that comes and goes, forgets, refuses, and observes all that it is shown. */
export class PassingServer {
  readonly #clock: Clock;
  readonly #traffic: Traffic;
  /** Ways that are open, and what is observed over each. */
  readonly #open = new Map<Uplink, Set<Watched>>();
  #service: Service | undefined;
  #registered: Registered | undefined;
  #mood: Mood = 'fine';
  #isUp = true;
  #count = 0;
  /** Since when it is there, fine, and forgets nobody; or undefined. */
  fineSince: number | undefined;

  constructor(clock: Clock, traffic: Traffic) {
    this.#clock = clock;
    this.#traffic = traffic;
    this.fineSince = clock.monotonic();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Ways to it that were opened and not closed. */
  get ways(): number {
    return this.#open.size;
  }

  /** What the client observes for it now, as far as the server could know. */
  get observing(): number {
    let sum = 0;
    for (const watched of this.#open.values()) for (const { hasEnded } of watched) sum += Number(!hasEnded);
    return sum;
  }

  /** Its registration, if it has one whose lifetime is not over. */
  get registration(): { readonly observations: ReadonlyMap<string, Watched> } | undefined {
    const { monotonic } = this.#clock;
    const one = this.#registered;
    if (one !== undefined && monotonic() - one.heardAt > one.lifetimeS * 1000) this.#registered = undefined;
    return this.#registered;
  }

  become(isUp: boolean, mood: Mood): void {
    this.#isUp = isUp;
    this.#mood = mood;
    const isFine = isUp && mood === 'fine';
    this.fineSince = isFine ? (this.fineSince ?? this.#clock.monotonic()) : undefined;
  }

  /** Starts anew, and knows nobody. */
  restart(): void {
    this.#registered = undefined;
    if (this.fineSince !== undefined) this.fineSince = this.#clock.monotonic();
  }

  /** Whatever asks the client; undefined if it cannot be asked. */
  get service(): Service | undefined {
    return this.#isUp && this.registration !== undefined ? this.#service : undefined;
  }

  /** Reads a value. @returns undefined if nobody could be asked, or the client refuses */
  async read(path: Path): Promise<Value | undefined> {
    const result = await this.service?.perform({ kind: 'read', path });
    if (result?.status !== 'content') return undefined;
    this.#traffic.reads++;
    return result.entries[0]?.value;
  }

  async observe(path: Path): Promise<void> {
    const { service } = this;
    const registered = this.#registered;
    const observed = [...this.#open.values()].at(-1);
    if (service === undefined || registered === undefined || observed === undefined) return;
    const now = this.#clock.monotonic();
    const watched: Watched = { path, since: now, toldAt: now, hasEnded: false, stop: undefined };
    observed.add(watched);
    const sink = this.#sink(watched);
    const result = await this.#ask(service, path, sink);
    if (result.status !== 'content') {
      watched.hasEnded = true;
      observed.delete(watched);
      return;
    }
    watched.stop = (isUnwanted) => result.relation.release(sink, isUnwanted);
    if (watched.hasEnded) watched.stop(false);
    registered.observations.set(formatPath(path), watched);
  }

  /** Does not want to hear of a path any more, and says so with a reset. */
  forget(path: Path): void {
    this.#registered?.observations.delete(formatPath(path));
  }

  #ask(service: Service, path: Path, sink: Sink): Promise<ObserveResult> {
    const isComposite = path.ids.length === 1;
    return isComposite
      ? service.observeComposite([path, parsePath('/25')], [], sink)
      : service.observe(path, [], sink);
  }

  #end(watched: Watched): void {
    watched.hasEnded = true;
    for (const observed of this.#open.values()) observed.delete(watched);
  }

  #sink(watched: Watched): Sink {
    const key = formatPath(watched.path);
    return {
      carriesTime: true,
      variant: '112',
      notify: (_, { confirmable, settled }) => {
        if (!this.#isUp) {
          this.#traffic.unheard++;
          if (confirmable) this.#clock.after(PATIENCE_MS, () => settled('unreached'));
          else settled('told');
          return;
        }
        const isFirst = watched.stop === undefined;
        if (!isFirst && this.registration?.observations.get(key) !== watched) {
          this.#end(watched);
          watched.stop?.(true);
          settled('ended');
          return;
        }
        this.#traffic.notifications++;
        watched.toldAt = this.#clock.monotonic();
        if (confirmable) this.#clock.after(LATENCY_MS, () => settled('told'));
        else settled('told');
      },
      end: () => {
        this.#end(watched);
        if (this.#isUp) this.#registered?.observations.delete(key);
      },
      drop: () => this.#end(watched),
    };
  }

  #answer(make: () => Answer): Promise<Answer> {
    const wasUp = this.#isUp;
    return new Promise((resolve) =>
      this.#clock.after(wasUp ? LATENCY_MS : PATIENCE_MS, () => resolve(wasUp ? make() : GONE)),
    );
  }

  /** An answer for a registration that the server has to know. */
  #known(location: readonly string[], say: (registered: Registered) => Answer): Answer {
    void this.registration;
    const registered = this.#registered;
    if (registered?.location !== location.join('/')) return FORGOTTEN;
    registered.heardAt = this.#clock.monotonic();
    return say(registered);
  }

  #drop(uplink: Uplink): void {
    for (const watched of [...(this.#open.get(uplink) ?? [])]) {
      this.#end(watched);
      watched.stop?.(false);
    }
  }

  uplink(service: Service): Uplink {
    this.#service = service;
    const uplink: Uplink = {
      register: ({ lifetimeS }) =>
        this.#answer(() => {
          if (this.#mood !== 'fine') return MOODS[this.#mood];
          this.#traffic.registrations++;
          const location = ['rd', String(++this.#count)];
          const heardAt = this.#clock.monotonic();
          this.#registered = { location: location.join('/'), lifetimeS, heardAt, observations: new Map() };
          return { status: 'registered', location };
        }),
      update: (location, { lifetimeS, objects }) =>
        this.#answer(() =>
          this.#known(location, (registered) => {
            this.#traffic.updates++;
            if (lifetimeS !== undefined) registered.lifetimeS = lifetimeS;
            // Devices have come or gone: what is observed of them is observed anew.
            if (objects !== undefined) {
              for (const { path } of [...registered.observations.values()]) {
                if (path.prefix !== '') this.#clock.after(LATENCY_MS, () => void this.observe(path));
              }
            }
            return OK;
          }),
        ),
      deregister: (location) =>
        this.#answer(() =>
          this.#known(location, () => {
            this.#traffic.deregistrations++;
            this.#registered = undefined;
            return OK;
          }),
        ),
      send: () =>
        this.#answer(() => {
          if (this.registration === undefined) return FORGOTTEN;
          this.#traffic.sends++;
          return OK;
        }),
      dropObservations: () => this.#drop(uplink),
      close: async () => {
        this.#drop(uplink);
        this.#open.delete(uplink);
      },
    };
    this.#open.set(uplink, new Set());
    return uplink;
  }
}
