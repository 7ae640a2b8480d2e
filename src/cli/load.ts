import type { AdapterModule } from '../adapter/index.ts';
import { formatFault, type Loaded, loadConfig } from '../config/index.ts';
import { loadAdapters } from '../gateway/index.ts';
import { type Plan, planGateway, type SenseFault } from '../wire/index.ts';

/** One line, and whether it surely will not work. */
export interface PlanNote {
  readonly line: string;
  readonly isGrave: boolean;
}

export interface Planned {
  /** There exactly when there are no faults. */
  readonly plan?: Plan;
  readonly faults: readonly string[];
  /** What may yet not work. */
  readonly notes: readonly PlanNote[];
  readonly adapters: ReadonlyMap<string, AdapterModule>;
}

/** As {@link formatFault}, for what makes no sense. */
export function formatSenseFault({ place, message }: SenseFault, locate: Loaded['locate']): string {
  return place === undefined ? message : formatFault({ ...locate(place.origin, place.path), message });
}

/**
 * Reads a configuration and makes sense of it; every fault of either kind comes as one line, in the order of the files.
 * @param packages npm packages with more adapters
 */
export async function loadPlan(file: string, packages: readonly string[] = []): Promise<Planned> {
  const adapters = await loadAdapters(packages);
  const keys = new Map([...adapters].map(([name, { schemas }]) => [name, schemas]));
  const { config, faults, notes: found, locate } = loadConfig(file, { adapters: keys, env: process.env });
  const notes = found.map((note) => ({ line: formatFault(note), isGrave: note.isGrave }));
  if (config === undefined) return { faults: faults.map(formatFault), notes, adapters };
  const plan = planGateway(config, adapters);
  // Devices that share a profile share its faults.
  const lines = [...new Set(plan.faults.map((fault) => formatSenseFault(fault, locate)))];
  return lines.length === 0 ? { plan, faults: [], notes, adapters } : { faults: lines, notes, adapters };
}
