import { describe, expect, test } from 'vitest';
import { configOf, faultsOf, load, METER, SOUND } from './support.ts';

/** Profiles that extend others. METER has the points v1 and ei, and 3316/0 with 5700 from v1. */

/** The first profile of a configuration whose device has the profile `child`. */
const CHILD = SOUND.replace('profile: meter', 'profile: child');
const child = (text: string) => ({ files: { 'profiles/child.yaml': text } });
const profileOf = (text: string) => configOf(CHILD, child(text)).profiles[0];

test('a profile has everything of the one that it extends, but its id', () => {
  const base = configOf(SOUND).profiles[0];
  expect(profileOf('profile: { id: child, extends: meter }\n')).toEqual({ ...base, id: 'child' });
});

test('maps are joined key by key, objects by object and instance, anything else is replaced', () => {
  const { manufacturer, protocolSettings, points, objects } =
    profileOf(`profile:
  id: child
  extends: meter
  manufacturer: Own
  modbus: { batching: off, unreadable: [[1, 2]] }
  points:
    v1: { addr: 9 }
    p: { table: input, addr: 4, unit: W }
  objects:
    - { object: 3305, resources: { 5800: p } }
    - { object: 3316, instance: 0, resources: { 5750: "main" } }
`) ?? {};
  expect(manufacturer).toBe('Own');
  expect(protocolSettings).toEqual({ addressing: 'pdu0', batching: 'off', unreadable: [[1, 2]] });
  expect(points?.v1).toMatchObject({ address: { table: 'input', addr: 9 }, unit: 'V' });
  expect(Object.keys(points ?? {})).toEqual(['v1', 'ei', 'p']);
  expect(objects?.map(({ object, resources }) => [object, resources])).toEqual([
    [3316, { 5700: { from: 'v1' }, 5701: { value: 'V' }, 5750: { value: 'main' } }],
    [3305, { 5800: { from: 'p' } }],
  ]);
});

test('a profile can extend one that extends another, wherever they stand', () => {
  const files = {
    'profiles/a.yaml': 'profile: { id: child, extends: middle, model: C }\n',
    'profiles/z.yaml': 'profile: { id: middle, extends: meter, model: M, manufacturer: M }\n',
  };
  expect(configOf(CHILD, { files }).profiles[0]).toMatchObject({
    id: 'child',
    model: 'C',
    manufacturer: 'M',
  });
});

test('a profile that extends its own id means the one that it shadows', () => {
  const files = { 'own/meter.yaml': 'profile: { id: meter, extends: meter, points: { v1: { addr: 7 } } }\n' };
  const main = SOUND.replace('[profiles]', '[own, profiles]');
  const [meter] = configOf(main, { files }).profiles;
  expect(meter?.points.v1?.address).toEqual({ table: 'input', addr: 7 });
  expect(meter?.points.ei?.address).toEqual({ table: 'input', addr: 2 });
});

test('a device overrides what its profile inherits', () => {
  const overridden = CHILD.replace('unit: 1', 'unit: 1, overrides: { points: { v1: { addr: 5 } } }');
  const { devices } = configOf(overridden, child('profile: { id: child, extends: meter }\n'));
  expect(devices[0]?.profile.points.v1?.address).toEqual({ table: 'input', addr: 5 });
});

describe('faults', () => {
  test.each([
    [
      'a profile that is not there',
      'profile: { id: child, extends: metre }\n',
      [
        "profiles/child.yaml:1:32 profile.extends: unknown profile 'metre' (did you mean 'meter'?); profiles are meter; those that come with the gateway are left out, since 'profilePaths' has no builtin",
      ],
    ],
    [
      'a profile that extends itself',
      'profile: { id: child, extends: child }\n',
      [
        "profiles/child.yaml:1:32 profile.extends: unknown profile 'child'; profiles are meter; those that come with the gateway are left out, since 'profilePaths' has no builtin",
      ],
    ],
    [
      'what a profile adds',
      'profile:\n  id: child\n  extends: meter\n  points: { v1: { addr: -1 } }\n',
      [
        'profiles/child.yaml:4:25 profile.points.v1.addr: -1 is not allowed; allowed: a whole number from 0 to 65535',
      ],
    ],
    [
      'what a profile lacks',
      'profile: { extends: meter }\n',
      [
        "profiles/child.yaml:1:10 profile: 'id' is missing; allowed: a name like vendor/model in lower case, for example eastron/sdm630-v2",
      ],
    ],
    [
      'an object that is there twice',
      'profile:\n  id: child\n  extends: meter\n  objects:\n    - { object: 3316, resources: {} }\n    - { object: 3316, resources: {} }\n',
      [
        "profiles/child.yaml:6:17 profile.objects[1].object: this instance of object 3316 is mapped twice; each needs its own 'instance'",
      ],
    ],
  ])('in %s are told where they are', (_, text, expected) => {
    expect(faultsOf(SOUND, child(text))).toEqual(expected);
  });

  test('in what is inherited are told in the file that it stands in, once', () => {
    const files = {
      'profiles/meter.yaml': METER.replace('unit: V', 'nuit: V'),
      'profiles/child.yaml': 'profile: { id: child, extends: meter }\n',
    };
    expect(faultsOf(CHILD, { files })).toEqual([
      expect.stringMatching(/^profiles\/meter\.yaml:6:\d+ profile\.points\.v1\.nuit: unknown key 'nuit'/),
    ]);
  });

  test('a ring ends, and is told', () => {
    const files = {
      'profiles/a.yaml': 'profile: { id: a, extends: b }\n',
      'profiles/b.yaml': 'profile: { id: b, extends: a }\n',
    };
    expect(faultsOf(SOUND, { files })).toEqual([
      "profiles/b.yaml:1:28 profile.extends: 'a' extends this profile in its turn: one of them has to stand alone",
    ]);
  });

  test('places within inherited parts are found in their own file', () => {
    const { locate } = load(
      CHILD,
      child('profile:\n  id: child\n  extends: meter\n  points: { v1: { addr: 3 } }\n'),
    );
    const at = (...path: (string | number)[]): string => {
      const { file, line } = locate({ kind: 'profile', id: 'child' }, path);
      return `${file}:${line}`;
    };
    expect(at('points', 'v1', 'address', 'addr')).toBe('profiles/child.yaml:4');
    expect(at('points', 'v1', 'unit')).toBe('profiles/meter.yaml:6');
    expect(at('objects', 0, 'resources', '5700')).toBe('profiles/meter.yaml:9');
  });
});

test('someone whose profilePaths leave the built-in profiles out is told so', () => {
  const [fault] = faultsOf(SOUND.replace('profile: meter', 'profile: eastron/sdm630-v2'));
  expect(fault).toMatch(
    /unknown profile 'eastron\/sdm630-v2'; profiles are meter; those that come with the gateway are left out, since 'profilePaths' has no builtin$/,
  );
});
