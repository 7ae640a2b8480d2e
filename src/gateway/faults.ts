import type { PointId } from '../adapter/index.ts';
import type { MappingFault, PointSource, ProfileSource } from './source.ts';

type Steps = readonly (string | number)[];

/** Collects all faults of one device, and finds out whose they are. */
export interface FaultList {
  readonly list: readonly MappingFault[];
  /** About one key of a point. */
  atPoint(id: PointId, steps: readonly [keyof PointSource, ...Steps], message: string): void;
  /** About one of `objects`. */
  atObject(index: number, steps: Steps, message: string): void;
}

function differ(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}

/**
 * @param profile as it is without the overrides of the device
 * @param own as the device has it
 */
export function createFaults(profile: ProfileSource, own: ProfileSource): FaultList {
  const list: MappingFault[] = [];
  const seen = new Set<string>();
  const add = (isOwn: boolean, path: Steps, message: string): void => {
    const fault: MappingFault = { origin: isOwn ? 'device' : 'profile', path, message };
    const key = JSON.stringify(fault);
    if (!seen.has(key)) list.push(fault);
    seen.add(key);
  };
  return {
    list,
    atPoint(id, steps, message) {
      const [key] = steps;
      add(differ(profile.points[id]?.[key], own.points[id]?.[key]), ['points', id, ...steps], message);
    },
    atObject(index, steps, message) {
      add(differ(profile.objects[index], own.objects[index]), ['objects', index, ...steps], message);
    },
  };
}

const MOST_LISTED = 12;

/** `a, b, c`, cut short when there are many. */
export function listed(words: readonly (string | number | boolean)[]): string {
  const shown = words.slice(0, MOST_LISTED).join(', ');
  return words.length > MOST_LISTED ? `${shown} ...` : shown;
}
