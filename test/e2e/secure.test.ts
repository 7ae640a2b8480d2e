import { describe, expect, test } from 'vitest';
import type { Logger } from '../../src/base/index.ts';
import {
  type LeshanOptions,
  type LeshanSecurity,
  leshanAvailable,
  leshanInstallLine,
  startLeshan,
} from '../peers/leshan.ts';
import { ENDPOINT, meterConfig } from '../support/meters.ts';
import { createPki, pkiAvailable, pkiInstallLine } from '../support/pki.ts';
import { certificates, IDENTITY, KEY, keyed, secureModes, sharedKey } from '../support/secure-modes.ts';
import { eventually, openSite, type Site } from '../support/site.ts';

/** The whole gateway with Leshan over DTLS (OMA Transport 1.2 5.2; ETS int-401 to int-403). */

const WRONG = 'ffeeddccbbaa99887766554433221100';

const pki = pkiAvailable ? createPki(ENDPOINT) : undefined;
const PSK = sharedKey(ENDPOINT);

/** What is wrong, what both sides have, the problem, and whether trying again is of no use. */
type Refusal = readonly [string, LeshanSecurity, (site: Site) => Promise<string>, RegExp, boolean];

/** Soon enough for a test that a handshake fails. */
const TRANSMISSION = 'transmission: { ackTimeout: 100ms, ackRandomFactor: 1, maxRetransmit: 2 }';
/** And that a server which was restarted no longer knows us; a server that is only slow is to be waited for. */
const PATIENT = 'transmission: { ackTimeout: 400ms, ackRandomFactor: 1, maxRetransmit: 3 }';

const serverOf = (port: number, credentials: string, more: readonly string[] = []): string =>
  `{ ${[`uri: "coaps://127.0.0.1:${port}"`, `credentials: ${credentials}`, "release: '1.1'", ...more].join(', ')} }`;

describe.skipIf(!leshanAvailable())(
  `Leshan over DTLS (else: ${leshanInstallLine}; certificates need: ${pkiInstallLine})`,
  () => {
    const leshan = async (site: Site, options: LeshanOptions) => {
      const server = await startLeshan(options);
      site.onClose(() => server.stop());
      return server;
    };

    test.each(secureModes(ENDPOINT, pki))(
      'int-401, int-402 %s: Register, Read, Write, Observe, Notify; and all again after a restart of the server, which knows nothing then',
      async (_, mode) => {
        const site = await openSite();
        try {
          const first = await leshan(site, { security: mode.security });
          const servers = [
            serverOf(first.coapsPort, await mode.credentials(site), ['lifetime: 1h', PATIENT]),
          ];
          const gateway = await site.start(meterConfig({ servers }));
          const served = async (server: typeof first, value: string): Promise<void> => {
            await eventually(async () => (await server.clients()).length === 1, 20_000);
            const [client] = await server.clients();
            expect(client?.endpoint).toBe(ENDPOINT);
            expect(await server.read(ENDPOINT, '/1/0/7')).toMatchObject({
              success: true,
              content: { value: 'U' },
            });
            const events = await server.events();
            expect(await server.observe(ENDPOINT, '/1/0/1')).toMatchObject({ success: true });
            const lifetime = { kind: 'singleResource', id: 1, type: 'INTEGER', value } as const;
            expect(await server.write(ENDPOINT, '/1/0/1', lifetime)).toMatchObject({ success: true });
            const told = await events.next('NOTIFICATION', 5000);
            expect(told).toMatchObject({ ep: ENDPOINT, content: { value } });
          };
          await served(first, '7200');
          await first.stop();
          const second = await leshan(site, { security: mode.security, coapsPort: first.coapsPort });
          await gateway.update();
          await served(second, '7201');
          expect(gateway.status().servers[0]?.problem).toBeUndefined();
          await gateway.stop();
          expect(await second.clients()).toEqual([]);
        } finally {
          await site.close();
        }
      },
      60_000,
    );

    /** Everything that a log and the status say, until there is a problem. */
    const failing = async (site: Site, server: string) => {
      const said: unknown[] = [];
      const say = (facts: object, message: string): void => void said.push(facts, message);
      const log: Logger = { debug: say, info: say, warn: say, error: say, child: () => log };
      const gateway = await site.start(meterConfig({ servers: [server] }), log);
      const status = await eventually(() => gateway.status().servers.find(({ problem }) => problem), 15_000);
      await gateway.stop();
      return { status, said: JSON.stringify([said, status]) };
    };

    const REFUSALS: readonly Refusal[] = [
      [
        'an identity that the server does not know',
        PSK.security,
        (site) => keyed(site, 'stranger', WRONG),
        /^handshake failed: no DTLS handshake within 6000 ms; is the server there, and does it know this identity/,
        false,
      ],
      ['a wrong key', PSK.security, (site) => keyed(site, IDENTITY, WRONG), /^handshake failed: /, false],
      ...(pki === undefined
        ? []
        : ([
            [
              'int-403 a certificate for another name',
              certificates(ENDPOINT, pki).security,
              async (site) =>
                (await certificates(ENDPOINT, pki).credentials(site)).replace(
                  ' }',
                  ', serverName: other.example }',
                ),
              /^handshake failed: the certificate is for DNS:localhost, IP Address:127.0.0.1, not for other.example$/,
              true,
            ],
            [
              'an authority that did not sign for the server',
              certificates(ENDPOINT, pki).security,
              async (site) => {
                const credentials = await certificates(ENDPOINT, pki).credentials(site);
                await site.write('ca.pem', pki.stranger.certificate);
                return credentials;
              },
              /^handshake failed: /,
              true,
            ],
            [
              'a certificate of ours that the server does not trust',
              certificates(ENDPOINT, pki).security,
              async (site) => {
                const credentials = await certificates(ENDPOINT, pki).credentials(site);
                await site.write('gateway.pem', pki.stranger.certificate);
                await site.write('gateway.key', pki.stranger.privateKey);
                return credentials;
              },
              /^handshake failed: the server refused: /,
              true,
            ],
          ] satisfies Refusal[])),
    ];

    test.concurrent.each(REFUSALS)(
      '%s is a clear problem, and no secret is told',
      async (_, security, credentials, problem, hasFailed) => {
        const site = await openSite();
        try {
          const { coapsPort } = await leshan(site, { security });
          const { status, said } = await failing(
            site,
            serverOf(coapsPort, await credentials(site), [TRANSMISSION]),
          );
          expect(status.problem).toMatch(problem);
          expect(status.hasFailed).toBe(hasFailed);
          const secrets = [
            KEY,
            WRONG,
            pki?.client.privateKey.split('\n')[1],
            pki?.stranger.privateKey.split('\n')[1],
          ];
          for (const secret of secrets) if (secret !== undefined) expect(said).not.toContain(secret);
          expect(said).not.toMatch(/PRIVATE KEY|secretKey/);
        } finally {
          await site.close();
        }
      },
      40_000,
    );
  },
);
