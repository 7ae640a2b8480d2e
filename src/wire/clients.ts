import { isDeepStrictEqual } from 'node:util';
import type { Clock, Logger, Timers } from '../base/index.ts';
import { openCoapUplink, transmitWaitMs } from '../binding/index.ts';
import { createSession, type Mounts, type Session, type SessionStatus } from '../client/index.ts';
import type { GatewayConfig, ServerConfig } from '../config/index.ts';
import { serverInstance } from '../objects/index.ts';
import { createTree, type Tree } from '../tree/index.ts';
import { definitionOf } from './definitions.ts';
import type { Member } from './fleet.ts';

/** The server side: a session for each server and each client that it knows. */
export interface Clients {
  readonly sessions: readonly Session[];
  /** Makes the sessions what the configuration and the devices ask for; the others go on untouched. */
  follow(upstream: GatewayConfig['upstream'], members: readonly Member[]): Promise<void>;
  /** De-registers from all. */
  stop(): Promise<void>;
}

export interface ClientPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  random(): number;
  onStatus(status: SessionStatus): void;
}

/** One LwM2M client, as servers see it. */
interface Client {
  readonly endpoint: string;
  readonly mounts: Mounts;
  /** Where its instances of Object 1 are. */
  readonly accounts: Tree;
}

interface Running {
  readonly client: Client;
  readonly server: ServerConfig;
  readonly instance: number;
  readonly session: Session;
}

const SERVER_OBJECT = 1;

/** How long a server may take to answer De-register before it is left without. */
const FAREWELL_MS = 2000;

/** Registration attempts: soon at first, and not in step with other boxes. */
const RETRY = { firstMs: 5000, factor: 2, mostMs: 10 * 60_000, jitter: 0.3 };

/**
 * Which server knows which client: in `gateway` representation the one that shows every device behind its prefix, in
 * `endpoints` representation one per device.
 * @param own the gateway's own objects
 */
export function createClients(own: Tree, ports: ClientPorts): Clients {
  const { clock, timers, log, random } = ports;
  let running: readonly Running[] = [];
  let gatewayClient: Client | undefined;
  let byPrefix: ReadonlyMap<string, readonly Tree[]> = new Map();
  const deviceClients = new Map<Member, Client>();

  const gatewayClientOf = (endpoint: string): Client => {
    gatewayClient ??= {
      endpoint,
      mounts: { trees: (prefix) => (prefix === '' ? [own] : (byPrefix.get(prefix) ?? [])) },
      accounts: own,
    };
    return gatewayClient;
  };

  const deviceClientOf = (member: Member): Client => {
    let client = deviceClients.get(member);
    if (client === undefined) {
      const accounts = createTree({ clock });
      const trees = [accounts, member.device.tree];
      const mounts: Mounts = { trees: (prefix) => (prefix === '' ? trees : []) };
      client = { endpoint: member.identity.deviceId, mounts, accounts };
      deviceClients.set(member, client);
    }
    return client;
  };

  const freeInstance = (client: Client): number => {
    let instance = 0;
    while (running.some((one) => one.client === client && one.instance === instance)) instance++;
    return instance;
  };

  const open = (client: Client, server: ServerConfig): Running => {
    const instance = freeInstance(client);
    const session = createSession(
      {
        endpoint: client.endpoint,
        shortServerId: server.shortServerId,
        serverInstance: instance,
        release: server.release,
        retry: RETRY,
        transmitWaitMs: transmitWaitMs(server.transmission),
      },
      client.mounts,
      {
        clock,
        timers,
        log,
        random,
        openUplink: (service, ownLog, attempt) =>
          openCoapUplink(
            {
              host: server.host,
              port: server.port,
              attempt,
              ...(server.localPort === undefined ? {} : { localPort: server.localPort }),
              ...(server.transmission === undefined ? {} : { transmission: server.transmission }),
            },
            service,
            { clock, timers, log: ownLog, random },
          ),
      },
    );
    session.onStatus(ports.onStatus);
    const settings = {
      shortServerId: server.shortServerId,
      lifetimeS: server.lifetimeS,
      notificationMode: server.notificationMode,
      ...(server.minPeriodS === undefined ? {} : { pminS: server.minPeriodS }),
      ...(server.maxPeriodS === undefined ? {} : { pmaxS: server.maxPeriodS }),
    };
    client.accounts.addInstance(
      serverInstance(definitionOf(SERVER_OBJECT), instance, settings, {
        updateRegistration: () => session.trigger(),
      }),
    );
    return { client, server, instance, session };
  };

  const close = async ({ client, instance, session }: Running): Promise<void> => {
    await session.stop(FAREWELL_MS);
    client.accounts.removeInstance(SERVER_OBJECT, instance);
  };

  const wantedClients = (
    { endpoint, servers }: GatewayConfig['upstream'],
    members: readonly Member[],
  ): { readonly client: Client; readonly server: ServerConfig }[] =>
    servers.flatMap((server) =>
      server.representation === 'gateway'
        ? [{ client: gatewayClientOf(endpoint), server }]
        : members.map((member) => ({ client: deviceClientOf(member), server })),
    );

  return {
    get sessions() {
      return running.map(({ session }) => session);
    },
    async follow(upstream, members) {
      byPrefix = new Map(members.map(({ device, identity }) => [identity.prefix, [device.tree]]));
      for (const member of deviceClients.keys()) if (!members.includes(member)) deviceClients.delete(member);
      const wanted = wantedClients(upstream, members);
      const isWanted = (one: Running): boolean =>
        wanted.some(({ client, server }) => client === one.client && isDeepStrictEqual(server, one.server));
      const going = running.filter((one) => !isWanted(one));
      running = running.filter(isWanted);
      await Promise.all(going.map(close));
      const coming: Running[] = [];
      for (const { client, server } of wanted) {
        const known = (one: Running): boolean =>
          one.client === client && one.server.shortServerId === server.shortServerId;
        if (running.some(known)) continue;
        const one = open(client, server);
        running = [...running, one];
        coming.push(one);
      }
      for (const { session } of coming) session.start();
    },
    async stop() {
      await Promise.all(running.map(({ session }) => session.stop(FAREWELL_MS)));
      running = [];
    },
  };
}
