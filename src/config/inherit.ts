import { didYouMean, type Faults, listed } from './fault.ts';
import { childOf, itemsOf, type ListNode, type Node, overlay, show, textAt, without } from './node.ts';

/** A profile as it stands in its file. */
export interface WrittenProfile {
  /** Undefined when nobody can refer to it. */
  readonly id: string | undefined;
  readonly node: Node;
}

/** A profile with what it inherits; without a node when what it extends is not there, which has been reported. */
export interface InheritedProfile {
  readonly id: string | undefined;
  readonly node: Node | undefined;
}

/**
 * Joins profiles with those that they extend. The rules: maps are joined key by key, objects by object and instance, and
 * anything else takes the place of what was there. A profile that extends its own id means the one that it shadows.
 * @param written in the order in which ids are looked for
 * @param hint what to add when a profile is missing
 * @param isComplete false when a file could not be read, so that a missing profile proves nothing
 */
export function inherited(
  written: readonly WrittenProfile[],
  hint: string,
  isComplete: boolean,
  faults: Faults,
): InheritedProfile[] {
  const resolved = new Map<WrittenProfile, Node | undefined>();

  const baseOf = (profile: WrittenProfile, extended: string): WrittenProfile | undefined => {
    const isShadowed = profile.id === extended;
    return written.find(({ id }, at) => id === extended && (!isShadowed || at > written.indexOf(profile)));
  };

  const refuse = (named: Node, extended: string, own: string | undefined): undefined => {
    const others = written.flatMap(({ id }) => (id === undefined || id === own ? [] : id));
    const ids = [...new Set(others)].sort();
    if (isComplete)
      faults.add(
        named.place,
        `unknown profile ${show(named)}${didYouMean(extended, ids)}; profiles are ${listed(ids)}${hint}`,
      );
  };

  const join = (profile: WrittenProfile, below: readonly WrittenProfile[]): Node | undefined => {
    const named = childOf(profile.node, 'extends');
    const extended = textAt(profile.node, 'extends');
    if (named === undefined || extended === undefined) return profile.node;
    const base = baseOf(profile, extended);
    if (base === undefined) return refuse(named, extended, profile.id);
    if (base === profile || below.includes(base)) {
      faults.add(
        named.place,
        `${show(named)} extends this profile in its turn: one of them has to stand alone`,
      );
      return undefined;
    }
    const node = resolve(base, [...below, profile]);
    return node === undefined ? undefined : extend(node, profile.node);
  };

  const resolve = (profile: WrittenProfile, below: readonly WrittenProfile[]): Node | undefined => {
    if (!resolved.has(profile)) resolved.set(profile, join(profile, below));
    return resolved.get(profile);
  };

  return written.map((profile) => ({ id: profile.id, node: resolve(profile, []) }));
}

/** The keys of a profile that are its own. */
const OWN = ['id', 'extends'];

function extend(base: Node, profile: Node): Node {
  if (base.kind !== 'map' || profile.kind !== 'map') return profile;
  const objects = profile.entries.get('objects');
  const joined = overlay(without(base, OWN), without(profile, ['extends']));
  if (joined.kind !== 'map') return joined;
  const entries = new Map(joined.entries);
  if (objects !== undefined)
    entries.set('objects', { ...objects, node: joinObjects(childOf(base, 'objects'), objects.node) });
  return { ...joined, place: profile.place, entries };
}

/** What names an entry of `objects`: object and instance. */
function nameOf(mapping: Node): string | undefined {
  const [object, instance] = ['object', 'instance'].map((key) => childOf(mapping, key));
  if (object?.kind !== 'scalar' || (instance !== undefined && instance.kind !== 'scalar')) return undefined;
  return `${Number(object.text)}/${Number(instance?.text ?? 0)}`;
}

function joinObjects(base: Node | undefined, over: Node): Node {
  if (base?.kind !== 'list' || over.kind !== 'list') return over;
  const items = [...base.items];
  for (const mapping of itemsOf(over)) {
    const name = nameOf(mapping);
    const at = name === undefined ? -1 : base.items.findIndex((below) => nameOf(below) === name);
    const below = base.items[at];
    // A second one of the same name is not joined: that it is there twice is told later.
    if (below === undefined || items[at] !== below) items.push(mapping);
    else items[at] = overlay(below, mapping);
  }
  return { ...over, items } satisfies ListNode;
}
