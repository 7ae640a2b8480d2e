import type { Backoff, Cancel } from '../base/index.ts';
import type { Value } from '../model/index.ts';
import { SERVER_RESOURCES } from '../objects/index.ts';
import type { Tree } from '../tree/index.ts';
import type { Mounts } from './contract.ts';
import type { Retry } from './retry.ts';

/** What the instance of the Server object that describes an account says now, and where it is told what happened. */
export interface Settings {
  value(resource: number): Value | undefined;
  /** Of a resource that is a number. */
  seconds(resource: number): number | undefined;
  readonly lifetimeS: number;
  /** How long Disable is meant, in ms (1/x/5). */
  readonly disabledMs: number;
  /** How attempts to register follow each other. */
  readonly retry: Retry;
  /** The last alert of the server (1/x/11); undefined: it has taken us since. */
  showAlert(code: number | undefined): void;
  /** Hears changes of a resource until cancelled. */
  watch(resource: number, changed: () => void): Cancel;
}

const RETRY_RESOURCES = [
  SERVER_RESOURCES.retryCount,
  SERVER_RESOURCES.retryTimer,
  SERVER_RESOURCES.sequenceDelay,
  SERVER_RESOURCES.sequenceRetryCount,
] as const;

const DAY_S = 86_400;

/** @param backoff between attempts, as long as none of the resources 17 to 20 is there */
export function createSettings(mounts: Mounts, instance: number, backoff: Backoff): Settings {
  const at = (resource: number): readonly number[] => [1, instance, resource];
  const treeWith = (ids: readonly number[]): Tree | undefined =>
    mounts.trees('').find((tree) => tree.exists(ids));
  const value: Settings['value'] = (resource) => treeWith(at(resource))?.peek(at(resource));
  const seconds: Settings['seconds'] = (resource) => {
    const found = value(resource);
    return typeof found === 'number' ? found : undefined;
  };

  return {
    value,
    seconds,
    get lifetimeS() {
      return seconds(SERVER_RESOURCES.lifetime) ?? DAY_S;
    },
    get disabledMs() {
      return (seconds(SERVER_RESOURCES.disableTimeout) ?? DAY_S) * 1000;
    },
    get retry() {
      const [attempts, timerS, sequenceDelayS, sequences] = RETRY_RESOURCES.map(seconds);
      if ([attempts, timerS, sequenceDelayS, sequences].every((one) => one === undefined)) return backoff;
      return {
        attempts: attempts ?? 5,
        timerMs: (timerS ?? 60) * 1000,
        sequenceDelayMs: (sequenceDelayS ?? DAY_S) * 1000,
        sequences: sequences ?? 1,
      };
    },
    showAlert(code) {
      const ids = [1, instance];
      treeWith(ids)?.assign(ids, new Map([[SERVER_RESOURCES.alertCode, code]]));
    },
    watch(resource, changed) {
      const watches = mounts.trees('').map((tree) => tree.watch(at(resource), { changed, removed() {} }));
      return () => {
        for (const watch of watches) watch?.stop();
      };
    },
  };
}
