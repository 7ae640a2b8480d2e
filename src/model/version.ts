/** The LwM2M releases a client can announce (`lwm2m=`), newest first. */
export const RELEASES = ['1.2', '1.1', '1.0'] as const;
export type Release = (typeof RELEASES)[number];

/** The next older release, to fall back to on 4.12 (OMA Core 1.2 6.4.3, 8.2.3). */
export function olderRelease(release: Release): Release | undefined {
  return RELEASES[RELEASES.indexOf(release) + 1];
}

/** Whether `release` is `than` or newer. */
export function isAtLeast(release: Release, than: Release): boolean {
  return RELEASES.indexOf(release) <= RELEASES.indexOf(than);
}

export function majorOf(version: string): number {
  return Number(version.split('.')[0]);
}

/** Negative when a is lower than b, as `major.minor`. */
export function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

/**
 * Versions of the core objects that a release implies; of any other object it is 1.0 (OMA Core 1.2.2 table 7.2.2-1).
 * 25 belongs to the Gateway enabler: no release implies its version 2.0.
 */
const IMPLIED: Readonly<Record<Release, Readonly<Record<number, string>>>> = {
  '1.0': { 0: '1.0', 1: '1.0', 2: '1.0', 3: '1.0', 4: '1.0', 5: '1.0', 6: '1.0', 7: '1.0' },
  '1.1': { 0: '1.1', 1: '1.1', 2: '1.0', 3: '1.1', 4: '1.2', 5: '1.0', 6: '1.0', 7: '1.0', 21: '1.1' },
  '1.2': { 0: '1.2', 1: '1.2', 2: '1.1', 3: '1.2', 4: '1.3', 5: '1.1', 6: '1.0', 7: '1.0', 21: '2.0' },
};

/**
 * True if a link to this object has to carry `ver` towards a server that speaks `release`. Towards an older release a
 * core object that is newer within its major version passes as the one that the release implies: a server of that time
 * knows no newer one, and would not understand any of its resources.
 */
export function needsVersion(object: number, version: string, release: Release): boolean {
  const implied = IMPLIED[release][object];
  if (implied === undefined) return version !== '1.0';
  const isNewer = majorOf(version) === majorOf(implied) && compareVersions(version, implied) > 0;
  return version !== implied && !(isNewer && release !== RELEASES[0]);
}
