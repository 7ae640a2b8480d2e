import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Clock, createTimers } from '../../src/base/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';

describe('a timing wheel', () => {
  test('runs every task once, not before its delay and at most one resolution later', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ startMs: fc.nat(500), delayMs: fc.integer({ min: -5, max: 3000 }) }), {
          maxLength: 30,
        }),
        fc.constantFrom(1, 10, 50, 1000),
        (deadlines, resolutionMs) => {
          const clock = createFakeClock();
          const timers = createTimers(clock, resolutionMs);
          const ran: number[] = [];
          for (const [index, { startMs, delayMs }] of deadlines.entries()) {
            clock.after(startMs, () => {
              timers.after(delayMs, () => {
                const late = clock.monotonic() - startMs - Math.max(0, delayMs);
                expect(late).toBeGreaterThanOrEqual(0);
                expect(late).toBeLessThanOrEqual(resolutionMs);
                ran.push(index);
              });
            });
          }
          clock.jump(10_000);
          expect(ran.sort((a, b) => a - b)).toEqual([...deadlines.keys()]);
          expect(timers.size).toBe(0);
          expect(clock.pending).toBe(0);
        },
      ),
    );
  });

  test('runs what is due in the order of the deadlines', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock, 10);
    const ran: string[] = [];
    timers.after(300, () => ran.push('last'));
    timers.after(100, () => ran.push('first'));
    timers.after(200, () => ran.push('second'));
    clock.jump(1000);
    expect(ran).toEqual(['first', 'second', 'last']);
  });

  test('arms one timer of the clock, however many deadlines wait', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock, 10);
    for (let delayMs = 1000; delayMs > 0; delayMs--) timers.after(delayMs, () => undefined);
    expect(timers.size).toBe(1000);
    expect(clock.pending).toBe(1);
  });

  test('forgets a cancelled deadline, once', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock, 10);
    const ran: string[] = [];
    const cancel = timers.after(100, () => ran.push('cancelled'));
    timers.after(100, () => ran.push('kept'));
    cancel();
    cancel();
    expect(timers.size).toBe(1);
    clock.jump(200);
    cancel();
    expect(ran).toEqual(['kept']);
    expect(timers.size).toBe(0);
  });

  test('lets go of the clock when the last deadline is cancelled', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock, 10);
    timers.after(100, () => undefined)();
    expect(clock.pending).toBe(0);
  });

  test('does not run a task that another one of the same instant cancels', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock, 10);
    const ran: string[] = [];
    timers.after(100, () => {
      ran.push('canceller');
      cancel();
    });
    const cancel = timers.after(100, () => ran.push('cancelled'));
    clock.jump(100);
    expect(ran).toEqual(['canceller']);
    expect(timers.size).toBe(0);
  });

  test('runs a task that sets itself again without delay once per turn of the clock', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock, 10);
    let runs = 0;
    const again = (): void => {
      runs++;
      if (runs < 1000) timers.after(1, again);
    };
    timers.after(10, again);
    clock.jump(50);
    expect(runs).toBe(5);
  });

  test('runs the other tasks when one throws, and lets the error out', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock, 10);
    const ran: string[] = [];
    timers.after(100, () => {
      throw new Error('broken task');
    });
    timers.after(100, () => ran.push('same instant'));
    timers.after(200, () => ran.push('later'));
    expect(() => clock.jump(100)).toThrow('broken task');
    clock.jump(100);
    expect(ran).toEqual(['same instant', 'later']);
    expect(timers.size).toBe(0);
  });

  test('stops for good, also from within a task', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock, 10);
    const ran: string[] = [];
    timers.after(100, () => {
      ran.push('stopper');
      timers.stop();
    });
    timers.after(100, () => ran.push('same instant'));
    const cancelLater = timers.after(200, () => ran.push('later'));
    clock.jump(1000);
    cancelLater();
    expect(ran).toEqual(['stopper']);
    expect(timers.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('waits on when the timer of the clock fires early', () => {
    const fake = createFakeClock();
    const early: Clock = { ...fake, after: (delayMs, task) => fake.after(Math.max(1, delayMs / 2), task) };
    const timers = createTimers(early, 10);
    let at = -1;
    timers.after(100, () => {
      at = fake.monotonic();
    });
    fake.jump(200);
    expect(at).toBeGreaterThanOrEqual(100);
    expect(at).toBeLessThanOrEqual(110);
  });
});
