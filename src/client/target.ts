import type { Cancel } from '../base/index.ts';
import { type Attributes, isWithin, type Path } from '../model/index.ts';
import { type Part, type Rules, rulesOf, type Watched } from '../observe/index.ts';
import type { ReadOutcome, Tree, Watch, Watcher } from '../tree/index.ts';

/** Who observes a target. */
export interface TargetOwner {
  attributesOf(path: Path): Attributes;
  /** Something at or below the target changed, or came into being. */
  changed(index: number): void;
  /** What the target names is gone. */
  removed(index: number): void;
}

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

/** Most targets have the same attributes: those that the Server object says for all. */
const known = new WeakMap<Attributes, Rules>([[NONE, NO_RULES]]);

function rulesFor(attributes: Attributes): Rules {
  let rules = known.get(attributes);
  if (rules === undefined) {
    rules = rulesOf(attributes);
    known.set(attributes, rules);
  }
  return rules;
}

/** One observed path, and its tree while there is something at it. Watches it itself: there are tens of thousands. */
export class Target implements Part, Watcher {
  readonly path: Path;
  reported: Watched;
  reportedAt = 0;
  sampled: Watched;
  evaluatedAt = 0;
  askedAt = 0;
  isUnseen = false;
  isPending = false;
  readonly #index: number;
  readonly #owner: TargetOwner;
  readonly #ports: TargetPorts;
  #tree: Tree | undefined;
  #watch: Watch | undefined;
  /** Of the structure that it may appear in. */
  #stopWaiting: Cancel | undefined;
  #isScalar = false;
  #epoch = -1;
  #attributes = NONE;
  #rules = NO_RULES;

  constructor(path: Path, index: number, owner: TargetOwner, ports: TargetPorts) {
    this.path = path;
    this.#index = index;
    this.#owner = owner;
    this.#ports = ports;
  }

  get attributes(): Attributes {
    const epoch = this.#ports.epoch();
    if (this.#epoch !== epoch) {
      this.#epoch = epoch;
      this.#attributes = this.#owner.attributesOf(this.path);
      this.#rules = rulesFor(this.#attributes);
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
  attach(): boolean {
    if (this.#tree !== undefined) return false;
    this.detach();
    const { ids } = this.path;
    const tree = this.#ports.treeOf(this.path);
    this.#watch = tree?.watch(ids, this);
    if (tree === undefined || this.#watch === undefined) {
      this.#stopWaiting = tree?.onStructure(() => this.lookAgain());
      return false;
    }
    this.#tree = tree;
    // Attributes go with what they are attached to.
    this.#epoch = -1;
    this.#isScalar = ids.length === 4 || (ids.length === 3 && tree.resource(ids)?.multiple === false);
    return true;
  }

  /** Instances have come: what was missing may be there. */
  lookAgain(): void {
    if (this.attach()) this.#owner.changed(this.#index);
  }

  changed(): void {
    this.#owner.changed(this.#index);
  }

  removed(): void {
    this.#tree = undefined;
    this.#owner.removed(this.#index);
  }

  detach(): void {
    this.#watch?.stop();
    this.#watch = undefined;
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#tree = undefined;
  }

  covers({ prefix, ids }: Path): boolean {
    return prefix === this.path.prefix && isWithin(this.path.ids, ids);
  }
}

/** The targets whose values those of no other one contain: what all of them show, each value once. */
export function outermost(targets: readonly Target[]): readonly Target[] {
  if (targets.length === 1) return targets;
  return targets.filter((target) => !targets.some((other) => other !== target && other.covers(target.path)));
}
