import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');

/** What stands in quotes in a file, comments aside: the names of tests and of their cases. */
function namesIn(file: string): string[] {
  const code = read(`${file}.test.ts`).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|\s\/\/ .*$/gm, '');
  const quoted = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g;
  return [...code.matchAll(quoted)].map(([, ...texts]) => texts.join(''));
}

const README = read('../../src/dtls/README.md');
const CITATION = /`([a-z]+): ([^`]+)`/g;

test('every test that the README of the room cites exists', () => {
  const cited = [...README.matchAll(CITATION)];
  expect(cited.length).toBeGreaterThan(150);
  const names = new Map<string, string[]>();
  const missing = cited.filter(([, file = '', words = '']) => {
    if (!names.has(file)) names.set(file, namesIn(file));
    return !names.get(file)?.some((name) => name.includes(words));
  });
  expect(missing.map(([text]) => text)).toEqual([]);
});

test('every rule there has a section and a test', () => {
  const rows = README.split('\n').filter(
    (line) => line.startsWith('| ') && !/^\| (rule|---|\*\*)/.test(line),
  );
  expect(rows.length).toBeGreaterThan(80);
  expect(rows.filter((row) => !/^\| [\dF][\d.]* /.test(row.replaceAll(',', '')))).toEqual([]);
  expect(rows.filter((row) => row.search(CITATION) < 0)).toEqual([]);
});
