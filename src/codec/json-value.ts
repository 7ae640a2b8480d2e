import { formatObjectLink } from '../model/index.ts';
import { base64, checkText } from './bytes.ts';
import { plainDecimal } from './decimal-text.ts';
import type { ValueWriter } from './value.ts';

/** Values as JSON text; the formats differ in the alphabet of base64 (OMA Core 1.2 Appendix C). */
export function jsonValues(alphabet: 'base64' | 'base64url'): ValueWriter<string> {
  return {
    whole: String,
    float: plainDecimal,
    boolean: String,
    text: (value) => JSON.stringify(checkText(value)),
    opaque: (value) => `"${base64(value, alphabet)}"`,
    link: (value) => `"${formatObjectLink(value)}"`,
  };
}
