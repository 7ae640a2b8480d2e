import { listed } from './fault.ts';
import { typePlain } from './scalar.ts';

/** A JSON Schema as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** `value` when it is an object, else a schema that says nothing. */
export function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {};
}

/** The forms that a value may have. */
export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const inner = [schema.anyOf, schema.oneOf].find(Array.isArray);
  return inner === undefined ? [schema] : inner.map(asSchema).flatMap(alternatives);
}

/** The schema of the value at `path`. */
export function schemaAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema {
  let at = schema;
  for (const step of path) {
    const below = alternatives(at).flatMap((one) => stepInto(one, step));
    at = below.length === 1 ? asSchema(below[0]) : { anyOf: below };
  }
  return at;
}

function stepInto(schema: JsonSchema, step: PropertyKey): unknown[] {
  const found =
    typeof step === 'number'
      ? ((Array.isArray(schema.prefixItems) ? schema.prefixItems[step] : undefined) ?? schema.items)
      : (asSchema(schema.properties)[String(step)] ?? schema.additionalProperties);
  return typeof found === 'object' ? [found] : [];
}

/** What `schema` allows, in words. */
export function allowedBy(schema: JsonSchema): string {
  const words = typeof schema.title === 'string' ? schema.title : describe(schema);
  const example = exampleOf(schema);
  return example === undefined ? words : `${words}, for example ${written(example)}`;
}

/** A pattern says little without an example; the default is one. */
function exampleOf(schema: JsonSchema): unknown {
  if (Array.isArray(schema.examples)) return schema.examples[0];
  return schema.pattern === undefined ? undefined : schema.default;
}

function describe(schema: JsonSchema): string {
  const forms = alternatives(schema);
  if (forms.length > 1) {
    const separator = forms.every((form) => 'const' in form) ? ', ' : ', or ';
    return [...new Set(forms.map(allowedBy))].join(separator);
  }
  if ('const' in schema) return written(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map(written).join(', ');
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'array':
      if (Array.isArray(schema.prefixItems))
        return `a list of ${schema.prefixItems.map(asSchema).map(allowedBy).join(' and ')}`;
      return `a list, each item ${allowedBy(asSchema(schema.items))}`;
    case 'object':
      return `a map with the keys ${listed(Object.keys(asSchema(schema.properties)).sort())}`;
    case 'string':
      return typeof schema.pattern === 'string' ? `a text that matches ${schema.pattern}` : 'a text';
    default:
      return 'any value';
  }
}

function range(schema: JsonSchema): string {
  const limit = (...keywords: string[]): number | undefined =>
    keywords
      .map((keyword) => schema[keyword])
      .find(
        (value): value is number => typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER,
      );
  const least = limit('minimum');
  const above = limit('exclusiveMinimum');
  const most = limit('maximum');
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (above !== undefined) return ` greater than ${above}`;
  if (least !== undefined) return ` of at least ${least}`;
  return most === undefined ? '' : ` of at most ${most}`;
}

/** A value as YAML would have it; texts that read as something else get quotes. */
function written(value: unknown): string {
  if (typeof value === 'string') return typePlain(value) === value ? value : `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  return JSON.stringify(value);
}
