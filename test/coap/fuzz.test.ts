import { describe, expect, test } from 'vitest';
import { DATAGRAMS, FUZZ_FAULTS, fuzz } from '../prove/fuzz.ts';

const DATAGRAM_COUNT = 30_000;
/** Noise of a short run: code that is compiled meanwhile counts as heap too. */
const MOST_GROWTH_KB = 4000;

describe('whatever arrives', () => {
  test.each([1, 2])(
    `${DATAGRAM_COUNT} mutated datagrams: nothing is thrown, state stays bounded, one timer (seed %i)`,
    async (seed) => {
      const counts = await fuzz(DATAGRAMS, DATAGRAM_COUNT, seed);
      expect(FUZZ_FAULTS.filter((name) => counts[name] !== 0)).toEqual([]);
      expect(counts.served).toBeGreaterThan(DATAGRAM_COUNT / 20);
      expect(counts.sinks).toBeGreaterThan(50);
      expect(counts.heapGrowthKb).toBeLessThan(MOST_GROWTH_KB);
    },
  );
});
