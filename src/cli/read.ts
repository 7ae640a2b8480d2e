import type { AttachedDevice } from '../adapter/index.ts';
import { rawFromText, textOfRaw } from '../gateway/index.ts';
import type { PlannedDevice } from '../wire/index.ts';
import { type FieldOptions, fieldHost, planField } from './field.ts';
import { EXIT, type Output } from './output.ts';

/** A point that is given by its keys, not by its name: `{ table: input, addr: 0, type: float32 }`. */
const isKeys = (text: string): boolean => text.includes(':');

/** By the names that points given by their keys get: `1`, `2` and so on behind a `p`. */
function ownPoints(given: readonly string[], prefix = ''): Record<string, string> {
  return Object.fromEntries(given.filter(isKeys).map((keys, at) => [`p${at + 1}`, `${prefix}${keys}`]));
}

const DEADLINE_MS = 10_000;

/** Opens the connection, shows every byte on it, and closes it in the end. */
async function attended<T>(
  { adapter, connection, compiled }: PlannedDevice,
  out: Output,
  work: (device: AttachedDevice) => Promise<T>,
): Promise<T> {
  const trace = (direction: 'sent' | 'received', bytes: Uint8Array): void =>
    out.print(
      `${direction === 'sent' ? '->' : '<-'} ${Buffer.from(bytes).toString('hex').replace(/../g, '$& ').trimEnd()}`,
    );
  const open = adapter.open(connection, fieldHost(trace));
  open.start();
  try {
    return await work(open.attach(compiled.plan));
  } finally {
    await open.close();
  }
}

function unknownPoints(names: readonly string[], { config }: PlannedDevice): string | undefined {
  const known = Object.keys(config.profile.points);
  const unknown = names.filter((name) => !known.includes(name));
  return unknown.length === 0
    ? undefined
    : `profile ${config.profile.id} has no ${unknown.join(', ')}; it has ${known.join(', ')}`;
}

/**
 * `read`: points of a device, with the bytes on the wire.
 * @param given names of points, or the keys of some; none: all that can be read
 */
export async function read(given: readonly string[], options: FieldOptions, out: Output): Promise<number> {
  const own = ownPoints(given);
  const device = await planField(options, own);
  const { points } = device.config.profile;
  const names =
    given.length > 0 ? [...given.filter((text) => !isKeys(text)), ...Object.keys(own)] : Object.keys(points);
  const wrong = unknownPoints(names, device);
  if (wrong !== undefined) {
    out.complain(wrong);
    return EXIT.failed;
  }
  const wanted = names.filter((name) => device.compiled.plan.points.get(name)?.access !== 'w');
  const samples = await attended(device, out, (attached) =>
    attached.read(wanted, { priority: 'demand', deadlineMs: DEADLINE_MS }),
  );
  for (const sample of samples) {
    const source = points[sample.point];
    if ('cause' in sample || source === undefined) {
      out.print(`${sample.point}: ${'cause' in sample ? sample.cause : ''}`);
      continue;
    }
    const text = textOfRaw(source, sample.value) ?? 'without meaning';
    out.print(`${sample.point} = ${text} (raw ${String(sample.value)})`);
  }
  return samples.some((sample) => 'value' in sample) ? EXIT.ok : EXIT.failed;
}

/** `write`: one value to one point, past the guards of its profile, with the bytes on the wire. */
export async function write(
  given: string,
  text: string,
  options: FieldOptions,
  out: Output,
): Promise<number> {
  const own = ownPoints([given], /\baccess:/.test(given) ? '' : 'access: rw, ');
  const device = await planField(options, own);
  const [point = given] = Object.keys(own);
  const wrong = unknownPoints([point], device);
  const source = device.config.profile.points[point];
  const raw = source === undefined ? undefined : rawFromText(source, text);
  const refusal =
    wrong ??
    (source?.access === 'r' ? `the profile lets nobody write ${point}` : undefined) ??
    (raw !== undefined && 'refusal' in raw ? raw.refusal : undefined);
  if (refusal !== undefined || raw === undefined || 'refusal' in raw) {
    out.complain(refusal ?? `no point ${point}`);
    return EXIT.failed;
  }
  const [result] = await attended(device, out, (attached) =>
    attached.write([{ point, value: raw.value }], { deadlineMs: DEADLINE_MS }),
  );
  const isDone = result?.status === 'done';
  out.print(isDone ? `${point} = ${text}` : `${point}: ${result?.cause}, ${result?.message}`);
  return isDone ? EXIT.ok : EXIT.failed;
}
