import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { POINTS, UNITS } from './meter.ts';

export interface Site {
  readonly intervalMs: number;
  readonly fieldPort: number;
  readonly serverPort: number;
}

/** `m07` is what the paths of unit 7 begin with. */
export function prefixOf(unit: number): string {
  return `m${String(unit).padStart(2, '0')}`;
}

function profileText(): string {
  const points = POINTS.map(
    ({ name, unit, kind }, index) =>
      `    ${name}: { table: input, addr: ${2 * index}, type: float32, unit: ${unit}, kind: ${kind} }`,
  );
  const resources = POINTS.map(({ name, resource }) => `        ${resource}: ${name}`);
  return `profile:
  id: bench/meter
  protocol: modbus
  manufacturer: Bench
  model: Meter
  modbus: { addressing: pdu0 }
  points:
${points.join('\n')}
  objects:
    - object: 10242
      resources:
${resources.join('\n')}
`;
}

function gatewayText(folder: string, { intervalMs, fieldPort, serverPort }: Site): string {
  return `upstream:
  endpoint: "urn:dev:ops:bench-gateway"
  servers: [ { uri: "coap://127.0.0.1:${serverPort}" } ]
profilePaths: [profiles]
defaults: { poll: ${intervalMs}ms }
connections:
  field: { type: modbus-tcp, host: 127.0.0.1, port: ${fieldPort} }
devices:
  - generate: { count: ${UNITS}, id: "meter-{n:02}", prefix: "m{n:02}", unit: "{n}" }
    profile: bench/meter
    connection: field
state: { path: "${folder}/state" }
log: { level: error }
`;
}

/** Writes a configuration as a user would. @returns its file */
export async function writeSite(folder: string, site: Site): Promise<string> {
  const file = join(folder, 'gateway.yaml');
  await mkdir(join(folder, 'profiles'), { recursive: true });
  await writeFile(join(folder, 'profiles', 'meter.yaml'), profileText());
  await writeFile(file, gatewayText(folder, site));
  return file;
}
