import { z } from 'zod';
import { check } from './check.ts';
import type { DeviceConfig, ProfileConfig } from './config.ts';
import { type defaults, device, MOST_DEVICES } from './device-schema.ts';
import { didYouMean, type Faults, listed } from './fault.ts';
import { generated } from './generate.ts';
import { childOf, entriesOf, type MapNode, type Node, overlay, show, textAt } from './node.ts';
import { readProfile, refuseProtocol } from './profile.ts';
import type { CheckedDevice, Protocol, Vocabulary } from './protocol.ts';
import { checkAddresses, checkNames } from './unique.ts';

/** A profile as far as it is known: the node when its file could be read, the rest when it is sound. */
export interface ProfileSource {
  readonly node: Node;
  readonly protocol: string | undefined;
  readonly profile: ProfileConfig | undefined;
}

/** What a device refers to. */
export interface Surroundings {
  readonly vocabulary: Vocabulary;
  readonly defaults: z.output<typeof defaults>;
  readonly profiles: ReadonlyMap<string, ProfileSource>;
  /** What to add when a profile is missing. */
  readonly profileHint: string;
  /** connection types by name */
  readonly connections: ReadonlyMap<string, string | undefined>;
  /** False when a file could not be read, so that a missing name proves nothing. */
  readonly isComplete: boolean;
}

/** A device with the nodes that it was made from. */
export interface DeviceSource {
  readonly device: DeviceConfig;
  readonly node: Node;
  /** the profile with the overrides of this device */
  readonly profile: Node;
  /** what tells it apart from others on its connection; undefined when its protocol requires no such key */
  readonly address: string | undefined;
}

/** Reads the items of `devices:`; what was generated is spelled out. */
export function readDevices(nodes: readonly Node[], around: Surroundings, faults: Faults): DeviceSource[] {
  const spelledOut: Node[] = [];
  for (const node of nodes) {
    const more = childOf(node, 'generate') === undefined ? [node] : generated(node, faults);
    if (spelledOut.length + more.length > MOST_DEVICES) {
      faults.add(node.place, `more than ${MOST_DEVICES} devices`);
      break;
    }
    spelledOut.push(...more);
  }
  const overridden: Overridden = new Map();
  const devices = spelledOut.flatMap((node) => readDevice(node, around, overridden, faults) ?? []);
  checkNames(spelledOut, faults);
  checkAddresses(devices, faults);
  return devices;
}

function readDevice(
  node: Node,
  around: Surroundings,
  overridden: Overridden,
  faults: Faults,
): DeviceSource | undefined {
  const { vocabulary } = around;
  const { isComplete } = around;
  const source = referenced(node, 'profile', around.profiles, isComplete, around.profileHint, faults);
  const type = referenced(node, 'connection', around.connections, isComplete, '', faults);
  if (source !== undefined) checkProtocols(node, source, type, vocabulary, faults);
  const protocol = vocabulary.protocols.get(source?.protocol ?? '') ?? vocabulary.types.get(type ?? '');
  // Without a protocol nobody knows which other keys the device has.
  const checked = check(protocol?.device ?? anyDevice, node, faults);
  if (protocol === undefined || source === undefined) return undefined;
  const { node: profileNode, profile } = effectiveProfile(
    node,
    source,
    protocol,
    vocabulary,
    overridden,
    faults,
  );
  if (checked === undefined || profile === undefined) return undefined;
  const device = toDevice(checked, profile, protocol, around.defaults);
  return { device, node, profile: profileNode, address: addressOf(device, protocol) };
}

/** Two profiles may share one address: that shows two sides of one device. */
function addressOf({ connection, profile, settings }: DeviceConfig, protocol: Protocol): string | undefined {
  const values = protocol.addressKeys.map((key) => settings[key]);
  return values.length === 0 ? undefined : JSON.stringify([connection, profile.id, values]);
}

const anyDevice = device.loose();

/** What the name at `key` stands for. */
function referenced<T>(
  node: Node,
  key: 'profile' | 'connection',
  known: ReadonlyMap<string, T>,
  isComplete: boolean,
  hint: string,
  faults: Faults,
): T | undefined {
  const name = textAt(node, key);
  if (name === undefined || known.has(name) || !isComplete) return known.get(name ?? '');
  const names = [...known.keys()].sort();
  const written = childOf(node, key) ?? node;
  const near = didYouMean(name, names);
  faults.add(written.place, `unknown ${key} ${show(written)}${near}; ${key}s are ${listed(names)}${hint}`);
  return undefined;
}

function checkProtocols(
  node: Node,
  { node: profile, protocol }: ProfileSource,
  type: string | undefined,
  { protocols, types }: Vocabulary,
  faults: Faults,
): void {
  if (protocol === undefined) return;
  const spoken = types.get(type ?? '')?.name;
  if (!protocols.has(protocol)) refuseProtocol(profile, protocols, faults);
  else if (spoken !== undefined && spoken !== protocol)
    faults.add(
      childOf(node, 'connection')?.place ?? node.place,
      `the profile speaks ${protocol}, but a connection of type ${type} speaks ${spoken}`,
    );
}

type Effective = Pick<ProfileSource, 'node' | 'profile'>;

/** Profiles with overrides by the nodes that they are made of: generated devices share theirs. */
type Overridden = Map<Node, Map<ProfileSource, Effective>>;

/** The profile with the overrides of a device. */
function effectiveProfile(
  device: Node,
  source: ProfileSource,
  protocol: Protocol,
  vocabulary: Vocabulary,
  overridden: Overridden,
  faults: Faults,
): Effective {
  const overrides = childOf(device, 'overrides');
  if (overrides === undefined) return source;
  const bySource = overridden.get(overrides) ?? new Map<ProfileSource, Effective>();
  overridden.set(overrides, bySource);
  let effective = bySource.get(source);
  if (effective === undefined) {
    const node = overlay(source.node, checkedOverrides(overrides, protocol.name, source.node, faults));
    effective = { node, profile: readProfile(node, vocabulary, faults) };
    bySource.set(source, effective);
  }
  return effective;
}

/** The overrides that make sense for the profile; the values in them are checked as part of it. */
function checkedOverrides(written: Node, protocol: string, profile: Node, faults: Faults): Node {
  check(overridesOf(protocol), written, faults);
  const names = [...entriesOf(childOf(profile, 'points')).keys()];
  for (const [name, { key }] of entriesOf(childOf(written, 'points'))) {
    if (names.includes(name)) continue;
    const near = didYouMean(name, names);
    faults.add(key, `the profile has no point '${name}'${near}; points are ${listed(names)}`);
  }
  const points = childOf(written, 'points');
  const known = names.map((name) => [name, childOf(points, name)] as const);
  return keeping(written, {
    [protocol]: childOf(written, protocol),
    points: points?.kind === 'map' ? keeping(points, Object.fromEntries(known)) : undefined,
  });
}

/** A map with only these of its entries; an empty one when there is no map. */
function keeping(node: Node, nodes: Readonly<Record<string, Node | undefined>>): MapNode {
  const entries = [...entriesOf(node)].flatMap(([key, entry]) => {
    const kept = Object.hasOwn(nodes, key) ? nodes[key] : undefined;
    return kept === undefined ? [] : [[key, { ...entry, node: kept }] as const];
  });
  return { kind: 'map', place: node.place, entries: new Map(entries) };
}

/** The keys of a profile that a device can override. */
function overridesOf(protocol: string): z.ZodType {
  const points = z
    .record(z.string(), z.unknown())
    .meta({ title: 'a map from points to what differs', examples: ['{ v1: { enabled: false } }'] });
  return z.strictObject({ points: z.exactOptional(points), [protocol]: z.exactOptional(z.unknown()) });
}

function toDevice(
  checked: CheckedDevice,
  profile: ProfileConfig,
  protocol: Protocol,
  defaults: Surroundings['defaults'],
): DeviceConfig {
  const { id, deviceId, prefix, connection, location } = checked;
  const { timeouts = {}, quarantine = {} } = checked;
  return {
    id,
    ...(deviceId !== undefined && { deviceId }),
    ...(prefix !== undefined && { prefix }),
    profile,
    connection,
    settings: protocol.settingsOf('device', checked),
    ...(location !== undefined && { location }),
    pollMs: checked.poll ?? defaults.poll,
    staleAfter: checked.staleAfter ?? defaults.staleAfter,
    timeouts: {
      requestMs: timeouts.request ?? defaults.timeouts.request,
      retries: timeouts.retries ?? defaults.timeouts.retries,
    },
    quarantine: {
      after: quarantine.after ?? defaults.quarantine.after,
      backoffMs: quarantine.backoff ?? defaults.quarantine.backoff,
    },
  };
}
