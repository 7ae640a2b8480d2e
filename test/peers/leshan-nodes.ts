import {
  type DataType,
  type Entry,
  formatObjectLink,
  isObjectLink,
  type Path,
  parseObjectLink,
  toType,
  type Value,
  wholeNumber,
} from '../../src/model/index.ts';
import type { LeshanNode, LeshanType, LeshanValue } from './leshan-shapes.ts';

/** Entries as the nodes that Leshan makes of them, and back. */

const TYPES: Readonly<Record<DataType, LeshanType>> = {
  string: 'STRING',
  integer: 'INTEGER',
  unsigned: 'UNSIGNED_INTEGER',
  float: 'FLOAT',
  boolean: 'BOOLEAN',
  opaque: 'OPAQUE',
  time: 'TIME',
  objlnk: 'OBJLNK',
  corelnk: 'CORELINK',
  none: 'NONE',
};

/** A subtree: what has values, and what is there without. */
export interface Subtree {
  readonly base: Path;
  readonly entries: readonly Entry[];
  readonly empties?: readonly Path[];
}

/** What Leshan has to know of the resources to read them. */
export function leshanResources(entries: readonly Entry[], empties: readonly Path[] = []): unknown {
  const known = entries.map(({ path: { ids }, type }) => [
    `${ids[0]}/${ids[2]}`,
    { type: TYPES[type], multiple: ids.length === 4 },
  ]);
  const lists = empties
    .filter(({ ids }) => ids.length === 3)
    .map(({ ids }) => [`${ids[0]}/${ids[2]}`, { type: 'STRING', multiple: true }]);
  return Object.fromEntries([...lists, ...known]);
}

function leshanValue({ type, value }: Entry): LeshanValue {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'object' && isObjectLink(value)) return formatObjectLink(value);
  if (type === 'time') return Number(value) * 1000;
  return type === 'integer' || type === 'unsigned' ? `${value}` : (value as LeshanValue);
}

/** Entries by the id at `level`, with empties that go deeper. */
function groups(entries: readonly Entry[], empties: readonly Path[], level: number): [number, Subtree][] {
  const ids = new Set([...entries.map(({ path }) => path), ...empties].map((path) => path.ids[level] ?? -1));
  ids.delete(-1);
  return [...ids].map((id) => {
    const own = entries.filter(({ path }) => path.ids[level] === id);
    const paths = empties.filter((path) => path.ids[level] === id);
    const { prefix, ids } = own[0]?.path ?? paths[0] ?? { prefix: '', ids: [] };
    return [id, { base: { prefix, ids: ids.slice(0, level + 1) }, entries: own, empties: paths }];
  });
}

/** The node at the base of a subtree. */
export function leshanNode({ base, entries, empties = [] }: Subtree): LeshanNode {
  const id = base.ids.at(-1) ?? 0;
  const [first] = entries;
  const below = () => groups(entries, empties, base.ids.length).map(([, subtree]) => leshanNode(subtree));
  if (base.ids.length === 1) return { kind: 'obj', id, instances: below() };
  if (base.ids.length === 2) return { kind: 'instance', id, resources: below() };
  const type = TYPES[first?.type ?? 'string'];
  if (base.ids.length === 3 && first?.path.ids.length !== 3) {
    const values = entries.map((entry) => [entry.path.ids[3], leshanValue(entry)]);
    return { kind: 'multiResource', id, type, values: Object.fromEntries(values) };
  }
  if (first === undefined) throw new Error('a value is missing');
  const kind = base.ids.length === 3 ? 'singleResource' : 'resourceInstance';
  return { kind, id, type, value: leshanValue(first) };
}

const DATA_TYPES = new Map(Object.entries(TYPES).map(([ours, theirs]) => [theirs, ours as DataType]));

function ownValue(type: DataType, value: LeshanValue): Value {
  switch (type) {
    case 'integer':
    case 'unsigned':
      return wholeNumber(BigInt(value));
    case 'time':
      return Number(value) / 1000;
    case 'opaque':
      return new Uint8Array(Buffer.from(`${value}`, 'hex'));
    case 'objlnk':
      return parseObjectLink(`${value}`);
    default:
      return toType(type, value);
  }
}

function ownEntry(path: Path, leshanType: LeshanType, value: LeshanValue): Entry {
  const type = DATA_TYPES.get(leshanType) ?? 'none';
  return { path, type, value: ownValue(type, value) };
}

/** What a node that was asked for at `base` says. */
export function fromLeshanNode(node: LeshanNode, base: Path): Required<Subtree> {
  const subtree = readNode(node, base);
  return { ...subtree, empties: subtree.empties.filter(({ ids }) => ids.length > base.ids.length) };
}

function readNode(node: LeshanNode, base: Path): Required<Subtree> {
  const at = (id: number): Path => ({ prefix: base.prefix, ids: [...base.ids, id] });
  const all = (subtrees: readonly Required<Subtree>[]): Required<Subtree> => ({
    base,
    entries: subtrees.flatMap(({ entries }) => entries),
    empties: subtrees.length === 0 ? [base] : subtrees.flatMap(({ empties }) => empties),
  });
  switch (node.kind) {
    case 'obj':
      return all(node.instances.map((one) => readNode(one, at('id' in one ? (one.id ?? 65535) : 65535))));
    case 'instance':
      return all(node.resources.map((one) => readNode(one, at('id' in one ? (one.id ?? 0) : 0))));
    case 'multiResource':
      return all(
        Object.entries(node.values).map(([id, value]) => ({
          base,
          entries: [ownEntry(at(Number(id)), node.type, value)],
          empties: [],
        })),
      );
    default:
      return { base, entries: [ownEntry(base, node.type, node.value)], empties: [] };
  }
}
