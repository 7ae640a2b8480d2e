import { type DataType, type Entry, formatPath, type Path } from '../model/index.ts';

/** The vocabulary of SenML, whatever the syntax (RFC 8428 4; OMA Core 1.2 7.4). */

/** The fields of a record. `vlo` is LwM2M's own. */
export const FIELDS = [
  'bver',
  'bn',
  'bt',
  'bu',
  'bv',
  'bs',
  'n',
  'u',
  'v',
  'vs',
  'vb',
  's',
  't',
  'ut',
  'vd',
  'vlo',
] as const;
export type Field = (typeof FIELDS)[number];

/** A record as it was read; what a field holds is checked when it is used. */
export type SenmlRecord = { [field in Field]?: unknown };

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
