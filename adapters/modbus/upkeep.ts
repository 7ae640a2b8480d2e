import type { Logger } from 'lwm2m-gateway/adapter';
import type { LinkStatistics } from './link.ts';

/** Counts connections that break and work again, and says so in the log, once each. */
export interface Upkeep {
  opened(): void;
  /** The connection, or the attempt, is gone; `again`: it was not meant to be. */
  down(reason: string, again: boolean): void;
  /** A reply came: it works. */
  proven(): void;
}

export function createUpkeep(statistics: LinkStatistics, log: Logger): Upkeep {
  let isOpen = false;
  /** since the connection broke and until a reply proves the next one */
  let isBroken = false;
  return {
    opened() {
      statistics.connects++;
      isOpen = true;
      log.debug({}, 'connected');
    },
    down(reason, again) {
      const wasOpen = isOpen;
      isOpen = false;
      if (!again) return;
      if (wasOpen) statistics.disconnects++;
      else statistics.connectFailures++;
      if (isBroken) log.debug({ reason }, 'still no working connection');
      else log.warn({ reason }, 'connection lost');
      isBroken = true;
    },
    proven() {
      if (!isBroken) return;
      isBroken = false;
      log.info({}, 'connection works again');
    },
  };
}
