import { describe, expect, test } from 'vitest';
import { type Configuration, EMPTY, instancesOf, merge } from '../../src/client/configuration.ts';
import { rightsFaults, rightsIn, withoutLeavers } from '../../src/client/rights.ts';
import { accessControlValues } from '../../src/objects/index.ts';

const NOBODY = 65_535;

type Said = readonly [
  object: number,
  instance: number,
  owner: number,
  rights: Readonly<Record<number, number>>,
];

/** Servers, and what is said in object 2; of object 16 there is an instance for each that is said. */
function configuration(servers: readonly number[], ...said: readonly Said[]): Configuration {
  const known = servers.reduce((all, server) => merge(all, 1, server, new Map([[0, server]])), EMPTY);
  return said.reduce((all, [object, instance, owner, rights], id) => {
    const bits = new Map(Object.entries(rights).map(([server, right]) => [Number(server), right]));
    const values = accessControlValues({ object, instance, owner, rights: bits });
    const made = object === 16 ? merge(all, 16, instance, new Map([[0, new Map([[0, 'a']])]])) : all;
    return merge(made, 2, id, values);
  }, known);
}

describe('a server that goes', () => {
  const said: readonly Said[] = [
    [16, 0, 1, { 2: 1, 3: 10 }],
    [16, 1, 1, {}],
    [16, 2, 1, { 0: 1 }],
    [3, 0, 1, { 1: 15 }],
    [4, 0, NOBODY, { 1: 15, 2: 1 }],
  ];
  const after = withoutLeavers(configuration([2, 3], ...said), configuration([1, 2, 3], ...said));

  test('leaves what others can use to who can do most, and takes the rest along (OMA Core 1.2 8.1.3)', () => {
    expect([...instancesOf(after, 16).keys()]).toEqual([0, 2]);
    expect(rightsIn(after).get(0)).toMatchObject({
      owner: 3,
      rights: new Map([
        [2, 1],
        [3, 10],
      ]),
    });
    expect(rightsIn(after).get(2)).toMatchObject({ owner: NOBODY, rights: new Map([[0, 1]]) });
  });

  test('has no rights any more, so that another with its number inherits none', () => {
    const named = [...rightsIn(after).values()].flatMap(({ rights, owner }) => [...rights.keys(), owner]);
    expect(named).not.toContain(1);
    expect(rightsIn(after).get(4)).toMatchObject({ rights: new Map([[2, 1]]) });
  });

  test('takes nothing along that is not for servers to make', () => {
    expect([...rightsIn(after).values()].some(({ object }) => object === 3)).toBe(false);
  });
});

test.each<[string, Said[], string[]]>([
  ['nothing', [], []],
  ['rights of servers, of everybody, owned by nobody', [[3, 0, NOBODY, { 0: 1, 1: 15 }]], []],
  [
    'two about one instance',
    [
      [3, 0, 1, {}],
      [3, 0, NOBODY, {}],
    ],
    ['/2/1 and /2/0 are about /3/0'],
  ],
  ['rights of a server that is not there', [[3, 0, 1, { 9: 1 }]], ['/2/0/2/9: there is no server 9']],
  ['an id that no server has', [[3, 0, 1, { 65535: 1 }]], ['/2/0/2/65535: there is no server 65535']],
  ['an owner that is not there', [[3, 0, 9, {}]], ['/2/0/3: there is no server 9']],
])('%s: %j (OMA Core 1.2.2 6.1.7.7)', (_, said, faults) => {
  expect(rightsFaults(configuration([1, 2], ...said), new Set([1, 2]))).toEqual(faults);
});
