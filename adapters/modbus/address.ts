/** The tables of the data model (Modbus Application Protocol 1.1b3 section 4.3). */
export type Table = 'coil' | 'discrete' | 'holding' | 'input';

interface TableRule {
  /** the function code that reads it */
  readonly read: 1 | 2 | 3 | 4;
  /** a bit per address instead of a register */
  readonly bits: boolean;
  readonly writable: boolean;
  /** the leading digit in Modicon notation */
  readonly modicon: 0 | 1 | 3 | 4;
}

export const TABLES: Readonly<Record<Table, TableRule>> = {
  coil: { read: 1, bits: true, writable: true, modicon: 0 },
  discrete: { read: 2, bits: true, writable: false, modicon: 1 },
  holding: { read: 3, bits: false, writable: true, modicon: 4 },
  input: { read: 4, bits: false, writable: false, modicon: 3 },
};

export const TABLE_NAMES = Object.keys(TABLES) as readonly Table[];

/** How many addresses a table has. */
export const ADDRESSES = 65536;

/**
 * How a profile counts: `pdu0` as on the wire, from 0; `one-based` as most manuals; `modicon` with the table as
 * leading digit, 40001 or 400001.
 */
export type Addressing = 'pdu0' | 'one-based' | 'modicon';

/** Where the addresses of `table` begin in this notation, and how many there are. */
function ranges(addressing: Addressing, table: Table): readonly { first: number; count: number }[] {
  if (addressing === 'pdu0') return [{ first: 0, count: ADDRESSES }];
  const digit = addressing === 'modicon' ? TABLES[table].modicon : 0;
  if (digit === 0) return [{ first: 1, count: ADDRESSES }];
  return [
    { first: digit * 10_000 + 1, count: 9999 },
    { first: digit * 100_000 + 1, count: ADDRESSES },
  ];
}

/** The address on the wire, or undefined when `address` is none of `table` in this notation. */
export function toPduAddress(addressing: Addressing, table: Table, address: number): number | undefined {
  const range = ranges(addressing, table).find((r) => address >= r.first && address < r.first + r.count);
  return range === undefined ? undefined : address - range.first;
}

/** An address on the wire as people look it up: `holding 0x0034 (40053)`, the latter in Modicon notation. */
export function placeText(table: Table, address: number): string {
  const digits = address < 9999 ? 4 : 5;
  const modicon = `${TABLES[table].modicon}${String(address + 1).padStart(digits, '0')}`;
  return `${table} 0x${address.toString(16).padStart(4, '0')} (${modicon})`;
}

/** The tables that an address without a table means: in Modicon notation the one it names, else all. */
export function tablesOf(addressing: Addressing, address: number): readonly Table[] {
  const named = TABLE_NAMES.filter((table) => toPduAddress(addressing, table, address) !== undefined);
  if (addressing !== 'modicon') return named;
  // 40001 is also the coil 040001; the digit that stands there wins.
  return named.filter((table) => table !== 'coil' || named.length === 1);
}
