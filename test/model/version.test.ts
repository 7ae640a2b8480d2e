import { describe, expect, test } from 'vitest';
import { isAtLeast, needsVersion, olderRelease, RELEASES } from '../../src/model/index.ts';
import { compareVersions } from '../../src/model/version.ts';

describe('versions', () => {
  test('compare as numbers, part by part', () => {
    expect(compareVersions('1.10', '1.9')).toBeGreaterThan(0);
    expect(compareVersions('1.9', '2.0')).toBeLessThan(0);
    expect(compareVersions('2.0', '2.0')).toBe(0);
    expect(compareVersions('2', '2.0')).toBe(0);
  });

  test('of LwM2M fall back one by one (OMA Core 1.2 6.4.3)', () => {
    expect(RELEASES).toEqual(['1.2', '1.1', '1.0']);
    expect(olderRelease('1.2')).toBe('1.1');
    expect(olderRelease('1.1')).toBe('1.0');
    expect(olderRelease('1.0')).toBeUndefined();
  });

  test('of LwM2M are ordered', () => {
    for (const [at, release] of RELEASES.entries())
      expect(RELEASES.map((than) => isAtLeast(release, than))).toEqual(RELEASES.map((_, than) => than >= at));
  });

  test.each([
    [3, '1.2', '1.2', false],
    [3, '1.1', '1.2', true],
    [3, '1.1', '1.1', false],
    [3, '1.2', '1.1', false],
    [3, '1.0', '1.0', false],
    [2, '1.0', '1.1', false],
    [2, '1.1', '1.2', false],
    [4, '1.3', '1.2', false],
    [5, '1.2', '1.2', true],
    [6, '1.0', '1.2', false],
    [21, '2.0', '1.2', false],
    [25, '2.0', '1.2', true],
    [25, '2.0', '1.1', true],
    [3303, '1.0', '1.2', false],
    [3303, '1.1', '1.2', true],
  ] as const)(
    'a link to /%i version %s towards a server of %s needs ver: %s (OMA Core 1.2.2 7.2.2)',
    (object, version, release, needs) => {
      expect(needsVersion(object, version, release)).toBe(needs);
    },
  );
});
