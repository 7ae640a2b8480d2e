import type { DataType } from './value.ts';

/** What a server may do with a resource; '' is reserved to bootstrap. */
export type Operations = '' | 'R' | 'W' | 'RW' | 'E';

/** One resource of an object, as the OMA registry defines it. */
export interface ResourceDefinition {
  readonly id: number;
  readonly name: string;
  readonly operations: Operations;
  readonly type: DataType;
  readonly multiple: boolean;
  readonly mandatory: boolean;
  /** The registry's own text, e.g. `0..255`; '' when there is none. */
  readonly range: string;
  /** SenML unit, e.g. `W`; '' when there is none. */
  readonly unit: string;
}

/** One version of an object, as the OMA registry defines it. */
export interface ObjectDefinition {
  readonly id: number;
  readonly name: string;
  /** `major.minor` */
  readonly version: string;
  readonly multiple: boolean;
  readonly mandatory: boolean;
  readonly resources: ReadonlyMap<number, ResourceDefinition>;
}
