import type { PointId } from '../adapter/index.ts';

/** What the configuration hands over of profiles and devices: checked for shape, not yet for sense. */

/** A state is one of a few values; with a unit it is a number. */
export type PointKind = 'gauge' | 'counter' | 'state' | 'text' | 'time';

/** A value that a mapping can name: a constant, an allowed value, what a raw value stands for. */
export type Plain = string | number | boolean;

/** After which time without a new value the last one is not shown any more; `times` the poll interval of the point. */
export type StaleAfter = { readonly times: number } | { readonly ms: number };

/** What may be written to a point. Numbers are in the unit of the point; mapped values as they are after `map`. */
export interface WriteSource {
  /** Protocol-specific keys. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly min?: number;
  readonly max?: number;
  /** Values lie this far apart, counted from `min` (0 without one). */
  readonly step?: number;
  readonly allowed?: readonly Plain[];
  /** Writes that come sooner after the last one are refused. */
  readonly rateLimitMs?: number;
}

/** A point of a profile: where the device holds a value, and how to read sense into it (field rules 3.3). */
export interface PointSource {
  /** Protocol-specific keys. */
  readonly address: Readonly<Record<string, unknown>>;
  readonly access: 'r' | 'w' | 'rw';
  readonly write?: WriteSource;
  readonly kind: PointKind;
  /** Bits of a raw whole number that count. */
  readonly mask?: number;
  /** By how many bits they are moved right. */
  readonly shift?: number;
  /** Turns true and false (or 1 and 0) round. */
  readonly invert?: boolean;
  /** What raw values stand for, by their text: `{ '0': 'off' }`, `{ 'ON': true }`. */
  readonly map?: Readonly<Record<string, Plain>>;
  /** `raw * scale + offset` is the value in `unit`; decimal text. */
  readonly scale?: string;
  readonly offset?: string;
  readonly unit?: string;
  /** Values outside cannot be right. */
  readonly valid?: readonly [low: number, high: number];
  /** The fastest change that can be right: 100 `kW` for a kWh counter, 5 `Cel/min`, 10 `/s` for a plain number. */
  readonly maxRate?: { readonly value: string; readonly unit: string };
  /** The value at which the counter begins again at 0, in its unit; decimal text. */
  readonly rollover?: string;
  /**
   * What to do with a counter that goes back without a rollover: `accept` it; `hold` the value before it (quality 3),
   * or `reject` it (quality 2), until it has gone on from there long enough, as a new meter does. `hold` when absent.
   */
  readonly onDecrease?: 'accept' | 'hold' | 'reject';
  /** ms; `once` after each connect; `never` only when somebody asks. Absent: as the device says. */
  readonly poll?: number | 'once' | 'never';
  /** Absent: as the device says. */
  readonly staleAfter?: StaleAfter;
  /** Points of one group are read by one request. */
  readonly group?: string;
  readonly enabled: boolean;
}

/** Where a resource has its value from. */
export type ResourceSource =
  | {
      readonly from: PointId;
      /** The unit of the resource, where the registry leaves it open. */
      readonly unit?: string;
      /** How a whole number becomes a text: `%d`, `%08d`, `%X`, with text around it. */
      readonly format?: string;
    }
  | { readonly value: Plain }
  /** What the gateway does when a server executes the resource; `hold`: nobody else uses the medium meanwhile. */
  | { readonly execute: readonly ExecuteStep[]; readonly hold?: boolean };

/** Values in the units of their points, in order; or a wait. */
export type ExecuteStep = { readonly write: Readonly<Record<PointId, Plain>> } | { readonly waitMs: number };

/** One object instance and its resources, by `5700` or, for resource instances, `5802/0`. */
export interface ObjectMapping {
  readonly object: number;
  /** `major.minor`; the newest when absent */
  readonly version?: string;
  /** 0 when absent */
  readonly instance?: number;
  readonly resources: Readonly<Record<string, ResourceSource>>;
}

/** What a type of device is. */
export interface ProfileSource {
  readonly id: string;
  readonly protocol: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly protocolSettings: Readonly<Record<string, unknown>>;
  readonly points: Readonly<Record<PointId, PointSource>>;
  readonly objects: readonly ObjectMapping[];
}

/** One device of a connection. */
export interface DeviceSource {
  readonly id: string;
  /** With the overrides of this device. */
  readonly profile: ProfileSource;
  /** Protocol-specific keys of the device. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly pollMs: number;
  readonly staleAfter: StaleAfter;
  readonly timeouts: { readonly requestMs: number; readonly retries: number };
}

/** What is wrong with a mapping. */
export interface MappingFault {
  /** Whose it is: of the profile, and so of every device that has it, or of what this device overrides. */
  readonly origin: 'profile' | 'device';
  /** The place within the {@link ProfileSource} of the device. */
  readonly path: readonly (string | number)[];
  /** What is wrong and what is allowed. */
  readonly message: string;
}
