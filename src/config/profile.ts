import { check } from './check.ts';
import type {
  ExecuteStep,
  ObjectMapping,
  PointConfig,
  ProfileConfig,
  ResourceMapping,
  WriteConfig,
} from './config.ts';
import { didYouMean, type Faults, listed } from './fault.ts';
import { DECIMAL, durationMs } from './kinds.ts';
import { childOf, entriesOf, isBroken, itemsOf, type Node, show, textAt } from './node.ts';
import type { CheckedPoint, CheckedProfile, Protocol, Vocabulary } from './protocol.ts';

/**
 * Reads the map under `profile:`.
 * @returns undefined when it is not sound, or when nobody speaks its protocol, which is a fault only of a device
 */
export function readProfile(
  node: Node,
  { protocols }: Vocabulary,
  faults: Faults,
): ProfileConfig | undefined {
  checkReferences(node, faults);
  checkDecimals(node, faults);
  const named = textAt(node, 'protocol');
  const protocol = protocols.get(named ?? '');
  if (protocol === undefined) {
    if (named === undefined) refuseProtocol(node, protocols, faults);
    return undefined;
  }
  const checked = check(protocol.profile, node, faults);
  return checked && toProfile(checked, node, protocol);
}

/** Says that nobody speaks the protocol of a profile. */
export function refuseProtocol(node: Node, protocols: Vocabulary['protocols'], faults: Faults): void {
  const named = textAt(node, 'protocol');
  const known = [...protocols.keys()].sort();
  const written = childOf(node, 'protocol');
  if (isBroken(written)) return;
  const problem = written === undefined ? "'protocol' is missing" : `unknown protocol ${show(written)}`;
  faults.add(
    (written ?? node).place,
    `${problem}${didYouMean(named ?? '', known)}; protocols are ${listed(known)}`,
  );
}

function toProfile(checked: CheckedProfile, node: Node, protocol: Protocol): ProfileConfig {
  const { id, manufacturer, model } = checked;
  const points = Object.entries(checked.points).map(([name, point]) => {
    const pointNode = childOf(childOf(node, 'points'), name) ?? node;
    return [name, toPoint(point, pointNode, protocol)] as const;
  });
  return {
    id,
    protocol: protocol.name,
    ...(manufacturer !== undefined && { manufacturer }),
    ...(model !== undefined && { model }),
    protocolSettings: sectionOf(checked, protocol),
    points: Object.fromEntries(points),
    objects: checked.objects.map((object, index) =>
      toMapping(object, childOf(childOf(node, 'objects'), index) ?? node),
    ),
  };
}

function sectionOf(checked: CheckedProfile, protocol: Protocol): ProfileConfig['protocolSettings'] {
  const section: unknown = Reflect.get(checked, protocol.name);
  return protocol.settingsOf('profile', typeof section === 'object' && section !== null ? section : {});
}

// ---- points

/** Keys whose value is a decimal number exactly as written. */
const DECIMALS = ['scale', 'offset', 'rollover'] as const;

function decimalsOf(node: Node): { readonly [key in (typeof DECIMALS)[number]]?: string } {
  const found = DECIMALS.flatMap((key) => {
    const inner = childOf(node, key);
    return inner?.kind === 'scalar' ? [[key, inner.text]] : [];
  });
  return Object.fromEntries(found);
}

function checkDecimals(profile: Node, faults: Faults): void {
  for (const { node } of entriesOf(childOf(profile, 'points')).values()) {
    for (const key of DECIMALS) {
      const inner = childOf(node, key);
      if (inner?.kind === 'scalar' && !inner.isBroken && !DECIMAL.test(inner.text))
        faults.add(
          inner.place,
          `${show(inner)} is not allowed; allowed: a decimal number, for example 0.1 or 1e-3`,
        );
    }
  }
}

function toPoint(checked: CheckedPoint, node: Node, protocol: Protocol): PointConfig {
  const { access, kind, map, poll, group, enabled, onDecrease, write } = checked;
  const { unit, mask, shift, invert, valid, maxRate, staleAfter } = checked;
  const decrease = onDecrease ?? (kind === 'counter' ? 'hold' : undefined);
  return {
    address: protocol.settingsOf('point', checked),
    access,
    kind,
    enabled,
    ...decimalsOf(node),
    ...(write !== undefined && { write: toWrite(write, protocol) }),
    ...(unit !== undefined && { unit }),
    ...(map !== undefined && { map }),
    ...(mask !== undefined && { mask }),
    ...(shift !== undefined && { shift }),
    ...(invert !== undefined && { invert }),
    ...(valid !== undefined && { valid }),
    ...(maxRate !== undefined && { maxRate }),
    ...(decrease !== undefined && { onDecrease: decrease }),
    ...(poll !== undefined && { poll }),
    ...(staleAfter !== undefined && { staleAfter }),
    ...(group !== undefined && { group }),
  };
}

function toWrite(checked: NonNullable<CheckedPoint['write']>, protocol: Protocol): WriteConfig {
  const { min, max, step, allowed, rateLimit } = checked;
  return {
    settings: protocol.settingsOf('write', checked),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(step !== undefined && { step }),
    ...(allowed !== undefined && { allowed }),
    ...(rateLimit !== undefined && { rateLimitMs: rateLimit }),
  };
}

// ---- objects

type CheckedObject = CheckedProfile['objects'][number];

function toMapping(checked: CheckedObject, node: Node): ObjectMapping {
  const { object, version, instance } = checked;
  const resources = [...entriesOf(childOf(node, 'resources'))].map(
    ([id, { node: source }]) => [id, toResource(checked.resources[id], source)] as const,
  );
  return {
    object,
    ...(version !== undefined && { version }),
    instance,
    resources: Object.fromEntries(resources),
  };
}

/** A bare word names a point; a text in quotes, a number, true and false are constants. */
function toResource(checked: CheckedObject['resources'][string] | undefined, source: Node): ResourceMapping {
  if (typeof checked !== 'object')
    return isPointName(source) ? { from: String(checked) } : { value: checked ?? '' };
  const { from, unit, format, value, execute, hold } = checked;
  if (execute !== undefined) return { execute: execute.map(toStep), ...(hold !== undefined && { hold }) };
  if (from === undefined) return { value: value ?? '' };
  return { from, ...(unit !== undefined && { unit }), ...(format !== undefined && { format }) };
}

function toStep({
  write = {},
  wait,
}: {
  write?: Record<string, string | number | boolean>;
  wait?: string;
}): ExecuteStep {
  return wait === undefined ? { write } : { waitMs: durationMs(wait) };
}

function isPointName(source: Node): boolean {
  return source.kind === 'scalar' && source.bare && typeof source.value === 'string';
}

/** What can be said of the mappings although other parts of the profile may be wrong. */
function checkReferences(node: Node, faults: Faults): void {
  const points = childOf(node, 'points');
  const names = [...entriesOf(points).keys()];
  const seen = new Set<string>();
  for (const mapping of itemsOf(childOf(node, 'objects'))) {
    checkInstance(mapping, seen, faults);
    if (points?.kind !== 'map') continue;
    for (const { node: source } of entriesOf(childOf(mapping, 'resources')).values())
      checkSource(source, names, faults);
  }
}

function checkInstance(mapping: Node, seen: Set<string>, faults: Faults): void {
  const object = childOf(mapping, 'object');
  const instance = childOf(mapping, 'instance');
  if (object?.kind !== 'scalar' || typeof object.value !== 'number') return;
  const id = instance?.kind === 'scalar' ? instance.text : '0';
  const key = `${object.value}/${Number(id)}`;
  if (seen.has(key))
    faults.add(
      (instance ?? object).place,
      `this instance of object ${object.shown} is mapped twice; each needs its own 'instance'`,
    );
  seen.add(key);
}

const BESIDE = [
  ['unit', 'from'],
  ['format', 'from'],
  ['hold', 'execute'],
] as const;

function checkSource(source: Node, points: readonly string[], faults: Faults): void {
  const from = childOf(source, 'from');
  const sources = ['from', 'value', 'execute'].filter((key) => childOf(source, key) !== undefined);
  if (source.kind === 'map' && sources.length !== 1)
    faults.add(
      source.place,
      "one of 'from' (a point), 'value' (a constant) and 'execute' (steps) is needed, not more",
    );
  for (const step of itemsOf(childOf(source, 'execute'))) checkStep(step, points, faults);
  for (const [key, beside] of BESIDE) {
    const inner = childOf(source, key);
    if (inner !== undefined && childOf(source, beside) === undefined)
      faults.add(inner.place, `'${key}' can only stand beside '${beside}'`);
  }
  const named = source.kind === 'scalar' && isPointName(source) ? source : from;
  checkPointName(named, points, named === from ? '' : '; quote it for a constant text', faults);
}

/** A step writes points that there are, or waits. */
function checkStep(step: Node, points: readonly string[], faults: Faults): void {
  const write = childOf(step, 'write');
  if (step.kind === 'map' && (write === undefined) === (childOf(step, 'wait') === undefined))
    faults.add(step.place, "one of 'write' (points and values) and 'wait' (a time) is needed, not both");
  for (const [name, { key }] of entriesOf(write)) {
    if (points.includes(name)) continue;
    faults.add(key, `no point '${name}'${didYouMean(name, points)}; points are ${listed(points)}`);
  }
}

function checkPointName(
  named: Node | undefined,
  points: readonly string[],
  hint: string,
  faults: Faults,
): void {
  if (named?.kind !== 'scalar' || typeof named.value !== 'string') return;
  if (named.isBroken || points.includes(named.value)) return;
  const near = didYouMean(named.shown, points);
  faults.add(named.place, `no point ${show(named)}${near}; points are ${listed(points)}${hint}`);
}
