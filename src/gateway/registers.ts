import type { PointId, RegisterAccess, RegisterRange, RegisterResult } from '../adapter/index.ts';
import type { Clock } from '../base/index.ts';
import { type Ids, isObjectLink, type ObjectDefinition, omaRegistry, type Value } from '../model/index.ts';
import {
  DONE,
  type InstanceChange,
  type InstanceSetup,
  type Outcome,
  type Refused,
  type ResourceValue,
  type Tree,
} from '../tree/index.ts';
import { refusedBecause } from './refusals.ts';

/** Raw access to a device: Modbus Connection and Modbus Register Cluster (OMA registry, both 1.0). */
export const CONNECTION_OBJECT = 10374;
export const CLUSTER_OBJECT = 10375;

const CONNECTION = { address: 0, layer: 1, isEnabled: 2, baud: 3, stopBits: 4, parity: 5, state: 8 };
const CLUSTER = { connection: 0, table: 1, unit: 2, address: 3, count: 4, values: 5 };

const LAYERS = { tcp: 0, serial: 2 };
const PARITIES = { none: 0, even: 1, odd: 2 };
const STATES = { connecting: 1, up: 2, down: 4 };
/** Register Type, which is the function code that reads it. */
const TABLES = new Map<Value, RegisterRange['table']>([
  [1, 'coil'],
  [2, 'discrete'],
  [3, 'holding'],
  [4, 'input'],
]);

/** A box has little memory, and servers forget to clean up. */
const MOST_CLUSTERS = 16;
/** How long an observer is shown what was read. */
const SHOWN_MS = 60_000;

export interface RegisterPorts {
  readonly clock: Pick<Clock, 'now'>;
  readonly deadlineMs: number;
  /** Why the device must not be asked now. */
  refusal(): Refused | undefined;
  /** What points have read before is out of date. */
  onWritten(points: readonly PointId[]): void;
}

export interface RegisterObjects {
  /** Reads the clusters that these resources belong to; settles by the deadline. */
  refresh(resources: readonly Ids[]): Promise<void>;
}

function badRequest(message: string): Refused {
  return { status: 'bad-request', message };
}

function connectionInstance(definition: ObjectDefinition, registers: RegisterAccess): InstanceSetup {
  const { address, layer, baud, stopBits, parity } = registers.line;
  const known: readonly (readonly [number, ResourceValue | undefined])[] = [
    [CONNECTION.address, address],
    [CONNECTION.layer, LAYERS[layer]],
    [CONNECTION.isEnabled, true],
    [CONNECTION.baud, baud],
    [CONNECTION.stopBits, stopBits],
    [CONNECTION.parity, parity && PARITIES[parity]],
  ];
  return {
    definition,
    instance: 0,
    resources: [
      ...known.flatMap(([id, value]) => (value === undefined ? [] : [{ id, value, isFixed: true }])),
      { id: CONNECTION.state, compute: () => STATES[registers.lineState] },
    ],
    check: () => ({
      status: 'not-allowed',
      message: 'the file of the gateway says what its connections are',
    }),
  };
}

/** Values that follow each other, so that one request can write them. */
interface Run {
  readonly range: RegisterRange;
  readonly values: number[];
}

function runsOf({ table, address }: RegisterRange, values: ReadonlyMap<number, Value>): readonly Run[] {
  const runs: Run[] = [];
  for (const [index, value] of [...values].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1);
    const at = address + index;
    if (last !== undefined && last.range.address + last.values.length === at) last.values.push(Number(value));
    else runs.push({ range: { table, address: at, count: 0 }, values: [Number(value)] });
  }
  return runs.map(({ range, values: run }) => ({ range: { ...range, count: run.length }, values: run }));
}

/** Gives a device its objects of raw access. Servers make, move and remove clusters, and read and write their values. */
export function addRegisterObjects(
  tree: Tree,
  registers: RegisterAccess,
  ports: RegisterPorts,
): RegisterObjects | undefined {
  const registry = omaRegistry();
  const connection = registry.find(CONNECTION_OBJECT);
  const definition = registry.find(CLUSTER_OBJECT);
  if (connection === undefined || definition === undefined) return undefined;
  const clusters = new Map<number, RegisterRange>();
  const reading = new Map<RegisterRange, Promise<void>>();
  const { deadlineMs } = ports;

  /** What a cluster is made of, where its server says so and as it was where it does not; or what is wrong with it. */
  const rangeOf = (
    given: ReadonlyMap<number, ResourceValue>,
    before: RegisterRange | undefined,
  ): RegisterRange | Refused => {
    const link = given.get(CLUSTER.connection);
    if (isObjectLink(link as Value) && (link as { object: number }).object !== CONNECTION_OBJECT)
      return badRequest(`the connection of a cluster is /${CONNECTION_OBJECT}/0`);
    const unit = given.get(CLUSTER.unit) ?? registers.unit;
    if (unit !== registers.unit) return badRequest(`this device is unit ${registers.unit}`);
    const table = TABLES.get(given.get(CLUSTER.table) as Value) ?? before?.table ?? 'holding';
    const address = Number(given.get(CLUSTER.address) ?? before?.address);
    const count = Number(given.get(CLUSTER.count) ?? before?.count ?? 1);
    const range = { table, address, count };
    const unreadable = registers.refusal(range, 'read');
    const isUseless = unreadable !== undefined && registers.refusal(range, 'write') !== undefined;
    return isUseless ? badRequest(unreadable) : range;
  };

  /** What keeps values from being written, by the rules of the object and of the configuration. */
  const valuesRefusal = (
    { ids, mode }: InstanceChange,
    range: RegisterRange,
    values: ReadonlyMap<number, Value>,
  ): Refused | undefined => {
    const { table, count } = range;
    const isBits = table === 'coil' || table === 'discrete';
    const isWhole = ids.length < 4 && mode === 'replace';
    if ((isWhole && values.size !== count) || [...values.keys()].some((index) => index >= count))
      return badRequest(`the resource instances of this cluster are 0 to ${count - 1}`);
    if (isBits && [...values.values()].some((value) => Number(value) > 1))
      return badRequest('a coil is 0 or 1');
    for (const run of runsOf(range, values)) {
      const refused = registers.refusal(run.range, 'write');
      if (refused !== undefined) return { status: 'not-allowed', message: refused };
    }
    return ports.refusal();
  };

  const valuesIn = ({ values }: Pick<InstanceChange, 'values'>): ReadonlyMap<number, Value> | undefined =>
    values.get(CLUSTER.values) as ReadonlyMap<number, Value> | undefined;

  const check = (change: InstanceChange): Refused | undefined => {
    const range = clusters.get(change.instance);
    if (range === undefined) return undefined;
    const values = valuesIn(change);
    if (values !== undefined && change.values.size > 1)
      return badRequest('move a cluster first, then write its values');
    if (values !== undefined) return valuesRefusal(change, range, values);
    const moved = rangeOf(change.values, range);
    return 'status' in moved ? moved : undefined;
  };

  const write = async (change: InstanceChange): Promise<Outcome> => {
    const range = clusters.get(change.instance);
    if (range === undefined) return { status: 'not-found' };
    const values = valuesIn(change);
    if (values === undefined) return move(change, range);
    try {
      for (const run of runsOf(range, values)) {
        const result = await registers.write(run.range, run.values, { deadlineMs });
        ports.onWritten(registers.pointsIn(run.range));
        if (result.status === 'failed')
          return refusedBecause(result.cause, result.message, result.retryAfterMs);
      }
      return DONE;
    } finally {
      tree.expire([[CLUSTER_OBJECT, change.instance, CLUSTER.values]]);
    }
  };

  /** Other registers are other resource instances: the instance is made anew, and who observed the old one is told. */
  const move = (change: InstanceChange, before: RegisterRange): Outcome => {
    const range = rangeOf(change.values, before);
    if ('status' in range) return range;
    clusters.set(change.instance, range);
    tree.addInstance(instanceOf(change.instance, range));
    return DONE;
  };

  const instanceOf = (instance: number, { table, address, count }: RegisterRange): InstanceSetup => {
    const fresh = { maxAgeMs: registers.pauseMs, staleAfterMs: SHOWN_MS };
    const type = [...TABLES].find(([, known]) => known === table)?.[0] ?? 3;
    return {
      definition,
      instance,
      resources: [
        { id: CLUSTER.connection, value: { object: CONNECTION_OBJECT, instance: 0 } },
        { id: CLUSTER.table, value: type },
        { id: CLUSTER.unit, value: registers.unit },
        { id: CLUSTER.address, value: address },
        { id: CLUSTER.count, value: count },
        { id: CLUSTER.values, field: new Map(Array.from({ length: count }, (_, index) => [index, fresh])) },
      ],
      check,
      write,
    };
  };

  /** What was read before is not shown any more: raw values carry no sign that they are old. */
  const hide = (instance: number, { count }: RegisterRange, refused: Refused): void => {
    const ids: Ids = [CLUSTER_OBJECT, instance, CLUSTER.values];
    tree.expire([ids]);
    tree.update(Array.from({ length: count }, (_, index) => ({ ids: [...ids, index], refused, quality: 1 })));
  };

  const show = (instance: number, range: RegisterRange, result: RegisterResult): void => {
    const at = ports.clock.now();
    if (result.status === 'failed')
      hide(instance, range, refusedBecause(result.cause, result.message, result.retryAfterMs));
    else if (result.values.length !== range.count) hide(instance, range, refusedBecause('malformed'));
    else
      tree.update(
        result.values.map((value, index) => ({
          ids: [CLUSTER_OBJECT, instance, CLUSTER.values, index],
          value,
          at,
          quality: 4,
        })),
      );
  };

  /** One read of a cluster at a time, for all who wait for it. */
  const readCluster = (instance: number): Promise<void> | undefined => {
    const range = clusters.get(instance);
    if (range === undefined) return undefined;
    const closed = registers.refusal(range, 'read');
    const refused: Refused | undefined =
      closed === undefined ? ports.refusal() : { status: 'not-allowed', message: closed };
    if (refused !== undefined) {
      hide(instance, range, refused);
      return undefined;
    }
    const running = reading.get(range);
    if (running !== undefined) return running;
    const read = registers
      .read(range, { deadlineMs })
      .then((result) => {
        // It may have been moved meanwhile.
        if (clusters.get(instance) === range) show(instance, range, result);
      })
      .finally(() => reading.delete(range));
    reading.set(range, read);
    return read;
  };

  tree.addInstance(connectionInstance(connection, registers));
  tree.addObject(definition, {
    provided: new Set([CLUSTER.values]),
    create({ instance, values }) {
      if (clusters.size >= MOST_CLUSTERS) return badRequest(`there are ${MOST_CLUSTERS} clusters at most`);
      if (values.has(CLUSTER.values)) return badRequest('make the cluster first, then write its values');
      const range = rangeOf(values, undefined);
      if ('status' in range) return range;
      clusters.set(instance, range);
      return instanceOf(instance, range);
    },
    remove(instance) {
      clusters.delete(instance);
      return undefined;
    },
  });
  return {
    async refresh(resources) {
      await Promise.all(resources.map(([, instance = 0]) => readCluster(instance)));
    },
  };
}
