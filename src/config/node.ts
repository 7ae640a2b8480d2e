import { oneLine, type Place } from './fault.ts';
import type { ScalarValue } from './scalar.ts';

/** A YAML document as a tree whose every node knows its place, so that a merged tree still tells where a value is from. */
export type Node = ScalarNode | MapNode | ListNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly place: Place;
  readonly value: ScalarValue;
  /** The text as written, environment variables filled in: `0.10`, not 0.1. */
  readonly text: string;
  /** The text for messages: environment variables not filled in, secrets hidden. */
  readonly shown: string;
  /** Written without quotes. */
  readonly bare: boolean;
  /** There is a fault here already; what the value is means nothing. */
  readonly isBroken: boolean;
}

export interface MapNode {
  readonly kind: 'map';
  readonly place: Place;
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export interface MapEntry {
  /** where the key stands */
  readonly key: Place;
  readonly node: Node;
}

export interface ListNode {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly Node[];
}

/** One step down; undefined when there is nothing. */
export function childOf(node: Node | undefined, step: PropertyKey): Node | undefined {
  if (node?.kind === 'map') return node.entries.get(String(step))?.node;
  if (node?.kind === 'list') return node.items[Number(step)];
  return undefined;
}

/** The node at the end of `path`, or the last one before the path leaves the tree, and how many steps led there. */
export function descend(root: Node, path: readonly PropertyKey[]): { node: Node; steps: number } {
  let node = root;
  for (const [steps, step] of path.entries()) {
    const next = childOf(node, step);
    if (next === undefined) return { node, steps };
    node = next;
  }
  return { node, steps: path.length };
}

/** The entries of a map; none when `node` is something else. */
export function entriesOf(node: Node | undefined): ReadonlyMap<string, MapEntry> {
  return node?.kind === 'map' ? node.entries : new Map();
}

/** The items of a list; none when `node` is something else. */
export function itemsOf(node: Node | undefined): readonly Node[] {
  return node?.kind === 'list' ? node.items : [];
}

/** True when there is a fault at `node` already, so that nothing more needs to be said. */
export function isBroken(node: Node | undefined): boolean {
  return node?.kind === 'scalar' && node.isBroken;
}

/** The text at `step` when there is a sound one, else undefined. */
export function textAt(node: Node | undefined, step: string): string | undefined {
  const found = childOf(node, step);
  return found?.kind === 'scalar' && typeof found.value === 'string' && !found.isBroken
    ? found.value
    : undefined;
}

/** Plain data; maps without a prototype, so that no key can mean more than itself. */
export function toValue(node: Node): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(toValue);
    case 'map': {
      const value: Record<string, unknown> = Object.create(null);
      for (const [key, entry] of node.entries) value[key] = toValue(entry.node);
      return value;
    }
  }
}

/** `over` laid over `base`: maps are joined key by key, anything else is replaced. */
export function overlay(base: Node, over: Node): Node {
  if (base.kind !== 'map' || over.kind !== 'map') return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const below = base.entries.get(key);
    entries.set(key, below === undefined ? entry : { ...entry, node: overlay(below.node, entry.node) });
  }
  return { ...base, entries };
}

/** A map without some of its keys. */
export function without(node: MapNode, keys: readonly string[]): MapNode {
  return { ...node, entries: new Map([...node.entries].filter(([key]) => !keys.includes(key))) };
}

/** How a message names what was written. */
export function show(node: Node): string {
  if (node.kind === 'map') return 'this map';
  if (node.kind === 'list') return 'this list';
  const text = oneLine(node.shown, 60);
  return typeof node.value === 'string' ? `'${text}'` : text;
}
