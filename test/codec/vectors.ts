import { readdirSync, readFileSync } from 'node:fs';
import { type DecodeContext, type Format, formatFor } from '../../src/codec/index.ts';
import {
  type DataType,
  type Entry,
  formatPath,
  type Path,
  parseObjectLink,
  parsePath,
  type Value,
} from '../../src/model/index.ts';

/** Path, type, value, time: integers beyond 2^53 as text, opaque values as hex or as a count of bytes 0xA5. */
type EntryRow = readonly [string, DataType, string | number | boolean, number?];

interface Row {
  readonly name: string;
  readonly format?: number;
  readonly base?: string;
  readonly bytes?: string;
  readonly text?: string;
  /** A count of bytes 0xA5 that follow. */
  readonly filler?: number;
  readonly now?: number;
  readonly entries?: readonly EntryRow[];
  readonly empties?: readonly string[];
  readonly paths?: readonly string[];
  readonly removals?: readonly string[];
  /** The type of every resource, where no entries tell. */
  readonly type?: DataType;
  /** Read as a write: without `now`. */
  readonly write?: boolean;
  readonly code?: string;
  readonly only?: 'decode' | 'encode';
}

type Kind =
  | 'vectors'
  | 'malformed'
  | 'unspeakable'
  | 'paths'
  | 'malformedPaths'
  | 'patches'
  | 'malformedPatches';

interface VectorFile extends Partial<Record<Kind, readonly Row[]>> {
  readonly format: number;
  readonly section: string;
  readonly now?: number;
}

export interface Vector {
  /** For the name of the test. */
  readonly title: string;
  readonly format: Format;
  readonly base: Path;
  readonly bytes: Buffer;
  readonly entries: readonly Entry[];
  readonly empties: readonly Path[];
  readonly paths: readonly Path[];
  readonly removals: readonly Path[];
  readonly context: DecodeContext;
  readonly code: string;
  /** Which directions it holds for. */
  readonly decodes: boolean;
  readonly encodes: boolean;
}

function typedValue(type: DataType, value: string | number | boolean): Value {
  if (type === 'opaque') {
    return typeof value === 'number'
      ? new Uint8Array(value).fill(0xa5)
      : new Uint8Array(Buffer.from(`${value}`, 'hex'));
  }
  if (type === 'objlnk') return parseObjectLink(`${value}`);
  const isWhole = type === 'integer' || type === 'unsigned' || type === 'time';
  return isWhole && typeof value === 'string' ? BigInt(value) : value;
}

function entryOf([path, type, value, at]: EntryRow): Entry {
  const entry = { path: parsePath(path), type, value: typedValue(type, value) };
  return at === undefined ? entry : { ...entry, at };
}

function vectorOf(file: VectorFile, row: Row): Vector {
  const number = row.format ?? file.format;
  const format = formatFor(number);
  if (format === undefined) throw new Error(`no format ${number}`);
  const head =
    row.text === undefined
      ? Buffer.from((row.bytes ?? '').replaceAll(' ', ''), 'hex')
      : Buffer.from(row.text);
  const base = parsePath(row.base ?? '/');
  const entries = (row.entries ?? []).map(entryOf);
  const types = new Map(entries.map((entry) => [formatPath(entry.path), entry.type]));
  const now = row.write ? undefined : (row.now ?? file.now);
  return {
    title: `${number} ${row.name} (${file.section})`,
    format,
    base,
    bytes: Buffer.concat([head, Buffer.alloc(row.filler ?? 0, 0xa5)]),
    entries,
    empties: (row.empties ?? []).map(parsePath),
    paths: (row.paths ?? []).map(parsePath),
    removals: (row.removals ?? []).map(parsePath),
    context: {
      base,
      resourceOf(path) {
        const type = row.type ?? types.get(formatPath(path));
        return type === undefined ? undefined : { type };
      },
      ...(now === undefined ? {} : { now }),
    },
    code: row.code ?? '',
    decodes: row.only !== 'encode',
    encodes: row.only !== 'decode',
  };
}

const FOLDER = new URL('../vectors/', import.meta.url);

const FILES: readonly VectorFile[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')));

/** All vectors of one kind, of all formats. */
export function vectors(kind: Kind): Vector[] {
  return FILES.flatMap((file) => (file[kind] ?? []).map((row) => vectorOf(file, row)));
}
