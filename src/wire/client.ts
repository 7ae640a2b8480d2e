import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timers } from '../base/index.ts';
import { openBootstrapUplink, openCoapUplink, transmitWaitMs } from '../binding/index.ts';
import {
  type Client,
  type Configuration,
  createClient,
  createSession,
  EMPTY,
  type Mounts,
  type ServerAccount,
  type Session,
  type SessionStatus,
  startBootstrap,
} from '../client/index.ts';
import type { ServerConfig, UpstreamConfig } from '../config/index.ts';
import type { ObjectDefinition } from '../model/index.ts';
import { ACCESS_CONTROL_OBJECT, type ConnectivityStatistics, type ServerActions } from '../objects/index.ts';
import { openStateFile } from '../store/index.ts';
import type { Tree } from '../tree/index.ts';
import { ACCOUNTS_FILE, adopted, factoryConfiguration, rememberSettings, renewed } from './accounts.ts';
import { definitionOf } from './definitions.ts';
import { type DamageReport, loadMended } from './mended.ts';
import { createSaver, SAVE_MS } from './saver.ts';
import { openSessionFiles, type SessionFiles } from './session-files.ts';
import { createShown, SERVER_OBJECT, type Settings } from './shown.ts';

/** What clients need of the world. */
export interface ClientPorts extends DamageReport {
  readonly clock: Clock;
  readonly timers: Timers;
  random(): number;
  readonly keyLog: ((line: string) => void) | undefined;
  /** Hears how much goes to servers, and comes from them. */
  readonly traffic: Pick<ConnectivityStatistics, 'sent' | 'received'>;
  onStatus(status: SessionStatus): void;
}

/** How long a server may take to answer De-register before it is left without. */
const FAREWELL_MS = 2000;

/** Rights are on disk sooner than all else (see {@link SAVE_MS}): what a server has taken from another is not to come back with a power cut. */
const SAVE_RIGHTS_MS = 20;

/** Registration attempts: soon at first, and not in step with other boxes. */
const RETRY = { firstMs: 5000, factor: 2, mostMs: 10 * 60_000, jitter: 0.3 };

/** The release that a Bootstrap-Server is spoken to in, and every server that no file names. */
const RELEASE = '1.2';

/** One LwM2M client as servers see it, and where it keeps what it must not forget. */
interface ClientSetup {
  readonly endpoint: string;
  readonly mounts: Mounts;
  /** Where its instances of Object 1 are. */
  readonly tree: Tree;
  /** Its own trees, that one among them. */
  readonly trees: readonly Tree[];
  /** Objects of that tree that are nothing but what servers store in them. */
  readonly stored: readonly ObjectDefinition[];
  readonly folder: string;
  /** False: it has the accounts of the files and no others, so that its folder needs no secrets. */
  readonly canBootstrap: boolean;
}

export interface RunningClient {
  readonly client: Client;
  follow(servers: readonly ServerConfig[], bootstrap: UpstreamConfig['bootstrap']): Promise<void>;
  forget(): Promise<void>;
  stop(): Promise<void>;
}

/** A client whose accounts are a {@link Configuration}, shown as objects 1 and 2. */
export function runClient(
  { endpoint, mounts, tree, trees, stored, folder, canBootstrap }: ClientSetup,
  ports: ClientPorts,
): RunningClient {
  const { clock, timers, log, random, keyLog, traffic } = ports;
  const own = [0, SERVER_OBJECT, ACCESS_CONTROL_OBJECT].map((object) => definitionOf(object));
  const configurable = new Map([...own, ...stored].map((definition) => [definition.id, definition]));
  const file = openStateFile(`${folder}/${ACCOUNTS_FILE}`);
  const remembered = rememberSettings(file, configurable, canBootstrap);
  const files = new Map<Session, SessionFiles>();
  let factory: Configuration | undefined;
  let servers: readonly ServerConfig[] = [];
  let triesPack = true;
  let isForgotten = false;
  let isStopping = false;

  const serverOf = (id: unknown): Partial<ServerConfig> =>
    servers.find(({ shortServerId }) => shortServerId === id) ?? {};

  const actionsOf = (id: number): ServerActions => {
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

  const saver = createSaver<Settings>({
    clock,
    timers,
    log,
    current: () => (isForgotten ? { configuration: factory ?? EMPTY, hasRights: false } : shown.current()),
    write: (settings) => remembered.save(settings, factory ?? EMPTY),
  });

  const shown = createShown({
    tree,
    trees,
    stored,
    accessOf: (id) => serverOf(id).access,
    actionsOf,
    changed: (object) => saver.changed(object === ACCESS_CONTROL_OBJECT ? SAVE_RIGHTS_MS : SAVE_MS),
  });

  const openSession = (account: ServerAccount): Session => {
    const { shortServerId, serverInstance: instance, security } = account;
    const server = serverOf(shortServerId);
    const ofSession = openSessionFiles(`${folder}/server-${shortServerId}`, account, ports);
    const { resumption, journal, attributes } = ofSession;
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
        attributes,
        async openUplink(service, ownLog, attempt) {
          await ofSession.recall();
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
            {
              clock,
              timers,
              log: ownLog,
              random,
              keyLog,
              traffic,
              // While a Bootstrap-Server speaks, no other is heard (OMA Core 1.2.2 6.1.5; X35).
              isDeaf: () => client.bootstrap?.phase === 'running',
            },
          );
        },
      },
    );
    files.set(session, ofSession);
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
      kept?.leave(isStopping && !isForgotten);
      await session.stop(deadlineMs);
      await kept?.close();
    },
    setting: (instance, resource) => tree.peek([SERVER_OBJECT, instance, resource]),
    configuration: () => shown.current().configuration,
    async adopt(next) {
      shown.show(adopted(next, shown.current()));
      await saver.save();
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

  /** What holds with these files: what was remembered with them, or what is left of it with others. */
  const settingsWith = (files: Configuration): Settings => {
    if (factory !== undefined) return renewed(files, shown.current());
    const fresh = { settings: { configuration: files, hasRights: false }, isSaved: false };
    const loaded = loadMended(file, (document) => remembered.load(document, files), fresh, ports);
    if (loaded.isSaved) saver.found(loaded.settings);
    return loaded.settings;
  };

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
        saver.found(undefined);
        const settings = settingsWith(next);
        factory = next;
        shown.show(settings);
      } else if (anew.size === 0) return;
      else shown.share();
      await client.follow(shown.current().configuration, anew);
    },
    async forget() {
      isForgotten = true;
      await saver.save();
      await Promise.all([...files.values()].map((one) => one.forget()));
    },
    async stop() {
      isStopping = true;
      await client.stop(FAREWELL_MS);
      await saver.stop();
    },
  };
}
