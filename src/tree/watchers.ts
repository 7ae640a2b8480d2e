import type { Cancel } from '../base/index.ts';
import type { Watcher } from './contract.ts';

interface Watch {
  readonly watcher: Watcher;
  /** A watched resource instance, when it is one. */
  readonly resourceInstance: number | undefined;
  /** The last turn that told it. */
  told: number;
}

/** Those who watch one object, instance or resource. */
export interface Watchers {
  /** @param turn the current one: what happens in it is not told any more */
  add(watcher: Watcher, resourceInstance: number | undefined, turn: number): Cancel;
  /** Tells each once in a turn. @param resourceInstance the one that changed; undefined: any */
  tell(turn: number, resourceInstance?: number): void;
  /** What is watched is gone for good. @param resourceInstance only who watches this one hears */
  end(resourceInstance?: number): void;
}

export function createWatchers(): Watchers {
  const watches = new Set<Watch>();
  return {
    add(watcher, resourceInstance, turn) {
      const watch: Watch = { watcher, resourceInstance, told: turn };
      watches.add(watch);
      return () => {
        watches.delete(watch);
      };
    },
    tell(turn, resourceInstance) {
      for (const watch of watches) {
        const isOther =
          watch.resourceInstance !== undefined &&
          resourceInstance !== undefined &&
          watch.resourceInstance !== resourceInstance;
        if (watch.told === turn || isOther) continue;
        watch.told = turn;
        watch.watcher.changed();
      }
    },
    end(resourceInstance) {
      for (const watch of [...watches]) {
        if (resourceInstance !== undefined && watch.resourceInstance !== resourceInstance) continue;
        watches.delete(watch);
        watch.watcher.removed();
      }
    },
  };
}
