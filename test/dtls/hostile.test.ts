import { describe, expect, test } from 'vitest';
import { trafficKeys } from '../../src/dtls/keys.ts';
import { SUITES } from '../../src/dtls/suites.ts';
import { createScene, openScene, PSK, type Scene, type SceneOptions } from './network.ts';
import { scene } from './scenes.ts';
import type { ServerSession } from './server.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const header = (type: number, epoch: number, sequence: number, length: number): Buffer => {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(0xfefd, 1);
  bytes.writeUInt16BE(epoch, 3);
  bytes.writeUIntBE(sequence, 5, 6);
  bytes.writeUInt16BE(length, 11);
  return bytes;
};
const record = (type: number, epoch: number, sequence: number, body: Buffer): Buffer =>
  Buffer.concat([header(type, epoch, sequence, body.length), body]);

/** Datagrams that anybody can send, made of what went to the client before where they need it. */
const KILL_LIST: Readonly<Record<string, (genuine: Buffer) => Buffer>> = {
  'a record of epoch 1 with 4 bytes': () => record(23, 1, 5, hex('01020304')),
  'a record of epoch 0 with 4 bytes behind it': () =>
    Buffer.concat([record(23, 0, 9, hex('00')), hex('01020304')]),
  nothing: () => Buffer.alloc(0),
  'a header without its body': () => header(23, 1, 6, 40),
  'an alert in the clear': () => record(21, 0, 9, hex('0228')),
  'close_notify in the clear': () => record(21, 0, 9, hex('0100')),
  'a forged alert of epoch 1': () => record(21, 1, 9, Buffer.alloc(26, 1)),
  'ServerHello in the clear': () =>
    record(22, 0, 9, Buffer.concat([hex('02 000030 0001 000000 000030'), Buffer.alloc(48)])),
  'HelloRequest in the clear': () => record(22, 0, 9, hex('00 000000 0000 000000 000000')),
  'HelloVerifyRequest in the clear': () => record(22, 0, 9, hex('03 000004 0000 000000 000004 fefd 01 aa')),
  'a copy of a genuine record': (genuine) => Buffer.from(genuine),
  'a genuine record with one bit changed': (genuine) => {
    const changed = Buffer.from(genuine);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    return changed;
  },
  'a genuine record with a much higher number': (genuine) => {
    const changed = Buffer.from(genuine);
    changed.writeUIntBE(2 ** 48 - 1, 5, 6);
    return changed;
  },
  'a genuine record of another epoch': (genuine) => {
    const changed = Buffer.from(genuine);
    changed.writeUInt16BE(2, 3);
    return changed;
  },
  'a genuine record of another version': (genuine) => {
    const changed = Buffer.from(genuine);
    changed.writeUInt16BE(0x0303, 1);
    return changed;
  },
  'application data in the clear': () => record(23, 0, 9, Buffer.from('evil')),
  'a record with a connection id that was not agreed on': () => record(25, 1, 9, Buffer.alloc(40)),
  'ChangeCipherSpec in the clear': () => record(20, 0, 9, hex('01')),
  'a record of an unknown type': () => record(99, 1, 9, Buffer.alloc(40)),
  'the longest datagram': () => Buffer.alloc(65_507, 0x17),
  'random bytes': () => hex('deadbeefdeadbeefdeadbeefdeadbeefdeadbeef'),
};

function expectAlive({ client, server, told, heard, settle }: Scene): void {
  expect(told.ended).toEqual([]);
  client.send(Buffer.from('still here'));
  server.write(Buffer.from('so am I'));
  settle();
  expect(heard.received.at(-1)).toBe('still here');
  expect(told.received.at(-1)).toBe('so am I');
}

describe.each<readonly [string, SceneOptions]>([
  ['without connection ids', {}],
  ['with connection ids', { connectionId: Buffer.from('us'), server: { cid: Buffer.from('them') } }],
])('an open association %s survives', (_name, options) => {
  test.each(Object.keys(KILL_LIST))('%s', (name) => {
    const opened = openScene(options);
    opened.server.write(Buffer.from('genuine'));
    opened.settle();
    const genuine = opened.down.at(-1) ?? Buffer.alloc(0);
    const sent = opened.up.length;
    opened.client.receive(KILL_LIST[name]?.(genuine) ?? Buffer.alloc(0));
    opened.settle();
    expect(opened.told.received).toEqual(['genuine']);
    expect(opened.up.length).toBe(sent); // and is not made to say anything
    expectAlive(opened);
  });
});

describe('a handshake survives, and completes later,', () => {
  // Who forges these in time ends it, as nothing is authentic yet: an alert, or a cookie that sets the server at odds.
  const fatal = /^(an alert|close_notify|HelloVerifyRequest) in the clear/;
  const harmless = Object.keys(KILL_LIST).filter((name) => !fatal.test(name));
  const genuine = record(22, 1, 3, Buffer.alloc(40, 5));
  test.each(harmless)('%s at every step of it', async (name) => {
    const attacked = createScene({
      way: (datagram, pass, direction) => {
        if (direction === 'down' && name !== 'ServerHello in the clear')
          attacked.client.receive(KILL_LIST[name]?.(genuine) ?? Buffer.alloc(0));
        pass(datagram);
      },
    });
    attacked.client.start();
    attacked.settle();
    for (let waited = 0; waited < 60_000 && attacked.told.details === undefined; waited += 9000) {
      await attacked.clock.advance(9000);
      attacked.settle();
    }
    expectAlive(attacked);
  });

  test('malformed messages of the server, of which the true ones come after', () => {
    const broken = [
      record(22, 0, 1, hex('02 000005 0001 000000 000005 fefd000000')), // a ServerHello cut short
      record(22, 0, 2, hex('02 000005 0001 000004 000004 00000000')), // a fragment beyond its end
      record(22, 0, 3, hex('02 0000')), // a header cut short
      record(22, 0, 4, hex('0b 000030 0002 000000 000001 00')), // a part of something else
    ];
    let isFirst = true;
    const attacked = createScene(
      scene('certificate', {
        way: (datagram, pass, direction) => {
          // Right before the flight of ServerHello.
          if (direction === 'down' && datagram.readUInt8(13) === 2 && isFirst) {
            isFirst = false;
            for (const one of broken) pass(one);
          }
          pass(datagram);
        },
      }),
    );
    attacked.client.start();
    attacked.settle();
    expectAlive(attacked);
    expect(attacked.client.counters.discarded).toBeGreaterThan(1);
  });

  test('a fragment that contradicts the true ones, once the server repeats those', async () => {
    let isFirst = true;
    const forged = record(22, 0, 7, hex('0b 000400 0002 000000 000004 00000000'));
    const attacked = createScene(
      scene('certificate', {
        server: { mtu: 400 },
        way: (datagram, pass, direction) => {
          pass(datagram);
          if (direction === 'down' && datagram.readUInt8(13) === 11 && isFirst) {
            isFirst = false;
            pass(forged);
          }
        },
      }),
    );
    attacked.client.start();
    attacked.settle();
    for (let time = 0; time < 3; time++) {
      await attacked.clock.advance(9000);
      attacked.settle();
    }
    expectAlive(attacked);
  });
});

test('a request for a cookie that answers no hello of ours is passed over (RFC 6347 4.2.2)', () => {
  const attacked = createScene({ server: { hasCookie: false } });
  attacked.client.start();
  attacked.client.receive(record(22, 0, 0, hex('03 000004 0007 000000 000004 fefd 01 aa')));
  expect(attacked.up).toHaveLength(1);
  attacked.settle();
  expectAlive(attacked);
});

test('what is kept of a handshake is bounded, whatever is sent', () => {
  const { client, told } = createScene();
  client.start();
  const before = process.memoryUsage().arrayBuffers;
  for (let sequence = 0; sequence < 3000; sequence++) {
    const head = Buffer.concat([hex('0b 007fff'), Buffer.alloc(2), hex('000000 000001 00')]);
    head.writeUInt16BE(sequence, 4);
    client.receive(record(22, 0, sequence, head));
    client.receive(record(23, 1, sequence, Buffer.alloc(1000)));
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
  expect(told.ended).toEqual([]);
});

/** The fragments in a datagram of plain handshake records, each in a record of its own. */
function fragmentsIn(datagram: Buffer): Buffer[] {
  const fragments: Buffer[] = [];
  for (let at = 0; at < datagram.length; ) {
    const end = at + 13 + datagram.readUInt16BE(at + 11);
    fragments.push(datagram.subarray(at + 13, end));
    at = end;
  }
  return fragments;
}

/** Bytes `from` to `to` of a whole message, as a fragment (RFC 6347 4.2.2). */
function cut(message: Buffer, from: number, to: number): Buffer {
  const head = Buffer.from(message.subarray(0, 12));
  head.writeUIntBE(from, 6, 3);
  head.writeUIntBE(to - from, 9, 3);
  return Buffer.concat([head, message.subarray(12 + from, 12 + to)]);
}

describe('fragments', () => {
  const ways: Readonly<Record<string, (message: Buffer, length: number) => Buffer[]>> = {
    'that overlap (RFC 6347 4.2.3)': (message, length) =>
      [0, 7, 14, 21, 200, 400, length].flatMap((from) => [
        cut(message, Math.min(from, length), length),
        cut(message, 0, Math.min(from + 20, length)),
      ]),
    'from back to front': (message, length) =>
      Array.from({ length }, (_, at) => cut(message, length - at - 1, length - at)),
    'that each come twice': (message, length) =>
      [cut(message, 0, length >> 1), cut(message, length >> 1, length)].flatMap((one) => [one, one]),
    'of no bytes between the others': (message, length) =>
      [0, length >> 1, length].flatMap((at) => [
        cut(message, at, at),
        cut(message, 0, at),
        cut(message, at, length),
      ]),
    'with one beyond the end, and one of another type': (message, length) => {
      const [beyond, other] = [cut(message, 0, length), cut(message, 0, length)];
      beyond.writeUIntBE(1, 6, 3);
      other.writeUInt8(20, 0);
      return [beyond, other, message];
    },
  };
  test.each(Object.keys(ways))('%s are put together', (name) => {
    let number = 100;
    const made = createScene(
      scene('certificate', {
        server: { mtu: 9000 },
        way: (datagram, pass, direction) => {
          if (direction === 'up' || datagram.readUInt8(13) !== 2) return pass(datagram);
          for (const message of fragmentsIn(datagram)) {
            const length = message.readUIntBE(1, 3);
            const pieces = length === 0 ? [message] : (ways[name]?.(message, length) ?? []);
            for (const piece of pieces) pass(record(22, 0, number++, piece));
          }
        },
      }),
    );
    made.client.start();
    made.settle();
    expectAlive(made);
  });
});

/** Our epoch 1 begins with our Finished and the server's with its own; ChangeCipherSpec only announces it. */
describe('ChangeCipherSpec', () => {
  const ccs = record(20, 0, 50, hex('01'));
  const isCcs = (datagram: Buffer): boolean => datagram.readUInt8(0) === 20;
  const ways: Readonly<Record<string, NonNullable<SceneOptions['way']>>> = {
    'before everything else': (datagram, pass) => {
      pass(ccs);
      pass(datagram);
    },
    'many times': (datagram, pass) => {
      pass(datagram);
      for (let time = 0; time < 5; time++) pass(ccs);
    },
    'not at all': (datagram, pass) => pass(isCcs(datagram) ? datagram.subarray(14) : datagram),
    'behind Finished': (datagram, pass) => {
      pass(isCcs(datagram) ? datagram.subarray(14) : datagram);
      if (isCcs(datagram)) pass(ccs);
    },
    'of no known value': (datagram, pass) => {
      pass(record(20, 0, 51, hex('02')));
      pass(record(20, 0, 52, Buffer.alloc(0)));
      pass(datagram);
    },
  };
  test.each(Object.keys(ways))(
    '%s makes nobody believe anything: the epoch counts (RFC 6347 4.1)',
    (name) => {
      const made = createScene({
        way: (datagram, pass, direction) => {
          if (direction === 'up') pass(datagram);
          else ways[name]?.(datagram, pass, direction);
        },
      });
      made.client.start();
      made.settle();
      expectAlive(made);
    },
  );

  test('and application data right behind it are not believed without Finished (RFC 5246 7.4.9)', async () => {
    const made = createScene({
      server: {
        alter: (flight) => flight.filter(({ type, contentType }) => type !== 20 || contentType !== undefined),
      },
    });
    made.client.start();
    made.settle();
    made.server.write(Buffer.from('too early'));
    made.settle();
    await made.clock.advance(120_000);
    expect(made.told).toMatchObject({ received: [], ended: [{ code: 'dtls.timeout' }] });
  });
});

test('application data may come together with Finished and behind it (RFC 6347 4.1)', () => {
  let held: Buffer | undefined;
  const made = createScene({
    way: (datagram, pass, direction) => {
      if (direction === 'down' && datagram.readUInt8(0) === 20) held = datagram;
      else if (held !== undefined && direction === 'down') pass(Buffer.concat([held, datagram]));
      else pass(datagram);
    },
  });
  made.client.start();
  made.settle();
  made.server.write(Buffer.from('at once'));
  made.settle();
  expect(made.told.received).toEqual(['at once']);
});

describe('records of epoch 1 that overtake', () => {
  const reversed: SceneOptions['way'] = (() => {
    let held: (() => void)[] = [];
    return (datagram: Buffer, pass: (bytes: Buffer) => void, direction: 'up' | 'down') => {
      if (direction === 'up') return pass(datagram);
      held.push(() => pass(datagram));
      if (held.length < 2) return;
      for (const go of held.reverse()) go();
      held = [];
    };
  })();

  test('Finished before ServerHello, of a session that is resumed, is kept until it can be read', async () => {
    const sessions = new Map<string, ServerSession>();
    const server = { resumes: 'ticket', sessions, hasCookie: false, mtu: 110 } as const;
    const session = openScene({ server }).client.session();
    const second = createScene({ ...(session && { session }), server, way: reversed });
    second.client.start();
    second.settle();
    await second.clock.advance(9000);
    second.settle();
    expect(second.told.details?.isResumed).toBe(true);
  });

  test('application data before Finished is kept, and told after the handshake', () => {
    const waiting: (() => void)[] = [];
    const late = createScene({
      way: (datagram, pass, direction) => {
        const isFinished = direction === 'down' && datagram.readUInt8(0) === 20;
        if (isFinished) waiting.push(() => pass(datagram));
        else pass(datagram);
      },
    });
    late.client.start();
    late.settle();
    late.server.write(Buffer.from('early'));
    late.settle();
    expect(late.told.details).toBeUndefined();
    expect(late.told.received).toEqual([]);
    for (const go of waiting) go();
    late.settle();
    expect(late.told.received).toEqual(['early']);
  });
});

describe('the last flight of a resumed handshake', () => {
  /** The server repeats its flight, as it does when a client repeats its hello. */
  const repeat = ({ server, up, settle }: Scene): void => {
    const isHello = (datagram: Buffer): boolean =>
      datagram.readUInt8(0) === 22 && datagram.readUInt8(13) === 1;
    server.receive(Buffer.from(up.filter(isHello).at(-1) ?? Buffer.alloc(0)));
    settle();
  };
  const resumed = (lose: (datagram: Buffer) => boolean) => {
    const sessions = new Map<string, ServerSession>();
    const server = { resumes: 'id', sessions } as const;
    const session = openScene({ server }).client.session();
    const second = openScene({
      ...(session && { session }),
      server,
      way: (datagram, pass, direction) => {
        if (direction === 'down' || !lose(datagram)) pass(datagram);
      },
    });
    expect(second.told.details?.isResumed).toBe(true);
    return second;
  };

  test('is sent again when the server repeats its own (RFC 6347 4.2.4)', () => {
    let isLost = false;
    const made = resumed((datagram) => {
      const isFinal = datagram.readUInt8(0) === 20 && !isLost;
      isLost ||= isFinal;
      return isFinal;
    });
    expect(made.server.isOpen()).toBe(false);
    const before = made.up.length;
    repeat(made);
    expect(made.server.isOpen()).toBe(true);
    expect(made.up.length - before).toBe(1);
  });

  test('is not sent again for what anybody can send', () => {
    const { client, up, down, settle } = resumed(() => false);
    const before = up.length;
    client.receive(Buffer.from(down.at(-1) ?? Buffer.alloc(0)));
    settle();
    expect(up.length).toBe(before);
  });

  test('is not sent as often as anybody likes', () => {
    const made = resumed(() => false);
    const before = made.up.length;
    for (let time = 0; time < 100; time++) repeat(made);
    expect(made.up.length - before).toBe(8);
  });
});

test('a forged repetition makes a client send once per timer at most', async () => {
  const { client, up, down, clock, settle } = createScene({
    way: (datagram, pass, direction) => {
      // The server hears the hellos only.
      if (direction === 'down' || datagram.readUInt8(13) === 1) pass(datagram);
    },
  });
  client.start();
  settle();
  const flight = down.at(-1) ?? Buffer.alloc(0);
  const before = up.length;
  for (let time = 0; time < 100; time++) client.receive(Buffer.from(flight));
  expect(up.length - before).toBe(1);
  await clock.advance(9000);
  expect(up.length - before).toBe(2);
});

/** What is overwritten while something is done, in hex. */
function overwrittenBy(act: () => void): Set<string> {
  const overwritten = new Set<string>();
  const { fill } = Buffer.prototype;
  Buffer.prototype.fill = function (this: Buffer, ...values: Parameters<typeof fill>) {
    overwritten.add(this.toString('hex'));
    return fill.apply(this, values);
  } as typeof fill;
  try {
    act();
  } finally {
    Buffer.prototype.fill = fill;
  }
  return overwritten;
}

describe('secrets are overwritten', () => {
  const suite = SUITES.find(({ name }) => name === 'TLS_PSK_WITH_AES_128_CCM_8');
  const secretsOf = ({ told, server }: Scene): string[] => {
    const master = told.keyLog[0]?.split(' ')[2] ?? '';
    if (suite === undefined || master === '') throw new Error('no secrets');
    const keys = trafficKeys(suite, Buffer.from(master, 'hex'), server.randoms);
    return [master, keys.client.key.toString('hex'), keys.server.key.toString('hex')];
  };
  const wrongFinished: SceneOptions = {
    server: {
      alter: (flight) => flight.map((it) => (it.type === 20 ? { ...it, body: Buffer.alloc(12) } : it)),
    },
  };
  test.each<readonly [string, SceneOptions, (scene: Scene) => void]>([
    ['when it is closed', { server: { resumes: 'id' } }, ({ client }) => client.close()],
    ['when there is nothing to resume, and it is closed', {}, ({ client }) => client.close()],
    ['when it fails', wrongFinished, () => {}],
    ['when it is suspended', { server: { cid: Buffer.from('cid') } }, ({ client }) => void client.suspend()],
    [
      'when the server ends it',
      { server: { resumes: 'id' } },
      ({ client, server }) => client.receive(server.record(21, 1, Buffer.of(2, 80))),
    ],
  ])('%s', (_name, options, end) => {
    let ended: Scene | undefined;
    const overwritten = overwrittenBy(() => {
      ended = openScene(options);
      end(ended);
    });
    if (ended === undefined) throw new Error('nothing happened');
    expect(ended.told.ended).toHaveLength(1);
    expect(ended.client.session()).toBeUndefined();
    expect(ended.client.suspend()).toBeUndefined();
    for (const secret of secretsOf(ended)) expect(overwritten).toContain(secret);
  });

  test('also those of a connection that is not gone on with', async () => {
    const server = { cid: Buffer.from('cid') };
    const first = openScene({ server });
    const [, ...keys] = secretsOf(first);
    const connection = first.client.suspend();
    const credentials = { ...PSK, identity: Buffer.from('somebody else') };
    const overwritten = overwrittenBy(() => {
      openScene({ server, credentials, ...(connection && { connection }) }).client.close();
    });
    for (const key of keys) expect(overwritten).toContain(key);
  });
});
