import { afterEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger, systemClock } from '../../src/base/index.ts';
import { openAssociation } from '../../src/binding/association.ts';
import { openSecureLink, type Resumption } from '../../src/binding/secure-link.ts';
import { OWN_OFFER } from '../../src/client/index.ts';
import { type DtlsPeer, startLibcoapDtls, startScandium } from '../peers/dtls.ts';
import { leshanAvailable, leshanInstallLine } from '../peers/leshan.ts';
import { libcoapInstallLine, libcoapServerAvailable } from '../peers/libcoap.ts';

const KEY = Buffer.from('0123456789abcdef');
const SUITE = 'TLS_PSK_WITH_AES_128_CCM_8';
const ports = {
  clock: systemClock,
  timers: createTimers(systemClock, 20),
  log: silentLogger,
  random: Math.random,
};

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

async function started(peer: Promise<DtlsPeer>): Promise<DtlsPeer> {
  const running = await peer;
  releases.push(() => running.stop());
  return running;
}

describe.skipIf(!leshanAvailable())(
  `a server that sends back what it gets (else: ${leshanInstallLine})`,
  () => {
    async function linked() {
      const { port } = await started(startScandium({ identity: 'gw', key: KEY }, SUITE, 0));
      const resumption: Resumption = {};
      const heard: string[] = [];
      const link = await openSecureLink(
        {
          udp: { host: '127.0.0.1', port },
          security: {
            credentials: { kind: 'psk', identity: Buffer.from('gw'), key: KEY },
            serverName: '127.0.0.1',
            offer: OWN_OFFER,
          },
          resumption,
          ackTimeoutMs: 200,
        },
        ports,
        { lost: () => heard.push('lost'), moved: () => heard.push('moved') },
      );
      releases.push(() => link.transport.close());
      const echo = async (text: string): Promise<string> => {
        const peer = await link.peer();
        const echoed = new Promise<string>((resolve) =>
          link.transport.receive({
            onMessage: (bytes, from) => resolve(`${Buffer.from(bytes)} ${from.key === peer.key}`),
            onError: (error) => resolve(error.message),
          }),
        );
        link.transport.send(Buffer.from(text), peer);
        return echoed;
      };
      return { link, resumption, heard, echo };
    }

    test('a resumed association goes on with the same peer, and an Update may follow (RFC 7925 9; X50)', async () => {
      const { link, heard, echo } = await linked();
      const before = await link.peer();
      expect(await echo('one')).toBe('one true');
      link.doubt(systemClock.monotonic(), false);
      expect(await echo('two')).toBe('two true');
      expect((await link.peer()).key).toBe(before.key);
      expect(heard).toEqual(['moved']);
    });

    test('after a full handshake the server is another endpoint, which knows nothing (RFC 7252 9.1.1)', async () => {
      const { link, resumption, heard, echo } = await linked();
      const before = await link.peer();
      resumption.session = undefined;
      link.doubt(systemClock.monotonic(), false);
      expect(await echo('two')).toBe('two true');
      expect((await link.peer()).key).not.toBe(before.key);
      expect(heard).toEqual(['lost']);
      link.transport.receive({ onMessage() {}, onError: (error) => heard.push(error.message) });
      link.transport.send(Buffer.from('three'), before);
      expect(heard).toEqual(['lost', 'there is no association just now']);
    });
  },
);

describe.skipIf(!libcoapServerAvailable())(`libcoap over DTLS (else: ${libcoapInstallLine})`, () => {
  test.each(['openssl', 'gnutls'] as const)(
    'on %s: a request is answered, with the cipher suite that 0/x/16 names (OMA Core 1.2.2 E.1)',
    async (on) => {
      const { port } = await started(startLibcoapDtls(on, { identity: 'gw', key: KEY }));
      const heard: string[] = [];
      const association = await openAssociation(
        {
          scheme: 'coaps',
          host: '127.0.0.1',
          port,
          attempt: 0,
          credentials: {
            mode: 'psk',
            identity: Buffer.from('gw'),
            serverPublicKey: new Uint8Array(),
            secretKey: KEY,
            matchingType: 0,
            sni: undefined,
            certificateUsage: 3,
            offer: { ...OWN_OFFER, cipherSuites: [0xc0a8] },
          },
        },
        { handler: async () => ({ code: '4.04' }) },
        ports,
        { lost: () => heard.push('lost'), moved: () => heard.push('moved') },
      );
      releases.push(() => association.close());
      const ask = () =>
        association.ask({ method: 'GET', path: ['time'] }, ({ payload }) => payload.length > 0);
      expect(await ask()).toBe(true);
      expect([association.generation, heard]).toEqual([0, []]);
    },
  );
});
