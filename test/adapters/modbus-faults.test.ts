import type { AttachedDevice, DevicePlan } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { describe, expect, type TestContext, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import { devicePlan, outcomeOf } from './support/plans.ts';
import {
  dataBody,
  frame,
  type RogueRequest,
  type RogueServer,
  registerValue,
  startRogueServer,
} from './support/rogue-server.ts';

const POINTS = ['a', 'b'];
const RIGHT = [registerValue(1, 10), registerValue(1, 11)];

function meter(unit = 1, more: Partial<DevicePlan> = {}): DevicePlan {
  const points = {
    a: { table: 'holding', addr: 10, type: 'uint16' },
    b: { table: 'holding', addr: 11, type: 'uint16' },
  };
  return devicePlan(points, { settings: { unit }, requestTimeoutMs: 300, ...more });
}

/** The part of vitest that tests which run at the same time get each for themselves. */
type Context = Pick<TestContext, 'onTestFinished'>;

function open(context: Context, port: number, settings: Record<string, unknown> = {}) {
  const connection = { id: 'c', type: 'modbus-tcp', settings: { host: '127.0.0.1', port, ...settings } };
  const adapter = modbus.open(connection, { ...createTestHost(), random: () => 1 });
  context.onTestFinished(() => adapter.close());
  return adapter;
}

async function bench(
  context: Context,
  behave: (request: RogueRequest) => void,
  settings: Record<string, unknown> = {},
) {
  const server = await startRogueServer(behave);
  context.onTestFinished(() => server.close());
  const adapter = open(context, server.port, settings);
  adapter.start();
  return { server, adapter, device: adapter.attach(meter()) };
}

async function read(device: AttachedDevice, deadlineMs = 1000): Promise<unknown[]> {
  const samples = await device.read(POINTS, { priority: 'poll', deadlineMs });
  return samples.map(outcomeOf);
}

const pause = (ms: number): Promise<void> => new Promise((later) => setTimeout(later, ms));

/** Reads until the right values come; nothing else may ever come but a cause. */
async function heals(device: AttachedDevice): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const outcome = await read(device);
    if (outcome[0] === RIGHT[0]) {
      expect(outcome).toEqual(RIGHT);
      return;
    }
    for (const cause of outcome) expect(typeof cause).toBe('string');
    await pause(20);
  }
  throw new Error('it does not heal');
}

describe.concurrent('a device that misbehaves once: no wrong value, and it heals', () => {
  const wrong = dataBody(7, 3, 500, 2);
  const own = (request: RogueRequest, body: readonly number[] | Buffer, header = {}): Buffer =>
    frame(request.transaction, body, header);
  const cases: [string, string, (request: RogueRequest) => void][] = [
    [
      'another transaction',
      'malformed',
      (r) => r.socket.write(frame(r.transaction + 1, dataBody(1, 3, 500, 2))),
    ],
    ['another protocol', 'malformed', (r) => r.socket.write(own(r, dataBody(1, 3, 500, 2), { protocol: 1 }))],
    ['a length beyond every frame', 'malformed', (r) => r.socket.write(own(r, wrong, { length: 4000 }))],
    ['a length of 1', 'malformed', (r) => r.socket.write(own(r, wrong, { length: 1 }))],
    ['another unit', 'malformed', (r) => r.socket.write(own(r, wrong))],
    ['another function', 'malformed', (r) => r.socket.write(own(r, dataBody(1, 4, 500, 2)))],
    ['fewer registers', 'malformed', (r) => r.socket.write(own(r, dataBody(1, 3, 500, 1)))],
    ['more registers', 'malformed', (r) => r.socket.write(own(r, dataBody(1, 3, 500, 3)))],
    ['a byte count that lies', 'malformed', (r) => r.socket.write(own(r, [1, 3, 2, 1, 2, 3, 4]))],
    ['an empty exception', 'malformed', (r) => r.socket.write(own(r, [1, 0x83]))],
    ['text', 'malformed', (r) => r.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['RST', 'disconnected', (r) => r.socket.resetAndDestroy()],
    ['FIN', 'disconnected', (r) => r.socket.end()],
    ['half a frame and FIN', 'disconnected', (r) => r.socket.end(r.good().subarray(0, 9))],
    ['silence', 'timeout', () => {}],
    ['half a frame', 'timeout', (r) => r.socket.write(r.good().subarray(0, 9))],
  ];
  test.for(cases)('%s', async ([, cause, misbehave], context) => {
    const { device } = await bench(context, (request) => {
      if (request.number === 1) misbehave(request);
      else request.socket.write(request.good());
    });
    expect(await read(device)).toEqual([cause, cause]);
    await heals(device);
  });

  test('pitfall 16: RST and FIN settle what is pending at once, not by its deadline (node-wot #439)', async (context) => {
    const { device } = await bench(context, (request) => request.socket.resetAndDestroy());
    const before = performance.now();
    await read(device, 10_000);
    expect(performance.now() - before).toBeLessThan(280);
  });
});

describe.concurrent('strange but right', () => {
  test('a reply in single bytes is a reply', async (context) => {
    const { device } = await bench(context, async ({ good, socket }) => {
      for (const byte of good()) {
        socket.write(Buffer.of(byte));
        await pause(1);
      }
    });
    expect(await read(device)).toEqual(RIGHT);
  });

  test('an answer given twice counts once, and never for the next request', async (context) => {
    const { device, adapter } = await bench(context, ({ good, socket }) =>
      socket.write(Buffer.concat([good(), good()])),
    );
    expect(await read(device)).toEqual(RIGHT);
    await heals(device);
    expect(adapter.statistics().malformed).toBeGreaterThan(0);
  });

  test('an answer that is here before its question is not the answer', async (context) => {
    const { device } = await bench(context, (request) => {
      const early = frame(request.transaction + 1, dataBody(1, 3, 500, 2));
      request.socket.write(request.number === 1 ? Buffer.concat([request.good(), early]) : request.good());
    });
    const [first, second] = await Promise.all([read(device), read(device)]);
    expect(first).toEqual(RIGHT);
    for (const cause of second) expect(['disconnected', 'malformed']).toContain(cause);
    await heals(device);
  });

  test('with several in flight, replies in any order reach their own requests', async (context) => {
    const waiting: RogueRequest[] = [];
    const { adapter } = await bench(
      context,
      (request) => {
        waiting.push(request);
        if (waiting.length < 4) return;
        for (const one of waiting.reverse()) one.socket.write(one.good());
      },
      { maxInFlight: 4 },
    );
    const devices = [1, 2, 3, 4].map((unit) => adapter.attach(meter(unit, { id: `unit-${unit}` })));
    const outcomes = await Promise.all(devices.map((device) => read(device)));
    expect(outcomes).toEqual([1, 2, 3, 4].map((unit) => [registerValue(unit, 10), registerValue(unit, 11)]));
  });
});

describe.concurrent('pitfall 4: a TCP device that is no gateway', () => {
  test.for([0, 255])('is asked as unit %i, and may be silent to every other', async (unit, context) => {
    const { adapter } = await bench(context, (request) => {
      if (request.unit === unit) request.socket.write(request.good());
    });
    expect(await read(adapter.attach(meter(unit)))).toEqual([
      registerValue(unit, 10),
      registerValue(unit, 11),
    ]);
  });
});

test('one request at a time, unless the connection says that the device takes more', async (context) => {
  let most = 0;
  let waiting = 0;
  const behave = (request: RogueRequest): void => {
    most = Math.max(most, ++waiting);
    setTimeout(() => {
      waiting--;
      request.socket.write(request.good());
    }, 10);
  };
  const overlap = async (settings: Record<string, unknown>): Promise<number> => {
    most = 0;
    const { device } = await bench(context, behave, settings);
    await Promise.all(Array.from({ length: 6 }, () => read(device)));
    return most;
  };
  expect(await overlap({})).toBe(1);
  expect(await overlap({ maxInFlight: 3 })).toBe(3);
});

describe.concurrent('replies that come late', () => {
  test('pitfall 1: the reply to a request that was given up is never taken for the next one (node-modbus #224)', async (context) => {
    let late: RogueRequest | undefined;
    const { device, adapter, server } = await bench(context, (request) => {
      if (request.number === 1) {
        late = request;
        return;
      }
      // The late one carries another value, so that a mix-up would show.
      if (late !== undefined) request.socket.write(frame(late.transaction, dataBody(1, 3, 500, 2)));
      late = undefined;
      setTimeout(() => request.socket.write(request.good()), 20);
    });
    expect(await read(device)).toEqual(['timeout', 'timeout']);
    expect(await read(device)).toEqual(RIGHT);
    expect(await read(device)).toEqual(RIGHT);
    expect(adapter.statistics()).toMatchObject({ timeouts: 1, lateReplies: 1, malformed: 0 });
    expect(server.connections).toBe(1);
  });

  test('a device that is always too slow never gives a value, right or wrong', async (context) => {
    const { device } = await bench(context, (request) => {
      setTimeout(() => request.socket.write(request.good()), 450);
    });
    for (let cycle = 0; cycle < 5; cycle++) {
      for (const cause of await read(device)) expect(['timeout', 'disconnected']).toContain(cause);
    }
  });

  test('a request without answer is sent again, as often as the plan says, within the deadline', async (context) => {
    const { adapter, server } = await bench(context, (request) => {
      if (request.number === 3) request.socket.write(request.good());
    });
    const patient = adapter.attach(meter(1, { retries: 2, requestTimeoutMs: 150 }));
    expect(await read(patient)).toEqual(RIGHT);
    expect(server.requests).toHaveLength(3);
  });

  test('pitfall 16: a connection on which nothing answers any more is dropped, though TCP has not noticed', async (context) => {
    const dead = new Set<unknown>();
    const { device, server } = await bench(context, (request) => {
      if (server.connections === 1) dead.add(request.socket);
      if (!dead.has(request.socket)) request.socket.write(request.good());
    });
    await heals(device);
    expect(server.connections).toBe(2);
  });
});

describe.concurrent('a unit that never answers, on a connection on which others do', () => {
  const dead = meter(2, { id: 'dead', retries: 2, requestTimeoutMs: 50 });

  test('does not cost the others their connection', async (context) => {
    const { adapter, device, server } = await bench(context, ({ unit, good, socket }) => {
      if (unit === 1) socket.write(good());
    });
    const silent = adapter.attach(dead);
    for (let cycle = 0; cycle < 3; cycle++) {
      expect(await read(device)).toEqual(RIGHT);
      expect(await read(silent)).toEqual(['timeout', 'timeout']);
    }
    expect(await read(device)).toEqual(RIGHT);
    expect(server.connections).toBe(1);
  });
});

describe.concurrent('a connection that comes and goes', () => {
  test('silence before it was lost does not make a device unreachable after it is back', async (context) => {
    const { adapter, server } = await bench(context, () => {});
    const device = adapter.attach(meter(1, { retries: 2, requestTimeoutMs: 50 }));
    expect(await read(device)).toEqual(['timeout', 'timeout']);
    expect(device.state).toEqual({ reachable: false, cause: 'disconnected' });
    await expect.poll(() => device.state, { timeout: 2000 }).toEqual({ reachable: true });
    expect(server.connections).toBe(2);
  });

  test('a device that is not there yet is found when it comes; until then reads fail at once and say when to ask', async (context) => {
    const free = await startRogueServer(() => {});
    await free.close();
    const adapter = open(context, free.port);
    const device = adapter.attach(meter());
    const states: string[] = [];
    device.onState((state) => states.push(state.cause ?? 'reachable'));
    adapter.start();
    await read(device);
    const [sample] = await device.read(POINTS, { priority: 'poll', deadlineMs: 5000 });
    expect(sample).toMatchObject({ cause: 'disconnected' });
    expect(sample !== undefined && 'cause' in sample ? sample.retryAfterMs : undefined).toBeGreaterThan(0);
    const server = await startRogueServer(({ good, socket }) => socket.write(good()), { port: free.port });
    context.onTestFinished(() => server.close());
    await heals(device);
    expect(states).toEqual(['reachable']);
  });

  test('a server that accepts and hangs up is not asked in a storm', async (context) => {
    let server: RogueServer | undefined;
    server = await startRogueServer(() => {}, { onConnection: (socket) => socket.destroy() });
    context.onTestFinished(() => server.close());
    const adapter = open(context, server.port);
    adapter.start();
    await pause(900);
    expect(server.connections).toBeGreaterThan(1);
    expect(server.connections).toBeLessThan(5);
  });

  test('pitfall 16: after-cycle lets go of the connection when nothing waits, and a read brings it back without a failure', async (context) => {
    const open = new Set<unknown>();
    const server = await startRogueServer(({ good, socket }) => socket.write(good()), {
      onConnection(socket) {
        open.add(socket);
        socket.on('close', () => open.delete(socket));
      },
    });
    context.onTestFinished(() => server.close());
    const connection = {
      id: 'c',
      type: 'modbus-tcp',
      settings: { host: '127.0.0.1', port: server.port, idleClose: 'after-cycle' },
    };
    const adapter = modbus.open(connection, createTestHost());
    context.onTestFinished(() => adapter.close());
    adapter.start();
    const device = adapter.attach(meter());
    expect(await read(device)).toEqual(RIGHT);
    expect(open.size).toBe(1);
    await pause(300);
    expect(open.size).toBe(0);
    expect(device.state).toEqual({ reachable: true });
    expect(await read(device)).toEqual(RIGHT);
    expect(server.connections).toBe(2);
    expect(adapter.statistics()).toMatchObject({ disconnects: 0, connectFailures: 0 });
  });

  test('after-cycle does not let go while the pause between two requests lasts', async (context) => {
    const { device, server } = await bench(context, ({ good, socket }) => socket.write(good()), {
      idleClose: 'after-cycle',
      timing: { pause: '250ms' },
    });
    expect(await Promise.all([read(device), read(device)])).toEqual([RIGHT, RIGHT]);
    expect(server.connections).toBe(1);
  });

  test('connectDelay and pause are kept (thingsboard-gateway #1664, ioBroker.modbus #39, home-assistant #50011, evcc #31996)', async (context) => {
    let connectedAt = 0;
    const server = await startRogueServer(({ good, socket }) => socket.write(good()), {
      onConnection: () => {
        connectedAt = performance.now();
      },
    });
    context.onTestFinished(() => server.close());
    const adapter = open(context, server.port, { timing: { connectDelay: '80ms', pause: '40ms' } });
    adapter.start();
    const device = adapter.attach(meter());
    await Promise.all([read(device), read(device), read(device)]);
    const times = server.requests.map((request) => request.at);
    expect((times[0] ?? 0) - connectedAt).toBeGreaterThan(70);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(35);
    expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThan(35);
  });
});
