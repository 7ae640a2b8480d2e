import { type DataType, formatObjectLink, parseObjectLink, type Value } from '../model/index.ts';
import { base64, bufferOf, checkText, readBase64, readUtf8, utf8 } from './bytes.ts';
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

function fromText(type: DataType | undefined, text: string): Value {
  switch (type) {
    case 'integer':
    case 'unsigned':
    case 'float':
    case 'time': {
      const plain = plainNumber(text, 0, text.length);
      if (!Number.isNaN(plain)) return plain;
      if (isDecimal(text)) return readDecimal(type, text);
      throw fault('type-mismatch', `not a number: ${JSON.stringify(text.slice(0, 40))}`);
    }
    case 'boolean':
      if (text === '0' || text === '1') return text === '1';
      throw fault('type-mismatch', 'a boolean is 0 or 1');
    case 'opaque':
      return readBase64(text);
    case 'objlnk':
      return parseObjectLink(text);
    default:
      return text;
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
    return utf8(writeValue(TEXTS, type, value));
  },
  decode(bytes, context) {
    const payload = readUtf8(bufferOf(bytes), 0, bytes.length);
    return decodeSingle(context, (type) => fromText(type, payload));
  },
};
