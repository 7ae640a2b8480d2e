import type { Cancel, Clock, Logger } from '../base/index.ts';
import type { Quality } from '../model/index.ts';

/**
 * The contract between the gateway and a field protocol. An adapter is an ES module whose default export is an
 * {@link AdapterModule}; it is found by name (`adapters/<name>` or an npm package), so an outside package is the
 * equal of a built-in one.
 */

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
  /** Samples that the device sends by itself. */
  onSamples(listener: (samples: readonly Sample[]) => void): Cancel;
  onState(listener: (state: DeviceState) => void): Cancel;
  readonly state: DeviceState;
  /**
   * Installs a firmware package. Absent: the firmware of this device cannot be changed. Never rejects; settles by the
   * deadline.
   */
  updateFirmware?(image: FirmwareImage, options: WriteOptions): Promise<FirmwareResult>;
  detach(): void;
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

/** Devices simulated on a real medium, for demos, tests and bench. */
export interface Simulation {
  /** The connection settings that reach it, to be used in place of real ones. */
  readonly connection: Readonly<Record<string, unknown>>;
  /**
   * What the point holds now.
   * @throws GatewayError `adapter.unknown-device`, `adapter.unknown-point`, `adapter.no-value`
   */
  get(device: string, point: PointId): FieldValue;
  /** @throws GatewayError `adapter.unknown-device`, `adapter.unknown-point`, `adapter.unfit-value` */
  set(device: string, point: PointId, value: FieldValue): void;
  /** Takes a device off the medium (`false`: no more answers), or puts it back. */
  setPresent(device: string, present: boolean): void;
  /** Hears what a master writes. */
  onWrite(listener: (event: { device: string; point: PointId; value: FieldValue }) => void): Cancel;
  close(): Promise<void>;
}

/** Where devices are simulated, and what goes wrong there. */
export interface SimulatedMedium {
  /** a connection type */
  readonly type: string;
  /** Host and port to listen at, or the settings of the simulated end of a serial line. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Rules that have passed {@link FaultRules}. */
  readonly faults?: readonly Readonly<Record<string, unknown>>[];
}

/** The rules that a fault script is made of; the first that fits an answer is done to it. */
export interface FaultRules {
  /** of one rule: an object that forbids unknown keys */
  readonly schema: JsonSchema;
  /** Faults that a schema cannot tell; a path begins with the number of the rule. Pure. */
  check(rules: readonly Readonly<Record<string, unknown>>[]): readonly PlanFault[];
}

/** A connection as a configuration describes it; `settings` are without `type` and have passed its schema. */
export interface ConnectionPlan {
  readonly type: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ScanOptions {
  /** The first and the last address to ask, where addresses are numbers. */
  readonly from?: number;
  readonly to?: number;
  /** How long each may take to answer. */
  readonly timeoutMs: number;
}

/** Somebody who answered. */
export interface Finding {
  /** Keys of a device that reach it, as {@link AdapterSchemas.device} has them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What it said, on one line. */
  readonly text: string;
}

/** A frame that was on a medium, or bytes that are none. */
export interface CapturedFrame {
  /** ms since the beginning of the capture */
  readonly at: number;
  readonly kind: 'request' | 'answer' | 'noise';
  /** as they were on the medium, checksums and all */
  readonly bytes: Uint8Array;
}

export interface SniffOptions {
  /** For media that are no line: where to listen, to pass everything on to the connection. Default: any port here. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** `text`: what it says, on one line */
  onHeard(frame: CapturedFrame & { readonly text: string }): void;
  /** The medium was lost, or cannot be opened; it is tried again. */
  onDown(reason: string): void;
}

/** Somebody who listens. */
export interface Sniffer {
  /** Keys of a connection: where a master has to go to be heard, or where is listened. */
  readonly where: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

/** Devices that do as they did in a capture. */
export interface Replay {
  /** The connection type and settings that reach it. */
  readonly type: string;
  readonly connection: Readonly<Record<string, unknown>>;
  /** `requests`, and how many were `captured`, `derived` from what else was captured, or left without an answer: `silent` */
  statistics(): AdapterStatistics;
  close(): Promise<void>;
}

/** What helps a person at the box to put a device into service. They only read. */
export interface AdapterTools {
  /** A section of a profile with which the address of a single point means what is on the wire. */
  readonly plainProfile: Readonly<Record<string, unknown>>;
  /** Asks every address of a connection who is there. Fails with a `GatewayError` when the medium cannot be opened. */
  scan(connection: ConnectionPlan, options: ScanOptions, host: AdapterHost): AsyncIterable<Finding>;
  /** Tries other ways to talk on the medium, and to understand the points of the device; tells what it saw. */
  probe(connection: ConnectionPlan, device: DevicePlan, host: AdapterHost): AsyncIterable<string>;
  /** Listens to what others say on a medium. Fails with a `GatewayError` where nobody can. */
  sniff?(connection: ConnectionPlan, options: SniffOptions, host: AdapterHost): Promise<Sniffer>;
  /**
   * Answers as in a capture of a connection of this type.
   * @param medium what is absent is the loopback interface
   */
  replay?(
    type: string,
    capture: readonly CapturedFrame[],
    host: AdapterHost,
    medium?: Partial<SimulatedMedium>,
  ): Promise<Replay>;
}

/** A field protocol. */
export interface AdapterModule {
  /** e.g. `modbus`; profiles name it as `protocol` */
  readonly name: string;
  readonly schemas: AdapterSchemas;
  /** Faults that a schema cannot tell, e.g. a point that exceeds a limit. Pure. */
  check(device: DevicePlan, connection: ConnectionPlan): readonly PlanFault[];
  /** Where points stand on the wire, in the words of manuals, for `check`: `holding 0x0034 (40053)`. Pure. */
  places?(device: DevicePlan): ReadonlyMap<PointId, string>;
  /** How busy the connection will be with these polls. Pure. */
  load(connection: ConnectionPlan, plans: readonly PollPlan[]): BusLoad;
  open(connection: ConnectionPlan & { readonly id: string }, host: AdapterHost): Adapter;
  /**
   * Simulates devices from their plans: on the loopback interface, or on the medium of a connection type that is named.
   */
  simulate?(devices: readonly DevicePlan[], host: AdapterHost, medium?: SimulatedMedium): Promise<Simulation>;
  /** What a simulation can be told to do wrong. */
  readonly faults?: FaultRules;
  readonly tools?: AdapterTools;
}
