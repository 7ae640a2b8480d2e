import type { Cancel } from '../base/index.ts';
import type { Watcher } from './contract.ts';

interface Watch {
  readonly watcher: Watcher;
  /** A watched resource instance, when it is one. */
  readonly resourceInstance: number | undefined;
  /** The last turn that told it. */
  told: number;
}

/** Those who watch one object, instance or resource. A class, since most nodes of many trees are watched by nobody. */
export class Watchers {
  #watches: Set<Watch> | undefined;

  /** @param turn the current one: what happens in it is not told any more */
  add(watcher: Watcher, resourceInstance: number | undefined, turn: number): Cancel {
    const watch: Watch = { watcher, resourceInstance, told: turn };
    this.#watches ??= new Set();
    this.#watches.add(watch);
    return () => {
      this.#watches?.delete(watch);
    };
  }

  /** Tells each once in a turn. @param resourceInstance the one that changed; undefined: any */
  tell(turn: number, resourceInstance?: number): void {
    if (this.#watches === undefined) return;
    for (const watch of this.#watches) {
      const isOther =
        watch.resourceInstance !== undefined &&
        resourceInstance !== undefined &&
        watch.resourceInstance !== resourceInstance;
      if (watch.told === turn || isOther) continue;
      watch.told = turn;
      watch.watcher.changed();
    }
  }

  /** What is watched is gone for good. @param resourceInstance only who watches this one hears */
  end(resourceInstance?: number): void {
    for (const watch of [...(this.#watches ?? [])]) {
      if (resourceInstance !== undefined && watch.resourceInstance !== resourceInstance) continue;
      this.#watches?.delete(watch);
      watch.watcher.removed();
    }
  }
}
