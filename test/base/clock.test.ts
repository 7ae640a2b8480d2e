import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/index.ts';

describe('the clock of this computer', () => {
  test.each([0, 0.2, 1.75, 4.01])(
    'a fine wait of %d ms is never too short, and not at once',
    async (delayMs) => {
      const began = performance.now();
      let isCalled = false;
      const over = new Promise<void>((resolve) => {
        systemClock.after(
          delayMs,
          () => {
            isCalled = true;
            resolve();
          },
          'fine',
        );
      });
      expect(isCalled).toBe(false);
      await over;
      expect(performance.now() - began).toBeGreaterThanOrEqual(delayMs);
    },
  );

  test.each([0.5, 3.5])('a fine wait of %d ms can be taken back', async (delayMs) => {
    let isCalled = false;
    const cancel = systemClock.after(
      delayMs,
      () => {
        isCalled = true;
      },
      'fine',
    );
    cancel();
    await new Promise((later) => setTimeout(later, 10));
    expect(isCalled).toBe(false);
  });
});
