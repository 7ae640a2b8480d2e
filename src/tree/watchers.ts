import { Chain, ChainMember } from '../base/index.ts';
import type { Watch, Watcher } from './contract.ts';

/** A node that can be watched; of many trees most are watched by nobody. */
export interface Watched {
  watches: Chain<NodeWatch> | undefined;
}

/** One watch on one node. A class, since there may be tens of thousands. */
export class NodeWatch extends ChainMember implements Watch {
  readonly watcher: Watcher;
  /** Narrows it to a resource instance. */
  readonly resourceInstance: number | undefined;
  /** The last turn that told it. */
  told: number;

  constructor(watcher: Watcher, resourceInstance: number | undefined, turn: number) {
    super();
    this.watcher = watcher;
    this.resourceInstance = resourceInstance;
    this.told = turn;
  }

  stop(): void {
    this.chain?.remove(this);
  }
}

/** @param turn the current one: what happens in it is not told any more */
export function watchNode(
  node: Watched,
  watcher: Watcher,
  resourceInstance: number | undefined,
  turn: number,
): Watch {
  const watch = new NodeWatch(watcher, resourceInstance, turn);
  node.watches ??= new Chain();
  node.watches.add(watch);
  return watch;
}

/** Tells each watcher once in a turn. @param resourceInstance the one that changed; undefined: any */
export function tellWatchers({ watches }: Watched, turn: number, resourceInstance?: number): void {
  watches?.forEach((watch) => {
    const isOther =
      watch.resourceInstance !== undefined &&
      resourceInstance !== undefined &&
      watch.resourceInstance !== resourceInstance;
    if (watch.told === turn || isOther) return;
    watch.told = turn;
    watch.watcher.changed();
  });
}

/** What is watched is gone for good. @param resourceInstance only who watches this one hears */
export function endWatches({ watches }: Watched, resourceInstance?: number): void {
  watches?.forEach((watch) => {
    if (resourceInstance !== undefined && watch.resourceInstance !== resourceInstance) return;
    watch.stop();
    watch.watcher.removed();
  });
}
