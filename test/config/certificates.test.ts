import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { formatFault } from '../../src/config/index.ts';
import { ecKey, type Issued, issue, issueCa } from '../dtls/certificates.ts';
import { load } from './support.ts';

const pemOf = ({ der }: Issued): string => new X509Certificate(der).toString();

const DAY_MS = 24 * 60 * 60 * 1000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

const key = ecKey();
const ca = issueCa({ subject: 'ca', key: ecKey() });
const between = issueCa({ subject: 'between', key: ecKey(), issuer: ca });
const gateway = (more: { issuer?: Issued; from?: Date; to?: Date } = {}): Issued =>
  issue({ subject: 'gateway', key, issuer: ca, ...more });

const main = `profilePaths: [profiles]
upstream:
  endpoint: gw
  servers:
    - uri: coaps://h
      credentials: { caFile: ca.pem, certificateFile: gw.pem, privateKeyFile: gw.key }
`;

function notesOn(chain: readonly Issued[], authorities: readonly Issued[] = [ca]): string[] {
  const files = {
    'gw.pem': chain.map(pemOf).join(''),
    'ca.pem': authorities.map(pemOf).join(''),
    'gw.key': key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
  const { notes, faults } = load(main, { files });
  expect(faults).toEqual([]);
  return notes.map((note) => `${note.isGrave ? '' : 'perhaps '}${formatFault(note)}`);
}

const OWN = 'gateway.yaml:6:55 upstream.servers[0].credentials.certificateFile: ';
const AUTHORITY = 'gateway.yaml:6:30 upstream.servers[0].credentials.caFile: ';

test.each<[string, Issued[], Issued[], (string | RegExp)[]]>([
  ['nothing, when all is well', [gateway()], [ca], []],
  ['nothing, with a chain', [gateway({ issuer: between }), between], [ca], []],
  [
    'an expired certificate',
    [gateway({ from: inDays(-9), to: inDays(-1) })],
    [ca],
    [/certificateFile: the certificate of CN=gateway expired on /],
  ],
  [
    'one that is not valid yet',
    [gateway({ from: inDays(1) })],
    [ca],
    [/certificateFile: the certificate of CN=gateway is not valid before /],
  ],
  [
    'an expired authority',
    [gateway()],
    [issueCa({ subject: 'ca', key: ca.key, from: inDays(-9), to: inDays(-1) })],
    [/caFile: the certificate of CN=ca expired on /],
  ],
  [
    'a certificate in place of an authority',
    [gateway()],
    [ca, gateway()],
    [`${AUTHORITY}the certificate of CN=gateway is none of an authority`],
  ],
  [
    'a chain in a wrong order',
    [gateway({ issuer: between }), ca, between],
    [ca],
    [`${OWN}the certificate of CN=gateway is not issued by the one after it, CN=ca`],
  ],
  [
    'a chain that may be incomplete',
    [gateway({ issuer: between })],
    [ca],
    [
      `perhaps ${OWN}the chain ends below CN=between: a server that does not have its certificate needs it in this file`,
    ],
  ],
])('of certificates is told: %s', (_, chain, authorities, expected) => {
  expect(notesOn(chain, authorities)).toEqual(
    expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
  );
});
