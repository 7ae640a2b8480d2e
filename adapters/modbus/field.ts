import type { PlanFault, PointId } from 'lwm2m-gateway/adapter';
import type { Marker } from './marker.ts';
import type { Places } from './place.ts';
import type { PlanRules, Spot } from './planner.ts';
import type { Sign } from './signature.ts';
import type { ValueCodec } from './value.ts';

export type WriteFunction = 5 | 6 | 15 | 16 | 22 | 23;
export type Verification = 'ack' | 'readback' | 'none';

export interface WriteRule {
  readonly function: WriteFunction;
  readonly verify: Verification;
  /** before the value is read back */
  readonly settleMs: number;
  /** What the device holds already is not written. */
  readonly onlyChanges: boolean;
  /** how far the value read back may be from the one written */
  readonly tolerance: number;
}

/** A point ready for use; as a spot it is all that has to be read for its sake. */
export interface Field extends Spot {
  readonly id: PointId;
  readonly codec: ValueCodec;
  /** registers from its address to its value */
  readonly offset: number;
  /** what has to stand beside the value; absent: nothing */
  readonly markers?: readonly Marker[];
  readonly isReadable: boolean;
  /** the bits of its register that are the point's; absent: all */
  readonly mask?: number;
  /** holds the power of ten of the value; comes in the same request */
  readonly factor?: Field;
  /** absent: read only */
  readonly write?: WriteRule;
}

/** A device plan with its texts and notations resolved; points with faults are left out. */
export interface CompiledDevice {
  readonly unit: number;
  readonly rules: PlanRules;
  readonly fields: ReadonlyMap<PointId, Field>;
  /** By what the device is known. */
  readonly signature: readonly Sign[];
  /** What a device like that holds beside its points. */
  readonly image: Places['image'];
  readonly faults: readonly PlanFault[];
}
