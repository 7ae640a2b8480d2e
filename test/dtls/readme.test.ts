import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');

test('every test that the README of the room cites exists', () => {
  const cited = [...read('../../src/dtls/README.md').matchAll(/`([a-z]+): ([^`]+)`/g)];
  expect(cited.length).toBeGreaterThan(60);
  const missing = cited.filter(([, file = '', words = '']) => !read(`${file}.test.ts`).includes(words));
  expect(missing.map(([text]) => text)).toEqual([]);
});
