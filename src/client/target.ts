import type { Cancel } from '../base/index.ts';
import { type Attributes, isWithin, type Path } from '../model/index.ts';
import { type Part, type Rules, rulesOf, type Watched } from '../observe/index.ts';
import type { ReadOutcome, Tree, Watcher } from '../tree/index.ts';

export interface TargetPorts {
  /** The tree that a path means, if there is one. */
  treeOf(path: Path): Tree | undefined;
  /** What the server may read at a path now. */
  snapshot(tree: Tree, path: Path): ReadOutcome;
  /** Changes when attributes or defaults have changed, so that they are worked out once. */
  epoch(): number;
}

const NONE: Attributes = {};
const NO_RULES = rulesOf(NONE);

/** One observed path, and its tree while there is something at it. */
export class Target implements Part {
  readonly path: Path;
  readonly #attributesOf: (path: Path) => Attributes;
  readonly #ports: TargetPorts;
  #tree: Tree | undefined;
  /** Of what is there, or of the structure that it may appear in. */
  #cancel: Cancel | undefined;
  #isScalar = false;
  #epoch = -1;
  #attributes = NONE;
  #rules = NO_RULES;

  /** @param attributesOf what is in force at a path */
  constructor(path: Path, attributesOf: (path: Path) => Attributes, ports: TargetPorts) {
    this.path = path;
    this.#attributesOf = attributesOf;
    this.#ports = ports;
  }

  get attributes(): Attributes {
    const epoch = this.#ports.epoch();
    if (this.#epoch !== epoch) {
      this.#epoch = epoch;
      this.#attributes = this.#attributesOf(this.path);
      this.#rules = rulesOf(this.#attributes);
    }
    return this.#attributes;
  }

  rules(): Rules {
    // Asking for them brings both up to date.
    return this.attributes === NONE ? NO_RULES : this.#rules;
  }

  value(): Watched {
    const value = this.#isScalar ? this.#tree?.peek(this.path.ids) : undefined;
    return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
      ? value
      : undefined;
  }

  sample(maxAgeMs: number): void {
    this.#tree?.sample(this.path.ids, maxAgeMs);
  }

  /** Undefined while there is nothing. */
  read(): ReadOutcome | undefined {
    return this.#tree === undefined ? undefined : this.#ports.snapshot(this.#tree, this.path);
  }

  /**
   * Watches the path if something is there, else the tree that it may appear in.
   * @returns whether something is there that was not before
   */
  attach(watcher: Watcher): boolean {
    if (this.#tree !== undefined) return false;
    this.#cancel?.();
    this.#cancel = undefined;
    const { ids } = this.path;
    const tree = this.#ports.treeOf(this.path);
    if (tree === undefined) return false;
    const watching = tree.watch(ids, {
      changed: () => watcher.changed(),
      removed: () => {
        this.#tree = undefined;
        watcher.removed();
      },
    });
    if (watching === undefined) {
      this.#cancel = tree.onStructure(() => {
        if (this.attach(watcher)) watcher.changed();
      });
      return false;
    }
    this.#cancel = watching;
    this.#tree = tree;
    this.#isScalar = ids.length === 4 || (ids.length === 3 && tree.resource(ids)?.multiple === false);
    return true;
  }

  detach(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#tree = undefined;
  }

  covers({ prefix, ids }: Path): boolean {
    return prefix === this.path.prefix && isWithin(this.path.ids, ids);
  }
}

/** The targets whose values those of no other one contain: what all of them show, each value once. */
export function outermost(targets: readonly Target[]): readonly Target[] {
  return targets.filter((target) => !targets.some((other) => other !== target && other.covers(target.path)));
}
