import type { FieldCause, Sample } from '../adapter/index.ts';

/**
 * Whether a device answers, as a pure machine (field rules 3.5.5): after some failed cycles in a row it is offline
 * and only probed, each time after a longer wait; one good answer brings it back.
 */
export interface Health {
  readonly state: 'unknown' | 'online' | 'offline';
  /** Failed cycles in a row. */
  readonly failures: number;
  /** Probes without an answer since it went offline. */
  readonly probes: number;
  /** Why the last cycle failed. */
  readonly cause?: FieldCause;
}

export interface HealthRules {
  /** Failed cycles in a row that make a device offline. */
  readonly after: number;
  /** Waits before the probes, in ms; the last one repeats. */
  readonly backoffMs: readonly number[];
}

export const UNKNOWN_HEALTH: Health = { state: 'unknown', failures: 0, probes: 0 };

/** Causes that speak against the device or the way to it; others show that somebody is there. */
const SILENT: ReadonlySet<FieldCause> = new Set<FieldCause>(['timeout', 'disconnected', 'malformed']);
/** Causes that say nothing about the device. */
const NEUTRAL: ReadonlySet<FieldCause> = new Set<FieldCause>(['overloaded', 'closed']);

/** How a cycle went: `alive` when anything of it shows that the device answers. */
export function verdictOf(samples: readonly Sample[]): 'alive' | FieldCause | undefined {
  let silent: FieldCause | undefined;
  for (const sample of samples) {
    if (!('cause' in sample)) return 'alive';
    if (SILENT.has(sample.cause)) silent ??= sample.cause;
    else if (!NEUTRAL.has(sample.cause)) return 'alive';
  }
  return silent;
}

/** Health after one cycle or probe. */
export function afterCycle(
  health: Health,
  verdict: 'alive' | FieldCause | undefined,
  rules: HealthRules,
): Health {
  if (verdict === undefined) return health;
  if (verdict === 'alive') return { state: 'online', failures: 0, probes: 0 };
  const failures = health.failures + 1;
  if (health.state === 'offline')
    return { state: 'offline', failures, probes: health.probes + 1, cause: verdict };
  return { state: failures >= rules.after ? 'offline' : health.state, failures, probes: 0, cause: verdict };
}

/** How long to leave an offline device alone before the next probe, in ms. */
export function probeDelay(health: Health, rules: HealthRules): number {
  return rules.backoffMs[Math.min(health.probes, rules.backoffMs.length - 1)] ?? 10_000;
}
