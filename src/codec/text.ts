import { type DataType, formatObjectLink, parseObjectLink, type Value } from '../model/index.ts';
import { base64, bufferOf, checkText, output as out, readBase64, readUtf8 } from './bytes.ts';
import { isDecimal, plainDecimal, plainNumber, readDecimal } from './decimal-text.ts';
import { fault } from './fault.ts';
import type { Format } from './format.ts';
import { decodeSingle, singleValue } from './single.ts';
import { type ValueWriter, writeValue } from './value.ts';

const TEXTS: ValueWriter<string> = {
  whole: String,
  float: plainDecimal,
  boolean: (value) => (value ? '1' : '0'),
  text: checkText,
  opaque: (value) => base64(value, 'base64'),
  link: formatObjectLink,
};

/** Read from the bytes, as most values are that come as text. */
function readNumber(type: DataType, payload: Buffer): number | bigint {
  const plain = plainNumber(payload, 0, payload.length);
  if (!Number.isNaN(plain)) return plain;
  const text = readText(payload);
  if (isDecimal(text)) return readDecimal(type, text);
  throw fault('type-mismatch', `not a number: ${JSON.stringify(text.slice(0, 40))}`);
}

function readText(payload: Buffer): string {
  return readUtf8(payload, 0, payload.length);
}

function readBoolean(text: string): boolean {
  if (text === '0' || text === '1') return text === '1';
  throw fault('type-mismatch', 'a boolean is 0 or 1');
}

function readValue(type: DataType | undefined, payload: Buffer): Value {
  switch (type) {
    case 'integer':
    case 'unsigned':
    case 'float':
    case 'time':
      return readNumber(type, payload);
    case 'boolean':
      return readBoolean(readText(payload));
    case 'opaque':
      return readBase64(readText(payload));
    case 'objlnk':
      return parseObjectLink(readText(payload));
    default:
      return readText(payload);
  }
}

/** Plain text, one value (OMA Core 1.2 7.4, Plain Text). */
export const text: Format = {
  contentFormat: 0,
  mediaType: 'text/plain;charset=utf-8',
  shape: 'single',
  carriesTime: false,
  encode(entries, request) {
    const { type, value } = singleValue(entries, request);
    const payload = writeValue(TEXTS, type, value);
    // A character takes 3 bytes at most for each of its UTF-16 units.
    out.start(payload.length * 3);
    out.text(payload);
    return out.finish();
  },
  decode(bytes, context) {
    const payload = bufferOf(bytes);
    return decodeSingle(context, (type) => readValue(type, payload));
  },
};
