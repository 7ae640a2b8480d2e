import { isDeepStrictEqual } from 'node:util';
import { type Backoff, backoffDelay, type Cancel, type Logger, type Timers } from '../base/index.ts';
import { SERVER_RESOURCES as SERVER } from '../objects/index.ts';
import { type BootstrapAccount, readAccounts, type ServerAccount } from './accounts.ts';
import type { Bootstrap, BootstrapTask } from './bootstrap.ts';
import { type Configuration, instancesOf, merge, without } from './configuration.ts';
import { type Place, takeTurns } from './order.ts';
import type { Session, SessionStatus } from './session.ts';

/** One LwM2M client: its sessions with servers, and where these come from. */
export interface Client {
  /**
   * Takes up another configuration: accounts that are the same go on untouched.
   * @param anew Short Server IDs of those that have to be connected with anew all the same
   */
  follow(configuration: Configuration, anew?: ReadonlySet<number>): Promise<void>;
  /** Asks the Bootstrap-Server, if there is one (1/x/9). @returns whether there is */
  requestBootstrap(): boolean;
  /** De-registers everywhere; settles within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
  readonly sessions: readonly Session[];
  readonly bootstrap: BootstrapStatus | undefined;
}

/** Undefined: there is no Bootstrap-Server. */
export interface BootstrapStatus {
  readonly phase: 'idle' | 'running' | 'waiting';
  /** Why the last one failed, while it has not been made good. */
  readonly problem: string | undefined;
}

export interface ClientPorts {
  readonly clock: { now(): number };
  readonly timers: Timers;
  readonly log: Logger;
  random(): number;
  openSession(account: ServerAccount): Session;
  /** Also when no session was started yet. */
  closeSession(account: ServerAccount, session: Session, deadlineMs: number): Promise<void>;
  /** A setting of the Server object as it stands now. */
  setting(serverInstance: number, resource: number): unknown;
  /** Everything that a bootstrap could have set, as it stands now. */
  configuration(): Configuration;
  /** Remembers a configuration and makes the objects show it; the sessions are the client's business. */
  adopt(configuration: Configuration): Promise<void>;
  startBootstrap(task: Pick<BootstrapTask, 'account' | 'configuration' | 'holdsOff'>): Bootstrap;
  onStatus(status: SessionStatus): void;
}

/** Between bootstraps that failed. */
const BOOTSTRAP_RETRY: Backoff = { firstMs: 3000, factor: 2, mostMs: 10 * 60_000, jitter: 0.3 };

/** How long a server may take to answer De-register when its account has gone. */
const FAREWELL_MS = 2000;

interface Member {
  readonly account: ServerAccount;
  readonly session: Session;
  isStarted: boolean;
}

export function createClient(ports: ClientPorts): Client {
  const { timers, log } = ports;
  let members: readonly Member[] = [];
  let account: BootstrapAccount | undefined;
  let running: Bootstrap | undefined;
  let retrying: Cancel | undefined;
  let forgetting: Cancel | undefined;
  let failures = 0;
  let problem: string | undefined;
  let isStopped = false;
  let following: Promise<unknown> = Promise.resolve();
  /** The delay of 1/x/14 is for the first registrations after a bootstrap only. */
  let isFresh = false;

  const setting = ({ account: { serverInstance } }: Member, resource: number): unknown =>
    ports.setting(serverInstance, resource);

  const progressOf = ({ isStarted, session: { status } }: Member): Place['progress'] => {
    if (!isStarted) return 'idle';
    if (status.phase === 'registered' || status.phase === 'updating') return 'registered';
    return status.hasFailed ? 'failed' : 'trying';
  };

  const placeOf = (member: Member): Place & { readonly member: Member } => {
    const priority = setting(member, SERVER.priorityOrder);
    return {
      member,
      priority: typeof priority === 'number' ? priority : undefined,
      blocks: setting(member, SERVER.failureBlock) === true,
      bootstrapsOnFailure: setting(member, SERVER.bootstrapOnFailure) !== false,
      progress: progressOf(member),
    };
  };

  const startSession = (member: Member): void => {
    member.isStarted = true;
    const delayS = isFresh ? setting(member, SERVER.initialDelay) : undefined;
    if (typeof delayS !== 'number' || delayS <= 0) member.session.start();
    else timers.after(delayS * 1000, () => members.includes(member) && member.session.start());
  };

  /** Lets those register whose turn it is, or asks the Bootstrap-Server when nobody's is. */
  const advance = (): void => {
    if (isStopped || running !== undefined) return;
    const { start, isHopeless } = takeTurns(members.map(placeOf));
    for (const { member } of start) startSession(member);
    if ((isHopeless || members.length === 0) && retrying === undefined) bootstrap(true);
  };

  const open = (one: ServerAccount): Member => {
    const session = ports.openSession(one);
    const member = { account: one, session, isStarted: false };
    session.onStatus((status) => {
      ports.onStatus(status);
      if (members.includes(member)) advance();
    });
    return member;
  };

  const takeUp = async (configuration: Configuration, anew?: ReadonlySet<number>): Promise<void> => {
    const accounts = readAccounts(configuration);
    account = accounts.bootstrap;
    const isWanted = (member: Member): boolean =>
      accounts.servers.some((one) => isDeepStrictEqual(one, member.account)) &&
      anew?.has(member.account.shortServerId) !== true;
    const going = members.filter((member) => !isWanted(member));
    members = members.filter(isWanted);
    await Promise.all(going.map((member) => ports.closeSession(member.account, member.session, FAREWELL_MS)));
    if (isStopped) return;
    const isKnown = (one: ServerAccount): boolean =>
      members.some((member) => isDeepStrictEqual(one, member.account));
    members = [...members, ...accounts.servers.filter((one) => !isKnown(one)).map(open)];
    advance();
  };

  /** One after the other, as two may come at once, of the files and of a bootstrap: a server has one session. */
  const follow: Client['follow'] = (configuration, anew) => {
    const followed = following.then(() => takeUp(configuration, anew));
    following = followed.catch(() => {});
    return followed;
  };

  /** The Bootstrap-Server can ask to be forgotten some time after it has done its work (0/x/12). */
  const forgetLater = (asking: BootstrapAccount): void => {
    forgetting?.();
    const { timeoutMs, security } = asking;
    if (timeoutMs === undefined) return;
    forgetting = timers.after(timeoutMs, () => {
      // The files may have named another since.
      if (!isDeepStrictEqual(account, asking)) return;
      account = undefined;
      void ports.adopt(without(ports.configuration(), 0, security.instance));
    });
  };

  const withTime = (configuration: Configuration): Configuration => {
    const at = Math.floor(ports.clock.now() / 1000);
    return [...instancesOf(configuration, 1).keys()].reduce(
      (all, instance) => merge(all, 1, instance, new Map([[SERVER.lastBootstrapped, at]])),
      configuration,
    );
  };

  const bootstrapPhase = (): BootstrapStatus['phase'] => {
    if (running !== undefined) return 'running';
    return retrying === undefined ? 'idle' : 'waiting';
  };

  const bootstrap = (holdsOff: boolean): void => {
    if (account === undefined || running !== undefined || isStopped) return;
    retrying?.();
    retrying = undefined;
    const asked = account;
    // Until it is done no other server is heard (OMA Core 1.2.2 6.1.5).
    for (const { session } of members) session.setOffline(true, 'bootstrap');
    running = ports.startBootstrap({ account: asked, configuration: ports.configuration(), holdsOff });
    void running.outcome.then(async (outcome) => {
      if (isStopped) return;
      if (outcome.status === 'done') {
        log.info({}, 'bootstrapped');
        failures = 0;
        problem = undefined;
        isFresh = true;
        const configuration = withTime(outcome.configuration);
        await ports.adopt(configuration);
        running = undefined;
        for (const { session } of members) session.setOffline(false, 'bootstrap');
        // Not what was adopted: the files may have changed it by now.
        await follow(ports.configuration());
        if (account !== undefined) forgetLater(account);
        return;
      }
      failures++;
      problem = outcome.message;
      log.warn({ problem }, 'bootstrap failed');
      running = undefined;
      for (const { session } of members) session.setOffline(false, 'bootstrap');
      retrying = timers.after(backoffDelay(BOOTSTRAP_RETRY, failures, ports.random()), () => {
        retrying = undefined;
        advance();
      });
      advance();
    });
  };

  return {
    follow,
    requestBootstrap() {
      // The answer to who asks for it goes out first.
      if (account !== undefined) timers.after(0, () => bootstrap(false));
      return account !== undefined;
    },
    async stop(deadlineMs) {
      isStopped = true;
      retrying?.();
      forgetting?.();
      running?.stop();
      const closing = members;
      members = [];
      await Promise.all(
        closing.map((member) => ports.closeSession(member.account, member.session, deadlineMs)),
      );
    },
    get sessions() {
      return members.map(({ session }) => session);
    },
    get bootstrap() {
      return account === undefined ? undefined : { phase: bootstrapPhase(), problem };
    },
  };
}
