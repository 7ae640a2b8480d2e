import { formatFor } from '../../src/codec/index.ts';
import { type Entry, formatPath, type Ids, isWithin, type Path } from '../../src/model/index.ts';

/** How many bytes the layouts of other implementations take for the same entries, as small models of them. */

const headSize = (argument: number): number => (argument < 24 ? 1 : argument < 256 ? 2 : 3);

const textSize = (text: string): number => headSize(text.length) + text.length;

/** A value in CBOR, where nobody is better than the shortest form. */
function valueSize(entry: Entry): number {
  const size = formatFor(60)?.encode([entry], { base: entry.path }).length ?? 0;
  return entry.type === 'time' ? size - 1 : size;
}

/** `vlo` is a text of 3 characters, the other labels are one byte. */
const labelSize = ({ type }: Entry): number => (type === 'objlnk' ? 4 : 1);

/** SenML CBOR with the path of the request as base name, and the rest of each path as its name. */
export function baseAndNamesSize(entries: readonly Entry[], base: Path): number {
  const root = formatPath(base);
  const names = entries.reduce((sum, entry) => {
    const name = formatPath(entry.path).slice(root === '/' ? 0 : root.length);
    return sum + (name === '' ? 0 : 1 + textSize(name));
  }, 0);
  const values = entries.reduce((sum, entry) => sum + 1 + labelSize(entry) + valueSize(entry), 0);
  return headSize(entries.length) + 1 + textSize(root) + names + values;
}

/** SenML CBOR with whole paths as names. */
export function wholeNamesSize(entries: readonly Entry[]): number {
  const records = entries.map(
    (entry) => 2 + textSize(formatPath(entry.path)) + labelSize(entry) + valueSize(entry),
  );
  return headSize(entries.length) + records.reduce((sum, size) => sum + size, 0);
}

const idSize = (id: number): number => headSize(id);

/** LwM2M CBOR as maps within maps of indefinite length, one per level below the path of the request. */
export function nestedMapsSize(entries: readonly Entry[], base: Path): number {
  const steps = base.ids.length + (base.prefix === '' ? 0 : 1);
  const key =
    (steps > 1 ? headSize(steps) : 0) +
    (base.prefix === '' ? 0 : textSize(base.prefix)) +
    base.ids.reduce((sum, id) => sum + idSize(id), 0);
  return (steps === 0 ? 0 : 2 + key) + levelSize(entries, base.ids);
}

function levelSize(entries: readonly Entry[], above: Ids): number {
  const level = above.length;
  const [only] = entries;
  if (only !== undefined && only.path.ids.length === level) return valueSize(only);
  const ids = [...new Set(entries.map(({ path }) => path.ids[level] ?? 0))];
  return ids.reduce((sum, id) => {
    const own = entries.filter(({ path }) => isWithin([...above, id], path.ids));
    return sum + idSize(id) + levelSize(own, [...above, id]);
  }, 2);
}
