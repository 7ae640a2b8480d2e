import { idsKey, type Value } from '../model/index.ts';
import type { Freshness, ResourceSetup } from '../tree/index.ts';
import type { CompiledDevice } from './compile.ts';
import type { ExecutableResource } from './execute.ts';
import type { CompiledInstance } from './mapping.ts';
import type { CompiledResource, PointResource } from './resource.ts';

/** A value is fresh until the cycle that renews it has had time to come. */
const FRESHNESS_MARGIN = 1.5;

/** A point that nothing is known of: what it feeds never grows old. */
const FOR_GOOD = { maxAgeMs: Number.POSITIVE_INFINITY, staleAfterMs: Number.POSITIVE_INFINITY };

function isPoint(resource: CompiledResource): resource is PointResource {
  return resource.kind === 'point';
}

function freshnessOf(resource: PointResource, device: CompiledDevice): Freshness {
  const { maxAgeMs, staleAfterMs } = device.points.get(resource.point) ?? FOR_GOOD;
  return { maxAgeMs: maxAgeMs * FRESHNESS_MARGIN, staleAfterMs };
}

/** Resource instances of one resource, gathered: `5802/0` may come from a point, and `5802/1` be a constant. */
function valueSetup(
  id: number,
  resources: readonly CompiledResource[],
  device: CompiledDevice,
): ResourceSetup {
  const constants = resources.filter((resource) => resource.kind === 'constant');
  const points = resources.filter(isPoint);
  const isMultiple = resources.some(({ ids }) => ids.length === 4);
  const keyed = <T>(of: readonly CompiledResource[], value: (resource: never) => T) =>
    new Map(of.map((resource) => [resource.ids[3] ?? 0, value(resource as never)]));
  const values = keyed(constants, ({ value }: { value: Value }) => value);
  const fields = keyed(points, (resource: PointResource) => freshnessOf(resource, device));
  const [value] = values.values();
  const [field] = fields.values();
  return {
    id,
    ids: resources[0]?.ids.slice(0, 3) ?? [],
    ...(value === undefined ? {} : { value: isMultiple ? values : value, isFixed: true }),
    ...(field === undefined ? {} : { field: isMultiple ? fields : field }),
  };
}

/** What devices that were compiled together have in common. */
export interface Shared {
  readonly points: readonly PointResource[];
  readonly byIds: ReadonlyMap<string, PointResource>;
  /** by instance, without what is executed */
  readonly values: ReadonlyMap<CompiledInstance, readonly ResourceSetup[]>;
}

const known = new WeakMap<CompiledDevice['instances'], Shared>();

export function isExecutable(resource: CompiledResource): resource is ExecutableResource {
  return resource.kind === 'executable';
}

function valueSetups({ resources }: CompiledInstance, device: CompiledDevice): ResourceSetup[] {
  const byResource = new Map<number, CompiledResource[]>();
  for (const resource of resources) {
    if (isExecutable(resource)) continue;
    const [, , id = 0] = resource.ids;
    byResource.set(id, [...(byResource.get(id) ?? []), resource]);
  }
  return [...byResource].map(([id, ofResource]) => valueSetup(id, ofResource, device));
}

/** Worked out once for all of them: of thousands most are alike. */
export function sharedBy(device: CompiledDevice): Shared {
  const { instances } = device;
  const found = known.get(instances);
  if (found !== undefined) return found;
  const points = instances.flatMap(({ resources }) => resources.filter(isPoint));
  const shared: Shared = {
    points,
    byIds: new Map(points.map((resource) => [idsKey(resource.ids), resource])),
    values: new Map(instances.map((instance) => [instance, valueSetups(instance, device)])),
  };
  known.set(instances, shared);
  return shared;
}
