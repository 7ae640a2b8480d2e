import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { replay } from '../../src/cli/replay.ts';
import { listen } from '../cli/output.ts';

/**
 * Captures of `sniff`, and what reading every point of a profile brings against them. A new one is two lines:
 * `sniff --write test/captures/<name>.capture`, and a row here; the first run writes what it brings to `<name>.txt`,
 * which a person should look at.
 */
const CAPTURES: readonly (readonly [name: string, profile: string, device: string])[] = [
  ['sdm120-noisy', 'eastron/sdm120', 'unit: 1'],
];

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

test.each(CAPTURES)('%s, read as %s', async (name, profile, device) => {
  const out = listen();
  const expected = `${FOLDER}${name}.txt`;
  const given = { profile, device, expect: expected, profiles: [], adapter: [] };
  expect([await replay(`${FOLDER}${name}.capture`, given, out), out.complained()]).toEqual([0, '']);
});

test('every capture is replayed', () => {
  const names = readdirSync(FOLDER).flatMap((file) => /^(.*)\.capture$/.exec(file)?.[1] ?? []);
  expect(names.sort()).toEqual(CAPTURES.map(([name]) => name).sort());
});
