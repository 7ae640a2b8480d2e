import type { FaultRules, Simulation } from '../adapter/index.ts';
import { formatFault, loadRules, type Settings } from '../config/index.ts';
import { rawFromText, textOfRaw } from '../gateway/index.ts';
import type { PlannedDevice } from '../wire/index.ts';
import { untilEnded } from './ending.ts';
import { type FieldOptions, fieldHost, planField } from './field.ts';
import { describeError, EXIT, keysText, type Output } from './output.ts';

export interface SimulateOptions extends Pick<FieldOptions, 'device' | 'profiles' | 'adapter'> {
  /** Keys of the connection that it is reached by; without, it is a socket at `host` and `port`. */
  readonly connection?: string;
  readonly host?: string;
  /** Any free one otherwise. */
  readonly port?: number;
  /** A fault script. */
  readonly faults?: string;
  /** `point=value`, in the unit of the point. */
  readonly set: readonly string[];
}

/** What a device is simulated for when nothing else is said. */
const SOCKET = 'type: modbus-tcp, host: 127.0.0.1';

/** What a meter may show of a quantity, so that a simulated one is not dead. By unit; else 0. */
const TYPICAL: Readonly<Record<string, string>> = {
  V: '230',
  A: '5',
  Hz: '50',
  W: '1150',
  kW: '1.15',
  VA: '1200',
  kVA: '1.2',
  Wh: '123456',
  kWh: '12345',
  Cel: '20',
  m3: '1234',
};

/** The nearest that `valid` allows to what is typical of the unit. */
function typical({
  unit = '',
  valid,
}: {
  readonly unit?: string;
  readonly valid?: readonly [number, number];
}): string {
  const text = TYPICAL[unit] ?? '0';
  const [low, high] = valid ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return `${Math.min(high, Math.max(low, Number(text)))}`;
}

/** Sets a point; the reason why it cannot be set. */
function setPoint(
  simulation: Simulation,
  { config: { id, profile } }: PlannedDevice,
  point: string,
  text: string,
): string | undefined {
  const source = profile.points[point];
  if (source === undefined)
    return `profile ${profile.id} has no ${point}; it has ${Object.keys(profile.points).join(', ')}`;
  const raw = rawFromText(source, text);
  if ('refusal' in raw) return `${point}: ${raw.refusal}`;
  try {
    simulation.set(id, point, raw.value);
  } catch (error) {
    return describeError(error);
  }
  return undefined;
}

/** Points that no typical value fits, as 1150 W where a register counts in 100 W, stay as they are. */
function setTypical(simulation: Simulation, device: PlannedDevice): void {
  for (const [point, source] of Object.entries(device.config.profile.points))
    if (source.enabled && source.kind !== 'text' && source.map === undefined)
      setPoint(simulation, device, point, typical(source));
}

/** Sets what was asked for; the first reason why it cannot be set. */
function setAll(simulation: Simulation, device: PlannedDevice, set: readonly string[]): string | undefined {
  for (const assignment of set) {
    const at = assignment.indexOf('=');
    if (at < 0) return `${assignment}: not of the form point=value`;
    const wrong = setPoint(simulation, device, assignment.slice(0, at), assignment.slice(at + 1));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The rules of a fault script, or what is wrong with it, on a line each. */
function readFaults(file: string, keys: FaultRules): readonly Settings[] | { readonly lines: string[] } {
  const { rules, faults, locate } = loadRules(file, 'faults', keys.schema, { env: process.env });
  if (rules === undefined) return { lines: faults.map(formatFault) };
  const lines = keys.check(rules).map(({ path, message }) => formatFault({ ...locate(path), message }));
  return lines.length === 0 ? rules : { lines };
}

const NO_FAULTS: FaultRules = { schema: { type: 'object', additionalProperties: false }, check: () => [] };

/**
 * `simulate`: a device made of a profile, on a real medium, until Ctrl-C.
 * @param until ends it, too
 */
export async function simulate(
  profile: string,
  { host, port, set, connection, faults: script, ...options }: SimulateOptions,
  out: Output,
  until?: AbortSignal,
): Promise<number> {
  const device = await planField({ ...options, profile, connection: connection ?? SOCKET });
  const { adapter, compiled, config } = device;
  const { type, settings } = device.connection;
  const faults = script === undefined ? [] : readFaults(script, adapter.faults ?? NO_FAULTS);
  if ('lines' in faults) {
    for (const line of faults.lines) out.complain(line);
    return EXIT.badConfig;
  }
  const simulation = await adapter.simulate?.([compiled.plan], fieldHost(), {
    type,
    faults,
    settings: connection === undefined ? { host, port } : settings,
  });
  if (simulation === undefined) {
    out.complain(`the field protocol ${adapter.name} cannot be simulated`);
    return EXIT.failed;
  }
  try {
    setTypical(simulation, device);
    const wrong = setAll(simulation, device, set);
    if (wrong !== undefined) {
      out.complain(wrong);
      return EXIT.failed;
    }
    simulation.onWrite(({ point, value }) => {
      const source = config.profile.points[point];
      out.print(`written: ${point} = ${(source && textOfRaw(source, value)) ?? String(value)}`);
    });
    const where = keysText(simulation.connection);
    out.print(`${profile} answers at ${where}, device ${keysText(config.settings)}; Ctrl-C ends it`);
    await untilEnded(until);
    return EXIT.ok;
  } finally {
    await simulation.close();
  }
}
