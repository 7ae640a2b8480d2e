import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chain, ChainMember } from '../../src/base/index.ts';

class Guest extends ChainMember {
  readonly name: number;

  constructor(name: number) {
    super();
    this.name = name;
  }
}

const namesIn = (chain: Chain<Guest>): number[] => {
  const names: number[] = [];
  chain.forEach(({ name }) => void names.push(name));
  return names;
};

test('a chain holds what a set would, in the order of coming, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (turns) => {
      const chain = new Chain<Guest>();
      const guests = new Map<number, Guest>();
      const expected = new Set<number>();
      for (const name of turns) {
        const guest = guests.get(name);
        if (guest === undefined) {
          const fresh = new Guest(name);
          guests.set(name, fresh);
          chain.add(fresh);
          expected.add(name);
        } else {
          expect(chain.remove(guest)).toBe(expected.delete(name));
        }
      }
      expect(namesIn(chain)).toEqual([...expected]);
      expect(chain.size).toBe(expected.size);
      expect(chain.first?.name).toBe([...expected][0]);
    }),
  );
});

test('who leaves before it is its turn is not visited, and who comes meanwhile is not either', () => {
  const chain = new Chain<Guest>();
  const [a, b, c, d] = [0, 1, 2, 3].map((name) => new Guest(name)) as [Guest, Guest, Guest, Guest];
  for (const guest of [a, b, c, d]) chain.add(guest);
  const visited: number[] = [];
  chain.forEach(({ name }) => {
    visited.push(name);
    if (name !== 0) return;
    for (const guest of [a, b, c]) chain.remove(guest);
  });
  expect(visited).toEqual([0, 3]);
  chain.forEach(({ name }) => {
    visited.push(name);
    chain.add(new Guest(9));
  });
  expect(visited).toEqual([0, 3, 3]);
});
