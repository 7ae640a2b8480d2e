import { type DataType, formatObjectLink, parseObjectLink, type Value } from '../model/index.ts';
import { output as out } from './bytes.ts';
import type { CborScalar } from './cbor-read.ts';
import { writeBoolean, writeBytes, writeFloat, writeInteger, writeText } from './cbor-write.ts';
import { isDecimalText, readDecimal } from './decimal-text.ts';
import { fault } from './fault.ts';
import type { ValueWriter } from './value.ts';

/** Writes values to the output as CBOR says them in all formats (OMA Core 1.2 7.4). */
export const cborValues: ValueWriter<void> = {
  whole: (value) => writeInteger(out, value),
  float: (value) => writeFloat(out, value),
  boolean: (value) => writeBoolean(out, value),
  text: (value) => writeText(out, value),
  opaque: (value) => writeBytes(out, value),
  link: (value) => writeText(out, formatObjectLink(value)),
};

/** A CBOR value as a value of `type`; the caller checks the type. Links to objects are text here. */
export function fromCbor(type: DataType | undefined, scalar: CborScalar): Value {
  if (scalar === null) throw fault('malformed', 'null is no value');
  if (isDecimalText(scalar)) return readDecimal(type, scalar.decimal);
  return type === 'objlnk' && typeof scalar === 'string' ? parseObjectLink(scalar) : scalar;
}
