import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import catalogue from './catalogue.json' with { type: 'json' };

/**
 * What has to be shown, by name: the conformance cases, the pitfalls of the field, and what users of others have run
 * into; which file of tests shows each, or why none can. The tables in `test/README.md` are made here:
 * `UPDATE_CASES=1 npx vitest run test/cases`.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = join(ROOT, 'test/README.md');
const COMMENT = /^\s*(?:\*|\/\/|\/\*)/;

const conformance: readonly string[] = [
  ...catalogue.gateway.map((id) => `G-${String(id).padStart(2, '0')}`),
  ...catalogue.ets.map((id) => `int-${id}`),
  ...catalogue.negative.map((id) => `X${id}`),
];
/** What each is about, by name. */
const field: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(catalogue.pitfalls).map(([id, about]) => [`pitfall ${id}`, about])),
  ...catalogue.peerIssues,
};
const reasons: Readonly<Record<string, string>> = catalogue.notApplicable;
const ids = [...new Set([...conformance, ...Object.keys(field), ...Object.keys(reasons)])];

/** Names of cases, known or not. Issues of others have no form of their own, so that only known ones are found. */
const ISSUE = Object.keys(catalogue.peerIssues).map((id) => `${id.replace(/[.]/g, '\\.')}(?!\\d)`);
const CASE = new RegExp(
  [String.raw`\b(?:G-\d{2,3}|int-\d{1,4}|X\d{1,2}|pitfall \d{1,2})\b`, ...ISSUE].join('|'),
  'g',
);

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

const byCase = shown();
const link = (file: string): string => `[\`${file}\`](${file})`;

function reasonRows(of: (id: string) => boolean): string[] {
  return Object.entries(reasons).flatMap(([id, reason]) => (of(id) ? [`| ${id} | ${reason} |`] : []));
}

const isOfField = (id: string): boolean => id.startsWith('pitfall ');

/** A case is listed where it is shown first and foremost: the file that shows most cases. */
function conformanceTable(): string {
  const weight = new Map<string, number>();
  for (const files of byCase.values())
    for (const file of files) weight.set(file, (weight.get(file) ?? 0) + 1);
  const byFile = new Map<string, string[]>();
  for (const id of conformance) {
    const [file] = [...(byCase.get(id) ?? [])].sort((a, b) => (weight.get(b) ?? 0) - (weight.get(a) ?? 0));
    if (file !== undefined) byFile.set(file, [...(byFile.get(file) ?? []), id]);
  }
  return [
    '| passes in | cases |',
    '| --- | --- |',
    ...[...byFile].map(([file, cases]) => `| ${link(file)} | ${cases.join(', ')} |`),
    '',
    '| not applicable | because |',
    '| --- | --- |',
    ...reasonRows((id) => !isOfField(id)),
  ].join('\n');
}

/** By what it is about, as several people ran into the same. */
function fieldTable(): string {
  const byTopic = new Map<string, string[]>();
  for (const [id, about] of Object.entries(field)) byTopic.set(about, [...(byTopic.get(about) ?? []), id]);
  const rows = [...byTopic].map(([about, names]) => {
    const files = [...new Set(names.flatMap((id) => byCase.get(id) ?? []))];
    return `| ${names.join(', ')} | ${about} | ${files.map(link).join(', ')} |`;
  });
  return [
    '| pitfall, or issue of another project | what goes wrong | shown in |',
    '| --- | --- | --- |',
    ...rows,
    '',
    '| not applicable | because |',
    '| --- | --- |',
    ...reasonRows(isOfField),
  ].join('\n');
}

test('every case of the catalogues is shown by a test, or it is said why it cannot be', () => {
  expect(ids.filter((id) => !byCase.has(id) && reasons[id] === undefined)).toEqual([]);
});

test('no case is both shown and said to be impossible, and none is unknown', () => {
  const listed = new Set([...conformance, ...Object.keys(field)]);
  const known = new Set([...listed, ...Object.keys(reasons).filter(isOfField)]);
  expect(Object.keys(reasons).filter((id) => byCase.has(id) || !known.has(id))).toEqual([]);
  expect([...byCase.keys()].filter((id) => !known.has(id))).toEqual([]);
});

test.each([
  ['cases', conformanceTable],
  ['pitfalls', fieldTable],
])('the table of the %s in test/README.md is that of the tests', (name, table) => {
  const [begin, end] = [`<!-- ${name}: made by test/cases -->`, `<!-- end of ${name} -->`];
  const [before = '', rest = ''] = readFileSync(README, 'utf8').split(begin);
  const [, after = ''] = rest.split(end);
  const made = `${before}${begin}\n${table()}\n${end}${after}`;
  if (process.env.UPDATE_CASES === '1') writeFileSync(README, made);
  expect(readFileSync(README, 'utf8')).toBe(made);
});
