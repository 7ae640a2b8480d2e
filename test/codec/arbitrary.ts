import fc from 'fast-check';
import type { DecodeContext } from '../../src/codec/index.ts';
import {
  type DataType,
  type Entry,
  formatPath,
  type Path,
  ROOT,
  type Value,
  wholeNumber,
} from '../../src/model/index.ts';

/** Generates entries as the rooms above hand them to the codec. */

const whole = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(wholeNumber);

const VALUES: Readonly<Record<Exclude<DataType, 'none'>, fc.Arbitrary<Value>>> = {
  string: fc.string({ unit: 'grapheme', maxLength: 40 }),
  corelnk: fc.constantFrom('', '</3303/0>', '</d01>;rt="x"'),
  integer: fc.oneof(fc.integer(), whole(-(2n ** 63n), 2n ** 63n - 1n)),
  unsigned: fc.oneof(fc.nat(), whole(0n, 2n ** 64n - 1n)),
  time: fc.oneof(fc.nat(), whole(-(2n ** 63n), 2n ** 63n - 1n)),
  float: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -4096, max: 4096 }).map((number) => number / 16),
  ),
  boolean: fc.boolean(),
  opaque: fc.uint8Array({ maxLength: 300 }),
  objlnk: fc.record({ object: fc.nat(65535), instance: fc.nat(65535) }),
};

const typedValue: fc.Arbitrary<{ type: DataType; value: Value }> = fc
  .constantFrom(...(Object.keys(VALUES) as (keyof typeof VALUES)[]))
  .chain((type) => VALUES[type].map((value) => ({ type, value })));

const id = fc.oneof(fc.nat(9), fc.nat(65534));

/** One resource below an instance: single, or with one to three instances of one type. */
const resource: fc.Arbitrary<readonly { rest: number[]; type: DataType; value: Value }[]> = fc.oneof(
  fc.tuple(id, typedValue).map(([resource, value]) => [{ rest: [resource], ...value }]),
  fc
    .tuple(
      id,
      fc.uniqueArray(id, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...(Object.keys(VALUES) as (keyof typeof VALUES)[])),
    )
    .chain(([resource, instances, type]) =>
      fc.tuple(...instances.map(() => VALUES[type])).map((values) =>
        instances.map((instance, index) => ({
          rest: [resource, instance],
          type,
          value: values[index] ?? 0,
        })),
      ),
    ),
);

const resources = fc
  .uniqueArray(resource, { maxLength: 6, selector: (entries) => entries[0]?.rest[0] ?? 0 })
  .map((list) => list.flat());

/** The entries of one instance. */
export function instance(prefix: string): fc.Arbitrary<{ base: Path; entries: Entry[] }> {
  return fc.tuple(id, id, resources).map(([object, instanceId, list]) => ({
    base: { prefix, ids: [object, instanceId] },
    entries: list.map(({ rest, type, value }) => ({
      path: { prefix, ids: [object, instanceId, ...rest] },
      type,
      value,
    })),
  }));
}

export const prefix = fc.constantFrom('', 'd01', 'meter-0007_b');

/** The entries of several instances of several devices, in any order of instances. */
export const anything: fc.Arbitrary<{ base: Path; entries: Entry[] }> = fc
  .uniqueArray(prefix.chain(instance), { maxLength: 4, selector: ({ base }) => formatPath(base) })
  .map((instances) => ({ base: ROOT, entries: instances.flatMap(({ entries }) => entries) }));

/** One single resource. */
export const oneValue: fc.Arbitrary<{ base: Path; entries: Entry[] }> = fc
  .tuple(prefix, id, id, id, typedValue)
  .map(([name, object, instanceId, resourceId, value]) => {
    const path = { prefix: name, ids: [object, instanceId, resourceId] };
    return { base: path, entries: [{ path, ...value }] };
  });

/** Values of one instance over time; a value without time means now. */
export const history: fc.Arbitrary<{ base: Path; entries: Entry[] }> = fc
  .tuple(
    oneValue,
    fc.uniqueArray(fc.option(fc.integer({ min: 268_435_456_000, max: 4_102_444_800_000 }), { nil: 0 }), {
      maxLength: 8,
    }),
  )
  .map(([{ base, entries }, times]) => ({
    base,
    entries: entries.flatMap((entry) => times.map((at) => (at === 0 ? entry : { ...entry, at }))),
  }));

/** The context in which `entries` can be read back. */
export function contextOf(base: Path, entries: readonly Entry[], now?: number): DecodeContext {
  const types = new Map(entries.map((entry) => [formatPath(entry.path), entry.type]));
  const context: DecodeContext = {
    base,
    resourceOf(path) {
      const type = types.get(formatPath(path));
      return type === undefined ? undefined : { type };
    },
  };
  return now === undefined ? context : { ...context, now };
}
