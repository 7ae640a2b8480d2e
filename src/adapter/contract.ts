import type { Cancel, Clock, Logger } from '../base/index.ts';
import type { Quality } from '../model/index.ts';

/** The contract between the gateway and a field protocol: connections, devices, and what goes between them. */

/** A JSON Schema (draft 2020-12) as plain data. The gateway validates with it, and editors complete by it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What a field value is before scaling and units: exactly what the device said. */
export type FieldValue = number | bigint | boolean | string | Uint8Array;

/** Names a point within its profile. */
export type PointId = string;

/** Why a sample has no value, or a write was not done. */
export type FieldCause =
  /** no answer within the deadline */
  | 'timeout'
  /** the medium is down: socket closed, port unplugged */
  | 'disconnected'
  /** the device refused: it has no such address, or does not allow it */
  | 'rejected'
  /** the device is busy; asking again later may work */
  | 'busy'
  /** an answer that cannot be right: wrong unit, function, length, checksum */
  | 'malformed'
  /** the device says that it has no value now (a NaN pattern) */
  | 'not-available'
  /** not even asked: the queue was full, or the deadline passed while waiting */
  | 'overloaded'
  /** written, but the device does not show the value */
  | 'not-verified'
  /** the gateway's own rules forbid it */
  | 'forbidden'
  /** the adapter was closed */
  | 'closed';

/** One observation of one point. A failed one has `cause` and no value: never 0, never an old value. */
export type Sample =
  | { readonly point: PointId; readonly value: FieldValue; readonly at: number; readonly quality: Quality }
  | {
      readonly point: PointId;
      readonly cause: FieldCause;
      readonly at: number;
      readonly retryAfterMs?: number;
    };

/** `write` goes before `demand` before `poll`; a poll never starves. */
export type Priority = 'poll' | 'demand';

export interface ReadOptions {
  readonly priority: Priority;
  /** ms from now; the promise settles by then whatever the field does */
  readonly deadlineMs: number;
}

export interface WriteOperation {
  readonly point: PointId;
  readonly value: FieldValue;
}

export interface WriteOptions {
  readonly deadlineMs: number;
}

/** The outcome of one write, after the verification that the point asks for. */
export type WriteResult =
  | { readonly point: PointId; readonly status: 'done' }
  | {
      readonly point: PointId;
      readonly status: 'failed';
      readonly cause: FieldCause;
      readonly message: string;
    };

export interface HoldOptions extends WriteOptions {
  readonly mostMs: number;
}

/** A medium that is kept for one device. */
export interface Hold {
  /** As {@link AttachedDevice.write}; after its time nothing is written. */
  write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteResult[]>;
  release(): void;
}

/** Whether the device can be reached, as far as the medium or the protocol tells by itself. */
export interface DeviceState {
  readonly reachable: boolean;
  readonly cause?: FieldCause;
}

/** One point of a device, as its profile describes it; `address` has passed {@link AdapterSchemas.point}. */
export interface PointPlan {
  readonly id: PointId;
  readonly address: Readonly<Record<string, unknown>>;
  readonly access: 'r' | 'w' | 'rw';
  /** Points of one group must come from one request, so that they belong together. */
  readonly group?: string;
  /** Protocol-specific keys of `write` (function code, verification); has passed {@link AdapterSchemas.write}. */
  readonly write?: Readonly<Record<string, unknown>>;
}

/** A device on a connection: its profile compiled, overrides applied. */
export interface DevicePlan {
  readonly id: string;
  /** Protocol-specific keys of the device, e.g. `unit`; has passed {@link AdapterSchemas.device}. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The protocol section of the profile, e.g. `modbus:`; has passed {@link AdapterSchemas.profile}. */
  readonly protocol: Readonly<Record<string, unknown>>;
  readonly points: ReadonlyMap<PointId, PointPlan>;
  readonly requestTimeoutMs: number;
  /** How often a request without an answer is sent again within its deadline. */
  readonly retries: number;
}

/** Schemas of the keys that belong to the protocol. Each describes an object and forbids unknown keys. */
export interface AdapterSchemas {
  /** by connection type, without the key `type` */
  readonly connections: Readonly<Record<string, JsonSchema>>;
  readonly profile: JsonSchema;
  readonly device: JsonSchema;
  /** Keys of a device that tell it apart from others of its profile on its connection. Absent: the required ones. */
  readonly address?: readonly string[];
  readonly point: JsonSchema;
  readonly write: JsonSchema;
}

/** What is wrong with a plan, told by the place within it. */
export interface PlanFault {
  /** where: `['points', 'v1', 'addr']`, `['settings', 'unit']`, `['protocol', 'limits']` */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What the gateway intends to read of a device. */
export interface PollPlan {
  readonly device: DevicePlan;
  readonly polls: readonly { readonly points: readonly PointId[]; readonly intervalMs: number }[];
}

/** How busy a connection will be. */
export interface BusLoad {
  readonly requestsPerSecond: number;
  /** 0..1 of the time that the medium has; may exceed 1 */
  readonly utilisation: number;
  /** one line of text per device or poll, for `check` */
  readonly lines: readonly string[];
}

/** What an adapter gets from the gateway. */
export interface AdapterHost {
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 <= random() < 1 */
  random(): number;
  /** Shows every frame, or piece of one, to a person who looks on. The bytes are valid during the call. */
  trace?(direction: 'sent' | 'received', bytes: Uint8Array): void;
}

/** Counters of a connection since start; names are lower camel case, e.g. `requests`, `timeouts`, `malformed`. */
export type AdapterStatistics = Readonly<Record<string, number>>;

/** A device on an open connection. */
export interface AttachedDevice {
  /**
   * One sample per asked point, in the order asked. Field failures are samples with a cause; it never rejects and
   * settles by the deadline. The array `points` may be kept as a key for a prepared plan: it is not changed.
   */
  read(points: readonly PointId[], options: ReadOptions): Promise<readonly Sample[]>;
  /** One result per operation, in order. Never rejects; settles by the deadline; a late field answer is not trusted. */
  write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteResult[]>;
  /**
   * Keeps the medium for writes to this device until released, and for `mostMs` at most: nobody else is asked
   * meanwhile. Never rejects; undefined when its turn did not come within the deadline. Absent: nobody else is there.
   */
  hold?(options: HoldOptions): Promise<Hold | undefined>;
  /** Samples that the device sends by itself. */
  onSamples(listener: (samples: readonly Sample[]) => void): Cancel;
  onState(listener: (state: DeviceState) => void): Cancel;
  readonly state: DeviceState;
  /**
   * Installs a firmware package. Absent: the firmware of this device cannot be changed. Never rejects; settles by the
   * deadline.
   */
  updateFirmware?(image: FirmwareImage, options: WriteOptions): Promise<FirmwareResult>;
  /** The registers themselves, past all points. Absent: nobody may have them. */
  readonly registers?: RegisterAccess;
  detach(): void;
}

/** Registers, or single bits, of one of the tables of a device; addresses from 0. */
export interface RegisterRange {
  readonly table: 'coil' | 'discrete' | 'holding' | 'input';
  readonly address: number;
  readonly count: number;
}

export type RegisterResult =
  /** what a read brought, a number from 0 to 65535 or a bit for each; nothing after a write */
  | { readonly status: 'done'; readonly values: readonly number[] }
  | {
      readonly status: 'failed';
      readonly cause: FieldCause;
      readonly message: string;
      readonly retryAfterMs?: number;
    };

/** The way to a device, as object 10374 tells it. */
export interface RegisterLine {
  /** `host:port`, or the name of a serial port */
  readonly address: string;
  readonly layer: 'tcp' | 'serial';
  readonly baud?: number;
  readonly stopBits?: number;
  readonly parity?: 'none' | 'even' | 'odd';
}

/** A device as registers without meaning, as far as its configuration opens them. Requests go one after the other. */
export interface RegisterAccess {
  readonly line: RegisterLine;
  readonly lineState: 'connecting' | 'up' | 'down';
  /** The number of the device on its line. */
  readonly unit: number;
  /** Up to this age what was read is not asked for again. */
  readonly pauseMs: number;
  /** Why no such request is ever sent; undefined: it would be. */
  refusal(range: RegisterRange, operation: 'read' | 'write'): string | undefined;
  /** Points that have to do with these registers. */
  pointsIn(range: RegisterRange): readonly PointId[];
  /** Never rejects; settles by the deadline. */
  read(range: RegisterRange, options: Pick<ReadOptions, 'deadlineMs'>): Promise<RegisterResult>;
  /** One request, done when the device says so. Never rejects; settles by the deadline. */
  write(range: RegisterRange, values: readonly number[], options: WriteOptions): Promise<RegisterResult>;
}

/** A firmware package for a device. */
export interface FirmwareImage {
  /** where it lies on the disk; it stays there until the update has settled */
  readonly file: string;
}

export type FirmwareResult =
  | { readonly status: 'done' }
  | {
      readonly status: 'failed';
      /** the package is damaged; it is for another type of device; anything else */
      readonly cause: 'integrity' | 'package-type' | 'failed';
      readonly message: string;
    };

/** What an adapter has learned of a device and would have to find out again after a restart. */
export interface DeviceMemory {
  /**
   * What was kept last, by a device of the same connection, settings and profile; undefined: nothing. It comes from a
   * file: what is not as expected is passed over.
   */
  readonly learned: unknown;
  /** Keeps this from now on. Plain data for JSON, 64 KiB at most; more is not kept. Never throws. */
  keep(learned: unknown): void;
}

/** One open connection: it owns the medium and its queue. */
export interface Adapter {
  /** Begins to connect, and keeps trying; returns without waiting for the field. */
  start(): void;
  /** @param memory absent: nothing outlives this process */
  attach(device: DevicePlan, memory?: DeviceMemory): AttachedDevice;
  statistics(): AdapterStatistics;
  /** Settles pending reads and writes with cause `closed`, and releases the medium. */
  close(): Promise<void>;
}

/** A connection as a configuration describes it; `settings` are without `type` and have passed its schema. */
export interface ConnectionPlan {
  readonly type: string;
  readonly settings: Readonly<Record<string, unknown>>;
}
