import { createSignal } from 'lwm2m-gateway/adapter';
import { describe, expect, test } from 'vitest';
import { type BusHold, createBus, type Job } from '../../adapters/modbus/bus.ts';
import { ask } from '../../adapters/modbus/exchange.ts';
import { createLinkStatistics, type Link, type LinkState, type Outcome } from '../../adapters/modbus/link.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** A link without a medium: every request takes `replyMs`, or for ever. */
function bench(options: { replyMs?: number; state?: LinkState } = {}) {
  const clock = createFakeClock();
  const changes = createSignal<void>();
  const sent: string[] = [];
  let busy = false;
  let state: LinkState = options.state ?? 'up';
  const link: Link = {
    statistics: createLinkStatistics(),
    get state() {
      return state;
    },
    get ready() {
      return state === 'up' && !busy;
    },
    retryInMs: 700,
    start() {},
    want() {},
    send(unit, _request, { answerMs, mostMs }, done) {
      const timeoutMs = Math.min(answerMs, mostMs);
      busy = true;
      sent.push(`${clock.monotonic()} unit ${unit}`);
      const answers = (options.replyMs ?? 10) <= timeoutMs;
      clock.after(Math.min(options.replyMs ?? 10, timeoutMs), () => {
        busy = false;
        const outcome: Outcome = answers
          ? { status: 'done', data: Buffer.alloc(0), tookMs: 0 }
          : { status: 'failed', cause: 'timeout', sent: true };
        done(outcome);
      });
    },
    onChange: (listener) => changes.subscribe(listener),
    async close() {},
  };
  const bus = createBus(link, clock);
  const outcomes: string[] = [];
  const request = (unit: number, more: Partial<Job> = {}, through: Pick<BusHold, 'request'> = bus): void => {
    const job: Job = {
      unit,
      request: { function: 3, address: 0, count: 1 },
      urgency: 'poll',
      timeoutMs: 1000,
      deadlineAt: clock.monotonic() + 1000,
      ...more,
    };
    void through.request(job).then((outcome) => {
      const what = outcome.status === 'failed' ? outcome.cause : outcome.status;
      outcomes.push(`${clock.monotonic()} unit ${unit} ${what}`);
    });
  };
  return {
    clock,
    bus,
    sent,
    outcomes,
    request,
    become(next: LinkState) {
      state = next;
      changes.emit();
    },
  };
}

describe('one queue per connection', () => {
  test('a write goes before a demand before a poll, and the running request is not interrupted (thingsboard-gateway #1841, home-assistant #69244, home-assistant #117684)', async () => {
    const { clock, sent, request } = bench();
    request(1);
    request(2);
    request(3, { urgency: 'demand' });
    request(4, { urgency: 'write' });
    await clock.advance(40);
    expect(sent).toEqual(['0 unit 1', '10 unit 4', '20 unit 3', '30 unit 2']);
  });

  test('after three urgent requests a poll that waits has its turn', async () => {
    const { clock, sent, request } = bench();
    request(1, { urgency: 'write' });
    for (const unit of [10, 11]) request(unit);
    for (let unit = 2; unit <= 9; unit++) request(unit, { urgency: unit % 2 === 0 ? 'write' : 'demand' });
    await clock.advance(200);
    expect(sent.map((line) => Number(line.split(' ')[2]))).toEqual([1, 2, 4, 6, 10, 8, 3, 5, 11, 7, 9]);
  });

  test('requests of equal urgency go in the order they came', async () => {
    const { clock, sent, request } = bench();
    for (const unit of [1, 2, 3]) request(unit);
    await clock.advance(100);
    expect(sent).toEqual(['0 unit 1', '10 unit 2', '20 unit 3']);
  });

  test('what is due first goes first: a read that has begun goes on before others begin', async () => {
    const { clock, sent, request } = bench();
    request(1, { deadlineAt: 500 });
    for (const unit of [2, 3]) request(unit, { deadlineAt: 500 + unit });
    await clock.advance(5);
    request(1, { deadlineAt: 500 });
    request(4, { deadlineAt: 502 });
    await clock.advance(100);
    expect(sent).toEqual(['0 unit 1', '10 unit 1', '20 unit 2', '30 unit 4', '40 unit 3']);
  });

  test('a second attempt goes behind all that wait, and before what comes later', async () => {
    const { clock, sent, request } = bench();
    for (const unit of [1, 2, 3]) request(unit, { deadlineAt: 500 + unit });
    request(4, { deadlineAt: 500, isRepeated: true });
    request(5, { deadlineAt: 600 });
    await clock.advance(100);
    expect(sent).toEqual(['0 unit 1', '10 unit 2', '20 unit 3', '30 unit 4', '40 unit 5']);
  });

  test('silence stays silence when there was no turn for a second attempt: a dead meter on a busy bus is known as such', async () => {
    const { clock, bus, request } = bench({ replyMs: 120 });
    const read = { function: 3, address: 0, count: 1 } as const;
    const dead: Job = { unit: 1, request: read, urgency: 'poll', timeoutMs: 100, deadlineAt: 400 };
    const answer = ask(bus, clock, dead, 2);
    for (let unit = 2; unit < 9; unit++) request(unit, { deadlineAt: 2000 });
    await clock.advance(500);
    expect(await answer).toEqual({ status: 'failed', cause: 'timeout', sent: true });
    expect(bus.overloaded).toBe(1);
  });

  test('silence stays silence when the connection is gone before a second attempt', async () => {
    const { clock, bus, become } = bench({ replyMs: Number.POSITIVE_INFINITY });
    const read = { function: 3, address: 0, count: 1 } as const;
    const job: Job = { unit: 1, request: read, urgency: 'demand', timeoutMs: 100, deadlineAt: 400 };
    const answer = ask(bus, clock, job, 1);
    clock.after(100, () => become('down'));
    await clock.advance(200);
    expect(await answer).toMatchObject({ cause: 'timeout' });
  });

  test('what has an hour of time does not wait for an hour on a bus that is never idle', async () => {
    const { clock, sent, request } = bench({ replyMs: 1000 });
    request(9);
    request(1, { deadlineAt: clock.monotonic() + 3_600_000 });
    for (let second = 0; second < 600 && !sent.some((one) => one.endsWith('unit 1')); second++) {
      if (second % 2 === 0)
        for (const unit of [2, 3]) request(unit, { deadlineAt: clock.monotonic() + 6000 });
      await clock.advance(1000);
    }
    expect(sent.at(-1)).toMatch(/^\d+ unit 1$/);
    expect(clock.monotonic()).toBeLessThan(310_000);
  });

  test('writes go in the order they came, whatever their deadlines', async () => {
    const { clock, sent, request } = bench();
    for (const unit of [1, 2, 3]) request(unit, { urgency: 'write', deadlineAt: 900 - 100 * unit });
    await clock.advance(100);
    expect(sent).toEqual(['0 unit 1', '10 unit 2', '20 unit 3']);
  });

  test('who waits beyond its deadline is overloaded and never sent; who runs times out', async () => {
    const { clock, bus, sent, outcomes, request } = bench({ replyMs: Number.POSITIVE_INFINITY });
    request(1, { deadlineAt: 300 });
    request(2, { deadlineAt: 200 });
    await clock.advance(1000);
    expect(sent).toEqual(['0 unit 1']);
    expect(outcomes).toEqual(['200 unit 2 overloaded', '300 unit 1 timeout']);
    expect(bus.overloaded).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('the queue is bounded', async () => {
    const { clock, bus, outcomes, request } = bench();
    for (let unit = 0; unit < 1005; unit++) request(unit);
    await clock.advance(0);
    expect(outcomes.filter((line) => line.endsWith('overloaded'))).toHaveLength(4);
    expect(bus.overloaded).toBe(4);
  });

  test('when the connection breaks all that waits fails at once, and so does what comes while it is down', async () => {
    const { clock, outcomes, request, become } = bench({ state: 'connecting' });
    request(1);
    await clock.advance(50);
    expect(outcomes).toEqual([]);
    become('down');
    request(2);
    await clock.advance(0);
    expect(outcomes).toEqual(['50 unit 1 disconnected', '50 unit 2 disconnected']);
    become('up');
    request(3);
    await clock.advance(10);
    expect(outcomes.at(-1)).toBe('60 unit 3 done');
    expect(clock.pending).toBe(0);
  });

  test('who waits for a connection that does not come is disconnected, not overloaded', async () => {
    const { clock, outcomes, request } = bench({ state: 'connecting' });
    request(1, { deadlineAt: 100 });
    await clock.advance(100);
    expect(outcomes).toEqual(['100 unit 1 disconnected']);
  });

  test('closing settles what waits and wakes who sleeps', async () => {
    const { clock, bus, outcomes, request } = bench({ state: 'connecting' });
    request(1);
    let woke = false;
    void bus.wait(500).then(() => {
      woke = true;
    });
    bus.close();
    request(2);
    await clock.advance(0);
    expect(outcomes).toEqual(['0 unit 1 closed', '0 unit 2 closed']);
    expect(woke).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe('a bus that one device holds (field rules 3.6)', () => {
  const later = (clock: { monotonic(): number }, ms: number): number => clock.monotonic() + ms;

  test('sends for nobody else until it is released, then goes on as before', async () => {
    const { clock, bus, sent, request } = bench();
    request(1);
    const hold = await bus.hold(later(clock, 100), 1000);
    request(2, { urgency: 'write' });
    request(9, {}, hold);
    await clock.advance(50);
    request(9, {}, hold);
    await clock.advance(50);
    expect(sent).toEqual(['0 unit 1', '10 unit 9', '50 unit 9']);
    hold?.release();
    await clock.advance(10);
    expect(sent.at(-1)).toBe('100 unit 2');
  });

  test('is given back by itself, and nothing is sent for who kept it too long', async () => {
    const { clock, bus, sent, outcomes, request } = bench();
    const hold = await bus.hold(later(clock, 100), 200);
    request(1);
    await clock.advance(200);
    expect(sent).toEqual(['200 unit 1']);
    request(9, {}, hold);
    await clock.advance(10);
    expect(outcomes).toEqual(['200 unit 9 overloaded', '210 unit 1 done']);
    hold?.release();
  });

  test('is held by one after the other, others in between, and by nobody after the deadline', async () => {
    const { clock, bus, sent, request } = bench();
    const first = await bus.hold(later(clock, 10), 1000);
    const inVain = bus.hold(later(clock, 10), 1000);
    const second = bus.hold(later(clock, 500), 1000);
    request(1);
    request(2);
    await clock.advance(20);
    expect(await inVain).toBeUndefined();
    first?.release();
    request(9, {}, await second);
    await clock.advance(100);
    expect(sent).toEqual(['20 unit 1', '30 unit 9']);
    (await second)?.release();
    await clock.advance(10);
    expect(sent.at(-1)).toBe('120 unit 2');
  });

  test('that closes or breaks keeps nobody waiting', async () => {
    const { clock, bus, outcomes, request, become } = bench();
    const hold = await bus.hold(later(clock, 10), 1000);
    become('down');
    request(9, {}, hold);
    await clock.advance(0);
    expect(outcomes).toEqual(['0 unit 9 disconnected']);
    const second = bus.hold(later(clock, 500), 1000);
    bus.close();
    expect(await second).toBeUndefined();
    expect(await bus.hold(later(clock, 500), 1000)).toBeUndefined();
  });
});
