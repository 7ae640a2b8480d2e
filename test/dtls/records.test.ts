import { createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAdditionalData } from '../../src/dtls/additional-data.ts';
import { prf, trafficKeys, verifyData } from '../../src/dtls/keys.ts';
import { createProtection, createRecordLayer, type RecordLayer, recordAt } from '../../src/dtls/records.ts';
import { createReplayWindow } from '../../src/dtls/replay.ts';
import { SUITES, type SuiteName } from '../../src/dtls/suites.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('the pseudorandom function (RFC 5246 5)', () => {
  // Vectors published on the TLS working group's mailing list with RFC 5246.
  test.each([
    [
      'sha256',
      '9bbe436ba940f017b17652849a71db35',
      'a0ba9f936cda311827a6f796ffd5198c',
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66',
    ],
    [
      'sha384',
      'b80b733d6ceefcdc71566ea48e5567df',
      'cd665cf6a8447dd6ff8b27555edb7465',
      '7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f',
    ],
  ])('%s', (hash, secret, seed, expected) => {
    const output = prf(hash, hex(secret), 'test label', hex(seed), expected.length / 2);
    expect(output.toString('hex')).toBe(expected);
  });
});

const suiteOf = (name: SuiteName) => {
  const suite = SUITES.find((it) => it.name === name);
  if (suite === undefined) throw new Error(name);
  return suite;
};

const MASTER = Buffer.alloc(48, 7);
const RANDOMS = { client: Buffer.alloc(32, 1), server: Buffer.alloc(32, 2) };

test('the key block is cut in the order of RFC 5246 6.3', () => {
  const seed = Buffer.concat([RANDOMS.server, RANDOMS.client]);
  const block = prf('sha256', MASTER, 'key expansion', seed, 104);
  const { client, server } = trafficKeys(suiteOf('TLS_PSK_WITH_AES_128_CBC_SHA256'), MASTER, RANDOMS);
  expect(Buffer.concat([client.macKey, server.macKey, client.key, server.key])).toEqual(
    block.subarray(0, 96),
  );
  const aead = trafficKeys(suiteOf('TLS_PSK_WITH_AES_128_CCM_8'), MASTER, RANDOMS);
  const { client: ours, server: theirs } = aead;
  expect(Buffer.concat([ours.key, theirs.key, ours.salt, theirs.salt])).toEqual(block.subarray(0, 40));
});

test('Finished has 12 bytes (RFC 5246 7.4.9)', () => {
  const suite = suiteOf('TLS_PSK_WITH_AES_256_GCM_SHA384');
  expect(verifyData(suite, MASTER, 'client', Buffer.alloc(48))).toHaveLength(12);
});

describe('additional data', () => {
  const place = { type: 23, epoch: 1, sequence: 0x0102030405 };
  test('of a record (RFC 6347 4.1.2.1)', () => {
    const data = createAdditionalData(Buffer.alloc(0))(place, 0x20);
    expect(data.toString('hex')).toBe(['0001', '000102030405', '17', 'fefd', '0020'].join(''));
  });
  test('of a record with a connection id (RFC 9146 5.3)', () => {
    const data = createAdditionalData(hex('c1c2c3'))({ ...place, type: 25 }, 0x21);
    const parts = ['ffffffffffffffff', '19', '03', '19', 'fefd', '0001', '000102030405', 'c1c2c3', '0021'];
    expect(data.toString('hex')).toBe(parts.join(''));
  });
});

/** The two ends of a connection: what `near` writes, `far` reads. */
function pair(
  name: SuiteName,
  peerCid = Buffer.alloc(0),
  isEncryptThenMac = false,
): [RecordLayer, RecordLayer] {
  const suite = suiteOf(name);
  const { client, server } = trafficKeys(suite, MASTER, RANDOMS);
  const [near, far] = [createRecordLayer(), createRecordLayer()];
  const none = Buffer.alloc(0);
  near.protect({ suite, keys: { client, server }, isEncryptThenMac, peerCid, ownCid: none });
  far.protect({
    suite,
    keys: { client: server, server: client },
    isEncryptThenMac,
    peerCid: none,
    ownCid: peerCid,
  });
  return [near, far];
}

const read = (layer: RecordLayer, datagram: Buffer, cidLength = 0) => {
  const record = recordAt(datagram, 0, cidLength);
  return record && layer.read(record);
};

describe.each(SUITES.map(({ name, cipher }) => ({ name, cipher })))('$name', ({ name, cipher }) => {
  const variants = cipher.isAead ? [false] : [false, true];
  test.each(variants)(
    'what one end writes the other reads, with and without CID (Encrypt-then-MAC: %s)',
    (etm) => {
      for (const cid of [Buffer.alloc(0), Buffer.from('cid')]) {
        const [near, far] = pair(name, cid, etm);
        expect(near.mostContent).toBe(cid.length > 0 ? 2 ** 14 - 1 : 2 ** 14); // RFC 9146 5
        for (const length of [0, 1, 15, 16, 17, 200, near.mostContent]) {
          const content = Buffer.alloc(length, length);
          const datagram = near.write(23, 1, content);
          expect(datagram.length).toBeLessThanOrEqual(length + near.overhead(1));
          expect(read(far, datagram, cid.length)).toEqual({ type: 23, epoch: 1, bytes: content });
        }
      }
    },
  );

  test.each(variants)('a changed bit anywhere makes it a forgery (Encrypt-then-MAC: %s)', (etm) => {
    const cid = Buffer.from('cid');
    const [near, far] = pair(name, cid, etm);
    const datagram = near.write(23, 1, Buffer.from('reading'));
    for (let at = 0; at < datagram.length * 8; at++) {
      const changed = Buffer.from(datagram);
      changed[at >> 3] = (changed[at >> 3] ?? 0) ^ (1 << (at & 7));
      expect(read(far, changed, cid.length)).toBeUndefined();
    }
    expect(read(far, datagram, cid.length)).toBeDefined();
  });

  test.each(variants)('bodies of any length are refused, not tripped over (Encrypt-then-MAC: %s)', (etm) => {
    const [, far] = pair(name, Buffer.alloc(0), etm);
    for (let length = 0; length < 130; length++) {
      const header = Buffer.from('17fefd00010000000000000000', 'hex');
      header.writeUIntBE(length, 5, 6);
      header.writeUInt16BE(length, 11);
      expect(read(far, Buffer.concat([header, Buffer.alloc(length, 3)]))).toBeUndefined();
    }
    expect(far.counters.forged).toBe(130);
  });
});

test('a nonce is salt, epoch and sequence number (RFC 5288 3, RFC 6655 3)', () => {
  const suite = suiteOf('TLS_PSK_WITH_AES_128_CCM_8');
  const { client } = trafficKeys(suite, MASTER, RANDOMS);
  const [near] = pair('TLS_PSK_WITH_AES_128_CCM_8');
  near.write(23, 1, Buffer.from('first'));
  const datagram = near.write(23, 1, Buffer.from('second'));
  expect(datagram.subarray(13, 21).toString('hex')).toBe('0001000000000001');
  const nonce = Buffer.concat([client.salt, hex('0001000000000001')]);
  const opening = createDecipheriv('aes-128-ccm', client.key, nonce, { authTagLength: 8 });
  opening.setAuthTag(datagram.subarray(-8));
  opening.setAAD(hex('0001 000000000001 17 fefd 0006'), { plaintextLength: 6 });
  expect(opening.update(datagram.subarray(21, -8)).toString()).toBe('second');
});

test('CBC without Encrypt-then-MAC: wrong padding and wrong MAC are refused alike (RFC 5246 6.2.3.2)', () => {
  const suite = suiteOf('TLS_PSK_WITH_AES_128_CBC_SHA256');
  const { client } = trafficKeys(suite, MASTER, RANDOMS);
  const options = { cipher: suite.cipher, keys: client, cid: Buffer.alloc(0), isEncryptThenMac: false };
  const protection = createProtection(options);
  const place = { type: 23, epoch: 1, sequence: 0 };
  const body = Buffer.alloc(200);
  const length = protection.seal(place, Buffer.alloc(16, 1), body, 0);
  const good = body.subarray(0, length);
  expect(protection.open(place, good)).toEqual(Buffer.alloc(16, 1));
  expect(protection.open({ ...place, sequence: 1 }, good)).toBeUndefined();
  const wrongPadding = Buffer.from(good);
  wrongPadding[length - 17] = (wrongPadding[length - 17] ?? 0) ^ 0xff; // flips the last byte of the plain text
  expect(protection.open(place, wrongPadding)).toBeUndefined();
});

describe('connection ids', () => {
  test('padding behind the type is taken off (RFC 9146 4)', () => {
    const [near, far] = pair('TLS_PSK_WITH_AES_128_CCM_8');
    // A record of type 25 made by hand of a layer that hides the type: content, type, zeros.
    const cid = Buffer.from('cid');
    const [padding, reader] = pair('TLS_PSK_WITH_AES_128_CCM_8', cid);
    expect(read(reader, padding.write(0, 1, Buffer.from('x\x17')), 3)).toEqual({
      type: 23,
      epoch: 1,
      bytes: Buffer.from('x'),
    });
    expect(read(far, near.write(23, 1, Buffer.from('x')))).toBeDefined();
  });

  test.each([
    ['', Buffer.alloc(0)],
    [' with a connection id (RFC 9146 5)', Buffer.from('cid')],
  ])('a record of more than 2^14 bytes inside is dropped%s (RFC 5246 6.2.1)', (_name, cid) => {
    const [near, far] = pair('TLS_PSK_WITH_AES_128_CCM_8', cid);
    const most = near.mostContent;
    expect(read(far, near.write(23, 1, Buffer.alloc(most, 1)), cid.length)).toBeDefined();
    expect(read(far, near.write(23, 1, Buffer.alloc(most + 1, 1)), cid.length)).toBeUndefined();
    expect(far.counters).toMatchObject({ malformed: 1, forged: 0 });
  });

  test('a record in the clear of more than 2^14 bytes is dropped (RFC 5246 6.2.1)', () => {
    const layer = createRecordLayer();
    expect(read(layer, layer.write(22, 0, Buffer.alloc(2 ** 14)))).toBeDefined();
    expect(read(layer, layer.write(22, 0, Buffer.alloc(2 ** 14 + 1)))).toBeUndefined();
  });

  test('a record of zeros only has no type, and is dropped (RFC 9146 4)', () => {
    const [near, far] = pair('TLS_PSK_WITH_AES_128_CCM_8', Buffer.from('cid'));
    expect(read(far, near.write(0, 1, Buffer.alloc(5)), 3)).toBeUndefined();
    expect(far.counters.malformed).toBe(1);
  });

  test('once agreed on, records without it are dropped, and with another (RFC 9146 3)', () => {
    const [, far] = pair('TLS_PSK_WITH_AES_128_CCM_8', Buffer.from('cid'));
    const [bare] = pair('TLS_PSK_WITH_AES_128_CCM_8');
    const [other] = pair('TLS_PSK_WITH_AES_128_CCM_8', Buffer.from('CID'));
    expect(read(far, bare.write(23, 1, Buffer.from('x')), 3)).toBeUndefined();
    expect(read(far, other.write(23, 1, Buffer.from('x')), 3)).toBeUndefined();
  });
});

describe('the replay window (RFC 6347 4.1.2.6)', () => {
  test('agrees with a set of all numbers seen', () => {
    const step = fc.oneof(
      fc.integer({ min: 0, max: 90 }),
      fc.constantFrom(31, 32, 33, 63, 64, 65, 2 ** 31, 2 ** 32, 2 ** 40),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), step), { maxLength: 80 }), (moves) => {
        let window = createReplayWindow();
        const seen = new Set<number>();
        let top = -1;
        for (const [isAhead, distance] of moves) {
          const number = isAhead ? top + 1 + distance : Math.max(0, top - distance);
          if (number >= 2 ** 48) continue;
          const expected = number > top || (top - number < 64 && !seen.has(number));
          expect(window.isFresh(number)).toBe(expected);
          if (expected) {
            window.mark(number);
            seen.add(number);
            top = Math.max(top, number);
          }
          window = createReplayWindow(window.state); // what is saved says it all
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a record counts as seen only when it is authentic', () => {
    const [near, far] = pair('TLS_PSK_WITH_AES_128_GCM_SHA256');
    const datagram = near.write(23, 1, Buffer.from('x'));
    const forged = Buffer.from(datagram);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(read(far, forged)).toBeUndefined();
    expect(read(far, datagram)).toBeDefined();
    expect(read(far, datagram)).toBeUndefined();
    expect(far.counters).toEqual({ malformed: 0, forged: 1, replayed: 1 });
  });
});

describe('limits of a key (RFC 9147 4.5.3)', () => {
  test('no more records are sealed than it bears', () => {
    const [near] = pair('TLS_PSK_WITH_AES_128_CCM_8');
    const { state } = near;
    if (state === undefined) throw new Error();
    near.protect({ ...state, nextSequence: state.suite.cipher.mostRecords - 1 });
    near.write(23, 1, Buffer.from('last'));
    expect(() => near.write(23, 1, Buffer.from('x'))).toThrowError(
      expect.objectContaining({ code: 'dtls.exhausted' }),
    );
  });

  test('no more forgeries are tried than it bears', () => {
    const suite = suiteOf('TLS_PSK_WITH_AES_128_CCM_8');
    const weak = { ...suite, cipher: { ...suite.cipher, mostForgeries: 10 } };
    const layer = createRecordLayer();
    const none = Buffer.alloc(0);
    const keys = trafficKeys(suite, MASTER, RANDOMS);
    layer.protect({ suite: weak, keys, isEncryptThenMac: false, peerCid: none, ownCid: none });
    const forged = Buffer.concat([Buffer.from('17fefd00010000000000000020', 'hex'), Buffer.alloc(32)]);
    for (let time = 0; time < 10; time++) expect(read(layer, forged)).toBeUndefined();
    expect(() => read(layer, forged)).toThrowError(expect.objectContaining({ code: 'dtls.exhausted' }));
  });
});

test('erased keys are zero', () => {
  const [near] = pair('TLS_PSK_WITH_AES_128_CBC_SHA256');
  const { keys } = near.state ?? {};
  near.erase();
  near.erase();
  for (const side of [keys?.client, keys?.server])
    for (const secret of [side?.key, side?.macKey]) {
      expect(secret?.length).toBeGreaterThan(0);
      expect(secret?.every((byte) => byte === 0)).toBe(true);
    }
  expect(near.isProtected).toBe(false);
});

test('without keys nothing is written in epoch 1, least of all in the clear', () => {
  const layer = createRecordLayer();
  expect(() => layer.write(23, 1, Buffer.from('secret'))).toThrowError(
    expect.objectContaining({ code: 'dtls.closed' }),
  );
  const [near] = pair('TLS_PSK_WITH_AES_128_CCM_8');
  near.erase();
  expect(() => near.write(23, 1, Buffer.from('secret'))).toThrowError(
    expect.objectContaining({ code: 'dtls.closed' }),
  );
});
