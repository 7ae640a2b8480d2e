import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, type TestContext, test } from 'vitest';
import { frame, type RogueRequest, startRogueServer } from '../adapters/support/rogue-server.ts';
import { attended } from '../support/attend.ts';
import type { Incoming } from '../support/lockstep.ts';
import { eventually, openSite } from '../support/site.ts';

/**
 * The whole gateway over a Modbus line that misbehaves. Each register counts within a range of its own, so that a value
 * tells where it comes from; what a bad reply says lies beyond all of them. Whatever reaches the server must be
 * what the register held.
 */

const REGISTERS = { a: 10, b: 11, c: 12, d: 100 } as const;
type Point = keyof typeof REGISTERS;
const POINTS = Object.keys(REGISTERS) as Point[];
const SET_POINT = 200;

/** What no register ever held. */
const POISON = 50_000;

/** The first value of a point; it grows by one with each request, and stays below that of the next point. */
const base = (point: Point): number => 10_000 * (1 + POINTS.indexOf(point));

/** What a register holds at the n-th request. */
function held(address: number, n: number): number {
  const point = POINTS.find((one) => REGISTERS[one] === address);
  return point === undefined ? POISON : base(point) + n;
}

const STALE_AFTER_MS = 600;
/** Between the meter's answer and the server's: poll, timeout of a request in vain, both ways. */
const SLACK_MS = 600;

const PROFILE = `profile:
  id: test/counters
  protocol: modbus
  modbus: { addressing: pdu0, batching: { maxGap: 20 } }
  points:
${POINTS.map((point) => `    ${point}: { table: holding, addr: ${REGISTERS[point]}, type: uint16 }`).join('\n')}
    w: { table: holding, addr: ${SET_POINT}, type: uint16, access: rw, kind: state, poll: never }
  objects:
${POINTS.map((point, at) => `    - { object: 3300, instance: ${at}, resources: { 5700: ${point} } }`).join('\n')}
    - { object: 3308, resources: { 5900: w } }
`;

const config = (serverPort: number, fieldPort: number, timeouts: string): string => `upstream:
  endpoint: gw
  servers: [ { uri: "coap://127.0.0.1:${serverPort}", lifetime: 1h } ]
profilePaths: [ profiles ]
defaults: { poll: 200ms, staleAfter: ${STALE_AFTER_MS}ms, timeouts: ${timeouts}, quarantine: { after: 2, backoff: [1s] } }
connections: { line: { type: modbus-tcp, host: "127.0.0.1", port: ${fieldPort} } }
devices: [ { id: meter, prefix: m, profile: test/counters, connection: line, unit: 1 } ]
`;

const QUICK = '{ request: 100ms, retries: 0 }';

type Misbehave = (request: RogueRequest) => void;

function registers(request: RogueRequest, value: (address: number) => number): Buffer {
  const body = Buffer.alloc(3 + 2 * request.count);
  body.writeUInt8(request.unit, 0);
  body.writeUInt8(request.function, 1);
  body.writeUInt8(2 * request.count, 2);
  for (let at = 0; at < request.count; at++) body.writeUInt16BE(value(request.address + at), 3 + 2 * at);
  return body;
}

const truth = (request: RogueRequest): Buffer =>
  request.function === 3
    ? frame(
        request.transaction,
        registers(request, (address) => held(address, request.number)),
      )
    : request.good();
const lies = (request: RogueRequest): Buffer => registers(request, (address) => POISON + (address % 1000));
const touches = ({ address, count }: RogueRequest, register: number): boolean =>
  address <= register && register < address + count;

/** What a server heard of one register. */
interface Answer {
  readonly point: Point;
  readonly code: string;
  readonly value?: number;
  /** ms since 1970 */
  readonly at?: number;
  readonly message: Incoming;
}

function answerOf(point: Point, message: Incoming): Answer {
  if (message.code !== '2.05') return { point, code: message.code, message };
  const text = message.payload.toString();
  if (message.contentFormat !== 110) return { point, code: '2.05', value: Number(text), message };
  const [record] = JSON.parse(text) as { v: number; bt?: number; t?: number }[];
  const at = ((record?.bt ?? 0) + (record?.t ?? 0)) * 1000;
  return { point, code: '2.05', value: record?.v ?? Number.NaN, at, message };
}

/** The part of vitest that tests which run at the same time get each for themselves. */
type Context = Pick<TestContext, 'onTestFinished'>;

interface BenchOptions {
  readonly timeouts?: string;
  /** Absent: that of the field that can misbehave. */
  readonly fieldPort?: number;
  /** How the field misbehaves from the beginning. */
  readonly how?: Misbehave;
}

async function bench(context: Context, { timeouts = QUICK, fieldPort, how }: BenchOptions = {}) {
  let misbehave = how;
  const field = await startRogueServer((request) => {
    if (misbehave === undefined) request.socket.write(truth(request));
    else misbehave(request);
  });
  const site = await openSite();
  const { server, attendance } = await attended(site);
  await site.write('profiles/counters.yaml', PROFILE);
  const gateway = await site.start(config(server.port, fieldPort ?? field.port, timeouts));
  context.onTestFinished(async () => {
    await site.close();
    await field.close();
  });
  await attendance.registered();

  const path = (point: Point): string => `/m/3300/${POINTS.indexOf(point)}/5700`;
  /** The one thing that must never be otherwise. */
  const verified = (answer: Answer): Answer => {
    const { point, code, value, at } = answer;
    if (code === '2.05') {
      expect(value, point).toBeGreaterThan(base(point));
      expect(value, point).toBeLessThanOrEqual(base(point) + field.requests.length);
      if (at !== undefined) expect(Date.now() - at).toBeLessThan(STALE_AFTER_MS + SLACK_MS);
    } else {
      expect(code).toBeOneOf(['5.02', '5.03', '5.04']);
    }
    return answer;
  };
  const read = async (point: Point, accept: 0 | 110 = 0): Promise<Answer> =>
    verified(answerOf(point, await server.ask('0.01', path(point), { accept })));

  return {
    field,
    server,
    attendance,
    gateway,
    read,
    readAll: async (): Promise<Answer[]> => {
      const answers: Answer[] = [];
      for (const point of POINTS)
        for (const accept of [0, 110] as const) answers.push(await read(point, accept));
      return answers;
    },
    /** @returns waits for a notification of a value read after the `since`-th request */
    async observe(point: Point, accept: 0 | 110): Promise<(since: number) => Promise<void>> {
      const first = await server.ask('0.01', path(point), { accept, observe: 0 });
      verified(answerOf(point, first));
      return async (since) => {
        await eventually(async () => {
          const { value } = verified(answerOf(point, await server.nextNotification(first.token)));
          return (value ?? 0) > base(point) + since;
        });
      };
    },
    begin(how: Misbehave): void {
      misbehave = how;
    },
    end(): void {
      misbehave = undefined;
    },
  };
}

type Bench = Awaited<ReturnType<typeof bench>>;

const isFresh = (answers: readonly Answer[], since: number): boolean =>
  answers.every(({ point, value }) => (value ?? 0) > base(point) + since);

/** Values that were read after the line works again reach who observes without anybody asking, and then who reads. */
async function heals(
  bench: Bench,
  ...observed: readonly ((since: number) => Promise<void>)[]
): Promise<void> {
  const since = bench.field.requests.length;
  bench.end();
  for (const heard of observed) await heard(since);
  await eventually(async () => isFresh(await bench.readAll(), since));
}

describe.concurrent('a line that fails: nothing wrong reaches the server, old values go stale, and it heals', () => {
  const cases: [string, Misbehave][] = [
    ['late replies', (r) => setTimeout(() => r.socket.write(frame(r.transaction, lies(r))), 250)],
    ['replies to another transaction', (r) => r.socket.write(frame(r.transaction + 1, lies(r)))],
    ['a length beyond every frame', (r) => r.socket.write(frame(r.transaction, lies(r), { length: 4000 }))],
    ['a length below every frame', (r) => r.socket.write(frame(r.transaction, lies(r), { length: 1 }))],
    [
      'RST in the middle of a reply',
      (r) => r.socket.write(truth(r).subarray(0, 10), () => r.socket.resetAndDestroy()),
    ],
    ['FIN in the middle of a reply', (r) => r.socket.end(truth(r).subarray(0, 10))],
    ['silence', () => {}],
    [
      'another unit',
      (r) => {
        const body = lies(r);
        body.writeUInt8(7, 0);
        r.socket.write(frame(r.transaction, body));
      },
    ],
    [
      'the replies of another function',
      (r) => r.socket.write(frame(r.transaction, [r.unit, 4, 2, 0xc3, 0x50])),
    ],
    ['exception 4 to everything', (r) => r.socket.write(r.exception(4))],
  ];

  test.for(cases)('G-67, G-102 %s', async ([, misbehave], context) => {
    const it = await bench(context);
    await eventually(async () => isFresh(await it.readAll(), 0));
    const heardText = await it.observe('a', 0);
    const heardSenml = await it.observe('d', 110);
    it.begin(misbehave);
    // Until every register is without a value; what is still shown until then is checked as it comes.
    await eventually(async () => (await it.readAll()).every(({ code }) => code !== '2.05'));
    await heals(it, heardText, heardSenml);
    expect(it.gateway.status().servers[0]).toMatchObject({ phase: 'registered', observations: 2 });
    expect(it.attendance.requests.length).toBe(1);
  });

  test('a bit of everything, at random', async (context) => {
    const it = await bench(context);
    let seed = 7;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    const heard = await it.observe('b', 0);
    it.begin((request) => {
      const fault = cases[Math.floor(random() * cases.length * 3)];
      if (fault === undefined) request.socket.write(truth(request));
      else fault[1](request);
    });
    const until = performance.now() + 3000;
    while (performance.now() < until) await it.readAll();
    await heals(it, heard);
  });
});

describe.concurrent('a line that is odd: what can be read is read', () => {
  test('replies byte by byte', async (context) => {
    const it = await bench(context);
    it.begin(async (request) => {
      for (const byte of truth(request)) {
        request.socket.write(Buffer.of(byte));
        await pause(1);
      }
    });
    const since = it.field.requests.length;
    await eventually(async () => isFresh(await it.readAll(), since + 10));
  });

  test('exception 2 within a block takes one register, not its neighbours', async (context) => {
    const it = await bench(context);
    const heard = await it.observe('c', 0);
    it.begin((request) => {
      request.socket.write(touches(request, REGISTERS.b) ? request.exception(2) : truth(request));
    });
    await eventually(async () => (await it.read('b')).code === '5.02');
    const since = it.field.requests.length;
    await heard(since);
    for (const point of ['a', 'c', 'd'] as const) {
      await eventually(async () => isFresh([await it.read(point, 110)], since));
    }
    await heals(it);
  });
});

describe.concurrent('a device that never answered', () => {
  test('G-101 is acknowledged in time, and answered 5.04 by a message of its own', async (context) => {
    const it = await bench(context, { timeouts: '{ request: 700ms, retries: 1 }', how: () => {} });
    const before = performance.now();
    const { code, message } = await it.read('a');
    expect([code, message.emptyAck, message.acknowledgement, message.confirmable]).toEqual([
      '5.04',
      true,
      false,
      true,
    ]);
    expect(performance.now() - before).toBeLessThan(8500);
  });

  test('G-100 behind no connection is 5.03 with the time to wait; it stays announced, and nothing is updated', async (context) => {
    const closed = await startRogueServer(() => {});
    await closed.close();
    const it = await bench(context, { fieldPort: closed.port });
    const { code, message } = await it.read('a');
    expect([code, (message.maxAge ?? 0) >= 1]).toEqual(['5.03', true]);
    const listed = await it.server.ask('0.01', '/25/0/1');
    expect([listed.code, listed.payload.toString()]).toEqual(['2.05', 'm']);
    const error = await eventually(async () => {
      const answer = await it.server.ask('0.01', '/m/3/0/11/0');
      return answer.payload.toString() === '8' && answer;
    });
    expect(error.code).toBe('2.05');
    expect(it.attendance.requests.length).toBe(1);
  });

  test('G-103 a write to a device that is away is refused, and not done later', async (context) => {
    const it = await bench(context);
    it.begin(() => {});
    await eventually(() => it.gateway.status().devices[0]?.state === 'offline');
    const answer = await it.server.ask('0.03', '/m/3308/0/5900', { contentFormat: 0, payload: '77' });
    expect([answer.code, (answer.maxAge ?? 0) >= 1]).toEqual(['5.03', true]);
    await heals(it);
    expect(it.field.requests.filter((request) => request.function !== 3)).toEqual([]);
  });
});
