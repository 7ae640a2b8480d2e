import { type Entry, formatPath, type Path } from '../model/index.ts';
import { fault } from './fault.ts';
import type { DecodeContext, Format } from './format.ts';
import { JsonReader, type JsonScalar } from './json.ts';
import { jsonValues } from './json-value.ts';
import { decodePack } from './senml-decode.ts';
import { timeOf } from './senml-encode.ts';
import { sharedIds } from './senml-layout.ts';
import {
  baseName,
  emptyRecord,
  type Field,
  type SenmlRecord,
  setField,
  VALUE_FIELD,
} from './senml-record.ts';
import { unspeakable, writeValue } from './value.ts';

const VALUES = jsonValues('base64');

/** The fields of an element, and what SenML calls them (LwM2M 1.0.2 6.4.4). Opaque values are base64 in `sv`. */
const SENML_FIELD: ReadonlyMap<string, Field> = new Map([
  ['n', 'n'],
  ['t', 't'],
  ['v', 'v'],
  ['sv', 'vs'],
  ['bv', 'vb'],
  ['ov', 'vlo'],
]);
const FIELD: Readonly<Partial<Record<Field, string>>> = { v: 'v', vs: 'sv', vb: 'bv', vd: 'sv', vlo: 'ov' };

function readElement(reader: JsonReader): SenmlRecord {
  const record = emptyRecord();
  for (reader.object(); reader.moreMembers(); ) {
    const field = SENML_FIELD.get(reader.name());
    if (field === undefined) reader.skip();
    else setField(record, field, reader.scalar());
  }
  return record;
}

function readElements(reader: JsonReader): SenmlRecord[] {
  const records: SenmlRecord[] = [];
  for (reader.array(); reader.moreItems(); ) records.push(readElement(reader));
  return records;
}

function once<T>(name: string, before: T | undefined, value: T): T {
  if (before === undefined) return value;
  throw fault('duplicate', `${name} is given twice`);
}

/** The elements as SenML records. Without base name, their names are relative to the path of the request. */
function read(bytes: Uint8Array, { base }: DecodeContext): SenmlRecord[] {
  const reader = new JsonReader(bytes);
  let bn: JsonScalar | undefined;
  let bt: JsonScalar | undefined;
  let records: SenmlRecord[] | undefined;
  for (reader.object(); reader.moreMembers(); ) {
    const name = reader.name();
    if (name === 'bn') bn = once(name, bn, reader.scalar());
    else if (name === 'bt') bt = once(name, bt, reader.scalar());
    else if (name === 'e') records = once(name, records, readElements(reader));
    else reader.skip();
  }
  reader.end();
  if (records === undefined) throw fault('malformed', 'not an object with an array `e`');
  if (bn !== undefined && typeof bn !== 'string') throw fault('malformed', 'bn is not text');
  for (const record of records) {
    record.bn = bn ?? (record.n ? `${formatPath(base)}/` : formatPath(base));
    record.bt = bt;
  }
  return records;
}

/** Names have no prefix: LwM2M 1.0 knows none, and the path of the request names the device. */
function encode(entries: readonly Entry[], base: Path): Uint8Array {
  const ids = entries[0]?.path.ids ?? base.ids;
  const shared = entries.length === 0 ? ids.length : sharedIds(entries, 0, entries.length);
  if (shared === 0 || entries.some(({ path }) => path.prefix !== base.prefix)) {
    throw fault('not-representable', 'LwM2M JSON has one base name, of the device that was asked');
  }
  const baseMs = timeOf(entries.find((entry) => entry.at !== undefined)?.at);
  const elements = entries.map(({ path, type, value, at }) => {
    const field = FIELD[VALUE_FIELD[type] ?? 'n'];
    if (field === undefined) throw unspeakable(type, value);
    const name = shared < path.ids.length ? `"n":"${path.ids.slice(shared).join('/')}",` : '';
    const ms = timeOf(at) - baseMs;
    const time = ms === 0 ? '' : `"t":${ms / 1000},`;
    return `{${name}${time}"${field}":${writeValue(VALUES, type, value)}}`;
  });
  const baseTime = baseMs === 0 ? '' : `"bt":${baseMs / 1000},`;
  return Buffer.from(
    `{"bn":"${baseName({ prefix: '', ids }, shared)}",${baseTime}"e":[${elements.join(',')}]}`,
  );
}

/** The JSON of LwM2M 1.0; a client of a later version does not send it (OMA Core 1.2 7.4). */
export const lwm2mJson: Format = {
  contentFormat: 11543,
  mediaType: 'application/vnd.oma.lwm2m+json',
  shape: 'subtree',
  carriesTime: true,
  encode: (entries, { base }) => encode(entries, base),
  decode: (bytes, context) => decodePack(read(bytes, context), context, { base64InText: true }).entries,
};
