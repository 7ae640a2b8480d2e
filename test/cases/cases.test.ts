import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import catalogue from './catalogue.json' with { type: 'json' };

/**
 * The conformance cases by number: which file of tests shows each, or why none can. The table in `test/README.md` is
 * made here: `UPDATE_CASES=1 npx vitest run test/cases`.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = join(ROOT, 'test/README.md');
const [BEGIN, END] = ['<!-- cases: made by test/cases -->', '<!-- end of cases -->'];

const CASE = /\b(?:G-\d{2,3}|int-\d{1,4}|X\d{1,2})\b/g;
const COMMENT = /^\s*(?:\*|\/\/|\/\*)/;

const ids: readonly string[] = [
  ...catalogue.gateway.map((id) => `G-${String(id).padStart(2, '0')}`),
  ...catalogue.ets.map((id) => `int-${id}`),
  ...catalogue.negative.map((id) => `X${id}`),
];
const reasons: Readonly<Record<string, string>> = catalogue.notApplicable;

/** Which files name a case in the title of a test. */
function shown(): Map<string, string[]> {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.startsWith('cases/'))
    .sort();
  const byCase = new Map<string, string[]>();
  for (const file of files) {
    const lines = readFileSync(join(ROOT, 'test', file), 'utf8').split('\n');
    const named = lines.filter((line) => !COMMENT.test(line)).flatMap((line) => line.match(CASE) ?? []);
    for (const id of new Set(named)) byCase.set(id, [...(byCase.get(id) ?? []), file]);
  }
  return byCase;
}

/** A case is listed where it is shown first and foremost: the file that shows most cases. */
function table(byCase: ReadonlyMap<string, readonly string[]>): string {
  const weight = new Map<string, number>();
  for (const files of byCase.values())
    for (const file of files) weight.set(file, (weight.get(file) ?? 0) + 1);
  const byFile = new Map<string, string[]>();
  for (const id of ids) {
    const [file] = [...(byCase.get(id) ?? [])].sort((a, b) => (weight.get(b) ?? 0) - (weight.get(a) ?? 0));
    if (file !== undefined) byFile.set(file, [...(byFile.get(file) ?? []), id]);
  }
  const rows = [...byFile].map(([file, cases]) => `| [\`${file}\`](${file}) | ${cases.join(', ')} |`);
  const missing = Object.entries(reasons).map(([id, reason]) => `| ${id} | ${reason} |`);
  return [
    '| passes in | cases |',
    '| --- | --- |',
    ...rows,
    '',
    '| not applicable | because |',
    '| --- | --- |',
    ...missing,
  ].join('\n');
}

const byCase = shown();

test('every case of the catalogues is shown by a test, or it is said why it cannot be', () => {
  expect(ids.filter((id) => !byCase.has(id) && reasons[id] === undefined)).toEqual([]);
});

test('no case is both shown and said to be impossible, and none is unknown', () => {
  expect(Object.keys(reasons).filter((id) => byCase.has(id) || !ids.includes(id))).toEqual([]);
  expect([...byCase.keys()].filter((id) => !ids.includes(id))).toEqual([]);
});

test('the table of test/README.md is that of the tests', () => {
  const text = readFileSync(README, 'utf8');
  const [before = '', rest = ''] = text.split(BEGIN);
  const [, after = ''] = rest.split(END);
  const made = `${before}${BEGIN}\n${table(byCase)}\n${END}${after}`;
  if (process.env.UPDATE_CASES === '1') writeFileSync(README, made);
  expect(readFileSync(README, 'utf8')).toBe(made);
});
