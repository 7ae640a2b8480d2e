import { describe, expect, test } from 'vitest';
import { decodeContent } from '../../src/codec/index.ts';
import type { Entry } from '../../src/model/index.ts';
import { type Vector, vectors } from './vectors.ts';

const byTitle = (list: readonly Vector[]): [string, Vector][] => list.map((vector) => [vector.title, vector]);

/** Whole numbers in one form, so that 5 and 5n compare as the tests mean it. */
const comparable = (entries: readonly Entry[]) =>
  entries.map((entry) => (typeof entry.value === 'bigint' ? { ...entry, value: `${entry.value}` } : entry));

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return 'no error';
};

describe('vectors', () => {
  test.each(byTitle(vectors('vectors').filter((vector) => vector.decodes)))(
    'decode: %s',
    (_, { format, bytes, context, entries, empties }) => {
      const content = decodeContent(format, bytes, context);
      expect(comparable(content.entries)).toEqual(comparable(entries));
      expect(content.empties).toEqual(empties);
    },
  );

  test.each(byTitle(vectors('vectors').filter((vector) => vector.encodes)))(
    'encode: %s',
    (_, { format, bytes, base, entries, empties }) => {
      expect(Buffer.from(format.encode(entries, { base, empties })).toString('hex')).toBe(
        bytes.toString('hex'),
      );
    },
  );

  test.each(byTitle(vectors('malformed')))('refuse: %s', (_, { format, bytes, context, code }) => {
    expect(codeOf(() => format.decode(bytes, context))).toBe(code);
  });

  test.each(byTitle(vectors('unspeakable')))('cannot say: %s', (_, { format, base, entries }) => {
    expect(codeOf(() => format.encode(entries, { base }))).toBe('codec.not-representable');
  });
});

describe('composite requests', () => {
  test.each(byTitle(vectors('paths')))('decode paths: %s', (_, { format, bytes, paths }) => {
    expect(format.decodePaths?.(bytes)).toEqual(paths);
  });

  test.each(byTitle(vectors('paths').filter((vector) => vector.encodes)))(
    'encode paths: %s',
    (_, { format, bytes, paths }) => {
      expect(Buffer.from(format.encodePaths?.(paths) ?? []).toString('hex')).toBe(bytes.toString('hex'));
    },
  );

  test.each(byTitle(vectors('malformedPaths')))('refuse paths: %s', (_, { format, bytes, code }) => {
    expect(codeOf(() => format.decodePaths?.(bytes))).toBe(code);
  });

  test.each(byTitle(vectors('patches')))(
    'decode patch: %s',
    (_, { format, bytes, context, entries, removals }) => {
      expect(format.decodePatch?.(bytes, context)).toEqual({ entries, removals });
    },
  );

  test.each(byTitle(vectors('malformedPatches')))(
    'refuse patch: %s',
    (_, { format, bytes, context, code }) => {
      expect(codeOf(() => format.decodePatch?.(bytes, context))).toBe(code);
    },
  );
});
