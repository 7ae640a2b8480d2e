import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Logger } from '../../src/base/index.ts';
import { leshanAvailable, leshanInstallLine, startLeshan } from '../peers/leshan.ts';
import { ENDPOINT, meterConfig } from '../support/meters.ts';
import { type Nat, startNat } from '../support/nat.ts';
import { sharedKey } from '../support/secure-modes.ts';
import { eventually, openSite, type Site } from '../support/site.ts';

/**
 * A box behind a NAT, and one that is restarted, with Leshan over DTLS: no handshake and no registration more than it
 * takes (RFC 9146; RFC 7925 9).
 */

const { security, credentials } = sharedKey(ENDPOINT);

/** Soon enough for a test that something is lost. */
const TRANSMISSION = 'transmission: { ackTimeout: 400ms, ackRandomFactor: 1, maxRetransmit: 3 }';

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(() => site.close());

/** What the gateway says of its handshakes. */
function listener() {
  const said: (object & { readonly message: string })[] = [];
  const say = (facts: object, message: string): void => void said.push({ ...facts, message });
  const log: Logger = { debug: say, info: say, warn: say, error: say, child: () => log };
  return { log, of: (message: string) => said.filter((one) => one.message === message) };
}
const HANDSHAKE = 'DTLS handshake done';
const GOES_ON = 'the DTLS association of before goes on';

describe.skipIf(!leshanAvailable())(`a box behind a NAT (else: ${leshanInstallLine})`, () => {
  async function registered(cidLength?: number) {
    const options = { security, ...(cidLength !== undefined && { cidLength }) };
    const server = await startLeshan(options);
    site.onClose(() => server.stop());
    const nat = await startNat(server.coapsPort);
    site.onClose(() => nat.close());
    const uri = `coaps://127.0.0.1:${nat.port}`;
    const one = `{ uri: "${uri}", credentials: ${await credentials(site)}, release: '1.1', lifetime: 1h, ${TRANSMISSION} }`;
    const config = meterConfig({ servers: [one] });
    const first = listener();
    const gateway = await site.start(config, first.log);
    await eventually(async () => (await server.clients()).length === 1, 20_000);
    const events = await server.events();
    return { server, options, nat, config, gateway, events, heard: first };
  }

  const idOf = async ({ server }: { server: Awaited<ReturnType<typeof startLeshan>> }) =>
    (await server.clients())[0]?.registrationId;

  test('with a connection id a new address costs nothing: the same association, the same registration', async () => {
    const world = await registered(6);
    const [id, hellos] = [await idOf(world), world.nat.hellos];
    await world.server.observe(ENDPOINT, '/1/0/1');
    world.nat.rebind();
    await world.gateway.update();
    await world.events.next('UPDATED', 5000);
    expect(await world.server.read(ENDPOINT, '/1/0/1')).toMatchObject({ success: true });
    expect([await idOf(world), world.nat.hellos]).toEqual([id, hellos]);
  }, 40_000);

  test('without one, a short handshake and an Update: still the same registration', async () => {
    const world = await registered();
    const [id, hellos] = [await idOf(world), world.nat.hellos];
    await world.server.observe(ENDPOINT, '/1/0/1');
    world.nat.rebind();
    await world.gateway.update();
    await world.events.next('UPDATED', 10_000);
    expect(await world.server.read(ENDPOINT, '/1/0/1')).toMatchObject({ success: true });
    expect(await idOf(world)).toBe(id);
    expect(world.nat.hellos).toBeGreaterThan(hellos);
    expect(world.heard.of(HANDSHAKE)).toMatchObject([{ isResumed: false }, { isResumed: true }]);
    // What is observed is still told.
    const value = { kind: 'singleResource', id: 1, type: 'INTEGER', value: '7200' } as const;
    await world.server.write(ENDPOINT, '/1/0/1', value);
    await world.events.next('NOTIFICATION', 5000);
  }, 40_000);

  const kept = async (nat: Nat): Promise<{ server?: string; session?: string; connection?: string }> => {
    const file = join(site.folder, 'state/server-1/association.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const document = JSON.parse(await readFile(file, 'utf8'));
    if (document.server !== undefined) expect(document.server).toBe(`coaps://127.0.0.1:${nat.port}`);
    return document;
  };

  test('with a connection id it registers again after a planned restart without a handshake', async () => {
    const { server, nat, config, gateway } = await registered(6);
    await gateway.stop();
    expect(await server.clients()).toEqual([]);
    expect(await kept(nat)).toMatchObject({ connection: expect.any(String), session: expect.any(String) });
    const hellos = nat.hellos;
    const second = listener();
    await site.start(config, second.log);
    await eventually(async () => (await server.clients()).length === 1, 20_000);
    expect(nat.hellos).toBe(hellos);
    expect(second.of(GOES_ON)).toHaveLength(1);
    // Used twice it would break the encryption: it was gone before it was used.
    expect(await kept(nat)).toEqual({});
  }, 40_000);

  test('without one, by a short handshake', async () => {
    const { server, nat, config, gateway } = await registered();
    await gateway.stop();
    expect(Object.keys(await kept(nat))).not.toContain('connection');
    const second = listener();
    await site.start(config, second.log);
    await eventually(async () => (await server.clients()).length === 1, 20_000);
    expect(second.of(HANDSHAKE)).toMatchObject([{ isResumed: true }]);
  }, 40_000);

  test('a server that was restarted meanwhile costs a full handshake, and no person', async () => {
    const { server, options, config, gateway } = await registered(6);
    await gateway.stop();
    await server.stop();
    const next = await startLeshan(options);
    site.onClose(() => next.stop());
    const nat = await startNat(next.coapsPort);
    site.onClose(() => nat.close());
    // The same uri for the box: what it has kept is of the server that was there.
    const file = join(site.folder, 'state/server-1/association.json');
    const document = await readFile(file, 'utf8');
    const uri = `coaps://127.0.0.1:${nat.port}`;
    await site.write('state/server-1/association.json', document.replace(/coaps:[^"]*/, uri));
    const second = listener();
    await site.start(config.replace(/coaps:[^"]*/, uri), second.log);
    await eventually(async () => (await next.clients()).length === 1, 30_000);
    expect(second.of(GOES_ON)).toHaveLength(1);
    expect(second.of(HANDSHAKE)[0]).toMatchObject({ isResumed: false });
  }, 60_000);
});
