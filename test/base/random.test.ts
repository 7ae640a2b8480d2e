import { expect, test } from 'vitest';
import { systemRandom } from '../../src/base/index.ts';

test('chance lies from 0 to below 1, everywhere alike, and does not repeat itself', () => {
  const drawn = Array.from({ length: 20_000 }, systemRandom);
  expect(drawn.every((chance) => chance >= 0 && chance < 1)).toBe(true);
  expect(new Set(drawn).size).toBe(drawn.length);
  const mean = drawn.reduce((sum, chance) => sum + chance, 0) / drawn.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.02); // ten standard deviations
});
