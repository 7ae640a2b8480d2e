import { expect, test } from 'vitest';
import { WEEK_FAULTS, week } from '../prove/week.ts';

test.each([11, 12, 13])(
  'three days of servers and devices that come and go: nobody is stuck, forgotten or left in silence (seed %i)',
  async (seed) => {
    const counts = await week(3, seed);
    expect(Object.fromEntries(WEEK_FAULTS.map((name) => [name, counts[name]]))).toEqual(
      Object.fromEntries(WEEK_FAULTS.map((name) => [name, 0])),
    );
    expect(counts.registrations).toBeGreaterThan(50);
    expect(counts.notifications).toBeGreaterThan(1000);
    expect(counts.mostTimers).toBeLessThan(200);
  },
);
