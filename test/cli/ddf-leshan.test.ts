import { afterAll, describe, expect, test } from 'vitest';
import { omaRegistry } from '../../src/model/index.ts';
import { type LeshanServer, leshanAvailable, leshanInstallLine, startLeshan } from '../peers/leshan.ts';

/** Has a resource that is readable and of no type: a mistake of the registry. */
const UNSOUND = 10482;

describe.skipIf(!leshanAvailable())(`Leshan (else: ${leshanInstallLine})`, () => {
  const registry = omaRegistry();
  let leshan: LeshanServer | undefined;
  afterAll(() => leshan?.stop());

  test('takes our XML of every version of every object: schema, URN, version and sense', async () => {
    const sound = registry.objects.filter((id) => id !== UNSOUND);
    leshan = await startLeshan({ objects: sound.flatMap((id) => registry.versions(id)) });
    expect(leshan.output()).not.toMatch(/invalid|error/i);
  });

  test('would have refused what is unsound', async () => {
    await expect(startLeshan({ objects: registry.versions(UNSOUND) })).rejects.toThrow('Read data(5)');
  });
});
