import { beforeEach, describe, expect, test } from 'vitest';
import { createQuiet, type Quiet } from '../../adapters/modbus/quiet.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const SILENCE_MS = 1.75;

describe('when a line may be spoken on (Modbus over Serial Line 1.02 section 2.5.1.1)', () => {
  let clock: FakeClock;
  let quiet: Quiet;
  let drained: (() => void)[];
  let told: number;

  beforeEach(() => {
    clock = createFakeClock();
    drained = [];
    told = 0;
    quiet = createQuiet({
      interFrameMs: SILENCE_MS,
      channel: { drain: (done) => drained.push(done) },
      clock,
      onQuiet: () => told++,
    });
  });

  const drain = (): void => {
    for (const done of drained.splice(0)) done();
  };

  test('after exactly the silence, once the driver has nothing left that came in meanwhile', async () => {
    quiet.keep(SILENCE_MS);
    await clock.advance(SILENCE_MS - 0.01);
    expect(drained).toHaveLength(0);
    await clock.advance(0.01);
    expect(quiet.isQuiet).toBe(false);
    drain();
    expect([quiet.isQuiet, told]).toEqual([true, 1]);
  });

  test('not while bytes come that are for nobody, but after a second of them all the same', async () => {
    quiet.keep(SILENCE_MS);
    let passedMs = 0;
    for (; !quiet.isQuiet && passedMs < 5000; passedMs++) {
      quiet.disturbed();
      await clock.advance(1);
      drain();
    }
    expect(passedMs).toBeGreaterThan(999);
    expect(passedMs).toBeLessThan(1010);
  });

  test('bytes that come while the driver is emptied begin the silence anew', async () => {
    quiet.keep(SILENCE_MS);
    await clock.advance(SILENCE_MS);
    quiet.disturbed();
    drain();
    expect(quiet.isQuiet).toBe(false);
    await clock.advance(SILENCE_MS);
    drain();
    expect(quiet.isQuiet).toBe(true);
  });

  test('who waits for it has his turn before anybody else is told; a lost line lets him go on, too', async () => {
    let turns = 0;
    quiet.keep(SILENCE_MS);
    quiet.whenQuiet(() => turns++);
    await clock.advance(SILENCE_MS);
    drain();
    expect([turns, told]).toEqual([1, 0]);
    quiet.keep(SILENCE_MS);
    quiet.whenQuiet(() => turns++);
    quiet.give();
    expect([turns, told]).toEqual([2, 0]);
  });
});
