import { ownBytes } from './bytes.ts';
import type { Format } from './format.ts';
import { decodeSingle, singleValue } from './single.ts';
import { unspeakable } from './value.ts';

/** The bytes of one opaque value (OMA Core 1.2 7.4, Opaque). */
export const opaque: Format = {
  contentFormat: 42,
  mediaType: 'application/octet-stream',
  shape: 'single',
  carriesTime: false,
  encode(entries, request) {
    const { type, value } = singleValue(entries, request);
    if (type === 'opaque' && value instanceof Uint8Array) return ownBytes(value, 0, value.length);
    throw unspeakable(type, value);
  },
  decode: (bytes, context) => decodeSingle(context, () => ownBytes(bytes, 0, bytes.length)),
};
