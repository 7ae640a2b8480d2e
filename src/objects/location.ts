import type { ObjectDefinition } from '../model/index.ts';
import type { InstanceSetup } from '../tree/index.ts';

/** Where a box has been mounted. Degrees (WGS 84), metres. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
  readonly altitude?: number;
  /** How exact it is. */
  readonly radius?: number;
}

/** Object 6 of a box that does not move (OMA Core 1.2.2 E.7). @param since when it was told, s since 1970 */
export function locationInstance(definition: ObjectDefinition, place: Place, since: number): InstanceSetup {
  const optional = [
    [2, place.altitude],
    [3, place.radius],
  ] as const;
  return {
    definition,
    instance: 0,
    resources: [
      { id: 0, value: place.latitude },
      { id: 1, value: place.longitude },
      ...optional.flatMap(([id, value]) => (value === undefined ? [] : [{ id, value }])),
      { id: 5, value: since },
    ],
  };
}
