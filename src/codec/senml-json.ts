import { formatPath } from '../model/index.ts';
import { readBase64 } from './bytes.ts';
import { fault } from './fault.ts';
import { type Json, parseJson } from './json.ts';
import { jsonValues } from './json-value.ts';
import {
  baseName,
  FIELDS,
  type Field,
  type SenmlRecord,
  type SenmlSyntax,
  type SenmlWriter,
  VALUE_FIELD,
} from './senml-record.ts';
import { unspeakable, writeValue } from './value.ts';

const VALUES = jsonValues('base64url');

const IS_FIELD: ReadonlySet<string> = new Set(FIELDS);

function isField(name: string): name is Field {
  return IS_FIELD.has(name);
}

function readRecord(json: Json): SenmlRecord {
  if (!(json instanceof Map)) throw fault('malformed', 'a SenML record is a JSON object');
  const record: SenmlRecord = {};
  for (const [name, value] of json) {
    if (name === 'vd' && typeof value === 'string') record.vd = readBase64(value);
    else if (isField(name)) record[name] = value;
    else if (name.endsWith('_'))
      throw fault('malformed', 'a field of a SenML record that cannot be understood');
  }
  return record;
}

function read(bytes: Uint8Array): SenmlRecord[] {
  const pack = parseJson(bytes);
  if (!Array.isArray(pack)) throw fault('malformed', 'SenML is a JSON array');
  return pack.map(readRecord);
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
