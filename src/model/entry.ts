import type { Path } from './path.ts';
import type { DataType, Quality, Value } from './value.ts';

/**
 * The one shape that data has between rooms: a value of a single resource (3 ids) or of one resource instance
 * (4 ids), with its time and quality.
 */
export interface Entry {
  readonly path: Path;
  readonly type: DataType;
  readonly value: Value;
  /** When the value was true in the field: ms since 1970. Absent: now. */
  readonly at?: number;
  /** Absent, like the time, for constants and settings: they hold until they are changed. */
  readonly quality?: Quality;
}
