import { GatewayError } from '../base/index.ts';
import { fitValue, type ObjectDefinition, type Value } from '../model/index.ts';
import { ACCESS_CONTROL_OBJECT } from '../objects/index.ts';
import type { ResourceValue } from '../tree/index.ts';
import { type Configuration, entriesOf, type Values, valuesOf } from './configuration.ts';

/**
 * A configuration as a JSON document that says by itself what each value is: texts, numbers and truth values as they
 * are, all else in an object of one key.
 */
type Document = {
  readonly [object: string]: { readonly [instance: string]: { readonly [resource: string]: unknown } };
};

function write(value: Value): unknown {
  if (typeof value === 'bigint') return { integer: String(value) };
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  return typeof value === 'object' ? { link: [value.object, value.instance] } : value;
}

function fromEntries<Value>(entries: Iterable<readonly [number, Value]>): Record<string, Value> {
  return Object.fromEntries([...entries].map(([key, value]) => [String(key), value]));
}

function writeResource(value: ResourceValue): unknown {
  if (!(value instanceof Map)) return write(value as Value);
  return { each: fromEntries([...value].map(([one, single]) => [one, write(single)] as const)) };
}

/** What {@link readConfiguration} reads. It holds secrets. */
export function writeConfiguration(configuration: Configuration): Document {
  return fromEntries(
    [...configuration].map(([object, instances]) => [
      object,
      fromEntries(
        [...instances].map(([instance, values]) => [
          instance,
          fromEntries([...values].map(([id, value]) => [id, writeResource(value)] as const)),
        ]),
      ),
    ]),
  );
}

const damaged = (): GatewayError =>
  new GatewayError(
    'client.bad-configuration',
    'the remembered accounts are in a form that this version does not know',
  );

/** The members of an object whose keys are ids. */
function members(value: unknown): [number, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged();
  return Object.entries(value).map(([key, member]) => {
    if (!/^\d{1,5}$/.test(key)) throw damaged();
    return [Number(key), member];
  });
}

function read(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const { integer, base64, link } = (value ?? {}) as { integer?: unknown; base64?: unknown; link?: unknown };
  if (typeof integer === 'string' && /^-?\d{1,20}$/.test(integer)) return BigInt(integer);
  if (typeof base64 === 'string') return new Uint8Array(Buffer.from(base64, 'base64'));
  if (Array.isArray(link) && link.length === 2 && link.every(Number.isInteger))
    return { object: link[0], instance: link[1] };
  throw damaged();
}

function readResource(value: unknown): ResourceValue {
  if (typeof value !== 'object' || value === null || !('each' in value)) return read(value);
  return new Map(members(value.each).map(([one, single]) => [one, read(single)]));
}

/** @throws GatewayError `client.bad-configuration`: half an account would be worse than none */
export function readConfiguration(document: unknown): Configuration {
  const values = (of: unknown): Values =>
    new Map(members(of).map(([id, value]) => [id, readResource(value)]));
  return new Map(
    members(document).map(([object, instances]) => [
      object,
      new Map(members(instances).map(([instance, of]) => [instance, values(of)])),
    ]),
  );
}

/**
 * What of a remembered configuration the definitions know: all of it in objects 0 and 1; of others what they allow.
 * @throws GatewayError `client.bad-configuration`: rights that are not understood would be too wide or too narrow
 */
export function fitConfiguration(
  configuration: Configuration,
  definitions: ReadonlyMap<number, ObjectDefinition>,
): Configuration {
  const fitting = (definition: ObjectDefinition, instance: number, values: Values): Values => {
    const entries = entriesOf(definition, instance, values);
    const fits = entries.filter(({ path: { ids }, value }) => {
      const resource = definition.resources.get(ids[2] ?? -1);
      return resource !== undefined && 'value' in fitValue(resource, value, ids[3]);
    });
    if (fits.length < entries.length && definition.id === ACCESS_CONTROL_OBJECT) throw damaged();
    return valuesOf(definition, fits);
  };
  return new Map(
    [...configuration].flatMap(([object, instances]) => {
      const definition = definitions.get(object);
      if (definition === undefined) return [];
      if (object < ACCESS_CONTROL_OBJECT) return [[object, instances] as const];
      const all = [...instances].map(([id, values]) => [id, fitting(definition, id, values)] as const);
      return [[object, new Map(all)] as const];
    }),
  );
}
