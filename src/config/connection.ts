import { check } from './check.ts';
import type { ConnectionConfig } from './config.ts';
import { didYouMean, type Faults, listed, whereabouts } from './fault.ts';
import { childOf, entriesOf, isBroken, type Node, show, textAt } from './node.ts';
import type { Vocabulary } from './protocol.ts';

/** The connections of all files by name. */
export function joinConnections(files: readonly Node[], faults: Faults): ReadonlyMap<string, Node> {
  const joined = new Map<string, Node>();
  for (const [id, { key, node }] of files.flatMap((file) => [...entriesOf(childOf(file, 'connections'))])) {
    const first = joined.get(id);
    if (first === undefined) joined.set(id, node);
    else
      faults.add(
        key,
        `the connection '${id}' is given twice; the first is in ${whereabouts(first.place, key)}`,
      );
  }
  return joined;
}

/** One connection, checked by its type. */
export function readConnection(
  id: string,
  node: Node,
  { types }: Vocabulary,
  faults: Faults,
): ConnectionConfig | undefined {
  const type = textAt(node, 'type');
  const protocol = types.get(type ?? '');
  const schema = protocol?.connections.get(type ?? '');
  if (type === undefined || protocol === undefined || schema === undefined) {
    const known = [...types.keys()].sort();
    const written = childOf(node, 'type');
    if (isBroken(written)) return undefined;
    const problem = written === undefined ? "'type' is missing" : `unknown type ${show(written)}`;
    faults.add(
      (written ?? node).place,
      `${problem}${didYouMean(type ?? '', known)}; types are ${listed(known)}`,
    );
    return undefined;
  }
  const checked = check(schema, node, faults);
  return (
    checked && { id, type, protocol: protocol.name, settings: protocol.connectionSettings(type, checked) }
  );
}
