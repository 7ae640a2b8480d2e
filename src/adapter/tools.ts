import type { Cancel } from '../base/index.ts';
import type {
  AdapterHost,
  AdapterStatistics,
  ConnectionPlan,
  DevicePlan,
  FieldValue,
  JsonSchema,
  PlanFault,
  PointId,
} from './contract.ts';

/** What an adapter may have besides its work: simulated devices, and tools for a person at the box. */

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
