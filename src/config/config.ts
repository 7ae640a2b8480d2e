import type { LogLevel } from '../base/index.ts';

/** The configuration of a gateway: complete, checked, defaults filled in, frozen. */
export interface GatewayConfig {
  readonly upstream: UpstreamConfig;
  readonly box: BoxConfig;
  readonly connections: readonly ConnectionConfig[];
  /** Those that devices use, as their files say, without the overrides of a device. */
  readonly profiles: readonly ProfileConfig[];
  /** All that `profilePaths` hold, used or not. */
  readonly availableProfiles: readonly ProfileConfig[];
  readonly devices: readonly DeviceConfig[];
  /** What `objects` names, unread: what is in it is not of this room. */
  readonly objectFiles: readonly TextFile[];
  readonly stateDirectory: string;
  readonly log: { readonly level: LogLevel };
}

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

/** `gateway`: one client with Object 25 and a prefix per device. `endpoints`: one client per device. */
export type Representation = 'gateway' | 'endpoints';

export interface UpstreamConfig {
  readonly endpoint: string;
  readonly representation: Representation;
  readonly servers: readonly ServerConfig[];
  readonly bootstrap?: BootstrapConfig;
  /** Ids of objects in which servers may keep what they like. */
  readonly storedObjects: readonly number[];
}

export interface ServerConfig {
  /** `coap://host:port` */
  readonly uri: string;
  readonly scheme: 'coap' | 'coaps' | 'coap+tcp' | 'coaps+tcp';
  /** without the brackets of an IPv6 address */
  readonly host: string;
  readonly port: number;
  readonly shortServerId: number;
  readonly lifetimeS: number;
  readonly representation: Representation;
  /** The newest LwM2M release to announce. */
  readonly release: '1.2' | '1.1' | '1.0';
  readonly localPort?: number;
  readonly minPeriodS?: number;
  readonly maxPeriodS?: number;
  readonly transmission?: TransmissionConfig;
  readonly notificationMode: 'non' | 'con';
  /** of connections: the silence after which a sign of life is asked for */
  readonly heartbeatMs?: number;
  /** What it may do with the gateway's own objects. */
  readonly access: 'full' | 'read' | 'none';
  /** Secrets: never to be shown or logged. */
  readonly credentials?: CredentialsConfig;
  /** Notification Storing When Disabled or Offline */
  readonly storing: boolean;
  /** Whether values are sent unasked: Mute Send, the other way round. */
  readonly send: boolean;
  readonly queueMode: boolean;
  /** Resources 13 to 20 of the Server object; what is absent has the default of the object. */
  readonly registration: RegistrationConfig;
}

export interface RegistrationConfig {
  readonly priority?: number;
  readonly initialDelayS?: number;
  readonly failureBlock?: boolean;
  readonly bootstrapOnFailure?: boolean;
  readonly retryCount?: number;
  readonly retryTimerS?: number;
  readonly sequenceDelayS?: number;
  readonly sequenceRetryCount?: number;
}

/** A program with its arguments, started without a shell. */
export type CommandConfig = readonly [program: string, ...given: string[]];

/** What the gateway's own objects show of the box, and may do to it. */
export interface BoxConfig {
  readonly location?: {
    readonly latitude: number;
    readonly longitude: number;
    readonly altitude?: number;
    readonly radius?: number;
  };
  readonly firmware?: FirmwareConfig;
  readonly reboot?: CommandConfig;
  readonly setTime?: CommandConfig;
}

export interface FirmwareConfig {
  readonly install: CommandConfig;
  readonly verify?: CommandConfig;
  readonly mostBytes: number;
  readonly spareBytes: number;
  readonly timeoutS: number;
}

/** Where a box learns of its servers. */
export interface BootstrapConfig {
  readonly uri: string;
  readonly holdOffS: number;
  /** After a bootstrap the account is forgotten this much later; 0: never. */
  readonly accountTimeoutS: number;
  /** Whether everything is asked for at once first (Bootstrap-Pack). */
  readonly pack: boolean;
  /** Secrets: never to be shown or logged. */
  readonly credentials?: CredentialsConfig;
}

/** A shared key in hex digits, or keys or certificates as PEM, whatever the files held. */
export type CredentialsConfig =
  | { readonly psk: { readonly identity: string; readonly key: string } }
  | { readonly serverPublicKey: string; readonly privateKey: string }
  | {
      readonly ca: string;
      readonly certificate: string;
      readonly privateKey: string;
      readonly serverName?: string;
    };

/** CoAP transmission parameters (RFC 7252 section 4.8). */
export interface TransmissionConfig {
  readonly ackTimeoutMs?: number;
  readonly ackRandomFactor?: number;
  readonly maxRetransmit?: number;
  readonly nstart?: number;
  readonly maxLatencyMs?: number;
  readonly blockSize?: number;
  readonly messageIds?: 'oldest' | 'strict';
}

/** Keys that belong to a protocol; they have passed its schema, and defaults are filled in. */
export type Settings = Readonly<Record<string, unknown>>;

export interface ConnectionConfig {
  readonly id: string;
  readonly type: string;
  /** the adapter whose type it is */
  readonly protocol: string;
  readonly settings: Settings;
}

export interface ProfileConfig {
  readonly id: string;
  readonly protocol: string;
  readonly manufacturer?: string;
  readonly model?: string;
  /** the section named like the protocol, e.g. `modbus:` */
  readonly protocolSettings: Settings;
  readonly points: Readonly<Record<string, PointConfig>>;
  readonly objects: readonly ObjectMapping[];
}

/** A decimal number exactly as written: `0.10`, `1e-3`. */
export type DecimalText = string;

/** `times` the interval at which a point is polled, or a time of its own. */
export type StaleAfter = { readonly times: number } | { readonly ms: number };

export interface PointConfig {
  /** the keys of the protocol: where and how the value stands in the device */
  readonly address: Settings;
  readonly access: 'r' | 'w' | 'rw';
  readonly write?: WriteConfig;
  readonly unit?: string;
  readonly scale?: DecimalText;
  readonly offset?: DecimalText;
  readonly kind: 'gauge' | 'counter' | 'state' | 'text' | 'time';
  /** raw value, as text, to meaning */
  readonly map?: Readonly<Record<string, string | number | boolean>>;
  readonly mask?: number;
  readonly shift?: number;
  readonly invert?: boolean;
  /** plausible values in the point's own unit, ends included */
  readonly valid?: readonly [number, number];
  /** the fastest plausible change, e.g. 100 kW for a counter in kWh */
  readonly maxRate?: { readonly value: DecimalText; readonly unit: string };
  /** the value at which a counter starts again from 0, in its own unit */
  readonly rollover?: DecimalText;
  readonly onDecrease?: 'accept' | 'hold' | 'reject';
  /** ms, or once after each connect, or only on demand; without it the interval of the device holds */
  readonly poll?: number | 'once' | 'never';
  readonly staleAfter?: StaleAfter;
  readonly group?: string;
  readonly enabled: boolean;
}

/** Limits of what may be written; values in the point's own unit. */
export interface WriteConfig {
  /** the keys of the protocol */
  readonly settings: Settings;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly allowed?: readonly (string | number | boolean)[];
  readonly rateLimitMs?: number;
}

export interface ObjectMapping {
  readonly object: number;
  readonly version?: string;
  readonly instance: number;
  /** by resource id (`5700`), or resource and resource instance id (`5802/0`) */
  readonly resources: Readonly<Record<string, ResourceMapping>>;
}

export type ResourceMapping =
  | {
      readonly from: string;
      /** what the server is to get where the object names no unit */
      readonly unit?: string;
      /** how a number becomes a text, e.g. `%d`, `%08X` */
      readonly format?: string;
    }
  | { readonly value: string | number | boolean }
  /** what is done when a server executes the resource, with the medium for itself if `hold` says so */
  | { readonly execute: readonly ExecuteStep[]; readonly hold?: boolean };

/** values by point, in the units of the points; or a wait */
export type ExecuteStep =
  | { readonly write: Readonly<Record<string, string | number | boolean>> }
  | { readonly waitMs: number };

export interface DeviceConfig {
  readonly id: string;
  /** what Object 25 calls it; absent: the name of the gateway and the id make one */
  readonly deviceId?: string;
  readonly prefix?: string;
  /** with the overrides of this device; the same object for all devices without any */
  readonly profile: ProfileConfig;
  readonly connection: string;
  /** the keys of the protocol, e.g. `unit` */
  readonly settings: Settings;
  readonly location?: string;
  /** the interval of the points that have none, in ms */
  readonly pollMs: number;
  readonly staleAfter: StaleAfter;
  readonly timeouts: { readonly requestMs: number; readonly retries: number };
  /** Failed cycles in a row after which the device is only probed, and the waits before the probes. */
  readonly quarantine: { readonly after: number; readonly backoffMs: readonly number[] };
}
