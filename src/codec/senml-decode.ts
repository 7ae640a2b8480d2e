import {
  type DataType,
  type Path,
  parseObjectLink,
  pathFromSegments,
  type Value,
  wholeNumber,
} from '../model/index.ts';
import { readBase64 } from './bytes.ts';
import { type Collector, createCollector } from './collect.ts';
import { type DecimalText, isDecimalText, readDecimal } from './decimal-text.ts';
import { fault } from './fault.ts';
import type { DecodeContext } from './format.ts';
import { FIRST_ABSOLUTE_S, type Field, type SenmlRecord } from './senml-record.ts';

/** Fields that a list of paths may have (RFC 8790 3.1). */
const PATH_FIELDS: ReadonlySet<string> = new Set(['bver', 'bn', 'bt', 'bu', 'n', 'u', 't']);

/** The highest `bver` that is known (RFC 8428 4.4). */
const VERSION = 10;

/** The last instant that a Date has. */
const LAST_TIME_MS = 8.64e15;

/** Longer than any prefix and path. */
const LONGEST_NAME = 128;

function textIn(record: SenmlRecord, field: Field): string | undefined {
  const value = record[field];
  if (value === undefined || typeof value === 'string') return value;
  throw fault('malformed', `${field} is not text`);
}

type Numeral = number | bigint | DecimalText;

function isNumeral(value: unknown): value is Numeral {
  return typeof value === 'number' || typeof value === 'bigint' || isDecimalText(value);
}

function numeralIn(record: SenmlRecord, field: Field): Numeral | undefined {
  const value = record[field];
  if (value === undefined || isNumeral(value)) return value;
  throw fault('malformed', `${field} is not a number`);
}

/** A number that may be rounded, as times are. */
function numberIn(record: SenmlRecord, field: Field): number | undefined {
  const value = numeralIn(record, field);
  if (value === undefined) return undefined;
  const number = Number(isDecimalText(value) ? value.decimal : value);
  if (Number.isFinite(number)) return number;
  throw fault('malformed', `${field} is not a number`);
}

/** A number for its resource's type; whole ones stay exact. */
function numberOf(numeral: Numeral, type: DataType | undefined): number | bigint {
  return isDecimalText(numeral) ? readDecimal(type, numeral.decimal) : numeral;
}

/** Base value plus value (RFC 8428 4.6), exact for whole numbers. */
function sum(base: number | bigint, value: number | bigint): number | bigint {
  const isWhole = (number: number | bigint) => typeof number === 'bigint' || Number.isSafeInteger(number);
  return isWhole(base) && isWhole(value)
    ? wholeNumber(BigInt(base) + BigInt(value))
    : Number(base) + Number(value);
}

/** The path that a resolved name means; a slash too many where base name and name meet is forgiven. */
function pathOf(base: string, name: string): Path {
  const text = base.endsWith('/') && name.startsWith('/') ? base + name.slice(1) : base + name;
  const path =
    text.startsWith('/') && text.length <= LONGEST_NAME
      ? pathFromSegments(text.slice(1).split('/'))
      : undefined;
  if (path !== undefined) return path;
  throw fault('malformed', `${JSON.stringify(text.slice(0, LONGEST_NAME))} is not a path`);
}

/** Passes on what stays in force from record to record. */
interface Bases {
  name: string;
  timeS: number;
  value: Numeral;
}

function carry(bases: Bases, record: SenmlRecord): void {
  const version = numberIn(record, 'bver');
  if (version !== undefined && version > VERSION) throw fault('malformed', `SenML version ${version}`);
  bases.name = textIn(record, 'bn') ?? bases.name;
  bases.timeS = numberIn(record, 'bt') ?? bases.timeS;
  bases.value = numeralIn(record, 'bv') ?? bases.value;
}

/** When a value was true, in ms since 1970; undefined: now. */
function timeOf(baseS: number, record: SenmlRecord, now: number | undefined): number | undefined {
  const seconds = baseS + (numberIn(record, 't') ?? 0);
  if (now === undefined || seconds === 0) return undefined;
  const at = Math.round(seconds < FIRST_ABSOLUTE_S ? now + seconds * 1000 : seconds * 1000);
  if (Math.abs(at) <= LAST_TIME_MS) return at;
  throw fault('malformed', `${seconds} s is no time`);
}

const VALUE_FIELDS = ['v', 'vs', 'vb', 'vd', 'vlo'] as const;

/** The one field with a value. */
function valueFieldOf(record: SenmlRecord): (typeof VALUE_FIELDS)[number] {
  const present = VALUE_FIELDS.filter((field) => record[field] !== undefined);
  const [field] = present;
  if (field !== undefined && present.length === 1) return field;
  throw fault('malformed', `a SenML record has one value, not ${present.length}`);
}

/** Where formats differ. */
interface Dialect {
  /** `"v": null` removes a resource instance (RFC 8790 3.2) instead of being malformed. */
  readonly nullRemoves?: boolean;
  /** Text is base64 where the resource is opaque (LwM2M 1.0). */
  readonly base64InText?: boolean;
}

/** The value of a record for its resource's type; the collector checks that it is one. */
function readValue(
  record: SenmlRecord,
  bases: Bases,
  { base64InText }: Dialect,
): (type: DataType | undefined) => Value {
  const field = valueFieldOf(record);
  const value = record[field];
  switch (field) {
    case 'v': {
      const numeral = numeralIn(record, 'v') ?? 0;
      const base = bases.value;
      if (base === 0) return (type) => numberOf(numeral, type);
      return (type) => sum(numberOf(base, type), numberOf(numeral, type));
    }
    case 'vlo': {
      const link = textIn(record, 'vlo') ?? '';
      return () => parseObjectLink(link);
    }
    case 'vs':
      if (typeof value !== 'string') break;
      return base64InText ? (type) => (type === 'opaque' ? readBase64(value) : value) : () => value;
    case 'vb':
      if (typeof value === 'boolean') return () => value;
      break;
    case 'vd':
      if (value instanceof Uint8Array) return () => value;
      break;
  }
  throw fault('malformed', `${field} holds another kind of value`);
}

/** A report may leave the name away when the request names the resource; a write may not. */
function namedPath(bases: Bases, record: SenmlRecord, { base, now }: DecodeContext): Path {
  const name = textIn(record, 'n') ?? '';
  if (name === '' && bases.name === '' && now !== undefined && base.ids.length >= 3) return base;
  return pathOf(bases.name, name);
}

/** Resolves a pack (RFC 8428 4.6). */
export function decodePack(
  records: readonly SenmlRecord[],
  context: DecodeContext,
  dialect: Dialect,
): Collector {
  const collector = createCollector(context);
  const bases: Bases = { name: '', timeS: 0, value: 0 };
  for (const record of records) {
    carry(bases, record);
    const path = namedPath(bases, record, context);
    if (dialect.nullRemoves && record.v === null && valueFieldOf(record) === 'v') collector.remove(path);
    else collector.add(path, readValue(record, bases, dialect), timeOf(bases.timeS, record, context.now));
  }
  return collector;
}

/** The paths that a fetch pack names (RFC 8790 3.1). */
export function decodePaths(records: readonly SenmlRecord[]): Path[] {
  const bases: Bases = { name: '', timeS: 0, value: 0 };
  return records.map((record) => {
    for (const field in record) {
      if (!PATH_FIELDS.has(field)) throw fault('malformed', `${field} in a list of paths`);
    }
    carry(bases, record);
    const name = textIn(record, 'n') ?? '';
    // "/3/0/" alone means the instance.
    const base = name === '' && bases.name.length > 1 ? bases.name.replace(/\/$/, '') : bases.name;
    return pathOf(base, name);
  });
}
