import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeContent, type Format, formatFor, supportedFormats } from '../../src/codec/index.ts';
import { type Entry, formatPath, type Path, ROOT } from '../../src/model/index.ts';
import { anything, contextOf, history, instance, object, oneValue, prefix, within } from './arbitrary.ts';
import { baseAndNamesSize, nestedMapsSize, wholeNamesSize } from './layouts.ts';

const NOW = 1_800_000_000_000;

const formats = (...shapes: Format['shape'][]): Format[] =>
  supportedFormats.flatMap((number) => formatFor(number) ?? []).filter(({ shape }) => shapes.includes(shape));

const named = (list: readonly Format[]): [string, Format][] =>
  list.map((format) => [`${format.contentFormat} ${format.mediaType}`, format]);

/** By path, as formats that nest may order them; the sign of zero is nothing a meter means. */
const comparable = (entries: readonly Entry[]) =>
  entries
    .map(({ path, type, value, at }) => ({
      path: `${formatPath(path)} ${at ?? ''}`,
      type,
      value: typeof value === 'bigint' ? `${value}n` : value === 0 ? 0 : value,
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));

function expectSame(format: Format, base: Path, entries: readonly Entry[], now?: number): void {
  const decoded = format.decode(format.encode(entries, { base }), contextOf(base, entries, now));
  expect(comparable(decoded)).toEqual(comparable(entries));
}

describe('what is encoded is decoded the same', () => {
  test.each(named(formats('any', 'composite-request')))('several devices: %s', (_, format) => {
    fc.assert(fc.property(anything, ({ base, entries }) => expectSame(format, base, entries)));
  });

  test.each(named(formats('any', 'subtree')))('an instance: %s', (_, format) => {
    fc.assert(fc.property(prefix.chain(instance), ({ base, entries }) => expectSame(format, base, entries)));
  });

  test.each(named(formats('any', 'subtree')))('an object: %s', (_, format) => {
    fc.assert(
      fc.property(prefix.chain(instance), ({ base, entries }) =>
        expectSame(format, { ...base, ids: base.ids.slice(0, 1) }, entries),
      ),
    );
  });

  test.each(named(formats('any', 'subtree', 'single')).filter(([name]) => !name.startsWith('42 ')))(
    'one value: %s',
    (_, format) => {
      fc.assert(fc.property(oneValue, ({ base, entries }) => expectSame(format, base, entries)));
    },
  );

  test.each(named(formats('any', 'subtree').filter(({ carriesTime }) => carriesTime)))(
    'history: %s',
    (_, format) => {
      fc.assert(fc.property(history, ({ base, entries }) => expectSame(format, base, entries, NOW)));
    },
  );

  test.each(
    named(
      supportedFormats
        .flatMap((number) => (formatFor(number)?.encodePaths ? [formatFor(number)] : []))
        .flatMap((format) => format ?? []),
    ),
  )('lists of paths: %s', (_, format) => {
    fc.assert(
      fc.property(anything, ({ entries }) => {
        const paths = entries.map((entry) => entry.path);
        expect(format.decodePaths?.(format.encodePaths?.(paths) ?? new Uint8Array())).toEqual(paths);
      }),
    );
  });
});

describe('no layout that others use is smaller', () => {
  const subtree = within(object({ prefix })).filter(({ entries }) => entries.length > 0);
  const sizeIn = (number: number, entries: readonly Entry[], base: Path) =>
    formatFor(number)?.encode(entries, { base }).length ?? 0;

  test('a base name and names, or whole paths as names: SenML CBOR', () => {
    fc.assert(
      fc.property(subtree, ({ base, entries }) => {
        expect(sizeIn(112, entries, base)).toBeLessThanOrEqual(baseAndNamesSize(entries, base));
        expect(sizeIn(112, entries, base)).toBeLessThanOrEqual(wholeNamesSize(entries));
      }),
    );
  });

  test('maps within maps: LwM2M CBOR', () => {
    fc.assert(
      fc.property(subtree, ({ base, entries }) => {
        expect(sizeIn(11544, entries, base)).toBeLessThanOrEqual(nestedMapsSize(entries, base));
      }),
    );
  });

  test('the same for values of several devices', () => {
    fc.assert(
      fc.property(anything, ({ entries }) => {
        expect(sizeIn(112, entries, ROOT)).toBeLessThanOrEqual(wholeNamesSize(entries));
      }),
    );
  });
});

describe('what is empty is said by formats that nest', () => {
  const subtree = within(object({ prefix, empties: true }));

  test.each([11542, 11544])('%i', (number) => {
    const format = formatFor(number);
    fc.assert(
      fc.property(subtree, ({ base, entries, empties }) => {
        if (format === undefined) return;
        const bytes = format.encode(entries, { base, empties });
        const content = decodeContent(format, bytes, contextOf(base, entries));
        expect(comparable(content.entries)).toEqual(comparable(entries));
        expect(content.empties.map(formatPath).sort()).toEqual(empties.map(formatPath).sort());
      }),
    );
  });
});
