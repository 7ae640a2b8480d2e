import { createTimers } from '../base/index.ts';
import { openBootstrapUplink, openCoapUplink } from '../binding/index.ts';
import {
  type Answer,
  type BootstrapService,
  type PackAnswer,
  type Refusing,
  readAccounts,
  type Security,
  type Service,
} from '../client/index.ts';
import type { UpstreamConfig } from '../config/index.ts';
import { olderRelease, type Release } from '../model/index.ts';
import { openStateFile } from '../store/index.ts';
import { ACCOUNTS_FILE, factoryConfiguration, rememberSettings } from './accounts.ts';
import { definitionOf } from './definitions.ts';
import type { GatewayPorts } from './gateway.ts';

const WAIT: Refusing = {
  status: 'unavailable',
  message: 'only the connection is tried',
  retryAfterMs: 60_000,
};
const wait = (): Refusing => WAIT;

/** Shows a server nothing at all. */
const CLOSED: Service = {
  isRegistered: false,
  release: '1.2',
  resource: () => undefined,
  check: wait,
  perform: async () => WAIT,
  openSink: () => undefined,
  observe: async () => WAIT,
  observeComposite: async () => WAIT,
  cancel() {},
  lost() {},
  moved() {},
};

/** Takes nothing of a Bootstrap-Server. */
const UNMOVED: BootstrapService = {
  discover: wait,
  read: wait,
  write: wait,
  remove: wait,
  finish: wait,
  configurable: new Map(),
  release: '1.2',
};

/** What every client shows; the server need not know more to say yes or no. */
const OBJECTS = '</1/0>,</3/0>';

/** Should the De-register get lost, the server forgets us soon. */
const LIFETIME_S = 120;

const TIMER_RESOLUTION_MS = 20;

/** A server by its Short Server ID, or the one that tells of servers. */
export type ServerName = number | 'bootstrap';

/**
 * The ways to servers that a gateway with this configuration would go, with what a bootstrap has told it, in their order.
 * @throws GatewayError `store.*`, `client.bad-configuration` when it cannot be known what it was told
 */
export function knownServers(
  { servers, bootstrap }: UpstreamConfig,
  stateDirectory: string,
): ReadonlyMap<ServerName, Security> {
  const file = openStateFile(`${stateDirectory}/${ACCOUNTS_FILE}`);
  const definitions = new Map([0, 1, 2].map((object) => [object, definitionOf(object)]));
  const factory = factoryConfiguration(servers, bootstrap);
  const { settings } = rememberSettings(file, definitions, true).load(file.load(), factory);
  const accounts = readAccounts(settings.configuration);
  return new Map<ServerName, Security>([
    ...accounts.servers.map(({ shortServerId, security }) => [shortServerId, security] as const),
    ...(accounts.bootstrap === undefined ? [] : [['bootstrap', accounts.bootstrap.security] as const]),
  ]);
}

type Ports = Omit<GatewayPorts, 'restart'>;

const withTimers = (ports: Ports) => ({
  ...ports,
  keyLog: ports.keyLog,
  timers: createTimers(ports.clock, TIMER_RESOLUTION_MS),
});

/**
 * Tries the way to a server: handshake, one registration, and a De-register. The log tells each step.
 * @returns how the server answered the registration
 * @throws GatewayError `binding.*`, `transport.*`: why it was not even asked
 */
export async function tryServer(
  name: number,
  { uri, credentials }: Security,
  { endpoint, servers }: UpstreamConfig,
  ports: Ports,
): Promise<Answer> {
  const { log } = ports;
  // Of one that a bootstrap has told the files say nothing.
  const server = servers.find(({ shortServerId }) => shortServerId === name);
  const { localPort, transmission, release: newest = '1.2', queueMode = false } = server ?? {};
  const uplink = await openCoapUplink(
    {
      ...uri,
      credentials,
      attempt: 0,
      ...(localPort !== undefined && { localPort }),
      ...(transmission !== undefined && { transmission }),
    },
    CLOSED,
    withTimers(ports),
  );
  const register = async (release: Release): Promise<Answer> => {
    log.info({ endpoint, release }, 'Register');
    const registration = { endpoint, release, queueMode, lifetimeS: LIFETIME_S, objects: OBJECTS };
    const answer = await uplink.register(registration);
    const older = answer.status === 'unsupported-release' ? olderRelease(release) : undefined;
    return older === undefined ? answer : register(older);
  };
  try {
    const answer = await register(newest);
    if (answer.status !== 'registered') return answer;
    log.info({ location: `/${answer.location.join('/')}` }, 'registered');
    const { status } = await uplink.deregister(answer.location);
    log.info({ status }, 'De-register');
    return answer;
  } finally {
    await uplink.close();
  }
}

/**
 * Tries the way to the Bootstrap-Server: handshake and Bootstrap-Request. What it then commands is refused: the accounts
 * stay what they are, and the server sees a bootstrap that did not come to its end.
 * @returns how the server answered the request
 * @throws GatewayError `binding.*`, `transport.*`: why it was not even asked
 */
export async function tryBootstrap(
  { uri, credentials }: Security,
  { endpoint, bootstrap }: UpstreamConfig,
  ports: Ports,
): Promise<PackAnswer> {
  const { log } = ports;
  const uplink = await openBootstrapUplink({ ...uri, credentials, attempt: 0 }, UNMOVED, withTimers(ports));
  try {
    log.info({ endpoint }, 'Bootstrap-Request');
    const answer = await uplink.request(endpoint);
    if (answer.status !== 'refused' || bootstrap?.pack === false) return answer;
    log.info({ endpoint, code: answer.code }, 'refused; Bootstrap-Pack-Request');
    return await uplink.requestPack(endpoint);
  } finally {
    await uplink.close();
  }
}
