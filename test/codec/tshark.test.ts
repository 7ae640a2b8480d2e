import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatFor } from '../../src/codec/index.ts';
import { type Entry, isObjectLink } from '../../src/model/index.ts';
import { dissectTlv, type TsharkValue, tsharkAvailable, tsharkInstallLine } from '../peers/tshark.ts';
import { object, prefix, type Subtree, within } from './arbitrary.ts';

/** How many ids of a path the Uri-Path has already said, by the count of ids in it. */
const SAID = [0, 1, 2, 2, 3];

function kindsOf(ids: readonly number[], isValue: boolean): string[] {
  const last = isValue ? 'resource' : 'resource_array';
  return ['', 'object_instance', ids.length === 4 ? 'resource_array' : last, 'resource_instance'].slice(
    0,
    ids.length,
  );
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** What Wireshark should make of a value: a number for whole ones, else its bytes. */
function expected({ type, value }: Entry): unknown {
  if (type === 'integer' || type === 'unsigned' || type === 'time') return BigInt(value as number | bigint);
  if (type === 'float') return Number(value) + 0;
  if (typeof value === 'boolean') return value ? '01' : '00';
  if (typeof value === 'string') return hex(Buffer.from(value));
  if (typeof value !== 'object' || !isObjectLink(value)) return hex(value as Uint8Array);
  return hex(Buffer.from([value.object >> 8, value.object & 255, value.instance >> 8, value.instance & 255]));
}

function found(type: Entry['type'] | undefined, { bytes, integer, unsigned }: TsharkValue): unknown {
  if (bytes === undefined) return undefined;
  if (type === 'integer' || type === 'time') return integer;
  if (type === 'unsigned') return unsigned;
  if (type === 'float') return (bytes.length === 4 ? bytes.readFloatBE() : bytes.readDoubleBE()) + 0;
  return hex(bytes);
}

const byPath = (a: readonly unknown[], b: readonly unknown[]) => (`${a[0]}` < `${b[0]}` ? -1 : 1);

function rowsOf({ base, entries, empties }: Subtree): unknown[][] {
  const said = SAID[base.ids.length] ?? 0;
  const values = entries.map((entry) => {
    const { ids } = entry.path;
    return [ids.slice(said).join('/'), kindsOf(ids, true).slice(said).join('/'), expected(entry)];
  });
  const nothing = empties.map(({ ids }) => [
    ids.slice(said).join('/'),
    kindsOf(ids, false).slice(said).join('/'),
    undefined,
  ]);
  return [...values, ...nothing].sort(byPath);
}

function rowsFound(values: readonly TsharkValue[], { base, entries }: Subtree): unknown[][] {
  const said = SAID[base.ids.length] ?? 0;
  const types = new Map(entries.map(({ path, type }) => [path.ids.slice(said).join('/'), type]));
  return values
    .map((value) => {
      const ids = value.ids.join('/');
      return [ids, value.kinds.join('/'), found(types.get(ids), value)];
    })
    .sort(byPath);
}

describe.skipIf(!tsharkAvailable())(`Wireshark (${tsharkInstallLine})`, () => {
  test('reads our TLV: ids, kinds, nesting, lengths, values (OMA Core 1.2 7.4)', async () => {
    const subtrees = fc
      .sample(within(object({ prefix, empties: true })), 400)
      .filter(({ entries, empties }) => entries.length + empties.length > 0);
    const payloads = subtrees.map(
      ({ base, entries, empties }) => formatFor(11542)?.encode(entries, { base, empties }) ?? Buffer.alloc(0),
    );
    const dissected = await dissectTlv(payloads);
    expect(dissected).toHaveLength(subtrees.length);
    for (const [index, subtree] of subtrees.entries()) {
      expect(rowsFound(dissected[index] ?? [], subtree)).toEqual(rowsOf(subtree));
    }
  });
});
