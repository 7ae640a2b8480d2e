import type { Format } from './format.ts';
import { decodeTlv } from './tlv-decode.ts';
import { encodeTlv } from './tlv-encode.ts';

/** The format of LwM2M 1.0 (OMA Core 1.2 7.4). */
export const tlv: Format = {
  contentFormat: 11542,
  mediaType: 'application/vnd.oma.lwm2m+tlv',
  shape: 'subtree',
  carriesTime: false,
  encode: encodeTlv,
  decode: (bytes, context) => decodeTlv(bytes, context).entries,
  decodeContent(bytes, context) {
    const { entries, empties } = decodeTlv(bytes, context);
    return { entries, empties };
  },
};
