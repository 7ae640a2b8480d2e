import {
  type DataType,
  MAX_ID,
  type Path,
  parseObjectLink,
  pathFromSegments,
  ROOT,
  type Value,
  wholeNumber,
} from '../model/index.ts';
import { readBase64 } from './bytes.ts';
import { Collector, type Said } from './collect.ts';
import { type DecimalText, isDecimalText, readDecimal } from './decimal-text.ts';
import { fault } from './fault.ts';
import type { DecodeContext } from './format.ts';
import { idsBelow } from './ids.ts';
import { FIELDS, FIRST_ABSOLUTE_S, type Field, type SenmlRecord } from './senml-record.ts';

/** Fields that a list of paths may have (RFC 8790 3.1). */
const PATH_FIELDS: ReadonlySet<string> = new Set(['bver', 'bn', 'bt', 'bu', 'n', 'u', 't']);

/** The highest `bver` that is known (RFC 8428 4.4). */
const VERSION = 10;

/** The last instant that a Date has. */
const LAST_TIME_MS = 8.64e15;

/** Longer than any prefix and path. */
const LONGEST_NAME = 128;

function textOf(value: unknown, field: Field): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw fault('malformed', `${field} is not text`);
}

type Numeral = number | bigint | DecimalText;

function isNumeral(value: unknown): value is Numeral {
  return typeof value === 'number' || typeof value === 'bigint' || isDecimalText(value);
}

function numeralOf(value: unknown, field: Field): Numeral | undefined {
  if (value === undefined || isNumeral(value)) return value;
  throw fault('malformed', `${field} is not a number`);
}

/** A number that may be rounded, as times are. */
function doubleOf(value: unknown, field: Field): number | undefined {
  const numeral = numeralOf(value, field);
  if (numeral === undefined) return undefined;
  const number = Number(isDecimalText(numeral) ? numeral.decimal : numeral);
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

/** What stays in force from record to record. */
interface Bases {
  name: string;
  /** What the name leads to when ids follow it. */
  path: Path | undefined;
  timeS: number;
  value: Numeral;
}

function createBases(): Bases {
  return { name: '', path: undefined, timeS: 0, value: 0 };
}

const ZERO = 0x30;
const SLASH = 0x2f;

/** The path of the ids that `text` spells from `from` on, below `base`; undefined for anything else. */
function pathBelow(base: Path, text: string, from: number): Path | undefined {
  let { ids } = base;
  let id = -1;
  for (let at = from; at <= text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= ZERO + 9 && id !== 0) {
      id = Math.max(id, 0) * 10 + code - ZERO;
    } else if ((code === SLASH || at === text.length) && id >= 0 && id <= MAX_ID) {
      ids = idsBelow(ids, id);
      id = -1;
    } else {
      return undefined;
    }
  }
  return ids.length > 4 ? undefined : { prefix: base.prefix, ids };
}

function pathIn(text: string): Path | undefined {
  if (!text.startsWith('/') || text.length > LONGEST_NAME) return undefined;
  const path = pathBelow(ROOT, text, 1);
  if (path !== undefined) return path;
  const slash = text.indexOf('/', 1);
  if (slash < 0) return pathFromSegments([text.slice(1)]);
  const first = slash === 1 ? undefined : pathFromSegments([text.slice(1, slash)]);
  return first === undefined || first.prefix === '' ? undefined : pathBelow(first, text, slash + 1);
}

/** The path that base name and name mean; a slash too many where they meet is forgiven. */
function pathOf({ name: base, path }: Bases, name: string): Path {
  const endsWithSlash = base.endsWith('/');
  const hasSlash = name.startsWith('/');
  let found: Path | undefined;
  if (name === '' && !endsWithSlash) found = path;
  else if (path !== undefined && hasSlash !== endsWithSlash) found = pathBelow(path, name, hasSlash ? 1 : 0);
  found ??= pathIn(endsWithSlash && hasSlash ? base + name.slice(1) : base + name);
  if (found !== undefined) return found;
  throw fault('malformed', `${JSON.stringify((base + name).slice(0, LONGEST_NAME))} is not a path`);
}

function carry(bases: Bases, record: SenmlRecord): void {
  const version = doubleOf(record.bver, 'bver');
  if (version !== undefined && version > VERSION) throw fault('malformed', `SenML version ${version}`);
  const name = textOf(record.bn, 'bn');
  if (name !== undefined && name !== bases.name) {
    bases.name = name;
    bases.path = pathIn(name.length > 1 && name.endsWith('/') ? name.slice(0, -1) : name);
  }
  bases.timeS = doubleOf(record.bt, 'bt') ?? bases.timeS;
  bases.value = numeralOf(record.bv, 'bv') ?? bases.value;
}

/** When a value was true, in ms since 1970; undefined: now. */
function timeOf(baseS: number, record: SenmlRecord, now: number | undefined): number | undefined {
  const ms = Math.round((baseS + (doubleOf(record.t, 't') ?? 0)) * 1000);
  if (now === undefined || ms === 0) return undefined;
  const at = ms < FIRST_ABSOLUTE_S * 1000 ? now + ms : ms;
  if (Math.abs(at) <= LAST_TIME_MS) return at;
  throw fault('malformed', `${ms} ms is no time`);
}

function checkOneValue({ v, vs, vb, vd, vlo }: SenmlRecord): void {
  let values = 0;
  for (const value of [v, vs, vb, vd, vlo]) if (value !== undefined) values++;
  if (values !== 1) throw fault('malformed', `a SenML record has one value, not ${values}`);
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
  { v, vs, vb, vd, vlo }: SenmlRecord,
  base: Numeral,
  type: DataType | undefined,
  { base64InText }: Dialect,
): Value {
  if (isNumeral(v)) return base === 0 ? numberOf(v, type) : sum(numberOf(base, type), numberOf(v, type));
  if (typeof vs === 'string') {
    if (type === 'objlnk') return parseObjectLink(vs); // Leshan writes links so
    return base64InText && type === 'opaque' ? readBase64(vs) : vs;
  }
  if (typeof vb === 'boolean') return vb;
  if (vd instanceof Uint8Array) return vd;
  if (typeof vlo === 'string') return parseObjectLink(vlo);
  throw fault('malformed', 'a field of a SenML record holds another kind of value');
}

/**
 * The path that a record means. A report may leave the name away when the request names the resource; a write may not.
 * A Create may leave the instance away: then its id is ours to choose (OMA Core 1.2 6.3.6).
 */
function namedPath(bases: Bases, record: SenmlRecord, { base, now }: DecodeContext): Path {
  const name = textOf(record.n, 'n') ?? '';
  if (name === '' && bases.name === '' && now !== undefined && base.ids.length >= 3) return base;
  const path = pathOf(bases, name);
  if (path.ids.length !== 2 || base.ids.length !== 1 || now !== undefined) return path;
  const [object = MAX_ID, resource = MAX_ID] = path.ids;
  return { prefix: path.prefix, ids: [object, MAX_ID, resource] };
}

/** Resolves a pack (RFC 8428 4.6). */
export function decodePack(records: readonly SenmlRecord[], context: DecodeContext, dialect: Dialect): Said {
  const collector = new Collector(context);
  const bases = createBases();
  for (const record of records) {
    carry(bases, record);
    const path = namedPath(bases, record, context);
    checkOneValue(record);
    if (dialect.nullRemoves && record.v === null) collector.remove(path);
    else {
      const at = timeOf(bases.timeS, record, context.now);
      collector.add(path, (type) => readValue(record, bases.value, type, dialect), at);
    }
  }
  return collector.finish();
}

/** The paths that a fetch pack names (RFC 8790 3.1). */
export function decodePaths(records: readonly SenmlRecord[]): Path[] {
  const bases = createBases();
  return records.map((record) => {
    for (const field of FIELDS) {
      if (record[field] !== undefined && !PATH_FIELDS.has(field)) {
        throw fault('malformed', `${field} in a list of paths`);
      }
    }
    carry(bases, record);
    const name = textOf(record.n, 'n') ?? '';
    // "/3/0/" alone means the instance.
    return name === '' && bases.path !== undefined ? bases.path : pathOf(bases, name);
  });
}
