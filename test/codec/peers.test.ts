import { Decoder, Encoder } from 'cbor-x';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatFor } from '../../src/codec/index.ts';
import { type Entry, formatObjectLink, isObjectLink, parsePath, type Value } from '../../src/model/index.ts';
import { contextOf, instance, oneValue } from './arbitrary.ts';

/** cbor-x and JSON.parse as readers and writers that we did not write. */

const OPTIONS = {
  mapsAsObjects: false,
  useRecords: false,
  tagUint8Array: false,
  variableMapSize: true,
} as const;
const decoder = new Decoder(OPTIONS);
const encoder = new Encoder(OPTIONS);

const format = (number: number) => {
  const found = formatFor(number);
  if (found === undefined) throw new Error(`no format ${number}`);
  return found;
};

const LABEL = {
  string: 3,
  corelnk: 3,
  integer: 2,
  unsigned: 2,
  float: 2,
  time: 2,
  boolean: 4,
  opaque: 8,
  objlnk: 'vlo',
};

const plain = (value: Value): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'object' && isObjectLink(value)) return formatObjectLink(value);
  return typeof value === 'bigint' ? Number(value) : value === 0 ? 0 : value;
};

/** Names and values of a pack that somebody else has read. */
function resolved(records: readonly Map<unknown, unknown>[]): unknown[] {
  let base = '';
  return records.map((record) => {
    base = (record.get(-2) as string | undefined) ?? base;
    const [label] = [2, 3, 4, 8, 'vlo'].filter((key) => record.has(key));
    return [`${base}${record.get(0) ?? ''}`, label, plain(record.get(label) as Value)];
  });
}

const expected = (entries: readonly Entry[]): unknown[] =>
  entries.map(({ path, type, value }) => {
    const prefix = path.prefix === '' ? '' : `/${path.prefix}`;
    return [`${prefix}/${path.ids.join('/')}`, LABEL[type as keyof typeof LABEL], plain(value)];
  });

describe('cbor-x', () => {
  test('reads our SenML CBOR (RFC 8428 6)', () => {
    fc.assert(
      fc.property(instance('d01'), ({ base, entries }) => {
        const records = decoder.decode(format(112).encode(entries, { base }));
        expect(resolved(records)).toEqual(expected(entries));
      }),
    );
  });

  test('reads our single CBOR values (RFC 8949)', () => {
    fc.assert(
      fc.property(oneValue, ({ base, entries }) => {
        const bytes = format(60).encode(entries, { base });
        // cbor-x makes a Date of a tagged time, which cannot hold all of them.
        const isTime = entries[0]?.type === 'time';
        if (isTime) expect(bytes[0]).toBe(0xc1);
        const value = decoder.decode(isTime ? bytes.subarray(1) : bytes);
        expect(plain(value)).toEqual(plain(entries[0]?.value ?? 0));
      }),
    );
  });

  test('writes SenML CBOR that we read', () => {
    fc.assert(
      fc.property(instance('d01'), ({ base, entries }) => {
        const records = entries.map(({ path, type, value }) => {
          const wire = typeof value === 'object' && isObjectLink(value) ? formatObjectLink(value) : value;
          return new Map<unknown, unknown>([
            [0, `/d01/${path.ids.join('/')}`],
            [LABEL[type as keyof typeof LABEL], wire instanceof Uint8Array ? Buffer.from(wire) : wire],
          ]);
        });
        const decoded = format(112).decode(encoder.encode(records), contextOf(base, entries));
        expect(expected(decoded)).toEqual(expected(entries));
      }),
    );
  });

  test('reads our LwM2M CBOR', () => {
    const entries: Entry[] = [
      { path: parsePath('/d01/3/0/0'), type: 'string', value: 'Company A' },
      { path: parsePath('/d01/3/0/9'), type: 'integer', value: 100 },
    ];
    const map = decoder.decode(format(11544).encode(entries, { base: parsePath('/') }));
    expect([...map]).toEqual([
      [
        ['d01', 3, 0],
        new Map<number, unknown>([
          [0, 'Company A'],
          [9, 100],
        ]),
      ],
    ]);
  });
});

test('JSON.parse reads our SenML JSON (RFC 8428 5)', () => {
  fc.assert(
    fc.property(instance('d01'), ({ base, entries }) => {
      const text = Buffer.from(format(110).encode(entries, { base })).toString();
      let name = '';
      const read = JSON.parse(text).map((record: Record<string, unknown>) => {
        name = (record.bn as string | undefined) ?? name;
        const value = record.v ?? record.vs ?? record.vb ?? record.vd ?? record.vlo;
        return [`${name}${record.n ?? ''}`, value];
      });
      const own = expected(entries).map((row, index) => {
        const value = entries[index]?.value;
        const [path, , simple] = row as unknown[];
        return [path, value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : simple];
      });
      expect(read).toEqual(own);
    }),
  );
});
