import { type CompiledDevice, compileDevice } from '../../src/gateway/compile.ts';
import type { DeviceSource, ObjectMapping, PointSource, ProfileSource } from '../../src/gateway/source.ts';
import { omaRegistry } from '../../src/model/index.ts';

/** A readable gauge, with changes. */
export function point(changes: Partial<PointSource> = {}): PointSource {
  return { address: {}, access: 'r', kind: 'gauge', enabled: true, ...changes };
}

export function profile(
  points: Readonly<Record<string, PointSource>>,
  objects: readonly ObjectMapping[] = [],
): ProfileSource {
  return {
    id: 'test/profile',
    protocol: 'modbus',
    protocolSettings: { addressing: 'pdu0' },
    points,
    objects,
  };
}

export function device(source: ProfileSource, changes: Partial<DeviceSource> = {}): DeviceSource {
  return {
    id: 'meter-1',
    profile: source,
    settings: { unit: 1 },
    pollMs: 60_000,
    staleAfter: { times: 3 },
    timeouts: { requestMs: 1000, retries: 2 },
    ...changes,
  };
}

export function compile(
  points: Readonly<Record<string, PointSource>>,
  objects: readonly ObjectMapping[] = [],
  changes: Partial<DeviceSource> = {},
): CompiledDevice {
  const source = profile(points, objects);
  return compileDevice(device(source, changes), source, omaRegistry());
}

/** `profile objects/0/resources/5700/unit: what is wrong` */
export function faultsOf({ faults }: CompiledDevice): string[] {
  return faults.map(({ origin, path, message }) => `${origin} ${path.join('.')}: ${message}`);
}
