import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.ts';
import { connect } from '../../src/cli/connect.ts';
import { openControl } from '../../src/control/index.ts';
import { startUpstream, type UpstreamServer } from '../../src/demo/index.ts';
import { completed, openSite, type Site } from '../support/site.ts';
import { listen } from './output.ts';

const KEY = '000102030405060708090a0b0c0d0e0f';

let site: Site;
let server: UpstreamServer;
beforeEach(async () => {
  site = await openSite();
  server = await startUpstream({
    clock: systemClock,
    log: silentLogger,
    carrier: 'tcp',
    security: { keyOf: (identity) => (identity === 'gw' ? Buffer.from(KEY, 'hex') : undefined) },
  });
  site.onClose(() => server.close());
  await site.write('psk', KEY);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await site.close();
});

async function connected(uri: string, identity = 'gw', id?: number) {
  const one = `{ uri: "${uri}", credentials: { pskIdentity: ${identity}, pskFile: psk }, shortServerId: 7 }`;
  const config = completed(`upstream: { endpoint: gw-1, servers: [ ${one} ] }`, site.folder);
  const out = listen();
  const code = await connect(await site.write('gateway.yaml', config), id, [], out);
  expect(`${out.printed()}${out.complained()}`).not.toContain(KEY);
  return { ...out, code };
}

const uri = (): string => `coaps+tcp://127.0.0.1:${server.port}`;

test('connect shows handshake, registration and de-registration, step by step', async () => {
  const { code, printed, complained } = await connected(uri(), 'gw', 7);
  expect([code, complained()]).toEqual([0, '']);
  expect(printed().split('\n')).toEqual([
    `server 7: ${uri()}`,
    `  connected: host 127.0.0.1, address 127.0.0.1, port ${server.port}`,
    '  Register: endpoint gw-1, release 1.2',
    expect.stringMatching(/^ {2}registered: location \/rd\/./),
    '  De-register: status ok',
    'it works',
  ]);
  expect(server.clients.size).toBe(0);
});

test('connect says in one line why it failed', async () => {
  const { code, complained } = await connected(uri(), 'stranger');
  expect(code).toBe(1);
  expect(complained()).toMatch(
    /^it does not work: binding.handshake: handshake failed: the server refused: .+ \(alert \d+\)$/,
  );
});

test('connect knows only servers of the configuration', async () => {
  const { code, complained } = await connected(uri(), 'gw', 8);
  expect([code, complained()]).toEqual([2, 'no server 8 in the configuration; there are: 7']);
});

test('connect leaves a running gateway alone', async () => {
  const control = await openControl(join(site.folder, 'state/control.sock'), {});
  site.onClose(() => control.close());
  await expect(connected(uri())).rejects.toMatchObject({ code: 'control.taken' });
});

test('SSLKEYLOGFILE gets the secrets of TLS, in a file of its owner only', async () => {
  const file = join(site.folder, 'keys');
  vi.stubEnv('SSLKEYLOGFILE', file);
  expect((await connected(uri())).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toMatch(/^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]{64,96}$/m);
  expect(statSync(file).mode & 0o077).toBe(0);
});
