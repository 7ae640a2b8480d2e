import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGatewayError } from '../../src/base/index.ts';
import { type Format, formatFor, supportedFormats } from '../../src/codec/index.ts';
import { type DataType, type Entry, formatPath, type Path, parsePath } from '../../src/model/index.ts';
import { anything, contextOf, history, instance, oneValue, prefix } from './arbitrary.ts';

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

/** A context that knows resources of every type. */
const TYPES: readonly (DataType | undefined)[] = [
  'string',
  'integer',
  'unsigned',
  'float',
  'boolean',
  'opaque',
  'time',
  'objlnk',
  'corelnk',
  'none',
  undefined,
];

const BASES = ['/', '/d01', '/3303', '/3303/0', '/d01/3303/0', '/3303/0/5700', '/16/0/0/1'].map(parsePath);

/** Decodes, and lets only GatewayErrors of this room pass. */
function survive(format: Format, bytes: Uint8Array, base: Path, now: number | undefined): void {
  const resourceOf = (path: Path) => {
    const type = TYPES[(path.ids[2] ?? 0) % TYPES.length];
    return type === undefined ? undefined : { type };
  };
  const context = now === undefined ? { base, resourceOf } : { base, resourceOf, now };
  const attempts = [
    () => format.decode(bytes, context),
    () => format.decodePaths?.(bytes),
    () => format.decodePatch?.(bytes, context),
  ];
  for (const attempt of attempts) {
    try {
      attempt();
    } catch (error) {
      if (!isGatewayError(error) || !error.code.startsWith('codec.')) throw error;
    }
  }
}

/** A valid payload with some bytes changed, cut out or put in. */
function mutated(format: Format): fc.Arbitrary<Uint8Array> {
  const source = format.shape === 'single' ? oneValue : instance('d01');
  const payload = source.map(({ base, entries }) => {
    try {
      return format.encode(entries, { base });
    } catch {
      return new Uint8Array();
    }
  });
  const edit = fc.record({ at: fc.nat(400), remove: fc.nat(3), insert: fc.uint8Array({ maxLength: 3 }) });
  return fc.tuple(payload, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([bytes, edits]) =>
    edits.reduce<Uint8Array>((now, { at, remove, insert }) => {
      const from = now.length === 0 ? 0 : at % now.length;
      return Buffer.concat([now.subarray(0, from), insert, now.subarray(from + remove)]);
    }, bytes),
  );
}

describe('any bytes are decoded or refused with a code', () => {
  const base = fc.constantFrom(...BASES);
  const now = fc.constantFrom(undefined, NOW);

  test.each(named(formats('any', 'subtree', 'single', 'composite-request')))('random: %s', (_, format) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), base, now, (bytes, path, time) =>
        survive(format, bytes, path, time),
      ),
      { numRuns: 1000 },
    );
  });

  test.each(named(formats('any', 'subtree', 'single', 'composite-request')))('damaged: %s', (_, format) => {
    fc.assert(
      fc.property(mutated(format), base, now, (bytes, path, time) => survive(format, bytes, path, time)),
      { numRuns: 1000 },
    );
  });
});
