import type { Clock, Logger, PointId } from 'lwm2m-gateway/adapter';
import type { Table } from './address.ts';
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

export function createLearned(clock: Clock, log: Logger): Learned {
  const refused = new Set<PointId>();
  let cuts = noCuts();
  let version = 0;
  let forgetAt = Number.POSITIVE_INFINITY;
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
    },
    learn(learned) {
      const news = learned.filter(({ table, address }) => !cuts[table].has(address));
      if (news.length === 0) return;
      for (const { table, address } of news) cuts[table].add(address);
      forgetAt = Math.min(forgetAt, clock.monotonic() + BELIEVED_FOR_MS);
      version++;
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
