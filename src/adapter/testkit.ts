/**
 * The conformance suite that every adapter passes: what {@link AdapterModule} promises, told as tests. It knows no test
 * runner; give it `{ test }` of vitest, node:test or another.
 */
import assert from 'node:assert/strict';
import { silentLogger, systemClock } from '../base/index.ts';
import type {
  Adapter,
  AdapterHost,
  AttachedDevice,
  DevicePlan,
  FieldValue,
  JsonSchema,
  PointId,
  Sample,
} from './contract.ts';
import type { AdapterModule } from './module.ts';

/** A device in the field, real or simulated, and the way to it. */
export interface TestField {
  readonly connection: { readonly type: string; readonly settings: Readonly<Record<string, unknown>> };
  readonly device: DevicePlan;
  /** Points that can be read and have a value; two or more. */
  readonly readable: readonly PointId[];
  /** A point that cannot be written. */
  readonly readOnly: PointId;
  /** A point that can be read and written, with two values that it takes. Absent: the protocol cannot write. */
  readonly writable?: { readonly point: PointId; readonly values: readonly [FieldValue, FieldValue] };
  /** Takes the device off the medium, and puts it back. Absent: it cannot be away. */
  setPresent?(present: boolean): void;
  close(): Promise<void>;
}

export interface AdapterSubject {
  readonly module: AdapterModule;
  /** A field for one test. */
  createField(): Promise<TestField>;
}

export interface TestRunner {
  test(name: string, run: () => Promise<void>): unknown;
}

/** How much later than its deadline a promise may settle: timers of a busy computer are late. */
const TIMER_SLACK_MS = 250;
const DEADLINE_MS = 2000;
/** Within this an adapter has to come back once its device has. */
const HEALING_MS = 15_000;
const UNKNOWN_POINT = 'no such point';

/** What an adapter gets in tests: the clock of the computer, no log, chance without surprises. */
export function createTestHost(): AdapterHost {
  return { clock: systemClock, log: silentLogger, random: () => 0.5 };
}

/** A field made by the adapter's own simulation of one device. @throws AssertionError if it has none */
export async function simulatedField(
  module: AdapterModule,
  type: string,
  device: DevicePlan,
  points: Pick<TestField, 'readable' | 'readOnly' | 'writable'>,
): Promise<TestField> {
  assert.ok(module.simulate, `${module.name} cannot simulate`);
  const simulation = await module.simulate([device], createTestHost(), { type });
  return {
    connection: { type, settings: simulation.connection },
    device,
    ...points,
    setPresent: (present) => simulation.setPresent(device.id, present),
    close: () => simulation.close(),
  };
}

/** Names one test per promise of the contract and runs each on a fresh field. */
export function describeAdapter(subject: AdapterSubject, runner: TestRunner): void {
  const { module } = subject;
  for (const [name, check] of Object.entries(STATIC_CHECKS)) {
    runner.test(`${module.name}: ${name}`, async () => {
      const field = await subject.createField();
      try {
        check(module, field);
      } finally {
        await field.close();
      }
    });
  }
  for (const [name, check] of Object.entries(CHECKS)) {
    runner.test(`${module.name}: ${name}`, () => onOpenConnection(subject, check));
  }
}

interface Bench {
  readonly adapter: Adapter;
  readonly device: AttachedDevice;
  readonly field: TestField;
}

async function onOpenConnection(
  { module, createField }: AdapterSubject,
  check: (bench: Bench) => Promise<void>,
): Promise<void> {
  const field = await createField();
  const adapter = module.open({ id: 'under-test', ...field.connection }, createTestHost());
  try {
    const device = adapter.attach(field.device);
    adapter.start();
    await check({ adapter, device, field });
  } finally {
    await adapter.close();
    await field.close();
  }
}

const STATIC_CHECKS: Readonly<Record<string, (module: AdapterModule, field: TestField) => void>> = {
  'every schema is data, describes an object and its keys, and forbids unknown ones'(module) {
    const { connections, address, ...others } = module.schemas;
    for (const [name, schema] of Object.entries({ ...connections, ...others })) checkSchema(schema, name);
    for (const key of address ?? []) assert.ok(key in (others.device.properties as object), key);
  },

  'a plan without faults has none, and checking changes nothing'(module, field) {
    const before = JSON.stringify([...field.device.points]);
    assert.deepEqual(module.check(field.device, field.connection), []);
    assert.equal(JSON.stringify([...field.device.points]), before);
  },

  'the load of a connection is told in finite numbers, and grows with what is polled'(module, field) {
    const loadOf = (intervalMs: number): number => {
      const polls = [{ points: field.readable, intervalMs }];
      const { requestsPerSecond, utilisation } = module.load(field.connection, [
        { device: field.device, polls },
      ]);
      assert.ok(Number.isFinite(requestsPerSecond) && requestsPerSecond >= 0);
      assert.ok(Number.isFinite(utilisation) && utilisation >= 0);
      return requestsPerSecond;
    };
    assert.ok(loadOf(1000) >= loadOf(10_000));
  },
};

const CHECKS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  async 'a read brings one sample per point, in the order asked, twice if asked twice'({ device, field }) {
    const backwards = [...field.readable].reverse();
    const points = Object.freeze([...backwards, ...backwards]);
    const samples = await readWithin(device, points);
    assert.deepEqual(
      samples.map((sample) => sample.point),
      points,
    );
    for (const sample of samples) assert.ok('value' in sample, `${sample.point} has no value`);
    assert.deepEqual(await readWithin(device, []), []);
  },

  async 'a sample has a value with time and quality, or a cause and nothing else'({ device, field }) {
    const before = Date.now();
    for (const sample of await readWithin(device, [...field.readable, UNKNOWN_POINT])) {
      assert.ok(sample.at >= before - 1 && sample.at <= Date.now() + 1, 'at is not the time of the read');
      assert.notEqual('value' in sample, 'cause' in sample);
      if ('value' in sample) checkValue(sample.value);
    }
  },

  async 'an unknown point fails alone'({ device, field }) {
    const [first = '', second = ''] = field.readable;
    const samples = await readWithin(device, [first, UNKNOWN_POINT, second]);
    assert.deepEqual(
      samples.map((sample) => 'cause' in sample),
      [false, true, false],
    );
  },

  async 'a deadline in the past or at once settles at once, with one sample per point'({ device, field }) {
    for (const deadlineMs of [0, -1]) {
      const samples = await readWithin(device, field.readable, deadlineMs);
      assert.equal(samples.length, field.readable.length);
      const [result] = await device.write([{ point: field.readOnly, value: 1 }], { deadlineMs });
      assert.equal(result?.status, 'failed');
    }
  },

  async 'many reads at once all settle by their deadline'({ device, field }) {
    const reads = Array.from({ length: 200 }, () => readWithin(device, field.readable));
    for (const samples of await Promise.all(reads)) assert.equal(samples.length, field.readable.length);
  },

  async 'while the device is away reads have causes and no values, and afterwards values again'(bench) {
    const { device, field } = bench;
    if (field.setPresent === undefined) return;
    await readUntilGood(bench);
    field.setPresent(false);
    for (const sample of await readWithin(device, field.readable, 700)) {
      assert.ok('cause' in sample && !('value' in sample), `${sample.point} has a value from nowhere`);
    }
    field.setPresent(true);
    await readUntilGood(bench);
  },

  async 'what was written is read'({ device, field }) {
    if (field.writable === undefined) return;
    const { point, values } = field.writable;
    for (const value of values) {
      const results = await device.write([{ point, value }], { deadlineMs: DEADLINE_MS });
      assert.deepEqual(results, [{ point, status: 'done' }]);
      const [sample] = await readWithin(device, [point]);
      assert.deepEqual(sample !== undefined && 'value' in sample ? sample.value : sample, value);
    }
  },

  async 'a write brings one result per operation, in order; what cannot be written fails with a message'({
    device,
    field,
  }) {
    const points = [field.readOnly, UNKNOWN_POINT];
    const operations = points.map((point) => ({ point, value: 1 }));
    const results = await device.write(operations, { deadlineMs: DEADLINE_MS });
    assert.deepEqual(
      results.map(({ point, status }) => ({ point, status })),
      points.map((point) => ({ point, status: 'failed' })),
    );
    for (const result of results) assert.ok(result.status === 'failed' && result.message.length > 0);
    assert.deepEqual(await device.write([], { deadlineMs: DEADLINE_MS }), []);
  },

  async 'a value of the wrong type is not written'({ device, field }) {
    if (field.writable === undefined) return;
    const { point, values } = field.writable;
    await device.write([{ point, value: values[0] }], { deadlineMs: DEADLINE_MS });
    const wrong = typeof values[0] === 'string' ? 1 : 'no value of this point';
    const [result] = await device.write([{ point, value: wrong }], { deadlineMs: DEADLINE_MS });
    assert.equal(result?.status, 'failed');
    const [sample] = await readWithin(device, [point]);
    assert.deepEqual(sample !== undefined && 'value' in sample ? sample.value : sample, values[0]);
  },

  async 'the state becomes reachable, and a listener that left hears nothing'(bench) {
    let heard = 0;
    const cancel = bench.device.onState(() => heard++);
    await readUntilGood(bench);
    assert.deepEqual(bench.device.state, { reachable: true });
    cancel();
    heard = 0;
    await bench.adapter.close();
    assert.equal(heard, 0);
  },

  async 'a detached device reads nothing any more'(bench) {
    await readUntilGood(bench);
    bench.device.detach();
    for (const sample of await readWithin(bench.device, bench.field.readable)) {
      assert.ok('cause' in sample && sample.cause === 'closed');
    }
  },

  async 'a memory that makes no sense is passed over, and what is kept is plain data'({
    adapter,
    device,
    field,
  }) {
    device.detach();
    for (const learned of [undefined, null, 0, 'text', [], {}, { cuts: 7 }]) {
      const keep = (news: unknown = null): void =>
        assert.deepEqual(JSON.parse(JSON.stringify(news)), news, 'what is kept is not plain data');
      const again = adapter.attach(field.device, { learned, keep });
      await readUntilGood({ adapter, device: again, field });
      again.detach();
    }
  },

  async 'closing settles what is pending, and later reads and writes fail with `closed`'({
    adapter,
    device,
    field,
  }) {
    field.setPresent?.(false);
    const pending = readWithin(device, field.readable, 10_000);
    const before = Date.now();
    await adapter.close();
    await pending;
    assert.ok(Date.now() - before < DEADLINE_MS, 'closing did not settle a read');
    for (const sample of await readWithin(device, field.readable)) {
      assert.ok('cause' in sample && sample.cause === 'closed');
    }
    if (field.writable !== undefined) {
      const { point, values } = field.writable;
      const [result] = await device.write([{ point, value: values[0] }], { deadlineMs: DEADLINE_MS });
      assert.ok(result?.status === 'failed' && result.cause === 'closed');
    }
    await adapter.close();
  },

  async 'statistics are finite numbers with lower camel case names'(bench) {
    await readUntilGood(bench);
    const statistics = Object.entries(bench.adapter.statistics());
    assert.ok(statistics.length > 0);
    for (const [name, count] of statistics) {
      assert.match(name, /^[a-z][A-Za-z0-9]*$/);
      assert.ok(Number.isFinite(count) && count >= 0, `${name} is ${count}`);
    }
  },
};

/** Reads, and holds the adapter to its deadline and its number of samples. */
async function readWithin(
  device: AttachedDevice,
  points: readonly PointId[],
  deadlineMs = DEADLINE_MS,
): Promise<readonly Sample[]> {
  const before = performance.now();
  const samples = await device.read(points, { priority: 'demand', deadlineMs });
  const tookMs = performance.now() - before;
  assert.ok(
    tookMs <= Math.max(0, deadlineMs) + TIMER_SLACK_MS,
    `settled after ${tookMs} of ${deadlineMs} ms`,
  );
  assert.equal(samples.length, points.length);
  return samples;
}

async function readUntilGood({ device, field }: Bench): Promise<void> {
  const until = performance.now() + HEALING_MS;
  for (;;) {
    const samples = await readWithin(device, field.readable);
    if (samples.every((sample) => 'value' in sample)) return;
    assert.ok(performance.now() < until, 'the device does not come back');
    await new Promise((later) => setTimeout(later, 50));
  }
}

function checkValue(value: FieldValue): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value), 'a value is not finite');
  else assert.ok(['bigint', 'boolean', 'string'].includes(typeof value) || value instanceof Uint8Array);
}

function checkSchema(schema: JsonSchema, name: string): void {
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema, `${name} is not plain data`);
  assert.equal(schema.type, 'object', `${name} is not an object`);
  assert.equal(schema.additionalProperties, false, `${name} allows unknown keys`);
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
  for (const [key, property] of properties) {
    assert.equal(typeof property.description, 'string', `${name}.${key} has no description`);
    if (property.type === 'object') checkSchema(property, `${name}.${key}`);
  }
}
