import { expect, test } from 'vitest';
import { OWN_OFFER, readAccounts } from '../../src/client/accounts.ts';
import { type Configuration, EMPTY, merge } from '../../src/client/configuration.ts';
import type { ResourceValue } from '../../src/tree/index.ts';

type Values = Readonly<Record<number, ResourceValue>>;

const with0 = (values: Values, instance = 0, onto: Configuration = EMPTY): Configuration =>
  put(onto, 0, instance, values);
function put(onto: Configuration, object: number, instance: number, values: Values): Configuration {
  return merge(
    onto,
    object,
    instance,
    new Map(Object.entries(values).map(([id, value]) => [Number(id), value])),
  );
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const PSK = { 0: 'coaps://s.example', 1: false, 2: 0, 3: bytes('gw'), 4: bytes(''), 5: bytes('key'), 10: 1 };
const NO_SEC = {
  0: 'coap://s.example:15683',
  1: false,
  2: 3,
  3: bytes(''),
  4: bytes(''),
  5: bytes(''),
  10: 1,
};
const SERVER = { 0: 1, 1: 86400, 6: false, 7: 'U' };
const BOOTSTRAP = { 0: 'coap://bs.example', 1: true, 2: 3, 11: 5, 12: 60 };

const account = (security: Values, server: Values = SERVER): Configuration =>
  put(with0(security), 1, 0, server);

test('a server account is an instance of object 0 and one of object 1 with the same Short Server ID (6.1)', () => {
  const { servers, faults } = readAccounts(put(account(PSK), 1, 0, SERVER));
  expect(faults).toEqual([]);
  expect(servers).toMatchObject([
    {
      shortServerId: 1,
      serverInstance: 0,
      security: {
        instance: 0,
        uri: { scheme: 'coaps', host: 's.example', port: 5684, path: [] },
        credentials: { mode: 'psk', certificateUsage: 3, matchingType: 0 },
      },
    },
  ]);
});

test('the account of the Bootstrap-Server has no Short Server ID, and times of its own (E.1: 11, 12)', () => {
  const { bootstrap } = readAccounts(with0(BOOTSTRAP, 1, account(NO_SEC)));
  expect(bootstrap).toMatchObject({ holdOffMs: 5000, timeoutMs: 60_000, security: { instance: 1 } });
});

test.each<[string, Configuration, RegExp]>([
  ['no server account', EMPTY, /there is no server account/],
  ['only one half of an account', with0(NO_SEC), /\/0\/0: no instance of object 1 is of server 1/],
  ['only the other half', put(EMPTY, 1, 0, SERVER), /\/1\/0: no instance of object 0 is of server 1/],
  ['a URI that is none', account({ ...NO_SEC, 0: 'http://s.example' }), /\/0\/0\/0 is no URI/],
  [
    'a secure scheme without security',
    account({ ...NO_SEC, 0: 'coaps://s.example' }),
    /coaps does not go with/,
  ],
  ['security without a secure scheme', account({ ...PSK, 0: 'coap://s.example' }), /coap does not go with/],
  ['no key', account({ ...PSK, 5: bytes('') }), /\/0\/0\/5 is missing/],
  ['an unknown mode', account({ ...PSK, 2: 9 }), /\/0\/0\/2 is no security mode/],
  ['no lifetime', account(NO_SEC, { 0: 1, 6: false, 7: 'U' }), /\/1\/0\/1 is missing/],
  ['a binding that we do not have', account(NO_SEC, { ...SERVER, 7: 'S' }), /\/1\/0\/7 names no binding/],
  ['two instances of object 1 for one server', put(account(NO_SEC), 1, 1, SERVER), /of the same server 1/],
  [
    'two Bootstrap-Servers',
    with0(BOOTSTRAP, 2, with0(BOOTSTRAP, 1, account(NO_SEC))),
    /more than one Bootstrap-Server/,
  ],
  ['raw public keys over TLS', account({ ...PSK, 0: 'coaps+tcp://s.example', 2: 1 }), /none over TLS/],
  ['enrolment (EST)', account({ ...PSK, 2: 4 }), /EST \(4\) are not supported/],
  ['OSCORE', account({ ...NO_SEC, 17: { object: 21, instance: 0 } }), /\/0\/0\/17: OSCORE is not supported/],
  ['a Short Server ID out of range', account({ ...NO_SEC, 10: 65535 }), /\/0\/0\/10 is no Short Server ID/],
])('%s is inconsistent (OMA Core 1.2.2 6.1.7.7)', (_, configuration, fault) => {
  expect(readAccounts(configuration).faults.join('\n')).toMatch(fault);
});

test('what a handshake offers stands in 0/x/16, 18, 20, and in bits of 22 and 24', () => {
  const offerOf = (more: Values) =>
    readAccounts(account({ ...PSK, ...more })).servers[0]?.security.credentials.offer;
  const list = (...numbers: number[]) => new Map(numbers.entries());
  expect(offerOf({})).toEqual(OWN_OFFER);
  expect(offerOf({ 16: list(0xc0a8, 0xae), 18: list(23), 20: list(0x0403), 22: 0b0111, 24: 0b1 })).toEqual({
    cipherSuites: [0xc0a8, 0xae],
    groups: [23],
    signatures: [0x0403],
    isTls13: false,
    hasConnectionId: false,
  });
  expect(offerOf({ 22: 0b1000, 24: 1 << 12 })).toEqual(OWN_OFFER);
});

test('a link to nothing is no OSCORE (0/x/17)', () => {
  const { faults } = readAccounts(account({ ...NO_SEC, 17: { object: 65535, instance: 65535 } }));
  expect(faults).toEqual([]);
});

test('no fault shows a key', () => {
  const secret = bytes('very-secret-key');
  const { faults } = readAccounts(account({ ...PSK, 0: 'coap://x', 2: 2, 5: secret, 13: 7 }));
  expect(faults.length).toBeGreaterThan(1);
  expect(faults.join()).not.toMatch(/very-secret|118,101,114/);
});

test.each([
  ['the first of equals', { 7: 'UT' }, 'coap'],
  ['in the order of the Server object', { 7: 'TU' }, 'coap+tcp'],
  ['the preferred one before that', { 7: 'UT', 22: 'T' }, 'coap+tcp'],
  ['not a preferred one that there is no way for', { 7: 'UT', 22: 'S' }, 'coap'],
])('of several ways to a server one is taken: %s (OMA Core 1.2 E.2: 7, 22)', (_, server, scheme) => {
  const overTcp = { ...NO_SEC, 0: 'coap+tcp://s.example' };
  const both = put(with0(overTcp, 1, with0(NO_SEC)), 1, 0, { ...SERVER, ...server });
  const { servers, faults } = readAccounts(both);
  expect(faults).toEqual([]);
  expect(servers.map(({ security }) => security.uri.scheme)).toEqual([scheme]);
});
