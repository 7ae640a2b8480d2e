import type { Entry, Path, Release, ResourceDefinition } from '../model/index.ts';
import type { Refusal, Tree, ValueSink } from '../tree/index.ts';

/** What of the data model one LwM2M client shows. */
export interface Mounts {
  /** The trees at a prefix; '' are the client's own, which together show each object once. */
  trees(prefix: string): readonly Tree[];
}

/** What a server asks for (OMA Core 1.2 6.3, 6.4). */
export type Operation =
  | { readonly kind: 'read'; readonly path: Path }
  | { readonly kind: 'discover'; readonly path: Path; readonly depth?: number }
  | {
      readonly kind: 'write';
      readonly path: Path;
      readonly mode: 'replace' | 'update';
      readonly entries: readonly Entry[];
    }
  | { readonly kind: 'write-attributes'; readonly path: Path; readonly query: readonly string[] }
  | { readonly kind: 'execute'; readonly path: Path; readonly argument: string }
  | {
      readonly kind: 'create';
      /** of the object */
      readonly path: Path;
      /** of one instance; 65535 in place of its id leaves the choice to us */
      readonly entries: readonly Entry[];
      /** what the payload names without a value: an instance without resources */
      readonly empties: readonly Path[];
    }
  | { readonly kind: 'delete'; readonly path: Path }
  /** `path` names no object: the root, or a device that everything is about */
  | { readonly kind: 'read-composite'; readonly path: Path; readonly paths: readonly Path[] }
  | {
      readonly kind: 'write-composite';
      readonly path: Path;
      readonly entries: readonly Entry[];
      /** resource instances to take away */
      readonly removals: readonly Path[];
    };

export interface Refusing {
  readonly status: Refusal;
  readonly message?: string;
  readonly retryAfterMs?: number;
}

/** What comes of an operation. Expected outcomes are values; binding turns them into response codes. */
export type Result =
  | { readonly status: 'content'; readonly entries: readonly Entry[] }
  | { readonly status: 'links'; readonly links: string }
  | { readonly status: 'changed' }
  | { readonly status: 'created'; readonly path: Path }
  | { readonly status: 'deleted' }
  | Refusing;

/** What became of a notification: the server has it, as far as we can know; it was not reached; nobody observes. */
export type Fate = 'told' | 'unreached' | 'ended';

/** How a notification is to be told. */
export interface Telling {
  readonly confirmable: boolean;
  /** The entries are of several times, all of which count. */
  readonly isHistory: boolean;
  /** Called once, and before `notify` returns if the fate is known at once. */
  readonly settled: (fate: Fate) => void;
}

/** Hears an observation. */
export interface Sink {
  /** Its format can say when a value was true. */
  readonly carriesTime: boolean;
  /** What tells observations of the same paths and attributes apart: how the server wants them written. */
  readonly variant: string;
  notify(entries: readonly Entry[], telling: Telling): void;
  /** What was observed is gone: one last word, then nothing. */
  end(refusing: Refusing): void;
  /** Nothing more comes, and nothing is said about that. */
  drop(): void;
}

/** A running observation, as its observer sees it. */
export interface Relation {
  /**
   * Ends it, unless it is not the observer's any more.
   * @param sink that it was begun with
   * @param isUnwanted the server does not want to hear more, also nothing that was stored for it
   */
  release(sink: Sink, isUnwanted: boolean): void;
}

/** What comes of Observe: the first answer, and a running observation, or neither. */
export type ObserveResult =
  | { readonly status: 'content'; readonly entries: readonly Entry[]; readonly relation: Relation }
  | Refusing;

/** What a binding serves to the server of one account. */
export interface Service {
  /** Before the server has accepted the registration it is told to wait. */
  readonly isRegistered: boolean;
  /** The release that the server accepted. */
  readonly release: Release;
  /** The definition of a resource, if the path names one that exists or could. */
  resource(path: Path): ResourceDefinition | undefined;
  /**
   * What refuses an operation whatever its format and payload: registration, existence, what the definition allows.
   * To be asked before either is looked at (OMA Core 1.2.2 6.3; digest 8.1).
   */
  check(kind: Operation['kind'], path: Path): Refusing | undefined;
  perform(operation: Operation): Promise<Result>;
  /** Takes a large value as it comes, for resources that do; undefined: it has to come whole, as an operation. */
  openSink(path: Path, size: number | undefined): ValueSink | Refusing | undefined;
  /** The sink may hear something before the promise is settled. */
  observe(path: Path, query: readonly string[], sink: Sink): Promise<ObserveResult>;
  /** All of these paths in one message, whichever of them exist (OMA Core 1.2.2 6.4.4). */
  observeComposite(paths: readonly Path[], query: readonly string[], sink: Sink): Promise<ObserveResult>;
  /** Ends what the server observes at and below a path, for servers that cancel without the token (digest 9.2). */
  cancel(path: Path): void;
  /** The connection to the server is over, and with it what it observes there (RFC 8323 7.4). */
  lost(): void;
  /** The server may know us by another address: an Update tells it the new one (OMA Core 1.2.2 6.2.2). */
  moved(): void;
}

/** What Register and Update say (OMA Core 1.2 6.2). */
export interface Registration {
  readonly endpoint: string;
  readonly release: Release;
  readonly queueMode: boolean;
  readonly lifetimeS: number;
  /** Object list in link format. */
  readonly objects: string;
}

/** How the server answered on the registration interface. */
export type Answer =
  | { readonly status: 'registered'; readonly location: readonly string[] }
  | { readonly status: 'ok' }
  /** 4.12: the release is not supported */
  | { readonly status: 'unsupported-release' }
  /** any other answer; `code` as the binding names it */
  | { readonly status: 'refused'; readonly code: string; readonly retryAfterMs?: number }
  /** no answer at all */
  | { readonly status: 'unreachable'; readonly message: string; readonly alert?: Alert };

/** The alert that ended a handshake of DTLS or TLS, by its number (RFC 5246 7.2). */
export interface Alert {
  readonly code: number;
  readonly from: 'server' | 'us';
}

/** The way to one server, made by a binding. No call ever rejects; each settles by its own deadline. */
export interface Uplink {
  register(registration: Registration): Promise<Answer>;
  /** Only what changed is given. */
  update(
    location: readonly string[],
    changes: { readonly lifetimeS?: number; readonly objects?: string },
  ): Promise<Answer>;
  deregister(location: readonly string[]): Promise<Answer>;
  /**
   * Send (OMA Core 1.2.2 6.4.6).
   * @param contentFormat 110, 112 or 11544; SenML CBOR instead when that cannot say it, or the release has it not
   */
  send(entries: readonly Entry[], contentFormat: number): Promise<Answer>;
  /** Forgets all observations of this server without a word to it. */
  dropObservations(): void;
  close(): Promise<void>;
}
