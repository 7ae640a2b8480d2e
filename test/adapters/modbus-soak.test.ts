import { expect, test } from 'vitest';
import { recoveryLines, SOAKED_MEDIA, type SoakTally, soakMedium } from '../prove/modbus-soak.ts';

/** `npm run prove -- modbus-soak` is the same for a million reads. */
const VALUES = 400;
const CONFIRMED = 60;
const RECOVERIES = 20;

const recovered = ({ recoveries }: SoakTally): number => [...recoveries.values()].flat().length;
const hasEnough = (tally: SoakTally): boolean =>
  tally.values >= VALUES && tally.confirmed >= CONFIRMED && recovered(tally) >= RECOVERIES;

test.concurrent.each(SOAKED_MEDIA)(
  '%s: no wrong value and no lost write among random faults, and it recovers from each',
  async (type) => {
    const tally = await soakMedium(type, 1, (so) => !hasEnough(so) && so.wrong.length + so.lost.length === 0);
    for (const line of recoveryLines(tally)) console.log(line);
    expect([...tally.wrong, ...tally.lost]).toEqual([]);
    expect(hasEnough(tally)).toBe(true);
  },
  60_000,
);
