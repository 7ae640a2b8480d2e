import { createTimers, silentLogger } from '../../src/base/index.ts';
import {
  type Bootstrapped,
  type Configuration,
  createClient,
  createSession,
  EMPTY,
  merge,
  type Session,
} from '../../src/client/index.ts';
import { type ObjectDefinition, omaRegistry, type Path, parsePath } from '../../src/model/index.ts';
import { gatewayInstance, SECURITY_RESOURCES, SERVER_RESOURCES } from '../../src/objects/index.ts';
import { createTree, type ResourceValue, type Tree } from '../../src/tree/index.ts';
import { seededRandom } from '../coap/random.ts';
import { accountInstance } from '../support/account.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { PassingServer, type Traffic } from './passing-server.ts';

/** A gateway in memory, its servers and its devices, and all that can happen to them. */
export type World = ReturnType<typeof createWorld>;

const SERVERS = 3;
export const DEVICES = 8;
export const MOST_LIFETIME_S = 3600;
export const PMAX_S = 600;
const MINUTE_MS = 60_000;
/** What Disable and going offline last at most. */
const LONGEST_REST_S = 1230;

function definition(object: number, version?: string): ObjectDefinition {
  const found = omaRegistry().find(object, version);
  if (found === undefined) throw new Error(`no object ${object}`);
  return found;
}

const SERVER_IDS = Array.from({ length: SERVERS }, (_, index) => index + 1);

/** Three servers, two of them in order, and a Bootstrap-Server. */
function accounts(): Configuration {
  const security = (uri: string, more: readonly (readonly [number, ResourceValue])[]) =>
    new Map<number, ResourceValue>([[SECURITY_RESOURCES.uri, uri], [SECURITY_RESOURCES.mode, 3], ...more]);
  const known = SERVER_IDS.reduce((all, id) => {
    const its = security(`coap://s${id}.example`, [
      [SECURITY_RESOURCES.isBootstrap, false],
      [SECURITY_RESOURCES.shortServerId, id],
    ]);
    const server = new Map<number, ResourceValue>([
      [SERVER_RESOURCES.shortServerId, id],
      [SERVER_RESOURCES.lifetime, MOST_LIFETIME_S],
      [SERVER_RESOURCES.storing, true],
      [SERVER_RESOURCES.binding, 'U'],
    ]);
    return merge(merge(all, 0, id, its), 1, id, server);
  }, EMPTY);
  return merge(known, 0, 99, security('coap://bs.example', [[SECURITY_RESOURCES.isBootstrap, true]]));
}

/** The same seed gives the same life. */
export function createWorld(seed: number) {
  const clock = createFakeClock();
  const timers = createTimers(clock, 10);
  const random = seededRandom(seed);
  const below = (most: number): number => Math.floor(random() * most);
  const one = <T>(of: readonly T[]): T => of[below(of.length)] as T;
  const traffic: Traffic = {
    registrations: 0,
    updates: 0,
    deregistrations: 0,
    notifications: 0,
    unheard: 0,
    reads: 0,
    sends: 0,
  };
  const servers = SERVER_IDS.map(() => new PassingServer(clock, traffic));
  const sessions = new Map<number, Session>();
  let watches = 0;
  /** Counts who watches, as an observation that is over must not. */
  const counted = (tree: Tree): Tree => {
    const begin = tree.watch.bind(tree);
    tree.watch = (ids, watcher) => {
      const watch = begin(ids, watcher);
      if (watch === undefined) return undefined;
      watches++;
      let isWatching = true;
      return {
        stop() {
          watches -= Number(isWatching);
          isWatching = false;
          watch.stop();
        },
      };
    };
    return tree;
  };
  const own = counted(createTree({ clock }));
  const devices = new Map<string, Tree>();
  const prefixes = Array.from({ length: DEVICES }, (_, index) => `d${index + 1}`);
  let isBootstrapUp = true;
  let bootstraps = 0;
  /** When something last kept sessions from what they would do. */
  let hinderedAt = 0;

  const come = (prefix: string): void => {
    const tree = counted(createTree({ clock }));
    tree.addInstance({
      definition: definition(3303),
      instance: 0,
      resources: [
        { id: 5700, value: below(100) },
        { id: 5701, value: 'Cel' },
      ],
    });
    devices.set(prefix, tree);
    const end = { deviceId: `urn:dev:${prefix}`, prefix, objects: () => '</3303/0>' };
    own.addInstance(gatewayInstance(definition(25, '2.0'), prefixes.indexOf(prefix), end));
  };
  const go = (prefix: string): void => {
    const tree = devices.get(prefix);
    devices.delete(prefix);
    tree?.clear();
    own.removeInstance(25, prefixes.indexOf(prefix));
  };
  const change = (): void => {
    const tree = devices.get(one(prefixes));
    const update = { ids: [3303, 0, 5700], value: below(100), at: clock.now(), quality: 4 } as const;
    tree?.update([update]);
  };

  for (const id of SERVER_IDS) {
    const settings = {
      shortServerId: id,
      lifetimeS: MOST_LIFETIME_S,
      pmaxS: PMAX_S,
      notificationMode: id === 1 ? 'con' : 'non',
      storing: id < SERVERS,
      muteSend: false,
    } as const;
    own.addInstance(accountInstance(settings, () => sessions.get(id) as Session, id));
  }
  own.addObject(definition(25, '2.0'));
  for (const prefix of prefixes) come(prefix);

  const client = createClient({
    clock,
    timers,
    random,
    log: silentLogger,
    openSession({ shortServerId, serverInstance }) {
      const server = servers[shortServerId - 1];
      const session = createSession(
        {
          endpoint: 'gw',
          shortServerId,
          serverInstance,
          release: '1.2',
          queueMode: false,
          retry: { firstMs: 5000, factor: 2, mostMs: 10 * MINUTE_MS, jitter: 0.3 },
          transmitWaitMs: 93_000,
        },
        { trees: (prefix) => (prefix === '' ? [own] : [devices.get(prefix) ?? []].flat()) },
        {
          clock,
          timers,
          random,
          log: silentLogger,
          backlog: { moments: 500, bytes: 1 << 20 },
          openUplink: async (service) => {
            if (server === undefined || random() < 0.01) throw new Error('its name does not resolve');
            return server.uplink(service);
          },
        },
      );
      sessions.set(shortServerId, session);
      return session;
    },
    closeSession: (_, session, deadlineMs) => session.stop(deadlineMs),
    setting: (instance, resource) => {
      const order = new Map<number, unknown>([
        [SERVER_RESOURCES.priorityOrder, instance > 1 ? instance : undefined],
        [SERVER_RESOURCES.failureBlock, false],
      ]);
      return order.get(resource) ?? own.peek([1, instance, resource]);
    },
    configuration: accounts,
    adopt: async () => {},
    startBootstrap({ configuration }) {
      bootstraps++;
      hinderedAt = clock.monotonic();
      let settle: (outcome: Bootstrapped) => void = () => {};
      const outcome = new Promise<Bootstrapped>((resolve) => {
        settle = (result) => {
          hinderedAt = clock.monotonic();
          resolve(result);
        };
      });
      const result: Bootstrapped = isBootstrapUp
        ? { status: 'done', configuration }
        : { status: 'failed', message: 'silence' };
      timers.after(isBootstrapUp ? 2000 : 93_000, () => settle(result));
      return { outcome, stop: () => settle({ status: 'failed', message: 'stopped' }) };
    },
    onStatus() {},
  });

  /** All that a server can want to observe. */
  const wishes = (): Path[] => [
    parsePath('/25'),
    parsePath('/1/1/1'),
    ...prefixes.flatMap((prefix) => [
      parsePath(`/${prefix}/3303/0/5700`),
      parsePath(`/${prefix}/3303/0`),
      parsePath(`/${prefix}/3303`),
    ]),
  ];

  const perform = async (server: PassingServer, path: string, more: object): Promise<void> => {
    await server.service?.perform({ path: parsePath(path), ...more } as never);
  };
  const idOf = (server: PassingServer): number => servers.indexOf(server) + 1;

  /** What happens, and how often it does. */
  const happenings: readonly (readonly [weight: number, happen: (server: PassingServer) => unknown])[] = [
    [40, change],
    [30, (server) => server.observe(one(wishes()))],
    [6, (server) => server.forget(one(wishes()))],
    [1, (server) => server.become(false, 'fine')],
    [6, (server) => server.become(true, 'fine')],
    [0.6, (server) => server.become(true, 'busy')],
    [0.4, (server) => server.become(true, 'refusing')],
    [1, (server) => server.restart()],
    [
      2,
      () => {
        const prefix = one(prefixes);
        if (devices.has(prefix)) go(prefix);
        else come(prefix);
      },
    ],
    [2, (server) => perform(server, `/1/${idOf(server)}/8`, { kind: 'execute', argument: '' })],
    [
      1,
      (server) => {
        const path = `/1/${idOf(server)}/1`;
        const value = 60 + below(MOST_LIFETIME_S - 60);
        const entries = [{ path: parsePath(path), type: 'integer', value }];
        return perform(server, path, { kind: 'write', mode: 'replace', entries });
      },
    ],
    [
      2,
      (server) => {
        const query = one([
          ['pmin=5', 'pmax=120'],
          ['gt=50'],
          ['pmin', 'pmax', 'gt'],
          ['con=1'],
          ['hqmax=3'],
        ]);
        return perform(server, `/${one(prefixes)}/3303/0/5700`, { kind: 'write-attributes', query });
      },
    ],
    [
      0.3,
      (server) => {
        const session = sessions.get(idOf(server));
        own.assign(
          [1, idOf(server)],
          new Map([[SERVER_RESOURCES.disableTimeout, 30 + below(LONGEST_REST_S - 30)]]),
        );
        hinderedAt = clock.monotonic() + LONGEST_REST_S * 1000;
        session?.disable();
      },
    ],
    [
      0.3,
      (server) => {
        const session = sessions.get(idOf(server));
        const ms = below(30) * MINUTE_MS;
        session?.setOffline(true, 'ordered');
        hinderedAt = clock.monotonic() + ms;
        clock.after(ms, () => session?.setOffline(false, 'ordered'));
      },
    ],
    [
      0.1,
      () => {
        client.requestBootstrap();
      },
    ],
    [
      0.2,
      () => {
        isBootstrapUp = !isBootstrapUp;
      },
    ],
    [1, (server) => sessions.get(idOf(server))?.send([parsePath('/3303/0')], { deferMs: 60_000 })],
  ];
  const total = happenings.reduce((sum, [weight]) => sum + weight, 0);

  return {
    clock,
    timers,
    client,
    servers,
    sessions,
    devices,
    traffic,
    below,
    one,
    wishes,
    get watches() {
      return watches;
    },
    get bootstraps() {
      return bootstraps;
    },
    get hinderedAt() {
      return hinderedAt;
    },
    begin: () => client.follow(accounts()),
    /** One thing, by chance. */
    happen(): void {
      let left = random() * total;
      for (const [weight, happen] of happenings) {
        left -= weight;
        if (left >= 0) continue;
        happen(one(servers));
        return;
      }
    },
  };
}
