import { createTimers } from '../base/index.ts';
import { openCoapUplink } from '../binding/index.ts';
import { type Answer, type Refusing, readAccounts, type Service } from '../client/index.ts';
import type { ServerConfig } from '../config/index.ts';
import { olderRelease, type Release } from '../model/index.ts';
import { factoryConfiguration } from './accounts.ts';
import type { GatewayPorts } from './gateway.ts';

const WAIT: Refusing = {
  status: 'unavailable',
  message: 'only the connection is tried',
  retryAfterMs: 60_000,
};

/** Shows a server nothing at all. */
const CLOSED: Service = {
  isRegistered: false,
  release: '1.2',
  resource: () => undefined,
  check: () => WAIT,
  perform: async () => WAIT,
  openSink: () => undefined,
  observe: async () => WAIT,
  observeComposite: async () => WAIT,
  cancel() {},
  lost() {},
  moved() {},
};

/** What every client shows; the server need not know more to say yes or no. */
const OBJECTS = '</1/0>,</3/0>';

/** Should the De-register get lost, the server forgets us soon. */
const LIFETIME_S = 120;

const TIMER_RESOLUTION_MS = 20;

/**
 * Tries the way to a server of the files: handshake, one registration, and a De-register. The log tells each step.
 * @returns how the server answered the registration
 * @throws GatewayError `binding.*`, `transport.*`: why it was not even asked
 */
export async function tryServer(
  server: ServerConfig,
  endpoint: string,
  { clock, log, random, keyLog }: Omit<GatewayPorts, 'restart'>,
): Promise<Answer> {
  const [account] = readAccounts(factoryConfiguration([server], undefined)).servers;
  if (account === undefined) return { status: 'unreachable', message: 'the account makes no sense' };
  const { uri, credentials } = account.security;
  const { localPort, transmission } = server;
  const uplink = await openCoapUplink(
    {
      ...uri,
      credentials,
      attempt: 0,
      ...(localPort !== undefined && { localPort }),
      ...(transmission !== undefined && { transmission }),
    },
    CLOSED,
    { clock, timers: createTimers(clock, TIMER_RESOLUTION_MS), log, random, keyLog },
  );
  const register = async (release: Release): Promise<Answer> => {
    log.info({ endpoint, release }, 'Register');
    const answer = await uplink.register({
      endpoint,
      release,
      queueMode: server.queueMode,
      lifetimeS: LIFETIME_S,
      objects: OBJECTS,
    });
    const older = answer.status === 'unsupported-release' ? olderRelease(release) : undefined;
    return older === undefined ? answer : register(older);
  };
  try {
    const answer = await register(server.release);
    if (answer.status !== 'registered') return answer;
    log.info({ location: `/${answer.location.join('/')}` }, 'registered');
    const { status } = await uplink.deregister(answer.location);
    log.info({ status }, 'De-register');
    return answer;
  } finally {
    await uplink.close();
  }
}
