import { type DataType, type Entry, formatPath, type Path } from '../model/index.ts';
import { fault } from './fault.ts';

/** The vocabulary of SenML, whatever the syntax (RFC 8428 4; OMA Core 1.2 7.4). */

/** A record as it was read; what a field holds is checked when it is used. */
export interface SenmlRecord {
  bver: unknown;
  bn: unknown;
  bt: unknown;
  bu: unknown;
  bv: unknown;
  bs: unknown;
  n: unknown;
  u: unknown;
  v: unknown;
  vs: unknown;
  vb: unknown;
  s: unknown;
  t: unknown;
  ut: unknown;
  vd: unknown;
  /** LwM2M's own */
  vlo: unknown;
}

export type Field = keyof SenmlRecord;

/** A record without fields. */
export function emptyRecord(): SenmlRecord {
  return {
    bver: undefined,
    bn: undefined,
    bt: undefined,
    bu: undefined,
    bv: undefined,
    bs: undefined,
    n: undefined,
    u: undefined,
    v: undefined,
    vs: undefined,
    vb: undefined,
    s: undefined,
    t: undefined,
    ut: undefined,
    vd: undefined,
    vlo: undefined,
  };
}

export const FIELDS = Object.keys(emptyRecord()) as readonly Field[];

/** Sets a field of a record. @throws GatewayError `codec.duplicate` if it is set already */
export function setField(record: SenmlRecord, field: Field, value: unknown): void {
  if (record[field] !== undefined) throw fault('duplicate', `${field} is given twice in a record`);
  record[field] = value;
}

/** One way to write SenML down. */
export interface SenmlSyntax {
  read(bytes: Uint8Array): SenmlRecord[];
  readonly writer: SenmlWriter;
}

/** Writes one pack at a time. */
export interface SenmlWriter {
  open(records: number): void;
  /**
   * @param base how many ids the base name of this record consists of, -1: no base name
   * @param name the first id that the name consists of, the count of ids: no name, -1: the whole path is the name
   * @param baseTimeMs undefined: none; @param timeMs relative to the base time, undefined: none
   */
  record(
    entry: Entry,
    base: number,
    name: number,
    baseTimeMs: number | undefined,
    timeMs: number | undefined,
  ): void;
  /** A record that is only a name. */
  path(path: Path): void;
  close(): Uint8Array;
}

/** The field that carries a value (OMA Core 1.2 7.4). */
export const VALUE_FIELD: Readonly<Record<DataType, Field | undefined>> = {
  string: 'vs',
  corelnk: 'vs',
  integer: 'v',
  unsigned: 'v',
  float: 'v',
  time: 'v',
  boolean: 'vb',
  opaque: 'vd',
  objlnk: 'vlo',
  none: undefined,
};

/** Times below are relative to now, in s (RFC 8428 4.5.3). */
export const FIRST_ABSOLUTE_S = 2 ** 28;

/** The base name of the first `base` ids: `/d01/3303/0/`; without the last slash when it is the whole path. */
export function baseName(path: Path, base: number): string {
  const name = formatPath({ prefix: path.prefix, ids: path.ids.slice(0, base) });
  return base === path.ids.length ? name : `${name}/`;
}
