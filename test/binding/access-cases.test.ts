import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AccessKeeper, createAccessKeeper } from '../../src/objects/index.ts';
import { createTree, DONE, type Tree } from '../../src/tree/index.ts';
import { type Attached, attachServer } from '../support/attach.ts';
import { catalogueClient, definition } from '../support/device-tree.ts';
import type { Incoming } from '../support/lockstep.ts';

/**
 * Access control as two servers meet it (OMA Core 1.2 8; digest 10): configuration C.14 of the test catalogue with
 * objects 16, 19 and 25, and a device behind a prefix.
 */

const TEXT = 0;
const LINK = 40;
const SENML_JSON = 110;
const TLV = 11542;

let tree: Tree;
let device: Tree;
let keeper: AccessKeeper;
let one: Attached;
let two: Attached;
const attached: Attached[] = [];

const text = ({ payload }: Incoming): string => payload.toString();
const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(' ', ''), 'hex');

/** One resource instance of 16/x/0. */
const IDENTITY = hex('83 00 41 00 61');

async function attach(access: readonly ['full' | 'read' | 'none', 'full' | 'read' | 'none']): Promise<void> {
  keeper.follow(
    access.map((word, index) => ({
      server: index + 1,
      serverInstance: index,
      access: word,
      isFixed: true,
    })),
    new Map(),
  );
  const mounts = {
    trees: (prefix: string): readonly Tree[] => (prefix === '' ? [tree] : prefix === 'd01' ? [device] : []),
  };
  one = await attachServer(mounts, { shortServerId: 1, serverInstance: 0 });
  two = await attachServer(mounts, { shortServerId: 2, serverInstance: 1 });
  attached.push(one, two);
}

beforeEach(() => {
  const clock = { monotonic: () => 0 };
  tree = catalogueClient(2).tree;
  tree.addInstance({
    definition: definition(25, '2.0'),
    instance: 0,
    resources: [
      { id: 0, value: 'urn:dev:os:32473-101' },
      { id: 1, value: 'd01' },
    ],
  });
  keeper = createAccessKeeper(definition(2), tree, [tree]);
  device = createTree({ clock });
  device.addObject(definition(3303), {
    create: ({ instance }) => ({ definition: definition(3303), instance, resources: [] }),
    remove: () => undefined,
  });
  device.addInstance({
    definition: definition(3303),
    instance: 0,
    resources: [
      { id: 5700, value: 21 },
      { id: 5750, value: 'hall' },
      { id: 5605, execute: () => DONE },
    ],
  });
});

afterEach(async () => {
  await Promise.all(attached.splice(0).map((session) => session.close()));
});

/** Takes the Updates that a change of the object list brings to both. */
async function updates(): Promise<void> {
  for (const { server } of [one, two]) server.respond(await server.nextRequest(2000), '2.04');
}

describe('two servers', () => {
  test('int-950 each is registered for itself, and sees its own account only', async () => {
    await attach(['full', 'full']);
    expect(text(one.register)).toBe(text(two.register));
    expect(text(one.register)).toContain('</1/0>,</1/1>,</2/0>');
    expect(text(await two.get('/1/1/0', TEXT))).toBe('2');
    expect((await two.get('/1/0/0', TEXT)).code).toBe('4.01');
    expect((await two.put('/1/0/1', TEXT, '60')).code).toBe('4.01');
    expect(text(await two.get('/1', SENML_JSON))).not.toContain('/1/0');
    expect(text(await two.get('/3/0/0', TEXT))).toBe('maker');
  });

  test('int-951 attributes are of the server that wrote them', async () => {
    await attach(['full', 'full']);
    await one.server.ask('0.03', '/3/0?pmin=5');
    await two.server.ask('0.03', '/3/0?pmin=7');
    expect(text(await one.get('/3/0?depth=0', LINK))).toBe('</3/0>;pmin=5');
    expect(text(await two.get('/3/0?depth=0', LINK))).toBe('</3/0>;pmin=7');
  });

  test('X40 without a right everything but Discover is 4.01', async () => {
    await attach(['full', 'none']);
    expect((await two.get('/3/0')).code).toBe('4.01');
    expect((await two.get('/3')).code).toBe('4.01');
    expect((await two.get('/3/0', LINK)).code).toBe('2.05');
    expect((await two.server.ask('0.03', '/3/0/9?pmin=5')).code).toBe('4.01');
    expect((await two.server.ask('0.03', '/3?pmin=5')).code).toBe('2.04');
    expect((await two.server.ask('0.02', '/3/0/4')).code).toBe('4.01');
    expect((await two.server.ask('0.01', '/3/0/9', { observe: 0 })).code).toBe('4.01');
    // What is not there is said before what must not be (digest 8.1).
    expect((await two.get('/3/7')).code).toBe('4.04');
    expect((await two.get('/3/0/99')).code).toBe('4.01');
  });

  test('a server that may read, reads', async () => {
    await attach(['full', 'read']);
    expect(text(await two.get('/3/0/0', TEXT))).toBe('maker');
    expect((await two.put('/3/0/13', TEXT, '5')).code).toBe('4.01');
    expect((await two.server.ask('0.02', '/3/0/4')).code).toBe('4.01');
    expect((await one.put('/3/0/13', TEXT, '5')).code).toBe('2.04');
    expect((await two.put('/1/1/1', TEXT, '600')).code).toBe('2.04');
  });

  test('G-108, G-109 devices behind a prefix are open to all, and have no access control', async () => {
    await attach(['full', 'none']);
    expect((await two.get('/25')).code).toBe('4.01');
    expect(text(await two.get('/d01/3303/0/5700', TEXT))).toBe('21');
    expect((await two.put('/d01/3303/0/5750', TEXT, 'attic')).code).toBe('2.04');
    const controls = (): number =>
      tree.objects().find((object) => object.definition.id === 2)?.instances.length ?? 0;
    const before = controls();
    const created = await two.post('/d01/3303', TLV, '');
    expect([created.code, created.location]).toEqual(['2.01', 'd01/3303/1']);
    expect(controls()).toBe(before);
    expect((await two.server.ask('0.04', '/d01/3303/1')).code).toBe('2.02');
  });
});

describe('composites and rights', () => {
  const fetch = (from: Attached, ...paths: string[]): Promise<Incoming> =>
    from.server.ask('0.05', '/', {
      contentFormat: SENML_JSON,
      payload: JSON.stringify(paths.map((n) => ({ n }))),
    });

  test('what must not be read is left out, and when that is all, it is 4.01', async () => {
    await attach(['full', 'none']);
    expect(JSON.parse(text(await fetch(two, '/3/0/0', '/d01/3303/0/5700')))).toEqual([
      { n: '/d01/3303/0/5700', v: 21 },
    ]);
    expect((await fetch(two, '/3/0/0', '/25')).code).toBe('4.01');
    expect(text(await fetch(two, '/'))).not.toContain('maker');
  });

  test('every instance has to be writable', async () => {
    await attach(['full', 'read']);
    const payload = '[{"n":"/1/1/2","v":50},{"n":"/3/0/13","v":5}]';
    expect((await two.server.ask('0.07', '/', { contentFormat: SENML_JSON, payload })).code).toBe('4.01');
    expect(tree.peek([1, 1, 2])).toBe(1);
  });
});

describe('creating, owning, deleting', () => {
  test('X41 who is not named creates nothing', async () => {
    await attach(['full', 'read']);
    expect((await two.post('/16', TLV, IDENTITY)).code).toBe('4.01');
    expect((await one.post('/16', TLV, IDENTITY)).code).toBe('2.01');
    await updates();
  });

  test('what a server has made is its own, until it says otherwise in object 2', async () => {
    await attach(['full', 'full']);
    await one.post('/16', TLV, IDENTITY);
    await updates();
    expect((await two.get('/16/0')).code).toBe('4.01');
    expect((await two.server.ask('0.04', '/16/0')).code).toBe('4.01');
    const control = ownControl();
    expect((await two.put(`/2/${control}/2/2`, TEXT, '15')).code).toBe('4.01');
    expect((await one.put(`/2/${control}/2/2`, TEXT, '1')).code).toBe('2.04');
    expect((await two.get('/16/0')).code).toBe('2.05');
    expect((await two.put('/16/0/0/0', TEXT, 'b')).code).toBe('4.01');
    expect((await one.put('/16/0/0/0', TEXT, 'b')).code).toBe('2.04');
    expect((await one.server.ask('0.04', '/16/0')).code).toBe('2.02');
    await updates();
    expect(ownControl()).toBeUndefined();
  });

  test('object 2 is read by all, and made and deleted by none', async () => {
    await attach(['full', 'none']);
    expect((await two.get('/2', SENML_JSON)).code).toBe('2.05');
    expect((await two.get('/2/0/0', TEXT)).code).toBe('2.05');
    expect((await one.post('/2', TLV, hex('C1 00 03 C1 01 00 C1 03 01'))).code).toBe('4.01');
    expect((await one.server.ask('0.04', '/2/0')).code).toBe('4.01');
    expect((await one.put('/2/99/2/1', TEXT, '1')).code).toBe('4.04');
  });

  test('a right beyond the five is refused, and so is an id that no server has', async () => {
    await attach(['full', 'full']);
    await one.post('/16', TLV, IDENTITY);
    await updates();
    const control = ownControl();
    expect((await one.put(`/2/${control}/2/2`, TEXT, '32')).code).toBe('4.00');
    expect((await one.put(`/2/${control}/2/65535`, TEXT, '1')).code).toBe('4.05');
    expect((await one.put(`/2/${control}/0`, TEXT, '3')).code).toBe('4.05');
  });

  test('who loses the right to what it observes is told once, and no more (digest 10.5)', async () => {
    await attach(['full', 'full']);
    await one.post('/16', TLV, IDENTITY);
    await updates();
    const control = ownControl();
    await one.put(`/2/${control}/2/2`, TEXT, '1');
    const observed = await two.server.ask('0.01', '/16/0?pmin=0', { observe: 0, accept: SENML_JSON });
    const stays = await two.server.ask('0.01', '/3/0/9', { observe: 0 });
    expect(observed.code).toBe('2.05');
    await one.put(`/2/${control}/2/2`, TEXT, '0');
    const last = await two.server.nextNotification(observed.token);
    expect([last.code, last.observe, last.confirmable]).toEqual(['4.01', undefined, true]);
    await one.put('/16/0/0/0', TEXT, 'later');
    expect(two.session.status.observations).toBe(1);
    expect(two.server.notificationsWaiting(observed.token)).toBe(0);
    expect(two.server.notificationsWaiting(stays.token)).toBe(0);
  });

  test('an observed object shows the instances that the server may read', async () => {
    await attach(['full', 'full']);
    const observed = await two.server.ask('0.01', '/16?pmin=0', { observe: 0, accept: SENML_JSON });
    await two.post('/16', TLV, IDENTITY);
    await updates();
    expect(text(await two.server.nextNotification(observed.token))).toContain('/16/0/0');
    await one.post('/16', TLV, hex('83 00 41 00 7A'));
    await updates();
    expect(text(await two.get('/16', SENML_JSON))).not.toContain('"z"');
    expect(text(await one.get('/16', SENML_JSON))).toContain('"z"');
  });
});

/** The instance of object 2 that is about what server 1 has made. */
function ownControl(): number | undefined {
  const { instances = [] } = tree.objects().find((object) => object.definition.id === 2) ?? {};
  return instances.find(
    (instance) => tree.peek([2, instance, 0]) === 16 && tree.peek([2, instance, 1]) === 0,
  );
}
