import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, test } from 'vitest';
import type { Dial, PipeEvents } from '../../adapters/modbus/channel.ts';
import { createLineLink } from '../../adapters/modbus/line-link.ts';
import type { Outcome } from '../../adapters/modbus/link.ts';
import { rtuFraming } from '../../adapters/modbus/rtu.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** Slow devices on a line: whom a late reply belongs to (pitfall 1). */

const TIMEOUT_MS = 1000;

/** A device that takes its time, and answers a read with the address; what it thinks of function 8 differs. */
interface Slow {
  /** of the n-th answer */
  latencyMs(answer: number): number;
  readonly diagnostics: 'refuses' | 'repeats' | 'ignores';
}

function startLine({ latencyMs, diagnostics }: Slow) {
  const clock = createFakeClock();
  let events: PipeEvents | undefined;
  let answers = 0;
  let lastAt = 0;
  const answerTo = (frame: Buffer): Buffer | undefined => {
    const [unit = 0, code = 0] = frame;
    if (code !== 8) return Buffer.of(unit, code, 2, frame.readUInt8(2), frame.readUInt8(3));
    if (diagnostics === 'ignores') return undefined;
    return diagnostics === 'repeats' ? frame.subarray(0, -2) : Buffer.of(unit, 0x88, 1);
  };
  const dial: Dial = (opened) => {
    events = opened;
    clock.after(0, opened.onOpen);
    return {
      write(bytes) {
        const answer = answerTo(bytes);
        lastAt = Math.max(lastAt, clock.monotonic() + latencyMs(answers++));
        // It answers in order, into whatever connection there is then.
        if (answer !== undefined)
          clock.after(lastAt - clock.monotonic(), () => events?.onData(rtuFraming.frame(answer)));
      },
      drain: (done) => done(),
      close: async () => {},
    };
  };
  const link = createLineLink(
    {
      dial,
      framing: rtuFraming,
      connectDelayMs: 0,
      characterMs: 1,
      interFrameMs: 4,
      turnaroundMs: 0,
      broadcastMs: 0,
      lateReplyWindowMs: 3000,
      gapMs: 50,
      localEcho: false,
      canBeHalfOpen: false,
    },
    { ...createTestHost(), clock, random: () => 0 },
  );
  link.start();
  return {
    clock,
    link,
    hangUp: () => events?.onClose('unplugged'),
    /** Reads the address as soon as the line allows. */
    async read(address: number): Promise<number | string> {
      for (let waited = 0; !link.ready && waited < 10_000; waited++) await clock.advance(1);
      const outcomes: Outcome[] = [];
      link.send(1, { function: 3, address, count: 1 }, { answerMs: TIMEOUT_MS, mostMs: 10_000 }, (outcome) =>
        outcomes.push(outcome),
      );
      for (let waited = 0; outcomes.length === 0 && waited < 20_000; waited++) await clock.advance(1);
      const [outcome] = outcomes;
      return outcome?.status === 'done' ? outcome.data.readUInt16BE(0) : `${outcome?.status}`;
    },
  };
}

describe('pitfall 1: a device that is too slow', () => {
  test.each(
    (['refuses', 'repeats', 'ignores'] as const).flatMap((diagnostics) =>
      [1050, 1300, 1500, 1600, 1900].map((latencyMs) => [diagnostics, latencyMs] as const),
    ),
  )('and %s diagnostics: after %i ms no answer is taken for another one', async (diagnostics, leastMs) => {
    const { read } = startLine({ latencyMs: (answer) => leastMs + 7 * (answer % 5), diagnostics });
    for (let turn = 0; turn < 40; turn++) {
      const address = 10 + turn;
      expect([address, 'failed']).toContain(await read(address));
    }
  });

  test('is read again when it has become faster', async () => {
    let latencyMs = 1600;
    const { read, clock } = startLine({ latencyMs: () => latencyMs, diagnostics: 'refuses' });
    for (let turn = 0; turn < 12; turn++) await read(turn);
    latencyMs = 20;
    await clock.advance(4000);
    expect([await read(100), await read(101)]).toEqual([100, 101]);
  });

  test('and answers into the next connection what was asked on the one before', async () => {
    const line = startLine({ latencyMs: (answer) => (answer === 0 ? 1500 : 20), diagnostics: 'repeats' });
    const first = line.read(10);
    await line.clock.advance(100);
    line.hangUp();
    expect(await first).toBe('failed');
    await line.clock.advance(1370);
    expect(await line.read(20)).toBe(20);
  });
});
