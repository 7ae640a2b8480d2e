import { type Entry, formatPath, type Path } from '../model/index.ts';
import { fault } from './fault.ts';
import type { DecodeContext, Format } from './format.ts';
import { type Json, parseJson } from './json.ts';
import { jsonValues } from './json-value.ts';
import { decodePack } from './senml-decode.ts';
import { sharedIds, timeOf } from './senml-encode.ts';
import { baseName, type Field, type SenmlRecord, VALUE_FIELD } from './senml-record.ts';
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

function textIn(object: ReadonlyMap<string, Json>, field: string): string | undefined {
  const value = object.get(field);
  if (value === undefined || typeof value === 'string') return value;
  throw fault('malformed', `${field} is not text`);
}

/** An element as SenML record. Without base name, its name is relative to the path of the request. */
function recordOf(
  element: Json,
  baseName: string | undefined,
  baseTime: Json | undefined,
  base: Path,
): SenmlRecord {
  if (!(element instanceof Map)) throw fault('malformed', 'an element is a JSON object');
  const record: SenmlRecord = {};
  for (const [name, value] of element) {
    const field = SENML_FIELD.get(name);
    if (field !== undefined) record[field] = value;
  }
  const own = formatPath(base);
  record.bn = baseName ?? (textIn(element, 'n') ? `${own}/` : own);
  if (baseTime !== undefined) record.bt = baseTime;
  return record;
}

function read(bytes: Uint8Array, { base }: DecodeContext): SenmlRecord[] {
  const pack = parseJson(bytes);
  const elements = pack instanceof Map ? pack.get('e') : undefined;
  if (!(pack instanceof Map) || !Array.isArray(elements)) {
    throw fault('malformed', 'not an object with an array `e`');
  }
  const baseName = textIn(pack, 'bn');
  return elements.map((element) => recordOf(element, baseName, pack.get('bt'), base));
}

function encode(entries: readonly Entry[], base: Path): Uint8Array {
  const path = entries[0]?.path ?? base;
  const shared = entries.length === 0 ? base.ids.length : sharedIds(entries, 0, entries.length);
  if (shared === 0 || entries.some((entry) => entry.path.prefix !== path.prefix)) {
    throw fault('not-representable', 'LwM2M JSON has one base name');
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
    `{"bn":${JSON.stringify(baseName(path, shared))},${baseTime}"e":[${elements.join(',')}]}`,
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
