import { createECDH, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { agree } from '../../src/dtls/ecdhe.ts';
import type { Credentials } from '../../src/dtls/index.ts';
import { pemOf } from './certificates.ts';
import { createScene, openScene, PSK, type Scene } from './network.ts';
import { byCertificate, ecServer, intermediate, root, SERVER_NAME, scene, WAYS } from './scenes.ts';
import { type Outgoing, type ServerSession, u16 } from './server.ts';

/** Both sides are open, and understand each other. */
function expectEcho({ client, server, told, heard, settle }: Scene): void {
  expect(told.ended).toEqual([]);
  expect(told.details).toBeDefined();
  expect(server.isOpen()).toBe(true);
  client.send(Buffer.from('reading'));
  server.write(Buffer.from('thanks'));
  settle();
  expect(heard.received.at(-1)).toBe('reading');
  expect(told.received.at(-1)).toBe('thanks');
}

describe.each(Object.keys(WAYS))('with %s', (way) => {
  test.each([
    ['no connection id', undefined, undefined],
    ["the server's connection id (RFC 9146 3)", Buffer.from('sid'), undefined],
    ['connection ids of both sides (RFC 9146 3)', Buffer.from('sid'), Buffer.from('client')],
    ['an empty one of the server (RFC 9146 3)', Buffer.alloc(0), Buffer.from('client')],
  ])('the handshake and data get through with %s', (_name, cid, connectionId) => {
    const result = openScene(
      scene(way, {
        ...(connectionId && { connectionId }),
        server: { ...(cid && { cid }) },
      }),
    );
    expectEcho(result);
    expect(result.told.details?.hasPeerCid).toBe((cid?.length ?? 0) > 0);
    if (cid?.length) expect(result.server.seen.cidRecords).toBeGreaterThan(1);
  });

  test.each(['id', 'ticket'] as const)('a session is resumed by %s (RFC 5246 7.3, RFC 5077 3)', (resumes) => {
    const sessions = new Map<string, ServerSession>();
    const first = openScene(scene(way, { server: { resumes, sessions } }));
    expectEcho(first);
    const session = first.client.session();
    if (session === undefined) throw new Error('no session');
    const second = openScene(scene(way, { session, server: { resumes, sessions } }));
    expectEcho(second);
    expect(second.told.details).toMatchObject({ isResumed: true, isExtendedMasterSecret: true });
    expect(second.up.length).toBeLessThan(first.up.length + 1);
    const again = second.client.session();
    if (again === undefined) throw new Error('no session');
    expectEcho(openScene(scene(way, { session: again, server: { resumes, sessions } })));
  });

  test('a session that the server has forgotten costs a full handshake only', () => {
    const first = openScene(scene(way, { server: { resumes: 'ticket' } }));
    const session = first.client.session();
    const second = openScene(scene(way, { ...(session && { session }), server: { resumes: 'ticket' } }));
    expectEcho(second);
    expect(second.told.details?.isResumed).toBe(false);
  });

  test('datagrams of 256 bytes suffice, and none is longer (RFC 6347 4.2.3)', () => {
    const result = openScene(scene(way, { mtu: 256, server: { mtu: 256 } }));
    expectEcho(result);
    expect(result.server.seen.largestDatagram).toBeLessThanOrEqual(256);
  });

  test('it works without cookies (RFC 6347 4.2.1)', () => {
    expectEcho(openScene(scene(way, { server: { hasCookie: false } })));
  });

  test('the server learns who we are', () => {
    const { server } = openScene(scene(way));
    if (way === 'psk') expect(server.seen.identity).toBe('meter');
    else expect(server.seen.provedKey).toBe(true);
  });
});

test.each([0xc0a8, 0xc0a4, 0x00a8, 0x00a9, 0xc0a9, 0xd001])('PSK suite %#x', (suite) => {
  expectEcho(openScene({ server: { suite, cid: Buffer.from('cid') } }));
});

test.each([0xc0ae, 0xc02b])('ECDHE_ECDSA suite %#x', (suite) => {
  expectEcho(openScene(scene('certificate', { server: { suite } })));
});

test('an agreed secret keeps the zeros at its front (RFC 8422 5.10)', () => {
  const curves = [
    [23, 'prime256v1', 32],
    [24, 'secp384r1', 48],
  ] as const;
  for (const [id, name, length] of curves)
    for (let time = 0; time < 600; time++) {
      const peer = createECDH(name);
      const agreed = agree(id, peer.generateKeys());
      if (typeof agreed === 'string') throw new Error(agreed);
      expect(agreed.secret).toHaveLength(length);
      if (agreed.secret[0] === 0) break;
    }
});

test('CBC is offered only when it is asked for, and then with Encrypt-then-MAC (RFC 7366)', () => {
  const ENCRYPT_THEN_MAC = 22;
  expect(openScene().server.seen.extensions.has(ENCRYPT_THEN_MAC)).toBe(false);
  const suites = ['TLS_PSK_WITH_AES_128_CCM_8', 'TLS_PSK_WITH_AES_128_CBC_SHA256'] as const;
  expect(openScene({ suites }).server.seen.extensions.has(ENCRYPT_THEN_MAC)).toBe(true);
});

test('a server without the extended master secret is refused, unless it is allowed (RFC 7627 5.3)', () => {
  const refused = openScene({ server: { ems: false } });
  expect(refused.told.ended).toMatchObject([{ code: 'dtls.protocol' }]);
  expect(refused.heard.alerts).toEqual(['2 40']);
  const allowed = openScene({ needsExtendedMasterSecret: false, server: { ems: false } });
  expectEcho(allowed);
  expect(allowed.told.details?.isExtendedMasterSecret).toBe(false);
});

test('a session without the extended master secret is not offered where it is needed (RFC 7627 5.3)', () => {
  const sessions = new Map<string, ServerSession>();
  const server = { ems: false, resumes: 'id', sessions } as const;
  const session = openScene({ needsExtendedMasterSecret: false, server }).client.session();
  const second = openScene({ ...(session && { session }), server: { ...server, ems: true } });
  expectEcho(second);
  expect(second.told.details?.isResumed).toBe(false);
});

/** What stands in a ServerHello behind its session id. */
const AFTER_SESSION_ID = 2 + 32 + 33;
const changeHello = (change: (body: Buffer) => Buffer) => (flight: readonly Outgoing[]) =>
  flight.map((it) => (it.type === 2 ? { ...it, body: change(it.body) } : it));
const EXTENDED_MASTER_SECRET = Buffer.from('000400170000', 'hex');

test.each<readonly [string, boolean, (body: Buffer) => Buffer]>([
  [
    'without the extended master secret (RFC 7627 5.3)',
    true,
    (body) => body.subarray(0, AFTER_SESSION_ID + 3),
  ],
  [
    'with an extended master secret that it did not have (RFC 7627 5.3)',
    false,
    (body) => Buffer.concat([body.subarray(0, AFTER_SESSION_ID + 3), EXTENDED_MASTER_SECRET]),
  ],
  [
    'with another suite (RFC 5246 7.4.1.3)',
    true,
    (body) =>
      Buffer.concat([body.subarray(0, AFTER_SESSION_ID), u16(0x00a8), body.subarray(AFTER_SESSION_ID + 2)]),
  ],
])('a server that resumes a session %s is refused', (_name, ems, change) => {
  const sessions = new Map<string, ServerSession>();
  const server = { ems, resumes: 'id', sessions } as const;
  const needsExtendedMasterSecret = false;
  const session = openScene({ needsExtendedMasterSecret, server }).client.session();
  if (session === undefined) throw new Error('no session');
  const untouched = openScene({ needsExtendedMasterSecret, session, server });
  expect(untouched.told.details?.isResumed).toBe(true);
  const { told, heard } = openScene({
    needsExtendedMasterSecret,
    session,
    server: { ...server, alter: changeHello(change) },
  });
  expect(told.ended).toMatchObject([{ code: 'dtls.protocol' }]);
  expect(heard.alerts).toEqual(['2 47']);
});

test('connection ids are agreed on anew in a resumed session (RFC 9146 3)', () => {
  const sessions = new Map<string, ServerSession>();
  const server = { resumes: 'id', sessions } as const;
  const session = openScene({ server: { ...server, cid: Buffer.from('sid') } }).client.session();
  const bare = openScene({ ...(session && { session }), server });
  expectEcho(bare);
  expect(bare.told.details).toMatchObject({ isResumed: true, hasPeerCid: false });
  expect(bare.server.seen.cidRecords).toBe(0);
});

test('a ticket is not offered longer than the server says (RFC 5077 3.3)', async () => {
  const sessions = new Map<string, ServerSession>();
  const server = { resumes: 'ticket', sessions, ticketSeconds: 60 } as const;
  const session = openScene({ server }).client.session();
  if (session === undefined) throw new Error('no session');
  for (const [ms, isResumed] of [
    [59_000, true],
    [61_000, false],
  ] as const) {
    const later = createScene({ session, server });
    await later.clock.advance(ms);
    later.client.start();
    later.settle();
    expectEcho(later);
    expect(later.told.details?.isResumed).toBe(isResumed);
  }
});

test('a server may announce a ticket and give an empty one: there is no session then (RFC 5077 3.3)', () => {
  const { told, client } = openScene({
    server: { resumes: 'ticket', emptyTicket: true },
  });
  expect(told.details).toBeDefined();
  expect(client.session()).toBeUndefined();
});

test('a ticket is no session until the Finished of the server is right (RFC 5077 3.3)', () => {
  const { told, client } = openScene({
    server: {
      resumes: 'ticket',
      alter: (flight) => flight.map((it) => (it.type === 20 ? { ...it, body: Buffer.alloc(12) } : it)),
    },
  });
  expect(told.ended).toMatchObject([{ code: 'dtls.protocol' }]);
  expect(client.session()).toBeUndefined();
});

test('a session is bound to the credentials and the name that it was made with', () => {
  const sessions = new Map<string, ServerSession>();
  const server = { resumes: 'id', sessions } as const;
  const session = openScene(scene('certificate', { server })).client.session();
  if (session === undefined) throw new Error('no session');
  const { own } = byCertificate.kind === 'certificate' ? byCertificate : {};
  const pinned = {
    kind: 'certificate',
    trust: { pin: { usage: 3, matching: 'exact', bytes: ecServer.der } },
    ...(own && { own }),
  } as const;
  const other = openScene(scene('certificate', { session, credentials: pinned, server }));
  expectEcho(other);
  expect(other.told.details?.isResumed).toBe(false);
  const same = openScene(scene('certificate', { session, server }));
  expect(same.told.details?.isResumed).toBe(true);
});

test('a session can be made with all the CAs that Node.js trusts', () => {
  const anchors = [...rootCertificates, pemOf(root)].map((pem) => new X509Certificate(pem));
  const credentials = { ...byCertificate, trust: { anchors } } as Credentials;
  const { told, client } = openScene(scene('certificate', { credentials, server: { resumes: 'id' } }));
  expect(told.ended).toEqual([]);
  expect(client.session()).toBeDefined();
});

test('a session is not offered after a day (RFC 5246 F.1.4)', async () => {
  const sessions = new Map<string, ServerSession>();
  const session = openScene({ server: { resumes: 'id', sessions } }).client.session();
  const late = createScene({ ...(session && { session }), server: { resumes: 'id', sessions } });
  await late.clock.advance(24 * 60 * 60 * 1000 + 60_000);
  late.client.start();
  late.settle();
  expectEcho(late);
  expect(late.told.details?.isResumed).toBe(false);
});

test('a session is not offered after the clock was set back, whereby it would outlive its day', async () => {
  const sessions = new Map<string, ServerSession>();
  const first = createScene({ server: { resumes: 'id', sessions } });
  await first.clock.advance(60_000);
  first.client.start();
  first.settle();
  const session = first.client.session();
  const early = openScene({ ...(session && { session }), server: { resumes: 'id', sessions } });
  expectEcho(early);
  expect(early.told.details?.isResumed).toBe(false);
});

test('bytes that are no session are passed over', () => {
  for (const session of [Buffer.alloc(0), Buffer.from('rubbish'), Buffer.alloc(500, 1)])
    expectEcho(openScene({ session }));
});

describe('Server Name Indication (RFC 6066 3)', () => {
  test('a name is told', () => {
    expect(openScene({ serverName: SERVER_NAME }).server.seen.serverName).toBe(SERVER_NAME);
  });
  test('without the dot at its end', () => {
    expect(openScene({ serverName: `${SERVER_NAME}.` }).server.seen.serverName).toBe(SERVER_NAME);
    expect(openScene(scene('certificate', { serverName: `${SERVER_NAME}.` })).told.details).toBeDefined();
  });
  test('an address is not', () => {
    expect(openScene({ serverName: '192.0.2.1' }).server.seen.serverName).toBeUndefined();
  });
});

test('the hello with the cookie is the first one, with the cookie in it (RFC 6347 4.2.1)', () => {
  const [first, second] = openScene(scene('certificate')).up;
  const HEADERS = 13 + 12;
  const EMPTY_COOKIE = HEADERS + 2 + 32 + 1;
  const parts = (hello?: Buffer, cookie = 0) => [
    hello?.subarray(HEADERS, EMPTY_COOKIE),
    hello?.subarray(EMPTY_COOKIE + 1 + cookie),
  ];
  expect(first?.[EMPTY_COOKIE]).toBe(0);
  expect(second?.subarray(EMPTY_COOKIE + 1, EMPTY_COOKIE + 7).toString()).toBe('cookie');
  expect(parts(second, 6)).toEqual(parts(first));
  const sequenceOf = (hello?: Buffer) => hello?.readUInt16BE(13 + 4);
  expect([sequenceOf(first), sequenceOf(second)]).toEqual([0, 1]); // RFC 6347 4.2.2
});

test('a hello offers what a device needs, and no more (RFC 5246 7.4.1.2, RFC 7925)', () => {
  const { extensions } = openScene(scene('certificate')).server.seen;
  // server_name, groups, point formats, signatures, EMS, ticket, connection_id, renegotiation_info
  expect([...extensions.keys()].sort((a, b) => a - b)).toEqual([0, 10, 11, 13, 23, 35, 54, 0xff01]);
  expect(extensions.get(11)).toEqual(Buffer.of(1, 0)); // uncompressed points (RFC 7925 4.3)
  expect(extensions.get(0xff01)).toEqual(Buffer.of(0)); // RFC 5746 3.4
  const schemes = extensions.get(13) ?? Buffer.alloc(2);
  for (let at = 2; at < schemes.length; at += 2) expect([4, 5, 6, 8]).toContain(schemes[at]); // no SHA-1, no MD5
});

test('a server that asks for a certificate gets an empty list when we have none (RFC 5246 7.4.6)', () => {
  const credentials = { ...byCertificate, own: undefined } as never;
  const result = openScene(scene('certificate', { credentials }));
  expectEcho(result);
  expect(result.server.seen.clientCertificates).toEqual([]);
});

test.each<readonly [string, Buffer]>([
  ['types of certificates (RFC 5246 7.4.6)', Buffer.from('0101000404030401' + '0000', 'hex')],
  ['signature schemes (RFC 5246 7.4.8)', Buffer.from('014000020401' + '0000', 'hex')],
])('our certificate is not sent to a server that takes other %s', (_name, body) => {
  const alter = (flight: readonly Outgoing[]) => flight.map((it) => (it.type === 13 ? { ...it, body } : it));
  const result = openScene(scene('certificate', { server: { alter } }));
  expectEcho(result);
  expect(result.server.seen).toMatchObject({ clientCertificates: [], provedKey: false });
});

test('the client certificate is sent with its chain (RFC 5246 7.4.6)', () => {
  const { clientCertificates } = openScene(scene('certificate')).server.seen;
  expect(clientCertificates).toHaveLength(2);
  expect(clientCertificates[1]).toEqual(intermediate.der);
});

test('a key that cannot sign ends the handshake with an error, not with a crash', () => {
  if (byCertificate.kind !== 'certificate' || byCertificate.own === undefined) throw new Error();
  const broken = { asymmetricKeyType: 'ec', type: 'private' } as never;
  const credentials = { ...byCertificate, own: { ...byCertificate.own, privateKey: broken } };
  const result = openScene(scene('certificate', { credentials }));
  expect(result.told.ended).toMatchObject([{ code: 'dtls.failed' }]);
});

test('an identity of 128 bytes and a key of 64 (RFC 4279 5.3)', () => {
  const [identity, key] = [Buffer.alloc(128, 'i'), Buffer.alloc(64, 7)];
  const result = openScene({ credentials: { kind: 'psk', identity, key }, server: { psk: key } });
  expectEcho(result);
  expect(result.server.seen.identity).toBe(identity.toString());
});

test('a wrong key is never told by the server: the handshake times out (RFC 4279 2)', async () => {
  const result = openScene({ credentials: { ...PSK, key: Buffer.from('wrong') } });
  expect(result.server.isOpen()).toBe(false);
  await result.clock.advance(120_000);
  expect(result.told.ended).toMatchObject([{ code: 'dtls.timeout' }]);
});

test('an alert of the server ends the handshake, and says why (RFC 5246 7.2.2)', () => {
  const result = openScene({
    server: { alter: () => [{ type: 0, epoch: 0, contentType: 21, body: Buffer.of(2, 115) }] },
  });
  expect(result.told.ended).toMatchObject([{ code: 'dtls.alert', data: { alert: 'unknown_psk_identity' } }]);
});

describe('the end', () => {
  test('close tells the server, once (RFC 5246 7.2.1)', () => {
    const { client, told, heard, settle } = openScene();
    client.close();
    client.close();
    settle();
    expect(heard.alerts).toEqual(['1 0']);
    expect(told.ended).toEqual([undefined]);
    expect(() => client.send(Buffer.from('x'))).toThrowError(
      expect.objectContaining({ code: 'dtls.closed' }),
    );
  });

  test('close_notify of the server is answered, and ends the association (RFC 5246 7.2.1)', () => {
    const { client, server, told, heard, settle } = openScene();
    client.receive(server.record(21, 1, Buffer.of(1, 0)));
    settle();
    expect(heard.alerts).toEqual(['1 0']);
    expect(told.ended).toMatchObject([{ code: 'dtls.closed' }]);
  });

  test('a fatal alert ends the association', () => {
    const { client, server, told } = openScene();
    client.receive(server.record(21, 1, Buffer.of(2, 80)));
    expect(told.ended).toMatchObject([{ code: 'dtls.alert' }]);
  });

  test('what comes after close_notify is not looked at (RFC 5246 7.2.1)', () => {
    const { client, server, told } = openScene();
    const late = Buffer.concat([
      server.record(21, 1, Buffer.of(1, 0)),
      server.record(23, 1, Buffer.from('late')),
    ]);
    client.receive(late);
    client.receive(server.record(23, 1, Buffer.from('later')));
    expect(told.received).toEqual([]);
    expect(told.ended).toHaveLength(1);
  });

  test('a fatal alert makes the session void (RFC 5246 7.2.2)', () => {
    const { client, server } = openScene({ server: { resumes: 'id' } });
    expect(client.session()).toBeDefined();
    client.receive(server.record(21, 1, Buffer.of(2, 80)));
    expect(client.session()).toBeUndefined();
  });

  test.each([
    ['of no known level', Buffer.of(3, 40)],
    ['cut short', Buffer.of(2)],
    ['of no bytes', Buffer.alloc(0)],
    ['of two at once', Buffer.of(1, 90, 2, 40)],
    ['of an unknown kind, as a warning', Buffer.of(1, 200)],
  ])('an alert %s changes nothing', (_name, alert) => {
    const { client, server, told } = openScene();
    client.receive(server.record(21, 1, alert));
    expect(told.ended).toEqual([]);
  });

  test.each([
    ['opened', []],
    ['received', ['one']],
  ] as const)('nothing is told after the end, though it came before: closed when %s', (when, told) => {
    const waiting: (() => void)[] = [];
    const made = createScene({
      way: (datagram, pass, direction) => {
        const isFinished = direction === 'down' && datagram.readUInt8(0) === 20;
        if (isFinished) waiting.push(() => pass(datagram));
        else pass(datagram);
      },
      onTold: (association, what) => {
        if (what === when) association.close();
      },
    });
    made.client.start();
    made.settle();
    for (const text of ['one', 'two']) made.server.write(Buffer.from(text));
    made.settle();
    for (const go of waiting) go();
    made.settle();
    expect(made.told.details).toBeDefined();
    expect(made.told.ended).toEqual([undefined]);
    expect(made.told.received).toEqual(told);
  });

  test('a warning does not', () => {
    const { client, server, told } = openScene();
    client.receive(server.record(21, 1, Buffer.of(1, 90)));
    expect(told.ended).toEqual([]);
  });

  test('close during the handshake ends it', () => {
    const { client, told, clock } = createScene();
    client.start();
    client.close();
    expect(told.ended).toEqual([undefined]);
    expect(clock.pending).toBe(0);
  });
});

test('HelloRequest is answered by no_renegotiation (RFC 5246 7.2.2)', () => {
  const { client, server, told, heard, settle } = openScene();
  client.receive(server.record(22, 1, Buffer.from('000000000000000000000000', 'hex')));
  settle();
  expect(heard.alerts).toEqual(['1 100']);
  expect(told.ended).toEqual([]);
});

test('more bytes than a record holds are refused (RFC 5246 6.2.1)', () => {
  const { client, heard, settle } = openScene();
  expect(() => client.send(Buffer.alloc(16_385))).toThrowError(
    expect.objectContaining({ code: 'dtls.too-large' }),
  );
  client.send(Buffer.alloc(16_384, 'x'));
  settle();
  expect(heard.received[0]).toHaveLength(16_384);
});

test('with a connection id the type counts as well (RFC 9146 5)', () => {
  const { client, heard, settle } = openScene({ server: { cid: Buffer.from('cid') } });
  expect(() => client.send(Buffer.alloc(16_384))).toThrowError(
    expect.objectContaining({ code: 'dtls.too-large' }),
  );
  client.send(Buffer.alloc(16_383, 'x'));
  settle();
  expect(heard.received[0]).toHaveLength(16_383);
});

test('no bytes are data too (RFC 5246 6.2.1)', () => {
  const { client, server, told, heard, settle } = openScene({
    connectionId: Buffer.from('us'),
    server: { cid: Buffer.from('it') },
  });
  client.send(Buffer.alloc(0));
  server.write(Buffer.alloc(0));
  settle();
  expect([heard.received, told.received]).toEqual([[''], ['']]);
});

test('nothing can be sent before it is open', () => {
  const { client } = createScene();
  expect(() => client.send(Buffer.from('x'))).toThrowError(expect.objectContaining({ code: 'dtls.closed' }));
});

test.each([
  ['no suite that fits', { suites: ['TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8'] as const }],
  ['an MTU below 256', { mtu: 255 }],
  ['a connection id that is too long', { connectionId: Buffer.alloc(255) }],
  ['an empty key', { credentials: { ...PSK, key: Buffer.alloc(0) } }],
  ['a name that no host can have', { serverName: 'zähler.example.org' }],
  ['an empty name', { serverName: '' }],
  ['a timer that does not wait', { timers: { firstMs: 0, mostMs: 60_000, totalMs: 120_000 } }],
  ['a timer without an end', { timers: { firstMs: 1000, mostMs: 60_000, totalMs: Number.NaN } }],
  ['certificates without a name to check', { credentials: byCertificate }],
  ['an empty chain', { serverName: 'x', credentials: { ...byCertificate, own: { chain: [] } } as never }],
])('options with %s are refused', (_name, options) => {
  expect(() => createScene(options)).toThrowError(expect.objectContaining({ code: 'dtls.bad-options' }));
});
