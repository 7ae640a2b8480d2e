import { createHash } from 'node:crypto';
import { GatewayError } from '../base/index.ts';
import { isPrefix, MAX_ID } from '../model/index.ts';

/** What names a device towards servers: instance of Object 25, prefix, Device ID. Never changes, never recycled. */
export interface Identity {
  readonly deviceId: string;
  readonly instance: number;
  readonly prefix: string;
}

/** A device as the configuration names it; without a prefix one is derived. */
export interface Nameable {
  readonly deviceId: string;
  readonly prefix?: string;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
const DERIVED_LENGTH = 7;

/**
 * A prefix made from the Device ID alone, so that a box that lost its memory gives each meter the same one again:
 * `d` and seven letters or digits. `salt` counts up when it is taken.
 */
function derivedPrefix(deviceId: string, salt: number): string {
  const hash = createHash('sha256')
    .update(salt === 0 ? deviceId : `${deviceId}\n${salt}`)
    .digest();
  let prefix = 'd';
  for (let at = 0; at < DERIVED_LENGTH; at++) prefix += LETTERS.charAt((hash[at] ?? 0) & 31);
  return prefix;
}

function freePrefix(deviceId: string, taken: ReadonlySet<string>): string {
  for (let salt = 0; ; salt++) {
    const prefix = derivedPrefix(deviceId, salt);
    if (!taken.has(prefix) && isPrefix(prefix)) return prefix;
  }
}

/**
 * Gives each device its identity. Remembered ones keep theirs; nothing that was ever given to one device goes to
 * another (Gateway digest 3). A device whose configured prefix changed is a new one to every server.
 * @param remembered every identity ever given, in use or not
 * @returns identities in the order of `devices`, and all there are to remember
 * @throws GatewayError `gateway.prefix-taken` when two devices claim one prefix, `gateway.too-many-devices`
 */
export function assignIdentities(
  devices: readonly Nameable[],
  remembered: readonly Identity[],
): { readonly identities: readonly Identity[]; readonly remember: readonly Identity[] } {
  const known = new Map(remembered.map((identity) => [identity.deviceId, identity]));
  const taken = new Map(remembered.map((identity) => [identity.prefix.toLowerCase(), identity.deviceId]));
  const remember = [...remembered];
  let nextInstance = remembered.reduce((next, { instance }) => Math.max(next, instance + 1), 0);

  const create = (device: Nameable): Identity => {
    const prefix = device.prefix ?? freePrefix(device.deviceId, new Set(taken.keys()));
    const owner = taken.get(prefix.toLowerCase());
    if (owner !== undefined && owner !== device.deviceId) {
      throw new GatewayError(
        'gateway.prefix-taken',
        `prefix ${prefix} belongs to ${owner}, so ${device.deviceId} cannot have it`,
        {
          data: { prefix, owner, deviceId: device.deviceId },
        },
      );
    }
    if (nextInstance >= MAX_ID)
      throw new GatewayError('gateway.too-many-devices', `Object 25 has ${MAX_ID} instances at most`);
    return { deviceId: device.deviceId, instance: nextInstance++, prefix };
  };

  const identities = devices.map((device) => {
    const old = known.get(device.deviceId);
    if (old !== undefined && (device.prefix === undefined || device.prefix === old.prefix)) return old;
    const fresh = create(device);
    known.set(device.deviceId, fresh);
    taken.set(fresh.prefix.toLowerCase(), device.deviceId);
    remember.push(fresh);
    return fresh;
  });
  return { identities, remember };
}

const SCHEMA = 1;

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const { deviceId, instance, prefix } = value as Partial<Identity>;
  return (
    typeof deviceId === 'string' &&
    Number.isInteger(instance) &&
    typeof prefix === 'string' &&
    isPrefix(prefix)
  );
}

/**
 * Reads what {@link writeIdentities} made; undefined is a box that never had any.
 * @throws GatewayError `gateway.bad-identities`: guessing would give known prefixes to other meters
 */
export function readIdentities(document: unknown): readonly Identity[] {
  if (document === undefined) return [];
  const { schema, devices } = (document ?? {}) as { schema?: unknown; devices?: unknown };
  if (schema === SCHEMA && Array.isArray(devices) && devices.every(isIdentity)) return devices;
  throw new GatewayError(
    'gateway.bad-identities',
    'the remembered identities of the devices are in a form that this version does not know',
  );
}

export function writeIdentities(devices: readonly Identity[]): unknown {
  return { schema: SCHEMA, devices };
}
