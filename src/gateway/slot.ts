import type { PointId } from '../adapter/index.ts';
import type { Ids, ObjectDefinition, ResourceDefinition } from '../model/index.ts';
import type { FaultList } from './faults.ts';
import type { PointModel } from './point.ts';

/** What compiling an instance needs beside the mapping. */
export interface MappingContext {
  readonly points: ReadonlyMap<PointId, PointModel>;
  /** Points that the profile has, but this device does not use. */
  readonly disabled: ReadonlySet<PointId>;
  readonly faults: FaultList;
}

/** One resource of a mapping, and where to report what is wrong with it. */
export interface Slot {
  readonly object: ObjectDefinition;
  readonly resource: ResourceDefinition;
  readonly ids: Ids;
  /** `key`: of the mapping; absent: the resource as a whole. */
  readonly fault: (message: string, key?: 'from' | 'unit' | 'format' | 'value' | 'execute') => void;
  /** Constant of Sensor Units in the same instance. */
  readonly sensorUnits: string | undefined;
}
