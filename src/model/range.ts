import { isGatewayError } from '../base/index.ts';
import type { ResourceDefinition } from './definition.ts';
import { type DataType, toType, type Value, wholeNumber } from './value.ts';

/** Whole bounds are exact: some lie beyond 2^53. */
interface Range {
  readonly low: number | bigint;
  readonly high: number | bigint;
}

function boundOf(text: string): number | bigint {
  return text.includes('.') ? Number(text) : wholeNumber(BigInt(text));
}

const RANGE = /^(-?\d+(?:\.\d+)?)\s*(?:\.\.|-)\s*(-?\d+(?:\.\d+)?)\s*(?:bytes)?$/i;
const LENGTH = /^(\d+)\s*(?:bytes)?$/i;

const MEASURED_IN_BYTES: ReadonlySet<DataType> = new Set<DataType>(['string', 'opaque', 'corelnk']);

/** The range that a registry text states: `a..b` (or `a-b`), or `n` bytes at most. Other texts say nothing to us. */
function rangeOf(definition: Pick<ResourceDefinition, 'range' | 'type'>): Range | undefined {
  const [, low, high] = RANGE.exec(definition.range.trim()) ?? [];
  if (low !== undefined && high !== undefined) {
    const [from, to] = [boundOf(low), boundOf(high)];
    // The registry has a range or two the wrong way round.
    return from <= to ? { low: from, high: to } : { low: to, high: from };
  }
  if (!MEASURED_IN_BYTES.has(definition.type)) return undefined;
  const length = LENGTH.exec(definition.range.trim())?.[1];
  return length === undefined ? undefined : { low: 0, high: Number(length) };
}

/**
 * What keeps `value` (in the canonical form of the type) out of the registry's range, as a text for people;
 * undefined when nothing does. Texts and opaque values are measured in bytes.
 */
export function rangeFault(
  definition: Pick<ResourceDefinition, 'range' | 'type'>,
  value: Value,
): string | undefined {
  const range = rangeOf(definition);
  if (range === undefined) return undefined;
  const bytes = MEASURED_IN_BYTES.has(definition.type);
  const size =
    typeof value === 'string'
      ? Buffer.byteLength(value)
      : value instanceof Uint8Array
        ? value.byteLength
        : typeof value === 'number' || typeof value === 'bigint'
          ? value
          : undefined;
  if (size === undefined || (size >= range.low && size <= range.high)) return undefined;
  return `${bytes ? `${size} bytes are` : `${size} is`} outside ${range.low}..${range.high}${bytes ? ' bytes' : ''}`;
}

/** A value as its resource can hold it, or what keeps the resource from it, as a text for people. */
export type Fit = { readonly value: Value } | { readonly fault: string };

/** Brings what is written to a resource, or to one instance of it, into its type, and checks its range. */
export function fitValue(definition: ResourceDefinition, value: Value, resourceInstance?: number): Fit {
  if ((resourceInstance !== undefined) !== definition.multiple)
    return { fault: `resource ${definition.id} ${definition.multiple ? 'has' : 'has no'} instances` };
  try {
    const typed = toType(definition.type, value);
    const fault = rangeFault(definition, typed);
    return fault === undefined ? { value: typed } : { fault: `resource ${definition.id}: ${fault}` };
  } catch (error) {
    if (!isGatewayError(error, 'model.type-mismatch')) throw error;
    return { fault: `resource ${definition.id}: ${error.message}` };
  }
}
