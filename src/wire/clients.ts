import { createHash } from 'node:crypto';
import type { BootstrapStatus, Session } from '../client/index.ts';
import type { ServerConfig, UpstreamConfig } from '../config/index.ts';
import type { ObjectDefinition } from '../model/index.ts';
import { createTree, type Tree } from '../tree/index.ts';
import { type ClientPorts, type RunningClient, runClient } from './client.ts';
import type { Member } from './fleet.ts';

/** The server side: LwM2M clients, and their sessions with servers. */
export interface Clients {
  readonly sessions: readonly Session[];
  readonly bootstrap: BootstrapStatus | undefined;
  /** A device is there, behind its prefix; to be told before Object 25 shows it. */
  came(member: Member): void;
  went(member: Member): void;
  /** Makes the sessions what the configuration and the devices ask for; the others go on untouched. */
  follow(upstream: UpstreamConfig, members: readonly Member[]): Promise<void>;
  /** The next start is with the accounts of the files, and with no attributes that a server has written. */
  forget(): Promise<void>;
  /** De-registers from all. */
  stop(): Promise<void>;
}

export interface ClientsPorts extends ClientPorts {
  readonly stateDirectory: string;
  /** Objects of the gateway that are nothing but what servers store in them. */
  readonly stored: readonly ObjectDefinition[];
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
  const byPrefix = new Map<string, readonly Tree[]>();

  const openGateway = (endpoint: string): RunningClient =>
    runClient(
      {
        endpoint,
        mounts: { trees: (prefix) => (prefix === '' ? [own] : (byPrefix.get(prefix) ?? [])) },
        tree: own,
        trees: [own],
        stored: ports.stored,
        folder: stateDirectory,
        canBootstrap: true,
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
        stored: [],
        folder: `${stateDirectory}/endpoints/${name}`,
        canBootstrap: false,
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
    came({ device, identity }) {
      byPrefix.set(identity.prefix, [device.tree]);
    },
    went({ identity }) {
      byPrefix.delete(identity.prefix);
    },
    async follow({ endpoint, servers, bootstrap }, members) {
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
