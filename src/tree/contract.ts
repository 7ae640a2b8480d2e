import type { Cancel } from '../base/index.ts';
import type { Entry, Ids, ObjectDefinition, Quality, ResourceDefinition, Value } from '../model/index.ts';

/** Why an operation on live values did not happen. Binding turns these into response codes, once. */
export type Refusal =
  /** no such object, instance, resource or resource instance */
  | 'not-found'
  /** the operation is not possible there */
  | 'not-allowed'
  /** it is possible there, but not for this server */
  | 'unauthorized'
  /** the value or the argument cannot be right */
  | 'bad-request'
  /** the device cannot be reached now */
  | 'unavailable'
  /** the device was asked and did not answer in time */
  | 'timeout'
  /** the device refused, or answered what cannot be right */
  | 'bad-gateway'
  /** something broke in the gateway itself */
  | 'failed';

export interface Refused {
  readonly status: Refusal;
  readonly message?: string;
  /** When asking again may work. */
  readonly retryAfterMs?: number;
}

export type Outcome = { readonly status: 'done' } | Refused;

export const DONE: Outcome = { status: 'done' };

export type ReadOutcome = { readonly status: 'content'; readonly entries: readonly Entry[] } | Refused;

/** Who asks: the Short Server ID of the account (OMA Core 1.2 E.2, resource 0). */
export interface Caller {
  readonly server: number;
}

/** A resource with one value, or with one per resource instance. */
export type ResourceValue = Value | ReadonlyMap<number, Value>;

/** How fresh a value from the field has to be. */
export interface Freshness {
  /** Up to this age a read is answered without asking the field. Infinity: asked once. */
  readonly maxAgeMs: number;
  /** Beyond this age the value is not shown any more. */
  readonly staleAfterMs: number;
}

/**
 * Takes a value that need not fit in memory, chunk by chunk in order. One of `end` and `abort` is called, once and last.
 */
export interface ValueSink {
  /** of the whole value, in bytes */
  readonly mostBytes: number;
  /** Settles when the next chunk may come. @returns why no more is taken */
  write(chunk: Uint8Array): Promise<Refused | undefined>;
  /** All is there: what comes of the write. */
  end(): Promise<Outcome>;
  abort(): void;
}

/** A resource when its instance is made. */
export interface ResourceSetup {
  readonly id: number;
  /** Of object, instance and resource; given where a setup is shared by very many trees, which then share them too. */
  readonly ids?: Ids;
  /** Constant or first value; absent and nothing else given: the resource exists once it is written. */
  readonly value?: ResourceValue;
  /** Asked at each read, in place of a stored value; undefined: the resource is absent now. */
  readonly compute?: () => ResourceValue | undefined;
  /** The value comes from the field by {@link Tree.update}; by resource instance for multiple resources. */
  readonly field?: Freshness | ReadonlyMap<number, Freshness>;
  /** A constant: a write that replaces the instance does not take it away. */
  readonly isFixed?: boolean;
  readonly execute?: (argument: string, caller: Caller) => Outcome | Promise<Outcome>;
  /** Takes large values as they come. @param size in bytes, as far as it is known */
  readonly sink?: (size: number | undefined, caller: Caller) => ValueSink;
}

/** What a server writes into one instance, checked against the definition. */
export interface InstanceChange {
  readonly object: number;
  readonly instance: number;
  /** What the write names: the instance, a resource or a resource instance. */
  readonly ids: Ids;
  /** `replace`: what is not named goes away where it can (PUT); `update`: it stays (POST). */
  readonly mode: 'replace' | 'update';
  /** by resource id; a Map holds resource instances */
  readonly values: ReadonlyMap<number, ResourceValue>;
  /** Resource instances that go, with all their four ids. */
  readonly removals: readonly Ids[];
}

export interface InstanceSetup {
  readonly definition: ObjectDefinition;
  readonly instance: number;
  readonly resources: readonly ResourceSetup[];
  /** What keeps a write from being done, found out before any part of the request is. */
  readonly check?: (change: InstanceChange, caller: Caller) => Refused | undefined;
  /**
   * Does all of a write or none of it, e.g. in the field, before the tree shows the new values.
   * Absent: values are just stored.
   */
  readonly write?: (change: InstanceChange, caller: Caller) => Outcome | Promise<Outcome>;
}

/** An instance that a server wants made, checked against the definition. */
export interface InstanceRequest {
  readonly instance: number;
  /** what the server may write, by resource id */
  readonly values: ReadonlyMap<number, ResourceValue>;
}

/** What servers may do with the instances of an object as such; what is absent is not allowed. */
export interface Lifecycle {
  /** Mandatory resources that a Create need not bring, since `create` gives them values. */
  readonly provided?: ReadonlySet<number>;
  readonly create?: (request: InstanceRequest, caller: Caller) => InstanceSetup | Refused;
  /** What keeps an instance from being removed; undefined: nothing. */
  readonly remove?: (instance: number, caller: Caller) => Refused | undefined;
}

export type CreateOutcome = { readonly status: 'created'; readonly instance: number } | Refused;

/** What a server writes into one instance. */
export interface WriteRequest {
  /** What it names: an instance, a resource or a resource instance. */
  readonly ids: Ids;
  readonly mode: 'replace' | 'update';
  readonly entries: readonly Entry[];
  /** Resource instances to take away; one that is not there is no fault. */
  readonly removals?: readonly Ids[];
  /** Every entry is a target: one for a resource that is not there refuses all, instead of being skipped. */
  readonly isComposite?: boolean;
}

/** Writes that were checked together, and can be done. */
export interface StagedWrite {
  /** What is to be done in the field, or wherever else, before the tree may show the new values; in this order. */
  readonly steps: readonly WriteStep[];
  /** Shows the new values, all before the first watcher hears. */
  store(): void;
}

export interface WriteStep {
  /** the instance */
  readonly ids: Ids;
  run(): Outcome | Promise<Outcome>;
}

/** An object or an instance came or went. */
export interface StructureChange {
  readonly kind: 'added' | 'removed';
  /** 1 or 2 ids */
  readonly ids: Ids;
  /** The server that asked for it; absent: none did. */
  readonly by?: Caller;
}

/** A value, or why there is none; for one resource (3 ids) or one resource instance (4 ids). */
export type CellUpdate =
  | {
      readonly ids: Ids;
      readonly value: Value;
      readonly at: number;
      readonly quality: Quality;
    }
  /** The last good value stays, with this quality. */
  | { readonly ids: Ids; readonly refused: Refused; readonly quality: Quality };

/** Told when what it watches changes; several changes of one update are told once. */
export interface Watcher {
  changed(): void;
  /** The watched instance or resource is gone for good. */
  removed(): void;
}

/** A watcher at its place. */
export interface Watch {
  /** Nothing is told any more. Calling it twice does nothing more. */
  stop(): void;
}

/** A link of Discover: what exists at and below a path. */
export interface Listed {
  readonly ids: Ids;
  /** on objects */
  readonly version?: string;
  /** number of resource instances, on multiple resources */
  readonly dimension?: number;
}

/** An object as a tree shows it. */
export interface ListedObject {
  readonly definition: ObjectDefinition;
  readonly instances: readonly number[];
  /** True if servers may create instances. */
  readonly isCreatable: boolean;
}

export type TreeOperation = 'read' | 'write' | 'execute' | 'create' | 'delete';

/** The live values of one device, or of the gateway itself. Knows its ids only: the prefix is the asker's. */
export interface Tree {
  definition(object: number): ObjectDefinition | undefined;
  /** The definition of a resource that exists here, or could by the object's definition. */
  resource(ids: Ids): ResourceDefinition | undefined;
  /** Objects with their instances, in ascending order. */
  objects(): readonly ListedObject[];
  exists(ids: Ids): boolean;

  /** Announces an object, also without instances. */
  addObject(definition: ObjectDefinition, lifecycle?: Lifecycle): void;
  /** One that is there is made anew: who watches the old one hears that it is gone. */
  addInstance(setup: InstanceSetup): void;
  removeInstance(object: number, instance: number): void;
  /** Takes everything away, and tells everybody who watches. */
  clear(): void;
  /** Hears when objects or instances come and go. */
  onStructure(listener: (change: StructureChange) => void): Cancel;

  /** New values of any number of resources, told to watchers once. Unknown ids are ignored. */
  update(updates: readonly CellUpdate[]): void;
  /** Forgets how fresh these resources are: their values are not shown until the field has told them anew. */
  expire(resources: readonly Ids[]): void;
  /**
   * Sets stored values of one instance, whatever a server may do with them; undefined takes one away. Resources that
   * the instance was made without are ignored.
   */
  assign(instance: Ids, values: ReadonlyMap<number, ResourceValue | undefined>): void;
  /** Tells watchers that computed resources have other values now, each watcher once. */
  touch(...resources: readonly Ids[]): void;
  /** Undefined when there is nothing at `ids`. */
  watch(ids: Ids, watcher: Watcher): Watch | undefined;

  /**
   * Reads at and below `ids`, with the asker's prefix in the paths. Values that are too old are fetched from the
   * field first: only then is the answer a promise.
   */
  read(ids: Ids, prefix: string): ReadOutcome | Promise<ReadOutcome>;
  /** Has the field asked for what is older than `maxAgeMs` at and below `ids`; what it answers comes as an update. */
  sample(ids: Ids, maxAgeMs: number): void;
  /**
   * Has values that are too old fetched from the field, at and below all of `paths` at once; undefined when none are.
   * After that {@link snapshot} answers as a read would.
   */
  freshen(paths: readonly Ids[]): Promise<void> | undefined;
  /** What a notification carries: like a read, of the values as they stand. */
  snapshot(ids: Ids, prefix: string): ReadOutcome;
  /** The value of one resource as it stands. */
  peek(ids: Ids): Value | undefined;

  /** Checks all of it against the definitions, then does all of it or nothing (OMA Core 1.2 6.3.3). */
  write(
    ids: Ids,
    mode: 'replace' | 'update',
    entries: readonly Entry[],
    caller: Caller,
  ): Outcome | Promise<Outcome>;
  /** Checks writes into any instances as a whole (OMA Core 1.2 6.3.9), and does none of it yet. */
  stage(requests: readonly WriteRequest[], caller: Caller): StagedWrite | Refused;
  /**
   * Makes an instance as a server asks (OMA Core 1.2 6.3.6): what is not writable is not the server's business and
   * left out; nothing stays behind when it is refused.
   * @param instance undefined: the tree chooses
   */
  create(
    object: number,
    instance: number | undefined,
    entries: readonly Entry[],
    caller: Caller,
  ): CreateOutcome;
  /** Removes an instance, or a resource instance (OMA Core 1.2 6.3.7). */
  delete(ids: Ids, caller: Caller): Outcome | Promise<Outcome>;
  /** What refuses an operation at `ids` whatever its payload: nothing is there, or the definition does not allow it. */
  refusal(ids: Ids, operation: TreeOperation): Refused | undefined;
  execute(ids: Ids, argument: string, caller: Caller): Outcome | Promise<Outcome>;
  /** For a resource that takes its value as it comes; undefined: there is none at `ids`. */
  sink(ids: Ids, size: number | undefined, caller: Caller): ValueSink | undefined;
  /** What exists at `ids` and `depth` levels below it. */
  list(ids: Ids, depth: number): readonly Listed[] | Refused;
}

/** What a tree needs of the world. */
export interface TreePorts {
  readonly clock: { monotonic(): number };
  /** Brings these resources up to date by {@link Tree.update}; settles by its own deadline and never rejects. */
  readonly refresh?: (resources: readonly Ids[]) => Promise<void>;
}
