import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Format, formatFor } from '../../src/codec/index.ts';
import { type Entry, formatObjectLink, formatPath, isObjectLink, type Path } from '../../src/model/index.ts';
import {
  type Cbor2,
  type CborItem,
  type CborStyle,
  cbor2Available,
  cbor2InstallLine,
  startCbor2,
} from '../peers/cbor2.ts';
import { anything, contextOf, oneValue } from './arbitrary.ts';

/** Python's cbor2 reads and writes what our three formats on CBOR are made of. */

function format(number: number): Format {
  const found = formatFor(number);
  if (found === undefined) throw new Error(`no format ${number}`);
  return found;
}

const int = (value: number | bigint): CborItem => ({ int: `${value}` });
const text = (value: string): CborItem => ({ text: value });

/** A value as CBOR has it in all formats (OMA Core 1.2 7.4). */
function itemOf({ type, value }: Entry): CborItem {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (typeof value === 'string') return text(value);
  if (typeof value === 'boolean') return { bool: value };
  if (typeof value === 'object' && isObjectLink(value)) return text(formatObjectLink(value));
  return type === 'float' ? { float: Number(value) + 0 } : int(value);
}

/** The label of the value in SenML CBOR (RFC 8428 6; OMA Core 1.2 7.4). */
function labelOf({ type }: Entry): CborItem {
  if (type === 'objlnk') return text('vlo');
  const labels: Partial<Record<Entry['type'], number>> = { string: 3, corelnk: 3, boolean: 4, opaque: 8 };
  return int(labels[type] ?? 2);
}

const sorted = (rows: readonly (readonly unknown[])[]) =>
  rows.map((row) => JSON.stringify(row, (_, value) => (value === 0 ? 0 : value))).sort();

/** Name, label and value of each record of a pack. */
function recordsIn(pack: CborItem): unknown[][] {
  if (!('array' in pack)) throw new Error('a pack is an array');
  let base = '';
  return pack.array.map((record) => {
    const fields = new Map(
      'map' in record ? record.map.map(([key, item]) => [JSON.stringify(key), item]) : [],
    );
    const field = (label: number) => fields.get(JSON.stringify(int(label)));
    const textIn = (item: CborItem | undefined) =>
      item !== undefined && 'text' in item ? item.text : undefined;
    base = textIn(field(-2)) ?? base;
    const [value] = [...fields].filter(([key]) => key !== '{"int":"-2"}' && key !== '{"int":"0"}');
    return [`${base}${textIn(field(0)) ?? ''}`, ...(value ?? [])];
  });
}

/** Steps and value of each leaf of nested maps. */
function leavesIn(item: CborItem, above: readonly CborItem[] = []): unknown[][] {
  if (!('map' in item)) return [[above, item]];
  return item.map.flatMap(([key, below]) =>
    leavesIn(below, [...above, ...('array' in key ? key.array : [key])]),
  );
}

const stepsOf = ({ prefix, ids }: Path): CborItem[] => [
  ...(prefix === '' ? [] : [text(prefix)]),
  ...ids.map(int),
];

interface Row {
  readonly steps: readonly CborItem[];
  readonly entry: Entry;
}

/** One map per step, or one key for the whole path. */
function mapsOf(entries: readonly Entry[], isNested: boolean): CborItem {
  if (!isNested) {
    return { map: entries.map((entry) => [{ array: stepsOf(entry.path) }, itemOf(entry)] as const) };
  }
  const level = (rows: readonly Row[]): CborItem => {
    const groups = new Map<string, Row[]>();
    for (const { steps, entry } of rows) {
      const key = JSON.stringify(steps[0]);
      groups.set(key, [...(groups.get(key) ?? []), { steps: steps.slice(1), entry }]);
    }
    return {
      map: [...groups].map(([key, below]) => {
        const [first] = below;
        const isLeaf = first !== undefined && first.steps.length === 0;
        return [JSON.parse(key), isLeaf ? itemOf(first.entry) : level(below)] as const;
      }),
    };
  };
  return level(entries.map((entry) => ({ steps: stepsOf(entry.path), entry })));
}

const comparable = (entries: readonly Entry[]) =>
  sorted(entries.map((entry) => [formatPath(entry.path), itemOf(entry)]));

const style: fc.Arbitrary<CborStyle> = fc.record({ canonical: fc.boolean(), indefinite: fc.boolean() });
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const RUNS = { numRuns: 200 };

describe.skipIf(!cbor2Available())(`cbor2 (${cbor2InstallLine})`, () => {
  let cbor2: Cbor2;
  beforeAll(() => {
    cbor2 = startCbor2();
  });
  afterAll(() => cbor2?.stop());

  test('reads one value, and writes the same bytes (RFC 8949 4.2.1)', async () => {
    const property = fc.asyncProperty(oneValue, async ({ base, entries }) => {
      const [entry] = entries;
      if (entry === undefined) return;
      const bytes = format(60).encode(entries, { base });
      // A date of Python cannot hold all times that have a tag.
      const untagged = entry.type === 'time' ? bytes.subarray(1) : bytes;
      const { item, canonical } = await cbor2.decode(untagged);
      expect(sorted([[item]])).toEqual(sorted([[itemOf(entry)]]));
      expect(hex(canonical)).toBe(hex(untagged));
    });
    await fc.assert(property, RUNS);
  });

  test('writes one value that we read', async () => {
    const property = fc.asyncProperty(oneValue, style, async ({ base, entries }, how) => {
      const [entry] = entries;
      if (entry === undefined) return;
      const bytes = await cbor2.encode(itemOf(entry), how);
      expect(comparable(format(60).decode(bytes, contextOf(base, entries)))).toEqual(comparable(entries));
    });
    await fc.assert(property, RUNS);
  });

  test('reads SenML of many devices, and needs no fewer bytes (RFC 8428 6)', async () => {
    const property = fc.asyncProperty(anything, async ({ base, entries }) => {
      const bytes = format(112).encode(entries, { base });
      const { item, canonical } = await cbor2.decode(bytes);
      const expected = entries.map((entry) => [
        formatPath(entry.path),
        JSON.stringify(labelOf(entry)),
        itemOf(entry),
      ]);
      expect(sorted(recordsIn(item))).toEqual(sorted(expected));
      expect(bytes).toHaveLength(canonical.length);
    });
    await fc.assert(property, RUNS);
  });

  test('writes SenML that we read', async () => {
    const property = fc.asyncProperty(anything, style, async ({ base, entries }, how) => {
      const records = entries.map((entry) => ({
        map: [[int(0), text(formatPath(entry.path))] as const, [labelOf(entry), itemOf(entry)] as const],
      }));
      const bytes = await cbor2.encode({ array: records }, how);
      expect(comparable(format(112).decode(bytes, contextOf(base, entries)))).toEqual(comparable(entries));
    });
    await fc.assert(property, RUNS);
  });

  test('reads LwM2M CBOR of many devices, and needs no fewer bytes (OMA Core 1.2 7.4)', async () => {
    const property = fc.asyncProperty(anything, async ({ base, entries }) => {
      const bytes = format(11544).encode(entries, { base });
      const { item, canonical } = await cbor2.decode(bytes);
      const expected = entries.map((entry) => [stepsOf(entry.path), itemOf(entry)]);
      expect(sorted(leavesIn(item))).toEqual(sorted(expected));
      expect(bytes).toHaveLength(canonical.length);
    });
    await fc.assert(property, RUNS);
  });

  test('writes LwM2M CBOR that we read, with whole paths as keys or nested', async () => {
    const property = fc.asyncProperty(
      anything,
      style,
      fc.boolean(),
      async ({ base, entries }, how, isNested) => {
        const bytes = await cbor2.encode(mapsOf(entries, isNested), how);
        expect(comparable(format(11544).decode(bytes, contextOf(base, entries)))).toEqual(
          comparable(entries),
        );
      },
    );
    await fc.assert(property, RUNS);
  });
});
