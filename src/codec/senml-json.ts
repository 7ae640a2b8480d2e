import { formatPath } from '../model/index.ts';
import { readBase64 } from './bytes.ts';
import { fault } from './fault.ts';
import { JsonReader } from './json.ts';
import { jsonValues } from './json-value.ts';
import {
  baseName,
  emptyRecord,
  FIELDS,
  type Field,
  type SenmlRecord,
  type SenmlSyntax,
  type SenmlWriter,
  setField,
  VALUE_FIELD,
} from './senml-record.ts';
import { unspeakable, writeValue } from './value.ts';

const VALUES = jsonValues('base64url');

const FIELD_NAMES: ReadonlySet<string> = new Set(FIELDS);

function isField(name: string): name is Field {
  return FIELD_NAMES.has(name);
}

function readRecord(reader: JsonReader): SenmlRecord {
  const record = emptyRecord();
  for (reader.object(); reader.moreMembers(); ) {
    const name = reader.name();
    if (isField(name)) setField(record, name, reader.scalar());
    else if (name.endsWith('_'))
      throw fault('malformed', 'a field of a SenML record that cannot be understood');
    else reader.skip();
  }
  if (typeof record.vd === 'string') record.vd = readBase64(record.vd);
  return record;
}

function read(bytes: Uint8Array): SenmlRecord[] {
  const reader = new JsonReader(bytes);
  const records: SenmlRecord[] = [];
  for (reader.array(); reader.moreItems(); ) records.push(readRecord(reader));
  reader.end();
  return records;
}

let text = '';

function openRecord(): void {
  text += text === '[' ? '{' : ',{';
}

const writer: SenmlWriter = {
  open() {
    text = '[';
  },
  record({ path, type, value }, base, name, baseTimeMs, timeMs) {
    const field = VALUE_FIELD[type];
    if (field === undefined) throw unspeakable(type, value);
    openRecord();
    if (base >= 0) text += `"bn":${JSON.stringify(baseName(path, base))},`;
    if (baseTimeMs !== undefined) text += `"bt":${baseTimeMs / 1000},`;
    if (name < 0) text += `"n":${JSON.stringify(formatPath(path))},`;
    else if (name < path.ids.length) text += `"n":"${path.ids.slice(name).join('/')}",`;
    if (timeMs !== undefined) text += `"t":${timeMs / 1000},`;
    text += `"${field}":${writeValue(VALUES, type, value)}}`;
  },
  path(path) {
    openRecord();
    text += `"n":${JSON.stringify(formatPath(path))}}`;
  },
  close() {
    const bytes = Buffer.from(`${text}]`);
    text = '';
    return bytes;
  },
};

/** SenML in JSON (RFC 8428 5). */
export const senmlJson: SenmlSyntax = { read, writer };
