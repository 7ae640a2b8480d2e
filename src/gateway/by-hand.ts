import type { FieldValue } from '../adapter/index.ts';
import { applyLinear, formatRational, IDENTITY, rationalOf } from '../model/index.ts';
import type { FaultList } from './faults.ts';
import { compilePoint, type PointModel } from './point.ts';
import { isNumeric } from './point-rules.ts';
import type { PointSource } from './source.ts';
import { compileWrite } from './write.ts';

/** Points as a person at the box meets them: values in the unit of the point, as text. */

const UNHEARD: FaultList = { atPoint() {}, atObject() {}, list: [] };

/** A point of a profile that was found to be sound. */
function modelOf(source: PointSource): PointModel {
  return compilePoint('', source, UNHEARD);
}

/** What a raw value means, with its unit; undefined when it means nothing. */
export function textOfRaw(source: PointSource, raw: FieldValue): string | undefined {
  const { decode, scaling, unit = '' } = modelOf(source);
  const value = decode(raw);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (!isNumeric(source) || (typeof value !== 'number' && typeof value !== 'bigint'))
    return value === undefined ? undefined : String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  return `${formatRational(applyLinear(scaling, rationalOf(value)))} ${unit}`.trim();
}

/** The value that a text says: true or false, a number, else the text itself. */
function plainOf(text: string): FieldValue {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) return text;
  return Number.isInteger(number) && !Number.isSafeInteger(number) && /^-?\d+$/.test(text)
    ? BigInt(text)
    : number;
}

/** What goes on the wire for a value in the unit of the point, past the guards of the profile; or why nothing does. */
export function rawFromText(
  source: PointSource,
  text: string,
): { readonly value: FieldValue } | { readonly refusal: string } {
  const plain = source.kind === 'text' ? text : plainOf(text);
  if (isNumeric(source) && typeof plain !== 'number' && typeof plain !== 'bigint')
    return { refusal: `${JSON.stringify(text)} is no number` };
  const plan = compileWrite(modelOf(source), IDENTITY)(plain);
  return 'refusal' in plan ? plan : { value: plan.operation.value };
}
