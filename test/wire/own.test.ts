import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTimers, systemClock, type Timers } from '../../src/base/index.ts';
import { createTree, type Tree } from '../../src/tree/index.ts';
import { createOwnObjects, type OwnObjects } from '../../src/wire/own.ts';
import { accountInstance } from '../support/account.ts';
import { type Attached, attachServer } from '../support/attach.ts';
import { definition } from '../support/device-tree.ts';

/** The gateway's own objects as a server meets them, over a real socket. */

const TEXT = 0;

let timers: Timers;
let own: OwnObjects;
let device: Tree;
let at: Attached;

function sensor(object: number): void {
  device.addInstance({ definition: definition(object), instance: 0, resources: [{ id: 5700, value: 20 }] });
}

beforeEach(async () => {
  timers = createTimers(systemClock, 5);
  own = createOwnObjects('gw-1', {}, [], {
    clock: systemClock,
    timers,
    restart() {},
    forget: async () => {},
  });
  own.tree.addInstance(
    accountInstance({ shortServerId: 1, lifetimeS: 86_400, notificationMode: 'non' }, () => at.session),
  );
  device = createTree({ clock: systemClock });
  sensor(3303);
  own.came({
    device: { tree: device },
    identity: { deviceId: 'urn:dev:os:32473-1', prefix: 'd01', instance: 0 },
  });
  const trees = (prefix: string): readonly Tree[] =>
    prefix === '' ? [own.tree] : prefix === 'd01' ? [device] : [];
  at = await attachServer({ trees });
});

afterEach(async () => {
  await at.close();
  timers.stop();
});

test('G-11, G-66 a device that gains and loses objects tells who observes its links, and is no reason for an Update', async () => {
  const first = await at.server.ask('0.01', '/25/0/3', { observe: 0, accept: TEXT });
  expect(first.payload.toString()).toBe('</3303>;ver=1.1,</3303/0>');
  sensor(3304);
  const gained = await at.server.nextNotification(first.token);
  expect(gained.payload.toString()).toBe('</3303>;ver=1.1,</3303/0>,</3304>;ver=1.1,</3304/0>');
  device.removeInstance(3303, 0);
  const lost = await at.server.nextNotification(first.token);
  expect(lost.payload.toString()).toBe('</3303>;ver=1.1,</3304>;ver=1.1,</3304/0>');
  await expect(at.server.nextRequest(100)).rejects.toThrow('no request');
});
