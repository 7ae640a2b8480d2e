import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/base/index.ts';
import { type AssociationOptions, createAssociation } from '../../src/dtls/index.ts';
import { seededRandom } from '../coap/random.ts';
import { openScene, PSK, type SceneOptions } from './network.ts';
import { scene } from './scenes.ts';
import type { ServerSession } from './server.ts';

/** Mutated flights in all; millions by hand: DTLS_FUZZ=5000000. */
const FLIGHTS = Number(process.env.DTLS_FUZZ ?? 200_000);
const SEED = Number(process.env.DTLS_SEED ?? 1);

/** Time does not pass: whatever a fuzzed handshake waits for does not come. */
const stopped: Clock = { now: () => Date.now(), monotonic: () => 0, after: () => () => {} };
/** The same ClientHello each time, so that what a server answered once fits again. */
const constant = (size: number): Buffer => Buffer.alloc(size, 0x5a);

type Random = () => number;
const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Values that lengths and counts go wrong with. */
const EDGES = [0, 1, 2, 3, 7, 8, 13, 0x7f, 0x80, 0xfe, 0xff];

const MUTATIONS: readonly ((bytes: Buffer, random: Random, other: Buffer) => Buffer)[] = [
  (bytes, random) => {
    const at = below(random, bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
    return bytes;
  },
  (bytes, random) => {
    bytes[below(random, bytes.length)] = EDGES[below(random, EDGES.length)] ?? 0;
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, below(random, bytes.length)),
  (bytes, random) => {
    const at = below(random, bytes.length);
    return Buffer.concat([
      bytes.subarray(0, at),
      Buffer.alloc(1 + below(random, 20), 0xa5),
      bytes.subarray(at),
    ]);
  },
  (bytes, random) => {
    const [from, to] = [below(random, bytes.length), below(random, bytes.length)];
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random, other) => {
    const at = below(random, Math.min(bytes.length, other.length));
    return Buffer.concat([bytes.subarray(0, at), other.subarray(at)]);
  },
  (bytes, random) => {
    // A number of two bytes, as most lengths are.
    if (bytes.length > 2) bytes.writeUInt16BE(below(random, 0x10000), below(random, bytes.length - 1));
    return bytes;
  },
  (bytes) => Buffer.concat([bytes, bytes]),
];

function mutate(datagram: Buffer, random: Random, other: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(datagram);
  for (let time = 1 + below(random, 3); time > 0 && bytes.length > 0; time--)
    bytes = MUTATIONS[below(random, MUTATIONS.length)]?.(bytes, random, other) ?? bytes;
  return bytes;
}

/** What a server answered to a client with {@link constant} chance. */
interface Recording {
  readonly options: AssociationOptions;
  readonly datagrams: readonly Buffer[];
}

function record(options: SceneOptions): Recording {
  const made = openScene({ random: constant, ...options });
  expect(made.told.details).toBeDefined();
  const { server: _server, way: _way, ...association } = options;
  return {
    options: { credentials: PSK, random: constant, clock: stopped, ...association },
    datagrams: made.down.map((datagram) => Buffer.from(datagram)),
  };
}

function recordResumed(): Recording {
  const sessions = new Map<string, ServerSession>();
  const server = { resumes: 'ticket', sessions } as const;
  const session = openScene({ server }).client.session();
  return record({ ...(session && { session }), server });
}

interface Replayed {
  /** flights that were changed */
  readonly mutated: number;
  /** The client believed it. */
  readonly isOpen: boolean;
}

/** Replays a recording with mutations. */
function replay({ options, datagrams }: Recording, random: Random): Replayed {
  let isOpen = false;
  let mutated = 0;
  let ends = 0;
  let sent = 0;
  const client = createAssociation(options, {
    transmit: () => sent++,
    opened: () => {
      isOpen = true;
    },
    received: () => {
      isOpen = true;
    },
    ended: () => ends++,
  });
  client.start();
  const finished = datagrams.at(-1)?.subarray(-12) ?? Buffer.alloc(0);
  /** Without the true Finished, or its end at least, nothing is authentic. */
  const deliver = (bytes: Buffer): void => {
    if (!bytes.includes(finished)) client.receive(bytes);
  };
  const change = (datagram: Buffer, other: Buffer): Buffer => {
    mutated++;
    return mutate(datagram, random, other);
  };
  for (const datagram of datagrams) {
    const other = datagrams[below(random, datagrams.length)] ?? datagram;
    if (random() < 0.2) deliver(change(other, datagram));
    deliver(random() < 0.5 ? Buffer.from(datagram) : change(datagram, other));
  }
  client.close();
  expect(ends).toBe(1);
  expect(sent).toBeLessThan(60);
  return { mutated, isOpen };
}

const RECORDINGS: Readonly<Record<string, readonly [share: number, make: () => Recording]>> = {
  'a shared key': [0.55, () => record({})],
  'a connection id': [
    0.15,
    () => record({ connectionId: Buffer.from('us'), server: { cid: Buffer.from('it') } }),
  ],
  'a session that is resumed': [0.29, recordResumed],
  certificates: [0.006, () => record(scene('certificate'))],
  'raw public keys': [0.004, () => record(scene('raw public key'))],
};

describe('mutated flights of a server', () => {
  test.each(Object.keys(RECORDINGS))(
    'with %s: none is believed, and none does harm',
    (name) => {
      const [share, make] = RECORDINGS[name] ?? [0, () => record({})];
      const recording = make();
      const random = seededRandom(SEED);
      const replayed = (flights: number): number => {
        let opened = 0;
        for (let done = 0; done < flights; ) {
          const { mutated, isOpen } = replay(recording, random);
          done += mutated;
          if (isOpen) opened++;
        }
        return opened;
      };
      expect(replayed(Math.min(1000, FLIGHTS * share))).toBe(0); // what is compiled and cached is there now
      const before = process.memoryUsage().rss;
      expect(replayed(FLIGHTS * share)).toBe(0);
      expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
    },
    24 * 60 * 60 * 1000,
  );
});

describe('an open association that is fed with mutated records', () => {
  test.each<readonly [string, SceneOptions]>([
    ['without connection ids', {}],
    ['with connection ids', { connectionId: Buffer.from('us'), server: { cid: Buffer.from('it') } }],
    ['of GCM', { server: { suite: 0x00a8 } }],
  ])('%s lives, and believes none', (_name, options) => {
    const random = seededRandom(SEED);
    const made = openScene(options);
    const { client, server, told, settle } = made;
    const genuine: string[] = [];
    for (let time = 0; time < Math.min(FLIGHTS / 20, 100_000); time++) {
      const text = `reading ${time}`;
      const before = made.down.length;
      server.write(Buffer.from(text));
      const datagram = made.down[before] ?? Buffer.alloc(0);
      const attack = mutate(datagram, random, made.down[before - 1] ?? datagram);
      if (!attack.includes(datagram)) client.receive(attack);
      settle(); // the genuine one comes after
      genuine.push(text);
      made.down.length = Math.min(made.down.length, 10);
      made.down[9] = datagram;
    }
    expect(told.ended).toEqual([]);
    expect(told.received).toEqual(genuine);
  });
});
