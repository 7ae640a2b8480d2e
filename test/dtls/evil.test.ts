import { describe, expect, test } from 'vitest';
import type { AlertName } from '../../src/dtls/alert.ts';
import { ALERTS } from '../../src/dtls/index.ts';
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
const record = (contentType: number, epoch: 0 | 1 | 2, body: Buffer): Outgoing => ({
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

/** What the server is told, and then it is over; `silence`: what nobody need have sent is passed over until the time is up. */
type Verdict = AlertName | 'silence';
type Case = readonly [name: string, verdict: Verdict, alter: Alter, more?: SceneOptions];
const asIs: Alter = (flight) => flight;
const twice = (type: number): Alter =>
  inHello((flight) => flight.flatMap((it) => (it.type === type ? [it, it] : [it])));

const CERTIFIED: readonly Case[] = [
  [
    'ServerHello and ServerHelloDone only',
    'unexpected_message',
    without(TYPE.certificate, TYPE.keyExchange, TYPE.request),
  ],
  ['a certificate but no ServerKeyExchange', 'unexpected_message', without(TYPE.keyExchange)],
  ['ServerKeyExchange without certificate', 'unexpected_message', without(TYPE.certificate)],
  ['an empty list of certificates', 'bad_certificate', replace(TYPE.certificate, () => v24())],
  ['an empty certificate', 'bad_certificate', replace(TYPE.certificate, () => v24(v24()))],
  [
    'ServerKeyExchange signed with another key',
    'decrypt_error',
    asIs,
    { server: { key: ecKey().privateKey } },
  ],
  [
    'ServerKeyExchange of another handshake',
    'decrypt_error',
    replace(TYPE.keyExchange, () => replayedKeyExchange()),
  ],
  [
    'a signature with SHA-1, which was not offered',
    'illegal_parameter',
    asIs,
    { server: { signatureHash: 'sha1', signatureScheme: 0x0203 } },
  ],
  [
    'a signature scheme of other keys than its own',
    'illegal_parameter',
    asIs,
    { server: { signatureScheme: 0x0401 } },
  ],
  ['a curve that was not offered', 'illegal_parameter', asIs, { server: { group: 25 } }],
  [
    'a curve that we have, but were told not to offer',
    'illegal_parameter',
    asIs,
    { groups: [23], server: { group: 24 } },
  ],
  [
    'a signature scheme that we have, but were told not to offer',
    'illegal_parameter',
    asIs,
    { signatures: [0x0403], server: { signatureHash: 'sha384', signatureScheme: 0x0503 } },
  ],
  ['a raw public key that was not offered', 'unsupported_extension', asIs, { server: { isRaw: true } }],
  ['two certificate messages', 'unexpected_message', twice(TYPE.certificate)],
  ['two ServerHellos', 'unexpected_message', twice(TYPE.serverHello)],
  ['two requests for a certificate', 'unexpected_message', twice(TYPE.request)],
  ['the status of a certificate', 'unexpected_message', after(TYPE.certificate, message(22, v24()))],
  ['a certificate of another server', 'bad_certificate', asIs, { serverName: 'other.example.org' }],
];

const SHARED: readonly Case[] = [
  ['a suite without encryption', 'illegal_parameter', hello({ suite: 0x002c })],
  ['a suite with certificates', 'illegal_parameter', hello({ suite: 0xc0ae })],
  ['DTLS 1.0', 'protocol_version', hello({ version: 0xfeff })],
  ['DTLS 1.3', 'protocol_version', hello({ version: 0xfefc })],
  ['TLS 1.2', 'protocol_version', hello({ version: 0x0303 })],
  ['compression', 'illegal_parameter', hello({ compression: 1 })],
  ['a session id of more than 32 bytes', 'silence', hello({ sessionId: Buffer.alloc(33, 7) })],
  ['a certificate', 'unexpected_message', after(TYPE.serverHello, message(TYPE.certificate, v24()))],
  [
    'CertificateRequest',
    'unexpected_message',
    after(TYPE.serverHello, message(TYPE.request, Buffer.from('0140000204030000', 'hex'))),
  ],
  ['HelloRetryRequest', 'unexpected_message', inHello(() => [message(6, Buffer.alloc(10))])],
  ['a message of no known type', 'unexpected_message', after(TYPE.serverHello, message(99, Buffer.alloc(4)))],
  [
    'a connection id that was not asked for',
    'unsupported_extension',
    hello({ extensions: [EMS, [54, v8(u8(1))]] }),
    { connectionId: false },
  ],
  ['an extension twice', 'illegal_parameter', hello({ extensions: [EMS, EMS] })],
  [
    'a protocol of the application, which was not offered',
    'unsupported_extension',
    hello({ extensions: [EMS, [16, v16(v8(Buffer.from('coap')))]] }),
  ],
  ['a heartbeat, which was not offered', 'unsupported_extension', hello({ extensions: [EMS, [15, u8(1)]] })],
  [
    'a length of fragments, which was not offered',
    'unsupported_extension',
    hello({ extensions: [EMS, [1, u8(1)]] }),
  ],
  ['an extension that only clients send', 'unsupported_extension', hello({ extensions: [EMS, [13, v16()]] })],
  ['a server name to us', 'silence', hello({ extensions: [EMS, [0, u8(0)]] }), { serverName: 'a.example' }],
  ['extensions cut short', 'silence', replace(TYPE.serverHello, (body) => body.subarray(0, -1))],
  [
    'bytes behind its extensions',
    'silence',
    replace(TYPE.serverHello, (body) => Buffer.concat([body, u8(0)])),
  ],
  ['no extended master secret', 'handshake_failure', hello({ extensions: [] })],
  [
    'renegotiation_info that is not empty',
    'handshake_failure',
    hello({ extensions: [EMS, [0xff01, v8(u8(1))]] }),
  ],
  [
    'encrypt_then_mac for an AEAD',
    'unsupported_extension',
    hello({ extensions: [EMS, [22, Buffer.alloc(0)]] }),
  ],
  [
    'encrypt_then_mac for an AEAD, where CBC was offered too',
    'illegal_parameter',
    hello({ extensions: [EMS, [22, Buffer.alloc(0)]] }),
    { suites: ['TLS_PSK_WITH_AES_128_CCM_8', 'TLS_PSK_WITH_AES_128_CBC_SHA256'] },
  ],
  ['a ServerHelloDone that says something', 'silence', replace(TYPE.done, () => u8(0))],
  [
    'a ticket that it did not announce',
    'unexpected_message',
    (flight) =>
      has(flight, TYPE.finished)
        ? [message(4, Buffer.concat([Buffer.alloc(4), v16(u8(1))])), ...flight]
        : flight,
  ],
  [
    'Finished in the clear after ServerHelloDone',
    'silence',
    (flight) =>
      has(flight, TYPE.finished)
        ? []
        : after(TYPE.done, message(TYPE.finished, Buffer.alloc(12)))(flight, {} as TestServer),
  ],
  ['Finished instead of ServerHello', 'silence', inHello(() => [message(TYPE.finished, Buffer.alloc(12))])],
  [
    'a session id that nobody offered, then Finished',
    'silence',
    inHello((flight, server) => [
      ...hello({ sessionId: Buffer.alloc(32, 7) })(flight, server).filter(({ type }) => type === 2),
      record(20, 0, u8(1)),
      message(TYPE.finished, Buffer.alloc(12)),
    ]),
  ],
  [
    'Finished in the clear, in a record of epoch 1',
    'silence',
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
    'silence',
    inHello((flight) => [
      record(23, 0, Buffer.from('evil')),
      record(23, 1, Buffer.from('evil')),
      record(23, 2, Buffer.from('evil')),
      ...flight.slice(0, 1),
    ]),
  ],
  [
    'a wrong Finished',
    'decrypt_error',
    (flight) => flight.map((it) => (it.type === 20 ? { ...it, body: Buffer.alloc(12) } : it)),
  ],
  [
    'a Finished that is too short',
    'decrypt_error',
    (flight) => flight.map((it) => (it.type === 20 ? { ...it, body: it.body.subarray(0, 11) } : it)),
  ],
  [
    'a message of 16 MB',
    'silence',
    inHello(() => [
      record(22, 0, Buffer.concat([u8(2), u24(0xffffff), u16(1), u24(0), v24(Buffer.alloc(100))])),
    ]),
  ],
];

/** Never open, nothing delivered, and it comes to an end, for the reason that is meant. */
async function expectRefused({ client, told, heard, clock, settle }: Scene, verdict: Verdict): Promise<void> {
  for (let waited = 0; waited < 130_000; waited += 5000) {
    await clock.advance(5000);
    settle();
  }
  expect(told.details).toBeUndefined();
  expect(told.received).toEqual([]);
  expect(client.isOpen).toBe(false);
  expect(told.ended).toHaveLength(1);
  const code = verdict === 'silence' ? /^dtls\.timeout$/ : /^dtls\.(protocol|certificate)$/;
  expect(told.ended[0]).toMatchObject({ code: expect.stringMatching(code) });
  expect(heard.alerts).toEqual(verdict === 'silence' ? [] : [`2 ${ALERTS[verdict]}`]);
  expect(heard.received).toEqual([]);
  expect(clock.pending).toBe(0);
}

/** ServerKeyExchange of ECDHE_PSK, which nobody signs. */
const share = (curveType: number, group: number, point: Buffer): Buffer =>
  Buffer.concat([v16(), u8(curveType), u16(group), v8(point)]);
const ephemeral = (body: Buffer) =>
  ['illegal_parameter', replace(TYPE.keyExchange, () => body), { server: { suite: 0xd001 } }] as const;
const P256_X = Buffer.alloc(32, 3);

const SHARES: readonly Case[] = [
  ['a share of a curve that is spelled out', ...ephemeral(share(1, 23, Buffer.alloc(65, 4)))],
  ['a share of an unknown group', ...ephemeral(share(3, 0x1234, Buffer.alloc(65, 4)))],
  ['a compressed point', ...ephemeral(share(3, 23, Buffer.concat([u8(2), P256_X])))],
  ['a point that is not on the curve', ...ephemeral(share(3, 23, Buffer.concat([u8(4), P256_X, P256_X])))],
  ['the point at infinity', ...ephemeral(share(3, 23, u8(0)))],
  ['no point', ...ephemeral(share(3, 23, Buffer.alloc(0)))],
  ['an X25519 share of small order', ...ephemeral(share(3, 29, Buffer.alloc(32)))],
  ['an X25519 share that is too short', ...ephemeral(share(3, 29, Buffer.alloc(31, 9)))],
  ['an X25519 share that is too long', ...ephemeral(share(3, 29, Buffer.alloc(33, 9)))],
  ['no point format of ours', 'illegal_parameter', hello({ extensions: [EMS, [11, v8(u8(1))]] })],
  [
    'ServerKeyExchange twice',
    'unexpected_message',
    after(TYPE.serverHello, ...[0, 0].map(() => message(TYPE.keyExchange, v16()))),
  ],
];

const RAW: readonly Case[] = [
  ['another key', 'bad_certificate', asIs, { server: { key: ecKey().privateKey } }],
  ['no key at all', 'bad_certificate', replace(TYPE.certificate, () => v24())],
  [
    'a certificate',
    'unsupported_certificate',
    asIs,
    { server: { isRaw: false, chain: [ecServer.der], key: ecServer.key.privateKey } },
  ],
  [
    'agreement to certificates',
    'illegal_parameter',
    hello({ suite: 0xc0ae, extensions: [EMS, [20, u8(0)]] }),
  ],
];

const RSA_KEY: Case = [
  'an RSA key where the suite takes an EC key',
  'unsupported_certificate',
  asIs,
  {
    server: {
      chain: [rsaServer.der, intermediate.der],
      key: rsaServer.key.privateKey,
      signatureScheme: 0x0401,
    },
  },
];

const named = (cases: readonly Case[]) =>
  cases.map(([name, verdict, alter, more = {}]) => ({ name, verdict, alter, more }));

describe('a server', () => {
  test.each([
    ['its own flight', 'certificate', asIs, {}],
    ['its own flight, and shows a raw key', 'raw public key', asIs, {}],
    ['a ServerHello made here', 'psk', hello(), {}],
    ['a ServerHello with all that it may say', 'psk', hello({ extensions: [EMS, [0xff01, v8()]] }), {}],
    ['a share for a shared key', 'psk', asIs, { server: { suite: 0xd001 } }],
    ['a hint beside a shared key', 'psk', after(TYPE.serverHello, message(TYPE.keyExchange, v16(u8(1)))), {}],
  ] as const)(
    'is accepted that sends %s: what the others change is what is refused',
    (_name, way, alter, more) => {
      expect(run(way, alter, more).told.details).toBeDefined();
    },
  );

  test.each(named([...CERTIFIED, RSA_KEY]))('with certificates is refused that sends $name', (it) =>
    expectRefused(run('certificate', it.alter, it.more), it.verdict),
  );

  test.each(named([...SHARED, ...SHARES]))('with a shared key is refused that sends $name', (it) =>
    expectRefused(run('psk', it.alter, it.more), it.verdict),
  );

  test.each(named(RAW))('with a raw public key is refused that sends $name', (it) =>
    expectRefused(run('raw public key', it.alter, it.more), it.verdict),
  );
});

test('a hundred changing cookies are not followed (RFC 6347 4.2.1)', async () => {
  let asked = 0;
  const alter: Alter = (flight) =>
    flight.map((it) =>
      it.type === 3
        ? { ...it, body: Buffer.concat([u16(0xfefd), v8(Buffer.from(`cookie ${asked++}`))]) }
        : it,
    );
  const made = run('psk', alter);
  await expectRefused(made, 'silence');
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
