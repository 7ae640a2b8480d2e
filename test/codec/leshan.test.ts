import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeContent, type Format, formatFor } from '../../src/codec/index.ts';
import { type Entry, formatLinks, formatPath, isObjectLink, parseLinks } from '../../src/model/index.ts';
import { leshanInstallLine } from '../peers/leshan.ts';
import { type LeshanCodec, leshanCodecAvailable, startLeshanCodec } from '../peers/leshan-codec.ts';
import { contextOf, history, object, oneValue, type Subtree, within } from './arbitrary.ts';

/** Leshan's codecs as readers and writers that we did not write; it has no LwM2M CBOR and no SenML-ETCH. */

const TEXT = 0;
const OPAQUE = 42;
const CBOR = 60;
const SENML_JSON = 110;
const SENML_CBOR = 112;
const TLV = 11542;
const OLD_JSON = 11543;

const NOW = 1_800_000_000_000;

function format(number: number): Format {
  const found = formatFor(number);
  if (found === undefined) throw new Error(`no format ${number}`);
  return found;
}

const named = (numbers: readonly number[]): [string, number][] =>
  numbers.map((number) => [`${number} ${format(number).mediaType}`, number]);

/** Leshan holds times as ms in 64 bits, and takes of links with 65535 only 65535:65535. */
const MOST_S = 8_640_000_000_000;

function speakable(entry: Entry): Entry {
  const { type, value } = entry;
  if (type === 'corelnk') return { ...entry, value: '</3303/0>,</3303/0/5700>' };
  if (type === 'time') {
    return { ...entry, value: Math.min(MOST_S, Math.max(-MOST_S, Number(value))) };
  }
  if (typeof value !== 'object' || !isObjectLink(value)) return entry;
  return {
    ...entry,
    value: { object: Math.min(value.object, 65534), instance: Math.min(value.instance, 65534) },
  };
}

/** Leshan writes unsigned values of 2^63 and more in TLV as if they were negative. */
function withoutHighestBit(entry: Entry): Entry {
  const { type, value } = entry;
  return type === 'unsigned' && typeof value === 'bigint' ? { ...entry, value: value % 2n ** 63n } : entry;
}

const mapped = (change: (entry: Entry) => Entry) => (subtree: Subtree) => ({
  ...subtree,
  entries: subtree.entries.map(change),
});

const prefix = fc.constantFrom('', 'd01', 'meter-0007_b');
const subtree = within(object({ prefix })).map(mapped(speakable));
const withEmpties = within(object({ prefix, empties: true })).map(mapped(speakable));
const single = oneValue.map(({ base, entries }) => ({ base, entries: entries.map(speakable) }));
/** Leshan has no list of nothing, and no value of now between others. */
const past = history
  .map(({ base, entries }) => ({
    base,
    entries: entries.filter(({ at }) => at !== undefined).map(speakable),
  }))
  .filter(({ entries }) => entries.length > 0);

/** In one order, and numbers as they compare. */
const comparable = ({ entries, empties = [] }: Partial<Subtree> & Pick<Subtree, 'entries'>) => ({
  entries: entries
    .map(({ path, value, at }) => ({
      path: `${formatPath(path)} ${at ?? ''}`,
      value: typeof value === 'bigint' ? Number(value) : value === 0 ? 0 : value,
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1)),
  empties: empties.map(formatPath).sort(),
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Floats have more than one encoding: Leshan takes 8 bytes for each, and Java's way to write decimals. */
const hasFloat = ({ entries }: Pick<Subtree, 'entries'>) => entries.some(({ type }) => type === 'float');

const RUNS = { numRuns: 150 };

describe.skipIf(!leshanCodecAvailable())(`Leshan (${leshanInstallLine})`, () => {
  let leshan: LeshanCodec;
  beforeAll(() => {
    leshan = startLeshanCodec();
  });
  afterAll(() => leshan?.stop());

  const structured = named([SENML_JSON, SENML_CBOR, OLD_JSON]);

  test.each(structured)(
    'reads objects, instances, resources and resource instances: %s',
    async (_, number) => {
      const property = fc.asyncProperty(subtree, async (whole) => {
        const bytes = format(number).encode(whole.entries, whole);
        expect(comparable(await leshan.decode(number, bytes, whole))).toEqual(comparable(whole));
      });
      await fc.assert(property, RUNS);
    },
  );

  test.each(structured)(
    'writes objects, instances, resources and resource instances: %s',
    async (_, number) => {
      const property = fc.asyncProperty(subtree, async (whole) => {
        const bytes = await leshan.encode(number, whole);
        const entries = format(number).decode(bytes, contextOf(whole.base, whole.entries));
        expect(comparable({ entries })).toEqual(comparable(whole));
      });
      await fc.assert(property, RUNS);
    },
  );

  test('reads TLV, also of what is empty', async () => {
    const property = fc.asyncProperty(withEmpties, async (whole) => {
      const bytes = format(TLV).encode(whole.entries, whole);
      expect(comparable(await leshan.decode(TLV, bytes, whole))).toEqual(comparable(whole));
    });
    await fc.assert(property, RUNS);
  });

  test('writes TLV, also of what is empty, and without floats the same bytes', async () => {
    const property = fc.asyncProperty(withEmpties.map(mapped(withoutHighestBit)), async (whole) => {
      const bytes = await leshan.encode(TLV, whole);
      const content = decodeContent(format(TLV), bytes, contextOf(whole.base, whole.entries));
      expect(comparable(content)).toEqual(comparable(whole));
      const own = format(TLV).encode(whole.entries, whole);
      // Instances and resources come in the order of Java's hash maps.
      if (!hasFloat(whole)) expect(bytes).toHaveLength(own.length);
      if (!hasFloat(whole) && whole.entries.length + whole.empties.length < 2)
        expect(hex(bytes)).toBe(hex(own));
    });
    await fc.assert(property, RUNS);
  });

  test.each(named([TEXT, CBOR]))('reads and writes one value: %s', async (_, number) => {
    const property = fc.asyncProperty(single, async (one) => {
      const ours = format(number).encode(one.entries, one);
      expect(comparable(await leshan.decode(number, ours, one))).toEqual(comparable(one));
      const theirs = await leshan.encode(number, one);
      const entries = format(number).decode(theirs, contextOf(one.base, one.entries));
      expect(comparable({ entries })).toEqual(comparable(one));
      if (!hasFloat(one)) expect(hex(theirs)).toBe(hex(ours));
    });
    await fc.assert(property, RUNS);
  });

  test('reads and writes opaque values', async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (value) => {
      const path = { prefix: '', ids: [5, 0, 0] };
      const one = { base: path, entries: [{ path, type: 'opaque', value } as const] };
      const bytes = await leshan.encode(OPAQUE, one);
      expect(hex(bytes)).toBe(hex(format(OPAQUE).encode(one.entries, one)));
      expect(comparable(await leshan.decode(OPAQUE, bytes, one))).toEqual(comparable(one));
    });
    await fc.assert(property, { numRuns: 20 });
  });

  test.each(structured)('reads and writes history: %s', async (_, number) => {
    const property = fc.asyncProperty(past, async ({ base, entries }) => {
      const ours = format(number).encode(entries, { base });
      const read = await leshan.decodeHistory(number, ours, base, entries);
      expect(comparable({ entries: read })).toEqual(comparable({ entries }));
      const theirs = await leshan.encodeHistory(number, base, entries);
      const again = format(number).decode(theirs, contextOf(base, entries, NOW));
      expect(comparable({ entries: again })).toEqual(comparable({ entries }));
    });
    await fc.assert(property, RUNS);
  });

  test.each(named([SENML_JSON, SENML_CBOR]))(
    'reads and writes values of many paths: %s',
    async (_, number) => {
      const property = fc.asyncProperty(
        object({ prefix }).map(mapped(speakable)),
        async ({ base, entries }) => {
          const root = { prefix: base.prefix, ids: [] };
          const ours = format(number).encode(entries, { base: root });
          const read = await leshan.decodeValues(number, ours, base.prefix, entries);
          expect(comparable({ entries: read })).toEqual(comparable({ entries }));
          const theirs = await leshan.encodeValues(number, base.prefix, entries);
          const again = format(number).decode(theirs, contextOf(root, entries));
          expect(comparable({ entries: again })).toEqual(comparable({ entries }));
        },
      );
      await fc.assert(property, RUNS);
    },
  );

  test.each(named([SENML_JSON, SENML_CBOR]))(
    'reads and writes the same lists of paths: %s',
    async (_, number) => {
      const property = fc.asyncProperty(object({ prefix }), async ({ base, entries }) => {
        const paths = entries.map(({ path }) => path);
        const ours = format(number).encodePaths?.(paths) ?? new Uint8Array();
        const theirs = await leshan.encodePaths(number, base.prefix, paths);
        expect(hex(theirs)).toBe(hex(ours));
        expect(format(number).decodePaths?.(theirs)).toEqual(paths);
        const read = await leshan.decodePaths(number, ours, base.prefix);
        expect(read).toEqual(paths.map(({ ids }) => `/${ids.join('/')}`));
      });
      await fc.assert(property, { numRuns: 50 });
    },
  );

  test.each([
    '</3>;ver=1.2,</3/0>;dim=2;pmin=10',
    '</>;rt="oma.lwm2m";ct="60 110 112",</25/0>',
    '</3303/0/5700>;gt=50;lt=42.2,</3303/0/5701>',
  ])('reads and writes the same links: %s', async (text) => {
    expect(await leshan.links(formatLinks(parseLinks(text)))).toBe(text);
    expect(formatLinks(parseLinks(text))).toBe(text);
  });
});
