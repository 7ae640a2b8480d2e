import { afterEach, describe, expect, test } from 'vitest';
import {
  type CoapEndpoint,
  type CoapResponse,
  createEndpoint,
  type EndpointOptions,
  type ServerObservation,
} from '../../src/coap/index.ts';
import type { DatagramTransport, Peer, StreamTransport } from '../../src/transport/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryPair } from '../support/memory-pair.ts';
import { createMemoryStreams } from '../support/memory-stream.ts';
import { codeOf, text } from './lockstep.ts';
import { seededRandom } from './random.ts';

interface End {
  readonly transport: DatagramTransport | StreamTransport;
  readonly peer: Peer;
}
type Ends = readonly [End, End];

/** What must be the same whatever carries it: the user has one API, and the rules above the link are one code. */
const CARRIERS: readonly [string, (clock: FakeClock) => Ends, Partial<EndpointOptions>][] = [
  ['datagrams', (clock) => createMemoryPair({ clock, random: seededRandom(1) }), {}],
  ['a stream', (clock) => createMemoryStreams({ clock }), {}],
  [
    'a stream in pieces of 1 to 40 bytes',
    (clock) => {
      const random = seededRandom(3);
      return createMemoryStreams({ clock, pieceOf: () => 1 + Math.floor(random() * 40) });
    },
    {},
  ],
  [
    'a stream with small messages',
    (clock) => createMemoryStreams({ clock }),
    { stream: { maxMessageBytes: 1152 } },
  ],
];

const state = (payload: string | Buffer): CoapResponse => ({ code: '2.05', payload: Buffer.from(payload) });
const get = { method: 'GET', path: ['a'] } as const;
const large = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7) & 255));

describe.each(CARRIERS)('over %s', (_, carry, common) => {
  const open: CoapEndpoint[] = [];
  afterEach(async () => {
    for (const endpoint of open.splice(0)) await endpoint.close();
  });

  function joined(handler: EndpointOptions['handler'], options: Partial<EndpointOptions> = {}) {
    const clock = createFakeClock();
    const [left, right] = carry(clock);
    const make = ({ transport }: End, own: Partial<EndpointOptions>): CoapEndpoint => {
      const endpoint = createEndpoint({
        transport,
        clock,
        random: seededRandom(5),
        handler: () => ({ code: '4.04' }),
        ...common,
        ...own,
      });
      open.push(endpoint);
      return endpoint;
    };
    const server = make(right, { handler, ...options });
    const client = make(left, {});
    /** Lets time go by until it is settled. */
    const settled = async <T>(work: Promise<T>): Promise<T> => {
      let isOver = false;
      const over = work.finally(() => {
        isOver = true;
      });
      over.catch(() => {});
      for (let step = 0; step < 20_000 && !isOver; step++) await clock.advance(20);
      return over;
    };
    return { client, server, peer: left.peer, back: right.peer, clock, settled };
  }

  test('a request is answered, and the other side can ask too', async () => {
    const { client, server, peer, back, settled } = joined(({ path }) => state(path.join('/')));
    const answer = await settled(client.request(peer, { method: 'GET', path: ['a', 'b'] }));
    expect([answer.code, text(answer.payload)]).toEqual(['2.05', 'a/b']);
    expect((await settled(server.request(back, get))).code).toBe('4.04');
    await settled(client.ping(peer));
  });

  test.each(['PUT', 'FETCH', 'POST'] as const)(
    '%s with large bodies both ways is done once',
    async (method) => {
      let served = 0;
      const { client, peer, settled } = joined(({ payload }) => {
        served++;
        return { code: '2.05', payload: Buffer.from(payload).reverse() };
      });
      const answer = await settled(client.request(peer, { method, path: ['a'], payload: large }));
      expect(Buffer.compare(Buffer.from(answer.payload).reverse(), large)).toBe(0);
      expect(served).toBe(1);
    },
  );

  test('several large requests at once to several places do not mix', async () => {
    const { client, peer, settled } = joined(({ payload, path }) =>
      state(Buffer.concat([Buffer.from(path[0] ?? ''), payload])),
    );
    const bodies = ['x', 'y', 'z'].map((name, at) => [name, large.subarray(0, 5000 + at)] as const);
    const asked = bodies.map(([name, payload]) =>
      client.request(peer, { method: 'PUT', path: [name], payload }),
    );
    for (const [at, [name, payload]] of bodies.entries()) {
      const answer = await settled(asked[at] ?? Promise.reject(new Error('none')));
      expect(Buffer.compare(answer.payload, Buffer.concat([Buffer.from(name), payload]))).toBe(0);
    }
  });

  test('an observation tells its states in order, large ones whole, until it is cancelled', async () => {
    const observations: ServerObservation[] = [];
    const ends: string[] = [];
    const heard: string[] = [];
    let now = 'state 0';
    const { client, peer, settled, clock, server } = joined(() => ({
      ...state(now),
      onObserve: (observation) => {
        observations.push(observation);
        observation.owner = { ended: (why) => void ends.push(why) };
      },
    }));
    const observation = await settled(
      client.observe(peer, get, ({ payload }) => heard.push(text(payload).slice(0, 8))),
    );
    for (const value of ['state 1', 'state 2', `state 3${large.toString('hex')}`]) {
      now = value;
      observations[0]?.notify(state(value), { confirmable: true });
      await clock.advance(2000);
    }
    expect(heard.map((value) => value.slice(0, 7))).toEqual(['state 1', 'state 2', 'state 3']);
    await settled(observation.cancel());
    expect([ends, server.statistics().observations]).toEqual([['deregistered'], 0]);
  });

  test.each([
    [
      'an error notification ends it',
      (it: ServerObservation) => it.notify({ code: '4.04' }, { confirmable: true }),
    ],
  ])('%s', async (_name, act) => {
    let opened: ServerObservation | undefined;
    const { client, peer, settled, clock } = joined(() => ({
      ...state('0'),
      onObserve: (it) => {
        opened = it;
      },
    }));
    const codes: string[] = [];
    const observation = await settled(client.observe(peer, get, ({ code }) => codes.push(code)));
    if (opened !== undefined) act(opened);
    await clock.advance(1000);
    expect([codes, observation.isObserving]).toEqual([['4.04'], false]);
  });

  test('a handler that throws is 5.00, one that takes too long 5.04, one that is slow is waited for', async () => {
    const answers: Record<string, () => CoapResponse | Promise<CoapResponse>> = {
      throws: () => {
        throw new Error('no');
      },
      never: () => new Promise(() => {}),
      slow: () => new Promise((resolve) => clock.after(5000, () => resolve(state('late')))),
    };
    const { client, peer, settled, clock } = joined(
      ({ path }) => answers[path[0] ?? '']?.() ?? { code: '4.04' },
    );
    const codes: string[] = [];
    for (const name of ['throws', 'never', 'slow'])
      codes.push((await settled(client.request(peer, { method: 'GET', path: [name] }))).code);
    expect(codes).toEqual(['5.00', '5.04', '2.05']);
  });

  test('an unknown critical option is refused, a body beyond the limit too, and an answer beyond it', async () => {
    const { client, peer, settled } = joined(() => state(Buffer.alloc(5_000_000)), {
      limits: { bodyBytes: 10_000 },
    });
    const option = { number: 9, value: 1 };
    expect((await settled(client.request(peer, { ...get, options: [option] }))).code).toBe('4.02');
    expect((await settled(client.request(peer, { method: 'PUT', path: ['a'], payload: large }))).code).toBe(
      '4.13',
    );
    expect(await settled(codeOf(client.request(peer, get)))).toBe('coap.too-large');
  });

  test('nobody answers: it fails in time; what is withdrawn or closed fails at once', async () => {
    const { client, peer, settled } = joined(() => new Promise(() => {}), { limits: { handlerMs: 1e8 } });
    expect(await settled(codeOf(client.request(peer, { ...get, timeoutMs: 3000 })))).toBe('coap.timeout');
    const giveUp = new AbortController();
    const asked = codeOf(client.request(peer, { ...get, signal: giveUp.signal }));
    giveUp.abort();
    expect(await settled(asked)).toBe('coap.aborted');
    const last = codeOf(client.request(peer, get));
    await client.close();
    expect(await last).toBe('coap.closed');
    expect(client.statistics()).toMatchObject({ outstanding: 0, expected: 0 });
  });
});
