import { output as out } from './bytes.ts';
import { CborReader } from './cbor-read.ts';
import { cborValues, fromCbor } from './cbor-value.ts';
import { TAG, TAG_EPOCH_TIME, writeHead } from './cbor-write.ts';
import type { Format } from './format.ts';
import { decodeSingle, singleValue } from './single.ts';
import { writeValue } from './value.ts';

/** One value in CBOR (OMA Core 1.2 7.4, CBOR). */
export const cbor: Format = {
  contentFormat: 60,
  mediaType: 'application/cbor',
  shape: 'single',
  carriesTime: false,
  encode(entries, request) {
    const { type, value } = singleValue(entries, request);
    out.start();
    // Leshan takes a time only with its tag.
    if (type === 'time') writeHead(out, TAG, TAG_EPOCH_TIME);
    writeValue(cborValues, type, value);
    return out.finish();
  },
  decode(bytes, context) {
    const reader = new CborReader(bytes);
    const scalar = reader.scalar();
    reader.end();
    return decodeSingle(context, (type) => fromCbor(type, scalar));
  },
};
