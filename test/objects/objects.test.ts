import { describe, expect, test } from 'vitest';
import { type ObjectDefinition, omaRegistry } from '../../src/model/index.ts';
import {
  bearerOf,
  connectivityInstance,
  parseRoutes,
  parseWireless,
} from '../../src/objects/connectivity.ts';
import { createEventLog } from '../../src/objects/event-log.ts';
import { locationInstance } from '../../src/objects/location.ts';
import { createTree, type Tree } from '../../src/tree/index.ts';

function definition(object: number): ObjectDefinition {
  const found = omaRegistry().find(object);
  if (found === undefined) throw new Error(`no object ${object}`);
  return found;
}

const clock = { monotonic: () => 0 };
const shown = (tree: Tree, object: number): Record<string, unknown> => {
  const outcome = tree.snapshot([object, 0], '');
  if (outcome.status !== 'content') return { status: outcome.status };
  return Object.fromEntries(outcome.entries.map(({ path, value }) => [path.ids.slice(2).join('/'), value]));
};

describe('Connectivity Monitoring (object 4) shows what the operating system says', () => {
  const ROUTES = `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000
eth0\t00000000\tFE01000A\t0003\t0\t0\t100\t00000000
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF
`;
  const WIRELESS = `Inter-| sta-|   Quality        |
 face | tus | link level noise |
 wlan0: 0000   58.  -52.  -256        0
 odd0: 0000   5.  48.  0        0
`;

  test('routers: default routes only, the best first', () => {
    expect(parseRoutes(ROUTES)).toEqual([
      { name: 'eth0', router: '10.0.1.254' },
      { name: 'wlan0', router: '192.168.1.1' },
    ]);
    expect(parseRoutes('')).toEqual([]);
  });

  test('signal strength: only where it is in dBm', () => {
    expect(parseWireless(WIRELESS)).toEqual(new Map([['wlan0', { dBm: -52, quality: 58 }]]));
  });

  test.each([
    ['eth0', 41],
    ['enp3s0', 41],
    ['wlan0', 21],
    ['wlp2s0', 21],
    ['wwan0', 6],
  ])('%s is bearer %i', (name, bearer) => {
    expect(bearerOf(name)).toBe(bearer);
  });

  test('on a wire there is no signal strength, and none is made up', () => {
    const tree = createTree({ clock });
    const wire = {
      interfaces: [{ name: 'eth0', addresses: ['10.0.1.7', 'fe80::1'] }],
      routers: ['10.0.1.254'],
      active: 'eth0',
      signals: new Map(),
    };
    tree.addInstance(connectivityInstance(definition(4), clock, () => wire));
    expect(shown(tree, 4)).toEqual({
      '0': 41,
      '1/0': 41,
      '4/0': '10.0.1.7',
      '4/1': 'fe80::1',
      '5/0': '10.0.1.254',
    });
  });

  test('on this very machine it can be read', () => {
    const tree = createTree({ clock });
    tree.addInstance(connectivityInstance(definition(4), clock));
    expect(shown(tree, 4)).toHaveProperty('0');
  });
});

test('Location (object 6) of a box that does not move', () => {
  const tree = createTree({ clock });
  tree.addInstance(
    locationInstance(definition(6), { latitude: 48.2, longitude: 16.37, radius: 5 }, 1_700_000_000),
  );
  expect(shown(tree, 6)).toEqual({ '0': 48.2, '1': 16.37, '3': 5, '5': 1_700_000_000 });
});

describe('Event Log (object 20)', () => {
  const setUp = () => {
    const tree = createTree({ clock });
    const changed: number[] = [];
    const log = createEventLog(definition(20), (resource) => changed.push(resource));
    tree.addInstance(log.setup);
    const add = (message: string): void => log.add({ at: 0, level: 'warn', message, facts: { server: 1 } });
    const data = (): { message: string }[] =>
      JSON.parse(Buffer.from(tree.peek([20, 0, 4014]) as Uint8Array).toString());
    return { tree, changed, add, data };
  };

  test('holds what happened, with its time', () => {
    const { tree, add, data, changed } = setUp();
    expect(tree.peek([20, 0, 4013])).toBe(0);
    add('registration failed');
    expect(data()).toEqual([
      { time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'registration failed', server: 1 },
    ]);
    expect(tree.peek([20, 0, 4013])).toBe(2);
    expect(changed).toEqual([4014]);
  });

  test('the oldest records make room for new ones', () => {
    const { add, data } = setUp();
    for (let number = 0; number < 1000; number++) add(`event ${number}`);
    expect(data().at(-1)?.message).toBe('event 999');
    expect(Buffer.byteLength(JSON.stringify(data()))).toBeLessThan(8300);
    add('x'.repeat(10_000));
    expect(data().at(-1)?.message).toBe('event 999');
  });

  test('Stop keeps what there is, Start begins anew', async () => {
    const { tree, add, data } = setUp();
    const caller = { server: 1 };
    add('first');
    await tree.execute([20, 0, 4012], '', caller);
    add('unheard');
    expect(data().map(({ message }) => message)).toEqual(['first']);
    expect(tree.peek([20, 0, 4013])).toBe(3);
    await tree.execute([20, 0, 4011], '', caller);
    add('second');
    expect(data().map(({ message }) => message)).toEqual(['second']);
  });
});
