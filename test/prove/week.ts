/** A gateway whose servers and devices come and go at random, as fast as a fake clock goes. */
import type { Session } from '../../src/client/index.ts';
import { parsePath } from '../../src/model/index.ts';
import { heapInUse } from '../bench/usage.ts';
import type { PassingServer, Traffic } from './passing-server.ts';
import { createWorld, DEVICES, MOST_LIFETIME_S, PMAX_S, type World } from './world.ts';

export interface WeekCounts extends Traffic {
  events: number;
  bootstraps: number;
  mostTimers: number;
  mostObservations: number;
  mostStored: number;
  heapAfterDayKb: number;
  heapAtEndKb: number;
  /** {@link WEEK_FAULTS} from here on: not registered although the server has been there for long */
  stuck: number;
  /** the server has lost its registration, and the client has not found out */
  unknowing: number;
  /** an observation that was not told for longer than its pmax */
  silent: number;
  /** the client observes more, or less, than the server was granted */
  miscounted: number;
  /** a value that was read and is not that of the device */
  wrong: number;
  timersLeft: number;
  waysLeft: number;
  watchesLeft: number;
  grownKb: number;
}

/** What must not be. */
export const WEEK_FAULTS = [
  'stuck',
  'unknowing',
  'silent',
  'miscounted',
  'wrong',
  'timersLeft',
  'waysLeft',
  'watchesLeft',
  'grownKb',
] as const satisfies readonly (keyof WeekCounts)[];

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Between two events, at most. */
const STEP_MS = 40_000;
/** The longest back-off with its chance, an attempt that nobody answers, and those before in order. */
const REGISTERED_AFTER_MS = 25 * MINUTE_MS;
/** Until the next Update at the latest. */
const KNOWN_AFTER_MS = MOST_LIFETIME_S * 1000 + REGISTERED_AFTER_MS;
const TOLD_AFTER_MS = PMAX_S * 1000 + REGISTERED_AFTER_MS;
/** What is no noise. */
const MOST_GROWTH_KB = 2000;

/** How one server and its session stand to each other. */
function judge(world: World, server: PassingServer, session: Session, counts: WeekCounts): void {
  const now = world.clock.monotonic();
  const { phase, observations, stored } = session.status;
  counts.mostObservations = Math.max(counts.mostObservations, observations);
  counts.mostStored = Math.max(counts.mostStored, stored);
  // What is observed ends with the farewell, and the way to the server with the answer to it.
  if (phase !== 'deregistering' && observations !== server.observing) counts.miscounted++;
  if (server.fineSince === undefined) return;
  const quietMs = now - Math.max(server.fineSince, world.hinderedAt);
  const isRegistered = phase === 'registered' || phase === 'updating';
  if (quietMs > REGISTERED_AFTER_MS && !isRegistered && phase !== 'registering') counts.stuck++;
  if (quietMs > KNOWN_AFTER_MS && server.registration === undefined) counts.unknowing++;
  for (const { path, since, toldAt } of server.registration?.observations.values() ?? []) {
    const isThere = path.prefix === '' || world.devices.has(path.prefix);
    if (isThere && Math.min(quietMs, now - since, now - toldAt) > TOLD_AFTER_MS) counts.silent++;
  }
}

async function readBack(world: World, counts: WeekCounts): Promise<void> {
  const prefix = `d${world.below(DEVICES) + 1}`;
  const value = await world.one(world.servers).read(parsePath(`/${prefix}/3303/0/5700`));
  const actual = world.devices.get(prefix)?.peek([3303, 0, 5700]);
  if (value !== undefined && value !== actual) counts.wrong++;
}

/** @param days of simulated time */
export async function week(days: number, seed: number): Promise<WeekCounts> {
  const world = createWorld(seed);
  const { clock, timers, client, servers, sessions, traffic } = world;
  const counts: WeekCounts = {
    ...traffic,
    events: 0,
    bootstraps: 0,
    mostTimers: 0,
    mostObservations: 0,
    mostStored: 0,
    heapAfterDayKb: 0,
    heapAtEndKb: 0,
    stuck: 0,
    unknowing: 0,
    silent: 0,
    miscounted: 0,
    wrong: 0,
    timersLeft: 0,
    waysLeft: 0,
    watchesLeft: 0,
    grownKb: 0,
  };
  await world.begin();
  while (clock.monotonic() < days * DAY_MS) {
    await clock.advance(world.below(STEP_MS));
    world.happen();
    await clock.advance(0);
    await readBack(world, counts);
    counts.events++;
    counts.mostTimers = Math.max(counts.mostTimers, timers.size + clock.pending);
    for (const [id, session] of sessions) {
      const server = servers[id - 1];
      if (server !== undefined) judge(world, server, session, counts);
    }
    if (counts.heapAfterDayKb === 0 && clock.monotonic() > DAY_MS) counts.heapAfterDayKb = heapInUse() / 1000;
  }
  counts.heapAtEndKb = heapInUse() / 1000;
  const grown = counts.heapAfterDayKb === 0 ? 0 : counts.heapAtEndKb - counts.heapAfterDayKb;
  counts.grownKb = grown > MOST_GROWTH_KB ? grown : 0;
  let isStopped = false;
  void client.stop(2000).then(() => {
    isStopped = true;
  });
  await clock.advance(3 * MINUTE_MS);
  // What the world itself had planned is over by then too.
  await clock.advance(60 * MINUTE_MS);
  counts.timersLeft = isStopped ? timers.size : Number.POSITIVE_INFINITY;
  counts.waysLeft = servers.reduce((sum, { ways }) => sum + ways, 0);
  counts.watchesLeft = world.watches;
  return { ...counts, ...traffic, bootstraps: world.bootstraps };
}
