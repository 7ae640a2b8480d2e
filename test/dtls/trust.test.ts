import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type CertificateUsage,
  judgeServer,
  type PinMatching,
  parseChain,
  type ServerTrust,
} from '../../src/dtls/index.ts';
import { seededRandom } from '../coap/random.ts';
import { isOnPath } from '../peers/process.ts';
import {
  type CertificateOptions,
  ecKey,
  type Issued,
  issue,
  issueCa,
  issueServer,
  pemOf,
  rsaKey,
  spkiOf,
} from './certificates.ts';
import { ecServer, intermediate, root, SERVER_NAME } from './scenes.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const anchors = (...issued: readonly Issued[]): X509Certificate[] =>
  issued.map(({ der }) => new X509Certificate(der));

/** `trusted`, or the reason why not. */
function judge(
  chain: readonly Issued[],
  trust: ServerTrust,
  name: string | undefined = SERVER_NAME,
  now = Date.now(),
): string {
  try {
    judgeServer(parseChain(chain.map(({ der }) => der)), trust, name, now);
    return 'trusted';
  } catch (error) {
    return `${(error as { data?: { reason?: string } }).data?.reason}`;
  }
}

const server = (options: Partial<CertificateOptions> = {}): Issued =>
  issueServer({ subject: SERVER_NAME, key: ecKey(), issuer: intermediate, ...options });
const usual: ServerTrust = { anchors: anchors(root) };

const rsaCa = issueCa({ subject: 'RSA', key: rsaKey(), issuer: root });
const byRsa = (options: Partial<CertificateOptions>): Issued => server({ issuer: rsaCa, ...options });
/** An extended key usage without any purpose in it. */
const PURPOSES_OF_NO_FORM = { oid: '2.5.29.37', value: Buffer.of(4, 2, 1, 2) };
const NO_PURPOSES = { purposes: undefined } as unknown as CertificateOptions;
const followed = (issued: Issued, bytes: Buffer): Issued => ({
  ...issued,
  der: Buffer.concat([issued.der, bytes]),
});

describe('a path to an anchor (RFC 5280 6)', () => {
  test('with an intermediate CA', () => {
    expect(judge([ecServer, intermediate], usual)).toBe('trusted');
  });
  test('in any order, with certificates that are not needed', () => {
    const stranger = issueCa({ subject: 'Stranger', key: ecKey() });
    expect(judge([ecServer, stranger, root, intermediate], usual)).toBe('trusted');
  });
  test('signed with RSA, both ways (RFC 4055)', () => {
    for (const isPss of [false, true]) expect(judge([byRsa({ isPss }), rsaCa], usual)).toBe('trusted');
  });
  test('to an intermediate CA that is trusted itself', () => {
    expect(judge([ecServer], { anchors: anchors(intermediate) })).toBe('trusted');
  });
  test('to the certificate of the server itself', () => {
    expect(judge([ecServer], { anchors: anchors(ecServer) })).toBe('trusted');
  });
  test.each<readonly [string, readonly Issued[], string]>([
    ['without the intermediate CA', [ecServer], 'no-path'],
    ['without any certificate', [], 'malformed'],
    ['after its end', [server({ to: new Date(Date.now() - DAY_MS / 2) }), intermediate], 'expired'],
    [
      'before its beginning',
      [server({ from: new Date(Date.now() + DAY_MS) }), intermediate],
      'not-yet-valid',
    ],
    ['for clients only', [server({ purposes: ['clientAuth'] }), intermediate], 'not-for-servers'],
    [
      'with a key that may not sign',
      [server({ keyUsage: ['keyAgreement'] }), intermediate],
      'not-for-servers',
    ],
    ['for another name', [server({ dns: ['other.example.org'] }), intermediate], 'name'],
    ['with the name in the subject only', [server({ dns: [] }), intermediate], 'name'],
    ['signed by somebody else', [server({ signer: ecKey() }), intermediate], 'no-path'],
    ['signed with SHA-1', [server({ hash: 'sha1' }), intermediate], 'weak'],
    ['signed with SHA-1 by PSS', [byRsa({ isPss: true, hash: 'sha1' }), rsaCa], 'weak'],
    [
      'with purposes that cannot be read',
      [server({ extensions: [PURPOSES_OF_NO_FORM], ...NO_PURPOSES }), intermediate],
      'not-for-servers',
    ],
    [
      'for any purpose, without naming ours',
      [server({ purposes: ['any'] }), intermediate],
      'not-for-servers',
    ],
    ['with bytes behind its end', [followed(ecServer, Buffer.of(0)), intermediate], 'malformed'],
    [
      'in another form than DER',
      [{ ...ecServer, der: Buffer.from(pemOf(ecServer)) }, intermediate],
      'malformed',
    ],
    ['with a short RSA key', [server({ key: rsaKey(1024) }), intermediate], 'weak'],
    ['with an unusual curve', [server({ key: ecKey('secp256k1') }), intermediate], 'weak'],
    [
      'with an unknown critical extension',
      [server({ extensions: [{ oid: '1.2.3.4', isCritical: true, value: Buffer.of(5, 0) }] }), intermediate],
      'unsupported',
    ],
  ])('is refused %s', (_name, chain, reason) => {
    expect(judge(chain, usual)).toBe(reason);
  });

  test.each<readonly [string, Issued, string]>([
    [
      'expired',
      issueCa({ subject: 'CA', key: ecKey(), issuer: root, to: new Date(Date.now() - 1) }),
      'expired',
    ],
    ['no CA', issue({ subject: 'CA', key: ecKey(), issuer: root, isCa: false }), 'not-a-ca'],
    ['silent on being a CA', issue({ subject: 'CA', key: ecKey(), issuer: root }), 'not-a-ca'],
    [
      'for clients only',
      issueCa({ subject: 'CA', key: ecKey(), issuer: root, purposes: ['clientAuth'] }),
      'not-for-servers',
    ],
    [
      'constrained to names',
      issueCa({
        subject: 'CA',
        key: ecKey(),
        issuer: root,
        // permitted: dNSName example.org
        extensions: [
          { oid: '2.5.29.30', value: Buffer.from('3011a00f300d820b6578616d706c652e6f7267', 'hex') },
        ],
      }),
      'unsupported',
    ],
  ])('is refused when a CA is %s', (_name, ca, reason) => {
    expect(judge([server({ issuer: ca }), ca], usual)).toBe(reason);
  });

  test('is refused when a CA may not sign certificates: OpenSSL sees no issuer in it', () => {
    const ca = issueCa({ subject: 'CA', key: ecKey(), issuer: root, keyUsage: ['cRLSign'] });
    expect(['no-path', 'not-a-ca']).toContain(judge([server({ issuer: ca }), ca], usual));
  });

  test('no longer than a CA allows (RFC 5280 4.2.1.9)', () => {
    const limited = issueCa({ subject: 'Limited', key: ecKey(), pathLength: 0 });
    const below = issueCa({ subject: 'Below', key: ecKey(), issuer: limited });
    const trust = { anchors: anchors(limited) };
    expect(judge([server({ issuer: limited })], trust)).toBe('trusted');
    expect(judge([server({ issuer: below }), below], trust)).toBe('not-a-ca');
  });

  test('a CA that issued itself anew does not count (RFC 5280 4.2.1.9)', () => {
    const limited = issueCa({ subject: 'Limited', key: ecKey(), pathLength: 0 });
    const renewed = issueCa({ subject: 'Limited', key: ecKey(), issuer: limited, pathLength: 0 });
    expect(judge([server({ issuer: renewed }), renewed], { anchors: anchors(limited) })).toBe('trusted');
  });

  test('the right one of several anchors with the same name is found', () => {
    const twins = [1, 2, 3].map(() => issueCa({ subject: 'Twin', key: ecKey() }));
    const [, middle] = twins;
    if (middle === undefined) throw new Error();
    expect(judge([server({ issuer: middle })], { anchors: anchors(...twins) })).toBe('trusted');
  });

  test('an expired CA does not hide a good one with the same name and key', () => {
    const key = ecKey();
    const old = issueCa({ subject: 'CA', key, issuer: root, to: new Date(Date.now() - 1) });
    const renewed = issueCa({ subject: 'CA', key, issuer: root });
    expect(judge([server({ issuer: old }), old, renewed], usual)).toBe('trusted');
  });

  test('CAs that issued each other are no path, and do not take for ever', () => {
    const [one, two] = [ecKey(), ecKey()];
    const first = issueCa({ subject: 'One', key: one });
    const loop = Array.from({ length: 4 }, () => [
      issueCa({ subject: 'Two', key: two, issuer: first }),
      issueCa({ subject: 'One', key: one, issuer: { ...first, subject: 'Two', key: two } }),
    ]).flat();
    const before = performance.now();
    expect(judge([server({ issuer: first }), ...loop], usual)).toBe('no-path');
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test('broken DER is a reason, not a crash', () => {
    expect(judge([{ ...ecServer, der: Buffer.from('rubbish') }], usual)).toBe('malformed');
    expect(judge([{ ...ecServer, der: ecServer.der.subarray(0, -5) }], usual)).toBe('malformed');
    const broken = { oid: '2.5.29.15', isCritical: true, value: Buffer.of(3, 0x85, 1) };
    expect(['malformed', 'not-for-servers']).toContain(
      judge(
        [
          issueServer({
            subject: SERVER_NAME,
            key: ecKey(),
            issuer: root,
            keyUsage: [],
            extensions: [broken],
          }),
        ],
        usual,
      ),
    );
  });
});

test('certificates of any bytes are judged or refused, and never believed', () => {
  const random = seededRandom(2);
  const flip = (bytes: Buffer): Buffer => {
    const changed = Buffer.from(bytes);
    const at = Math.floor(random() * changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    return changed;
  };
  const reasons = new Set<string>();
  for (let time = 0; time < 3000; time++) {
    const ca = { ...intermediate, der: random() < 0.2 ? flip(intermediate.der) : intermediate.der };
    reasons.add(judge([{ ...ecServer, der: flip(ecServer.der) }, ca], usual));
  }
  expect(reasons).not.toContain('trusted');
  expect(reasons).not.toContain('undefined'); // an error that is none of ours
});

test('extensions of any bytes in a certificate that is signed are judged or refused', () => {
  const random = seededRandom(3);
  const oids = ['2.5.29.15', '2.5.29.19', '2.5.29.37', '2.5.29.17', '2.5.29.35'];
  const key = ecKey();
  for (let time = 0; time < 500; time++) {
    const value = Buffer.from(Array.from({ length: 1 + random() * 12 }, () => random() * 256));
    if (random() < 0.5) value[0] = 0x30;
    if (value.length > 1 && random() < 0.5) value[1] = value.length - 2;
    const oid = oids[Math.floor(random() * oids.length)] ?? '';
    const made = issue({
      subject: SERVER_NAME,
      key,
      issuer: intermediate,
      isCa: false,
      extensions: [{ oid, value }],
    });
    expect(judge([made, intermediate], usual)).not.toBe('undefined');
    expect(judge([server({ issuer: { ...made, subject: 'CA' } }), made, intermediate], usual)).not.toBe(
      'undefined',
    );
  }
});

test('what a certificate says of itself does not fill our logs', () => {
  const dns = Array.from({ length: 500 }, (_, at) => `${at}.example.net`);
  const made = parseChain([server({ subject: 'x'.repeat(5000), dns }).der, intermediate.der]);
  for (const trust of [usual, {}])
    expect(() => judgeServer(made, trust, SERVER_NAME, Date.now())).toThrowError(/^.{10,400}$/s);
});

describe('names (RFC 6125 6)', () => {
  const named = (dns: readonly string[], ip: readonly string[] = []) => server({ dns, ip });
  test.each<readonly [string, readonly string[], readonly string[], string, boolean]>([
    ['the same', ['a.example.org'], [], 'a.example.org', true],
    ['in another case', ['A.example.org'], [], 'a.EXAMPLE.org', true],
    ['one of several', ['a.example.org', 'b.example.org'], [], 'b.example.org', true],
    ['a wildcard', ['*.example.org'], [], 'a.example.org', true],
    ['a wildcard for two labels', ['*.example.org'], [], 'a.b.example.org', false],
    ['a part of a label as wildcard', ['a*.example.org'], [], 'ab.example.org', false],
    ['a wildcard for nothing', ['*.example.org'], [], 'example.org', false],
    ['an address', [], ['192.0.2.1'], '192.0.2.1', true],
    ['another address', [], ['192.0.2.1'], '192.0.2.2', false],
    ['an address as name', ['192.0.2.1'], [], '192.0.2.1', false],
  ])('%s', (_name, dns, ip, wanted, isTrusted) => {
    expect(judge([named(dns, ip), intermediate], usual, wanted)).toBe(isTrusted ? 'trusted' : 'name');
  });
});

describe('certificate usages (RFC 6698 2.1.1, LwM2M Security object)', () => {
  const exact = (usage: CertificateUsage, { der }: Issued): ServerTrust => ({
    anchors: anchors(root),
    pin: { usage, matching: 'exact', bytes: der },
  });
  const other = server();
  const expired = server({ to: new Date(Date.now() - DAY_MS) });
  const chain = [ecServer, intermediate];

  test.each<readonly [string, ServerTrust, readonly Issued[], string]>([
    ['0: the pinned CA is in the path', exact(0, intermediate), chain, 'trusted'],
    ['0: the pinned CA is the anchor', exact(0, root), chain, 'trusted'],
    ['0: the pinned CA is not in the path', exact(0, issueCa({ subject: 'CA', key: ecKey() })), chain, 'pin'],
    ['0: the certificate of the server is no CA', exact(0, ecServer), chain, 'pin'],
    ['0: without path', { ...exact(0, root), anchors: [] }, chain, 'no-path'],
    ['1: the pinned certificate, with path', exact(1, ecServer), chain, 'trusted'],
    ['1: another certificate', exact(1, other), chain, 'pin'],
    ['1: the pinned certificate, without path', { ...exact(1, ecServer), anchors: [] }, chain, 'no-path'],
    ['1: the pinned certificate, expired', exact(1, expired), [expired, intermediate], 'expired'],
    ['2: the pin is the anchor', { ...exact(2, root), anchors: [] }, chain, 'trusted'],
    [
      '2: the anchors of others do not count',
      exact(2, issueCa({ subject: 'CA', key: ecKey() })),
      chain,
      'no-path',
    ],
    [
      '3: the pinned certificate, whatever else',
      { ...exact(3, ecServer), anchors: [] },
      [ecServer],
      'trusted',
    ],
    ['3: even expired (RFC 7671 5.1)', exact(3, expired), [expired], 'trusted'],
    ['3: another certificate', exact(3, other), chain, 'pin'],
  ])('%s', (_name, trust, shown, verdict) => {
    expect(judge(shown, trust)).toBe(verdict);
  });

  test.each<readonly [PinMatching, (bytes: Buffer) => Buffer]>([
    ['exact', (bytes) => bytes],
    ['sha256', (bytes) => createHash('sha256').update(bytes).digest()],
    ['sha384', (bytes) => createHash('sha384').update(bytes).digest()],
    ['sha512', (bytes) => createHash('sha512').update(bytes).digest()],
  ])('a pin is compared as %s, with the certificate and with its key', (matching, hash) => {
    for (const bytes of [ecServer.der, spkiOf(ecServer.key)])
      expect(judge([ecServer], { pin: { usage: 3, matching, bytes: hash(bytes) } })).toBe('trusted');
    expect(judge([other], { pin: { usage: 3, matching, bytes: hash(ecServer.der) } })).toBe('pin');
  });

  test.each(['exact', 'sha256'] as const)(
    '2: the pin is the %s key of a CA that the server shows',
    (matching) => {
      const spki = spkiOf(root.key);
      const bytes = matching === 'exact' ? spki : createHash(matching).update(spki).digest();
      const trust: ServerTrust = { pin: { usage: 2, matching, bytes } };
      expect(judge([ecServer, intermediate, root], trust)).toBe('trusted');
      expect(judge([ecServer, intermediate], trust)).toBe('no-path');
    },
  );

  test.each<readonly [string, ServerTrust, string]>([
    ['with a CA', usual, 'name'],
    ['with usage 0', exact(0, root), 'name'],
    ['with usage 2', exact(2, root), 'name'],
    ['with usage 1', exact(1, ecServer), 'trusted'],
    ['with usage 3', exact(3, ecServer), 'trusted'],
  ])('without a name to check, %s', (_name, trust, verdict) => {
    const judged = (() => {
      try {
        judgeServer(parseChain(chain.map(({ der }) => der)), trust, undefined, Date.now());
        return 'trusted';
      } catch (error) {
        return (error as { data: { reason: string } }).data.reason;
      }
    })();
    expect(judged).toBe(verdict);
  });
});

/** Chains that are compared at least; more by hand: DTLS_CHAINS=100000. */
const CHAINS = Number(process.env.DTLS_CHAINS ?? 2400);
/** Servers below the same CAs: starting openssl takes longer than what it does. */
const SERVERS = 24;
const openssl = isOnPath('openssl') ? '' : ' (needs openssl: apt-get install openssl)';

describe.skipIf(openssl !== '')(`generated chains are judged as by openssl verify${openssl}`, () => {
  test(`${CHAINS} of them`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'dtls-chains-'));
    const random = seededRandom(Number(process.env.DTLS_SEED ?? 1));
    const verdicts = { trusted: 0, refused: 0, stricter: 0 };
    try {
      for (let number = 0; number < CHAINS; number += SERVERS) {
        const made = makeAuthorities(random);
        const servers = Array.from({ length: SERVERS }, () => makeServer(random, made));
        const accepted = opensslAccepts(folder, made, servers);
        for (const [at, { issued, quirks }] of servers.entries()) {
          const ours = judge([issued, ...made.shown], { anchors: anchors(...made.anchors) });
          const [isOurs, isTheirs] = [ours === 'trusted', accepted.has(at)];
          // Where we refuse more on purpose: see the README of the room.
          const isStricter = !isOurs && isTheirs && quirks.some((quirk) => STRICTER.has(quirk));
          if (isOurs !== isTheirs && !isStricter)
            throw new Error(`${number + at}: we say ${ours}, openssl ${isTheirs}; ${quirks.join(', ')}`);
          verdicts[isOurs ? 'trusted' : isStricter ? 'stricter' : 'refused']++;
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(verdicts.trusted).toBeGreaterThan(CHAINS / 10);
    expect(verdicts.refused).toBeGreaterThan(CHAINS / 10);
    expect(verdicts.stricter).toBeGreaterThan(CHAINS / 100);
  }, 600_000);
});

/** What openssl verify lets pass at its default settings, and we do not. */
const STRICTER = new Set([
  'keyAgreement only',
  'name in subject only',
  'SHA-1',
  'secp256k1',
  'harmless constraint',
  'demands policies',
]);

/** Who issues, and what the servers below show and clients trust of it. */
interface Authorities {
  readonly issuer: Issued;
  readonly shown: readonly Issued[];
  readonly anchors: readonly Issued[];
  /** what is unusual about them */
  readonly quirks: readonly string[];
}

const KEYS = Array.from({ length: 8 }, () => ecKey());
const STRANGER_KEY = ecKey();
const UNUSUAL_KEY = ecKey('secp256k1');
const keyAt = (at: number) => KEYS[at % KEYS.length] ?? ecKey();
const long = new Date(Date.now() - DAY_MS);

const critical = (oid: string, hex: string) => [{ oid, isCritical: true, value: Buffer.from(hex, 'hex') }];
const UNKNOWN = critical('1.2.3.4', '0500');
const permitting = (name: string) =>
  critical('2.5.29.30', `3011a00f300d820b${Buffer.from(name).toString('hex')}`);
const ANY_POLICY = critical('2.5.29.32', '300830060604551d2000');
const POLICY_DEMANDED = critical('2.5.29.36', '3003800100');

/** Decides by chance, and says what it decided. */
function quirksBy(random: () => number, quirks: string[]) {
  return <T>(chance: number, quirk: string, unusual: T): T | undefined => {
    if (random() >= chance) return undefined;
    quirks.push(quirk);
    return unusual;
  };
}

function makeAuthorities(random: () => number): Authorities {
  const quirks: string[] = [];
  const maybe = quirksBy(random, quirks);
  const ca = (subject: string, at: number, issuer?: Issued): Issued =>
    issue({
      subject: maybe(0.05, 'same name', 'Root') ?? subject,
      key: maybe(0.02, 'secp256k1', UNUSUAL_KEY) ?? keyAt(at),
      ...(issuer && { issuer }),
      isCa: maybe(0.03, `${subject} no CA`, false) ?? true,
      ...maybe(0.1, `${subject} path length 0`, { pathLength: 0 }),
      ...maybe(0.1, `${subject} path length 1`, { pathLength: 1 }),
      keyUsage: ['keyCertSign'],
      ...maybe(0.03, `${subject} may not sign`, { keyUsage: ['cRLSign'] as const }),
      ...maybe(0.04, `${subject} for clients`, { purposes: ['clientAuth'] as const }),
      ...maybe(0.04, `${subject} for servers`, { purposes: ['serverAuth'] as const }),
      ...maybe(0.04, `${subject} expired`, { from: new Date(0), to: long }),
      ...maybe(0.03, `${subject} unknown critical`, { extensions: UNKNOWN }),
      ...maybe(0.03, 'any policy', { extensions: ANY_POLICY }),
      ...maybe(0.03, 'demands policies', { extensions: POLICY_DEMANDED }),
      ...maybe(0.03, 'harmless constraint', { extensions: permitting('example.org') }),
      ...maybe(0.02, 'constraint', { extensions: permitting('example.net') }),
      ...maybe(0.02, `${subject} wrong signature`, { signer: STRANGER_KEY }),
      ...maybe(0.02, 'SHA-1', { hash: 'sha1' }),
    });
  const top = ca('Root', 0);
  const middles: Issued[] = [];
  const depth = Math.floor(random() * 4);
  for (let at = 0; at < depth; at++) middles.push(ca(`CA ${at}`, at + 1, middles.at(-1) ?? top));
  const [first] = middles;
  const twin = issueCa({ subject: 'Root', key: STRANGER_KEY });
  const trusted = [
    ...(maybe(0.1, 'twin root', [twin]) ?? []),
    top,
    ...((first && maybe(0.1, 'a CA is trusted too', [first])) ?? []),
  ];
  const shown = middles.filter(() => maybe(0.04, 'one is missing', true) === undefined);
  if (maybe(0.3, 'in another order', true)) shown.reverse();
  return {
    issuer: middles.at(-1) ?? top,
    shown,
    anchors: maybe(0.04, 'another root', [twin]) ?? trusted,
    quirks,
  };
}

function makeServer(random: () => number, { issuer, quirks: inherited }: Authorities) {
  const quirks = [...inherited];
  const maybe = quirksBy(random, quirks);
  const issued = issue({
    subject: SERVER_NAME,
    key: maybe(0.03, 'secp256k1', UNUSUAL_KEY) ?? keyAt(6),
    issuer,
    isCa: maybe(0.05, 'leaf is CA', true) ?? false,
    keyUsage: ['digitalSignature'],
    ...maybe(0.05, 'keyAgreement only', { keyUsage: ['keyAgreement'] as const }),
    purposes: ['serverAuth'],
    ...maybe(0.1, 'no purpose', { purposes: undefined as never }),
    ...maybe(0.05, 'leaf for clients', { purposes: ['clientAuth'] as const }),
    ...maybe(0.05, 'leaf for any purpose', { purposes: ['any'] as const }),
    ...maybe(0.05, 'leaf for both', { purposes: ['clientAuth', 'serverAuth'] as const }),
    dns: [SERVER_NAME],
    ...maybe(0.05, 'wildcard', { dns: ['*.example.org'] }),
    ...maybe(0.05, 'wildcard too high', { dns: ['*.org'] }),
    ...maybe(0.05, 'name in subject only', { dns: [] }),
    ...maybe(0.05, 'other name', { dns: ['x.org'] }),
    ...maybe(0.03, 'name in subject only', { dns: [], ip: ['192.0.2.1'] }),
    ...maybe(0.05, 'leaf expired', { from: new Date(0), to: long }),
    ...maybe(0.05, 'leaf not yet valid', { from: new Date(Date.now() + DAY_MS) }),
    ...maybe(0.03, 'leaf unknown critical', { extensions: UNKNOWN }),
    ...maybe(0.03, 'leaf wrong signature', { signer: STRANGER_KEY }),
    ...maybe(0.03, 'SHA-1', { hash: 'sha1' }),
  });
  return { issued, quirks };
}

/** The places of those servers that it accepts. */
function opensslAccepts(
  folder: string,
  { shown, anchors: trusted }: Authorities,
  servers: readonly { readonly issued: Issued }[],
): Set<number> {
  const file = (name: string, issued: readonly Issued[]): string => {
    writeFileSync(join(folder, name), issued.map(pemOf).join(''));
    return join(folder, name);
  };
  const { stdout } = spawnSync('openssl', [
    'verify',
    ...['-partial_chain', '-purpose', 'sslserver', '-verify_hostname', SERVER_NAME],
    ...['-no-CApath', '-CAfile', file('anchors.pem', trusted)],
    ...(shown.length > 0 ? ['-untrusted', file('others.pem', shown)] : []),
    ...servers.map(({ issued }, at) => file(`${at}.pem`, [issued])),
  ]);
  return new Set([...`${stdout}`.matchAll(/\/(\d+)\.pem: OK/g)].map(([, at]) => Number(at)));
}
