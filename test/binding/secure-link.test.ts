import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, test } from 'vitest';
import { createTimers, silentLogger, systemClock } from '../../src/base/index.ts';
import { openAssociation } from '../../src/binding/association.ts';
import { openSecureLink, type Resumption } from '../../src/binding/secure-link.ts';
import { OWN_OFFER } from '../../src/client/index.ts';
import { PSK } from '../dtls/network.ts';
import { createTestServer, type ServerSession, type TestServer } from '../dtls/server.ts';
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

describe('what a link leaves for the next one', () => {
  const NAME = 'lwm2m.example.org';

  /** A server that resumes sessions, and a link to it. */
  async function linked() {
    const socket = createSocket('udp4');
    const sessions = new Map<string, ServerSession>();
    let server: TestServer | undefined;
    let resolves = true;
    socket.on('message', (datagram, { port, address }) => {
      const isFirst = datagram.readUInt8(0) === 22 && datagram.readUIntBE(5, 6) === 0;
      if (isFirst)
        server = createTestServer({
          resumes: 'id',
          sessions,
          send: (bytes) => socket.send(bytes, port, address),
        });
      server?.receive(datagram);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    releases.push(() => socket.close());
    const resumption: Resumption = {};
    const heard: string[] = [];
    const lookup = async (): Promise<string[]> => (resolves ? ['127.0.0.1'] : []);
    const link = await openSecureLink(
      {
        udp: { host: NAME, port: socket.address().port, lookup },
        security: { credentials: PSK, serverName: NAME, offer: OWN_OFFER },
        resumption,
        ackTimeoutMs: 200,
      },
      ports,
      { lost: () => heard.push('lost'), moved: () => heard.push('moved') },
    );
    releases.push(() => link.transport.close());
    return {
      link,
      resumption,
      heard,
      send: (type: number, bytes: Buffer) => {
        const record = server?.record(type, 1, bytes);
        if (record !== undefined) socket.send(record, link.transport.localPort, '127.0.0.1');
      },
      unnamed: () => {
        resolves = false;
      },
    };
  }

  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  };

  test('no session after a fatal alert (RFC 5246 7.2.2)', async () => {
    const { resumption, send, heard } = await linked();
    expect(resumption.session).toBeDefined();
    send(21, Buffer.of(2, 80));
    await until(() => heard.length > 0);
    expect([heard, resumption.session]).toEqual([['lost'], undefined]);
  });

  test('its session where the server is not even found', async () => {
    const { link, resumption, unnamed, heard } = await linked();
    const { session } = resumption;
    unnamed();
    link.doubt(systemClock.monotonic(), false);
    await until(() => heard.length > 0);
    expect(resumption.session).toBe(session);
  });

  test('its session after close_notify, by which the server wants nothing but an end', async () => {
    const { resumption, send, heard } = await linked();
    const { session } = resumption;
    send(21, Buffer.of(1, 0));
    await until(() => heard.length > 0);
    expect(resumption.session).toBe(session);
  });
});

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
