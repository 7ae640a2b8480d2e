import { POINTS, UNITS } from './meter.ts';
import { writeFiles } from './site-files.ts';

export interface Site {
  readonly intervalMs: number;
  readonly fieldPort: number;
  /** entry of `servers`, in YAML */
  readonly server: string;
}

/** `m07` is what the paths of unit 7 begin with. */
export function prefixOf(unit: number): string {
  return `m${String(unit).padStart(2, '0')}`;
}

/** @returns the file of the configuration */
export function writeSite(folder: string, { intervalMs, fieldPort, server }: Site): Promise<string> {
  return writeFiles(folder, {
    servers: server,
    intervalMs,
    connection: ['field', `{ type: modbus-tcp, host: 127.0.0.1, port: ${fieldPort} }`],
    devices: `{ count: ${UNITS}, id: "meter-{n:02}", prefix: "m{n:02}", unit: "{n}" }`,
    profile: {
      protocol: 'modbus',
      model: 'Meter',
      more: '  modbus: { addressing: pdu0 }\n',
      points: POINTS.map(({ name, unit, kind }, index) => [
        name,
        `{ table: input, addr: ${2 * index}, type: float32, unit: ${unit}, kind: ${kind} }`,
      ]),
      resources: POINTS.map(({ name, resource }) => [resource, name]),
    },
  });
}
