/**
 * Requests in a row without any answer after which a connection counts as dead, though nobody has noticed. One unit
 * that never answers says nothing of a connection on which others do.
 */
const SILENT_REQUESTS = 3;

/** Tells a connection that has died from units that do not answer. */
export interface SilenceWatch {
  /** Something came that can only come over a connection that works. */
  heard(unit?: number): void;
  /** A request went unanswered. @returns whether the connection is to be given up */
  missed(unit: number): boolean;
  /** Forgets all, for a new connection. */
  clear(): void;
}

export function createSilenceWatch(): SilenceWatch {
  /** units that have answered on this connection */
  const answering = new Set<number>();
  let silent = 0;
  return {
    heard(unit) {
      silent = 0;
      if (unit !== undefined) answering.add(unit);
    },
    missed(unit) {
      if (answering.size === 0 || answering.has(unit)) silent++;
      return silent >= SILENT_REQUESTS;
    },
    clear() {
      answering.clear();
      silent = 0;
    },
  };
}
