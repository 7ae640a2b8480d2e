import type { DevicePlan, PointId, PointPlan } from '../adapter/index.ts';
import type { ObjectDefinition, Registry } from '../model/index.ts';
import type { DerivedInstance, FieldDevice } from './derive.ts';
import { createFaults, type FaultList } from './faults.ts';
import { type CompiledInstance, compileInstance } from './mapping.ts';
import type { CompiledPoint, Output } from './pipeline.ts';
import { compilePoint, type PointModel } from './point.ts';
import { isNumeric, isReadable } from './point-rules.ts';
import type { Poll } from './polling.ts';
import { CLUSTER_OBJECT, CONNECTION_OBJECT } from './registers.ts';
import type { PointResource } from './resource.ts';
import type { MappingContext } from './slot.ts';
import type { DeviceSource, MappingFault, ObjectMapping, PointSource, ProfileSource } from './source.ts';

/** A device made ready to run: what the adapter needs, what servers see, and what happens in between. */
export interface CompiledDevice extends FieldDevice {
  readonly plan: DevicePlan;
  readonly instances: readonly CompiledInstance[];
  /** Points that feed readable resources, by interval; Infinity: once. */
  readonly polls: readonly Poll[];
  /** Without any, the device works as told; with some it must not run. */
  readonly faults: readonly MappingFault[];
}

/** Objects that belong to the gateway or to the security of a session, or give raw access: no profile makes them. */
const FORBIDDEN: ReadonlySet<number> = new Set([
  0,
  1,
  2,
  21,
  23,
  24,
  25,
  26,
  CONNECTION_OBJECT,
  CLUSTER_OBJECT,
]);
const HIGHEST_INSTANCE = 65534;

/**
 * Compiles a device, and finds everything that is wrong with its mapping at once. Pure.
 * @param profile of the device, without the overrides of the device: tells whose a fault is
 */
export function compileDevice(
  device: DeviceSource,
  profile: ProfileSource,
  registry: Registry,
): CompiledDevice {
  const { points: sources, objects } = device.profile;
  const faults = createFaults(profile, device.profile);
  const models = new Map<PointId, PointModel>();
  const disabled = new Set<PointId>();
  for (const [id, source] of Object.entries(sources)) {
    if (source.enabled) models.set(id, compilePoint(id, source, faults));
    else disabled.add(id);
  }
  const instances = compileObjects(objects, registry, { points: models, disabled, faults });
  const points = compilePoints(models, instances, device);
  return {
    plan: planOf(device, models),
    instances,
    points,
    derived: derivedByPoint(instances, points),
    polls: pollsOf(points, models, device, faults),
    faults: faults.list,
  };
}

function planOf(device: DeviceSource, models: ReadonlyMap<PointId, PointModel>): DevicePlan {
  return {
    id: device.id,
    settings: device.settings,
    protocol: device.profile.protocolSettings,
    points: new Map([...models].map(([id, { source }]) => [id, pointPlan(id, source)])),
    requestTimeoutMs: device.timeouts.requestMs,
    retries: device.timeouts.retries,
  };
}

function pointPlan(id: PointId, { address, access, group, write }: PointSource): PointPlan {
  return {
    id,
    address,
    access,
    ...(group === undefined ? {} : { group }),
    ...(write === undefined ? {} : { write: write.settings }),
  };
}

function compileObjects(
  mappings: readonly ObjectMapping[],
  registry: Registry,
  context: MappingContext,
): CompiledInstance[] {
  const taken = new Set<string>();
  return mappings.flatMap((mapping, index) => {
    const definition = findObject(index, mapping, registry, context.faults);
    if (definition === undefined) return [];
    checkInstance(index, mapping, definition, taken, context.faults);
    return [compileInstance(index, mapping, definition, context)];
  });
}

function findObject(
  index: number,
  { object, version }: ObjectMapping,
  registry: Registry,
  faults: FaultList,
): ObjectDefinition | undefined {
  if (FORBIDDEN.has(object)) {
    faults.atObject(
      index,
      ['object'],
      `object ${object} belongs to the gateway itself; a device cannot have one`,
    );
    return undefined;
  }
  const newest = registry.find(object);
  if (newest === undefined) {
    faults.atObject(index, ['object'], `there is no object ${object} in the registry`);
    return undefined;
  }
  const definition = version === undefined ? newest : registry.find(object, version);
  if (definition !== undefined && (version === undefined || definition.version === version))
    return definition;
  const known =
    definition === undefined ? newest.version : `${newest.version}, below it ${definition.version}`;
  faults.atObject(
    index,
    ['version'],
    `object ${object} (${newest.name}) has no version ${version}; its newest is ${known}`,
  );
  return undefined;
}

function checkInstance(
  index: number,
  { object, instance = 0 }: ObjectMapping,
  definition: ObjectDefinition,
  taken: Set<string>,
  faults: FaultList,
): void {
  const fault = (message: string): void => faults.atObject(index, ['instance'], message);
  if (!(Number.isInteger(instance) && instance >= 0 && instance <= HIGHEST_INSTANCE))
    fault(`an instance is a whole number from 0 to ${HIGHEST_INSTANCE}`);
  else if (!definition.multiple && instance !== 0)
    fault(`object ${object} (${definition.name}) has one instance only, 0`);
  const key = `${object}/${instance}`;
  if (taken.has(key)) fault(`there are two of ${key}: give this one another instance`);
  taken.add(key);
}

function isRead(
  resource: CompiledInstance['resources'][number],
): resource is PointResource & { read: Output['read'] } {
  return resource.kind === 'point' && resource.read !== undefined;
}

function outputsByPoint(instances: readonly CompiledInstance[]): Map<PointId, Output[]> {
  const outputs = new Map<PointId, Output[]>();
  for (const { ids, point, read } of instances.flatMap(({ resources }) => resources.filter(isRead))) {
    outputs.set(point, [...(outputs.get(point) ?? []), { ids, read }]);
  }
  return outputs;
}

/** The interval at which a point is polled; Infinity: once; undefined: only when somebody asks. */
function intervalOf({ poll }: PointSource, device: DeviceSource): number | undefined {
  if (poll === 'never') return undefined;
  return poll === 'once' ? Number.POSITIVE_INFINITY : (poll ?? device.pollMs);
}

function staleAfterMs(source: PointSource, device: DeviceSource): number {
  const { staleAfter = device.staleAfter } = source;
  if (source.staleAfter === undefined && source.poll === 'once') return Number.POSITIVE_INFINITY;
  return 'ms' in staleAfter
    ? staleAfter.ms
    : staleAfter.times * (intervalOf(source, device) ?? device.pollMs);
}

function compilePoints(
  models: ReadonlyMap<PointId, PointModel>,
  instances: readonly CompiledInstance[],
  device: DeviceSource,
): Map<PointId, CompiledPoint> {
  const outputs = outputsByPoint(instances);
  return new Map(
    [...models].map(([id, { source, decode, checks }]) => [
      id,
      {
        id,
        isNumeric: isNumeric(source),
        decode,
        checks,
        outputs: outputs.get(id) ?? [],
        maxAgeMs: intervalOf(source, device) ?? 0,
        staleAfterMs: staleAfterMs(source, device),
        rateLimitMs: source.write?.rateLimitMs,
      },
    ]),
  );
}

function derivedByPoint(
  instances: readonly CompiledInstance[],
  points: ReadonlyMap<PointId, CompiledPoint>,
): Map<PointId, DerivedInstance[]> {
  const byPoint = new Map<PointId, DerivedInstance[]>();
  for (const { resources } of instances) {
    const derived = resources.filter((resource) => resource.kind === 'derived');
    if (derived.length === 0) continue;
    const ids = new Set(resources.filter(isRead).map(({ point }) => point));
    const sources = [...ids].flatMap((id) => points.get(id) ?? []);
    const instance: DerivedInstance = { resources: derived, sources };
    for (const { id } of sources) byPoint.set(id, [...(byPoint.get(id) ?? []), instance]);
  }
  return byPoint;
}

/** Only what some resource shows is worth the bus. Points of a group come together, so they share an interval. */
function pollsOf(
  points: ReadonlyMap<PointId, CompiledPoint>,
  models: ReadonlyMap<PointId, PointModel>,
  device: DeviceSource,
  faults: FaultList,
): Poll[] {
  const polls = new Map<number, PointId[]>();
  const groups = new Map<string, number | undefined>();
  for (const [id, { outputs }] of points) {
    const source = models.get(id)?.source;
    if (source === undefined || outputs.length === 0 || !isReadable(source)) continue;
    const interval = intervalOf(source, device);
    const { group } = source;
    if (group !== undefined && groups.has(group) && groups.get(group) !== interval)
      faults.atPoint(
        id,
        ['poll'],
        `points of group ${group} are read together, so they have one poll interval`,
      );
    if (group !== undefined) groups.set(group, interval);
    if (interval !== undefined) polls.set(interval, [...(polls.get(interval) ?? []), id]);
  }
  return [...polls].sort(([a], [b]) => b - a).map(([intervalMs, ids]) => ({ intervalMs, points: ids }));
}
