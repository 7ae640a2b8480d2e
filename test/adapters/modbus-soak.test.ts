import { expect, test } from 'vitest';
import { recoveryLines, SOAKED_MEDIA, soakMedium } from '../prove/modbus-soak.ts';

/** `npm run prove -- modbus-soak` is the same for a million reads. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 6);

test.concurrent.each(SOAKED_MEDIA)(
  '%s: no wrong value and no lost write among random faults',
  async (type) => {
    const until = performance.now() + SECONDS * 1000;
    const tally = await soakMedium(type, 1, () => performance.now() < until);
    const { reads, values, writes, confirmed, wrong, lost, recoveries } = tally;
    console.log(`${type}: ${values} values of ${reads} reads, ${confirmed} of ${writes} writes confirmed`);
    for (const line of recoveryLines(tally)) console.log(line);
    expect([...wrong, ...lost]).toEqual([]);
    expect([...recoveries.values()].flat().length).toBeGreaterThan(10);
    expect(values).toBeGreaterThan(20 * SECONDS);
    expect(confirmed).toBeGreaterThan(5 * SECONDS);
  },
  SECONDS * 1000 + 20_000,
);
