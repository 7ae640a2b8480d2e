import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatFault, type Loaded } from '../../src/config/index.ts';
import { faultsOf, fromEnv, load, METER, SOUND } from './support.ts';

/** Whatever stands in the files: a configuration or faults, soon, and no secret in them. */

const SECRET = 'hunter2';
const env = { SECRET, PORT: '502' };

const secret = fromEnv('SECRET');
const secrets = SOUND.replace(
  'host: h }',
  `host: h, password: "${secret}", port: "${secret}" }\n  ${secret}: { type: "${secret}" }`,
);
const fleet = readFileSync(new URL('../../config/examples/fleet.yaml', import.meta.url), 'utf8');

function outcome(loaded: Loaded): 'configuration' | 'faults' {
  const { config, faults } = loaded;
  expect((config === undefined) === faults.length > 0).toBe(true);
  for (const fault of faults) {
    expect(fault.line).toBeGreaterThan(0);
    expect(fault.column).toBeGreaterThan(0);
    expect(formatFault(fault)).not.toContain('\n');
    expect(formatFault(fault)).not.toContain(SECRET);
  }
  loaded.locate({ kind: 'device', id: 'a' }, ['points', 'v1']);
  return config === undefined ? 'faults' : 'configuration';
}

/** Pieces that mean something in YAML or in our files. */
const pieces = fc.constantFrom(
  ...': |- |? |[|]|{|}|,|&a |*a |!!int |"|\'|#|\n|\n  |\n- |---\n|%YAML 1.1\n|<<: |\t|>\n|~|null|.nan|-.inf|0x|1e999|\u0000|\uFEFF|é'.split(
    '|',
  ),
  '|',
  '__proto__: ',
  'constructor: ',
  secret,
  secret.slice(0, -1),
  'generate: { count: 3, id: "{n:99}" }',
  'overrides: { points: [] }',
);

/** A text with some of its slices cut out, doubled or replaced. */
const mutated = (text: string): fc.Arbitrary<string> =>
  fc
    .array(
      fc.record({
        at: fc.nat(text.length),
        cut: fc.nat(12),
        piece: fc.oneof(pieces, fc.string({ maxLength: 5 }), fc.integer().map(String)),
      }),
      { minLength: 1, maxLength: 6 },
    )
    .map((edits) =>
      edits.reduce((now, { at, cut, piece }) => now.slice(0, at) + piece + now.slice(at + cut), text),
    );

describe('any text is a configuration or faults', () => {
  test('sound files are configurations', () => {
    expect(outcome(load(SOUND))).toBe('configuration');
    expect(outcome(load(secrets, { env }))).toBe('faults');
  });

  test('texts of all kinds', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 200 }),
          fc.array(pieces).map((all) => all.join('')),
        ),
        (text) => {
          outcome(load(text, { env }));
          outcome(load(SOUND, { env, files: { 'profiles/x.yaml': text } }));
        },
      ),
      { numRuns: 100 },
    );
  });

  test.each([
    ['a main file', secrets, (text: string) => load(text, { env })],
    ['an example', fleet, (text: string) => load(text, { env })],
    ['a profile', METER, (text: string) => load(SOUND, { env, files: { 'profiles/meter.yaml': text } })],
  ])('%s with changes', (_name, text, read) => {
    fc.assert(
      fc.property(mutated(text), (changed) => {
        outcome(read(changed));
      }),
      { numRuns: 100 },
    );
  });
});

test('what stands in the environment is never repeated, wherever it is used', () => {
  const reference = `"${secret}"`;
  const lines = SOUND.split(/(?<=[:[,] )(?=[\w"])/);
  for (let index = 1; index < lines.length; index++) {
    const changed = lines.with(index, (lines[index] ?? '').replace(/^("[^"]*"|[\w.-]+)/, reference)).join('');
    outcome(load(changed, { env }));
  }
});

describe('files that are made to hurt end in faults, in reasonable time', () => {
  const SIZE = 120_000;
  const repeated = (piece: string): string => piece.repeat(SIZE / piece.length);
  test.each([
    ['open brackets', repeated('['), /nesting/],
    ['open braces', repeated('{a: '), /nesting/],
    ['lists in lists', repeated('- '), /nesting/],
    ['brackets on lines', repeated('[\n'), /nesting/],
    ['questions', repeated('? '), /nesting/],
    ['anchors', repeated('&a '), /one anchor/],
    ['quotes', repeated('"\n'), /cannot|closed/],
    ['many keys', Array.from({ length: 15_000 }, (_, index) => `k${index}:`).join('\n'), /unknown key/],
    ['one key', repeated('a:\n'), /given twice/],
    ['a long list', `devices: [${repeated('a,')}]`, /not allowed|missing/],
    ['a list of lists', `devices:\n${repeated('- []\n')}`, /not allowed|missing/],
  ])('%s', (_name, text, expected) => {
    const before = performance.now();
    const faults = faultsOf(text);
    expect(faults.length).toBeLessThanOrEqual(1001);
    expect(faults.join('\n')).toMatch(expected);
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});
