import type { JsonSchema } from 'lwm2m-gateway/adapter';

/** Parts that schemas are made of. */

export function object(
  description: string,
  properties: Record<string, JsonSchema>,
  required: string[] = [],
): JsonSchema {
  return { type: 'object', description, properties, required, additionalProperties: false };
}

export function integer(description: string, minimum: number, maximum: number, preset?: number): JsonSchema {
  const range = { type: 'integer', minimum, maximum, description };
  return preset === undefined ? range : { ...range, default: preset };
}

export function choice(description: string, values: readonly string[], preset?: string): JsonSchema {
  const choices = { type: 'string', enum: [...values], description };
  return preset === undefined ? choices : { ...choices, default: preset };
}
