import { durationMs, type FieldValue } from 'lwm2m-gateway/adapter';

/** The address of a simulated point, as its schema lets it pass. */
export interface WaveKeys {
  readonly wave: 'sine' | 'ramp' | 'square' | 'counter' | 'constant' | 'setting' | 'firmware';
  readonly low?: number;
  readonly high?: number;
  readonly period?: string;
  readonly ratePerHour?: number;
  readonly since?: string;
  readonly digits?: number;
  readonly value?: number | string | boolean;
}

/** The value of a point at a time (ms since 1970); the same time gives the same value, on every computer. */
export type Wave = (now: number) => FieldValue;

/** What a wave does where its keys say nothing. */
export const PRESET = {
  low: 0,
  high: 1,
  period: '60s',
  ratePerHour: 1,
  since: '2025-01-01T00:00:00Z',
  digits: 3,
};
const HOUR_MS = 3_600_000;

/** What a point does with time; a setting begins with its value. */
export function createWave(keys: WaveKeys): Wave {
  const { low, high, period, ratePerHour, since, digits, value = 0 } = { ...PRESET, ...keys };
  const periodMs = durationMs(period);
  const sinceMs = Date.parse(since);
  const rounded = (number: number): number => Number(number.toFixed(digits));
  /** 0..1 within the period */
  const phase = (now: number): number => (now % periodMs) / periodMs;
  switch (keys.wave) {
    case 'sine':
      return (now) => rounded(low + ((high - low) * (1 + Math.sin(2 * Math.PI * phase(now)))) / 2);
    case 'ramp':
      return (now) => rounded(low + (high - low) * phase(now));
    case 'square':
      return (now) => phase(now) < 0.5;
    case 'counter':
      return (now) => rounded(Math.max(0, now - sinceMs) * (ratePerHour / HOUR_MS));
    case 'constant':
    case 'setting':
      return () => value;
    case 'firmware':
      // The device knows it.
      return () => '';
  }
}
