import type { AttachedDevice, PointId, Sample } from '../adapter/index.ts';
import type { Clock, Logger, Timers } from '../base/index.ts';
import { type Ids, idsKey } from '../model/index.ts';
import {
  createTree,
  type InstanceSetup,
  type Refused,
  type ResourceSetup,
  type Tree,
} from '../tree/index.ts';
import type { CompiledDevice } from './compile.ts';
import { takeSamples } from './derive.ts';
import { type DeviceDescription, ERROR_CODE, watchSerialNumber, withDeviceObject } from './device-object.ts';
import { createExecution, type ExecutableResource } from './execute.ts';
import { createFieldWrites } from './field-writes.ts';
import type { Health, HealthRules } from './health.ts';
import { type Marks, marksOf, rememberedStates } from './marks.ts';
import { type Poll, type Polling, startPolling } from './polling.ts';
import { cellUpdate, refusedBecause } from './refusals.ts';
import { addRegisterObjects, CLUSTER_OBJECT } from './registers.ts';
import { isExecutable, sharedBy } from './shared.ts';

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

type Execute = (resource: ExecutableResource) => NonNullable<ResourceSetup['execute']>;

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
  const shared = sharedBy(compiled);

  const noteSerialNumber = watchSerialNumber(shared.points, log);

  const take = (samples: readonly Sample[]): void => {
    const updates = takeSamples(compiled, states, samples, clock.monotonic());
    noteSerialNumber(updates);
    tree.update(updates.map(cellUpdate));
  };

  /** The points that feed these resources, whichever of their instances. */
  const pointsOf = (resources: readonly Ids[]): PointId[] => {
    const wanted = new Set(resources.map((ids) => idsKey(ids.slice(0, 3))));
    const points = shared.points
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

  /**
   * After a write only the device knows what it holds, whatever it answered: nothing read before is shown or believed,
   * and the points are read again.
   */
  const readAfterWrite = (points: readonly PointId[]): void => {
    polling.invalidate(points);
    const touched = new Set(points);
    const cells = shared.points.filter(({ point }) => touched.has(point)).map(({ ids }) => ids);
    tree.expire(cells);
    const readable = pointsOf(cells);
    if (readable.length > 0) void polling.readNow(readable, ON_DEMAND_DEADLINE_MS);
  };

  const refresh = async (resources: readonly Ids[]): Promise<void> => {
    const ofClusters = resources.filter(([object]) => object === CLUSTER_OBJECT);
    await Promise.all([
      clusters?.refresh(ofClusters),
      refreshPoints(
        ofClusters.length === 0 ? resources : resources.filter((ids) => !ofClusters.includes(ids)),
      ),
    ]);
  };

  const refreshPoints = async (resources: readonly Ids[]): Promise<void> => {
    if (resources.length === 0) return;
    const refused = refuseWhileOffline();
    if (refused === undefined) return polling.readNow(pointsOf(resources), ON_DEMAND_DEADLINE_MS);
    const wanted = new Set(pointsOf(resources));
    const cells = shared.points.filter(({ point }) => wanted.has(point));
    tree.update(cells.map(({ ids }) => ({ ids, refused, quality: 1 })));
    return undefined;
  };

  const writes = createFieldWrites({
    attached,
    points: compiled.points,
    writerOf: (ids) => shared.byIds.get(idsKey(ids))?.write,
    refusal: refuseWhileOffline,
    onWritten: readAfterWrite,
    deadlineMs: ON_DEMAND_DEADLINE_MS,
    clock,
    log,
  });

  const tree = createTree({ clock, refresh });

  const executeOf: Execute = (resource) =>
    createExecution(resource, {
      refusal: writes.refusal,
      write: writes.write,
      hold: writes.hold,
      wait: (ms) => new Promise((later) => ports.timers.after(ms, later)),
    });

  const setups: InstanceSetup[] = compiled.instances.map((instance) => ({
    definition: instance.definition,
    instance: instance.instance,
    resources: [
      ...(shared.values.get(instance) ?? []),
      ...instance.resources
        .filter(isExecutable)
        .map((resource) => ({ id: resource.ids[2] ?? 0, execute: executeOf(resource) })),
    ],
    check: writes.checkChange,
    write: writes.writeChange,
  }));
  for (const setup of withDeviceObject(setups, description, () => polling.health)) tree.addInstance(setup);
  const clusters =
    attached.registers &&
    addRegisterObjects(tree, attached.registers, {
      clock,
      deadlineMs: ON_DEMAND_DEADLINE_MS,
      refusal: refuseWhileOffline,
      onWritten: readAfterWrite,
    });

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
        tree.touch(ERROR_CODE);
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
