import type { AdapterTools, ConnectionPlan } from '../adapter/index.ts';
import type { PlannedDevice } from '../wire/index.ts';
import { type FieldOptions, fieldHost, planField } from './field.ts';
import { EXIT, keysText, type Output } from './output.ts';

export interface ScanRange {
  readonly from?: number;
  readonly to?: number;
  /** ms */
  readonly timeout: number;
}

function toolsOf({ adapter }: PlannedDevice, out: Output): AdapterTools | undefined {
  if (adapter.tools === undefined) out.complain(`the field protocol ${adapter.name} has no such tools`);
  return adapter.tools;
}

const planOf = ({ connection: { type, settings } }: PlannedDevice): ConnectionPlan => ({ type, settings });

/** `scan`: who is on a connection. */
export async function scan(
  { timeout, ...range }: ScanRange,
  options: FieldOptions,
  out: Output,
): Promise<number> {
  const device = await planField(options);
  const tools = toolsOf(device, out);
  if (tools === undefined) return EXIT.failed;
  let found = 0;
  for await (const { settings, text } of tools.scan(
    planOf(device),
    { ...range, timeoutMs: timeout },
    fieldHost(),
  )) {
    found++;
    out.print(`${keysText(settings)}  ${text}`);
  }
  if (found === 0) out.complain('nobody answered');
  return found > 0 ? EXIT.ok : EXIT.failed;
}

/** `probe`: how one device can be talked to, and what its points look like in each order of bytes. */
export async function probe(points: readonly string[], options: FieldOptions, out: Output): Promise<number> {
  const own = Object.fromEntries(points.map((keys, at) => [`p${at + 1}`, keys]));
  const device = await planField(options, own);
  const tools = toolsOf(device, out);
  if (tools === undefined) return EXIT.failed;
  for await (const line of tools.probe(planOf(device), device.compiled.plan, fieldHost())) out.print(line);
  return EXIT.ok;
}
