import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Lockstep, startLockstep } from '../support/lockstep.ts';
import { openSite, type Site } from '../support/site.ts';

let site: Site;
let one: Lockstep;
let two: Lockstep;

beforeEach(async () => {
  site = await openSite();
  [one, two] = await Promise.all([startLockstep(), startLockstep()]);
});

afterEach(async () => {
  await site.close();
  one.close();
  two.close();
});

test('two servers share a gateway as its configuration says (OMA Core 1.2 8)', async () => {
  await site.start(`upstream:
  endpoint: gw
  storedObjects: [16]
  servers:
    - { uri: "coap://127.0.0.1:${one.port}" }
    - { uri: "coap://127.0.0.1:${two.port}", access: read }
`);
  const registers = await Promise.all([one.register(), two.register()]);
  expect(new Set(registers.map(({ payload }) => payload.toString())).size).toBe(1);
  const text = async (server: Lockstep, path: string): Promise<string> =>
    (await server.ask('0.01', path, { accept: 0 })).payload.toString();
  expect([await text(one, '/3/0/0'), await text(two, '/3/0/0')]).toEqual(['lwm2m-gateway', 'lwm2m-gateway']);
  expect(await text(two, '/1/1/0')).toBe('2');
  expect((await one.ask('0.01', '/1/1/0')).code).toBe('4.01');
  const identity = { contentFormat: 11542, payload: Buffer.from('8300410061', 'hex') };
  expect((await two.ask('0.02', '/16', identity)).code).toBe('4.01');
  expect((await two.ask('0.02', '/3/0/4')).code).toBe('4.01');
  expect((await one.ask('0.02', '/16', identity)).code).toBe('2.01');
  for (const server of [one, two]) {
    const update = await server.nextRequest(2000);
    expect(update.payload.toString()).toContain('</16/0>');
    server.respond(update, '2.04');
  }
  expect((await two.ask('0.01', '/16/0')).code).toBe('4.01');
  expect(await text(one, '/16/0/0/0')).toBe('a');
});

test('one server that may do all meets no access control', async () => {
  await site.start(`upstream:
  endpoint: gw
  servers: [{ uri: "coap://127.0.0.1:${one.port}" }]
`);
  expect((await one.register()).payload.toString()).toBe(
    '</1/0>,</3/0>,</4/0>,</7/0>,</20>;ver=2.1,</20/0>,</25>;ver=2.0',
  );
  expect((await one.ask('0.01', '/2')).code).toBe('4.04');
});
