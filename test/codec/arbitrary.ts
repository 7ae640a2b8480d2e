import fc from 'fast-check';
import type { DecodeContext } from '../../src/codec/index.ts';
import {
  type DataType,
  type Entry,
  formatPath,
  isWithin,
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

interface ResourceShape {
  readonly id: number;
  readonly type: keyof typeof VALUES;
  readonly multiple: boolean;
}

/** What is at and below a path: values, and what is there without. */
export interface Subtree {
  readonly base: Path;
  readonly entries: readonly Entry[];
  readonly empties: readonly Path[];
}

export interface SubtreeOptions {
  readonly prefix: fc.Arbitrary<string>;
  readonly types?: readonly (keyof typeof VALUES)[];
  /** Instances without resources and multiple resources without instances. */
  readonly empties?: boolean;
}

const ascending = (ids: fc.Arbitrary<number[]>) => ids.map((list) => list.sort((a, b) => a - b));

/** One resource of one instance: maybe absent, maybe empty. */
function resourceOf(
  path: Path,
  { type, multiple }: ResourceShape,
  withEmpties: boolean,
): fc.Arbitrary<Subtree> {
  const value = VALUES[type];
  if (!multiple)
    return value.map((one) => ({ base: path, entries: [{ path, type, value: one }], empties: [] }));
  return ascending(fc.uniqueArray(id, { minLength: withEmpties ? 0 : 1, maxLength: 3 })).chain((instances) =>
    fc.tuple(...instances.map(() => value)).map((values) => ({
      base: path,
      entries: values.map((one, index) => ({
        path: { prefix: path.prefix, ids: [...path.ids, instances[index] ?? 0] },
        type,
        value: one,
      })),
      empties: instances.length === 0 ? [path] : [],
    })),
  );
}

function joined(base: Path, parts: readonly Subtree[]): Subtree {
  const isEmpty = parts.length === 0 && base.ids.length === 2;
  return {
    base,
    entries: parts.flatMap(({ entries }) => entries),
    empties: isEmpty ? [base] : parts.flatMap(({ empties }) => empties),
  };
}

function instanceOf(
  base: Path,
  shapes: readonly ResourceShape[],
  withEmpties: boolean,
): fc.Arbitrary<Subtree> {
  return fc
    .subarray([...shapes], { minLength: withEmpties ? 0 : 1 })
    .chain((present) =>
      fc
        .tuple(
          ...present.map((shape) =>
            resourceOf({ prefix: base.prefix, ids: [...base.ids, shape.id] }, shape, withEmpties),
          ),
        )
        .map((parts) => joined(base, parts)),
    );
}

/** An object with up to three instances, whose resources have the same types in each; ids ascend. */
export function object({ prefix, types, empties = false }: SubtreeOptions): fc.Arbitrary<Subtree> {
  const shape: fc.Arbitrary<ResourceShape> = fc.record({
    id,
    type: fc.constantFrom(...(types ?? (Object.keys(VALUES) as (keyof typeof VALUES)[]))),
    multiple: fc.boolean(),
  });
  const shapes = fc
    .uniqueArray(shape, { minLength: 1, maxLength: 5, selector: (one) => one.id })
    .map((list) => list.sort((a, b) => a.id - b.id));
  return fc
    .tuple(prefix, id, shapes, ascending(fc.uniqueArray(id, { minLength: empties ? 0 : 1, maxLength: 3 })))
    .chain(([name, objectId, list, instances]) =>
      fc
        .tuple(...instances.map((one) => instanceOf({ prefix: name, ids: [objectId, one] }, list, empties)))
        .map((parts) => joined({ prefix: name, ids: [objectId] }, parts)),
    );
}

/** A subtree, and one at a path within it, of one to four ids. */
export function within(subtree: fc.Arbitrary<Subtree>): fc.Arbitrary<Subtree> {
  return subtree.chain((whole) => {
    const paths = [...whole.entries.map(({ path }) => path), ...whole.empties];
    const bases = paths.flatMap(({ prefix, ids }) =>
      ids.map((_, level) => ({ prefix, ids: ids.slice(0, level + 1) })),
    );
    return fc.constantFrom(whole.base, ...bases).map((base) => ({
      base,
      entries: whole.entries.filter(({ path }) => isWithin(base.ids, path.ids)),
      empties: whole.empties.filter(
        (path) => path.ids.length > base.ids.length && isWithin(base.ids, path.ids),
      ),
    }));
  });
}
