import { describe, expect, test } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.ts';
import { startUpstream, type UpstreamServer } from '../../src/demo/index.ts';
import type { Entry } from '../../src/model/index.ts';
import type { TlsServerSecurity } from '../../src/transport/index.ts';
import { ENDPOINT, METERS, meterConfig, setReadings } from '../support/meters.ts';
import { createPki, type Pki, pkiAvailable, pkiInstallLine } from '../support/pki.ts';
import { eventually, openSite, type Site } from '../support/site.ts';

/** The whole gateway with a server over TCP and TLS (OMA Transport 1.2 6.2, RFC 8323). */

const KEY = '000102030405060708090a0b0c0d0e0f';

interface Carrier {
  readonly scheme: 'coap+tcp' | 'coaps+tcp';
  readonly security?: TlsServerSecurity;
  /** Writes the files, and says what stands under `credentials:`. */
  readonly credentials?: (site: Site) => Promise<string>;
}

const pki = pkiAvailable ? createPki() : undefined;

function certified(pki: Pki | undefined): (readonly [string, Carrier])[] {
  if (pki === undefined) return [];
  const carrier: Carrier = {
    scheme: 'coaps+tcp',
    security: { ...pki.server, ca: pki.ca, requiresCertificate: true },
    credentials: async (site) => {
      await site.write('ca.pem', pki.ca);
      await site.write('gateway.pem', pki.client.certificate);
      await site.write('gateway.key', pki.client.privateKey);
      return '{ caFile: ca.pem, certificateFile: gateway.pem, privateKeyFile: gateway.key }';
    },
  };
  return [['coaps+tcp with certificates', carrier]];
}

const CARRIERS: readonly (readonly [string, Carrier])[] = [
  ['coap+tcp', { scheme: 'coap+tcp' }],
  [
    'int-406 coaps+tcp with a shared key',
    {
      scheme: 'coaps+tcp',
      security: { keyOf: (identity) => (identity === 'gw-17' ? Buffer.from(KEY, 'hex') : undefined) },
      credentials: async (site) =>
        `{ pskIdentity: gw-17, pskFile: "${await site.write('psk', `${KEY}\n`)}" }`,
    },
  ],
  ...certified(pki),
];

const only = ([entry]: readonly Entry[]) => entry?.value;

describe(`a server over a stream (certificates need: ${pkiInstallLine})`, () => {
  test.concurrent.each(CARRIERS)(
    'int-106 %s: Register, Read, Write, Observe; and all again after the server was gone',
    async (_, carrier) => {
      const site = await openSite();
      const serve = async (port = 0): Promise<UpstreamServer> => {
        const server = await startUpstream({
          clock: systemClock,
          log: silentLogger,
          carrier: 'tcp',
          port,
          ...(carrier.security !== undefined && { security: carrier.security }),
        });
        site.onClose(() => server.close());
        return server;
      };
      try {
        const credentials = await carrier.credentials?.(site);
        const first = await serve();
        const { port } = first;
        const keys = [`uri: "${carrier.scheme}://127.0.0.1:${port}"`, 'lifetime: 1h'];
        const server = `{ ${[...keys, ...(credentials === undefined ? [] : [`credentials: ${credentials}`])].join(', ')} }`;
        const simulation = await site.simulate(meterConfig({ servers: [server] }));
        setReadings(simulation);
        const gateway = await site.start(meterConfig({ servers: [server], field: simulation.connection }));
        const prefix = gateway.status().devices[0]?.prefix ?? '';
        const power = `/${prefix}/10242/0/34`;

        const served = async (upstream: UpstreamServer, watts: number): Promise<void> => {
          const client = await eventually(() => upstream.clients.get(ENDPOINT), 15_000);
          expect([client.binding, client.release]).toEqual(['T', '1.2']);
          expect(only(await upstream.read(ENDPOINT, '/1/0/7'))).toBe('T');
          expect(only(await upstream.read(ENDPOINT, '/3/0/16'))).toBe('UT');
          expect((await upstream.read(ENDPOINT, `/${prefix}/10242/0`)).length).toBeGreaterThan(20);
          await upstream.write(ENDPOINT, '/1/0/2', '0');
          const seen: unknown[] = [];
          await upstream.observe(ENDPOINT, power, (entries) => seen.push(only(entries)));
          simulation.set(METERS[0], 'p', watts);
          await eventually(() => seen.includes(watts / 1000));
        };

        await served(first, 1234);
        await first.close();
        const second = await serve(port);
        await served(second, 4321);
        await gateway.stop();
        await eventually(() => second.clients.size === 0);
      } finally {
        await site.close();
      }
    },
    30_000,
  );
});
