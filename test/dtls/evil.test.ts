import { expect, test } from 'vitest';
import { ecKey } from './certificates.ts';
import { createScene, type Scene, type SceneOptions } from './network.ts';
import { ecServer, intermediate, rsaServer, scene } from './scenes.ts';
import { type Outgoing, type TestServer, u8, u16, u24, v8, v16, v24 } from './server.ts';

/** Flights of a malicious or broken server, every one of which must be refused. */

type Alter = (flight: readonly Outgoing[], server: TestServer) => readonly Outgoing[];

const TYPE = { serverHello: 2, certificate: 11, keyExchange: 12, request: 13, done: 14, finished: 20 };
const has = (flight: readonly Outgoing[], type: number): boolean => flight.some((it) => it.type === type);

/** Changes the flight of ServerHello only. */
const inHello =
  (change: Alter): Alter =>
  (flight, server) =>
    has(flight, TYPE.serverHello) ? change(flight, server) : flight;
const without = (...types: readonly number[]): Alter =>
  inHello((flight) => flight.filter(({ type }) => !types.includes(type)));
const replace = (type: number, change: (body: Buffer, server: TestServer) => Buffer): Alter =>
  inHello((flight, server) =>
    flight.map((it) => (it.type === type ? { ...it, body: change(it.body, server) } : it)),
  );
const after = (type: number, ...added: readonly Outgoing[]): Alter =>
  inHello((flight) => flight.flatMap((it) => (it.type === type ? [it, ...added] : [it])));
const message = (type: number, body: Buffer, epoch: 0 | 1 = 0): Outgoing => ({ type, body, epoch });
const record = (contentType: number, epoch: 0 | 1, body: Buffer): Outgoing => ({
  type: 0,
  epoch,
  contentType,
  body,
});

/** A ServerHello of its own making. */
const hello = (
  parts: {
    version?: number;
    sessionId?: Buffer;
    suite?: number;
    compression?: number;
    extensions?: readonly (readonly [id: number, data: Buffer])[];
  } = {},
) =>
  replace(TYPE.serverHello, (_body, { randoms }) => {
    const extensions = parts.extensions ?? [[23, Buffer.alloc(0)] as const];
    return Buffer.concat([
      u16(parts.version ?? 0xfefd),
      randoms.server,
      v8(parts.sessionId ?? Buffer.alloc(0)),
      u16(parts.suite ?? 0xc0a8),
      u8(parts.compression ?? 0),
      v16(...extensions.flatMap(([id, data]) => [u16(id), v16(data)])),
    ]);
  });

const EMS = [23, Buffer.alloc(0)] as const;

let recorded: Buffer | undefined;
/** ServerKeyExchange of an earlier handshake of the true server. */
function replayedKeyExchange(): Buffer {
  if (recorded === undefined) {
    run('certificate', (flight) => {
      recorded = flight.find(({ type }) => type === TYPE.keyExchange)?.body ?? recorded;
      return flight;
    });
  }
  return recorded ?? Buffer.alloc(0);
}

function run(way: string, alter: Alter, more: SceneOptions = {}): Scene {
  const made = createScene(scene(way, { ...more, server: { ...more.server, alter } }));
  made.client.start();
  made.settle();
  return made;
}

type Case = readonly [name: string, alter: Alter, more?: SceneOptions];
const asIs: Alter = (flight) => flight;

const CERTIFIED: readonly Case[] = [
  ['ServerHello and ServerHelloDone only', without(TYPE.certificate, TYPE.keyExchange, TYPE.request)],
  ['a certificate but no ServerKeyExchange', without(TYPE.keyExchange)],
  ['ServerKeyExchange without certificate', without(TYPE.certificate)],
  ['an empty list of certificates', replace(TYPE.certificate, () => v24())],
  ['ServerKeyExchange signed with another key', asIs, { server: { key: ecKey().privateKey } }],
  ['ServerKeyExchange of another handshake', replace(TYPE.keyExchange, () => replayedKeyExchange())],
  [
    'a signature with SHA-1, which was not offered',
    asIs,
    { server: { signatureHash: 'sha1', signatureScheme: 0x0203 } },
  ],
  ['a curve that was not offered', asIs, { server: { group: 25 } }],
  ['a raw public key that was not offered', asIs, { server: { isRaw: true } }],
  [
    'two certificate messages',
    inHello((flight) => flight.flatMap((it) => (it.type === TYPE.certificate ? [it, it] : [it]))),
  ],
  [
    'two ServerHellos',
    inHello((flight) => flight.flatMap((it) => (it.type === TYPE.serverHello ? [it, it] : [it]))),
  ],
  ['a certificate of another server', asIs, { serverName: 'other.example.org' }],
];

const SHARED: readonly Case[] = [
  ['a suite without encryption', hello({ suite: 0x002c })],
  ['a suite with certificates', hello({ suite: 0xc0ae })],
  ['DTLS 1.0', hello({ version: 0xfeff })],
  ['compression', hello({ compression: 1 })],
  ['a certificate', after(TYPE.serverHello, message(TYPE.certificate, v24()))],
  [
    'CertificateRequest',
    after(TYPE.serverHello, message(TYPE.request, Buffer.from('0140000204030000', 'hex'))),
  ],
  [
    'a connection id that was not asked for',
    hello({ extensions: [EMS, [54, v8(u8(1))]] }),
    { connectionId: false },
  ],
  ['an extension twice', hello({ extensions: [EMS, EMS] })],
  ['an extension that was not offered', hello({ extensions: [EMS, [16, Buffer.alloc(0)]] })],
  ['no extended master secret', hello({ extensions: [] })],
  ['renegotiation_info that is not empty', hello({ extensions: [EMS, [0xff01, v8(u8(1))]] })],
  ['encrypt_then_mac for an AEAD', hello({ extensions: [EMS, [22, Buffer.alloc(0)]] })],
  ['Finished in the clear after ServerHelloDone', after(TYPE.done, message(TYPE.finished, Buffer.alloc(12)))],
  ['Finished instead of ServerHello', inHello(() => [message(TYPE.finished, Buffer.alloc(12))])],
  [
    'a session id that nobody offered, then Finished',
    inHello((flight, server) => [
      ...hello({ sessionId: Buffer.alloc(32, 7) })(flight, server).filter(({ type }) => type === 2),
      record(20, 0, u8(1)),
      message(TYPE.finished, Buffer.alloc(12)),
    ]),
  ],
  [
    'Finished in the clear, in a record of epoch 1',
    (flight) =>
      has(flight, TYPE.finished)
        ? []
        : [
            ...flight,
            record(20, 0, u8(1)),
            record(22, 1, Buffer.concat([u8(20), u24(12), u16(3), u24(0), v24(Buffer.alloc(12))])),
          ],
  ],
  [
    'application data before Finished',
    inHello((flight) => [
      record(23, 0, Buffer.from('evil')),
      record(23, 1, Buffer.from('evil')),
      ...flight.slice(0, 1),
    ]),
  ],
  [
    'a wrong Finished',
    (flight) => flight.map((it) => (it.type === 20 ? { ...it, body: Buffer.alloc(12) } : it)),
  ],
  [
    'a Finished that is too short',
    (flight) => flight.map((it) => (it.type === 20 ? { ...it, body: it.body.subarray(0, 11) } : it)),
  ],
  [
    'a message of 16 MB',
    inHello(() => [
      record(22, 0, Buffer.concat([u8(2), u24(0xffffff), u16(1), u24(0), v24(Buffer.alloc(100))])),
    ]),
  ],
];

/** Never open, nothing delivered, and it comes to an end. */
async function expectRefused({ client, told, heard, clock, settle }: Scene): Promise<void> {
  for (let waited = 0; waited < 130_000; waited += 5000) {
    await clock.advance(5000);
    settle();
  }
  expect(told.details).toBeUndefined();
  expect(told.received).toEqual([]);
  expect(client.isOpen).toBe(false);
  expect(told.ended).toHaveLength(1);
  expect(told.ended[0]).toMatchObject({
    code: expect.stringMatching(/^dtls\.(protocol|certificate|timeout)$/),
  });
  expect(heard.received).toEqual([]);
  expect(clock.pending).toBe(0);
}

/** ServerKeyExchange of ECDHE_PSK, which nobody signs. */
const share = (curveType: number, group: number, point: Buffer): Buffer =>
  Buffer.concat([v16(), u8(curveType), u16(group), v8(point)]);
const ephemeral = (body: Buffer) =>
  [replace(TYPE.keyExchange, () => body), { server: { suite: 0xd001 } }] as const;
const P256_X = Buffer.alloc(32, 3);

const SHARES: readonly Case[] = [
  ['a share of a curve that is spelled out', ...ephemeral(share(1, 23, Buffer.alloc(65, 4)))],
  ['a share of an unknown group', ...ephemeral(share(3, 0x1234, Buffer.alloc(65, 4)))],
  ['a compressed point', ...ephemeral(share(3, 23, Buffer.concat([u8(2), P256_X])))],
  ['a point that is not on the curve', ...ephemeral(share(3, 23, Buffer.concat([u8(4), P256_X, P256_X])))],
  ['an X25519 share of small order', ...ephemeral(share(3, 29, Buffer.alloc(32)))],
  ['an X25519 share that is too short', ...ephemeral(share(3, 29, Buffer.alloc(31, 9)))],
  ['no point format of ours', hello({ extensions: [EMS, [11, v8(u8(1))]] })],
  ['ServerKeyExchange twice', after(TYPE.serverHello, ...[0, 0].map(() => message(TYPE.keyExchange, v16())))],
];

const RAW: readonly Case[] = [
  ['another key', asIs, { server: { key: ecKey().privateKey } }],
  ['no key at all', replace(TYPE.certificate, () => v24())],
  ['a certificate', asIs, { server: { isRaw: false, chain: [ecServer.der], key: ecServer.key.privateKey } }],
  ['agreement to certificates', hello({ suite: 0xc0ae, extensions: [EMS, [20, u8(0)]] })],
];

const named = (cases: readonly Case[]) => cases.map(([name, alter, more = {}]) => ({ name, alter, more }));

test.each(named(CERTIFIED))('a server with certificates is refused that sends $name', ({ alter, more }) =>
  expectRefused(run('certificate', alter, more)),
);

test.each(named(SHARES))('a server with a shared key is refused that sends $name', ({ alter, more }) =>
  expectRefused(run('psk', alter, more)),
);

test.each(named(RAW))('a server with a raw public key is refused that sends $name', ({ alter, more }) =>
  expectRefused(run('raw public key', alter, more)),
);

test('a server with an RSA key is refused where the suite takes an EC key', () =>
  expectRefused(
    run('certificate', asIs, {
      server: {
        chain: [rsaServer.der, intermediate.der],
        key: rsaServer.key.privateKey,
        signatureScheme: 0x0401,
      },
    }),
  ));

test.each(named(SHARED))('a server with a shared key is refused that sends $name', ({ alter, more }) =>
  expectRefused(run('psk', alter, more)),
);

test('a hundred changing cookies are not followed (RFC 6347 4.2.1)', async () => {
  let asked = 0;
  const alter: Alter = (flight) =>
    flight.map((it) =>
      it.type === 3
        ? { ...it, body: Buffer.concat([u16(0xfefd), v8(Buffer.from(`cookie ${asked++}`))]) }
        : it,
    );
  const made = run('psk', alter);
  await expectRefused(made);
  expect(asked).toBeLessThan(40);
});

test('a server that changes its cookie once is followed', () => {
  const made = createScene();
  made.client.start();
  const old = Buffer.concat([u8(3), u24(5), u16(0), u24(0), v24(u16(0xfefd), v8(Buffer.from('ol')))]);
  made.client.receive(made.server.record(22, 0, old));
  made.settle();
  expect(made.told.details).toBeDefined();
});
