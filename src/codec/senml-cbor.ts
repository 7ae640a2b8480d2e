import { formatPath, type Ids } from '../model/index.ts';
import { output as out } from './bytes.ts';
import { CborReader } from './cbor-read.ts';
import { cborValues } from './cbor-value.ts';
import { ARRAY, MAP, TEXT, writeFloat, writeHead, writeInteger, writeText } from './cbor-write.ts';
import { fault } from './fault.ts';
import { digitsOf } from './ids.ts';
import {
  baseName,
  emptyRecord,
  type Field,
  type SenmlRecord,
  type SenmlSyntax,
  type SenmlWriter,
  setField,
  VALUE_FIELD,
} from './senml-record.ts';
import { unspeakable, writeValue } from './value.ts';

/** The labels of fields (RFC 8428 6); `vlo` has none and is a text key (OMA Core 1.2 7.4). */
const LABELS: Readonly<Record<Exclude<Field, 'vlo'>, number>> = {
  bver: -1,
  bn: -2,
  bt: -3,
  bu: -4,
  bv: -5,
  bs: -6,
  n: 0,
  u: 1,
  v: 2,
  vs: 3,
  vb: 4,
  s: 5,
  t: 6,
  ut: 7,
  vd: 8,
};

const FIELD_OF: ReadonlyMap<unknown, Field> = new Map<unknown, Field>([
  ...Object.entries(LABELS).map(([field, label]): [number, Field] => [label, field as Field]),
  ['vlo', 'vlo'],
]);

function readRecord(reader: CborReader): SenmlRecord {
  const record = emptyRecord();
  for (let left = reader.map(); reader.more(left); left--) {
    const label = reader.scalar();
    if (typeof label === 'string' ? label.endsWith('_') : typeof label !== 'number') {
      throw fault('malformed', 'a field of a SenML record that cannot be understood');
    }
    const field = FIELD_OF.get(label);
    if (field === undefined) reader.skip();
    else setField(record, field, reader.scalar());
  }
  return record;
}

function read(bytes: Uint8Array): SenmlRecord[] {
  const reader = new CborReader(bytes);
  const records: SenmlRecord[] = [];
  for (let left = reader.array(); reader.more(left); left--) records.push(readRecord(reader));
  reader.end();
  return records;
}

const SLASH = 0x2f;
const ZERO = 0x30;

/** Writes `5700` or `7/0` as text, straight into the bytes: this is what most records consist of. */
function writeIds(ids: Ids, from: number): void {
  let length = ids.length - from - 1;
  for (let level = from; level < ids.length; level++) length += digitsOf(ids[level] ?? 0);
  writeHead(out, TEXT, length);
  out.reserve(length);
  for (let level = from; level < ids.length; level++) {
    if (level > from) out.bytes[out.at++] = SLASH;
    let id = ids[level] ?? 0;
    const digits = digitsOf(id);
    for (let at = out.at + digits - 1; at >= out.at; at--) {
      out.bytes[at] = ZERO + (id % 10);
      id = (id / 10) | 0;
    }
    out.at += digits;
  }
}

/** Labels are integers of one byte (RFC 8949 3). */
function writeLabel(label: number): void {
  out.reserve(1);
  out.bytes[out.at++] = label < 0 ? 0x1f - label : label;
}

function writeValueLabel(field: Field): void {
  if (field === 'vlo') writeText(out, field);
  else writeLabel(LABELS[field]);
}

function writeSeconds(ms: number): void {
  if (ms % 1000 === 0) writeInteger(out, ms / 1000);
  else writeFloat(out, ms / 1000);
}

const writer: SenmlWriter = {
  open(records) {
    out.start();
    writeHead(out, ARRAY, records);
  },
  record(entry, base, name, baseTimeMs, timeMs) {
    const { path, type, value } = entry;
    const hasName = name < path.ids.length;
    const field = VALUE_FIELD[type];
    if (field === undefined) throw unspeakable(type, value);
    const fields =
      1 +
      (base >= 0 ? 1 : 0) +
      (hasName ? 1 : 0) +
      (baseTimeMs === undefined ? 0 : 1) +
      (timeMs === undefined ? 0 : 1);
    writeHead(out, MAP, fields);
    if (base >= 0) {
      writeLabel(LABELS.bn);
      writeText(out, baseName(path, base));
    }
    if (baseTimeMs !== undefined) {
      writeLabel(LABELS.bt);
      writeSeconds(baseTimeMs);
    }
    if (hasName) {
      writeLabel(LABELS.n);
      if (name < 0) writeText(out, formatPath(path));
      else writeIds(path.ids, name);
    }
    if (timeMs !== undefined) {
      writeLabel(LABELS.t);
      writeSeconds(timeMs);
    }
    writeValueLabel(field);
    writeValue(cborValues, type, value);
  },
  path(path) {
    writeHead(out, MAP, 1);
    writeLabel(LABELS.n);
    writeText(out, formatPath(path));
  },
  close: () => out.finish(),
};

/** SenML in CBOR (RFC 8428 6). */
export const senmlCbor: SenmlSyntax = { read, writer };
