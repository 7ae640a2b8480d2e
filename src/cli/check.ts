import type { BusLoad } from '../adapter/index.ts';
import {
  assignIdentities,
  type CompiledInstance,
  type CompiledResource,
  type Identity,
  type Poll,
} from '../gateway/index.ts';
import type { OwnObject } from '../model/index.ts';
import type { Plan, PlannedDevice } from '../wire/index.ts';
import { loadPlan } from './load.ts';
import { EXIT, type Output, table } from './output.ts';

function intervalText(device: PlannedDevice, point: string): string {
  const poll = device.compiled.polls.find(({ points }) => points.includes(point));
  if (poll === undefined) return 'on demand';
  return Number.isFinite(poll.intervalMs) ? `every ${poll.intervalMs / 1000} s` : 'once';
}

type Places = ReadonlyMap<string, string>;

function sourceText(device: PlannedDevice, resource: CompiledResource, places: Places): string[] {
  const { definition } = resource;
  const unit = definition.unit;
  switch (resource.kind) {
    case 'point':
      return [
        resource.unit ?? unit,
        `<- ${resource.point}, ${intervalText(device, resource.point)}`,
        places.get(resource.point) ?? '',
      ];
    case 'constant':
      return [unit, `= ${JSON.stringify(resource.value)}`];
    case 'executable':
      return [unit, `-> ${resource.steps.length} steps`];
    case 'derived':
      return [unit, `<- ${resource.from} of the points of this instance`];
  }
}

function instanceRows(
  device: PlannedDevice,
  { definition, instance, resources }: CompiledInstance,
  places: Places,
): string[][] {
  return [
    [`    /${definition.id}/${instance}`, `${definition.name} ${definition.version}`],
    ...resources.map((resource) => [
      `      /${resource.ids.join('/')}`,
      resource.definition.name,
      resource.definition.operations,
      ...sourceText(device, resource, places),
    ]),
  ];
}

function deviceText(device: PlannedDevice, { deviceId, prefix }: Identity): string {
  const { id, profile, connection, location } = device.config;
  const place = location === undefined ? '' : ` (${location})`;
  const head = `  ${id}${place}: ${profile.id} on ${connection}, prefix /${prefix}, Device ID ${deviceId}`;
  const places = device.adapter.places?.(device.compiled.plan) ?? new Map();
  return `${head}\n${table(device.compiled.instances.flatMap((instance) => instanceRows(device, instance, places)))}`;
}

const EFFECTS: Readonly<Record<OwnObject['effect'], string>> = {
  'new object': 'new',
  'new version': 'a new version of an object of the OMA registry',
  replaces: 'in place of that of the OMA registry',
};

function ownObjectsText(objects: readonly OwnObject[]): string {
  return table(
    objects.map(({ definition, file, effect }) => [
      `  ${definition.id}`,
      definition.version,
      definition.name,
      file,
      EFFECTS[effect],
    ]),
  );
}

const isPeriodic = ({ intervalMs }: Poll): boolean => Number.isFinite(intervalMs);

/** How busy each connection will be with the polls of its devices. */
export function busLoads(plan: Plan): ReadonlyMap<string, BusLoad> {
  const loads = new Map<string, BusLoad>();
  for (const connection of plan.config.connections) {
    const devices = plan.devices.filter((device) => device.connection.id === connection.id);
    const [first] = devices;
    if (first === undefined) continue;
    const polls = devices.map(({ compiled }) => ({
      device: compiled.plan,
      polls: compiled.polls.filter(isPeriodic),
    }));
    loads.set(connection.id, first.adapter.load(connection, polls));
  }
  return loads;
}

function loadText(id: string, load: BusLoad): string {
  const rounded = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
  const head = `  ${id}: ${rounded(load.requestsPerSecond)} requests/s, ${rounded(load.utilisation * 100)} % busy`;
  return [head, ...load.lines.map((line) => `    ${line}`)].join('\n');
}

/** A medium that is busier than this has no room for reads on demand, writes and repeated requests. */
const BUSIEST = 0.9;

/** `check`: validates offline, and prints what servers will see and what the field will bear. */
export async function check(file: string, adapters: readonly string[], out: Output): Promise<number> {
  const { plan, faults, notes } = await loadPlan(file, adapters);
  if (plan === undefined) {
    for (const fault of faults) out.complain(fault);
    return EXIT.badConfig;
  }
  const { upstream } = plan.config;
  const loads = busLoads(plan);
  const busy = [...loads].filter(([, { utilisation }]) => utilisation > BUSIEST);
  const grave = notes.filter(({ isGrave }) => isGrave);
  const isFine = busy.length === 0 && grave.length === 0;
  if (isFine) out.print(`${file} is fine`);
  for (const { line, isGrave } of notes) if (!isGrave) out.print(`note: ${line}`);
  out.print(`\nservers of ${upstream.endpoint}`);
  for (const server of upstream.servers) {
    out.print(
      `  ${server.shortServerId}: ${server.uri}, representation ${server.representation}, LwM2M ${server.release} and older`,
    );
  }
  if (plan.ownObjects.length > 0)
    out.print(`\nobject definitions of your own\n${ownObjectsText(plan.ownObjects)}`);
  out.print('\ndevices');
  // As a box without a memory gives them; one that has given a prefix before keeps to it.
  const { identities } = assignIdentities(plan.nameable, []);
  for (const [index, identity] of identities.entries()) {
    const device = plan.devices[index];
    if (device !== undefined) out.print(deviceText(device, identity));
  }
  out.print('\nbus load');
  for (const [id, load] of loads) out.print(loadText(id, load));
  for (const [id, { utilisation, requestsPerSecond }] of busy) {
    const busyMs = Math.round(utilisation * 1000);
    out.complain(
      `connection ${id} would be ${Math.round(utilisation * 100)} % busy: its polls need ${busyMs} ms of every second for ${requestsPerSecond.toFixed(1)} requests (see bus load), and ${BUSIEST * 1000} ms is the most; poll less often, or fewer devices on it`,
    );
  }
  for (const { line } of grave) out.complain(line);
  return isFine ? EXIT.ok : EXIT.badConfig;
}
