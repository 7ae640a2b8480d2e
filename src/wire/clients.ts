import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Logger, Timers } from '../base/index.ts';
import { openBootstrapUplink, openCoapUplink, type Resumption, transmitWaitMs } from '../binding/index.ts';
import {
  type BootstrapStatus,
  type Client,
  type Configuration,
  createClient,
  createSession,
  EMPTY,
  instancesOf,
  type Mounts,
  merge,
  type ServerAccount,
  type Session,
  type SessionStatus,
  startBootstrap,
  type Values,
} from '../client/index.ts';
import type { ServerConfig, UpstreamConfig } from '../config/index.ts';
import { ACCESS_CONTROL_OBJECT, createAccessKeeper, serverInstance } from '../objects/index.ts';
import { type FileJournal, openJournal, openStateFile, type StateFile } from '../store/index.ts';
import { createTree, type ResourceValue, type Tree } from '../tree/index.ts';
import { factoryConfiguration, type RememberedAccounts, rememberAccounts } from './accounts.ts';
import { definitionOf } from './definitions.ts';
import type { Member } from './fleet.ts';
import { type KeptAssociation, keepAssociation } from './kept-association.ts';

/** The server side: LwM2M clients, and their sessions with servers. */
export interface Clients {
  readonly sessions: readonly Session[];
  readonly bootstrap: BootstrapStatus | undefined;
  /**
   * Makes the sessions what the configuration and the devices ask for; the others go on untouched.
   * @throws GatewayError `store.*`, `client.bad-configuration`
   */
  follow(upstream: UpstreamConfig, members: readonly Member[]): Promise<void>;
  /** The next start is with the accounts of the files, and with no attributes that a server has written. */
  forget(): Promise<void>;
  /** De-registers from all. */
  stop(): Promise<void>;
}

export interface ClientsPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  random(): number;
  readonly keyLog: ((line: string) => void) | undefined;
  readonly stateDirectory: string;
  onStatus(status: SessionStatus): void;
}

const SERVER_OBJECT = 1;

/** How long a server may take to answer De-register before it is left without. */
const FAREWELL_MS = 2000;

/** What a server has written is on disk this much later at most. */
const SAVE_MS = 1000;

/** Registration attempts: soon at first, and not in step with other boxes. */
const RETRY = { firstMs: 5000, factor: 2, mostMs: 10 * 60_000, jitter: 0.3 };

/** The release that a Bootstrap-Server is spoken to in, and every server that no file names. */
const RELEASE = '1.2';

/** What turns one instance into the other; undefined: a value that goes. */
function differences(before: Values, after: Values): Map<number, ResourceValue | undefined> {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return new Map(
    [...ids]
      .filter((id) => !isDeepStrictEqual(before.get(id), after.get(id)))
      .map((id) => [id, after.get(id)]),
  );
}

/** One LwM2M client as servers see it, and where it keeps what it must not forget. */
interface ClientSetup {
  readonly endpoint: string;
  readonly mounts: Mounts;
  /** Where its instances of Object 1 are. */
  readonly tree: Tree;
  /** Its own trees, that one among them. */
  readonly trees: readonly Tree[];
  readonly folder: string;
  /** Absent: it has the accounts of the files, and no others. */
  readonly remembered?: RememberedAccounts;
}

/** What a session keeps on disk. */
interface SessionFiles {
  readonly journal: FileJournal;
  readonly attributes: StateFile;
  readonly resumption: Resumption;
  readonly association: KeptAssociation;
}

interface RunningClient {
  readonly client: Client;
  follow(servers: readonly ServerConfig[], bootstrap: UpstreamConfig['bootstrap']): Promise<void>;
  forget(): Promise<void>;
  stop(): Promise<void>;
}

/** A client whose accounts are a {@link Configuration}, shown as Object 1. */
function runClient(
  { endpoint, mounts, tree, trees, folder, remembered }: ClientSetup,
  ports: ClientsPorts,
): RunningClient {
  const { clock, timers, log, random, keyLog } = ports;
  const definition = definitionOf(SERVER_OBJECT);
  const configurable = new Map([0, SERVER_OBJECT].map((object) => [object, definitionOf(object)]));
  const access = createAccessKeeper(definitionOf(ACCESS_CONTROL_OBJECT), tree, trees);
  const files = new Map<Session, SessionFiles>();
  let factory: Configuration = EMPTY;
  let configuration: Configuration = EMPTY;
  let servers: readonly ServerConfig[] = [];
  let triesPack = true;
  let cancelSave = (): void => {};
  let isForgotten = false;
  let isStopping = false;

  const serverOf = (id: unknown): Partial<ServerConfig> =>
    servers.find(({ shortServerId }) => shortServerId === id) ?? {};

  /** With what servers have written into Object 1 since. */
  const current = (): Configuration => {
    let result = configuration;
    for (const instance of instancesOf(configuration, SERVER_OBJECT).keys()) {
      const values = new Map<number, ResourceValue>();
      for (const { id, operations } of definition.resources.values()) {
        const value = operations === 'E' ? undefined : tree.peek([SERVER_OBJECT, instance, id]);
        if (value !== undefined) values.set(id, value);
      }
      result = merge(result, SERVER_OBJECT, instance, values);
    }
    return result;
  };

  const actionsOf = (id: unknown) => {
    const withSession = (act: (session: Session) => void) => (): void => {
      const session = client.sessions.find(({ status }) => status.server === id);
      if (session !== undefined) act(session);
    };
    return {
      updateRegistration: withSession((session) => session.trigger()),
      disable: withSession((session) => session.disable()),
      requestBootstrap: () => client.requestBootstrap(),
    };
  };

  /** Says who may do what: before the accounts are shown that it is about. */
  const share = (next: Configuration): void =>
    access.follow(
      [...instancesOf(next, SERVER_OBJECT)].map(([serverInstance, values]) => {
        const server = Number(values.get(0));
        return { server, serverInstance, access: serverOf(server).access ?? 'full' };
      }),
    );

  const forgetOthers = (before: Configuration, after: Configuration): void => {
    const serversIn = (of: Configuration): number[] =>
      [...instancesOf(of, SERVER_OBJECT).values()].map((values) => Number(values.get(0)));
    const left = new Set(serversIn(after));
    for (const server of serversIn(before)) if (!left.has(server)) access.forget(server);
  };

  /** Instances of the same server go on, and with them what is observed of them. */
  const show = (next: Configuration): void => {
    share(next);
    const wanted = instancesOf(next, SERVER_OBJECT);
    const now = instancesOf(current(), SERVER_OBJECT);
    for (const [instance, before] of now) {
      const after = wanted.get(instance);
      if (after === undefined || after.get(0) !== before.get(0)) tree.removeInstance(SERVER_OBJECT, instance);
      else tree.assign([SERVER_OBJECT, instance], differences(before, after));
    }
    for (const [instance, values] of wanted) {
      if (tree.exists([SERVER_OBJECT, instance])) continue;
      tree.addInstance(serverInstance(definition, instance, values, actionsOf(values.get(0))));
    }
    forgetOthers(configuration, next);
    configuration = next;
  };

  const save = async (): Promise<void> => {
    cancelSave();
    try {
      await remembered?.save(isForgotten ? factory : current());
    } catch (error) {
      log.error({ problem: String(error) }, 'the accounts could not be saved');
    }
  };

  const keep = ({ association, resumption }: SessionFiles): Promise<void> =>
    association.keep(resumption).catch((error: unknown) => {
      log.warn({ problem: String(error) }, 'the association could not be kept');
    });

  const openSession = (account: ServerAccount): Session => {
    const { shortServerId, serverInstance: instance, security } = account;
    const server = serverOf(shortServerId);
    const place = `${folder}/server-${shortServerId}`;
    const attributes = openStateFile(`${place}/attributes.json`);
    const journal = openJournal({ folder: `${place}/journal` }, { timers, log });
    const resumption: Resumption = {};
    const association = keepAssociation(openStateFile(`${place}/association.json`), security.uri, clock);
    let taken: Promise<void> | undefined;
    const take = (ownLog: Logger): Promise<void> =>
      association.take(resumption).catch((error: unknown) => {
        ownLog.warn({ problem: String(error) }, 'what is kept of an association cannot be used');
      });
    const session = createSession(
      {
        endpoint,
        shortServerId,
        serverInstance: instance,
        release: server.release ?? RELEASE,
        queueMode: server.queueMode ?? false,
        retry: RETRY,
        transmitWaitMs: transmitWaitMs(server.transmission),
      },
      mounts,
      {
        clock,
        timers,
        log,
        random,
        journal,
        attributes: {
          load: () => attributes.load(),
          save: (document) =>
            void attributes.save(document).catch((error: unknown) => {
              log.error({ problem: String(error) }, 'attributes could not be saved');
            }),
        },
        async openUplink(service, ownLog, attempt) {
          taken ??= take(ownLog);
          await taken;
          return openCoapUplink(
            {
              ...security.uri,
              credentials: security.credentials,
              resumption,
              attempt,
              ...(server.localPort === undefined ? {} : { localPort: server.localPort }),
              ...(server.heartbeatMs === undefined ? {} : { heartbeatMs: server.heartbeatMs }),
              ...(server.transmission === undefined ? {} : { transmission: server.transmission }),
            },
            service,
            { clock, timers, log: ownLog, random, keyLog },
          );
        },
      },
    );
    files.set(session, { journal, attributes, resumption, association });
    return session;
  };

  const client = createClient({
    clock,
    timers,
    log,
    random,
    openSession,
    async closeSession(_, session, deadlineMs) {
      const kept = files.get(session);
      files.delete(session);
      // Only a client that stops with its program speaks to the same server again.
      if (kept !== undefined) kept.resumption.suspends = isStopping && !isForgotten;
      await session.stop(deadlineMs);
      await kept?.journal.close();
      if (kept?.resumption.suspends === true) await keep(kept);
    },
    setting: (instance, resource) => tree.peek([SERVER_OBJECT, instance, resource]),
    configuration: current,
    async adopt(next) {
      show(next);
      await save();
    },
    startBootstrap: (task) =>
      startBootstrap(
        { ...task, endpoint, triesPack },
        {
          timers,
          log,
          release: RELEASE,
          configurable,
          fixed: () => tree.objects().filter((object) => !configurable.has(object.definition.id)),
          openUplink: ({ uri, credentials }, service) =>
            openBootstrapUplink({ ...uri, credentials, attempt: 0 }, service, ports),
        },
      ),
    onStatus: ports.onStatus,
  });

  tree.addObject(definition);
  tree.watch([SERVER_OBJECT], {
    changed() {
      cancelSave();
      cancelSave = timers.after(SAVE_MS, () => void save());
    },
    removed() {},
  });

  return {
    client,
    async follow(wanted, bootstrap) {
      // How a server is spoken to is no part of the accounts.
      const anew = new Set(
        wanted
          .filter((one) => !isDeepStrictEqual(one, serverOf(one.shortServerId)))
          .map((one) => one.shortServerId),
      );
      servers = wanted;
      triesPack = bootstrap?.pack ?? true;
      const next = factoryConfiguration(wanted, bootstrap);
      if (!isDeepStrictEqual(next, factory)) {
        factory = next;
        show(remembered?.load(factory) ?? factory);
      } else if (anew.size === 0) return;
      else share(configuration);
      await client.follow(configuration, anew);
    },
    async forget() {
      isForgotten = true;
      await save();
      await Promise.all([...files.values()].map(({ attributes }) => attributes.save({})));
    },
    async stop() {
      cancelSave();
      isStopping = true;
      await client.stop(FAREWELL_MS);
      await save();
    },
  };
}

/**
 * Which server knows which client: in `gateway` representation the one that shows every device behind its prefix, in
 * `endpoints` representation one per device. Only the first is ever bootstrapped.
 * @param own the gateway's own objects
 */
export function createClients(own: Tree, ports: ClientsPorts): Clients {
  const { clock, stateDirectory } = ports;
  const ofDevices = new Map<Member, RunningClient>();
  let gateway: RunningClient | undefined;
  let byPrefix: ReadonlyMap<string, readonly Tree[]> = new Map();

  const openGateway = (endpoint: string): RunningClient =>
    runClient(
      {
        endpoint,
        mounts: { trees: (prefix) => (prefix === '' ? [own] : (byPrefix.get(prefix) ?? [])) },
        tree: own,
        trees: [own],
        folder: stateDirectory,
        remembered: rememberAccounts(openStateFile(`${stateDirectory}/accounts.json`)),
      },
      ports,
    );

  const openDevice = ({ device, identity }: Member): RunningClient => {
    const accounts = createTree({ clock });
    const trees = [accounts, device.tree];
    const name = createHash('sha256').update(identity.deviceId).digest('hex').slice(0, 16);
    return runClient(
      {
        endpoint: identity.deviceId,
        mounts: { trees: (prefix) => (prefix === '' ? trees : []) },
        tree: accounts,
        trees,
        folder: `${stateDirectory}/endpoints/${name}`,
      },
      ports,
    );
  };

  const running = (): readonly RunningClient[] => [
    ...(gateway === undefined ? [] : [gateway]),
    ...ofDevices.values(),
  ];

  return {
    get sessions() {
      return running().flatMap(({ client }) => client.sessions);
    },
    get bootstrap() {
      return gateway?.client.bootstrap;
    },
    async follow({ endpoint, servers, bootstrap }, members) {
      byPrefix = new Map(members.map(({ device, identity }) => [identity.prefix, [device.tree]]));
      const ofKind = (kind: ServerConfig['representation']): ServerConfig[] =>
        servers.filter(({ representation }) => representation === kind);
      gateway ??= openGateway(endpoint);
      const forDevices = ofKind('endpoints');
      for (const [member, client] of ofDevices) {
        if (members.includes(member)) continue;
        ofDevices.delete(member);
        await client.stop();
      }
      await gateway.follow(ofKind('gateway'), bootstrap);
      for (const member of members) {
        let client = ofDevices.get(member);
        if (client === undefined) {
          if (forDevices.length === 0) continue;
          client = openDevice(member);
          ofDevices.set(member, client);
        }
        await client.follow(forDevices, undefined);
      }
    },
    async forget() {
      await Promise.all(running().map((client) => client.forget()));
    },
    async stop() {
      await Promise.all(running().map((client) => client.stop()));
    },
  };
}
