import { expect, test } from 'vitest';
import { createTimers, silentLogger } from '../../src/base/index.ts';
import { createSaver } from '../../src/wire/saver.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** A disk that takes its time, and a state that changes. */
function disk(takesMs = 0) {
  const clock = createFakeClock();
  const timers = createTimers(clock, 1);
  const written: number[] = [];
  const world = { state: 0, isBroken: false };
  const saver = createSaver<{ value: number }>({
    clock,
    timers,
    log: silentLogger,
    current: () => ({ value: world.state }),
    async write({ value }) {
      if (takesMs > 0) await new Promise<void>((resolve) => timers.after(takesMs, resolve));
      if (world.isBroken) throw new Error('full');
      written.push(value);
    },
  });
  const change = (withinMs: number): void => {
    world.state++;
    saver.changed(withinMs);
  };
  return { clock, written, world, saver, change };
}

test('a change is on disk in time, however many others follow', async () => {
  const { clock, written, change } = disk();
  for (let ms = 0; ms < 3000; ms += 100) {
    change(1000);
    await clock.advance(100);
  }
  expect(written.length).toBeGreaterThanOrEqual(2);
  expect(written.length).toBeLessThanOrEqual(3);
});

test('what is urgent is not held up by what is not', async () => {
  const { clock, written, change } = disk();
  change(1000);
  change(20);
  change(1000);
  await clock.advance(30);
  expect(written).toEqual([3]);
  await clock.advance(2000);
  expect(written).toEqual([3]);
});

test('a slow disk is given one write at a time, and the last of all', async () => {
  const { clock, written, change } = disk(400);
  for (let count = 0; count < 20; count++) {
    change(20);
    await clock.advance(50);
  }
  await clock.advance(5000);
  expect(written.at(-1)).toBe(20);
  expect(written.length).toBeLessThanOrEqual(4);
});

test('what is on disk already is not written again', async () => {
  const { clock, written, saver, world } = disk();
  saver.found({ value: 7 });
  world.state = 7;
  saver.changed(10);
  await clock.advance(100);
  expect(written).toEqual([]);
});

test('a write that failed is tried again', async () => {
  const { clock, written, world, change } = disk();
  world.isBroken = true;
  change(10);
  await clock.advance(100);
  world.isBroken = false;
  await clock.advance(61_000);
  expect(written).toEqual([1]);
});

test('stop waits for the write that is under way, and for one of what came since', async () => {
  const { clock, written, saver, world, change } = disk(400);
  change(10);
  await clock.advance(50);
  world.state = 5;
  let isStopped = false;
  const stopped = saver.stop().then(() => {
    isStopped = true;
  });
  await clock.advance(300);
  expect(isStopped).toBe(false);
  await clock.advance(1000);
  await stopped;
  expect(written).toEqual([1, 5]);
});
