import type { Peer } from '../transport/index.ts';
import { Observation, type ObservationContext, relationKey } from './observation.ts';
import type { Quota } from './quota.ts';
import type { IncomingRequest, ObservationEnd } from './request.ts';

/** Who observes here: at most one relation per peer and token (RFC 7641 4.1). */
export interface Observations {
  /**
   * A relation for this request, which counts only once entered.
   * @param sequence of the relation with the same peer and token that has just ended, or 0
   */
  create(request: IncomingRequest, sequence: number): Observation;
  /** @returns whether there was room; one of the same peer and token is replaced */
  enter(observation: Observation): boolean;
  /** Ends the relation that the request speaks of. @returns its sequence number, 0 if there was none */
  end(request: IncomingRequest, reason: ObservationEnd): number;
  /** Ends all, or those of one peer. */
  drop(peer: Peer | undefined, reason: ObservationEnd): void;
  readonly size: number;
}

/** @param quota of relations at the same time */
export function createObservations(context: Omit<ObservationContext, 'onOver'>, quota: Quota): Observations {
  const observations = new Map<string, Observation>();
  const whole: ObservationContext = {
    ...context,
    onOver(observation) {
      const { key } = observation;
      if (observations.get(key) !== observation) return;
      observations.delete(key);
      quota.give(observation.peer);
    },
  };

  return {
    get size() {
      return observations.size;
    },
    create: (request, sequence) => new Observation(whole, request, sequence),
    enter(observation) {
      const { key } = observation;
      observations.get(key)?.end('replaced');
      if (quota.isSpent(observation.peer) || quota.isFull(observation.peer)) return false;
      observations.set(key, observation);
      quota.take(observation.peer);
      return true;
    },
    end(request, reason) {
      const observation = observations.get(relationKey(request));
      observation?.end(reason);
      return observation?.sequence ?? 0;
    },
    drop(peer, reason) {
      for (const observation of [...observations.values()])
        if (peer === undefined || observation.peer.key === peer.key) observation.end(reason);
    },
  };
}
