import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffDelay } from '../../src/base/index.ts';

describe('back-off', () => {
  const backoff = { firstMs: 1000, factor: 2, mostMs: 60_000, jitter: 0 };

  test('grows by its factor and stops at its bound', () => {
    expect([1, 2, 3, 6, 7, 8, 10_000].map((attempt) => backoffDelay(backoff, attempt, 0.5))).toEqual([
      1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000,
    ]);
  });

  test('takes the first wait for attempts that are none', () => {
    expect(backoffDelay(backoff, 0, 0)).toBe(1000);
    expect(backoffDelay(backoff, -5, 0)).toBe(1000);
  });

  test('lets chance take away at most its part', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, random, jitter) => {
          const full = backoffDelay(backoff, attempt, 0);
          const delay = backoffDelay({ ...backoff, jitter }, attempt, random);
          expect(delay).toBeLessThanOrEqual(full);
          expect(delay).toBeGreaterThanOrEqual(full * (1 - jitter) - 1e-6);
        },
      ),
    );
  });
});
