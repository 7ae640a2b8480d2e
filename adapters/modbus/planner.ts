import { TABLES, type Table } from './address.ts';
import type { Medium } from './cost.ts';

/** What the planner needs to know of a point. */
export interface Spot {
  readonly table: Table;
  /** on the wire, from 0 */
  readonly address: number;
  /** registers, or bits of a coil table */
  readonly span: number;
  /** spots of one group come from one request */
  readonly group?: string | undefined;
}

/** Spots that are never read apart: a point, the points of one group, the bits of one register. */
export interface Atom<S> {
  readonly table: Table;
  readonly address: number;
  /** the first address after it */
  readonly end: number;
  readonly spots: readonly S[];
}

/** One read request: atoms by rising address. */
export interface Block<S> {
  readonly table: Table;
  readonly address: number;
  readonly count: number;
  readonly atoms: readonly Atom<S>[];
}

/** Addresses `[from, to]`, both included. */
export type Range = readonly [from: number, to: number];

export type Batching = 'auto' | 'off' | { readonly maxGap: number };

export interface PlanRules {
  readonly maxRegisters: number;
  readonly maxBits: number;
  readonly batching: Batching;
  /** What must not be touched to bridge a gap. */
  readonly unreadable: Readonly<Record<Table, readonly Range[]>>;
}

/** Learned: no request goes across these addresses, that is, asks for one of them and the address before it. */
export type Cuts = Readonly<Record<Table, ReadonlySet<number>>>;

export function limitOf(table: Table, rules: Pick<PlanRules, 'maxRegisters' | 'maxBits'>): number {
  return TABLES[table].bits ? rules.maxBits : rules.maxRegisters;
}

/**
 * The requests that read all `spots` once in the fewest milliseconds. Never splits an atom; bridges a gap only where
 * the rules allow it and a further request would cost more. An atom that exceeds a limit alone gets its own request.
 */
export function planReads<S extends Spot>(
  spots: readonly S[],
  rules: PlanRules,
  cuts: Cuts,
  medium: Medium,
): readonly Block<S>[] {
  const tables = new Set(spots.map((spot) => spot.table));
  return [...tables].flatMap((table) => {
    const atoms = atomsOf(spots.filter((spot) => spot.table === table));
    return cheapestBlocks(atoms, table, rules, cuts[table], medium);
  });
}

/** Spots by rising address, with those put together that must come from one request. */
export function atomsOf<S extends Spot>(spots: readonly S[]): readonly Atom<S>[] {
  const together = new Map<string, S[]>();
  for (const spot of spots) {
    const key = spot.group === undefined ? `${spot.address}+${spot.span}` : `group ${spot.group}`;
    const others = together.get(key);
    if (others === undefined) together.set(key, [spot]);
    else others.push(spot);
  }
  return [...together.values()].map(atomOf).sort((a, b) => a.address - b.address || a.end - b.end);
}

function atomOf<S extends Spot>(spots: readonly [S, ...S[]] | S[]): Atom<S> {
  const first = spots[0] as S;
  let address = first.address;
  let end = address;
  for (const spot of spots) {
    address = Math.min(address, spot.address);
    end = Math.max(end, spot.address + spot.span);
  }
  return { table: first.table, address, end, spots };
}

/** Whether a request that ends at `end` may go on to `next`. */
function mayBridge(
  end: number,
  next: number,
  table: Table,
  rules: PlanRules,
  cuts: ReadonlySet<number>,
): boolean {
  if (rules.batching === 'off') return false;
  if (next < end) return true;
  if (typeof rules.batching === 'object' && next - end > rules.batching.maxGap) return false;
  if (rules.unreadable[table].some(([from, to]) => from < next && to >= end)) return false;
  for (const cut of cuts) if (cut >= end && cut <= next) return false;
  return true;
}

/** Dynamic programming over the sorted atoms: the cheapest way to read the first n of them, for every n. */
function cheapestBlocks<S>(
  atoms: readonly Atom<S>[],
  table: Table,
  rules: PlanRules,
  cuts: ReadonlySet<number>,
  medium: Medium,
): readonly Block<S>[] {
  const limit = limitOf(table, rules);
  const addressMs = TABLES[table].bits ? medium.bitMs : medium.registerMs;
  const best: { cost: number; from: number }[] = [{ cost: 0, from: 0 }];
  for (const [from, first] of atoms.entries()) {
    let end = first.end;
    for (let to = from; to < atoms.length; to++) {
      const atom = atoms[to];
      if (atom === undefined || (to > from && !mayBridge(end, atom.address, table, rules, cuts))) break;
      end = Math.max(end, atom.end);
      if (to > from && end - first.address > limit) break;
      const cost = (best[from]?.cost ?? 0) + medium.requestMs + addressMs * (end - first.address);
      const known = best[to + 1];
      if (known === undefined || cost < known.cost) best[to + 1] = { cost, from };
    }
  }
  const blocks: Block<S>[] = [];
  for (let to = atoms.length; to > 0; to = best[to]?.from ?? 0) {
    blocks.push(blockOf(atoms.slice(best[to]?.from ?? 0, to)));
  }
  return blocks.reverse();
}

/** The request that reads these atoms; there is at least one. */
export function blockOf<S>(atoms: readonly Atom<S>[]): Block<S> {
  const first = atoms[0] as Atom<S>;
  const end = atoms.reduce((last, atom) => Math.max(last, atom.end), first.end);
  return { table: first.table, address: first.address, count: end - first.address, atoms };
}

/** What the data of a request takes on the medium, ms. */
export function dataMs({ table, count }: Pick<Block<unknown>, 'table' | 'count'>, medium: Medium): number {
  return count * (TABLES[table].bits ? medium.bitMs : medium.registerMs);
}

/** What these requests take on the medium, ms. */
export function planMs(blocks: readonly Block<unknown>[], medium: Medium): number {
  return blocks.reduce((sum, block) => sum + medium.requestMs + dataMs(block, medium), 0);
}
