import { type Faults, whereabouts } from './fault.ts';
import { childOf, type Node, show, textAt } from './node.ts';

interface Claim {
  readonly what: string;
  readonly key: string;
  readonly of: (node: Node) => string | undefined;
}

/** What no two devices may share. Prefixes are compared like host names: a server may fold their case. */
const CLAIMS: readonly Claim[] = [
  { what: 'id', key: 'id', of: (node) => textAt(node, 'id') },
  { what: 'Device ID', key: 'deviceId', of: (node) => textAt(node, 'deviceId') },
  { what: 'prefix', key: 'prefix', of: (node) => textAt(node, 'prefix')?.toLowerCase() },
];

/** Says which devices have a name that another one has. */
export function checkNames(nodes: readonly Node[], faults: Faults): void {
  for (const { what, key, of } of CLAIMS) {
    eachClash(nodes, of, (first, second) => {
      const written = childOf(second, key) ?? childOf(first, key);
      if (written === undefined) return;
      const place = (childOf(second, key) ?? second).place;
      const where = whereabouts((childOf(first, key) ?? first).place, place);
      faults.add(place, `the ${what} ${show(written)} is given twice; the first is in ${where}`);
    });
  }
}

interface Addressed {
  readonly node: Node;
  readonly address: string | undefined;
}

/** Says which devices are the same one twice. */
export function checkAddresses(devices: readonly Addressed[], faults: Faults): void {
  eachClash(
    devices,
    ({ address }) => address,
    (first, { node }) => {
      const where = whereabouts(first.node.place, node.place);
      faults.add(
        node.place,
        `the device in ${where} has the same profile, connection and address as this one`,
      );
    },
  );
}

/** Calls `clash` for everything that claims what an earlier one has. */
function eachClash<T>(
  all: readonly T[],
  claimOf: (one: T) => string | undefined,
  clash: (first: T, second: T) => void,
): void {
  const owners = new Map<string, T>();
  for (const one of all) {
    const claim = claimOf(one);
    const owner = claim === undefined ? undefined : owners.get(claim);
    if (owner !== undefined) clash(owner, one);
    else if (claim !== undefined) owners.set(claim, one);
  }
}
