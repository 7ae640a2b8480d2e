import type { Clock, DeviceMemory, Logger, PointId } from 'lwm2m-gateway/adapter';
import { ADDRESSES, TABLES, type Table } from './address.ts';
import type { Cuts } from './planner.ts';

/** An address that no request may go across. */
export interface Cut {
  readonly table: Table;
  readonly address: number;
}

/** What a device taught by refusing: where requests must end, and which points it does not have. */
export interface Learned {
  readonly cuts: Cuts;
  /** Grows whenever plans made before are out of date. */
  readonly version: number;
  /** Forgets what is too old to be believed, so that a device that was repaired is tried in full again. */
  refresh(): void;
  learn(cuts: readonly Cut[]): void;
  /** Says once that the device refuses points, and once that it does not any more. */
  noteRefused(points: readonly PointId[], reason: string): void;
  noteRead(point: PointId): void;
}

const BELIEVED_FOR_MS = 60 * 60_000;

/** As it is kept over a restart: the addresses by table, and until when they are believed (ms since 1970). */
interface KeptCuts {
  readonly cuts: Readonly<Partial<Record<Table, readonly number[]>>>;
  readonly until: number;
}

/** What a device takes at most; one that refuses more than that is read point by point anyway. */
const MOST_CUTS = 4096;

/** Cuts as they were kept, or nothing if they are too old or not as they were kept. */
function readCuts(kept: unknown, now: number): KeptCuts | undefined {
  const { cuts, until } = (kept ?? {}) as Partial<KeptCuts>;
  if (typeof until !== 'number' || !(until > now) || typeof cuts !== 'object' || cuts === null)
    return undefined;
  const lists = Object.entries(cuts);
  const isSound = lists.every(
    ([table, addresses]) =>
      Object.hasOwn(TABLES, table) && Array.isArray(addresses) && addresses.every(isBoundary),
  );
  const count = isSound ? lists.reduce((sum, [, { length }]) => sum + length, 0) : 0;
  return count > 0 && count <= MOST_CUTS ? { cuts, until } : undefined;
}

/** Where an address begins, or the last one ends. */
function isBoundary(address: unknown): boolean {
  return Number.isInteger(address) && Number(address) >= 0 && Number(address) <= ADDRESSES;
}

/** @param memory keeps the cuts, so that after a restart the device is not divided again */
export function createLearned(clock: Clock, log: Logger, memory?: DeviceMemory): Learned {
  const refused = new Set<PointId>();
  let cuts = noCuts();
  let version = 0;
  let forgetAt = Number.POSITIVE_INFINITY;

  const keep = (): void => {
    const lists = Object.entries(cuts).map(([table, addresses]) => [table, [...addresses]]);
    memory?.keep({ cuts: Object.fromEntries(lists), until: clock.now() + forgetAt - clock.monotonic() });
  };

  const kept = readCuts(memory?.learned, clock.now());
  if (kept !== undefined) {
    for (const [table, addresses] of Object.entries(kept.cuts)) cuts[table as Table] = new Set(addresses);
    // A clock that was set since must not make them last.
    forgetAt = clock.monotonic() + Math.min(kept.until - clock.now(), BELIEVED_FOR_MS);
  }
  return {
    get cuts() {
      return cuts;
    },
    get version() {
      return version;
    },
    refresh() {
      if (clock.monotonic() < forgetAt) return;
      cuts = noCuts();
      forgetAt = Number.POSITIVE_INFINITY;
      version++;
      memory?.keep(undefined);
    },
    learn(learned) {
      const news = learned.filter(({ table, address }) => !cuts[table].has(address));
      if (news.length === 0) return;
      for (const { table, address } of news) cuts[table].add(address);
      forgetAt = Math.min(forgetAt, clock.monotonic() + BELIEVED_FOR_MS);
      version++;
      keep();
      log.info({ cuts: news }, 'requests are split where the device refuses to be read across');
    },
    noteRefused(points, reason) {
      const news = points.filter((point) => !refused.has(point));
      if (news.length === 0) return;
      for (const point of news) refused.add(point);
      log.warn({ points: news, reason }, 'the device refuses points');
    },
    noteRead(point) {
      if (refused.size > 0 && refused.delete(point)) log.info({ point }, 'the device has the point now');
    },
  };
}

export function noCuts(): Record<Table, Set<number>> {
  return { coil: new Set(), discrete: new Set(), holding: new Set(), input: new Set() };
}
