import type { JsonSchema } from './contract.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The schema of a duration in adapter settings: a number and its unit, `300ms`, `1.5s`, `10m`. */
export function durationSchema(description: string, preset?: string): JsonSchema {
  return {
    type: 'string',
    pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$',
    description,
    ...(preset === undefined ? {} : { default: preset }),
  };
}

/** The ms of a duration that has passed {@link durationSchema}. */
export function durationMs(text: string): number {
  const unit = text.replace(/^[0-9.]+/, '');
  return Number(text.slice(0, text.length - unit.length)) * (UNIT_MS[unit] ?? Number.NaN);
}
