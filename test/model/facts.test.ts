import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatFacts, type ObjectDefinition, omaRegistry } from '../../src/model/index.ts';

const factsFile = readFileSync(new URL('../../src/model/oma-facts.ts', import.meta.url), 'utf8');

const RESOURCE = { operations: 'R', type: 'float', multiple: false, mandatory: false, range: '' } as const;

test('the facts of the registry are what the script writes', () => {
  const registry = omaRegistry();
  const definitions = registry.objects.flatMap((id) => registry.versions(id));
  expect(formatFacts(definitions) === factsFile).toBe(true);
});

test('facts stand one object a line, ascending, with trailing empty fields cut', () => {
  const object = (id: number, version: string): ObjectDefinition => ({
    id,
    name: 'A `$` \\ "meter"',
    version,
    multiple: true,
    mandatory: false,
    resources: new Map([
      [2, { ...RESOURCE, id: 2, name: 'Power', unit: 'W' }],
      [1, { ...RESOURCE, id: 1, name: 'Reset', operations: 'E', type: 'none', unit: '' }],
    ]),
  });
  const text = formatFacts([object(9, '1.10'), object(10, '1.0'), object(9, '1.2')]);
  const name = String.raw`A \`\$\` \\\\ \\"meter\\"`;
  const resources = '[[1,"Reset","E"],[2,"Power","R","F",0,0,"","W"]]';
  expect(text.split('\n').filter((line) => line.startsWith('[') && line !== '[')).toEqual([
    `[9,"${name}","1.2",1,0,${resources}],`,
    `[9,"${name}","1.10",1,0,${resources}],`,
    `[10,"${name}","1.0",1,0,${resources}]`,
  ]);
});

test('names with signs of their own in JavaScript survive', async () => {
  const name = ['A `$` $', '{x} \\ "meter"'].join('');
  const resources = new Map([[0, { ...RESOURCE, id: 0, name, unit: '' }]]);
  const text = formatFacts([{ id: 9, name, version: '1.0', multiple: true, mandatory: false, resources }]);
  const folder = mkdtempSync(join(tmpdir(), 'lwm2m-gateway-'));
  writeFileSync(join(folder, 'facts.ts'), text);
  const { readOmaFacts } = await import(join(folder, 'facts.ts'));
  rmSync(folder, { recursive: true });
  expect(readOmaFacts()).toEqual([[9, name, '1.0', 1, 0, [[0, name, 'R', 'F']]]]);
});
