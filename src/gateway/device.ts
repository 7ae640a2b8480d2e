import type {
  AttachedDevice,
  FieldCause,
  PointId,
  Sample,
  WriteOperation,
  WriteResult,
} from '../adapter/index.ts';
import { type Clock, type Logger, messageOf, type Timers } from '../base/index.ts';
import { type Ids, idsKey, omaRegistry, type Value } from '../model/index.ts';
import { mandatoryDeviceResources, NO_ERROR } from '../objects/index.ts';
import {
  type CellUpdate,
  createTree,
  DONE,
  type Freshness,
  type InstanceChange,
  type InstanceSetup,
  type Outcome,
  type Refused,
  type ResourceSetup,
  type Tree,
} from '../tree/index.ts';
import type { CompiledDevice } from './compile.ts';
import { takeSamples } from './derive.ts';
import { createExecution, type ExecutableResource } from './execute.ts';
import type { Health, HealthRules } from './health.ts';
import type { CompiledInstance } from './mapping.ts';
import { type Marks, marksOf, rememberedStates } from './marks.ts';
import type { FieldUpdate, UpdateCause } from './pipeline.ts';
import { type Poll, type Polling, startPolling } from './polling.ts';
import type { CompiledResource, PointResource } from './resource.ts';

/** What a device is called and made of, for its Device object. */
export interface DeviceDescription {
  readonly id: string;
  readonly manufacturer?: string;
  readonly model?: string;
}

export interface DevicePorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

/** A device that runs: read at its intervals, its values in a tree. */
export interface Device {
  readonly id: string;
  readonly tree: Tree;
  readonly health: Health;
  /** Cycles left out because the one before still ran. */
  readonly skippedCycles: number;
  /** Absent: its firmware cannot be changed. */
  readonly updateFirmware: AttachedDevice['updateFirmware'];
  /** Where its counters stand, to be given to {@link startDevice} after a restart. */
  marks(): Marks;
  stop(): void;
}

/** How long a read or write for a server may take in the field; below the patience of servers (Gateway digest 7). */
const ON_DEMAND_DEADLINE_MS = 8000;

/** A value is fresh until the cycle that renews it has had time to come. */
const FRESHNESS_MARGIN = 1.5;

/** A point that nothing is known of: what it feeds never grows old. */
const FOR_GOOD = { maxAgeMs: Number.POSITIVE_INFINITY, staleAfterMs: Number.POSITIVE_INFINITY };

/** Causes of writes that were not sent at all. */
const UNSENT: ReadonlySet<FieldCause> = new Set<FieldCause>(['overloaded', 'forbidden']);

const DEVICE_OBJECT = 3;
const SERIAL_NUMBER = 2;

/** Peripheral malfunction: the nearest there is to a meter that does not answer (OMA Core 1.2 E.4, resource 11). */
const NO_ANSWER: ReadonlyMap<number, Value> = new Map([[0, 8]]);

/** How a failure in the field looks to a server (Gateway digest 7). */
const REFUSALS: Readonly<Record<UpdateCause, Refused>> = {
  timeout: { status: 'timeout', message: 'the device did not answer in time' },
  disconnected: { status: 'unavailable', message: 'there is no connection to the device' },
  closed: { status: 'unavailable', message: 'the connection was closed' },
  busy: { status: 'unavailable', message: 'the device is busy' },
  overloaded: { status: 'unavailable', message: 'too much is waiting for the device' },
  'not-available': { status: 'unavailable', message: 'the device says that it has no value now' },
  rejected: { status: 'bad-gateway', message: 'the device refused' },
  malformed: { status: 'bad-gateway', message: 'the device answered what cannot be right' },
  implausible: { status: 'bad-gateway', message: 'the value of the device cannot be right' },
  unusable: { status: 'bad-gateway', message: 'the value of the device does not fit the resource' },
  'not-verified': { status: 'bad-gateway', message: 'the device does not show what was written' },
  forbidden: { status: 'bad-request', message: 'the profile does not allow this value' },
};

function refusedBecause(cause: UpdateCause, message?: string, retryAfterMs?: number): Refused {
  return {
    ...REFUSALS[cause],
    ...(message === undefined ? {} : { message }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function cellUpdate(update: FieldUpdate): CellUpdate {
  if ('value' in update) return update;
  const { ids, quality, cause, message, retryAfterMs } = update;
  return { ids, quality, refused: refusedBecause(cause, message, retryAfterMs) };
}

function isPoint(resource: CompiledResource): resource is PointResource {
  return resource.kind === 'point';
}

type Execute = (resource: ExecutableResource) => NonNullable<ResourceSetup['execute']>;

function freshnessOf(resource: PointResource, device: CompiledDevice): Freshness {
  const { maxAgeMs, staleAfterMs } = device.points.get(resource.point) ?? FOR_GOOD;
  return { maxAgeMs: maxAgeMs * FRESHNESS_MARGIN, staleAfterMs };
}

/** Resource instances of one resource, gathered: `5802/0` may come from a point, and `5802/1` be a constant. */
function resourceSetups(
  instance: CompiledInstance,
  device: CompiledDevice,
  executeOf: Execute,
): ResourceSetup[] {
  const byResource = new Map<number, CompiledResource[]>();
  for (const resource of instance.resources) {
    const [, , id = 0] = resource.ids;
    byResource.set(id, [...(byResource.get(id) ?? []), resource]);
  }
  return [...byResource].map(([id, resources]) => {
    const constants = resources.filter((resource) => resource.kind === 'constant');
    const points = resources.filter(isPoint);
    const executable = resources.find((resource) => resource.kind === 'executable');
    if (executable !== undefined) return { id, execute: executeOf(executable) };
    const isMultiple = resources.some(({ ids }) => ids.length === 4);
    const keyed = <T>(of: readonly CompiledResource[], value: (resource: never) => T) =>
      new Map(of.map((resource) => [resource.ids[3] ?? 0, value(resource as never)]));
    const values = keyed(constants, ({ value }: { value: Value }) => value);
    const fields = keyed(points, (resource: PointResource) => freshnessOf(resource, device));
    const [value] = values.values();
    const [field] = fields.values();
    return {
      id,
      ...(value === undefined ? {} : { value: isMultiple ? values : value, isFixed: true }),
      ...(field === undefined ? {} : { field: isMultiple ? fields : field }),
    };
  });
}

/**
 * Brings a device to life: attaches polls to a tree, and the tree to the field.
 * @param remembered {@link Device.marks} of the same device before a restart; anything else is passed over
 */
export function startDevice(
  compiled: CompiledDevice,
  attached: AttachedDevice,
  description: DeviceDescription,
  health: HealthRules,
  ports: DevicePorts,
  remembered?: unknown,
): Device {
  const { clock } = ports;
  const log = ports.log.child({ device: description.id });
  const states = rememberedStates(compiled.points, remembered, clock.now(), clock.monotonic());
  const writtenAt = new Map<PointId, number>();
  const pointResources = compiled.instances.flatMap(({ resources }) => resources.filter(isPoint));
  const byIds = new Map(pointResources.map((resource) => [idsKey(resource.ids), resource]));

  let serialNumber: Value | undefined;

  /** Another serial number is another meter, whatever its address is (pitfall 12): a person has to hear of it. */
  const noteSerialNumber = (updates: readonly FieldUpdate[]): void => {
    for (const update of updates) {
      const [object, , resource] = update.ids;
      if (object !== DEVICE_OBJECT || resource !== SERIAL_NUMBER || !('value' in update)) continue;
      if (serialNumber !== undefined && serialNumber !== update.value)
        log.warn(
          { before: serialNumber, now: update.value },
          'the device has another serial number: it was exchanged',
        );
      serialNumber = update.value;
    }
  };

  const take = (samples: readonly Sample[]): void => {
    const updates = takeSamples(compiled, states, samples, clock.monotonic());
    noteSerialNumber(updates);
    tree.update(updates.map(cellUpdate));
  };

  /** The points that feed these resources, whichever of their instances. */
  const pointsOf = (resources: readonly Ids[]): PointId[] => {
    const wanted = new Set(resources.map((ids) => idsKey(ids.slice(0, 3))));
    const points = pointResources
      .filter(({ ids }) => wanted.has(idsKey(ids.slice(0, 3))))
      .map(({ point }) => point);
    return [...new Set(points)].filter((id) => (compiled.points.get(id)?.outputs.length ?? 0) > 0).sort();
  };

  const refuseWhileOffline = (): Refused | undefined => {
    const retryAfterMs = polling.retryAfterMs;
    return retryAfterMs === undefined
      ? undefined
      : refusedBecause('disconnected', 'the device does not answer', retryAfterMs);
  };

  /** Memory cells of set points wear out: a profile can limit how often they are written (pitfall 29). */
  const refuseTooSoon = (operations: readonly WriteOperation[]): Refused | undefined => {
    for (const { point } of operations) {
      const limitMs = compiled.points.get(point)?.rateLimitMs ?? 0;
      const waitMs = (writtenAt.get(point) ?? Number.NEGATIVE_INFINITY) + limitMs - clock.monotonic();
      if (waitMs > 0) return refusedBecause('busy', 'it was written only just now', waitMs);
    }
    return undefined;
  };

  /**
   * After a write only the device knows what it holds, whatever it answered: nothing read before is shown or believed,
   * and the points are read again.
   */
  const readAfterWrite = (points: readonly PointId[]): void => {
    polling.invalidate(points);
    const touched = new Set(points);
    const cells = pointResources.filter(({ point }) => touched.has(point)).map(({ ids }) => ids);
    tree.expire(cells);
    const readable = pointsOf(cells);
    if (readable.length > 0) void polling.readNow(readable, ON_DEMAND_DEADLINE_MS);
  };

  /** An adapter that breaks its contract by rejecting may have written all the same. */
  const sendWrites = async (operations: readonly WriteOperation[]): Promise<readonly WriteResult[]> => {
    try {
      return await attached.write(operations, { deadlineMs: ON_DEMAND_DEADLINE_MS });
    } catch (error) {
      log.error({ problem: messageOf(error) }, 'writing to the device failed');
      return operations.map(({ point }) => ({
        point,
        status: 'failed',
        cause: 'malformed',
        message: 'the adapter failed',
      }));
    }
  };

  const refuseWrite = (operations: readonly WriteOperation[]): Refused | undefined =>
    refuseWhileOffline() ?? refuseTooSoon(operations);

  const writePoints = async (operations: readonly WriteOperation[]): Promise<Outcome> => {
    const before = operations.map(({ point }) => [point, writtenAt.get(point)] as const);
    for (const { point } of operations) writtenAt.set(point, clock.monotonic());
    const results = await sendWrites(operations);
    for (const [index, result] of results.entries()) {
      const [point, at] = before[index] ?? [result.point, undefined];
      // What never left the gateway has worn out nothing.
      if (result.status === 'failed' && UNSENT.has(result.cause)) {
        if (at === undefined) writtenAt.delete(point);
        else writtenAt.set(point, at);
      }
    }
    readAfterWrite(operations.map(({ point }) => point));
    const failed = results.find(
      (result): result is WriteResult & { status: 'failed' } => result.status === 'failed',
    );
    return failed === undefined ? DONE : refusedBecause(failed.cause, failed.message);
  };

  const refresh = async (resources: readonly Ids[]): Promise<void> => {
    const refused = refuseWhileOffline();
    if (refused === undefined) return polling.readNow(pointsOf(resources), ON_DEMAND_DEADLINE_MS);
    const wanted = new Set(pointsOf(resources));
    const cells = pointResources.filter(({ point }) => wanted.has(point));
    tree.update(cells.map(({ ids }) => ({ ids, refused, quality: 1 })));
    return undefined;
  };

  /** What a write means in the field, or why there is no such thing. */
  const operationsOf = (change: InstanceChange): WriteOperation[] | Refused => {
    const operations: WriteOperation[] = [];
    for (const [id, value] of change.values) {
      const ids = [change.object, change.instance, id];
      const values: Iterable<readonly [Ids, Value]> =
        value instanceof Map
          ? [...value].map(([resourceInstance, one]) => [[...ids, resourceInstance], one] as const)
          : [[ids, value as Value]];
      for (const [at, one] of values) {
        const plan = byIds.get(idsKey(at))?.write?.(one);
        if (plan === undefined)
          return { status: 'not-allowed', message: `/${at.join('/')} cannot be written here` };
        if ('refusal' in plan) return { status: 'bad-request', message: plan.refusal };
        operations.push(plan.operation);
      }
    }
    return operations;
  };

  /** What can be known of a write before the field is asked. */
  const checkField = (change: InstanceChange): Refused | undefined => {
    const operations = operationsOf(change);
    if ('status' in operations) return operations;
    return operations.length === 0 ? undefined : refuseWrite(operations);
  };

  const writeField = async (change: InstanceChange): Promise<Outcome> => {
    const operations = operationsOf(change);
    if ('status' in operations) return operations;
    return operations.length === 0 ? DONE : (refuseWrite(operations) ?? writePoints(operations));
  };

  const tree = createTree({ clock, refresh });

  const executeOf: Execute = (resource) =>
    createExecution(resource, {
      refusal: refuseWrite,
      write: writePoints,
      wait: (ms) => new Promise((later) => ports.timers.after(ms, later)),
    });

  const setups: InstanceSetup[] = compiled.instances.map((instance) => ({
    definition: instance.definition,
    instance: instance.instance,
    resources: resourceSetups(instance, compiled, executeOf),
    check: checkField,
    write: writeField,
  }));
  for (const setup of withDeviceObject(setups, description, () => polling.health)) tree.addInstance(setup);

  const polling: Polling = startPolling(
    attached,
    {
      id: description.id,
      polls: compiled.polls,
      health,
      cycleDeadlineMs: (poll) => cycleDeadline(poll, compiled),
    },
    {
      clock,
      timers: ports.timers,
      log,
      onSamples: take,
      onHealth({ state, cause }) {
        if (state === 'offline') log.warn({ cause }, 'the device does not answer');
        else log.info({}, 'the device answers');
        tree.touch([DEVICE_OBJECT, 0, 11]);
      },
    },
  );

  return {
    id: description.id,
    tree,
    get health() {
      return polling.health;
    },
    updateFirmware: attached.updateFirmware,
    get skippedCycles() {
      return polling.skipped;
    },
    marks: () => marksOf(compiled.points, states),
    stop() {
      polling.stop();
      attached.detach();
      tree.clear();
    },
  };
}

/** All requests of a cycle may have to be repeated; a cycle longer than its interval is left out anyway. */
function cycleDeadline(poll: Poll, { plan }: CompiledDevice): number {
  const patience = plan.requestTimeoutMs * (plan.retries + 1) * 2;
  return Number.isFinite(poll.intervalMs) ? Math.max(poll.intervalMs, patience) : Math.max(10_000, patience);
}

/** Every device shows object 3: as its profile maps it, with what the gateway knows by itself. */
function withDeviceObject(
  setups: readonly InstanceSetup[],
  { manufacturer, model }: DeviceDescription,
  health: () => Health,
): InstanceSetup[] {
  const mapped = setups.find(({ definition }) => definition.id === DEVICE_OBJECT);
  const definition = mapped?.definition ?? omaRegistry().find(DEVICE_OBJECT);
  if (definition === undefined) return [...setups];
  const errorCodes = (): ReadonlyMap<number, Value> => (health().state === 'offline' ? NO_ANSWER : NO_ERROR);
  const provided: readonly ResourceSetup[] = [
    ...(manufacturer === undefined ? [] : [{ id: 0, value: manufacturer }]),
    ...(model === undefined ? [] : [{ id: 1, value: model }]),
    ...mandatoryDeviceResources(
      () => ({ status: 'not-allowed', message: 'this device cannot be rebooted' }),
      errorCodes,
    ),
  ];
  const own = mapped?.resources ?? [];
  const taken = new Set(own.map(({ id }) => id));
  const device: InstanceSetup = {
    ...(mapped ?? { definition, instance: 0 }),
    resources: [...own, ...provided.filter(({ id }) => !taken.has(id))],
  };
  return [device, ...setups.filter((setup) => setup !== mapped)];
}
