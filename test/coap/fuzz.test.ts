import { describe, expect, test } from 'vitest';
import { FUZZ_FAULTS, fuzz } from '../prove/fuzz.ts';
import { DATAGRAMS, STREAMS } from '../prove/fuzz-carriers.ts';

const INPUTS = 30_000;
/** Noise of a short run: code that is compiled meanwhile counts as heap too. */
const MOST_GROWTH_KB = 4000;

describe('whatever arrives', () => {
  test.each([
    ['mutated datagrams', DATAGRAMS, 1],
    ['mutated datagrams', DATAGRAMS, 2],
    ['mutated pieces of streams', STREAMS, 1],
    ['mutated pieces of streams', STREAMS, 2],
  ])(
    `${INPUTS} %s: nothing is thrown, state stays bounded, one timer (seed $2)`,
    async (_, carrier, seed) => {
      const counts = await fuzz(carrier, INPUTS, seed);
      expect(FUZZ_FAULTS.filter((name) => counts[name] !== 0)).toEqual([]);
      expect(counts.served).toBeGreaterThan(INPUTS / 20);
      expect(counts.malformed).toBeGreaterThan(INPUTS / 100);
      expect(counts.sinks).toBeGreaterThan(50);
      expect(counts.heapGrowthKb).toBeLessThan(MOST_GROWTH_KB);
    },
  );
});
